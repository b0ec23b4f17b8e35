"""AWS End User Messaging SMS: events over SNS (or EventBridge) straight to the queue, each with parts and prices.

Sources: the AWS End User Messaging user guide, "messaging events" and "event format" (2026). Proof of origin is the
queue's policy, so there is no webhook. The same amounts stand on every event of a message and are totals over its
parts, in US dollars; price and carrier fee are kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Report
from tollgate.providers.errors import Malformed
from tollgate.providers.incoming import (
    Amount,
    Incoming,
    MaybeText,
    MessageId,
    Parts,
    UnixMillis,
    Word,
    json_object,
    read,
)
from tollgate.providers.provider import Arrived, Parsed, Provider, Setting, group_or
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = "aws-sms"
CURRENCY: Final = "USD"
METERS: Final[Mapping[str, str]] = {"TEXT": "sms", "MEDIA": "mms", "VOICE": "voice", "RCS": "rcs"}
ENVELOPES: Final = 3  # EventBridge may send through SNS; nothing nests deeper


class _Context(Incoming):
    tenant_id: MaybeText = None


class _Event(Incoming):
    model_config = ConfigDict(alias_generator=to_camel)

    event_type: Word
    event_timestamp: UnixMillis
    message_id: MessageId
    message_request_timestamp: UnixMillis
    destination_phone_number: MaybeText = None
    iso_country_code: MaybeText = None
    context: _Context | None = None
    total_message_parts: Parts = None
    total_message_price: Amount = None
    total_carrier_fee: Amount = None


class _Notification(Incoming):
    """SNS's envelope; ``Message`` is JSON in a string."""

    message: str = Field(alias="Message")
    topic: MaybeText = Field(alias="TopicArn", default=None)


class _BusEvent(Incoming):
    """EventBridge's envelope."""

    detail: dict[str, Any]
    account: MaybeText = None


def group(body: bytes) -> str:
    """The tenant that the event names; the provider's name when it names none."""
    try:
        event, _ = _unwrapped(json_object(body, provider=NAME))
        tenant = event["context"]["tenant_id"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, tenant)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """The one fact of an event, bare or in its envelopes. Raises Malformed when it cannot be read."""
    raw, origin = _unwrapped(json_object(receipt.body, provider=NAME))
    event = read(_Event, raw)
    if isinstance(event, tuple):
        raise Malformed(NAME, event)
    named = (event.context.tenant_id if event.context else None) or setting.default_account
    return Parsed(facts=(_fact(event, account=named or origin or receipt.source, hasher=setting.hasher),))


def _unwrapped(body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The bare event, and where it came from: the topic's ARN or the AWS account, empty when it does not say."""
    origin = ""
    for _ in range(ENVELOPES):
        if "eventType" in body:
            break
        if "Message" in body:
            envelope = _expected(_Notification, body)
            body, origin = json_object(envelope.message, provider=NAME, path="Message"), origin or envelope.topic or ""
        elif "detail" in body:
            event = _expected(_BusEvent, body)
            body, origin = event.detail, origin or event.account or ""
    return body, origin


def _expected[M: Incoming](model: type[M], body: dict[str, Any]) -> M:
    envelope = read(model, body)
    if isinstance(envelope, tuple):
        raise Malformed(NAME, envelope)
    return envelope


def _fact(event: _Event, *, account: str, hasher: Hasher) -> Fact:
    return Fact(
        provider=NAME,
        account=account,
        meter=_meter(event.event_type),
        message=event.message_id,
        status=event.event_type,
        at=event.event_timestamp,
        requested_at=event.message_request_timestamp,
        report=_report(event),
        recipient=recipient(event.destination_phone_number or "", country=event.iso_country_code or "", hasher=hasher),
    )


def _meter(event_type: str) -> str:
    kind, separator, _ = event_type.partition("_")
    if not separator or kind not in METERS:
        raise Malformed(NAME, [Problem("eventType", "expected an event of a text, media, voice or RCS message")])
    return METERS[kind]


def _report(event: _Event) -> Report | None:
    """What the event says of parts and cost; None when it says nothing of either."""
    parts, price, carrier_fee = event.total_message_parts, event.total_message_price, event.total_carrier_fee
    if parts is None and price is None and carrier_fee is None:
        return None
    return Report(
        at=event.event_timestamp,
        segments=parts or 1,
        price=price,
        carrier_fee=carrier_fee,
        currency=CURRENCY,
    )


AWS_SMS: Final = Provider(name=NAME, parse=parse, group=group)
