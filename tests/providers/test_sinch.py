"""Sinch: one address for two APIs; no price anywhere; a message is a recipient, or a channel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.providers.samples import HASHER, NOW, SETTING, change, only, parsed, receipt, sample, tree
from tests.providers.tokens import SINCH_SECRETS, basic, sinch_headers
from tollgate.domain.facts import Recipient
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.provider import Request
from tollgate.providers.sinch import SINCH

DELIVERED = sample("sinch", "conversation_delivered.json")
TEXT = sample("sinch", "sms_recipient_report.json")
APP = "01EB37HMH1M6SV18BSNS3G135H"
PASSWORD = SINCH_SECRETS["password"]


def request(body: bytes, headers: Any, received_at: datetime = NOW) -> Request:
    return Request(method="POST", path="/webhooks/sinch", headers=headers, body=body, received_at=received_at)


def conversation(name: str = "conversation_delivered.json", *, report: Any = None, **changes: Any) -> Any:
    body = tree("sinch", name)
    change(body["message_delivery_report"], report or {})
    change(body, changes)
    return body


def text(name: str = "sms_recipient_report.json", **changes: Any) -> Any:
    body = tree("sinch", name)
    change(body, changes)
    return body


def test_the_vendors_own_vector_is_accepted() -> None:
    """The signature that Sinch's documentation gives for its example, on the day that it was made."""
    body = sample("sinch", "conversation_queued_without_channel.json")
    headers = {
        "x-sinch-webhook-signature": "Yc+3R1pIS78xLASybulhs8BsSo9BPB3Pr92QCUoczfk=",
        "x-sinch-webhook-signature-nonce": "01FJA8B4A7BM43YGWSG9GBV067",
        "x-sinch-webhook-signature-timestamp": "1634579353",
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }
    then = datetime.fromtimestamp(1634579353, UTC)
    SINCH.verify(request(body, headers, then), {"webhook_secret": "foo_secret1234"})
    with pytest.raises(Forged):
        SINCH.verify(request(body, headers), {"webhook_secret": "foo_secret1234"})


@pytest.mark.parametrize("sent", ["", "now", "1795262400.5", "-1", "9" * 40, "٣" * 10])
def test_a_signed_time_that_cannot_be_read_is_forged(sent: str) -> None:
    """Also when it is signed."""
    with pytest.raises(Forged):
        SINCH.verify(request(DELIVERED, sinch_headers(DELIVERED, at=sent)), SINCH_SECRETS)


def test_an_app_chooses_its_secret_and_is_spoken_for_by_it_alone() -> None:
    """An app with a secret of its own is the account of all that this secret proves, whatever the metadata names."""
    secrets = {**SINCH_SECRETS, f"webhook_secret:{APP}": "the app's own secret"}
    own = request(DELIVERED, sinch_headers(DELIVERED, at=NOW, secret="the app's own secret"))
    SINCH.verify(own, secrets)
    assert SINCH.origin(own, secrets) == {"account": APP}
    arrived = replace(receipt("sinch", DELIVERED), headers=dict(SINCH.origin(own, secrets)))
    assert only(SINCH.parse(arrived, SETTING)).account == APP
    shared = request(DELIVERED, sinch_headers(DELIVERED, at=NOW))
    with pytest.raises(Forged):
        SINCH.verify(shared, secrets)
    SINCH.verify(shared, SINCH_SECRETS)
    assert SINCH.origin(shared, SINCH_SECRETS) == {"account": ""}


def test_texts_come_with_credentials_or_on_request_with_a_signature() -> None:
    """A service plan with a password of its own is the account of all that comes with it."""
    secrets = {**SINCH_SECRETS, "password:plan-7": "the plan's own password"}
    for headers, account in (
        ({"Authorization": basic("sinch", PASSWORD)}, ""),
        ({"Authorization": basic("plan-7", "the plan's own password")}, "plan-7"),
        (sinch_headers(TEXT, at=NOW), ""),
    ):
        SINCH.verify(request(TEXT, headers), secrets)
        assert SINCH.origin(request(TEXT, headers), secrets) == {"account": account}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": basic("sinch", "another")},
        {"Authorization": basic("plan-7", PASSWORD)},
        {"Authorization": basic("sinch", PASSWORD), "x-sinch-webhook-signature": ""},
        {"Authorization": basic("sinch", PASSWORD), "x-sinch-webhook-signature": "x"},
        {**sinch_headers(TEXT, at=NOW), "x-sinch-webhook-signature-nonce": "another"},
        {**sinch_headers(TEXT, at=NOW), "x-sinch-webhook-signature-timestamp": "1795262401"},
    ],
)
def test_other_proofs_are_forged(headers: Any) -> None:
    """A signature that does not hold is not made good by credentials; nonce and time are part of what is signed."""
    with pytest.raises(Forged):
        SINCH.verify(request(TEXT, headers), {**SINCH_SECRETS, "password:plan-7": "the plan's own password"})


