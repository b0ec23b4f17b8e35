"""Drill-down: pages of messages in a stable order, filters, exports that no spreadsheet executes, and one message."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D, contract
from tests.fakes.faults import Faults
from tests.stages.billing import FEBRUARY, FREE, INDIA, JANUARY, NORTH, Billing, at
from tollgate.domain.errors import Invalid, NotFound
from tollgate.domain.facts import MessageKey
from tollgate.domain.statement import Line
from tollgate.domain.usage import Cell
from tollgate.stages import drilldown
from tollgate.stages.csv_rows import csv_line
from tollgate.stages.drilldown import Filter, Page, export, filter_of_line, message, page

MONTH = Filter(first=FEBRUARY, end=date(2026, 3, 1))
SMS = Cell("sms", "sms", "North America")


def used(count: int = 7) -> Billing:
    """Messages of February, by turns of two days and two cells, and one of January and March each."""
    world = Billing(contract=contract(allowances=FREE))
    for number in range(count):
        world.use(f"2026-02-0{1 + number % 2}", "0.10", cell=NORTH if number % 3 else INDIA)
    world.use(JANUARY, "1.00")
    world.use("2026-03-01", "1.00")
    return world


def shown(world: Billing, wanted: Filter = MONTH, **asked: Any) -> Page:
    return page("acme", wanted, ledger=world.rows.ledger, **asked)


def ids(found: Page) -> list[str]:
    return [key.message for key, _ in found.rows]


def paged(world: Billing, wanted: Filter, size: int) -> list[str]:
    found = shown(world, wanted, size=size)
    seen = ids(found)
    while found.cursor:
        found = shown(world, wanted, size=size, cursor=found.cursor)
        seen += ids(found)
    return seen


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 100])
def test_pages_of_any_size_show_every_message_once_by_day(size: int) -> None:
    """Day by day, in one order for ever."""
    assert paged(used(), MONTH, size) == ["m0", "m2", "m4", "m6", "m1", "m3", "m5"]


def test_a_page_can_be_gone_on_from_while_messages_come_in() -> None:
    """What was seen is not seen again, and what comes later in the order is not missed."""
    world = used()
    first = shown(world, size=4)
    world.use("2026-02-02", "9.99")
    rest = shown(world, size=100, cursor=first.cursor)
    assert (ids(first), ids(rest)) == (["m0", "m2", "m4", "m6"], ["m1", "m3", "m5", "m9"])


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({"category": "utility"}, ["m0", "m6", "m3"]),
        ({"market": "North America"}, ["m2", "m4", "m1", "m5"]),
        ({"market": "North America", "category": "utility"}, []),
        ({"line": "utility/India"}, ["m0", "m6", "m3"]),
        ({"meter": "sms"}, []),
        ({"first": date(2026, 2, 2), "end": date(2026, 2, 3)}, ["m1", "m3", "m5"]),
    ],
)
def test_filters_narrow_the_messages(narrowed: dict[str, Any], found: list[str]) -> None:
    """By category, market, line, meter and day, also over pages."""
    wanted = replace(MONTH, **narrowed)
    for size in (1, 2, 100):
        assert paged(used(), wanted, size) == found


def test_a_rare_match_reads_a_bounded_number_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty page with a cursor says that there may be more."""
    monkeypatch.setattr(drilldown, "MOST_READ", 3)
    monkeypatch.setattr(drilldown, "PAGE_SIZE", 3)
    world = used()
    last = world.use("2026-02-28", "0.10", cell=SMS)
    found = shown(world, replace(MONTH, meter="sms"), size=1)
    assert (found.rows, bool(found.cursor)) == ((), True)
    assert paged(world, replace(MONTH, meter="sms"), 1) == [last.message]


def test_a_page_reads_no_more_than_it_shows() -> None:
    """Of any number of messages: one query for a page."""
    world = used()
    world.faults = Faults()
    shown(world, size=100)
    assert world.faults.calls == ["LaggingLedger.page"]


@pytest.mark.parametrize("cursor", ["x", "!!", "bnVsbA", "W10", "WyIyMDI2LTAyLTMwIiwgIm1ldGEiLCAieCIsICIiXQ"])
def test_a_broken_cursor_is_refused(cursor: str) -> None:
    """Not guessed at: an answer from the start would look like the next page."""
    with pytest.raises(Invalid, match="cursor: expected"):
        shown(used(), cursor=cursor)


def test_a_cursor_of_other_days_is_refused() -> None:
    """It would skip or repeat messages."""
    cursor = shown(used(), size=1).cursor
    with pytest.raises(Invalid, match="cursor of the same days"):
        shown(used(), Filter(first=date(2026, 2, 2), end=date(2026, 2, 3)), cursor=cursor)


