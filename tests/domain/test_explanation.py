"""Explanation: numbers that add up to the invoice, and the message that crossed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given

from tests import strategies as own
from tests.domain.examples import D
from tests.domain.tiny_books import MARKETING, SMS, TinyBooks, billing
from tollgate.domain.contract import for_term
from tollgate.domain.explanation import (
    Crossing,
    DayPoint,
    Explanation,
    crossing_day,
    explain,
    find_crossing,
    series,
)
from tollgate.domain.facts import MessageKey
from tollgate.domain.records import Fee, Usage
from tollgate.domain.usage import DayRow, Totals

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def explained(books: TinyBooks, index: int = -1) -> Explanation:
    """An invoice of the books, explained with those before it."""
    index %= len(books.invoices)
    invoice = books.invoices[index]
    first = books.versions[0]
    holding = {term: for_term(books.versions, first.term_on(term)) for term in invoice.statement.known}
    return explain(invoice, books.invoices[:index], holding)


def test_a_month_within_what_is_included() -> None:
    """Nothing to pay, and why."""
    books = TinyBooks([billing("1000.00")])
    books.know("2026-01-20", "999.9999")
    books.close()
    found = explained(books)
    [term] = found.terms
    [meter] = term.meters
    assert (meter.fees, meter.this_period.fees, meter.free, meter.included) == (
        D("999.9999"), D("999.9999"), D("999.9999"), D("1000.00")
    )  # fmt: skip
    assert (term.now, found.total, meter.adjustments) == (D(0), D(0), ())


def test_the_month_that_goes_beyond_what_is_included() -> None:
    """What is free, what is billed, how it was rounded, what came before and what came late, in exact numbers."""
    books = TinyBooks([billing("1000.00")])
    books.know("2026-01-20", "1200.1234", messages=9_000)
    books.close()
    books.know("2026-02-10", "34.5611")
    books.know("2026-01-21", "0.1", messages=-2)
    books.close()
    found = explained(books)
    [term] = found.terms
    [meter] = term.meters
    assert (meter.messages, meter.this_period.fees, meter.free, meter.included) == (
        8_999,
        D("34.5611"),
        D("1000.0000"),
        D("1000.00"),
    )
    assert [(one.period, one.messages, one.fees) for one in meter.adjustments] == [(date(2026, 1, 15), -2, D("0.1"))]


def test_fees_that_are_all_billed_once_the_limit_is_exceeded() -> None:
    """Of such a contract nothing is free any more."""
    books = TinyBooks([billing("100.00", beyond="bill-all")])
    books.know("2026-01-20", "150")
    books.close()
    [meter] = explained(books).terms[0].meters
    assert (meter.free, meter.billable, meter.included) == (D(0), D(150), D(100))


def test_a_limit_that_was_changed_since_is_not_named() -> None:
    """The sentence says what was free then; naming today's limit would not add up."""
    books = TinyBooks([billing("100.00")])
    books.know("2026-01-20", "150")
    books.close()
    books.versions = [billing("500.00")]
    found = explained(books)
    assert (found.terms[0].meters[0].free, found.terms[0].meters[0].billable) == (D(100), D(50))
    assert found.terms[0].meters[0].included is None


def test_a_meter_that_is_not_billed_any_more_comes_off() -> None:
    """With what it had come to."""
    books = TinyBooks([billing("100.00")])
    books.know("2026-01-20", "150")
    books.close()
    books.versions = [
        billing().model_validate(
            billing().document() | {"allowances": {"whatsapp": None, "rcs": {"measure": "fees", "included": "0",
                                                                             "beyond": "bill"}}}
        )
    ]  # fmt: skip
    books.close()
    found = explained(books)
    assert (found.terms[0].withdrawn, found.terms[0].now, found.carried) == ({"whatsapp": D(50)}, D(-50), D(50))


def test_what_is_brought_forward_is_said() -> None:
    """A void invoice's amount, asked for with this one."""
    books = TinyBooks([billing("0")])
    books.know("2026-01-20", "5")
    books.close()
    books.mark("void")
    books.know("2026-02-20", "2")
    books.close()
    found = explained(books)
    assert (found.stated, found.brought, found.carried, found.total) == (D("2.00"), D("5.00"), D(0), D("7.00"))


def test_late_usage_of_an_ended_term_is_explained_by_itself() -> None:
    """Under its own year, and without a share of this period."""
    books = TinyBooks([billing("1.00", months=1)])
    books.know("2026-01-20", "5")
    books.close_all(2)
    books.know("2026-01-21", "2")
    books.close_all(1)
    found = explained(books)
    [ended] = [part for part in found.terms if part.term != found.term]
    assert (ended.term, ended.meters[0].fees, ended.meters[0].this_period.fees) == (date(2026, 1, 15), D(7), D(0))