def test_a_genuine_request_that_is_no_json_is_malformed() -> None:
    """What Sinch proved and nobody can read is its fault, not a forgery."""
    with pytest.raises(Malformed):
        SINCH.verify(request(b"[", {"Authorization": basic("sinch", PASSWORD)}), SINCH_SECRETS)


def test_a_text_is_a_batch_and_a_recipient() -> None:
    """Its parts are told, its price never: a rate card of our own has to say it."""
    fact = only(parsed("sinch", TEXT))
    whom = Recipient("2547", "KE", HASHER("254712345678"))
    assert (fact.account, fact.meter, fact.status) == ("tnt_01JD3Y7R4Q", "sms", "Delivered")
    assert (fact.message, fact.participant, fact.recipient) == ("01FC66621XXXXX119Z8PMV1QPQ", whom.hash, whom)
    assert fact.at == datetime(2026, 11, 21, 10, 0, 4, 187_000, UTC)
    assert fact.report is not None
    assert (fact.report.segments, fact.report.total, fact.report.currency) == (2, None, "")


def test_a_full_report_is_a_message_for_each_recipient() -> None:
    """The same ones as those of the single reports, dated by their arrival since the report has no time."""
    found = parsed("sinch", sample("sinch", "sms_full_report.json"))
    assert [fact.status for fact in found.facts] == ["Delivered", "Delivered", "Aborted"]
    assert len({fact.key for fact in found.facts}) == 3
    assert found.facts[0].key == only(parsed("sinch", TEXT)).key
    assert {fact.at for fact in found.facts} == {NOW}
    assert {fact.report for fact in found.facts} == {None}


def test_parts_of_a_full_report_are_those_of_each_message() -> None:
    """And a repeat of the report, later, says the same of them."""
    body = tree("sinch", "sms_full_report.json") | {"number_of_message_parts": 3}
    found = parsed("sinch", body)
    assert [fact.report.segments for fact in found.facts if fact.report] == [3, 3, 3]
    assert len({fact.report for fact in found.facts}) == 1


def test_a_summary_is_unreadable_and_loses_none_of_its_neighbours() -> None:
    """It names no recipients, so nothing can be counted; that it was asked for must not go unseen."""
    found = parsed("sinch", sample("sinch", "sms_summary_report.raw"))
    assert [p.path for p in found.unreadable] == ["statuses.0.recipients", "statuses.1.recipients"]
    body = tree("sinch", "sms_full_report.json")
    body["statuses"][1] = {"code": 402, "status": "Aborted", "count": 0}
    body["statuses"][0]["recipients"].append(7)
    body["statuses"].append("x")
    found = parsed("sinch", body)
    assert len(found.facts) == 2
    assert [p.path for p in found.unreadable] == ["statuses.0.recipients.2.recipient", "statuses.2"]


# client_reference → account
REFERENCES: list[tuple[Any, str]] = [
    ("acme/msg_1", "acme"),
    ("acme/a/b", "acme"),
    ("acme", "acme"),
    ("", ""),
    (None, ""),
    (..., ""),
]


@pytest.mark.parametrize(("reference", "account"), REFERENCES)
def test_the_tenant_stands_before_the_slash_of_the_reference(reference: Any, account: str) -> None:
    """A text without a reference is nobody's, which quarantine shows."""
    assert only(parsed("sinch", text(client_reference=reference))).account == account


@pytest.mark.parametrize(
    ("kind", "meter"),
    [("recipient_delivery_report_sms", "sms"), ("recipient_delivery_report_mms", "mms"), ("mo_text", None), (7, None)],
)
def test_the_type_names_the_meter(kind: Any, meter: str | None) -> None:
    """Anything else is passed over, such as an inbound text."""
    found = parsed("sinch", text(type=kind))
    if meter is None:
        assert (found.facts, found.ignored) == ((), ("other-callback",))
    else:
        assert only(found).meter == meter


def test_a_text_without_a_time_is_dated_by_its_arrival() -> None:
    """As a full report's."""
    assert only(parsed("sinch", text(at=...))).at == NOW


