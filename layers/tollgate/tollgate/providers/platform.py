"""The platform's own events: what it sent by itself on any channel, and what providers bill it.

An event's ``source`` and ``id`` are its identity for ever. Its account, as in a contract's ``senders``, is its
``subject``, or its ``source`` where it has none. What a provider's roll-up or statement line is about stands for the
time that it names, not for the event, so that a later one replaces an earlier one and never adds to it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from tollgate.domain.billing_moments import BILLABLE_TYPE, CORRECTED
from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Pricing, Report
from tollgate.domain.facts import Recipient as Kept
from tollgate.domain.rollups import PLATFORM, ROLLUP, STATEMENT, is_added_up, sender_account
from tollgate.providers.cloudevents import Event, json_value, queued_value
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.event_types import (
    NAME_LENGTH,
    TYPES,
    CallCompleted,
    Data,
    MessageSent,
    Moment,
    PriceCorrected,
    PushSent,
    StatementLine,
    UsageRolledUp,
)
from tollgate.providers.incoming import PRINTABLE, Incoming, key_safe, read
from tollgate.providers.provider import Arrived, Ignored, Parsed, Provider, Reading, Request, Setting, group_or
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = PLATFORM
SENT: Final = "sent"
COMPLETED: Final = "completed"
ROLLED_UP: Final = "rolled-up"
STATED: Final = "stated"
SECONDS_A_MINUTE: Final = 60
NO_CURRENCY: Final = "USD"  # of a report without an amount: nothing is converted


def _known_type(name: str) -> str:
    if name not in TYPES:
        raise PydanticCustomError("type", f"expected one of {', '.join(TYPES)}")
    return name


def _own_account(subject: str) -> str:
    if is_added_up(subject):
        raise PydanticCustomError("subject", "expected an account of the platform's own")
    return subject


# Asked of every event; a model works out the list anew each time.
FIELDS: Final[Mapping[str, frozenset[str]]] = {name: frozenset(model.model_fields) for name, model in TYPES.items()}

Word = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
Account = Annotated[Word, AfterValidator(_own_account)]


class _Envelope(Incoming):
    """The attributes of an event that are looked at. Others are the sender's own."""

    specversion: Literal["1.0"]
    id: Word
    source: Account
    type: Annotated[Word, AfterValidator(_known_type)]
    subject: Account | None = None
    time: Moment | None = None
    datacontenttype: Literal["application/json"] | None = None  # of JSON data it has been left out by now
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An event that is what its type says. ``time`` is None where the sender names none; ``message`` is the one that it
    is about."""

    source: str
    id: str
    subject: str
    time: datetime | None
    message: str
    data: Data

    @property
    def account(self) -> str:
        """The sender account of usage of the platform's own."""
        return self.subject or self.source

    @property
    def added_up(self) -> UsageRolledUp | StatementLine | None:
        """The data of a roll-up or statement line."""
        return self.data if isinstance(self.data, UsageRolledUp | StatementLine) else None

    def moment(self, at: datetime) -> datetime:
        """When the usage happened, of an event that was first seen ``at``; decides which contract holds."""
        if isinstance(self.data, UsageRolledUp | StatementLine):
            return self.data.start
        return self.data.sent_at if isinstance(self.data, PriceCorrected) else self.time or at


