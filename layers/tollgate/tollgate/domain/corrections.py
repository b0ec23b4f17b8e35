"""Corrections of an issued invoice: credit notes, and issuing again what was voided.

Always true: the credits of an invoice never exceed its total; what a void invoice stated is on one statement at a time,
its own new revision or the one that brings it forward. A credit note is what the customer need not pay: it is not
brought forward. What usage itself corrects comes out in the next statement, and needs no credit note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.errors import Conflict, Invalid, Problem
from tollgate.domain.invoices import (
    OPEN,
    PAID,
    UNCOLLECTIBLE,
    VOID,
    Credit,
    Invoice,
    Push,
    as_new_revision,
    named,
    written,
)
from tollgate.domain.money import ZERO, invoice_step
from tollgate.domain.statement import DRAFT

CREDITABLE: Final = frozenset({OPEN, PAID, UNCOLLECTIBLE})
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def credited(invoice: Invoice) -> Decimal:
    """What credit notes take off an invoice, those on their way included."""
    return sum((credit.amount for credit in invoice.credits if not credit.refused), ZERO)


def with_credit(invoice: Invoice, *, reference: str, amount: Decimal, reason: str, by: str, at: datetime) -> Invoice:
    """The invoice with a credit note to be issued. The same reference with the same amount and reason again changes
    nothing; with others it is a Conflict. Raises Invalid, and Conflict for an invoice that is not issued."""
    named("credit note", by, "gives it")
    written("credit note", "reason", reason)
    if not _REFERENCE.fullmatch(reference):
        raise Invalid("credit note", [Problem("reference", "expected 1 to 64 letters, digits, - or _")])
    known = next((credit for credit in invoice.credits if credit.reference == reference), None)
    if known is not None:
        if (known.amount, known.reason) != (amount, reason):
            raise Conflict(f"credit note {reference} of invoice {invoice.name} of {invoice.tenant} says something else")
        return invoice
    if invoice.status not in CREDITABLE:
        raise Conflict(f"invoice {invoice.name} of {invoice.tenant} is {invoice.status}: there is nothing to credit")
    left = invoice.statement.total - credited(invoice)
    if not ZERO < amount <= left or amount % invoice_step(invoice.statement.currency):
        expected = f"expected an amount above 0 and at most {left} {invoice.statement.currency}, to the cent"
        raise Invalid("credit note", [Problem("amount", expected)])
    credit = Credit(reference=reference, amount=amount, reason=reason, by=by, at=at)
    return replace(invoice, credits=(*invoice.credits, credit))


def with_outcome(invoice: Invoice, reference: str, *, number: str = "", refused: str = "") -> Invoice:
    """The invoice with what became of a credit note."""
    return replace(
        invoice,
        credits=tuple(
            replace(credit, number=number, refused=refused) if credit.reference == reference else credit
            for credit in invoice.credits
        ),
    )


def pending_credits(invoice: Invoice) -> list[Credit]:
    """Credit notes that Stripe does not have yet, as far as is known."""
    return [credit for credit in invoice.credits if not credit.number and not credit.refused]


def issue_again(invoice: Invoice, later: Sequence[Invoice]) -> Invoice:
    """A void invoice as a draft again, under a new revision, to be approved anew.

    Only while every later statement is a draft: those are refreshed, and bring nothing of it forward any more. A later
    one that stands has brought the amount forward already. Raises Conflict.
    """
    where = f"invoice {invoice.name} of {invoice.tenant}"
    if invoice.status != VOID:
        raise Conflict(f"{where} is {invoice.status}: only a void one is issued again")
    standing = next((other for other in later if other.status != DRAFT), None)
    if standing is not None:
        raise Conflict(f"{where} was brought forward by the statement of {standing.name}, which is {standing.status}")
    return replace(
        as_new_revision(invoice),
        status=DRAFT,
        approved_by="",
        approved_at=None,
        due_date=None,
        stripe_invoice="",
        number="",
        hosted_url="",
        pdf_url="",
        remaining=None,
        overdue_on=None,
        suspend_on=None,
        suspended_on=None,
        push=Push(),
        credits=(),
        issued_again=invoice.issued_again + 1,
    )
