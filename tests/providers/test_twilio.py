"""Twilio: two signatures, status callbacks, Event Streams, and the Message resource."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.providers.samples import (
    BASE_URL,
    HASHER,
    NOW,
    TWILIO_ACCOUNT,
    change,
    only,
    parsed,
    sample,
    tree,
    twilio_query,
    twilio_signature,
    wire,
)
from tollgate.domain.billing_moments import PRICE_READ
from tollgate.domain.facts import Fact, Recipient, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.provider import Parsed, Request
from tollgate.providers.twilio import INBOUND, NO_MESSAGE, NO_PRICE, OTHER_EVENT, TWILIO

URL = f"{BASE_URL}/webhooks/twilio"
TOKEN, OTHER_TOKEN, SHARED = "an auth token for tests", "another account's token", "a shared key's secret"
SHARED_KEY = "webhooks_sharedkey_01"
OTHER_ACCOUNT = "ACfedcba9876543210fedcba9876543210"
MESSAGE, SERVICE = "SM89e0c3f1d2b4a5968778695a4b3c2d1e", "MGfedcba9876543210fedcba9876543210"
DELIVERED = "status_sms_delivered.form"
FORM = "application/x-www-form-urlencoded"
SENT_AT = datetime(2026, 11, 21, 10, 0, 1, tzinfo=UTC)


def fields(name: str = DELIVERED, **changes: Any) -> dict[str, str]:
    """The fields of a callback, changed."""
    body: dict[str, str] = tree("twilio", name)
    change(body, changes)
    return body


def callback(given: Mapping[str, str] | bytes, **headers: str) -> Request:
    """A callback as it arrives."""
    body = given if isinstance(given, bytes) else urlencode(given).encode()
    return Request(
        method="POST",
        base_url=BASE_URL,
        path="/webhooks/twilio",
        headers={"content-type": f"{FORM}; charset=UTF-8"} | {n.replace("_", "-"): v for n, v in headers.items()},
        body=body,
        received_at=NOW,
    )


def batch(
    content: bytes,
    *,
    query: str | None = None,
    signature: str | None = None,
    kind: str = "application/json",
    sent: bytes | None = None,
) -> Request:
    """A JSON request whose address carries the content's hash, signed with the auth token; ``sent`` is what arrives."""
    query = twilio_query(content) if query is None else query
    return Request(
        method="POST",
        base_url=BASE_URL,
        path="/webhooks/twilio",
        query=query,
        headers={"content-type": kind, "x-twilio-signature": signature or twilio_signature(f"{URL}?{query}")},
        body=content if sent is None else sent,
        received_at=NOW,
    )


def shared_settings(key: str = SHARED_KEY, algorithm: str = "HMAC_SHA256") -> str:
    return f"key={key},algorithm={algorithm}"


# What `RequestValidator(token).compute_signature(url, params[, algorithm])` of Twilio's SDK 9.13.0 gives.
VECTORS = [
    ("ZATHM7J62u+9FvqBeyl7TEBs6go=", None),
    ("9hi6EBsYYotsV/tTa1RFREduKfg=", None),  # the same with :443 in the URL
    ("uQlTDta+gETdbwahHrSTDY7Z45qdt+lr3vbcC57lzS8=", shared_settings()),
    ("8V90LCTpkpoBylwipVLJbu2l7uk/bbQInqQovrc+Tnw=", shared_settings()),
]


@pytest.mark.parametrize(("signature", "settings"), VECTORS)
def test_the_sdks_own_signatures_are_accepted(signature: str, settings: str | None) -> None:
    """Both schemes, with and without the port, over the bytes of the sample."""
    headers = {"x_twilio_signature": signature}
    if settings:
        headers["x_twilio_webhooks_signature_settings"] = settings
    secrets = {"auth_token": TOKEN, f"shared_key:{SHARED_KEY}": TOKEN}
    TWILIO.verify(callback(sample("twilio", DELIVERED), **headers), secrets)


