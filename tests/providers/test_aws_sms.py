"""AWS SMS: bare, in SNS's envelope, or in EventBridge's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.providers.samples import HASHER, SETTING, aws_event, only, parsed, sample, tree
from tollgate.domain.facts import Recipient, Report
from tollgate.providers.aws_sms import AWS_SMS
from tollgate.providers.errors import Malformed
from tollgate.providers.provider import Setting

SENT_AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:111122223333:tollgate-sms-events"


def test_a_delivered_event_is_read_to_the_last_digit() -> None:
    """Parts, price and fee are as sent, times exact to the millisecond, the tenant from the context."""
    fact = only(parsed("aws-sms", sample("aws-sms", "text_delivered.json")))
    assert (fact.provider, fact.account, fact.number, fact.meter) == ("aws-sms", "tnt_01JD3Y7R4Q", "", "sms")
    assert (fact.message, fact.status) == ("862a8790-60d9-4430-9b5b-658bdexample", "TEXT_DELIVERED")
    assert fact.at == SENT_AT + timedelta(milliseconds=3470)
    assert fact.requested_at == SENT_AT + timedelta(milliseconds=125)
    assert fact.report == Report(fact.at, 2, Decimal("0.01566"), Decimal("0.00534"), "USD")
    assert fact.recipient == Recipient("1425", "US", HASHER("14255550156"))
    assert fact.pricing is None


@pytest.mark.parametrize("file", ["sns_text_delivered.json", "eventbridge.json"])
def test_an_envelope_changes_nothing(file: str) -> None:
    """The same event in SNS's or EventBridge's envelope is the same fact."""
    bare = parsed("aws-sms", sample("aws-sms", "text_delivered.json"))
    assert parsed("aws-sms", sample("aws-sms", file)) == bare


def test_eventbridge_through_sns_is_the_same_event() -> None:
    """Envelopes may nest."""
    nested = {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(tree("aws-sms", "eventbridge.json"))}
    assert parsed("aws-sms", nested) == parsed("aws-sms", sample("aws-sms", "text_delivered.json"))


def test_envelopes_nest_only_so_deep() -> None:
    """A body that is nothing but envelopes ends as malformed."""
    body: Any = tree("aws-sms", "text_delivered.json")
    for _ in range(5):
        body = {"detail": body}
    with pytest.raises(Malformed):
        parsed("aws-sms", body)


# context, default account, envelope's topic, where it came in → account
ACCOUNTS: list[tuple[object, str, str | None, str, str]] = [
    ({"tenant_id": "acme"}, "default", TOPIC, "queue", "acme"),
    ({"tenant_id": ""}, "default", TOPIC, "queue", "default"),
    ({"tenant_id": None}, "default", TOPIC, "queue", "default"),
    ({"message_ref": "m"}, "default", TOPIC, "queue", "default"),
    (None, "default", None, "", "default"),
    (None, "", TOPIC, "queue", TOPIC),
    (None, "", None, "queue", "queue"),
    (None, "", None, "", ""),
]


@pytest.mark.parametrize(("context", "default", "topic", "source", "account"), ACCOUNTS)
def test_the_account_is_named_by_the_event_else_by_configuration(
    context: object, default: str, topic: str | None, source: str, account: str
) -> None:
    """The context's tenant, else the configured account, else where the event came from, else nobody."""
    body: Any = aws_event(context=context)
    if topic:
        body = {"Type": "Notification", "TopicArn": topic, "Message": json.dumps(body)}
    setting = Setting(hasher=SETTING.hasher, default_account=default)
    assert only(parsed("aws-sms", body, setting, source=source)).account == account


def test_an_event_without_context_or_carrier_is_read() -> None:
    """Context, carrier and codes of the network are optional; zero is an amount."""
    fact = only(parsed("aws-sms", sample("aws-sms", "text_successful_without_context.json")))
    assert (fact.account, fact.status) == ("", "TEXT_SUCCESSFUL")
    assert fact.report == Report(fact.at, 1, Decimal("0.00645"), Decimal(0), "USD")
    assert fact.recipient == Recipient("4477", "GB", HASHER("447700900123"))


def test_a_blocked_event_keeps_its_price() -> None:
    """Whether a failure is charged is for the rules; its price is a fact."""
    fact = only(parsed("aws-sms", sample("aws-sms", "text_blocked.json")))
    assert fact.status == "TEXT_CARRIER_BLOCKED"
    assert fact.report is not None
    assert fact.report.total == Decimal("0.01050")


def test_events_of_a_message_share_its_key() -> None:
    """Sent and delivered are facts of one message."""
    files = ("text_sent.json", "text_delivered.json", "sns_text_delivered.json")
    assert len({only(parsed("aws-sms", sample("aws-sms", file))).key for file in files}) == 1


# eventType → meter, None when refused
METERS: list[tuple[str, str | None]] = [
    ("TEXT_SENT", "sms"),
    ("TEXT_OF_NEXT_YEAR", "sms"),
    ("MEDIA_DELIVERED", "mms"),
    ("VOICE_COMPLETED", "voice"),
    ("RCS_DELIVERED", "rcs"),
    ("ALL", None),
    ("TEXT", None),
    ("text_sent", None),
    ("EMAIL_SENT", None),
    ("", None),
]


@pytest.mark.parametrize(("event_type", "meter"), METERS)
def test_the_event_type_names_the_meter(event_type: str, meter: str | None) -> None:
    """The channel is the type's first word; a channel that nobody has heard of is not counted as another."""
    body = aws_event(eventType=event_type)
    if meter is None:
        with pytest.raises(Malformed):
            parsed("aws-sms", body)
    else:
        assert only(parsed("aws-sms", body)).meter == meter


