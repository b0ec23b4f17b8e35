"""Terms, periods and days in the contract's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import days, timezones
from tollgate.domain.calendar import (
    Period,
    Term,
    add_months,
    instant,
    last_instant,
    local_day,
    period_on,
    periods,
    term_on,
    zone,
)


def d(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "months", "day", "first", "end"),
    [
        ("2026-01-15", 12, "2026-01-15", "2026-01-15", "2027-01-15"),
        ("2026-01-15", 12, "2027-01-14", "2026-01-15", "2027-01-15"),
        ("2026-01-15", 12, "2027-01-15", "2027-01-15", "2028-01-15"),
        ("2026-01-15", 12, "2031-06-01", "2031-01-15", "2032-01-15"),
        ("2024-02-29", 12, "2025-02-27", "2024-02-29", "2025-02-28"),  # leap day
        ("2024-02-29", 12, "2025-02-28", "2025-02-28", "2026-02-28"),
        ("2024-02-29", 12, "2028-02-28", "2027-02-28", "2028-02-29"),  # does not drift to the 28th
        ("2024-02-29", 12, "2028-02-29", "2028-02-29", "2029-02-28"),
        ("2026-01-31", 1, "2026-02-27", "2026-01-31", "2026-02-28"),
        ("2026-01-31", 1, "2026-02-28", "2026-02-28", "2026-03-31"),
        ("2026-01-31", 1, "2026-03-30", "2026-02-28", "2026-03-31"),
        ("2026-01-30", 1, "2026-03-01", "2026-02-28", "2026-03-30"),
        ("2026-08-29", 6, "2027-02-28", "2027-02-28", "2027-08-29"),
        ("2026-08-29", 6, "2027-02-27", "2026-08-29", "2027-02-28"),
    ],
)
def test_a_day_falls_in_one_term(start: str, months: int, day: str, first: str, end: str) -> None:
    """Terms renew by themselves; every boundary is counted from the first start."""
    assert term_on(d(day), start=d(start), months=months) == Term(d(first), d(end))


def test_there_is_no_term_before_the_first() -> None:
    """The day before a contract starts belongs to none of its terms."""
    assert term_on(d("2026-01-14"), start=d("2026-01-15"), months=12) is None


@pytest.mark.parametrize(
    ("start", "end", "firsts"),
    [
        ("2026-01-01", "2026-04-01", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("2026-01-15", "2026-03-15", ["2026-01-15", "2026-02-01", "2026-03-01"]),  # both ends split a month
        ("2026-01-31", "2026-02-28", ["2026-01-31", "2026-02-01"]),
        ("2024-02-29", "2024-03-29", ["2024-02-29", "2024-03-01"]),
        ("2026-12-15", "2027-01-15", ["2026-12-15", "2027-01-01"]),
    ],
)
def test_periods_are_calendar_months_clipped_to_the_term(start: str, end: str, firsts: list[str]) -> None:
    """A period is named by its first day; a term from the 15th has a short first and a short last one."""
    found = list(periods(Term(d(start), d(end))))
    assert [str(period.start) for period in found] == firsts
    assert found[-1].end == d(end)


def test_a_contract_year_from_the_15th_has_thirteen_invoices() -> None:
    """January is split in two: its second half opens the term, its first half closes it."""
    assert len(list(periods(Term(d("2026-01-15"), d("2027-01-15"))))) == 13


def test_a_day_outside_a_term_has_no_period_in_it() -> None:
    """The end of a term is exclusive."""
    term = Term(d("2026-01-15"), d("2027-01-15"))
    assert period_on(d("2026-01-20"), term) == Period(d("2026-01-15"), d("2026-02-01"))
    with pytest.raises(ValueError, match="2027-01-15 is not in the term from 2026-01-15"):
        period_on(d("2027-01-15"), term)


@pytest.mark.parametrize(
    ("moment", "timezone", "day"),
    [
        ("2026-03-01T05:59:59+00:00", "America/Chicago", "2026-02-28"),
        ("2026-03-01T06:00:00+00:00", "America/Chicago", "2026-03-01"),
        ("2026-07-01T04:59:59+00:00", "America/Chicago", "2026-06-30"),  # summer: an hour earlier
        ("2026-07-01T05:00:00+00:00", "America/Chicago", "2026-07-01"),
        ("2026-01-01T09:59:59+00:00", "Pacific/Kiritimati", "2026-01-01"),  # UTC+14
        ("2025-12-31T10:00:00+00:00", "Pacific/Kiritimati", "2026-01-01"),
        ("2026-01-01T10:59:59+00:00", "Pacific/Pago_Pago", "2025-12-31"),  # UTC-11
        ("2026-01-01T11:00:00+00:00", "Pacific/Pago_Pago", "2026-01-01"),
    ],
)
def test_usage_belongs_to_the_contracts_own_day(moment: str, timezone: str, day: str) -> None:
    """The same instant is another day elsewhere."""
    assert local_day(datetime.fromisoformat(moment), timezone) == d(day)


@pytest.mark.parametrize(
    ("day", "timezone", "begins", "hours"),
    [
        ("2026-03-08", "America/Chicago", "2026-03-08T06:00:00+00:00", 23),
        ("2026-11-01", "America/Chicago", "2026-11-01T05:00:00+00:00", 25),
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00:00+00:00", 23),  # midnight itself is skipped
        ("2026-11-01", "America/Havana", "2026-11-01T04:00:00+00:00", 25),  # midnight comes twice
        ("2026-06-01", "UTC", "2026-06-01T00:00:00+00:00", 24),
    ],
)
def test_a_day_may_have_23_or_25_hours(day: str, timezone: str, begins: str, hours: int) -> None:
    """A day begins at its first instant and ends a second before the next one does, clock changes included."""
    begin = datetime.fromisoformat(begins)
    assert instant(d(day), timezone) == begin
    assert last_instant(d(day), timezone) == begin + timedelta(hours=hours, seconds=-1)


def test_an_unknown_zone_is_a_key_error() -> None:
    """A misspelt zone is refused, not read as UTC."""
    with pytest.raises(KeyError):
        zone("America/Chicgo")


@given(start=days(), months=st.integers(1, 60), after=st.integers(0, 4000))
def test_terms_and_periods_tile_all_days(start: date, months: int, after: int) -> None:
    """Every day from the first start on lies in one term and one period; neighbours touch and never overlap."""
    day = start + timedelta(days=after)
    term = term_on(day, start=start, months=months)
    assert term is not None
    assert day in term
    assert term_on(term.end, start=start, months=months) != term
    following = term_on(term.end, start=start, months=months)
    assert following is not None
    assert following.start == term.end
    tiles = list(periods(term))
    assert [tile.start for tile in tiles] == [term.start, *(tile.end for tile in tiles[:-1])]
    assert tiles[-1].end == term.end
    assert all(tile.start < tile.end and add_months(tile.start.replace(day=1), 1) >= tile.end for tile in tiles)
    assert sum(day in tile for tile in tiles) == 1
    assert day in period_on(day, term)


@given(day=days(), timezone=timezones())
def test_a_day_starts_and_ends_inside_itself(day: date, timezone: str) -> None:
    """The first and last instants of a day are on that day, the ones beside them are not."""
    first, last = instant(day, timezone), last_instant(day, timezone)
    assert (first.tzinfo, last.tzinfo) == (UTC, UTC)
    assert [local_day(t, timezone) for t in (first, last)] == [day, day]
    assert local_day(first - timedelta(seconds=1), timezone) == day - timedelta(days=1)
    assert local_day(last + timedelta(seconds=1), timezone) == day + timedelta(days=1)
