"""Usage rows: the running totals of a term and of each day.

Always true: a row is the sum of the usage of all records that fall into it; rows change by differences only, in the
same transaction as the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from tollgate.domain.calendar import Term
from tollgate.domain.money import ZERO, exact_sum
from tollgate.domain.records import Usage


class Cell(NamedTuple):
    """What a day's totals are kept by."""

    meter: str
    category: str
    market: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts, and fees in the contract's currency."""

    messages: int = 0
    segments: int = 0
    fees: Decimal = ZERO

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.messages + other.messages, self.segments + other.segments, exact_sum((self.fees, other.fees))
        )

    def __neg__(self) -> Totals:
        return Totals(-self.messages, -self.segments, -self.fees)

    def __bool__(self) -> bool:
        return bool(self.messages or self.segments or self.fees)

    def measured(self, measure: str) -> Decimal:
        """The one of the three that an allowance is measured in: ``fees``, ``messages`` or ``segments``."""
        return Decimal(getattr(self, measure))


def totals_of(usage: Usage) -> Totals:
    """What one record adds."""
    return Totals(usage.messages, usage.segments, usage.amount)


def cell_of(usage: Usage) -> Cell:
    """The cell of a day that one record adds to."""
    return Cell(usage.meter, usage.category, usage.market)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """The totals of one day by meter, category and market. ``version`` 0: not written yet."""

    day: date
    cells: Mapping[Cell, Totals] = field(default_factory=dict)
    version: int = 0

    def adding(self, cell: Cell, totals: Totals) -> DayRow:
        """The row with ``totals`` added to a cell; a cell that comes to nothing is dropped."""
        cells = dict(self.cells)
        cells[cell] = cells.get(cell, Totals()) + totals
        return replace(self, cells={key: value for key, value in cells.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """The running totals of a term per meter, and which lines were crossed in it.

    ``crossed`` holds the lines, as (meter, percent); ``rearmed`` those that a changed limit allowed to fire again, and
    ``rearmings`` how often that has happened in this term: a limit may be raised and lowered to what it was before.
    ``asked`` holds the lines that the customer asked for beside the contract's, ``passed`` those of them that usage was
    beyond when they were asked for. ``choices`` is the version of the choices that ``asked`` was taken from, of a row
    that is not written yet.
    """

    term: Term
    meters: Mapping[str, Totals] = field(default_factory=dict)
    crossed: frozenset[tuple[str, int]] = frozenset()
    rearmed: frozenset[tuple[str, int]] = frozenset()
    rearmings: int = 0
    asked: frozenset[tuple[str, int]] = frozenset()
    passed: frozenset[tuple[str, int]] = frozenset()
    choices: int = field(default=0, compare=False)
    version: int = 0

    def adding(self, meter: str, totals: Totals) -> TermRow:
        """The row with ``totals`` added to a meter."""
        return replace(self, meters={**self.meters, meter: self.of(meter) + totals})

    def of(self, meter: str) -> Totals:
        """The totals of a meter so far."""
        return self.meters.get(meter, Totals())

    def crossing(self, meter: str, line: int) -> TermRow:
        """The row with a line marked as crossed."""
        return replace(self, crossed=self.crossed | {(meter, line)})
