"""Pace: how fast an allowance has been used since its term began, and when it would be used up at that speed.

Always true: it looks at nothing but the numbers and the time it is given, so a mail rendered again says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from tollgate.domain.calendar import Term, instant, local_day
from tollgate.domain.money import ZERO

_SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``per_day`` is in the allowance's measure. ``limit_on`` is the local day on which all of it would be used; None
    when it is ``reached`` already, when the term has ``ended``, or when that day would lie beyond the term."""

    per_day: Decimal
    limit_on: date | None
    reached: bool
    ended: bool


def pace(*, used: Decimal, included: Decimal, term: Term, at: datetime, timezone: str) -> Pace:
    """The pace from the term's start to ``at``.

    A day is the shortest span averaged over: an hour's burst on the first morning is not multiplied by 24.
    After the term's end the average is over the whole term.
    """
    begin, end = instant(term.start, timezone), instant(term.end, timezone)
    elapsed = min(at, end) - begin
    days = max(Decimal(int(elapsed.total_seconds())) / _SECONDS_A_DAY, Decimal(1))
    per_day = used / days
    return Pace(
        per_day=per_day,
        limit_on=_limit_on(included - used, per_day=per_day, at=at, end=end, timezone=timezone),
        reached=used >= included,
        ended=at >= end,
    )


def _limit_on(remaining: Decimal, *, per_day: Decimal, at: datetime, end: datetime, timezone: str) -> date | None:
    if remaining <= ZERO or per_day <= ZERO or at >= end:
        return None
    # Compared as numbers first: a slow pace would name a day beyond what a date can hold.
    seconds_left = remaining / per_day * _SECONDS_A_DAY
    if seconds_left >= Decimal(int((end - at).total_seconds())):
        return None
    return local_day(at + timedelta(seconds=int(seconds_left)), timezone)
