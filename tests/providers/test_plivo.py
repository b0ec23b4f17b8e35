"""Plivo: the signature over the address, and a body that is believed in nothing but what it points at."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.providers.samples import (
    BASE_URL,
    HASHER,
    NOW,
    PLIVO_SECRETS,
    SIGNED,
    only,
    parsed,
    plivo_signature,
    sample,
    tree,
)
from tollgate.domain.facts import NOBODY, Fact, Recipient, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.plivo import DETAILS, INBOUND, NO_STATUS, PLIVO
from tollgate.providers.provider import Parsed, Request

UUID = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"
MESSAGE = sample("plivo", "rest/message.json")
VECTOR = SIGNED["plivo"]


def callback(**changes: str | None) -> bytes:
    """The delivered sample with fields changed; None leaves one out."""
    fields = {**tree("plivo", "status_delivered.form"), **changes}
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


def details(**changes: Any) -> Parsed:
    """What an answer of Plivo's says, with fields changed; ``...`` leaves one out."""
    answer = {name: value for name, value in {**json.loads(MESSAGE), **changes}.items() if value is not ...}
    return parsed("plivo", json.dumps(answer).encode(), source=DETAILS)


def request(signature_header: str = "X-Plivo-Signature-V2", *, url: str = f"{BASE_URL}/webhooks/x") -> Request:
    headers = {signature_header: plivo_signature(url), "X-Plivo-Signature-V2-Nonce": "12345"}
    return VECTOR.request(headers=headers)


def test_the_signature_is_the_one_that_plivos_library_accepts() -> None:
    """A vector made with plivo 4.63.0: base64 of HMAC-SHA256 over address and nonce."""
    headers = {
        "X-Plivo-Signature-V2": "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=",
        "X-Plivo-Signature-V2-Nonce": "12345",
    }
    call = replace(VECTOR.request(headers=headers), base_url="https://answer.url", path="")
    PLIVO.verify(call, {"auth_token": "my_auth_token"})


def test_the_query_is_no_part_of_the_address() -> None:
    """What stands behind the question mark is not signed."""
    PLIVO.verify(replace(request(), query="account=somebody"), PLIVO_SECRETS)
    with pytest.raises(Forged):
        PLIVO.verify(replace(request(), path="/webhooks/y"), PLIVO_SECRETS)
    with pytest.raises(Forged):
        PLIVO.verify(replace(request(), base_url="https://elsewhere.example"), PLIVO_SECRETS)


def test_a_subaccounts_call_is_proved_by_the_main_accounts_token() -> None:
    """Plivo signs twice when a subaccount sends: the one with our token is enough, the other not in its way."""
    PLIVO.verify(request("X-Plivo-Signature-MA-V2"), PLIVO_SECRETS)
    both = request("X-Plivo-Signature-MA-V2")
    PLIVO.verify(replace(both, headers={**both.headers, "x-plivo-signature-v2": "the subaccount's"}), PLIVO_SECRETS)


def test_the_nonce_is_signed() -> None:
    """A signature of one nonce is none of another."""
    call = request()
    with pytest.raises(Forged):
        PLIVO.verify(replace(call, headers={**call.headers, "x-plivo-signature-v2-nonce": "12346"}), PLIVO_SECRETS)


@pytest.mark.parametrize("scheme", ["X-Plivo-Signature-V3", "X-Plivo-Signature"])
def test_another_scheme_proves_nothing(scheme: str) -> None:
    """V3 is documented for calls, V1 is gone: neither lets a message in, however it is signed."""
    with pytest.raises(Forged):
        PLIVO.verify(request(scheme), PLIVO_SECRETS)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"MessageUUID=", b"MessageUUID=a&MessageUUID=b", b"Status=sent"])
def test_a_genuine_call_that_names_no_message_is_malformed(body: bytes) -> None:
    """It is refused at the door, not dropped behind it."""
    with pytest.raises(Malformed):
        PLIVO.verify(VECTOR.request(body=body), VECTOR.secrets)


def test_a_callback_says_which_message_is_to_be_read() -> None:
    """Message, sender, channel and a state that is not billable under that name; its time is that of its arrival."""
    assert only(parsed("plivo", sample("plivo", "status_delivered.form"))) == Fact(
        provider="plivo",
        account="18445550001",
        meter="sms",
        message=UUID,
        status="unverified-delivered",
        at=NOW,
    )
    read = only(parsed("plivo", sample("plivo", "whatsapp_read.form")))
    assert (read.meter, read.status) == ("whatsapp", "unverified-read")


