"""Telnyx: Ed25519 over time and bytes; a cost that may be null and has shares."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.providers.samples import HASHER, NOW, only, parsed, sample, tree
from tests.providers.tokens import TELNYX_SECRETS, ed25519, public_key, telnyx_headers
from tollgate.domain.facts import Recipient, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.provider import Request
from tollgate.providers.telnyx import TELNYX

BODY = sample("telnyx", "message_finalized.json")
ORGANIZATION = "b448f9cc-a842-4784-98e9-03c1a5872950"
PROFILE = "4000eba1-a0c0-4563-9925-b25e842a7cb6"


def request(body: bytes = BODY) -> Request:
    headers = telnyx_headers(body, at=NOW)
    return Request(method="POST", path="/webhooks/telnyx", headers=headers, body=body, received_at=NOW)


def event(name: str = "message_finalized.json", event_type: str | None = None, **changes: Any) -> Any:
    """A sample with fields of its message changed; a field set to ``...`` is taken out."""
    body = tree("telnyx", name)
    body["data"]["event_type"] = event_type or body["data"]["event_type"]
    payload = body["data"]["payload"] | changes
    body["data"]["payload"] = {k: v for k, v in payload.items() if v is not ...}
    return body


def test_an_organization_chooses_its_key_and_nothing_else() -> None:
    """An organization with a key of its own is believed by that one alone, any other by the one for all."""
    secrets = {**TELNYX_SECRETS, f"public_key:{ORGANIZATION}": public_key(ed25519(7))}
    own = Request(method="POST", path="/", headers=telnyx_headers(BODY, at=NOW, seed=7), body=BODY, received_at=NOW)
    TELNYX.verify(own, secrets)
    with pytest.raises(Forged):
        TELNYX.verify(request(), secrets)
    other = BODY.replace(ORGANIZATION.encode(), b"somebody-else")
    TELNYX.verify(request(other), secrets)
    borrowed = Request(
        method="POST", path="/", headers=telnyx_headers(other, at=NOW, seed=7), body=other, received_at=NOW
    )
    with pytest.raises(Forged):
        TELNYX.verify(borrowed, secrets)


@pytest.mark.parametrize("key", ["", "x", "AAAA", base64.b64encode(b"\x00" * 31).decode(), "\ud800", "ü" * 44])
def test_a_configured_key_that_is_none_lets_nobody_in(key: str) -> None:
    """A slip in the secret is a refusal, not an error of the server."""
    with pytest.raises(Forged):
        TELNYX.verify(request(), {"public_key": key})


@pytest.mark.parametrize("sent", ["", "now", "1795262400.5", "-1", "9" * 40, "\ud800", "٣" * 10])
def test_a_signed_time_that_cannot_be_read_is_forged(sent: str) -> None:
    """Also when it is signed."""
    signable = sent.encode(errors="replace").decode()
    headers = dict(telnyx_headers(BODY, at=signable)) | {"telnyx-timestamp": sent}
    with pytest.raises(Forged):
        TELNYX.verify(Request(method="POST", path="/", headers=headers, body=BODY, received_at=NOW), TELNYX_SECRETS)


def test_the_time_is_part_of_what_is_signed() -> None:
    """An old signature does not get younger by another header."""
    old = telnyx_headers(BODY, at=NOW - timedelta(hours=1))["telnyx-signature-ed25519"]
    headers = {**telnyx_headers(BODY, at=NOW), "telnyx-signature-ed25519": old}
    with pytest.raises(Forged):
        TELNYX.verify(Request(method="POST", path="/", headers=headers, body=BODY, received_at=NOW), TELNYX_SECRETS)


def test_a_genuine_request_that_is_no_json_is_malformed() -> None:
    """What Telnyx signed and nobody can read is its fault, not a forgery."""
    with pytest.raises(Malformed):
        TELNYX.verify(request(b"["), TELNYX_SECRETS)


def test_the_final_event_says_all_of_a_message() -> None:
    """Profile, parts, cost by its shares, and the time of the send request, which places it in a day."""
    fact = only(parsed("telnyx", BODY))
    assert (fact.account, fact.meter, fact.message) == (PROFILE, "sms", "40385f64-5717-4562-b3fc-2c963f66afa6")
    assert fact.status == "message.finalized"
    assert fact.at == datetime(2026, 11, 21, 10, 0, 3, 192_000, UTC)
    assert fact.requested_at == datetime(2026, 11, 21, 10, 0, 0, 361_000, UTC)
    assert fact.report == Report(fact.at, 2, Decimal("0.0041"), Decimal("0.0061"), "USD")
    assert fact.recipient == Recipient("1866", "US", HASHER("18665550001"))


def test_a_message_that_cost_nothing_yet_says_so() -> None:
    """A null cost is no cost known: parts, and nothing of money."""
    for name in ("message_sent.json", "message_failed.json"):
        report = only(parsed("telnyx", sample("telnyx", name))).report
        assert report is not None
        assert (report.segments, report.price, report.carrier_fee, report.total) == (2, None, None, None)


def money(amount: Any, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


# cost, breakdown → price, carrier fee, whether the breakdown is remarked upon
COSTS: list[tuple[Any, Any, str | None, str | None, bool]] = [
    (money("0.0102"), {"carrier_fee": money("0.0061"), "rate": money("0.0041")}, "0.0041", "0.0061", False),
    (money("0.0102"), None, "0.0102", None, False),
    (money("0.0102"), {"carrier_fee": money("0.0061"), "rate": money("0.0051")}, "0.0102", None, True),
    (money("0.0102"), {"carrier_fee": money("0.0061", "EUR"), "rate": money("0.0041")}, "0.0102", None, True),
    (money("0.0102"), {"carrier_fee": money("0.0202"), "rate": None}, "0.0102", None, True),
    (money("0.0102"), {"carrier_fee": None, "rate": money("0.0102")}, "0.0102", None, True),
    (money("0.0102"), {"carrier_fee": money(None), "rate": money("0.0102")}, "0.0102", None, True),
    (money("0.0041"), {"carrier_fee": money("0"), "rate": money("0.0041")}, "0.0041", "0", False),
    (money("0.0000"), None, "0", None, False),
    (money(None), None, None, None, False),
    (None, {"carrier_fee": money("0.0061"), "rate": money("0.0041")}, None, None, False),
]


@pytest.mark.parametrize(("cost", "breakdown", "price", "fee", "remarked"), COSTS)
def test_the_cost_is_the_total_whatever_the_breakdown_says(
    cost: Any, breakdown: Any, price: str | None, fee: str | None, remarked: bool
) -> None:
    """The carrier's fee is kept apart only where the shares add up to what was deducted."""
    found = parsed("telnyx", event(cost=cost, cost_breakdown=breakdown))
    report = only(found).report
    assert report is not None
    assert report.price == (None if price is None else Decimal(price))
    assert report.carrier_fee == (None if fee is None else Decimal(fee))
    assert found.remarks == (("cost-breakdown-disagrees",) if remarked else ())


