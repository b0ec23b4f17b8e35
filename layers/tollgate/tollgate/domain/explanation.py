"""Explanation: how the amount of an invoice came to be, in sentences and exact numbers that a customer can check.

Always true: it is worked out from what the statement itself knew, so its numbers add up to the invoice to the cent,
whatever has been counted since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from tollgate.domain.calendar import Period
from tollgate.domain.contract import Contract
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice, as_earlier
from tollgate.domain.money import ZERO, round_half_up
from tollgate.domain.records import Usage
from tollgate.domain.statement import (
    BROUGHT_FORWARD,
    CARRIED_FORWARD,
    MeterStatement,
    Stated,
    TermStatement,
    billable,
    billable_sum,
    last_known,
    meter_name,
)
from tollgate.domain.usage import DayRow, Totals, cell_of, totals_of

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What became known of an earlier period since it was stated: late usage, or usage that was corrected."""

    meter: str
    period: date
    messages: int
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPart:
    """One meter of one term, to the end of the period. ``free`` is what of the fees is not billed; ``included`` the
    contract's allowance, None where it has changed since."""

    term: date
    meter: str
    messages: int
    fees: Decimal
    this_period: Stated
    free: Decimal
    billable: Decimal
    included: Decimal | None
    adjustments: tuple[Adjustment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermPart:
    """What a term comes to: all of it rounded, what earlier statements came to, and the difference, which is billed.

    ``rounding``: what rounding added (or took) up to now over the whole term; never more than half a cent.
    ``withdrawn``: what was billed of meters that a changed contract does not bill any more.
    """

    term: date
    meters: tuple[MeterPart, ...]
    withdrawn: Mapping[str, Decimal]
    exact: Decimal
    rounded: Decimal
    rounding: Decimal
    before: Decimal
    now: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Every step from the fees to what is to be paid; ``sentences`` say the same in words."""

    currency: str
    terms: tuple[TermPart, ...]
    stated: Decimal
    brought: Decimal
    carried: Decimal
    total: Decimal
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The message with which a term's fees went beyond what is included. Its fee is ``free`` plus ``paid``."""

    message: MessageKey
    at: datetime
    before: Decimal
    after: Decimal
    included: Decimal
    free: Decimal
    paid: Decimal


@dataclass(frozen=True, slots=True)
class DayPoint:
    """A day of the chart: its messages and fees, and the fees of the term up to its end."""

    day: date
    messages: int
    fees: Decimal
    to_date: Decimal


def explain(invoice: Invoice, earlier: Sequence[Invoice], contracts: Mapping[date, Contract]) -> Explanation:
    """How an invoice came to be. ``earlier``: those before it, oldest first; ``contracts``: whose limits hold for each
    term that it looks at."""
    statement, past = invoice.statement, [as_earlier(one) for one in earlier]
    terms = tuple(
        _term_part(term, known, last_known(past, term), contracts[term], statement.currency, statement.period.start)
        for term, known in sorted(statement.known.items(), reverse=True)
    )
    amounts = {line.key: line.amount for line in statement.lines}
    brought, carried = amounts.get(BROUGHT_FORWARD, ZERO), amounts.get(CARRIED_FORWARD, ZERO)
    return Explanation(
        currency=statement.currency,
        terms=terms,
        stated=statement.stated,
        brought=brought,
        carried=carried,
        total=statement.total,
        sentences=tuple(_sentences(invoice, terms, brought, carried)),
    )


def _term_part(
    term: date, known: TermStatement, before: TermStatement, contract: Contract, currency: str, period: date
) -> TermPart:
    exact, rounded = billable_sum(known), round_half_up(billable_sum(known), currency)
    stated = round_half_up(billable_sum(before), currency)
    meters = [_meter_part(term, meter, known[meter], before.get(meter), contract, period) for meter in sorted(known)]
    return TermPart(
        term=term,
        meters=tuple(meters),
        withdrawn={meter: old.billable for meter, old in sorted(before.items()) if meter not in known and old.billable},
        exact=exact,
        rounded=rounded,
        rounding=rounded - exact,
        before=stated,
        now=rounded - stated,
    )


def _meter_part(
    term: date, meter: str, known: MeterStatement, before: MeterStatement | None, contract: Contract, period: date
) -> MeterPart:
    old = before.periods if before else {}
    fees = sum((stated.fees for stated in known.periods.values()), ZERO)
    rule = contract.allowances.get(meter)
    return MeterPart(
        term=term,
        meter=meter,
        messages=sum(stated.messages for stated in known.periods.values()),
        fees=fees,
        this_period=known.periods.get(period, Stated(0, ZERO)),
        free=fees - known.billable,
        billable=known.billable,
        included=rule.included if rule and billable(rule, fees) == known.billable else None,
        adjustments=tuple(
            Adjustment(meter=meter, period=start, messages=now.messages - was.messages, fees=now.fees - was.fees)
            for start, now in sorted(known.periods.items())
            if start != period and now != (was := old.get(start, Stated(0, ZERO)))
        ),
    )


def _sentences(invoice: Invoice, terms: Sequence[TermPart], brought: Decimal, carried: Decimal) -> Iterable[str]:
    statement = invoice.statement
    money = _Money(statement.currency)
    for part in terms:
        for meter in part.meters:
            yield from _meter_sentences(meter, money, statement.period if part.term == statement.term else None)
        yield from _term_sentences(part, money)
    if brought:
        yield f"{money(brought)} are brought forward from earlier statements, which did not invoice them."
    if carried:
        yield f"{money(-carried)} are carried forward to the next statement: too little to invoice, or nothing to pay."
    yield f"To pay: {money(statement.total)}."


def _meter_sentences(part: MeterPart, money: _Money, period: Period | None) -> Iterable[str]:
    name, start = meter_name(part.meter), day_words(part.term)
    if period is None:
        yield f"{name} fees of the contract year from {start}, which has ended, now come to {money(part.fees)}."
    else:
        until, own = day_words(period.end - timedelta(days=1)), money(part.this_period.fees)
        yield f"{name} fees from {start} to {until} come to {money(part.fees)}, of which {own} are of this period."
    for one in part.adjustments:
        yield (
            f"In them, what became known of {one.period:%B %Y} since it was stated: "
            f"{one.messages:+,} messages, {money(one.fees)}."
        )
    yield _allowance_sentence(part, money)


def _allowance_sentence(part: MeterPart, money: _Money) -> str:
    limit = f"the {money(part.included)} included" if part.included is not None else "what is included"
    if part.billable and not part.free:
        return f"They exceed {limit}, so all of them are billed: {money(part.billable)}."
    if part.billable:
        return f"{money(part.free)} of them are included and free; the rest, {money(part.billable)}, is billed."
    return f"They are within {limit}: nothing of them is billed."


def _term_sentences(part: TermPart, money: _Money) -> Iterable[str]:
    for meter, billed in part.withdrawn.items():
        yield f"{meter_name(meter)} is not billed any more: {money(billed)} of earlier statements come off."
    if part.rounding:
        yield f"Rounded once, half up: {money(part.rounded)} ({money(part.rounding, sign=True)})."
    if part.before:
        yield f"Earlier statements of the contract year came to {money(part.before)}."
    yield f"This statement adds {money(part.now)}."


def exact_money(amount: Decimal, currency: str) -> str:
    """An amount with every decimal it has: ``USD 1,234.5678``."""
    return _Money(currency)(amount)


class _Money:
    """Amounts as customers read them: ``USD 1,234.5678``, never fewer than two decimals, never rounded."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, amount: Decimal, *, sign: bool = False) -> str:
        exact = amount.normalize()
        if exact.as_tuple().exponent > -2:  # type: ignore[operator]  # a finite amount
            exact = exact.quantize(_CENT)
        return f"{self._currency} {exact:{'+' if sign else ''},f}"


def day_words(day: date) -> str:
    """``15 January 2026``."""
    return f"{day.day} {day:%B %Y}"


def find_crossing(
    usages: Iterable[tuple[MessageKey, Usage]], *, meter: str, before: Decimal, included: Decimal, bills_all: bool
) -> Crossing | None:
    """The message of one day with which the running total goes beyond what is included; None when none does.

    In the order of the billable moment, then of the message's id: the same records give the same message, in whatever
    order they became known. Exactly what is included is still free.
    """
    running = before
    ordered = sorted((u.moment, key, totals_of(u).fees) for key, u in usages if cell_of(u).meter == meter)
    for at, key, fee in ordered:
        after = running + fee
        if running <= included < after:
            free = ZERO if bills_all else included - running
            return Crossing(
                message=key, at=at, before=running, after=after, included=included, free=free, paid=fee - free
            )
        running = after
    return None


def crossing_day(days: Sequence[DayRow], *, meter: str, included: Decimal) -> tuple[date, Decimal] | None:
    """The day on which a term's fees go beyond what is included, and the fees before it; None when they do not."""
    running = ZERO
    for row in days:
        fees = _of(row, meter).fees
        if running <= included < running + fees:
            return row.day, running
        running += fees
    return None


def series(days: Sequence[DayRow], *, meter: str, start: date, end: date) -> list[DayPoint]:
    """The days of a term in order, those in [start, end) as points of a chart."""
    points, running = [], ZERO
    for row in days:
        totals = _of(row, meter)
        running += totals.fees
        if start <= row.day < end:
            points.append(DayPoint(row.day, totals.messages, totals.fees, running))
    return points


def _of(row: DayRow, meter: str) -> Totals:
    return sum((totals for cell, totals in row.cells.items() if cell.meter == meter), Totals())
