"""Usage rows: totals that add up, cells that come and go, and what of them an allowance measures."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D
from tests.strategies import CELLS, fees
from tollgate.domain.calendar import Term
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals

MARKETING, UTILITY, SMS = CELLS
DAY = date(2026, 3, 10)
TERM = Term(date(2026, 1, 15), date(2027, 1, 15))
TEN = Totals(10, 12, D("0.2500"))

totals = st.builds(Totals, st.integers(0, 99), st.integers(0, 99), fees())


@pytest.mark.parametrize(("measure", "amount"), [("messages", "10"), ("segments", "12"), ("fees", "0.2500")])
def test_an_allowance_measures_one_of_the_three(measure: str, amount: str) -> None:
    """Messages, segments or fees, each as an exact amount."""
    assert str(TEN.measured(measure)) == amount


@pytest.mark.parametrize(
    ("something", "is_something"),
    [
        (Totals(), False),
        (Totals(0, 0, D("0.00")), False),
        (Totals(1), True),
        (Totals(0, 1), True),
        (Totals(0, 0, D("0.0001")), True),
        (Totals(-1), True),
    ],
)
def test_totals_are_nothing_only_when_all_three_are(something: Totals, is_something: bool) -> None:
    """A fee without a message is something still, and so is a debt of one."""
    assert bool(something) is is_something


@given(totals, totals, totals)
def test_totals_add_up_in_any_order_and_back_again(one: Totals, two: Totals, three: Totals) -> None:
    """Counts are sums: order and grouping do not matter, and taking away what was added leaves what was."""
    assert (one + two) + three == three + (two + one)
    assert one + two + -two == one
    assert not one + -one


def test_a_day_keeps_its_cells_apart() -> None:
    """Category, market and meter each make a cell of their own; the row that was added to stays as it was."""
    before = DayRow(day=DAY, version=3).adding(MARKETING, TEN)
    after = before.adding(UTILITY, Totals(1, 1, D("0.0014"))).adding(MARKETING, TEN)
    assert after.cells == {MARKETING: Totals(20, 24, D("0.5000")), UTILITY: Totals(1, 1, D("0.0014"))}
    assert before.cells == {MARKETING: TEN}
    assert (after.day, after.version) == (DAY, 3)


def test_a_cell_that_comes_to_nothing_is_dropped() -> None:
    """Usage that moves to another cell leaves no empty one behind, so that a recount is equal."""
    row = DayRow(day=DAY).adding(MARKETING, TEN).adding(MARKETING, -TEN).adding(SMS, TEN)
    assert row.cells == {SMS: TEN}
    assert DayRow(day=DAY).adding(SMS, Totals()).cells == {}


def test_a_term_sums_each_meter() -> None:
    """One total a meter; a meter without usage has none."""
    row = TermRow(term=TERM).adding("sms", TEN).adding("whatsapp", Totals(1)).adding("sms", TEN)
    assert (row.of("sms"), row.of("whatsapp"), row.of("mms")) == (TEN + TEN, Totals(1), Totals())


def test_a_line_is_marked_once() -> None:
    """Crossing a line twice marks it as crossing it once does, and leaves the other lines alone."""
    row = TermRow(term=TERM).crossing("sms", 75)
    assert row.crossing("sms", 75) == row
    assert row.crossing("sms", 100).crossed == {("sms", 75), ("sms", 100)}


@given(st.lists(st.tuples(st.sampled_from(CELLS), totals), max_size=12))
def test_a_day_and_its_term_count_the_same(added: list[tuple[Cell, Totals]]) -> None:
    """Whatever is added to both: the cells of a meter add up to the meter's total in the term."""
    day, term = DayRow(day=DAY), TermRow(term=TERM)
    for cell, amount in added:
        day, term = day.adding(cell, amount), term.adding(cell.meter, amount)
    for meter in ("sms", "whatsapp"):
        assert sum((t for cell, t in day.cells.items() if cell.meter == meter), Totals()) == term.of(meter)
