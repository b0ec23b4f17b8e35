"""Terms, periods and days: half-open, in the contract's time zone.

Always true: the periods of a term tile it, a day belongs to exactly one period, a period to exactly one term.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Days from ``start`` up to, not including, ``end``."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end


class Term(Span):
    """A contract year."""

    __slots__ = ()


class Period(Span):
    """A calendar month clipped to its term: what one invoice covers. Named by its first day."""

    __slots__ = ()


@lru_cache
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raises ZoneInfoNotFoundError (a KeyError) for an unknown one."""
    return ZoneInfo(name)


def local_day(moment: datetime, timezone: str) -> date:
    """The calendar day of an instant in a time zone."""
    return moment.astimezone(zone(timezone)).date()


def instant(day: date, timezone: str) -> datetime:
    """The UTC instant at which a day begins in a time zone."""
    return datetime.combine(day, time.min, zone(timezone)).astimezone(UTC)


def last_instant(day: date, timezone: str) -> datetime:
    """The last whole second of a day in a time zone, as a UTC instant."""
    return instant(day + timedelta(days=1), timezone) - timedelta(seconds=1)


def days_within(start: datetime, end: datetime, timezone: str) -> Span:
    """The days of a time zone that a time touches."""
    return Span(local_day(start, timezone), local_day(end - timedelta.resolution, timezone) + timedelta(days=1))


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


@lru_cache(maxsize=4096)  # asked of every message; the days in play are few
def term_on(day: date, *, start: date, months: int) -> Term | None:
    """The term in which a day falls, of a contract that renews every ``months`` from ``start``; None before it.

    Every boundary is counted from ``start``, so that a start on the 29th to the 31st does not drift.
    """
    if day < start:
        return None
    count = ((day.year - start.year) * 12 + day.month - start.month) // months
    if add_months(start, count * months) > day:
        count -= 1
    return Term(add_months(start, count * months), add_months(start, (count + 1) * months))


def periods(term: Term) -> Iterator[Period]:
    """The periods of a term in order."""
    start = term.start
    while start < term.end:
        end = min(add_months(start.replace(day=1), 1), term.end)
        yield Period(start, end)
        start = end


def period_on(day: date, term: Term) -> Period:
    """The period of a term in which a day falls. The day must lie in the term."""
    if day not in term:
        raise ValueError(f"{day} is not in the term from {term.start}")
    return next(period for period in periods(term) if day in period)
