"""Tables: what a query string makes of rows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from tollgate.console.request import MOST_FIELDS, Fields
from tollgate.console.tables import Column, Table, table
from tollgate.domain.errors import Invalid


@dataclass(frozen=True)
class Row:
    """A row."""

    name: str
    total: Decimal


ROWS = [Row("Bravo Ltd", Decimal("9.50")), Row("acme", Decimal("10.00")), Row("Äther GmbH", Decimal("-1.00"))]
COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "Name", lambda row: row.name.casefold()),
    Column("total", "Total", lambda row: row.total, numeric=True),
)


def view(query: str, rows: list[Row] = ROWS, page_rows: int = 100) -> Table[Row]:
    """The rows as a query wants them."""
    return table(
        rows, COLUMNS, query=Fields.of(query), path="/console/x", text=lambda row: row.name, first="name",
        page_rows=page_rows,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("sort=total", ["Äther GmbH", "Bravo Ltd", "acme"]),
        ("sort=-total", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("sort=nothing", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("sort=--total", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("q=BRAVO", ["Bravo Ltd"]),
        ("q=%C3%A4ther", ["Äther GmbH"]),
        ("q=ltd+bra", ["Bravo Ltd"]),
        ("q=none", []),
        ("page=99", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("page=0", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("page=-1", ["acme", "Bravo Ltd", "Äther GmbH"]),
        ("page=²", ["acme", "Bravo Ltd", "Äther GmbH"]),
    ],
)
def test_a_query_sorts_and_filters(query: str, names: list[str]) -> None:
    """By a column either way, by words in any order and case; nonsense is as if it were not there."""
    assert [row.name for row in view(query).rows] == names


def test_pages_hold_every_row_once() -> None:
    """Walking on by `next` shows all rows in order and ends."""
    rows = [Row(f"tenant-{n:03}", Decimal(n)) for n in range(25)]
    seen: list[Row] = []
    query = "sort=-total&month=2026-03"
    while query:
        page = view(query, rows, page_rows=10)
        seen += page.rows
        query = page.next.partition("?")[2]
    assert seen == sorted(rows, key=lambda row: -row.total)


def test_links_keep_what_else_the_address_says() -> None:
    """A month that was chosen stays chosen when one sorts, pages or filters; an open dialog does not."""
    shown = view("month=2026-03&flag=a&flag=b&q=%26&confirm=void&page=2", page_rows=1)
    assert shown.headings[1].href == "/console/x?month=2026-03&flag=a&flag=b&q=%26&sort=total"
    assert shown.kept == [("month", "2026-03"), ("flag", "a"), ("flag", "b"), ("sort", "name")]


def test_a_heading_says_and_turns_its_order() -> None:
    """aria-sort names the order; a second click turns it round."""
    assert [heading.sorted for heading in view("sort=-total").headings] == ["none", "descending"]
    ascending = view("sort=total").headings[1]
    assert (ascending.sorted, ascending.href) == ("ascending", "/console/x?sort=-total")


def test_a_view_counts_what_is_there_and_what_is_left() -> None:
    """So that a filter that hides rows says so."""
    assert (view("q=acme").total, view("q=acme").of) == (1, 3)


def test_a_thousand_selected_drafts_fit_a_form_and_a_flood_does_not() -> None:
    """A limit on everything: fields beyond it are refused, not read."""
    assert len(Fields.of("&".join(["draft=x"] * MOST_FIELDS)).all("draft")) == MOST_FIELDS
    with pytest.raises(Invalid, match="at most"):
        Fields.of("&".join(["draft=x"] * (MOST_FIELDS + 1)))
