"""Provider bills: what roll-ups and statement lines add up to, against what our own records do.

A bill is all that was billed of one account's channel for one time; lines whose times overlap are one bill, because
each may be of another country or category. Our side is the sum over every record whose billable moment lies in that
time, at the amounts and in the currencies that the provider reported or its card has, whether they are passed on or
not.

Always true: counts are compared exactly; amounts to the decimals that the lines are written with, and never coarser
than the currency's smallest unit. What cannot be compared is named, never guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from tollgate.domain.calendar import Period, days_within, instant, period_on
from tollgate.domain.contract import Contract
from tollgate.domain.money import MINOR_DIGITS, ZERO, exact_sum
from tollgate.domain.reconciliation import (
    AMOUNT_DIFFERS,
    MESSAGES_DIFFER,
    NOT_BILLED,
    NOT_COMPARED,
    RECEIPTS_MISSING,
    SEGMENTS_DIFFER,
    Difference,
)
from tollgate.domain.records import Record
from tollgate.domain.rollups import STATEMENT, counted

DAY: Final = timedelta(days=1)
CHANNELS: Final = ("mms", "push", "rcs", "sms", "voice", "whatsapp")
"""Those that a bill may be of."""
MOST_NAMED: Final = 3
"""Statements of a bill, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """A roll-up, or a line of a statement (``way``). ``identity`` is what it stands for, and ``at`` when it was said:
    of one identity the latest holds. ``segments`` is None where it does not say."""

    way: str
    identity: str
    at: datetime
    provider: str
    account: str
    channel: str
    start: datetime
    end: datetime
    messages: int
    segments: int | None
    amount: Decimal
    currency: str
    statement: str = ""


