"""Used: what a tenant used in some days, by day and by category and market.

Reads: one query of day rows; a month is 31 rows at most.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from tollgate.domain.usage import Cell, Totals
from tollgate.stages.ports.ledger import LedgerRows


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterUse:
    """One meter: its total, every day in order (also those without use), and its cells, the most used first."""

    meter: str
    total: Totals
    days: tuple[tuple[date, Totals], ...]
    cells: tuple[tuple[Cell, Totals], ...]


def used(tenant: str, first: date, end: date, *, ledger: LedgerRows) -> list[MeterUse]:
    """What was used in [first, end), by meter; a meter without use is left out."""
    by_day: dict[str, dict[date, Totals]] = defaultdict(dict)
    by_cell: dict[Cell, Totals] = {}
    for row in ledger.days(tenant, first, end):
        for cell, totals in row.cells.items():
            own = by_day[cell.meter]
            own[row.day] = own.get(row.day, Totals()) + totals
            by_cell[cell] = by_cell.get(cell, Totals()) + totals
    return [_meter_use(meter, own, by_cell, first, end) for meter, own in sorted(by_day.items())]


def _meter_use(
    meter: str, days: dict[date, Totals], cells: dict[Cell, Totals], first: date, end: date
) -> MeterUse:  # fmt: skip
    every_day = [first + timedelta(days=n) for n in range((end - first).days)]
    own = [(cell, totals) for cell, totals in cells.items() if cell.meter == meter]
    return MeterUse(
        meter=meter,
        total=sum((totals for _, totals in own), Totals()),
        days=tuple((day, days.get(day, Totals())) for day in every_day),
        cells=tuple(sorted(own, key=lambda one: (-one[1].messages, -one[1].fees, one[0]))),
    )