def verify(request: Request, key: str) -> None:
    """Raises Forged unless the request carries the platform's key."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(errors="replace"), key.encode())
    if scheme.lower() != "bearer" or not key or not same:
        raise Forged(NAME, "the key does not match")


def check(event: object) -> Checked | tuple[Problem, ...]:
    """An event as its type reads it, or everything that is wrong with it."""
    return _checked(event, strict=True)


def _checked(event: object, *, strict: bool) -> Checked | tuple[Problem, ...]:
    """``strict`` refuses data that is not known; what is queued already was looked at by another version of this."""
    envelope = read(_Envelope, event)
    if isinstance(envelope, tuple):
        return envelope
    known = FIELDS[envelope.type]
    fields = envelope.data if strict else {name: value for name, value in envelope.data.items() if name in known}
    data = read(TYPES[envelope.type], fields, "data")
    if isinstance(data, tuple):
        return data
    # Not a rule of the models: what is wrong is the length of the key that several fields come to.
    try:
        message = _message(data, envelope.source, envelope.id)
    except PydanticCustomError as error:
        return (Problem("data" if isinstance(data, UsageRolledUp | StatementLine) else "id", error.message()),)
    return Checked(
        source=envelope.source,
        id=envelope.id,
        subject=envelope.subject or "",
        time=envelope.time,
        message=message,
        data=data,
    )


def group(body: bytes) -> str:
    """The account of the first event."""
    try:
        value = json_value(body)
    except Malformed:
        return NAME
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return NAME
    return group_or(NAME, first.get("subject") or first.get("source"))


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """The facts of queued events, one each. Raises Malformed when none can be read."""
    value = queued_value(receipt.body)
    events: list[object] = value if isinstance(value, list) else [value]
    found = Parsed.of(
        reading for index, event in enumerate(events) for reading in _readings(index, event, receipt, setting.hasher)
    )
    if not found.facts and not found.ignored:
        raise Malformed(NAME, found.unreadable or [Problem("", "expected events")])
    return found


def _readings(index: int, event: object, receipt: Arrived, hasher: Hasher) -> Iterator[Reading]:
    checked = _checked(event, strict=False)
    if isinstance(checked, tuple):
        yield from (Problem(f"{index}.{problem.path}", problem.message) for problem in checked)
    elif not is_usage(checked):
        yield Ignored("not-usage")
    else:
        yield fact_of(checked, at=checked.time or receipt.received_at, hasher=hasher)


def kept(event: str) -> tuple[Checked, str] | None:
    """A roll-up or statement line as it was kept, and what it stands for; None for what is no such event."""
    checked = _checked(json_value(event.encode()), strict=False)
    return None if isinstance(checked, tuple) or checked.added_up is None else (checked, checked.message)


def is_usage(event: Checked) -> bool:
    """Whether an event is of usage at all; a line of a statement may be a rent."""
    return not (isinstance(event.data, StatementLine) and event.data.channel is None)


def fact_of(event: Checked, *, at: datetime, hasher: Hasher) -> Fact:
    """What an event of a time says."""
    provider, account = _sender(event)
    meter, status, report = _said(event.data, at)
    return Fact(
        provider=provider,
        account=account,
        meter=meter,
        message=event.message,
        status=status,
        at=event.moment(at),
        pricing=_pricing(event.data),
        report=report,
        recipient=_recipient(event.data, hasher),
    )


def added_up_account(data: UsageRolledUp | StatementLine) -> str:
    """The account of the platform under which a contract names what a roll-up or statement line is about."""
    way = ROLLUP if isinstance(data, UsageRolledUp) else STATEMENT
    return sender_account(way, data.provider, data.account)


def _sender(event: Checked) -> tuple[str, str]:
    match event.data:
        case PriceCorrected() as data:
            return data.provider, data.account
        case UsageRolledUp() | StatementLine() as data:
            return NAME, added_up_account(data)
        case _:
            return NAME, event.account


def _message(data: Data, source: str, event: str) -> str:
    """The message that an event is about: parts that are escaped, so that two of them never make one."""
    match data:
        case PriceCorrected(provider=provider, message=message) if provider != NAME:
            return key_safe(message)
        case PriceCorrected(message=message):
            return _joined(source, message)
        case UsageRolledUp():
            times = (data.start.isoformat(), data.end.isoformat())
            return _joined(data.provider, data.account, data.channel, data.country or "", data.category or "", *times)
        case StatementLine():
            return _joined(data.provider, data.account, data.statement, data.line)
        case _:
            return _joined(source, event)


def _joined(*parts: str) -> str:
    return key_safe("|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts))


def _said(data: Data, at: datetime) -> tuple[str, str, Report]:
    """The meter, the status and the report of an event of a time."""
    match data:
        case MessageSent():
            return data.channel, SENT, _report(data, at, segments=data.segments)
        case CallCompleted():
            return "voice", COMPLETED, _report(data, at, segments=-(-data.seconds // SECONDS_A_MINUTE))
        case PushSent():
            return "push", SENT, _report(data, at, segments=data.quantity, messages=data.quantity)
        case PriceCorrected():
            report = Report(at, data.segments, data.price, data.carrier_fee, data.currency, messages=data.messages)
            return data.channel, CORRECTED, report
        case UsageRolledUp() | StatementLine():
            segments = data.messages if data.segments is None else data.segments
            status = ROLLED_UP if isinstance(data, UsageRolledUp) else STATED
            report = Report(at, segments, data.amount, None, data.currency, messages=data.messages)
            return data.channel or "", status, report


def _report(data: MessageSent | CallCompleted | PushSent, at: datetime, *, segments: int, messages: int = 1) -> Report:
    return Report(at, segments, data.price, data.carrier_fee, data.currency or NO_CURRENCY, messages=messages)


def _pricing(data: Data) -> Pricing | None:
    """The category of a message: what it is counted under, and what a card prices it by where it has no price. With a
    carrier fee alone it has none: no card need list it."""
    if isinstance(data, MessageSent) and data.category is not None and (data.price is not None or not data.is_priced):
        return Pricing(BILLABLE_TYPE, data.category)
    return None


def _recipient(data: Data, hasher: Hasher) -> Kept:
    match data:
        case MessageSent() | CallCompleted():
            return recipient(data.recipient or "", country=data.country or "", hasher=hasher)
        case UsageRolledUp():
            return Kept(country=data.country or "")
        case _:
            return Kept()


def with_time(event: Event, at: datetime) -> Mapping[str, Any]:
    """The event as it is queued: without a time of its own it has that of its first arrival, as its retries have."""
    return event if "time" in event else {**event, "time": at.isoformat()}


PLATFORM_EVENTS: Final = Provider(name=NAME, parse=parse, group=group)