@pytest.mark.parametrize("size", [0, 1001])
def test_an_impossible_size_is_refused(size: int) -> None:
    """A page has 1 to 1,000."""
    with pytest.raises(Invalid, match="size: expected 1 to 1000"):
        shown(used(), size=size)


@pytest.mark.parametrize(("first", "end"), [("2026-02-02", "2026-02-02"), ("2026-02-01", "2026-03-02")])
def test_a_filter_is_within_one_month(first: str, end: str) -> None:
    """The index is by month."""
    with pytest.raises(Invalid, match="one calendar month"):
        Filter(first=date.fromisoformat(first), end=date.fromisoformat(end))


def stated() -> Billing:
    """January with late usage that February adjusts."""
    world = used()
    world.close(at("2026-02-05"))
    world.use("2026-01-20", "5.00")
    world.close(at("2026-03-05"))
    world.approve(JANUARY, at("2026-03-05"))
    world.use("2026-01-21", "5.00")
    world.close(at("2026-03-06"))
    return world


def test_a_lines_messages_are_those_it_counts() -> None:
    """The quantity of a usage line is the number of messages behind it."""
    world = stated()
    invoice = world.invoice(FEBRUARY)
    for line in invoice.statement.lines:
        if "/" in line.key and not line.key.startswith(("allowance", "adjustment")):
            wanted = filter_of_line(invoice, line.key, contracts_rows=world.rows.contracts)
            assert len(shown(world, wanted).rows) == line.quantity


def test_an_adjustments_messages_are_those_of_its_period() -> None:
    """Of its meter: which of them came late is not kept."""
    world = stated()
    wanted = filter_of_line(
        world.invoice(FEBRUARY), "adjustment/whatsapp/2026-01-15", contracts_rows=world.rows.contracts
    )
    assert wanted == Filter(first=JANUARY, end=FEBRUARY, meter="whatsapp")
    assert ids(shown(world, wanted)) == ["m7", "m9", "m10"]


@pytest.mark.parametrize(
    "key", ["nothing/there", "brought-forward", "allowance/whatsapp", "adjustment/whatsapp/2026-01-15/withdrawn"]
)
def test_a_line_without_messages_is_not_found(key: str) -> None:
    """Nor one that the invoice does not have."""
    world = stated()
    invoice = world.invoice(FEBRUARY)
    if key != "nothing/there":
        line = Line(key=key, description="", quantity=1, amount=Decimal(0))
        invoice = replace(invoice, statement=replace(invoice.statement, lines=(line,)))
    with pytest.raises(NotFound):
        filter_of_line(invoice, key, contracts_rows=world.rows.contracts)


def test_an_export_has_a_line_for_each_message() -> None:
    """In the pages' order, over any number of pages, with exact fees."""
    world = used(2_500 // 100)
    rows = list(csv.DictReader(io.StringIO("".join(export("acme", MONTH, ledger=world.rows.ledger)), newline="")))
    assert [row["message"] for row in rows] == paged(world, MONTH, 100)
    assert rows[0] == {
        "day": "2026-02-01",
        "time": "2026-02-01T00:00:00Z",
        "provider": "meta",
        "message": "m0",
        "participant": "",
        "meter": "whatsapp",
        "category": "utility",
        "market": "India",
        "messages": "1",
        "segments": "1",
        "fee": "0.10",
        "currency": "USD",
    }


def test_an_export_holds_one_page_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next page is read when the one before was taken."""
    monkeypatch.setattr(drilldown, "EXPORT_PAGE", 3)
    monkeypatch.setattr(drilldown, "PAGE_SIZE", 3)
    world = used()
    world.faults = Faults()
    lines = export("acme", MONTH, ledger=world.rows.ledger)
    assert next(lines).startswith("day,")
    assert world.faults.calls == []
    assert next(lines).count("\r\n") == 3
    assert len(world.faults.calls) == 1
    assert sum(part.count("\r\n") for part in lines) == 4


def test_an_export_of_nothing_is_a_header() -> None:
    """Not an empty file."""
    wanted = Filter(first=date(2026, 6, 1), end=date(2026, 7, 1))
    assert len(list(export("acme", wanted, ledger=used().rows.ledger))) == 1


@given(st.text(st.sampled_from("=+-@\t\r\n ＝'\",a1"), max_size=6))
def test_no_text_in_a_csv_is_a_formula(text: str) -> None:
    """And it reads back as it was but for the quote mark in front."""
    [[cell, number]] = csv.reader(io.StringIO(csv_line([text, D("-1.5")]), newline=""))
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert cell in (text, f"'{text}")
    assert number == "-1.5"


def test_a_message_is_shown_with_all_that_is_known_of_it() -> None:
    """Or not found."""
    world = used()
    assert message("acme", MessageKey("meta", "m0"), ledger=world.rows.ledger).usage is not None
    with pytest.raises(NotFound, match="message 'meta#m99'"):
        message("acme", MessageKey("meta", "m99"), ledger=world.rows.ledger)
