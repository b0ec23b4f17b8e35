"""Twilio: status callbacks (forms), Event Streams (JSON batches of CloudEvents), and the Message resource read later.

Sources: Twilio's "Track the message status of outbound messages", "Event Streams" and "Message resource" (2026). What
matters: callbacks tell neither price nor segments nor time, so a callback's time is its arrival; Event Streams tell
segments and time; the price stands in the Message resource alone, where the poll stage reads it and queues what it
found under the source ``RESOURCE``. Statuses are upper-case in one and lower-case in the other.

The account is the AccountSid; a sender may be narrowed to a Messaging Service by its sid. A WhatsApp read receipt can
lack that sid: an account that is divided by service must not have a sender for the whole account as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, StringConstraints
from pydantic.alias_generators import to_camel, to_pascal
from pydantic_core import PydanticCustomError

from tollgate.domain.billing_moments import PRICE_READ
from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import (
    EARLIEST,
    LATEST,
    MAX_PARTS,
    Currency,
    Incoming,
    MaybeText,
    Parts,
    Rfc3339,
    Word,
    amount_text,
    form_fields,
    json_value,
    read,
)
from tollgate.providers.provider import Arrived, Ignored, Parsed, Reading, Request, Secrets, Setting, Webhook, group_or
from tollgate.providers.recipients import Hasher, recipient
from tollgate.providers.twilio_signature import NAME, check, is_form, parameters

RESOURCE: Final = "twilio-message-resource"
STATUS_EVENTS: Final = "com.twilio.messaging.message."
CURRENCY: Final = "USD"  # of a report without a price; no amount is ever in it

INBOUND: Final = "inbound-message"
NO_MESSAGE: Final = "no-message-status"
NO_PRICE: Final = "no-price-yet"
OTHER_EVENT: Final = "other-event"

# What a message was when it has left Twilio.
SENT: Final = frozenset({"sent", "delivered", "undelivered", "partially_delivered", "read"})
INBOUND_STATUSES: Final = frozenset({"receiving", "received"})

_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31}):(.*)", re.DOTALL)
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def _rfc2822(value: object) -> datetime | None:
    """A time as RFC 2822 writes it (``Sat, 21 Nov 2026 10:00:01 +0000``); None stays None."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value if isinstance(value, str) else "")
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, IndexError):
        moment = LATEST
    if not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("time", "expected an RFC 2822 time between 2015 and 2100")
    return moment


def _price(value: object) -> Decimal | None:
    """What a message cost. Twilio writes a charge with a minus; whatever the sign, it is what was charged."""
    return amount_text(value.removeprefix("-") if isinstance(value, str) else value)


def _segments(value: object) -> int:
    """Segments as a string of digits; ``0``, which stands there until they are known, is taken as one."""
    if isinstance(value, str) and _WHOLE.fullmatch(value) and int(value) <= MAX_PARTS:
        return max(int(value), 1)
    raise PydanticCustomError("segments", "expected a string of digits, at most 255")


# The length is part of the proof: keys and values are signed without anything in between, and an id that may have any
# length could take in, or give up, a piece of its neighbours.
MessageSid = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[0-9A-Za-z]{32}$")]
AccountSid = Annotated[str, StringConstraints(pattern=r"^AC[0-9A-Za-z]{32}$")]
Status = Annotated[Word, AfterValidator(str.lower)]


class _Callback(Incoming):
    model_config = ConfigDict(alias_generator=to_pascal)

    account_sid: AccountSid
    message_sid: MessageSid
    message_status: Status
    messaging_service_sid: MaybeText = None
    channel_prefix: MaybeText = None
    to: MaybeText = None
    from_: MaybeText = Field(alias="From", default=None)


class _Event(Incoming):
    """A CloudEvent's envelope."""

    type: Word
    data: Any = None


class _StatusData(Incoming):
    model_config = ConfigDict(alias_generator=to_camel)

    account_sid: AccountSid
    message_sid: MessageSid
    message_status: Status
    timestamp: Rfc3339
    messaging_service_sid: MaybeText = None
    number_of_segments: Parts = None
    to: MaybeText = None
    from_: MaybeText = Field(alias="from", default=None)


class _Message(Incoming):
    """As much of a Message resource as counts."""

    account_sid: AccountSid
    sid: MessageSid
    status: Status
    messaging_service_sid: MaybeText = None
    num_segments: Annotated[int, PlainValidator(_segments)]
    price: Annotated[Decimal | None, PlainValidator(_price)] = None
    price_unit: Currency | None = None
    date_sent: Annotated[datetime | None, PlainValidator(_rfc2822)] = None
    date_updated: Annotated[datetime | None, PlainValidator(_rfc2822)] = None
    to: MaybeText = None
    from_: MaybeText = Field(alias="from", default=None)


def verify(request: Request, secrets: Secrets) -> None:
    """Check that Twilio signed the request for the account it speaks of. Raises Forged."""
    if is_form(request.headers):
        signed = parameters(request.body)
        named = {value for name, value in signed if name == "AccountSid"}
        if len(named) != 1:
            raise Forged(NAME, "the request names no account, or more than one")
        check(request, accounts=named, signed=signed, secrets=secrets)
    else:
        check(request, accounts=_accounts(request.body), signed=(), secrets=secrets)


def _accounts(body: bytes) -> set[str]:
    """Every account that a batch speaks of; none where it cannot be read, or says none."""
    try:
        events = _objects(body)
    except Malformed:
        return set()
    tellers = [part for event in events if isinstance(event, dict) for part in (event, event.get("data"))]
    named = [
        teller.get(name) for teller in tellers if isinstance(teller, dict) for name in ("accountSid", "account_sid")
    ]
    return {account if isinstance(account, str) else "no account" for account in named if account is not None}


