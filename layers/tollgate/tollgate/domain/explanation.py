"""Explanation: how the amount of an invoice came to be, in exact numbers that a customer can check.

Always true: it is worked out from what the statement itself knew, so its numbers add up to the invoice to the cent,
whatever has been counted since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

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
)
from tollgate.domain.usage import DayRow, Totals, cell_of, totals_of


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
    """Every step from the fees to what is to be paid, of the statement of ``period`` in ``term``."""

    currency: str
    period: Period
    term: date
    terms: tuple[TermPart, ...]
    stated: Decimal
    brought: Decimal
    carried: Decimal
    total: Decimal


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
        period=statement.period,
        term=statement.term,
        terms=terms,
        stated=statement.stated,
        brought=brought,
        carried=carried,
        total=statement.total,
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
