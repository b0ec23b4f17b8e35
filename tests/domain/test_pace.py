"""Pace: how fast an allowance is used, and when it would be used up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.calendar import Term
from tollgate.domain.pace import Pace, pace

D = Decimal
YEAR = Term(date(2026, 1, 15), date(2027, 1, 15))
BEGIN = datetime(2026, 1, 15, 6, tzinfo=UTC)
"""Midnight in Chicago."""


def pace_at(at: datetime, used: str, included: str = "1000") -> Pace:
    return pace(used=D(used), included=D(included), term=YEAR, at=at, timezone="America/Chicago")


@pytest.mark.parametrize(
    ("days", "used", "per_day", "limit_on"),
    [
        (100, "750", "7.5", date(2026, 5, 28)),
        (1, "500", "500", date(2026, 1, 17)),
        (0.5, "500", "500", date(2026, 1, 16)),
        (0, "0", "0", None),
        (100, "1000", "10", None),
        (100, "1200", "12", None),
        (200, "1", "0.005", None),
    ],
)
def test_the_limit_is_expected_where_the_average_leads(
    days: float, used: str, per_day: str, limit_on: date | None
) -> None:
    """A day is the shortest span averaged over; a limit that is reached, or lies beyond the term, has no day."""
    found = pace_at(BEGIN + timedelta(days=days), used)
    assert (found.per_day, found.limit_on) == (D(per_day), limit_on)
    assert found.reached == (D(used) >= 1000)
    assert not found.ended


def test_after_the_term_the_average_is_over_all_of_it() -> None:
    """Nothing is expected of a term that is over."""
    found = pace_at(BEGIN + timedelta(days=400), "730")
    assert (found.per_day, found.limit_on, found.ended) == (D(2), None, True)
    assert pace_at(BEGIN + timedelta(days=365), "1").ended
    assert not pace_at(BEGIN + timedelta(days=365, seconds=-1), "1").ended


@given(
    st.decimals("0", "2000", places=4),
    st.decimals("0.01", "1500", places=2),
    st.integers(0, 400 * 86_400),
)
def test_an_expected_day_lies_ahead_within_the_term(used: Decimal, included: Decimal, seconds: int) -> None:
    """Whatever the numbers, and however slow the pace."""
    at = BEGIN + timedelta(seconds=seconds)
    found = pace(used=used, included=included, term=YEAR, at=at, timezone="America/Chicago")
    if found.limit_on is not None:
        assert not found.reached
        assert not found.ended
        assert YEAR.start <= found.limit_on < YEAR.end
        assert found.limit_on >= (at - timedelta(hours=6)).date()
