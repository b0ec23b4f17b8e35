"""Corrections: what finance does to an invoice beyond approving it: send back, void, credit, issue again.

Whoever acts is in the audit trail before Stripe is asked, so that a crash in between leaves a name. What happens on a
repeat: what is done already is found, at Stripe too, and is not done again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.corrections import issue_again, pending_credits, with_credit, with_outcome
from tollgate.domain.errors import Conflict, Refused, RetryLater
from tollgate.domain.invoices import (
    APPROVED,
    OPEN,
    UNCOLLECTIBLE,
    VOID,
    Credit,
    Invoice,
    named,
    send_back,
    written,
)
from tollgate.domain.money import ZERO
from tollgate.stages.close import ClosePorts, close_periods
from tollgate.stages.issue import BEGINNING, identity_of
from tollgate.stages.ports.accounts import AuditEntry, AuditRows, ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.stripe import Stripe, StripeInvoice
from tollgate.stages.settle import SettlePorts, follow

MAX_ATTEMPTS: Final = 3
SENT_BACK: Final = "sent-back"
VOIDING: Final = "voiding"
CREDITING: Final = "crediting"
CREDITED: Final = "credited"
CREDIT_REFUSED: Final = "credit-refused"
ISSUED_AGAIN: Final = "issued-again"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPorts:
    """What correcting reads and writes."""

    invoices: InvoiceRows
    contracts: ContractRows
    audit: AuditRows
    stripe: Stripe
    settle: SettlePorts
    close: ClosePorts


def send_back_invoice(
    tenant: str, period: date, *, revision: int, note: str, by: str, invoices: InvoiceRows, now: datetime
) -> Invoice:
    """Send a draft back with a note: it stays a draft, is not clean any more, and says so until it has a new revision.

    Raises NotFound, RevisionChanged, Conflict, Invalid.
    """
    invoice = invoices.invoice(tenant, period)
    back = send_back(
        invoice, revision=revision, read=invoices.revision(tenant, period, revision), note=note, by=by, at=now
    )
    return invoice if back is invoice else invoices.save(back, by=by, at=now, what=SENT_BACK, note=note)


def void(tenant: str, period: date, *, reason: str, by: str, ports: CorrectionPorts, now: datetime) -> Invoice:
    """Void an invoice at Stripe; what it suspended is lifted. Its amount is brought forward by the next statement, or
    issued again under a new revision: a void says that it was asked for wrongly, not that it is not owed.

    An approved invoice is voided only where Stripe has it open (a push that was refused halfway). Voiding a void one
    changes nothing. Raises NotFound, Invalid, Conflict, Refused and RetryLater.
    """
    named("void", by, "voids it")
    written("void", "reason", reason)
    invoice = ports.invoices.invoice(tenant, period)
    if invoice.status == VOID:
        return invoice
    said = _at_stripe(invoice, ports)
    if said is None or said.status not in (OPEN, UNCOLLECTIBLE, VOID):
        raise Conflict(f"invoice {invoice.name} of {tenant} is {invoice.status}: there is nothing to void")
    ports.audit.add(_entry(invoice, VOIDING, by=by, at=now, note=reason))
    if said.status != VOID:
        said = _voided(said.id, _key(invoice, "void"), ports.stripe, now)
    return follow(invoice, said, ports=ports.settle, now=now, by=by, note=reason)


def _voided(stripe_invoice: str, key: str, stripe: Stripe, now: datetime) -> StripeInvoice:
    def once(key: str) -> StripeInvoice:
        known = stripe.invoice(stripe_invoice)
        return known if known.status == VOID else stripe.void(stripe_invoice, key=key)

    return _once_more(once, key, now)


def _at_stripe(invoice: Invoice, ports: CorrectionPorts) -> StripeInvoice | None:
    """What Stripe has of an invoice; None for one that it cannot have yet."""
    if invoice.stripe_invoice:
        return ports.stripe.invoice(invoice.stripe_invoice)
    customer = ports.contracts.stripe_customer(invoice.tenant) if invoice.status == APPROVED else ""
    if not customer:
        return None
    return ports.stripe.find_invoice(customer, metadata=identity_of(invoice), since=BEGINNING)


def credit(
    tenant: str,
    period: date,
    *,
    reference: str,
    amount: Decimal,
    reason: str,
    by: str,
    ports: CorrectionPorts,
    now: datetime,
) -> Invoice:
    """Give a credit note: what is still owed shrinks by it first; what was paid already becomes the customer's balance
    at Stripe, which the next invoice uses. ``reference`` names this one note, so that a repeat gives no second.

    The note is written, with who gives it, before Stripe is asked; what a crash leaves over is finished by a repeat or
    by the daily run. Refused by Stripe, it stays beside the invoice and credits nothing. Raises as ``void`` does.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        invoice = ports.invoices.invoice(tenant, period)
        noted = with_credit(invoice, reference=reference, amount=amount, reason=reason, by=by, at=now)
        try:
            if noted is not invoice:
                noted = ports.invoices.save(noted, by=by, at=now, what=CREDITING, note=f"{amount}: {reason}")
            return finish_credits(noted, stripe=ports.stripe, settle=ports.settle, now=now)
        except Conflict:  # Stripe's own events about the note meet it at the row
            if attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def finish_credits(invoice: Invoice, *, stripe: Stripe, settle: SettlePorts, now: datetime) -> Invoice:
    """Bring the credit notes of an invoice that Stripe may not have yet to Stripe. Raises RetryLater, Conflict."""
    for one in pending_credits(invoice):
        try:
            number = _credit_number(invoice, one, stripe, now)
        except Refused as error:
            refused = with_outcome(invoice, one.reference, refused=str(error)[:500])
            invoice = settle.invoices.save(refused, by=one.by, at=now, what=CREDIT_REFUSED, note=str(error)[:500])
            continue
        issued = with_outcome(invoice, one.reference, number=number)
        said, note = stripe.invoice(invoice.stripe_invoice), f"{number}: {one.amount}"
        invoice = follow(issued, said, ports=settle, now=now, by=one.by, what=CREDITED, note=note)
        if invoice is issued:  # Stripe says nothing new of it: a paid one stays paid
            invoice = settle.invoices.save(issued, by=one.by, at=now, what=CREDITED, note=note)
    return invoice