@pytest.mark.parametrize(
    "name", ["TotalAmount", "TotalRate", "Units", "MessageTime", "DeliveryReportTime", "To", "MCC"]
)
@pytest.mark.parametrize("value", ["9000.00", "-1", "", None, "2015-01-01 00:00:00"])
def test_no_amount_time_or_recipient_of_a_callback_is_believed(name: str, value: str | None) -> None:
    """The body is not signed: a captured signature with any other body changes no price, no day and no market."""
    fact = only(parsed("plivo", callback(**{name: value})))
    assert fact == only(parsed("plivo", callback()))
    assert (fact.report, fact.requested_at, fact.recipient) == (None, None, NOBODY)


def test_a_callback_cannot_pass_for_plivos_answer() -> None:
    """Details in the body of a request are no form that names a message, whatever path it came by."""
    for source in ("/webhooks/plivo", "", f"/{DETAILS}"):
        with pytest.raises(Malformed):
            parsed("plivo", MESSAGE, source=source)


def test_a_name_in_front_of_a_status_keeps_it_apart_from_a_verified_one() -> None:
    """A callback that already calls itself by another status's name does not get out of its own."""
    assert only(parsed("plivo", callback(Status="delivered"))).status != only(details()).status
    assert only(parsed("plivo", callback(Status="unverified-sent"))).status == "unverified-unverified-sent"


def test_a_callback_without_a_status_is_passed_over() -> None:
    """A message to us names no status."""
    assert parsed("plivo", callback(Status=None, Text="hello")).ignored == (NO_STATUS,)


@pytest.mark.parametrize(
    "change", [{"From": None}, {"Type": None}, {"MessageUUID": None}, {"Status": ""}, {"Type": "S"}]
)
def test_a_callback_that_points_at_nothing_is_malformed(change: dict[str, str | None]) -> None:
    """It comes back, and ends where somebody reads it."""
    with pytest.raises(Malformed):
        parsed("plivo", callback(**change))


def test_the_details_are_read_to_the_last_digit() -> None:
    """Units, amount, time and recipient; the sender is written as in the callback."""
    assert only(parsed("plivo", MESSAGE, source=DETAILS)) == Fact(
        provider="plivo",
        account="18445550001",
        meter="sms",
        message=UUID,
        status="delivered",
        at=datetime(2026, 11, 21, 10, 0, 0, 4321, tzinfo=UTC),
        requested_at=datetime(2026, 11, 21, 10, 0, 0, 4321, tzinfo=UTC),
        report=Report(datetime(2026, 11, 21, 10, 0, 0, 4321, tzinfo=UTC), 2, Decimal("0.01100"), None, "USD"),
        recipient=Recipient("1415", "US", HASHER("14155550123")),
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-21 10:00:00", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("2026-11-21 10:00:00.5", datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-21 10:00:00+05:30", datetime(2026, 11, 21, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_utc(written: str, meant: datetime) -> None:
    """One that names its offset is taken by it."""
    assert only(details(message_time=written)).at == meant


def test_the_same_number_is_one_sender_however_it_is_written() -> None:
    """Plus or not; a short code and a name stay what they are."""
    senders = [only(details(from_number=number)).account for number in ("+18445550001", "18445550001", "70707", "ACME")]
    assert senders == ["18445550001", "18445550001", "70707", "ACME"]


def test_a_message_to_us_is_no_usage() -> None:
    """Inbound details are passed over."""
    assert details(message_direction="inbound").ignored == (INBOUND,)


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": ...},
        {"total_amount": None},
        {"total_amount": "-0.1"},
        {"total_amount": "1e3"},
        {"units": 0},
        {"units": "many"},
        {"message_time": "2026-13-21 10:00:00"},
        {"message_time": "1999-01-01 10:00:00"},
        {"message_uuid": ...},
        {"message_type": "S M S"},
    ],
)
def test_an_answer_without_a_price_is_malformed(change: dict[str, Any]) -> None:
    """Nothing is made up for what an answer does not say."""
    with pytest.raises(Malformed):
        details(**change)


def test_callbacks_are_grouped_by_sender() -> None:
    """A busy sender does not delay the others."""
    assert PLIVO.group(sample("plivo", "status_delivered.form")) == "18445550001"


def test_the_signing_helper_is_the_documented_recipe() -> None:
    """Guards the other tests: base64, SHA-256, address then nonce."""
    by_hand = hmac.new(b"t", b"https://a.example/b12345", hashlib.sha256).digest()
    assert plivo_signature("https://a.example/b", secret="t") == base64.b64encode(by_hand).decode()