def test_repeats_blanks_and_other_alphabets_are_signed_as_twilio_does() -> None:
    """Of a repeated key the distinct values count, in order; a blank value counts; text is UTF-8."""
    pairs = [("b", "2"), ("b", "1"), ("b", "2"), ("a", ""), ("Body", "grüße & +"), ("AccountSid", TWILIO_ACCOUNT), ("A", "z")]  # fmt: skip  # noqa: E501
    request = callback(urlencode(pairs).encode(), x_twilio_signature="UO4aTBfoEWcdYZSO9uuH3uQiDdU=")
    TWILIO.verify(
        Request(
            method="POST",
            base_url=BASE_URL,
            path=request.path,
            query="tenant=acme",
            headers=request.headers,
            body=request.body,
            received_at=NOW,
        ),
        {"auth_token": TOKEN},
    )


def test_every_parameter_of_a_form_is_signed() -> None:
    """A parameter that is added, dropped or changed on the way is noticed, also one we do not know."""
    genuine = fields(Unknown="of next year")
    signature = twilio_signature(URL, genuine)
    TWILIO.verify(callback(genuine, x_twilio_signature=signature), {"auth_token": TOKEN})
    for forged in ({**genuine, "More": "1"}, {**genuine, "MessageStatus": "sent"}, fields()):
        with pytest.raises(Forged):
            TWILIO.verify(callback(forged, x_twilio_signature=signature), {"auth_token": TOKEN})


# secrets, the key the request was signed with, its settings header, accepted
KEYS: list[tuple[dict[str, str], str, str | None, bool]] = [
    ({"auth_token": TOKEN}, TOKEN, None, True),
    ({f"auth_token:{TWILIO_ACCOUNT}": TOKEN}, TOKEN, None, True),
    ({"auth_token": OTHER_TOKEN, f"auth_token:{TWILIO_ACCOUNT}": TOKEN}, TOKEN, None, True),
    # an account with fields of its own is never let in by those for all
    ({"auth_token": OTHER_TOKEN, f"auth_token:{TWILIO_ACCOUNT}": TOKEN}, OTHER_TOKEN, None, False),
    ({"auth_token": OTHER_TOKEN, f"shared_key:{TWILIO_ACCOUNT}:{SHARED_KEY}": SHARED}, OTHER_TOKEN, None, False),
    ({f"auth_token:{OTHER_ACCOUNT}": TOKEN}, TOKEN, None, False),
    ({f"auth_token:{TWILIO_ACCOUNT}": ""}, "", None, False),
    ({}, "", None, False),
    # a shared key is for HMAC_SHA256 alone, whatever the header says
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, shared_settings(), True),
    ({f"shared_key:{TWILIO_ACCOUNT}:{SHARED_KEY}": SHARED}, SHARED, shared_settings(), True),
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, None, False),
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, shared_settings(algorithm="HMAC_SHA1"), False),
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, f"key={SHARED_KEY}", False),
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, shared_settings(key="webhooks_sharedkey_02"), False),
    ({f"shared_key:{OTHER_ACCOUNT}:{SHARED_KEY}": SHARED}, SHARED, shared_settings(), False),
    # an auth token is for HMAC_SHA1 alone
    ({"auth_token": TOKEN}, TOKEN, shared_settings(), False),
    ({"auth_token": TOKEN}, TOKEN, shared_settings(key=""), False),
    ({"auth_token": TOKEN, "shared_key:": TOKEN}, TOKEN, "algorithm=HMAC_SHA256", False),
    # no part of the header reaches into another account's field
    ({f"shared_key:{OTHER_ACCOUNT}:k": SHARED}, SHARED, shared_settings(key=f"{OTHER_ACCOUNT}:k"), False),
    ({f"shared_key:{OTHER_ACCOUNT}": SHARED}, SHARED, shared_settings(key=OTHER_ACCOUNT), False),
    ({f"shared_key:{SHARED_KEY}": SHARED}, SHARED, f"{shared_settings()},key={SHARED_KEY}", False),
]