def _credit_number(invoice: Invoice, one: Credit, stripe: Stripe, now: datetime) -> str:
    """The number of a credit note at Stripe, found before it is given."""
    metadata = {**identity_of(invoice), "credit": one.reference}

    def give(key: str) -> str:
        found = stripe.find_credit_note(invoice.stripe_invoice, metadata=metadata)
        if found:
            return found
        remaining = stripe.invoice(invoice.stripe_invoice).remaining
        return stripe.credit_note(
            invoice.stripe_invoice,
            amount=one.amount,
            to_balance=max(ZERO, one.amount - remaining),
            currency=invoice.statement.currency,
            memo=one.reason,
            metadata=metadata,
            key=key,
        )

    return _once_more(give, _key(invoice, f"credit:{one.reference}"), now)


def reissue(tenant: str, period: date, *, by: str, reason: str, ports: CorrectionPorts, now: datetime,
            close_after_days: int) -> Invoice:  # fmt: skip
    """Issue a void invoice again: a draft under a new revision, at the usage as it is known now, to be approved anew.

    Only while every later statement is a draft; those are refreshed in the same stroke, so that none brings the amount
    forward as well. An invoice that Stripe refused is not void: once the cause is gone it is pushed again as it is.
    Raises NotFound, Invalid, Conflict.
    """
    named("issuing again", by, "issues it again")
    written("issuing again", "reason", reason)
    invoice = ports.invoices.invoice(tenant, period)
    later = [one for one in ports.invoices.invoices(tenant) if one.statement.period > invoice.statement.period]
    again = issue_again(invoice, later)
    saved = ports.invoices.save(again, by=by, at=now, what=ISSUED_AGAIN, note=reason, resting_on=later)
    close_periods(tenant, ports=ports.close, now=now, close_after_days=close_after_days)
    return ports.invoices.invoice(tenant, saved.statement.period.start)


def _once_more[T](call: Callable[[str], T], key: str, now: datetime) -> T:
    """A call, and once more under a key of its own where Stripe has stored a failure under the first."""
    try:
        return call(key)
    except RetryLater as error:
        if not error.stored:
            raise
    return call(f"{key}:{now.isoformat()}")


def _key(invoice: Invoice, step: str) -> str:
    return f"{invoice.tenant}:{invoice.name}:r{invoice.revision}:{step}"


def _entry(invoice: Invoice, what: str, *, by: str, at: datetime, note: str) -> AuditEntry:
    return AuditEntry(
        tenant=invoice.tenant,
        at=at,
        by=by,
        action="invoice",
        subject=invoice.name,
        what=what,
        note=note,
        status=invoice.status,
        revision=invoice.revision,
        version=invoice.version,
    )
