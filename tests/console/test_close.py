"""The close report: where every message of a month went, and what is left over."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.console.conftest import World
from tests.console.visitor import Visitor
from tests.domain.examples import contract
from tests.stages.billing import FREE, Billing, at
from tollgate.domain.usage import Cell

SMS = Cell("sms", "sms", "North America")
NOW = at("2026-03-06", "13:00")


@pytest.fixture
def billing() -> Billing:
    """A month with billed and free messages, one of which became known after the statement."""
    world = Billing(contract=contract(allowances=FREE))
    world.use("2026-02-10", "10.00", messages=30)
    world.use("2026-02-10", "0", messages=3, cell=SMS)
    world.close(at("2026-03-05"))
    world.use("2026-02-20", "1.00", messages=2)
    return world


@pytest.fixture
def world(billing: Billing) -> World:
    """The site over it."""
    return World(memory=billing.memory, now=NOW)


def test_a_row_says_where_its_messages_went(signed_in: Callable[..., Visitor]) -> None:
    """Sent, billed, free, late, corrected, quarantined, and zero left over; the same as CSV."""
    visitor = signed_in("read-only")
    seen = visitor.get("/console/close")
    assert "February 2026" in seen.words
    assert "acme 35 30 3 2 0 0 0 USD 10.00 USD 0.00" in seen.words
    assert "Nothing is left over in any row." in seen.words
    assert "/console/invoices/acme/2026-02-01" in seen.text
    got = visitor.get("/console/close.csv?month=2026-02")
    [row] = csv.DictReader(io.StringIO(got.text, newline=""))
    assert [row[name] for name in ("sent", "billed", "free", "late", "messages_off")] == ["35", "30", "3", "2", "0"]
    assert "close-2026-02.csv" in got.headers["content-disposition"]


def test_what_is_left_over_stands_out(billing: Billing, signed_in: Callable[..., Visitor]) -> None:
    """A statement whose lines do not count what it knew."""
    key = ("acme", at("2026-02-01").date())
    invoice = billing.memory.invoices[key]
    lines = tuple(replace(line, quantity=line.quantity - 4) for line in invoice.statement.lines)
    billing.memory.invoices[key] = replace(invoice, statement=replace(invoice.statement, lines=lines))
    seen = signed_in("finance").get("/console/close")
    assert "1 row has something left over." in seen.words
    assert '<span class="tag bad">4</span>' in seen.text


def test_a_period_without_a_statement_is_listed(billing: Billing, signed_in: Callable[..., Visitor]) -> None:
    """It leads to no invoice, for there is none."""
    billing.memory.invoices.clear()
    seen = signed_in("finance").get("/console/close")
    assert "1 row has something left over. 1 period that is due has no statement yet." in seen.words
    assert "no statement" in seen.words
    assert "/console/invoices/acme" not in seen.text


@pytest.mark.parametrize(
    ("query", "said"),
    [("?month=2025-11", "No period of this month is due to be closed."), ("?q=nobody", "No tenant fits the filter.")],
)
def test_an_empty_report_says_why(signed_in: Callable[..., Visitor], query: str, said: str) -> None:
    """Not an empty table."""
    assert said in signed_in("finance").get(f"/console/close{query}").words


@pytest.mark.parametrize(("sort", "first"), [("tenant", "acme"), ("-sent", "acme"), ("sent", "beta")])
def test_rows_are_sorted_and_summed(billing: Billing, signed_in: Callable[..., Visitor], sort: str, first: str) -> None:
    """By any column; the foot has the sums of all tenants."""
    billing.contract = contract(tenant="beta", allowances=FREE)
    billing.memory.contracts["beta", billing.contract.effective] = billing.contract
    billing.use("2026-02-11", "2.50", messages=5)
    billing.close(at("2026-03-05"))
    seen = signed_in("finance").get(f"/console/close?sort={sort}")
    assert re.findall(r'<tr data-href="/console/invoices/(\w+)/', seen.text)[0] == first
    assert "All 2 40 35 3 2 0 0 0 USD 12.50" in seen.words
