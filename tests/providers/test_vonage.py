"""Vonage: tokens over the body's hash, statuses with prices in euros."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.providers.samples import HASHER, NOW, SETTING, change, only, parsed, receipt, sample, tree
from tests.providers.tokens import VONAGE_APPLICATION, VONAGE_KEY, VONAGE_SECRETS, vonage_token
from tollgate.domain.facts import Pricing, Recipient, Report
from tollgate.providers.errors import Forged, Malformed, Unsigned
from tollgate.providers.provider import Request
from tollgate.providers.vonage import VONAGE

BODY = sample("vonage", "sms_submitted.json")
SECRET = VONAGE_SECRETS["signature_secret"]


def request(token: str | None = None, body: bytes = BODY, received_at: datetime = NOW) -> Request:
    headers = {"Authorization": vonage_token(BODY, at=NOW) if token is None else token}
    return Request(method="POST", path="/webhooks/vonage", headers=headers, body=body, received_at=received_at)


def status(name: str = "sms_submitted.json", **changes: Any) -> Any:
    body = tree("vonage", name)
    change(body, changes)
    return body


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "Nexmo"},
        {"iss": ...},
        {"jti": ...},
        {"iat": ...},
        {"iat": "soon"},
        {"iat": 1.5},
        {"iat": 10**30},
        {"payload_hash": ...},
        {"payload_hash": 7},
        {"payload_hash": ""},
        {"payload_hash": "0" * 64},
        {"api_key": ...},
        {"api_key": 7},
        {"api_key": ""},
        {"api_key": "a\u0000b"},
        {"application_id": {"nested": True}},
    ],
)
def test_a_token_that_does_not_say_what_it_must_is_forged(claims: dict[str, Any]) -> None:
    """Signed or not: issuer, identity, age, account and the body's hash are all required."""
    with pytest.raises(Forged):
        VONAGE.verify(request(vonage_token(BODY, at=NOW, **claims)), VONAGE_SECRETS)


def test_no_other_algorithm_is_believed() -> None:
    """The token does not choose how it is checked: neither another HMAC nor none at all."""
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(Forged):
            VONAGE.verify(request(vonage_token(BODY, at=NOW, algorithm=algorithm)), VONAGE_SECRETS)
    with pytest.raises(Forged):
        VONAGE.verify(request(vonage_token(BODY, at=NOW, algorithm="none", secret="")), VONAGE_SECRETS)


