"""Pages of a month's messages, in memory and through the month index: one order, nothing twice, nothing missed."""

from datetime import date

import pytest

from tests.adapters.rows.samples import change, new, record
from tests.fakes.rows import Rows
from tollgate.stages.ports.ledger import Position

FIRST, END = date(2026, 5, 1), date(2026, 6, 1)
MESSAGES = ("b", "a", "a#1", "a%1", "aa", "Z", "ä", "a b", "日")


def filled(rows: Rows, tenant: str) -> None:
    """Messages of two days, a group's participants among them, and one of the month before and after."""
    days = [FIRST, date(2026, 5, 31)]
    records = [record(message, day=days[n % 2]) for n, message in enumerate(MESSAGES)]
    records += [record("group", participant=who, day=FIRST) for who in ("p2", "p1")]
    records += [record("early", day=date(2026, 4, 30)), record("late", day=END), record("unbilled")]
    rows.ledger.commit(tenant, new(*records), change())


@pytest.mark.parametrize("most", [1, 2, 5, 50])
def test_pages_are_in_one_order_and_whole(rows: Rows, tenant: str, most: int) -> None:
    """By day, then as the table orders keys, whatever is in them; the last page is the one that is not full."""
    filled(rows, tenant)
    seen, after = [], None
    while found := rows.ledger.page(tenant, FIRST, END, after=after, most=most):
        assert len(found) <= most
        seen += [(usage.day, key) for key, usage in found]
        after = Position(*seen[-1])
    assert [(day.day, *(part for part in key[1:] if part)) for day, key in seen] == [
        (1, "a#1"),
        (1, "aa"),
        (1, "b"),
        (1, "group", "p1"),
        (1, "group", "p2"),
        (1, "ä"),
        (1, "日"),
        (31, "Z"),
        (31, "a"),
        (31, "a b"),
        (31, "a%1"),
    ]


def test_a_page_goes_on_from_a_position_that_is_gone(rows: Rows, tenant: str) -> None:
    """What stood there need not be there any more; other days and no days have nothing."""
    filled(rows, tenant)
    gone = Position(FIRST, record("az").key)
    assert [key.message for key, _ in rows.ledger.page(tenant, FIRST, END, after=gone, most=2)] == ["b", "group"]
    assert rows.ledger.page(tenant, FIRST, FIRST, after=None, most=2) == []
    assert rows.ledger.page(tenant, date(2026, 5, 2), date(2026, 5, 31), after=None, most=2) == []
