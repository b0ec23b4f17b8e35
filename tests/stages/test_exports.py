"""Exports: the files into which months of records are cut."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.stages.billing import Billing
from tollgate.stages.exports import parts

TODAY = date(2026, 3, 10)


def cut(world: Billing, most: int, today: date = TODAY) -> list[tuple[str, str, int]]:
    """The files, as text."""
    found = parts("acme", today=today, ledger=world.rows.ledger, most=most)
    return [(str(part.first), str(part.last), part.messages) for part in found]


def test_a_month_is_cut_where_a_file_is_full() -> None:
    """By days, never across months; the newest first; a day that is too large stands alone."""
    world = Billing()
    for day, messages in (("01-30", 3), ("02-01", 4), ("02-02", 6), ("02-05", 1), ("02-06", 25), ("03-10", 2)):
        world.use(f"2026-{day}", "1", messages=messages)
    assert cut(world, 10) == [
        ("2026-03-10", "2026-03-10", 2),
        ("2026-02-06", "2026-02-06", 25),
        ("2026-02-05", "2026-02-05", 1),
        ("2026-02-01", "2026-02-02", 10),
        ("2026-01-30", "2026-01-30", 3),
    ]


def test_files_go_back_thirteen_months() -> None:
    """As long as records are kept; the month that runs is one of them."""
    world = Billing()
    world.use("2026-01-31", "1")
    world.use("2026-02-01", "1")
    assert cut(world, 10, today=date(2027, 2, 1)) == [("2026-02-01", "2026-02-01", 1)]


@given(st.lists(st.tuples(st.dates(date(2026, 1, 15), TODAY), st.integers(1, 30)), max_size=12), st.integers(1, 40))
def test_every_day_with_use_is_in_exactly_one_file(use: list[tuple[date, int]], most: int) -> None:
    """However much there is, and however little fits."""
    world = Billing()
    for day, messages in use:
        world.use(day, "1", messages=messages)
    found = parts("acme", today=TODAY, ledger=world.rows.ledger, most=most)
    for day in {day for day, _ in use}:
        assert sum(part.first <= day < part.end for part in found) == 1
    assert sum(part.messages for part in found) == sum(messages for _, messages in use)