# JSON text of the price → Decimal, None when refused
PRICES: list[tuple[str, str | None]] = [
    ("0.00645", "0.00645"),
    ("0.0", "0"),
    ("-0.0", "0"),
    ("0", "0"),
    ("3", "3"),
    ("1e-3", "0.001"),
    ("0.1000000000000000055", "0.1000000000000000055"),
    ("1000000", "1000000"),
    ("1000000.01", None),
    ("-0.01", None),
    ("1e-21", None),
    ("1e-400", None),
    ("1e999999", None),
    ("true", None),
    ('"0.1"', None),
    ("[]", None),
]


@pytest.mark.parametrize(("text", "price"), PRICES)
def test_a_price_is_an_exact_sane_decimal(text: str, price: str | None) -> None:
    """No digit is lost to floating point; negative, endless and absurd amounts are refused."""
    body = sample("aws-sms", "text_delivered.json").replace(b"0.01566", text.encode())
    if price is None:
        with pytest.raises(Malformed) as refused:
            parsed("aws-sms", body)
        assert [problem.path for problem in refused.value.problems] == ["totalMessagePrice"]
    else:
        report = only(parsed("aws-sms", body)).report
        assert report is not None
        assert report.price == Decimal(price)
        assert not report.price.is_signed()


def test_absent_amounts_are_unknown_not_zero() -> None:
    """A price that is not there is None; an event that says nothing of parts or cost has no report."""
    some = only(parsed("aws-sms", aws_event(totalMessagePrice=..., totalCarrierFee=None))).report
    assert some is not None
    assert (some.segments, some.price, some.carrier_fee) == (2, None, None)
    none = aws_event(totalMessageParts=..., totalMessagePrice=..., totalCarrierFee=...)
    assert only(parsed("aws-sms", none)).report is None


# field, value → path of the problem
REFUSED: list[tuple[str, object, str]] = [
    ("eventTimestamp", 1795255203, "eventTimestamp"),
    ("eventTimestamp", "1795255203470", "eventTimestamp"),
    ("eventTimestamp", 4102444800000, "eventTimestamp"),
    ("eventTimestamp", ..., "eventTimestamp"),
    ("messageRequestTimestamp", ..., "messageRequestTimestamp"),
    ("messageRequestTimestamp", 1420070399999, "messageRequestTimestamp"),
    ("messageId", "", "messageId"),
    ("messageId", 7, "messageId"),
    ("totalMessageParts", 0, "totalMessageParts"),
    ("totalMessageParts", 256, "totalMessageParts"),
    ("totalMessageParts", 1.5, "totalMessageParts"),
    ("totalMessageParts", True, "totalMessageParts"),
    ("context", [], "context"),
    ("context", {"tenant_id": 7}, "context.tenant_id"),
    ("destinationPhoneNumber", 14255550156, "destinationPhoneNumber"),
]


@pytest.mark.parametrize(("name", "value", "path"), REFUSED)
def test_an_event_outside_the_limits_is_malformed_by_path(name: str, value: object, path: str) -> None:
    """The problem names AWS's own field and never its value."""
    changes: dict[str, Any] = {name: value}
    with pytest.raises(Malformed) as refused:
        parsed("aws-sms", aws_event("text_delivered.json", **changes))
    assert [problem.path for problem in refused.value.problems] == [path]
    assert "14255550156" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        {"Type": "Notification", "Message": "{"},
        {"Type": "Notification", "Message": "[]"},
        {"Type": "Notification", "Message": {"eventType": "TEXT_SENT"}},
        {"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Message": "You have chosen to subscribe"},
        {"detail": "x"},
        {"detail": {}},
    ],
)
def test_an_envelope_around_nothing_is_malformed(body: object) -> None:
    """What is in no envelope's right shape goes to the dead-letter queue, not into silence."""
    with pytest.raises(Malformed):
        parsed("aws-sms", body)


def test_a_truncated_event_is_malformed() -> None:
    """Half an event is nothing."""
    with pytest.raises(Malformed):
        parsed("aws-sms", sample("aws-sms", "text_truncated.raw"))


def test_a_hash_sign_in_a_message_id_is_escaped() -> None:
    """As in every provider's ids."""
    assert only(parsed("aws-sms", aws_event(messageId="a#b"))).message == "a%23b"


# isoCountryCode → country
COUNTRIES: list[tuple[object, str]] = [("CA", "CA"), ("", "US"), (None, "US"), ("usa", "US"), (..., "US")]


@pytest.mark.parametrize(("code", "country"), COUNTRIES)
def test_the_country_is_as_reported_else_that_of_the_number(code: object, country: str) -> None:
    """An ISO code is believed; anything else gives way to the number's region."""
    assert only(parsed("aws-sms", aws_event(isoCountryCode=code))).recipient.country == country


def test_an_event_without_a_number_still_counts() -> None:
    """The recipient is not what makes a message count."""
    assert only(parsed("aws-sms", aws_event(destinationPhoneNumber=...))).recipient == Recipient("", "US", "")


@pytest.mark.parametrize(
    ("body", "group"),
    [
        (sample("aws-sms", "text_sent.json"), "tnt_01JD3Y7R4Q"),
        (sample("aws-sms", "sns_text_delivered.json"), "tnt_01JD3Y7R4Q"),
        (sample("aws-sms", "text_successful_without_context.json"), "aws-sms"),
        (b'{"context": {"tenant_id": 1}, "eventType": "x"}', "aws-sms"),
        (b'{"context": "x", "eventType": "x"}', "aws-sms"),
        (b'{"Message": "{"}', "aws-sms"),
    ],
)
def test_the_group_is_the_tenant_that_the_event_names(body: bytes, group: str) -> None:
    """An event that names none shares the provider's group."""
    assert AWS_SMS.group(body) == group