class Amount(NamedTuple):
    """What was billed in one currency, and by how much at most rounding its lines can have moved it."""

    billed: Decimal
    rounding: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """All that was billed of one account's channel for one time. ``segments`` is None where a line does not say."""

    way: str
    provider: str
    account: str
    channel: str
    start: datetime
    end: datetime
    messages: int = 0
    segments: int | None = None
    amounts: Mapping[str, Amount] = field(default_factory=dict)
    statements: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        return f"{self.provider} {self.account}, {self.channel}, {_span_words(self.start, self.end)}"

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if self.way != STATEMENT:
            return f"the roll-ups of {self.provider}"
        more = len(self.statements) - MOST_NAMED
        named = ", ".join(self.statements[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"statement {named} of {self.provider}"


@dataclass(frozen=True, slots=True)
class Used:
    """What some records add up to; ``amounts`` by the currency that the provider charges in."""

    messages: int = 0
    segments: int = 0
    amounts: Mapping[str, Decimal] = field(default_factory=dict)

    def __add__(self, other: Used) -> Used:
        currencies = self.amounts.keys() | other.amounts.keys()
        return Used(
            self.messages + other.messages,
            self.segments + other.segments,
            {one: exact_sum((self.amounts.get(one, ZERO), other.amounts.get(one, ZERO))) for one in currencies},
        )


def latest(lines: Iterable[BilledLine]) -> list[BilledLine]:
    """Of each line that was sent more than once, the one that holds; of equal times, the larger, as it is counted."""
    held: dict[tuple[str, str], BilledLine] = {}
    for line in lines:
        before = held.get((line.way, line.identity))
        if before is None or _order(before) < _order(line):
            held[line.way, line.identity] = line
    return list(held.values())


def _order(line: BilledLine) -> tuple[datetime, int, int, Decimal]:
    return (line.at, line.messages, line.messages if line.segments is None else line.segments, line.amount)


def bills(lines: Iterable[BilledLine]) -> list[Bill]:
    """The bills that some lines make, and for every time that a statement covers an empty one of each channel that it
    does not name then: that nothing was used there is what it says."""
    by_channel: dict[tuple[str, str, str, str], list[BilledLine]] = defaultdict(list)
    for line in lines:
        by_channel[line.way, line.provider, line.account, line.channel].append(line)
    found = [_bill(own) for lines_ in by_channel.values() for own in _overlapping(lines_)]
    return sorted([*found, *_unnamed(found)], key=lambda one: (one.provider, one.account, one.channel, one.start))


def _overlapping[T: (BilledLine, Bill)](parts: Iterable[T]) -> Iterator[list[T]]:
    """Parts whose times overlap, together; those that only touch stay apart."""
    together: list[T] = []
    end = datetime.max.replace(tzinfo=UTC)
    for part in sorted(parts, key=lambda one: one.start):
        if together and part.start >= end:
            yield together
            together = []
        end = max(end, part.end) if together else part.end
        together.append(part)
    yield together


def _bill(lines: Sequence[BilledLine]) -> Bill:
    first, said = lines[0], [line.segments for line in lines]
    by_currency: dict[str, list[Decimal]] = defaultdict(list)
    for line in lines:
        by_currency[line.currency].append(line.amount)
    return Bill(
        way=first.way,
        provider=first.provider,
        account=first.account,
        channel=first.channel,
        start=first.start,
        end=max(line.end for line in lines),
        messages=sum(line.messages for line in lines),
        segments=None if None in said else sum(one for one in said if one is not None),
        amounts={
            currency: Amount(exact_sum(own), sum((_rounding(amount, currency) for amount in own), ZERO))
            for currency, own in by_currency.items()
        },
        statements=tuple(sorted({line.statement for line in lines})),
    )


def _rounding(amount: Decimal, currency: str) -> Decimal:
    """Half a unit of the last decimal that an amount is written with, which is the most that writing it so moved it."""
    decimals = max(MINOR_DIGITS[currency], -int(amount.as_tuple().exponent))
    return Decimal(5).scaleb(-decimals - 1)


def _unnamed(named: Sequence[Bill]) -> Iterator[Bill]:
    by_account: dict[tuple[str, str], list[Bill]] = defaultdict(list)
    for bill in named:
        if bill.way == STATEMENT:
            by_account[bill.provider, bill.account].append(bill)
    for (provider, account), own in by_account.items():
        for together in _overlapping(own):
            for channel in CHANNELS:
                of_it = [bill for bill in together if bill.channel == channel]
                for start, end in _gaps(together, of_it):
                    yield Bill(
                        way=STATEMENT,
                        provider=provider,
                        account=account,
                        channel=channel,
                        start=start,
                        end=end,
                        statements=tuple(sorted({name for bill in together for name in bill.statements})),
                    )


def _gaps(together: Sequence[Bill], of_it: Sequence[Bill]) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a time that the bills of one channel do not cover."""
    start, end = min(bill.start for bill in together), max(bill.end for bill in together)
    for bill in sorted(of_it, key=lambda one: one.start):
        if start < bill.start:
            yield start, bill.start
        start = bill.end
    if start < end:
        yield start, end


class Tally:
    """Adds records up by the bills that they belong to."""

    def __init__(self, named: Sequence[Bill]) -> None:
        self._named = named
        self._used = [Used()] * len(named)
        self._places: dict[tuple[str, str, str, str], list[tuple[datetime, int]]] = defaultdict(list)
        for index, bill in enumerate(named):
            self._places[bill.way, bill.provider, bill.account, bill.channel].append((bill.start, index))
        for places in self._places.values():
            places.sort()
        self._ways = sorted({bill.way for bill in named})

    def add(self, record: Record) -> None:
        """Add a record that has usage."""
        usage = record.usage
        assert usage is not None
        provider, account = counted(record.key.provider, record.account)
        for way in self._ways:
            places = self._places.get((way, provider, account, usage.meter), [])
            at = bisect_right(places, usage.moment, key=lambda place: place[0]) - 1
            if at >= 0 and usage.moment < self._named[places[at][1]].end:
                self._used[places[at][1]] += used_of(record)

    def used(self) -> list[tuple[Bill, Used]]:
        """The bills, each with what was added."""
        return list(zip(self._named, self._used, strict=True))


def used_of(record: Record) -> Used:
    """What one record adds: every component of its fee as it was reported or listed. Nothing is nothing in any
    currency."""
    usage = record.usage
    assert usage is not None
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for fee in usage.fees.values():
        if fee.original:
            amounts[fee.original_currency] = exact_sum((amounts[fee.original_currency], fee.original))
    return Used(usage.messages, usage.segments, dict(amounts))


def compared(bill: Bill, used: Used) -> list[Difference]:
    """What a bill says otherwise than our records; of nobody yet."""
    billed_nothing = not bill.messages and not any(amount.billed for amount in bill.amounts.values())
    if billed_nothing and used.messages:
        return [_of_bill(bill, NOT_BILLED, f"{used.messages}", "0", "messages")]
    if bill.messages and not used.messages:
        return [_of_bill(bill, RECEIPTS_MISSING, "0", f"{bill.messages}", "messages")]
    found = []
    if bill.messages != used.messages:
        found.append(_of_bill(bill, MESSAGES_DIFFER, f"{used.messages}", f"{bill.messages}", "messages"))
    if bill.segments is not None and bill.segments != used.segments:
        found.append(_of_bill(bill, SEGMENTS_DIFFER, f"{used.segments}", f"{bill.segments}", "segments"))
    return [*found, *_amounts_compared(bill, used)]


def _amounts_compared(bill: Bill, used: Used) -> Iterator[Difference]:
    if foreign := sorted(used.amounts.keys() - bill.amounts.keys()):
        if bill.amounts:
            named, own = " and ".join(sorted(bill.amounts)), " and ".join(foreign)
            yield incomparable(bill, f"the amounts: billed in {named}, while our records hold prices in {own}")
        return
    for currency, (billed, rounding) in sorted(bill.amounts.items()):
        own_amount = used.amounts.get(currency, ZERO)
        if abs(own_amount - billed) > rounding:
            yield _of_bill(bill, AMOUNT_DIFFERS, f"{own_amount:f}", f"{billed:f}", currency)


def incomparable(bill: Bill, why: str) -> Difference:
    """A bill that cannot be compared, and why; of nobody yet."""
    return Difference(cause=NOT_COMPARED, tenant="", subject=bill.subject, source=bill.source, note=why)


def _of_bill(bill: Bill, cause: str, ours: str, theirs: str, unit: str) -> Difference:
    return Difference(
        cause=cause, tenant="", subject=bill.subject, ours=ours, theirs=theirs, unit=unit, source=bill.source
    )


def cut_by(bill: Bill, lines: Iterable[BilledLine]) -> bool:
    """Whether a bill begins or ends within one of some lines of its channel: an account that is counted by those lines
    has no records finer than they are."""
    return any(
        line.start < edge < line.end
        for line in lines
        if line.channel == bill.channel
        for edge in (bill.start, bill.end)
    )


def periods_within(start: datetime, end: datetime, versions: Sequence[Contract]) -> list[Period]:
    """The periods that a time is about: those of which it holds whole days of the contract's zone, because a provider's
    month and the contract's begin some hours apart; of a time too short for that, those that it touches."""
    contract = versions[0]
    touched = days_within(start, end, contract.timezone)
    first = touched.start if instant(touched.start, contract.timezone) == start else touched.start + DAY
    last = touched.end if instant(touched.end, contract.timezone) == end else touched.end - DAY
    day, until = (first, last) if first < last else (touched.start, touched.end)
    day = max(day, contract.term.start)
    found = []
    while day < until:
        found.append(period_on(day, contract.term_on(day)))
        day = found[-1].end
    return found


def _span_words(start: datetime, end: datetime) -> str:
    """The days of a time, both included, or its instants where it is not whole days in UTC."""
    if any((moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0) for moment in (start, end)):
        return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
    last = (end - DAY).date()
    return f"{start.date()}" if last == start.date() else f"{start.date()} to {last}"
