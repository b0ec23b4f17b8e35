"""Months: the calendar month that a page shows, from ``?month=2026-03``, with the ways to those beside it.

Always true: unasked it is the month that has just ended, which is what finance closes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from tollgate.console.request import Request
from tollgate.domain.calendar import Period, add_months
from tollgate.domain.errors import Invalid, Problem

_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
_LEFT: Final = frozenset({"month", "page", "confirm"})  # what does not go along to another month


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """A month by its first day; ``earlier`` and ``later`` are addresses, ``later`` empty for the current month."""

    first: date
    earlier: str
    later: str

    @property
    def span(self) -> Period:
        """The days of the month."""
        return Period(self.first, add_months(self.first, 1))

    @property
    def name(self) -> str:
        """As it stands in an address: ``2026-03``."""
        return f"{self.first:%Y-%m}"


def month_shown(request: Request) -> Months:
    """The month that a request asks for. Raises Invalid for what is no month."""
    now = request.now.date().replace(day=1)
    asked = request.query.one("month")
    found = _MONTH.fullmatch(asked)
    if asked and not found:
        raise Invalid("page", [Problem("month", "expected a month such as 2026-03")])
    first = date(int(found[1]), int(found[2]), 1) if found else add_months(now, -1)
    later = add_months(first, 1)
    return Months(
        first=first,
        earlier=_beside(request, add_months(first, -1)),
        later=_beside(request, later) if later <= now else "",
    )


def _beside(request: Request, month: date) -> str:
    kept = [(name, one) for name in request.query.values if name not in _LEFT for one in request.query.all(name)]
    return f"{request.path}?{urlencode([('month', f'{month:%Y-%m}'), *kept])}"
