"""Close report: where every message of a period went, and every amount of its statement; both must come out at zero.

Always true of a closed period: what was sent is billed, free, late, corrected or quarantined, and the lines are the
total. ``messages_off`` and ``amount_off`` are what is left over, from counters, statement and lines, each kept apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tollgate.domain.calendar import Period
from tollgate.domain.corrections import credited
from tollgate.domain.invoices import Invoice
from tollgate.domain.money import ZERO
from tollgate.domain.statement import (
    BROUGHT_FORWARD,
    CARRIED_FORWARD,
    MeterStatement,
    Stated,
    cells_between,
)
from tollgate.domain.usage import DayRow

MISSING: Final = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRow:
    """One period of one tenant. Messages: ``sent`` is what the counters have now and what waits in quarantine;
    ``billed`` is on the statement's lines, ``free`` of meters that are not invoiced, ``late`` and ``corrected``
    what the counters have changed by since. Amounts are the statement's lines by kind; ``status`` is ``missing`` where
    a period that is due has none."""

    tenant: str
    period: Period
    status: str
    currency: str = ""
    sent: int
    billed: int = 0
    free: int = 0
    late: int = 0
    corrected: int = 0
    quarantined: int
    messages_off: int
    fees: Decimal = ZERO
    included: Decimal = ZERO
    late_amount: Decimal = ZERO
    corrected_amount: Decimal = ZERO
    brought: Decimal = ZERO
    carried: Decimal = ZERO
    to_pay: Decimal = ZERO
    credited: Decimal = ZERO
    amount_off: Decimal = ZERO

    @property
    def adds_up(self) -> bool:
        """Whether both are at zero."""
        return not self.messages_off and not self.amount_off


def unstated(tenant: str, period: Period, *, days: Sequence[DayRow], quarantined: int) -> CloseRow:
    """The row of a period that is due and has no statement: all of it is left over."""
    counted = sum(_counted(days, period).values())
    return CloseRow(
        tenant=tenant,
        period=period,
        status=MISSING,
        sent=counted + quarantined,
        quarantined=quarantined,
        messages_off=counted,
    )


def close_row(invoice: Invoice, *, days: Sequence[DayRow], quarantined: int) -> CloseRow:
    """The row of a period's invoice. ``days``: those of the period as they are counted now."""
    statement = invoice.statement
    counted, known = _counted(days, statement.period), statement.known.get(statement.term, {})
    drift = [counted.get(meter, 0) - _stated(known[meter], statement.period) for meter in known]
    sums = dict.fromkeys(("fees", "included", "late", "corrected", "brought", "carried"), ZERO)
    billed = 0
    for line in statement.lines:
        kind = _kind(line.key, line.amount)
        sums[kind] += line.amount
        billed += line.quantity if kind == "fees" else 0
    sent, free = sum(counted.values()), sum(count for meter, count in counted.items() if meter not in known)
    late, corrected = sum(d for d in drift if d > 0), sum(d for d in drift if d < 0)
    return CloseRow(
        tenant=invoice.tenant,
        period=statement.period,
        status=invoice.status,
        currency=statement.currency,
        sent=sent + quarantined,
        billed=billed,
        free=free,
        late=late,
        corrected=corrected,
        quarantined=quarantined,
        messages_off=sent - billed - free - late - corrected,
        fees=sums["fees"],
        included=sums["included"],
        late_amount=sums["late"],
        corrected_amount=sums["corrected"],
        brought=sums["brought"],
        carried=sums["carried"],
        to_pay=statement.total,
        credited=credited(invoice),
        amount_off=sum(sums.values(), ZERO) - statement.total,
    )


def _counted(days: Sequence[DayRow], period: Period) -> dict[str, int]:
    counted: dict[str, int] = {}
    for cell, totals in cells_between(days, period.start, period.end).items():
        counted[cell.meter] = counted.get(cell.meter, 0) + totals.messages
    return counted


def _stated(known: MeterStatement, period: Period) -> int:
    return known.periods.get(period.start, Stated(0, ZERO)).messages


def _kind(key: str, amount: Decimal) -> str:
    if key.startswith("allowance/"):
        return "included"
    if key.startswith("adjustment/"):
        return "late" if amount > 0 else "corrected"
    return {BROUGHT_FORWARD: "brought", CARRIED_FORWARD: "carried"}.get(key, "fees")
