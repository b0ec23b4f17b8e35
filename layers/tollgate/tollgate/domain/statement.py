"""Statements: what one period comes to, by accumulation over the term.

Always true: the lines add up to the total, to the minor unit; the stated amounts of a term's statements add up to the
rounded billable fees of that term as the last of them knew it; what was stated but not invoiced (carried forward, or
on a voided invoice) is brought forward by the next statement. Late and corrected usage therefore comes out by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from tollgate.domain.calendar import Period, Term, periods
from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.money import ZERO, minimum_charge, round_half_up, split
from tollgate.domain.usage import Cell, DayRow, Totals

DRAFT: Final = "draft"
NIL: Final = "nil"
CARRIED: Final = "carried"

BROUGHT_FORWARD: Final = "brought-forward"
CARRIED_FORWARD: Final = "carried-forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a stable ``key``, the number of messages (or of changed messages) and an amount in whole cents."""

    key: str
    description: str
    quantity: int
    amount: Decimal


class Stated(NamedTuple):
    """What a statement knew of one period of one meter."""

    messages: int
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStatement:
    """What a statement knew of one meter of one term: usage by period, and what of it was billable (exact)."""

    billable: Decimal = ZERO
    periods: Mapping[date, Stated] = field(default_factory=dict)


type TermStatement = Mapping[str, MeterStatement]
"""By meter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The computed lines of one period.

    ``total`` is to pay; ``stated`` is what this period and its adjustments come to, before anything brought or carried
    forward; ``known`` is the usage it was computed from, by term start: what the next statement compares with.
    """

    tenant: str
    period: Period
    term: date
    currency: str
    kind: str
    lines: tuple[Line, ...]
    stated: Decimal
    total: Decimal
    known: Mapping[date, TermStatement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An earlier statement of the tenant, as far as the next one needs it: ``invoiced`` is zero for a void invoice."""

    stated: Decimal
    invoiced: Decimal
    known: Mapping[date, TermStatement]


@dataclass(frozen=True, slots=True, kw_only=True)
class TermUsage:
    """A term's days as counted, with the contract whose limits hold for it. ``until`` ends what is looked at."""

    term: Term
    contract: Contract
    days: Sequence[DayRow]
    until: date


class _Part(NamedTuple):
    """A line before rounding."""

    key: str
    description: str
    quantity: int
    exact: Decimal


def billable(allowance: Allowance, fees: Decimal) -> Decimal:
    """What of a term's fees is billed: the part above what is included, or all of it once that is exceeded.

    Exactly the included amount is still free.
    """
    if fees <= allowance.included:
        return ZERO
    return fees if allowance.beyond == "bill-all" else fees - allowance.included


def billed_meters(contract: Contract) -> list[str]:
    """The meters whose fees are invoiced."""
    return sorted(meter for meter, rule in contract.allowances.items() if rule.beyond != "suspend")


def cells_between(days: Iterable[DayRow], start: date, end: date) -> dict[Cell, Totals]:
    """The totals of some days, by cell; cells that come to nothing are left out."""
    cells: dict[Cell, Totals] = {}
    for row in days:
        if start <= row.day < end:
            for cell, totals in row.cells.items():
                cells[cell] = cells.get(cell, Totals()) + totals
    return {cell: totals for cell, totals in cells.items() if totals}


def known_of(usage: TermUsage) -> TermStatement:
    """The usage of a term up to a day, as a statement records it."""
    known: dict[str, MeterStatement] = {}
    for meter in billed_meters(usage.contract):
        by_period: dict[date, Stated] = {}
        for period in periods(usage.term):
            if period.start >= usage.until:
                break
            cells = cells_between(usage.days, period.start, period.end)
            totals = sum((t for cell, t in cells.items() if cell.meter == meter), Totals())
            by_period[period.start] = Stated(totals.messages, totals.fees)
        fees = sum((stated.fees for stated in by_period.values()), ZERO)
        known[meter] = MeterStatement(billable=billable(usage.contract.allowances[meter], fees), periods=by_period)
    return known


def compute(
    *, tenant: str, period: Period, current: TermUsage, late: Sequence[TermUsage], earlier: Sequence[Earlier]
) -> Statement:
    """The statement of a period.

    ``current``: the period's term up to the period's end. ``late``: ended terms whose usage may have changed since.
    ``earlier``: every earlier statement of the tenant, oldest first.
    """
    currency = current.contract.currency
    known: dict[date, TermStatement] = {}
    lines: list[Line] = []
    stated = ZERO
    for usage in (current, *late):
        now, before = known_of(usage), last_known(earlier, usage.term.start)
        amount = round_half_up(billable_sum(now), currency) - round_half_up(billable_sum(before), currency)
        parts = _term_parts(usage, now, before, period if usage is current else None)
        known[usage.term.start] = now
        stated += amount
        lines += _rounded(parts, amount, currency)
    brought = sum((statement.stated - statement.invoiced for statement in earlier), ZERO)
    if brought:
        lines.append(_forward(BROUGHT_FORWARD, "Brought forward from earlier statements", brought))
    due = stated + brought
    kind = _kind(due, currency)
    if kind == CARRIED:
        lines.append(_forward(CARRIED_FORWARD, "Carried forward to the next statement", -due))
    return Statement(
        tenant=tenant,
        period=period,
        term=current.term.start,
        currency=currency,
        kind=kind,
        lines=tuple(lines),
        stated=stated,
        total=round_half_up(due if kind == DRAFT else ZERO, currency),
        known=known,
    )


def last_known(earlier: Sequence[Earlier], term: date) -> TermStatement:
    """What the latest statement that looked at a term knew of it."""
    return next((statement.known[term] for statement in reversed(earlier) if term in statement.known), {})


def _kind(due: Decimal, currency: str) -> str:
    if due == 0:
        return NIL
    return DRAFT if due >= minimum_charge(currency) else CARRIED


def billable_sum(known: TermStatement) -> Decimal:
    """What of a term's usage is billable over all meters, exact."""
    return sum((meter.billable for meter in known.values()), ZERO)


def _forward(key: str, description: str, amount: Decimal) -> Line:
    return Line(key=key, description=description, quantity=1, amount=amount)


def _rounded(parts: Sequence[_Part], amount: Decimal, currency: str) -> list[Line]:
    rounded = split([part.exact for part in parts], amount, currency)
    return [
        Line(key=part.key, description=part.description, quantity=part.quantity, amount=cents)
        for part, cents in zip(parts, rounded, strict=True)
    ]


def _term_parts(usage: TermUsage, now: TermStatement, before: TermStatement, period: Period | None) -> list[_Part]:
    """The exact lines of one term: the period's usage, changes to earlier periods, and what the allowance takes off.

    They add up to what became billable since ``before``, of every meter that is billed or was.
    """
    parts: list[_Part] = []
    for meter in sorted(now.keys() | before.keys()):
        old = before.get(meter, MeterStatement())
        if meter in now:
            parts += _meter_parts(usage, meter, now[meter], old, period)
        elif old.billable:
            parts.append(_withdrawn_part(meter, usage, old))
    return parts


def _meter_parts(
    usage: TermUsage, meter: str, now: MeterStatement, old: MeterStatement, period: Period | None
) -> list[_Part]:
    charges = [*_usage_parts(usage, meter, period), *_adjustments(meter, now, old, period)]
    allowance = now.billable - old.billable - sum((part.exact for part in charges), ZERO)
    if not allowance:
        return charges
    key = f"allowance/{meter}" + (f"/{usage.term.start}" if period is None else "")
    return [*charges, _Part(key, _allowance_words(meter, usage, allowance, exceeded=now.billable > 0), 1, allowance)]


def _usage_parts(usage: TermUsage, meter: str, period: Period | None) -> list[_Part]:
    if period is None:
        return []
    cells = cells_between(usage.days, period.start, period.end)
    return [
        _Part(line_key(cell), describe(cell), totals.messages, totals.fees)
        for cell, totals in sorted(cells.items())
        if cell.meter == meter
    ]


def _adjustments(meter: str, now: MeterStatement, old: MeterStatement, period: Period | None) -> list[_Part]:
    parts = []
    for start, stated in sorted(now.periods.items()):
        before = old.periods.get(start, Stated(0, ZERO))
        if (period is not None and start == period.start) or stated == before:
            continue
        parts.append(
            _Part(
                f"adjustment/{meter}/{start}",
                f"Late and corrected {meter_name(meter)} usage of {start:%B %Y}",
                stated.messages - before.messages,
                stated.fees - before.fees,
            )
        )
    return parts


def _withdrawn_part(meter: str, usage: TermUsage, old: MeterStatement) -> _Part:
    """What was billed of a meter that a changed contract does not bill any more, given back."""
    description = f"{meter_name(meter)} usage is not billed any more in the contract year from {usage.term.start}"
    return _Part(f"adjustment/{meter}/{usage.term.start}/withdrawn", description, 1, -old.billable)


def _allowance_words(meter: str, usage: TermUsage, exact: Decimal, *, exceeded: bool) -> str:
    included = f"{usage.contract.currency} {usage.contract.allowances[meter].included}"
    if exact < 0:
        return f"Included in the contract year ({included})"
    if exceeded:
        return f"No longer included, as {included} is exceeded"
    return f"Less used of what is included in the contract year ({included})"


def line_key(cell: Cell) -> str:
    """The stable key of a usage line: category and market; of any meter but WhatsApp the meter is the category."""
    return f"{cell.category}/{cell.market}"


def describe(cell: Cell) -> str:
    """A usage line in words: ``Marketing messages, North America``."""
    label = meter_name(cell.meter) if cell.category == cell.meter else cell.category.replace("_", " ").capitalize()
    return f"{label} messages, {cell.market}"


def meter_name(meter: str) -> str:
    """A meter in words: abbreviations in capitals."""
    if meter == "whatsapp":
        return "WhatsApp"
    return meter.upper() if len(meter) == len("sms") else meter.capitalize()