def test_a_token_is_believed_letter_by_letter() -> None:
    """A signature that decodes to the same bytes, but is written otherwise, is another token."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = vonage_token(BODY, at=NOW)
    other = token[:-1] + letters[letters.index(token[-1]) + 1]
    pad = "="
    assert base64.urlsafe_b64decode(other.rpartition(".")[2] + pad) == base64.urlsafe_b64decode(
        token.rpartition(".")[2] + pad
    )
    with pytest.raises(Forged):
        VONAGE.verify(request(other), VONAGE_SECRETS)


def test_an_account_chooses_its_secret_and_nothing_else() -> None:
    """An account with a secret of its own is let in by that one alone; any other by the one for all."""
    secrets = {**VONAGE_SECRETS, f"signature_secret:{VONAGE_KEY}": "the account's own secret of 32 bytes"}
    own = vonage_token(BODY, at=NOW, secret=secrets[f"signature_secret:{VONAGE_KEY}"])
    VONAGE.verify(request(own), secrets)
    VONAGE.verify(request(vonage_token(BODY, at=NOW, api_key="other567")), secrets)
    for token in (vonage_token(BODY, at=NOW), own.replace("Bearer", "Basic")):
        with pytest.raises(Forged):
            VONAGE.verify(request(token), secrets)
    borrowed = vonage_token(BODY, at=NOW, api_key="other567", secret=secrets[f"signature_secret:{VONAGE_KEY}"])
    with pytest.raises(Forged):
        VONAGE.verify(request(borrowed), secrets)
    with pytest.raises(Forged):
        VONAGE.verify(request(), {**VONAGE_SECRETS, f"signature_secret:{VONAGE_KEY}": ""})


def test_the_age_is_that_of_the_receipt_not_of_this_machine() -> None:
    """A genuine request of years ago, or of years ahead, is checked against the time at which it was received."""
    for then in (datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)):
        VONAGE.verify(request(vonage_token(BODY, at=then), received_at=then), VONAGE_SECRETS)
        with pytest.raises(Forged):
            VONAGE.verify(request(vonage_token(BODY, at=then), received_at=then + timedelta(hours=1)), VONAGE_SECRETS)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x"])
def test_a_request_without_a_token_may_be_sent_again(authorization: str) -> None:
    """Vonage leaves the token out when something failed on its side, and drops what was refused for good."""
    with pytest.raises(Unsigned):
        VONAGE.verify(request(authorization), VONAGE_SECRETS)


def _segment(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "..",
        "ü.ü.ü",
        "\ud800",
        "A" * 5000,
        f"{_segment('{}')}.{_segment('[' * 2500)}.x",
        f"{_segment('[]')}.{_segment('{}')}.x",
        f"{_segment(json.dumps({'alg': 'HS256'}))}.{_segment('[1]')}.x",
        f"{_segment(json.dumps({'alg': 'HS256', 'crit': ['x']}))}.{_segment('{}')}.x",
        f"{_segment(json.dumps({'alg': ['HS256'], 'b64': False}))}.{_segment('{}')}.x",
    ],
)
def test_a_token_that_cannot_be_read_is_forged(token: str) -> None:
    """Whatever a library makes of it, the answer is a refusal."""
    with pytest.raises(Forged):
        VONAGE.verify(request(f"Bearer {token}"), VONAGE_SECRETS)


def test_a_genuine_request_that_is_no_json_is_malformed() -> None:
    """What Vonage signed and nobody can read is its fault, not a forgery."""
    with pytest.raises(Malformed):
        VONAGE.verify(request(vonage_token(b"[", at=NOW), body=b"["), VONAGE_SECRETS)


def test_the_account_comes_from_the_token() -> None:
    """The body does not name it: the key is the account, the application narrows it."""
    assert VONAGE.origin(request(), VONAGE_SECRETS) == {"account": VONAGE_KEY, "number": VONAGE_APPLICATION}
    bare = request(vonage_token(BODY, at=NOW, application_id=...))
    assert VONAGE.origin(bare, VONAGE_SECRETS) == {"account": VONAGE_KEY, "number": ""}
    arrived = replace(receipt("vonage", BODY), headers={"account": VONAGE_KEY, "number": VONAGE_APPLICATION})
    fact = only(VONAGE.parse(arrived, SETTING))
    assert (fact.account, fact.number) == (VONAGE_KEY, VONAGE_APPLICATION)


def test_a_text_has_its_total_and_its_parts() -> None:
    """Both are strings; the price is the message's, over all parts."""
    fact = only(parsed("vonage", BODY))
    assert (fact.meter, fact.message, fact.status) == ("sms", "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "submitted")
    assert fact.at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert fact.report == Report(fact.at, 2, Decimal("0.0666"), None, "EUR")
    assert fact.recipient == Recipient("4477", "", HASHER("447700900000"))
    assert (fact.requested_at, fact.pricing, fact.participant) == (None, None, "")


# usage, sms → segments, price, currency; None: no report
REPORTS: list[tuple[Any, Any, tuple[int, str | None, str] | None]] = [
    ({"price": "0.0666", "currency": "EUR"}, {"count_total": "3"}, (3, "0.0666", "EUR")),
    ({"price": 0.0666, "currency": "EUR"}, {"count_total": 3}, (3, "0.0666", "EUR")),
    ({"price": "0", "currency": "EUR"}, {}, (1, "0", "EUR")),
    ({"price": "0.1", "currency": "GBP"}, None, (1, "0.1", "GBP")),
    (None, {"count_total": "2"}, (2, None, "")),  # no price was told: a card has to say it
    ({"price": None, "currency": "EUR"}, {"count_total": "2"}, (2, None, "")),
    (None, None, None),
]


@pytest.mark.parametrize(("usage", "sms", "told"), REPORTS)
def test_numbers_come_as_strings_or_as_numbers(usage: Any, sms: Any, told: tuple[int, str | None, str] | None) -> None:
    """Either is read exactly; a status without a price says nothing of its cost."""
    report = only(parsed("vonage", status(usage=usage, sms=sms))).report
    if told is None:
        assert report is None
    else:
        assert report is not None
        price = None if told[1] is None else Decimal(told[1])
        assert (report.segments, report.price, report.currency) == (told[0], price, told[2])


def test_a_whatsapp_message_keeps_its_category_beside_its_price() -> None:
    """One part; Meta's category names the line, Vonage's price is what it cost."""
    fact = only(parsed("vonage", sample("vonage", "whatsapp_delivered.json")))
    assert (fact.meter, fact.status) == ("whatsapp", "delivered")
    assert fact.report == Report(fact.at, 1, Decimal("0.0713"), None, "EUR")
    assert fact.pricing == Pricing("regular", "marketing")


@pytest.mark.parametrize(
    ("changes", "pricing"),
    [
        ({"whatsapp": {"pricing": {"type": "free_customer_service", "category": "service"}}}, None),
        ({"whatsapp": {"pricing": {"type": "of_next_year", "category": "service"}}}, None),
        ({"whatsapp": {}}, None),
        ({"usage": None}, None),  # without a price a card would have to know it
        (
            {"whatsapp": {"pricing": {"type": "regular", "category": "authentication-international"}}},
            Pricing("regular", "authentication_international"),
        ),
    ],
)
def test_only_a_priced_regular_category_is_kept(changes: dict[str, Any], pricing: Pricing | None) -> None:
    """A type that nobody has heard of never keeps a priced message from being counted."""
    assert only(parsed("vonage", status("whatsapp_delivered.json", **changes))).pricing == pricing


# channel → meter, None when refused
METERS: list[tuple[Any, str | None]] = [
    ("sms", "sms"),
    ("mms", "mms"),
    ("viber_service", "viber"),
    ("messenger", "messenger"),
    ("rcs", "rcs"),
    ("of_next_year", "of_next_year"),
    ("", None),
    ("SMS", None),
    ("a#b", None),
    (7, None),
]


@pytest.mark.parametrize(("channel", "meter"), METERS)
def test_the_channel_names_the_meter(channel: Any, meter: str | None) -> None:
    """A channel that nobody has heard of is a meter of its own, never counted as another."""
    if meter is None:
        with pytest.raises(Malformed):
            parsed("vonage", status(channel=channel))
    else:
        assert only(parsed("vonage", status(channel=channel))).meter == meter


@pytest.mark.parametrize("title", ["1000", 1000, None, {"x": 1}])
def test_an_error_may_have_any_shape(title: Any) -> None:
    """Why a message was rejected is not read, so it cannot stand in the way."""
    rejected = status("sms_rejected.json")
    rejected["error"]["title"] = title
    fact = only(parsed("vonage", rejected))
    assert (fact.status, fact.report) == ("rejected", None)


def test_each_attempt_of_a_workflow_is_a_message_of_its_own() -> None:
    """Failover sends another message with its own id and price."""
    first, second = (
        only(parsed("vonage", sample("vonage", f))) for f in ("sms_submitted.json", "workflow_second_attempt.json")
    )
    assert first.key != second.key


def test_a_recipient_of_another_shape_is_nobody() -> None:
    """Some channels name recipients by objects; the message counts all the same."""
    assert only(parsed("vonage", status(to={"id": "x"}))).recipient == Recipient("", "", "")


def test_an_inbound_message_is_no_status() -> None:
    """It is counted as ignored when it comes to this address."""
    assert parsed("vonage", sample("vonage", "inbound_message.json")).ignored == ("inbound-message",)


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("status", ..., "status"),
        ("timestamp", "2026-11-21", "timestamp"),
        ("timestamp", "2026-13-21T10:00:00Z", "timestamp"),
        ("message_uuid", "", "message_uuid"),
        ("usage", {"price": "1,5", "currency": "EUR"}, "usage.price"),
        ("usage", {"price": "-1", "currency": "EUR"}, "usage.price"),
        ("usage", {"price": "1"}, "usage.currency"),
        ("usage", {"price": "1", "currency": "eur"}, "usage.currency"),
        ("sms", {"count_total": "0"}, "sms.count_total"),
        ("sms", {"count_total": "two"}, "sms.count_total"),
    ],
)
def test_a_status_outside_the_limits_is_malformed_by_path(name: str, value: Any, path: str) -> None:
    """The problem names Vonage's own field and never its value."""
    with pytest.raises(Malformed) as refused:
        parsed("vonage", status(**{name: value}))
    assert [problem.path for problem in refused.value.problems] == [path]
    assert "447700900000" not in str(refused.value)