@pytest.mark.parametrize(("secrets", "signed_with", "settings", "accepted"), KEYS)
def test_the_stored_key_says_which_algorithm_is_right(
    secrets: dict[str, str], signed_with: str, settings: str | None, accepted: bool
) -> None:
    """Account and header only choose a field; each field is good for one algorithm, so nobody can go back."""
    for algorithm in ("sha1", "sha256"):
        headers = {"x_twilio_signature": twilio_signature(URL, fields(), algorithm=algorithm, secret=signed_with)}
        if settings is not None:
            headers["x_twilio_webhooks_signature_settings"] = settings
        if accepted and (algorithm == "sha256") == (settings is not None):
            TWILIO.verify(callback(fields(), **headers), secrets)
        else:
            with pytest.raises(Forged):
                TWILIO.verify(callback(fields(), **headers), secrets)


@pytest.mark.parametrize(
    "account", [..., "", "AC1", TWILIO_ACCOUNT.lower(), "AC0123456789abcdef0123456789abcde:", f"{TWILIO_ACCOUNT}\n"]
)
def test_a_request_of_no_account_is_refused(account: Any) -> None:
    """An id that is none chooses no secret, not even the one for all."""
    said = fields(AccountSid=account)
    with pytest.raises(Forged):
        TWILIO.verify(callback(said, x_twilio_signature=twilio_signature(URL, said)), {"auth_token": TOKEN})


def test_two_accounts_in_one_form_are_refused() -> None:
    """Who says two things chooses nothing."""
    body = sample("twilio", DELIVERED) + f"&AccountSid={OTHER_ACCOUNT}".encode()
    pairs = sorted(set(parse_qsl(body.decode())))
    text = URL + "".join(name + value for name, value in pairs)
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), "sha1").digest()).decode()
    with pytest.raises(Forged):
        TWILIO.verify(callback(body, x_twilio_signature=signature), {"auth_token": TOKEN})


def test_a_batch_of_two_accounts_needs_one_secret_for_both() -> None:
    """A customer who knows the token of the own subaccount cannot speak of another's messages."""
    own = tree("twilio", "eventstreams_batch.json")
    own[1]["data"]["accountSid"] = OTHER_ACCOUNT
    body = wire("x.json", own)
    TWILIO.verify(batch(body), {"auth_token": TOKEN})
    for signed_with in (TOKEN, OTHER_TOKEN):
        signature = twilio_signature(f"{URL}?{twilio_query(body)}", secret=signed_with)
        with pytest.raises(Forged):
            TWILIO.verify(
                batch(body, signature=signature),
                {f"auth_token:{OTHER_ACCOUNT}": TOKEN, "auth_token": OTHER_TOKEN},
            )


def test_the_sdks_own_signature_of_a_batch_is_accepted() -> None:
    """The address with the body's hash is all that is signed of a JSON request."""
    request = batch(sample("twilio", "eventstreams_batch.json"))
    assert request.headers["x-twilio-signature"] == "ZgKxEMTeJWVEkFOdAw3L00cQxkM="
    TWILIO.verify(request, {"auth_token": TOKEN})


HASH = hashlib.sha256(sample("twilio", "eventstreams_batch.json")).hexdigest()


@pytest.mark.parametrize(
    "query",
    ["", "a=1", "bodySHA256=", f"bodySHA256={'0' * 64}", f"bodysha256={HASH}", f"bodySHA256={HASH}&bodySHA256={HASH}"],
)
def test_a_json_body_counts_only_under_its_hash(query: str) -> None:
    """A genuine signature over an address without the one right hash proves nothing of the body."""
    with pytest.raises(Forged):
        TWILIO.verify(batch(sample("twilio", "eventstreams_batch.json"), query=query), {"auth_token": TOKEN})


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "multipart/form-data", "application/x-www-form"]
)
def test_a_form_under_another_name_is_no_form(kind: str) -> None:
    """What is not sent as a form needs the hash: its fields are not looked at for the signature."""
    request = callback(fields(), content_type=kind, x_twilio_signature=twilio_signature(URL, fields()))
    with pytest.raises(Forged):
        TWILIO.verify(request, {"auth_token": TOKEN})


