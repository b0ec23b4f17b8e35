"""Corrections: credit notes within the total, and a void invoice issued again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.domain.examples import NOON, D
from tests.domain.test_invoices import DRAFT, DUE, HELD, OPEN, TEN
from tollgate.domain.corrections import credited, issue_again, pending_credits, with_credit, with_outcome
from tollgate.domain.errors import Conflict, Invalid
from tollgate.domain.invoices import Invoice, Push, approve

VOID = replace(
    HELD,
    status="void",
    number="T-1",
    hosted_url="https://x.example",
    pdf_url="https://x.example/f",
    push=Push(attempts=1),
)


def credit(invoice: Invoice, **changes: Any) -> Invoice:
    given: dict[str, Any] = {"reference": "c1", "amount": D("4.00"), "reason": "goodwill", "by": "mia", "at": NOON}
    return with_credit(invoice, **given | changes)


def test_a_credit_is_written_before_stripe_hears_of_it() -> None:
    """With who gives it, why and when; until Stripe has a number for it, it is on its way."""
    given = credit(OPEN)
    assert [(c.amount, c.reason, c.by, c.at) for c in pending_credits(given)] == [(D("4.00"), "goodwill", "mia", NOON)]
    issued = with_outcome(given, "c1", number="T-1-CN-01")
    assert (pending_credits(issued), credited(issued), issued.credits[0].number) == ([], D("4.00"), "T-1-CN-01")


def test_the_same_credit_again_is_the_same() -> None:
    """A second press of the button credits nothing more; another amount under the same name is a conflict."""
    given = credit(OPEN)
    assert credit(given, at=NOON + timedelta(days=1)) is given
    with pytest.raises(Conflict, match="c1 of invoice 2026-01-15 of acme says something else"):
        credit(given, amount=D("5.00"))


@pytest.mark.parametrize("amount", ["0", "-1.00", "10.01", "1.005"])
def test_an_impossible_amount_is_refused(amount: str) -> None:
    """More than the invoice, nothing, or parts of a cent."""
    with pytest.raises(Invalid, match=r"amount: expected an amount above 0 and at most 10\.00 USD"):
        credit(OPEN, amount=D(amount))


def test_credits_never_exceed_the_total() -> None:
    """Those on their way count, those that Stripe refused do not."""
    twice = credit(credit(OPEN), reference="c2", amount=D("6.00"))
    with pytest.raises(Invalid, match=r"at most 0\.00 USD"):
        credit(twice, reference="c3", amount=D("0.01"))
    refused = with_outcome(twice, "c2", refused="no")
    assert (credited(refused), pending_credits(refused)) == (D("4.00"), [refused.credits[0]])
    assert credited(credit(refused, reference="c3", amount=D("6.00"))) == D("10.00")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"by": " "}, "by: expected the name"),
        ({"reason": ""}, "reason: expected 1 to"),
        ({"reason": "x" * 1001}, "reason: expected 1 to"),
        ({"reference": "a b"}, "reference: expected"),
        ({"reference": ""}, "reference: expected"),
    ],
)
def test_a_credit_needs_a_name_a_reason_and_a_reference(change: dict[str, Any], problem: str) -> None:
    """Nobody credits anonymously, and not without saying why."""
    with pytest.raises(Invalid, match=problem):
        credit(OPEN, **change)


@pytest.mark.parametrize("status", ["draft", "nil", "carried", "approved", "void"])
def test_what_is_not_issued_is_not_credited(status: str) -> None:
    """There is nothing yet, or nothing any more, to take it off."""
    with pytest.raises(Conflict, match=f"is {status}: there is nothing to credit"):
        credit(replace(OPEN, status=status))


def test_a_void_invoice_is_a_draft_again_under_a_new_revision() -> None:
    """With nothing of what happened to the void one, so that it can be approved, issued and dunned from the start."""
    again = issue_again(VOID, [replace(DRAFT, status="draft")])
    assert again == replace(DRAFT, revision=2, version=VOID.version, issued_again=1)
    assert issue_again(replace(again, status="void"), []).issued_again == 2
    assert approve(again, revision=2, read=TEN, by="Jo Doe", at=NOON, due_date=DUE).status == "approved"


@pytest.mark.parametrize("status", ["nil", "carried", "approved", "open", "paid", "void", "uncollectible"])
def test_what_was_brought_forward_is_not_issued_again(status: str) -> None:
    """It is on the later statement already."""
    later = replace(DRAFT, status=status, statement=replace(TEN, period=replace(TEN.period, start=date(2026, 2, 1))))
    with pytest.raises(Conflict, match=f"was brought forward by the statement of 2026-02-01, which is {status}"):
        issue_again(VOID, [DRAFT, later])


@pytest.mark.parametrize("status", ["draft", "approved", "open", "paid", "uncollectible"])
def test_only_a_void_invoice_is_issued_again(status: str) -> None:
    """Whatever else it is, it still stands."""
    with pytest.raises(Conflict, match=f"is {status}: only a void one"):
        issue_again(replace(VOID, status=status), [])
