"""Exports: how a tenant's records of the past months are cut into files, by days.

Always true: every day with use is in exactly one file; a file has days of one month. How many messages a day has is
known from its row, so that nothing is read to say what files there are: 13 months are one query of 400 small rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from tollgate.domain.calendar import add_months
from tollgate.domain.usage import DayRow
from tollgate.stages.ports.ledger import LedgerRows

MONTHS: Final = 13
"""Records are kept so long."""
MOST_ROWS: Final = 40_000
"""Records of one file: about 5 MB, what a function may answer with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file: the days from first to last, both included, and their messages. Too many only where one day has them."""

    first: date
    last: date
    messages: int

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)


def parts(tenant: str, *, today: date, ledger: LedgerRows, most: int = MOST_ROWS) -> list[Part]:
    """The files of the last months, the newest first."""
    first = add_months(today.replace(day=1), 1 - MONTHS)
    rows = ledger.days(tenant, first, today + timedelta(days=1))
    months = groupby(rows, key=lambda row: (row.day.year, row.day.month))
    return [part for _, own in months for part in _of_month(list(own), most)][::-1]


def _of_month(rows: Sequence[DayRow], most: int) -> list[Part]:
    found: list[Part] = []
    for row in rows:
        messages = sum(totals.messages for totals in row.cells.values())
        last = found[-1] if found else None
        if last and last.messages + messages <= most:
            found[-1] = Part(first=last.first, last=row.day, messages=last.messages + messages)
        else:
            found.append(Part(first=row.day, last=row.day, messages=messages))
    return [part for part in found if part.messages]
