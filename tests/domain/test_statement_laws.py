"""Laws of statements, over months in which usage is late, corrected, or after the fact under another limit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import TERM_START, D, contract
from tests.domain.tiny_books import TinyBooks, billing
from tests.strategies import Month, limits, months
from tollgate.domain.contract import Contract
from tollgate.domain.money import invoice_step, minimum_charge
from tollgate.domain.statement import Statement

APPROVED = {"by": "Jo Doe", "document": "SO-17"}
SCALE = {"USD": 1, "JPY": 100, "KWD": 1}
any_currency = st.sampled_from(sorted(SCALE))


def books_of(currency: str, allowances: object) -> TinyBooks:
    """Terms of three months from the 15th: four periods each, the first and the last of them half a month."""
    return TinyBooks(
        [contract(currency=currency, timezone="UTC", term={"start": TERM_START, "months": 3}, allowances=allowances)]
    )


def limits_from(books: TinyBooks, month: Month) -> Contract:
    """The version that a month's change of limits makes, from a day of the running term or the one just ended."""
    since = max(TERM_START, books.next_period().end - timedelta(days=20))
    return Contract.model_validate(
        books.versions[0].document() | {"allowances": month.limits, "from": since, "approval": APPROVED}
    )


def live(books: TinyBooks, story: list[Month]) -> Iterator[Statement]:
    """State one period after another while the story goes on around it."""
    scale = SCALE[books.versions[0].currency]
    for month in story:
        end = books.next_period().end
        for moved in month.moved:
            day = max(TERM_START, end - timedelta(days=moved.back))
            books.know(day, moved.fees * scale, messages=moved.messages, cell=moved.cell)
        for _ in range(min(month.undone, len(books.usage))):
            books.usage.pop()
        if month.limits:
            books.change(limits_from(books, month))
        statement = books.close()
        if month.status and statement.kind == "draft":
            books.mark(month.status)
        yield statement


@given(any_currency, limits(), months())
def test_the_stated_amounts_of_a_term_are_its_billable_fees_rounded_once(
    currency: str, allowances: object, story: list[Month]
) -> None:
    """After every statement, whatever came late, was corrected or agreed otherwise: all that was stated adds up to the
    billable fees as known now, rounded once a term, and is off by no more than half a step a term."""
    books, stated = books_of(currency, allowances), D(0)
    for statement in live(books, story):
        stated += statement.stated
        exact = books.billable_exactly()
        assert stated == books.billable_rounded()
        assert abs(stated - sum(exact, D(0))) <= invoice_step(currency) / 2 * len(exact)


@given(any_currency, limits(), months())
def test_lines_add_up_to_the_total(currency: str, allowances: object, story: list[Month]) -> None:
    """Every line is whole steps and has a key of its own, and the lines come to what is to be paid."""
    step = invoice_step(currency)
    for statement in live(books_of(currency, allowances), story):
        assert sum((line.amount for line in statement.lines), D(0)) == statement.total
        assert all(line.amount % step == 0 for line in statement.lines)
        assert len({line.key for line in statement.lines}) == len(statement.lines)


@given(any_currency, limits(), months())
def test_everything_stated_is_asked_for_once(currency: str, allowances: object, story: list[Month]) -> None:
    """A total is all that was stated and is not on an invoice that stands: an amount below the minimum waits, a void
    invoice is asked for again, an uncollectible one is not."""
    books, owed = books_of(currency, allowances), D(0)
    for statement in live(books, story):
        owed += statement.stated
        expected = owed if owed >= minimum_charge(currency) else D(0)
        assert (statement.total, statement.kind == "draft") == (expected, expected > 0)
        assert (statement.kind == "nil") == (owed == 0)
        if books.invoices[-1].status != "void":
            owed -= statement.total


@given(st.lists(st.decimals("0.0001", "3", places=4), min_size=1, max_size=12))
def test_nothing_is_billed_until_the_allowance_is_exceeded(fees: list[Decimal]) -> None:
    """With an allowance of exactly the year's fees, no month of it has anything to pay."""
    books = TinyBooks([billing(str(sum(fees, D(0))))])
    for amount in fees:
        books.know(books.next_period().start, amount)
        statement = books.close()
        assert (statement.kind, statement.total, statement.stated) == ("nil", D(0), D(0))