def test_a_delivery_is_a_message_and_its_channel() -> None:
    """For the tenant in the metadata; nothing is said of parts or price."""
    fact = only(parsed("sinch", DELIVERED))
    assert (fact.account, fact.meter, fact.status) == ("tnt_01JD3Y7R4Q", "whatsapp", "DELIVERED")
    assert (fact.message, fact.participant) == ("01EQBC1A3BEK731GY4YXEN0C2R", "whatsapp")
    assert fact.at == datetime(2026, 11, 21, 10, 0, 3, 267_185, UTC)
    assert fact.recipient == Recipient("2547", "KE", HASHER("254712345678"))
    assert fact.report is None


def test_a_fallback_to_another_channel_is_another_message() -> None:
    """The channel that did not deliver and the one that did count each by itself."""
    switched = only(parsed("sinch", sample("sinch", "conversation_switching_channel.json")))
    delivered = only(parsed("sinch", sample("sinch", "conversation_delivered_by_fallback.json")))
    assert switched.message == delivered.message
    assert switched.key != delivered.key
    assert (switched.meter, delivered.meter) == ("whatsapp", "sms")


# channel_identity, status → meter; "" for ignored, None for unreadable
CHANNELS: list[tuple[Any, str, str | None]] = [
    ({"channel": "SMS"}, "DELIVERED", "sms"),
    ({"channel": "RCS"}, "READ", "rcs"),
    ({"channel": "VIBERBM"}, "DELIVERED", "viber"),
    ({"channel": "OF_NEXT_YEAR"}, "DELIVERED", "of_next_year"),
    ({"channel": "A#B"}, "DELIVERED", None),
    ({"channel": 7}, "DELIVERED", None),
    (..., "QUEUED_ON_CHANNEL", ""),
    (None, "FAILED", ""),
    (..., "SWITCHING_CHANNEL", ""),
    (..., "DELIVERED", None),
    (..., "READ", None),
    (..., "OF_NEXT_YEAR", None),
]


@pytest.mark.parametrize(("identity", "status", "meter"), CHANNELS)
def test_the_channel_names_the_meter(identity: Any, status: str, meter: str | None) -> None:
    """Without a channel a delivery is unreadable, and what was not delivered is passed over."""
    found = parsed("sinch", conversation(report={"channel_identity": identity, "status": status}))
    if meter:
        assert only(found).meter == meter
    elif meter is None:
        assert (found.facts, len(found.unreadable)) == ((), 1)
    else:
        assert (found.facts, found.ignored) == ((), ("not-delivered-on-unknown-channel",))


# message_metadata → account
METADATA: list[tuple[Any, str]] = [
    ('{"tenant_id": "acme"}', "acme"),
    ('{"tenant_id": ""}', APP),
    ("plain words", APP),
    ("", APP),
    (None, APP),
    ({"tenant_id": "acme"}, APP),
    (..., APP),
]


@pytest.mark.parametrize(("metadata", "account"), METADATA)
def test_the_account_is_the_tenant_in_the_metadata_else_the_app(metadata: Any, account: str) -> None:
    """Metadata is whatever the platform sent along; only a tenant in a JSON object names one."""
    assert only(parsed("sinch", conversation(message_metadata=metadata))).account == account


def test_the_time_is_the_events_else_that_of_its_acceptance() -> None:
    """Else that of its arrival."""
    assert only(parsed("sinch", conversation(event_time=...))).at == datetime(2026, 11, 21, 10, 0, 1, 659_000, UTC)
    assert only(parsed("sinch", conversation(event_time=None, accepted_time=None))).at == NOW


def test_other_events_of_the_conversation_are_passed_over() -> None:
    """An inbound message has the same frame."""
    assert parsed("sinch", sample("sinch", "conversation_inbound.json")).ignored == ("other-conversation-event",)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (conversation(report={"message_id": ...}), "message_delivery_report.message_id"),
        (conversation(app_id=...), "app_id"),
        (conversation(event_time="soon"), "event_time"),
        (text(recipient=...), "recipient"),
        (text(recipient=""), "recipient"),
        (text(batch_id=7), "batch_id"),
        (text(number_of_message_parts=0), "number_of_message_parts"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_path(body: Any, path: str) -> None:
    """Without a recipient, a batch would be counted as one message."""
    found = parsed("sinch", body)
    assert (found.facts, [problem.path for problem in found.unreadable]) == ((), [path])


def test_the_group_is_the_app_or_the_tenant() -> None:
    """One busy sender does not delay the others."""
    assert SINCH.group(DELIVERED) == APP
    assert SINCH.group(TEXT) == "tnt_01JD3Y7R4Q"
    assert SINCH.group(b'{"client_reference": 7}') == "sinch"