@pytest.mark.parametrize("sent", [None, b"", b"&&", f"AccountSid={TWILIO_ACCOUNT}".encode()])
def test_a_genuine_batch_sent_again_as_a_form_is_refused(sent: bytes | None) -> None:
    """The hash in the address is of no use with a body that says it is a form."""
    with pytest.raises(Forged):
        TWILIO.verify(batch(sample("twilio", "eventstreams_batch.json"), kind=FORM, sent=sent), {"auth_token": TOKEN})


# base URL, path, what Twilio signed
ADDRESSES = [
    ("https://h.example", "/webhooks/twilio", "https://h.example/webhooks/twilio"),
    ("https://h.example", "/webhooks/twilio", "https://h.example:443/webhooks/twilio"),
    ("http://127.0.0.1:8080", "/webhooks/twilio", "http://127.0.0.1:8080/webhooks/twilio"),
    ("http://127.0.0.1:8080", "/webhooks/twilio", "http://127.0.0.1/webhooks/twilio"),
    ("http://h.example", "/webhooks/twilio", "http://h.example:80/webhooks/twilio"),
    ("https://h.example/billing", "/webhooks/twilio", "https://h.example/billing/webhooks/twilio"),
    ("https://h.example/billing", "/billing/webhooks/twilio", "https://h.example/billing/webhooks/twilio"),
]


@pytest.mark.parametrize(("base_url", "path", "signed"), ADDRESSES)
def test_the_address_is_the_public_one_with_or_without_its_port(base_url: str, path: str, signed: str) -> None:
    """Base paths are there once, and ports as Twilio likes."""
    request = Request(
        method="POST",
        base_url=base_url,
        path=path,
        headers={"content-type": FORM, "x-twilio-signature": twilio_signature(signed, fields())},
        body=urlencode(fields()).encode(),
        received_at=NOW,
    )
    TWILIO.verify(request, {"auth_token": TOKEN})


def test_no_header_moves_the_address() -> None:
    """A request that was signed for another address of the same account is refused, whatever its headers say."""
    headers = {"host": "evil.example", "x_forwarded_host": "evil.example", "x_forwarded_proto": "https"}
    signature = twilio_signature("https://evil.example/webhooks/twilio", fields())
    with pytest.raises(Forged):
        TWILIO.verify(callback(fields(), x_twilio_signature=signature, **headers), {"auth_token": TOKEN})


def test_a_delivered_callback_is_read() -> None:
    """Account, service, channel and status are as sent; its time is its arrival, for it says none; and no price."""
    fact = only(parsed("twilio", sample("twilio", DELIVERED)))
    assert (fact.provider, fact.account, fact.number, fact.meter) == ("twilio", TWILIO_ACCOUNT, SERVICE, "sms")
    assert (fact.message, fact.status, fact.at, fact.report) == (MESSAGE, "delivered", NOW, None)
    assert fact.recipient == Recipient("1415", "US", HASHER("14155550123"))
    assert fact.requested_at is None


def test_a_whatsapp_read_receipt_is_read() -> None:
    """The channel is in the addresses, not part of the number; there is no service."""
    fact = only(parsed("twilio", sample("twilio", "status_whatsapp_read.form")))
    assert (fact.meter, fact.status, fact.number) == ("whatsapp", "read", "")
    assert fact.recipient == Recipient("1415", "US", HASHER("14155550123"))


# changes to the delivered callback → meter, status
CALLBACKS: list[tuple[dict[str, Any], str, str]] = [
    ({"MessageStatus": ..., "SmsStatus": "sent"}, "sms", "sent"),
    ({"MessageStatus": "partially_delivered"}, "sms", "partially_delivered"),
    ({"MessageStatus": "DELIVERED"}, "sms", "delivered"),
    ({"MessageStatus": "of next year"}, "sms", "of next year"),
    ({"MessageSid": ...}, "sms", "delivered"),
    ({"MessageSid": "MM89e0c3f1d2b4a5968778695a4b3c2d1e"}, "mms", "delivered"),
    ({"ChannelPrefix": "whatsapp"}, "whatsapp", "delivered"),
    ({"ChannelPrefix": "???"}, "sms", "delivered"),
    ({"From": "rcs:brand", "To": "rcs:+14155550123"}, "rcs", "delivered"),
    ({"From": "messenger:1", "To": "whatsapp:+14155550123"}, "whatsapp", "delivered"),
    ({"From": ..., "To": ...}, "sms", "delivered"),
    ({"RawDlrDoneDate": "whenever", "ErrorCode": "x"}, "sms", "delivered"),
]