@given(own.fees(), own.fees(), own.fees())
def test_an_explanation_adds_up_to_the_invoice(first: D, second: D, late: D) -> None:
    """Whatever was used: the terms' amounts are what is stated; with what is brought and carried, what is to pay."""
    books = TinyBooks([billing("150.00")])
    books.know("2026-01-20", first)
    books.close()
    books.know("2026-02-20", second)
    books.know("2026-01-21", late)
    books.close()
    for index in (0, 1):
        found = explained(books, index)
        assert sum(term.now for term in found.terms) == found.stated
        assert found.stated + found.brought + found.carried == found.total
        for term in found.terms:
            assert abs(term.rounding) <= D("0.005")
            assert sum(meter.fees - meter.free for meter in term.meters) == term.exact == term.rounded - term.rounding


def usage(message: str, fee: str, *, minutes: int = 0, meter: str = "whatsapp") -> tuple[MessageKey, Usage]:
    amount = D(fee)
    cost = Fee(amount=amount, currency="USD", source="card", original=amount, original_currency="USD")
    at = NOON + timedelta(minutes=minutes)
    made = Usage(
        meter=meter, moment=at, day=at.date(), term=date(2026, 1, 15), category=meter, market="India", messages=1,
        segments=1, fees={"meta": cost},
    )  # fmt: skip
    return MessageKey("meta", message), made


def crossed(*usages: tuple[MessageKey, Usage], before: str = "999.00", bills_all: bool = False) -> Crossing | None:
    return find_crossing(usages, meter="whatsapp", before=D(before), included=D("1000.00"), bills_all=bills_all)


def test_the_message_that_crosses_is_split_into_its_free_and_its_paid_part() -> None:
    """At its billable moment, with the running total before and after."""
    found = crossed(usage("b", "0.70", minutes=2), usage("z", "0.60", minutes=1))
    assert found == Crossing(
        message=MessageKey("meta", "b"),
        at=NOON + timedelta(minutes=2),
        before=D("999.60"),
        after=D("1000.30"),
        included=D("1000.00"),
        free=D("0.40"),
        paid=D("0.30"),
    )


def test_the_records_order_does_not_matter() -> None:
    """The billable moment decides, then the id; other meters do not count."""
    own_usages = [usage("c", "0.5"), usage("b", "0.5"), usage("a", "0.5"), usage("s", "9", meter="sms")]
    for turned in (own_usages, own_usages[::-1]):
        found = crossed(*turned)
        assert found is not None
        assert (found.message.message, found.free, found.paid) == ("c", D(0), D("0.5"))


def test_exactly_what_is_included_crosses_nothing() -> None:
    """The next message does, with no free part."""
    assert crossed(usage("a", "1.00")) is None
    found = crossed(usage("a", "1.00"), usage("b", "0.01", minutes=1))
    assert found is not None
    assert (found.message.message, found.free, found.paid) == ("b", D(0), D("0.01"))


def test_where_all_is_billed_the_message_has_no_free_part() -> None:
    """It makes everything before it billable too."""
    found = crossed(usage("a", "1.50"), bills_all=True)
    assert found is not None
    assert (found.free, found.paid) == (D(0), D("1.50"))


def rows() -> list[DayRow]:
    books = {date(2026, 1, 31): "600", date(2026, 2, 1): "400", date(2026, 2, 2): "0.5", date(2026, 2, 4): "3"}
    return [
        DayRow(day=day, cells={MARKETING: Totals(2, 2, D(fees)), SMS: Totals(7, 7, D("50"))})
        for day, fees in books.items()
    ]


@pytest.mark.parametrize(
    ("included", "found"),
    [
        ("1000", (date(2026, 2, 2), "1000")),
        ("999.99", (date(2026, 2, 1), "600")),
        ("0", (date(2026, 1, 31), "0")),
        ("5000", None),
    ],
)
def test_the_day_of_the_crossing_is_found_from_the_days(included: str, found: tuple[date, str] | None) -> None:
    """So that only that day's records need be read."""
    day = crossing_day(rows(), meter="whatsapp", included=D(included))
    assert day == (None if found is None else (found[0], D(found[1])))


def test_a_chart_has_the_days_of_its_period_with_the_terms_running_total() -> None:
    """Days before it count, days after it do not show; other meters are not in it."""
    assert series(rows(), meter="whatsapp", start=date(2026, 2, 1), end=date(2026, 2, 4)) == [
        DayPoint(date(2026, 2, 1), 2, D("400"), D("1000")),
        DayPoint(date(2026, 2, 2), 2, D("0.5"), D("1000.5")),
    ]


def test_an_invoice_without_known_usage_says_what_is_to_pay() -> None:
    """Nothing to explain but the amount."""
    books = TinyBooks([billing("1")])
    books.close()
    bare = replace(books.invoices[0], statement=replace(books.invoices[0].statement, known={}))
    found = explain(bare, [], {})
    assert (found.terms, found.total, found.period) == ((), D(0), bare.statement.period)
