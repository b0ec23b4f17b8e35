"""Close report: every message and every amount is somewhere, and what is nowhere shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given

from tests import strategies as own
from tests.domain.examples import NOON, D
from tests.domain.tiny_books import MARKETING, SMS, TinyBooks, billing
from tollgate.domain.close_report import CloseRow, close_row, unstated
from tollgate.domain.invoices import Credit, Invoice
from tollgate.domain.usage import DayRow, Totals


def days(*messages: int, sms: int = 0, day: date = date(2026, 1, 20)) -> list[DayRow]:
    cells = {MARKETING: Totals(sum(messages), sum(messages), D("11.00")), SMS: Totals(sms, sms, D(0))}
    return [DayRow(day=day, cells={cell: totals for cell, totals in cells.items() if totals.messages})]


def invoices(status: str = "draft") -> list[Invoice]:
    """January with 10 messages for 11.00, of which 1.00 is included; February with 2 and something late of January."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "11.00", messages=10)
    books.close()
    books.mark(status)
    books.know("2026-02-20", "5.00", messages=2)
    books.know("2026-01-21", "0.50")
    books.close()
    return books.invoices


def row(index: int = 0, counted: Sequence[DayRow] = (), *, status: str = "open", quarantined: int = 0) -> CloseRow:
    return close_row(invoices(status)[index], days=counted or days(10, sms=3), quarantined=quarantined)


def test_every_message_of_a_period_is_somewhere() -> None:
    """Billed on a line, free of a meter that is not invoiced, or waiting in quarantine."""
    found = row(quarantined=2)
    counts = (found.sent, found.billed, found.free, found.late, found.corrected, found.quarantined)
    assert counts == (15, 10, 3, 0, 0, 2)
    assert (found.messages_off, found.amount_off, found.adds_up) == (0, D(0), True)


@pytest.mark.parametrize(("counted", "late", "corrected"), [(12, 2, 0), (9, 0, -1), (10, 0, 0)])
def test_what_came_since_is_late_or_corrected(counted: int, late: int, corrected: int) -> None:
    """Whether a later statement has it already or the next one will."""
    found = row(counted=days(counted))
    assert (found.sent, found.billed, found.late, found.corrected) == (counted, 10, late, corrected)
    assert found.adds_up


def test_every_amount_is_a_line_of_the_statement() -> None:
    """Fees, what is included, late and corrected usage, brought and carried: they are what is to pay."""
    first, second = row(), row(1, days(2, day=date(2026, 2, 20)))
    assert (first.fees, first.included, first.to_pay) == (D("11.00"), D("-1.00"), D("10.00"))
    assert (second.fees, second.late_amount, second.brought, second.to_pay) == (D("5.00"), D("0.50"), D(0), D("5.50"))
    void = row(1, days(2, day=date(2026, 2, 20)), status="void")
    assert (void.brought, void.to_pay, void.adds_up) == (D("10.00"), D("15.50"), True)


def test_corrections_and_small_amounts_have_columns_of_their_own() -> None:
    """A month that comes to less than nothing is carried."""
    books = TinyBooks([billing("0")])
    books.know("2026-01-20", "5.00")
    books.close()
    books.know("2026-01-21", "-2.00", messages=-1)
    books.close()
    found = close_row(books.invoices[1], days=[], quarantined=0)
    assert (found.corrected_amount, found.carried, found.to_pay, found.adds_up) == (D("-2.00"), D("2.00"), D(0), True)


def test_a_credit_note_is_beside_the_sum() -> None:
    """It takes nothing off what was billed."""
    credit = Credit(reference="c1", amount=D("4.00"), reason="goodwill", by="mia", at=NOON)
    found = close_row(replace(invoices()[0], credits=(credit,)), days=days(10), quarantined=0)
    assert (found.credited, found.to_pay, found.amount_off) == (D("4.00"), D("10.00"), D(0))


def test_lines_that_do_not_add_up_show() -> None:
    """An amount or a message that is on no line, or on one too many."""
    good = invoices()[0]
    [line, *rest] = good.statement.lines
    bad = replace(good, statement=replace(good.statement, lines=(replace(line, quantity=9, amount=D("10.99")), *rest)))
    found = close_row(bad, days=days(10), quarantined=0)
    assert (found.messages_off, found.amount_off, found.adds_up) == (1, D("-0.01"), False)


def test_a_period_without_a_statement_is_all_left_over() -> None:
    """It is due and was not stated: blocked, or the run failed."""
    found = unstated("acme", invoices()[0].statement.period, days=days(10, sms=3), quarantined=2)
    assert (found.status, found.sent, found.quarantined, found.messages_off) == ("missing", 15, 2, 13)
    assert not found.adds_up


def test_an_invoice_that_knew_nothing_has_nothing_late() -> None:
    """All that is counted is of meters that it does not bill."""
    first = invoices()[0]
    bare = replace(first, statement=replace(first.statement, known={}, lines=(), total=Decimal(0)))
    found = close_row(bare, days=days(10), quarantined=0)
    assert (found.free, found.adds_up) == (10, True)


@given(own.fees(), own.fees(), own.fees())
def test_a_closed_period_always_adds_up(first: Decimal, second: Decimal, late: Decimal) -> None:
    """Whatever was used and whenever it became known."""
    books = TinyBooks([billing("150.00")])
    books.know("2026-01-20", first)
    books.close()
    books.know("2026-02-20", second)
    books.know("2026-01-21", late)
    books.close()
    for invoice in books.invoices:
        counted = [
            DayRow(day=day, cells={cell: totals})
            for day, cell, totals in books.usage
            if totals and day in invoice.statement.period
        ]
        assert close_row(invoice, days=counted, quarantined=0).adds_up
