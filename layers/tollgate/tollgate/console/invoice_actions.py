"""Invoice actions: approve, send back, void, credit, issue again, from the buttons of an invoice's page.

Always true: each names the person's subject to the audit trail; a refusal is a page that says why, and what moved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.invoices import INVOICES, address, period_named
from tollgate.console.pages import Route
from tollgate.console.render import money
from tollgate.console.request import Request
from tollgate.domain.errors import Conflict, Invalid, Problem, Refused, RevisionChanged
from tollgate.domain.invoices import Invoice
from tollgate.domain.permissions import (
    APPROVE_INVOICE,
    CREDIT_INVOICE,
    ISSUE_INVOICE,
    RETURN_INVOICE,
    VOID_INVOICE,
)
from tollgate.domain.statement import DRAFT
from tollgate.stages import corrections
from tollgate.stages.issue import approve_invoice

_AMOUNT: Final = re.compile(r"\d{1,15}(\.\d{1,12})?")


def approve(request: Request, tenant: str, period: str) -> Answer:
    """Approve the revision that was on the screen."""

    def act(start: date) -> Flash:
        ports = request.ports
        approved = approve_invoice(
            tenant,
            start,
            revision=_revision(request),
            by=request.person.subject,
            contracts_rows=ports.contracts,
            invoices=ports.invoices,
            now=request.now,
        )
        if approved.status == DRAFT:
            return Flash("note", "Approved by you. Its amount needs a second person.")
        return Flash("good", "Approved. It is issued through Stripe next.")

    return _acting(tenant, period, act)


def send_back(request: Request, tenant: str, period: str) -> Answer:
    """Send the draft back with a note."""

    def act(start: date) -> Flash:
        corrections.send_back_invoice(
            tenant,
            start,
            revision=_revision(request),
            note=request.form.one("note"),
            by=request.person.subject,
            invoices=request.ports.invoices,
            now=request.now,
        )
        return Flash("good", "Sent back. It waits for a new revision.")

    return _acting(tenant, period, act)


def void(request: Request, tenant: str, period: str) -> Answer:
    """Void the invoice at Stripe."""

    def act(start: date) -> Flash:
        corrections.void(
            tenant,
            start,
            reason=request.form.one("void_reason"),
            by=request.person.subject,
            ports=request.ports.correction_ports(),
            now=request.now,
        )
        return Flash("good", "Voided.")

    return _acting(tenant, period, act)


def credit(request: Request, tenant: str, period: str) -> Answer:
    """Give a credit note."""

    def act(start: date) -> Flash:
        reference = request.form.one("reference")
        after = corrections.credit(
            tenant,
            start,
            reference=reference,
            amount=_amount(request),
            reason=request.form.one("credit_reason"),
            by=request.person.subject,
            ports=request.ports.correction_ports(),
            now=request.now,
        )
        return _credited(after, reference)

    return _acting(tenant, period, act)


def _credited(invoice: Invoice, reference: str) -> Flash:
    given = next(one for one in invoice.credits if one.reference == reference)
    if given.refused:
        return Flash("bad", f"Stripe refused the credit note: {given.refused}")
    return Flash("good", f"Credit note {given.number} of {money(given.amount, invoice.statement.currency)} is given.")


def issue_again(request: Request, tenant: str, period: str) -> Answer:
    """A void invoice as a draft again."""

    def act(start: date) -> Flash:
        corrections.reissue(
            tenant,
            start,
            by=request.person.subject,
            reason=request.form.one("again_reason"),
            ports=request.ports.correction_ports(),
            now=request.now,
            close_after_days=request.ports.close_after_days,
        )
        return Flash("good", "It is a draft again, under a new revision. Approve it to issue it.")

    return _acting(tenant, period, act)


def _acting(tenant: str, period: str, act: Callable[[date], Flash]) -> Answer:
    """What an action answers: back to the invoice, or why it was refused."""
    back = address(tenant, period)
    try:
        return Redirect(to=back, flash=act(period_named(tenant, period)))
    except RevisionChanged as error:
        said = f"It is at revision {error.current} now; you decided on revision {error.named}. This is what moved:"
        return _refused("The invoice has changed", said, error.differences, back, HTTPStatus.CONFLICT)
    except Invalid as error:
        reasons = [str(problem) for problem in error.problems]
        return _refused("Not accepted", "Go back and correct this:", reasons, back, HTTPStatus.BAD_REQUEST)
    except Refused as error:
        return _refused("Stripe refused", "This is what Stripe says:", [str(error)], back, HTTPStatus.CONFLICT)
    except Conflict as error:
        if error.__cause__ is not None:  # a row moved under it: an SDK's words, not for people
            raise
        return _refused("That cannot be done now", "", [str(error)], back, HTTPStatus.CONFLICT)


def _refused(title: str, said: str, reasons: list[str] | tuple[str, ...], back: str, status: HTTPStatus) -> Page:
    values = {"title": title, "said": said, "reasons": reasons, "back": back}
    return Page(template="invoice_refused.html.j2", values=values, status=status)


def _revision(request: Request) -> int:
    text = request.form.one("revision")
    if not re.fullmatch(r"\d{1,9}", text):
        raise Invalid("invoice", [Problem("revision", "expected the number of the revision that was read")])
    return int(text)


def _amount(request: Request) -> Decimal:
    text = request.form.one("credit_amount")
    if not _AMOUNT.fullmatch(text):
        raise Invalid("credit note", [Problem("amount", "expected an amount such as 12.50")])
    return Decimal(text)


_ONE: Final = f"{INVOICES}/<tenant>/<period>"
ROUTES: Final = (
    Route("POST", f"{_ONE}/approve", approve, APPROVE_INVOICE),
    Route("POST", f"{_ONE}/send-back", send_back, RETURN_INVOICE),
    Route("POST", f"{_ONE}/void", void, VOID_INVOICE),
    Route("POST", f"{_ONE}/credit", credit, CREDIT_INVOICE),
    Route("POST", f"{_ONE}/issue-again", issue_again, ISSUE_INVOICE),
)