def group(body: bytes) -> str:
    """The account that a body speaks of first; the provider's name when it names none."""
    try:
        if body[:1] in (b"{", b"["):
            return group_or(NAME, next(iter(sorted(_accounts(body))), None))
        return group_or(NAME, form_fields(body, provider=NAME).get("AccountSid"))
    except Malformed:
        return NAME


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """What a callback, a batch of events or a Message resource says. Raises Malformed when nothing can be read."""
    if is_form(receipt.headers) or receipt.body[:1] not in (b"{", b"["):
        fields = form_fields(receipt.body, provider=NAME)
        if not {"AccountSid", "MessageSid", "SmsSid", "UsageTriggerSid"} & fields.keys():
            raise Malformed(NAME, [Problem("", "expected a status callback")])
        return Parsed.of(_callback(fields, receipt.received_at, setting.hasher))
    found = _objects(receipt.body)
    if not found or found == [{}]:
        raise Malformed(NAME, [Problem("", "expected at least one event")])
    whole = receipt.body[:1] == b"{"
    return Parsed.of(
        reading
        for index, each in enumerate(found)
        for reading in _object(each, "" if whole else str(index), receipt.received_at, setting.hasher)
    )


def _objects(body: bytes) -> list[Any]:
    """The one object of a body, or those of its array. Raises Malformed."""
    value = json_value(body)
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise Malformed(NAME, [Problem("", "expected a JSON object or an array of them")])
    return value


def _callback(fields: Mapping[str, str], received_at: datetime, hasher: Hasher) -> Iterator[Reading]:
    status = fields.get("MessageStatus") or fields.get("SmsStatus")
    if status is None:
        yield Ignored(NO_MESSAGE)  # a usage trigger, or another request that was pointed here
        return
    aliased = {**fields, "MessageSid": fields.get("MessageSid") or fields.get("SmsSid"), "MessageStatus": status}
    callback = read(_Callback, aliased)
    if isinstance(callback, tuple):
        yield from callback
    elif callback.message_status in INBOUND_STATUSES:
        yield Ignored(INBOUND)
    else:
        yield _fact(callback, message=callback.message_sid, status=callback.message_status, at=received_at,
                    prefix=callback.channel_prefix or "", hasher=hasher)  # fmt: skip


def _object(raw: object, path: str, received_at: datetime, hasher: Hasher) -> Iterator[Reading]:
    if isinstance(raw, dict) and "num_segments" in raw:
        yield from _resource(raw, path, received_at, hasher)
        return
    event = read(_Event, raw, path)
    if isinstance(event, tuple):
        yield from event
    elif not event.type.startswith(STATUS_EVENTS):
        yield Ignored(OTHER_EVENT)
    else:
        yield from _status(event.data, f"{path}.data".lstrip("."), hasher)


def _status(raw: object, path: str, hasher: Hasher) -> Iterator[Reading]:
    data = read(_StatusData, raw, path)
    if isinstance(data, tuple):
        yield from data
    elif data.message_status in INBOUND_STATUSES:
        yield Ignored(INBOUND)
    else:
        segments = data.number_of_segments
        report = None if segments is None else Report(data.timestamp, segments, None, None, CURRENCY)
        yield _fact(data, message=data.message_sid, status=data.message_status, at=data.timestamp, hasher=hasher,
                    report=report)  # fmt: skip


def _resource(raw: object, path: str, received_at: datetime, hasher: Hasher) -> Iterator[Reading]:
    """The price as a status of its own, beside which no other status's report can stand in its way; and when the
    message was sent, which is its billable moment even if every callback was late."""
    message = read(_Message, raw, path)
    if isinstance(message, tuple):
        yield from message
        return
    if message.price is not None and message.price_unit is None:
        yield Problem(f"{path}.price_unit".lstrip("."), "expected the currency of the price")
        return
    if message.status in INBOUND_STATUSES:
        yield Ignored(INBOUND)
        return
    if message.date_sent is not None and message.status in SENT:
        yield _fact(message, message=message.sid, status="sent", at=message.date_sent, hasher=hasher)
    if message.price is None or message.price_unit is None:
        yield Ignored(NO_PRICE)
        return
    at = message.date_updated or message.date_sent or received_at
    report = Report(at, message.num_segments, message.price, None, message.price_unit)
    yield _fact(message, message=message.sid, status=PRICE_READ, at=at, report=report, hasher=hasher)


def _fact(
    said: _Callback | _StatusData | _Message,
    *,
    message: str,
    status: str,
    at: datetime,
    prefix: str = "",
    report: Report | None = None,
    hasher: Hasher,
) -> Fact:
    channel, number = _address(said.to or "")
    channel = channel or _address(said.from_ or "")[0] or prefix.lower()
    return Fact(
        provider=NAME,
        account=said.account_sid,
        number=said.messaging_service_sid or "",
        meter=_meter(channel, message),
        message=message,
        status=status,
        at=at,
        report=report,
        recipient=recipient(number, hasher=hasher),
    )


def _address(address: str) -> tuple[str, str]:
    """The channel and the number of ``whatsapp:+14155550123``; a bare number has no channel."""
    match = _ADDRESS.fullmatch(address)
    return (match[1].lower(), match[2]) if match else ("", address)


def _meter(channel: str, message: str) -> str:
    """A message's meter, the same in each of its receipts: its channel, else by the kind of its sid."""
    if _CHANNEL.fullmatch(channel):
        return channel
    return "mms" if message.startswith("MM") else "sms"


TWILIO: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify)