@pytest.mark.parametrize(("changes", "meter", "status"), CALLBACKS)
def test_callbacks_are_read_whatever_else_they_say(changes: dict[str, Any], meter: str, status: str) -> None:
    """Unknown statuses and channels are facts like others; fields that may be missing may be missing."""
    fact = only(parsed("twilio", wire(DELIVERED, fields(**changes))))
    assert (fact.meter, fact.status) == (meter, status)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"MessageSid": "SM1", "SmsSid": "SM1"}, "MessageSid"),
        # signed without anything in between, a sid could take in its neighbour and be another message
        ({"MessageSid": f"{MESSAGE}MessageStatusdelivered"}, "MessageSid"),
        ({"MessageSid": f"{MESSAGE}\n"}, "MessageSid"),
        ({"MessageSid": ..., "SmsSid": ...}, "MessageSid"),
        ({"AccountSid": "AC1"}, "AccountSid"),
        ({"MessageStatus": "ü"}, "MessageStatus"),
    ],
)
def test_a_callback_without_a_message_is_named_by_its_place(changes: dict[str, Any], place: str) -> None:
    """What cannot be one message of one account is not counted, and the receipt is kept."""
    found = parsed("twilio", wire(DELIVERED, fields(**changes)))
    assert not found.facts
    assert [problem.path for problem in found.unreadable] == [place]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (sample("twilio", "usage_trigger.form"), NO_MESSAGE),
        (wire(DELIVERED, fields(MessageStatus=..., SmsStatus="received")), INBOUND),
        (sample("twilio", "eventstreams_test_event.json"), OTHER_EVENT),
        (b'{"type": "com.twilio.messaging.inbound-message.received", "data": {}}', OTHER_EVENT),
    ],
)
def test_what_is_no_status_of_a_sent_message_is_ignored(body: bytes, reason: str) -> None:
    """Usage triggers, inbound messages and other events say nothing of a message's cost."""
    assert parsed("twilio", body) == Parsed(ignored=(reason,))


def test_an_event_tells_segments_and_time_but_no_price() -> None:
    """The status is lower-case, as in callbacks; the report has no price, and none is made up."""
    fact = only(parsed("twilio", sample("twilio", "eventstreams_delivered.json")))
    at = datetime(2026, 11, 21, 10, 0, 3, tzinfo=UTC)
    assert (fact.account, fact.number, fact.message, fact.meter) == (TWILIO_ACCOUNT, SERVICE, MESSAGE, "sms")
    assert (fact.status, fact.at) == ("delivered", at)
    assert fact.report == Report(at, 2, None, None, "USD")
    assert fact.recipient == Recipient("1415", "US", HASHER("14155550123"))


def test_a_batch_is_read_event_by_event() -> None:
    """Order does not matter and channels mix."""
    facts = parsed("twilio", sample("twilio", "eventstreams_batch.json")).facts
    assert [(fact.status, fact.meter) for fact in facts] == [
        ("delivered", "sms"),
        ("sent", "sms"),
        ("sent", "whatsapp"),
    ]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"messageSid": "SM1"}, "1.data.messageSid"),
        ({"timestamp": "yesterday"}, "1.data.timestamp"),
        ({"numberOfSegments": "2"}, "1.data.numberOfSegments"),
        ({"accountSid": ...}, "1.data.accountSid"),
    ],
)
def test_a_broken_event_never_breaks_its_batch(changes: dict[str, Any], place: str) -> None:
    """The other events are facts, the broken one is named by its place."""
    body = tree("twilio", "eventstreams_batch.json")
    whole = parsed("twilio", body).facts
    change(body[1]["data"], changes)
    found = parsed("twilio", body)
    assert found.facts == (whole[0], whole[2])
    assert [problem.path for problem in found.unreadable] == [place]
    body[1] = "no event"
    assert parsed("twilio", body).facts == (whole[0], whole[2])