def test_without_parts_and_cost_nothing_is_reported() -> None:
    """An event that says nothing of either."""
    assert only(parsed("telnyx", event(parts=None, cost=None))).report is None


# event, statuses of to, of cc → status
STATUSES: list[tuple[str, list[str | None], list[str], str]] = [
    ("message.finalized", ["delivered"], [], "message.finalized"),
    ("message.finalized", ["delivery_unconfirmed"], [], "message.finalized"),
    ("message.finalized", ["of_next_year"], [], "message.finalized"),
    ("message.finalized", ["delivery_failed"], [], "message.finalized/failed"),
    ("message.finalized", ["sending_failed", "expired"], [], "message.finalized/failed"),
    ("message.finalized", ["delivery_failed"], ["delivered"], "message.finalized"),
    ("message.finalized", ["delivery_failed"], ["delivery_failed"], "message.finalized/failed"),
    ("message.finalized", [], [], "message.finalized"),
    ("message.finalized", [None], [], "message.finalized"),
    ("message.sent", ["sending_failed"], [], "message.sent"),
    ("message.of_next_year", ["delivered"], [], "message.of_next_year"),
]


@pytest.mark.parametrize(("event_type", "to", "cc", "status"), STATUSES)
def test_a_final_event_that_reached_nobody_is_told_apart(
    event_type: str, to: list[str | None], cc: list[str], status: str
) -> None:
    """One recipient reached, or a status that nobody has heard of, is enough for a message to have been sent."""
    changes = {
        name: [{"phone_number": "+18665550001", "status": s} for s in own] for name, own in (("to", to), ("cc", cc))
    }
    assert only(parsed("telnyx", event("message_finalized.json", event_type, **changes))).status == status


def test_a_group_is_one_message_at_one_cost() -> None:
    """The cost is a total for all recipients."""
    fact = only(parsed("telnyx", sample("telnyx", "message_finalized_group.json")))
    assert (fact.meter, fact.status, fact.participant) == ("mms", "message.finalized", "")
    assert fact.report is not None
    assert fact.report.total == Decimal("0.0400")


@pytest.mark.parametrize(
    ("kind", "meter"), [("SMS", "sms"), ("MMS", "mms"), ("RCS", "rcs"), ("WHATSAPP", "whatsapp"), ("FAX#1", "other")]
)
def test_the_type_names_the_meter(kind: str, meter: str) -> None:
    """A type that nobody has heard of is counted apart, never as another."""
    assert only(parsed("telnyx", event(type=kind))).meter == meter


@pytest.mark.parametrize(
    ("changes", "account"),
    [
        ({}, PROFILE),
        ({"messaging_profile_id": None}, ORGANIZATION),
        ({"messaging_profile_id": ..., "organization_id": ...}, ""),
    ],
)
def test_the_account_is_the_profile_else_the_organization(changes: dict[str, Any], account: str) -> None:
    """A message without either is nobody's, which quarantine shows."""
    assert only(parsed("telnyx", event("message_finalized.json", None, **changes))).account == account


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (sample("telnyx", "message_received.json"), "message.received"),
        (event(event_type="call.initiated"), "call.initiated"),
        (event(direction="inbound"), "message.finalized"),
    ],
)
def test_what_is_not_an_outbound_message_is_passed_over(body: Any, reason: str) -> None:
    """By its kind, for counting."""
    found = parsed("telnyx", body)
    assert (found.facts, found.ignored) == ((), (reason,))


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("id", ..., "data.payload.id"),
        ("parts", 0, "data.payload.parts"),
        ("cost", {"amount": "x", "currency": "USD"}, "data.payload.cost.amount"),
        ("cost", {"amount": "1"}, "data.payload.cost.currency"),
        ("cost", "0.01", "data.payload.cost"),
        ("to", [7], "data.payload.to.0"),
        ("received_at", "yesterday", "data.payload.received_at"),
    ],
)
def test_an_event_outside_the_limits_is_malformed_by_path(name: str, value: Any, path: str) -> None:
    """The problem names Telnyx's own field and never its value."""
    with pytest.raises(Malformed) as refused:
        parsed("telnyx", event("message_finalized.json", None, **{name: value}))
    assert [problem.path for problem in refused.value.problems] == [path]
    assert "18665550001" not in str(refused.value)


def test_the_group_is_the_profile() -> None:
    """One busy profile does not delay the others."""
    assert TELNYX.group(BODY) == PROFILE
    assert TELNYX.group(b'{"data": {"payload": 1}}') == "telnyx"