@pytest.mark.parametrize("body", [b"[]", b"[{}", b'[{}], "batch": [1]', b"[1]}", b'[], "more": 1', b"{}", b"x=1"])
def test_a_body_of_which_nothing_can_be_read_is_malformed(body: bytes) -> None:
    """Neither a callback, nor an event, nor an array of them."""
    with pytest.raises(Malformed):
        parsed("twilio", body)


def resource(**changes: Any) -> Parsed:
    body = tree("twilio", "message_resource.json")
    change(body, changes)
    return parsed("twilio", body)


def test_a_message_resource_tells_the_price_and_when_it_was_sent() -> None:
    """The price is a status of its own; the sign is Twilio's way of writing a charge."""
    sent, priced = resource().facts
    assert (sent.status, sent.at, sent.report) == ("sent", SENT_AT, None)
    updated = datetime(2026, 11, 21, 10, 0, 3, tzinfo=UTC)
    assert (priced.status, priced.at) == (PRICE_READ, updated)
    assert priced.report == Report(updated, 2, Decimal("0.01660"), None, "USD")
    assert {fact.key for fact in (sent, priced)} == {Fact.key.fget(only(parsed("twilio", sample("twilio", DELIVERED))))}  # type: ignore[attr-defined]


# changes → price, segments, currency
PRICES: list[tuple[dict[str, Any], str, int, str]] = [
    ({"price": "0.01660"}, "0.01660", 2, "USD"),
    ({"price": "-0.00000"}, "0", 2, "USD"),
    ({"price_unit": "EUR"}, "0.01660", 2, "EUR"),
    ({"num_segments": "0"}, "0.01660", 1, "USD"),
    ({"num_segments": "12"}, "0.01660", 12, "USD"),
]


@pytest.mark.parametrize(("changes", "price", "segments", "currency"), PRICES)
def test_prices_are_read_to_the_last_digit(changes: dict[str, Any], price: str, segments: int, currency: str) -> None:
    """Whatever its sign; segments that are not known yet are one."""
    report = resource(**changes).facts[1].report
    assert report is not None
    assert (report.price, report.segments, report.currency) == (Decimal(price), segments, currency)


@pytest.mark.parametrize("name", ["price", "num_segments", "price_unit", "date_sent", "date_updated", "sid", "status"])
def test_a_resource_that_cannot_be_read_is_named(name: str) -> None:
    """No price is guessed from what is only nearly one."""
    found = resource(**{name: "ü-1"})
    assert (found.facts, [problem.path for problem in found.unreadable]) == ((), [name])


def test_a_price_without_a_currency_is_no_price() -> None:
    """An amount of nobody knows what is named, not counted."""
    found = resource(price_unit=None)
    assert (found.facts, [problem.path for problem in found.unreadable]) == ((), ["price_unit"])


def test_a_resource_without_a_price_says_only_when_it_was_sent() -> None:
    """Null is not zero."""
    found = parsed("twilio", sample("twilio", "message_resource_unpriced.json"))
    assert ([fact.status for fact in found.facts], found.ignored) == (["sent"], (NO_PRICE,))


def test_a_failed_message_was_never_sent() -> None:
    """Its resource may carry a fee, but no time of sending that would make it billable."""
    assert [fact.status for fact in resource(status="failed", price="-0.001").facts] == [PRICE_READ]
    assert resource(status="received") == Parsed(ignored=(INBOUND,))


def test_a_receipt_is_grouped_by_its_account() -> None:
    """Forms and batches alike; the provider's name when there is none."""
    for name in (DELIVERED, "eventstreams_batch.json", "message_resource.json"):
        assert TWILIO.group(sample("twilio", name)) == TWILIO_ACCOUNT
    assert TWILIO.group(b'[{"data": {"accountSid": 7}}]') == "twilio"
