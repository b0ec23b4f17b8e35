"""Issue: approve a draft, and bring what is approved into Stripe, once.

Part of the invoice stage. Every step at Stripe can be repeated: what is there already is found before anything is
created, each step has an idempotency key made from the revision, and the amounts are compared before finalizing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import instant, last_instant, local_day
from tollgate.domain.continuity import follows, resting_on
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, NotFound, Refused, RetryLater
from tollgate.domain.invoices import APPROVED, Invoice, Push, approve, settled
from tollgate.domain.money import ZERO
from tollgate.domain.statement import Line
from tollgate.stages.close import SYSTEM
from tollgate.stages.customers import ensure_customer
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.stripe import Stripe, StripeInvoice

MAX_PUSHES: Final = 5
MAX_CONFLICTS: Final = 3
MAX_LINES: Final = 250  # of one Stripe invoice
PUSH_FAILED: Final = "push-failed"
BEGINNING: Final = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePorts:
    """What issuing reads and writes."""

    contracts: ContractRows
    invoices: InvoiceRows
    stripe: Stripe
    count: Count


def contract_of(invoice: Invoice, rows: ContractRows) -> Contract:
    """The contract whose terms of payment hold for an invoice: the one in force at the end of its period."""
    versions = rows.versions(invoice.tenant)
    contract = contracts.in_force(versions, invoice.statement.period.end - timedelta(days=1))
    if contract is None:
        raise NotFound("contract", invoice.tenant)
    return contract


def approve_invoice(
    tenant: str, period: date, *, revision: int, by: str, contracts_rows: ContractRows, invoices: InvoiceRows,
    now: datetime,
) -> Invoice:  # fmt: skip
    """Approve the revision that was read; it is due ``days_until_due`` after today in the contract's time zone.

    Above the contract's amount the first of two people leaves it a draft. Raises NotFound, RevisionChanged (with what
    moved) or Conflict, also when an earlier invoice has changed and this draft does not follow from it any more: the
    next run refreshes it. Approving twice changes nothing.
    """
    invoice = invoices.invoice(tenant, period)
    read = invoices.revision(tenant, period, revision)
    contract = contract_of(invoice, contracts_rows)
    due_date = local_day(now, contract.timezone) + timedelta(days=contract.payment.days_until_due)
    approved = approve(
        invoice,
        revision=revision,
        read=read,
        by=by,
        at=now,
        due_date=due_date,
        second_above=contract.review.second_approver_above,
    )
    if approved is invoice:
        return invoice
    earlier = [one for one in invoices.invoices(tenant) if one.statement.period < invoice.statement.period]
    if not follows(invoice, earlier):
        raise Conflict(f"an invoice before {invoice.name} of {tenant} has changed; the next run refreshes this draft")
    what = "" if approved.status == APPROVED else "first-approval"
    return invoices.save(approved, by=by, at=now, what=what, resting_on=resting_on(earlier))


def push(tenant: str, period: date, *, ports: IssuePorts, now: datetime) -> Invoice:
    """Bring an approved invoice into Stripe: draft, lines, compared, due, finalized, sent.

    Does nothing for an invoice that is not approved, or is issued already. When Stripe cannot answer, the invoice stays
    approved with the error kept, and RetryLater is raised until ``MAX_PUSHES`` are spent; then, and when Stripe
    refuses, it is flagged with Stripe's message and returned. Calling again tries again, flagged or not.
    Stripe's own events move the row meanwhile; a Conflict with them is tried again, and raised when it goes on.
    """
    for _ in range(MAX_CONFLICTS):
        with suppress(Conflict):
            return _push_once(tenant, period, ports=ports, now=now)
    return _push_once(tenant, period, ports=ports, now=now)


def _push_once(tenant: str, period: date, *, ports: IssuePorts, now: datetime) -> Invoice:
    invoice = ports.invoices.invoice(tenant, period)
    if invoice.status != APPROVED:
        return invoice
    try:
        issued = _issue(invoice, ports, now)
    except RetryLater as error:
        failed = _failed(invoice, error, stored=error.stored, final=invoice.push.attempts + 1 >= MAX_PUSHES)
        saved = ports.invoices.save(failed, by=SYSTEM, at=now, what=PUSH_FAILED, note=failed.push.error)
        if not failed.push.flagged:
            raise
        ports.count("InvoicePushFlagged", 1)
        return saved
    except Refused as error:
        ports.count("InvoicePushFlagged", 1)
        # Stripe may answer a refusal again under the same key, and the next try comes after somebody dealt with it.
        failed = _failed(invoice, error, stored=True, final=True)
        return ports.invoices.save(failed, by=SYSTEM, at=now, what=PUSH_FAILED, note=failed.push.error)
    return ports.invoices.save(_dated(as_stripe_says(invoice, issued), issued, ports), by=SYSTEM, at=now)


def _dated(invoice: Invoice, issued: StripeInvoice, ports: IssuePorts) -> Invoice:
    """The invoice with the due date that the customer was told."""
    if issued.due_at is None:
        return invoice
    return replace(invoice, due_date=local_day(issued.due_at, contract_of(invoice, ports.contracts).timezone))


def as_stripe_says(invoice: Invoice, issued: StripeInvoice) -> Invoice:
    """The invoice with Stripe's state of it."""
    return settled(
        invoice,
        status=issued.status,
        remaining=issued.remaining,
        stripe_invoice=issued.id,
        number=issued.number,
        hosted_url=issued.hosted_url,
        pdf_url=issued.pdf_url,
    )


def _failed(invoice: Invoice, error: Exception, *, stored: bool, final: bool) -> Invoice:
    before = invoice.push
    return replace(
        invoice,
        push=Push(
            attempts=before.attempts + 1,
            key_attempt=before.key_attempt + (1 if stored else 0),
            error=str(error)[:500],
            flagged=final,
        ),
    )


def _issue(invoice: Invoice, ports: IssuePorts, now: datetime) -> StripeInvoice:
    contract, stripe = contract_of(invoice, ports.contracts), ports.stripe
    # Today's billing contact, not the one of the period: whoever left must not be the one who gets the invoice.
    versions = ports.contracts.versions(invoice.tenant)
    customer = ensure_customer(versions, contracts=ports.contracts, stripe=stripe, now=now)
    identity = identity_of(invoice)
    due_at = _due_at(invoice, contract, now)
    found = stripe.find_invoice(customer, metadata=identity, since=BEGINNING)
    if found is None:
        found = stripe.create_invoice(
            customer,
            currency=invoice.statement.currency,
            due_at=due_at,
            memo=f"{contract.name}: usage of {invoice.name}",
            metadata=identity,
            key=_key(invoice, "create"),
        )
    if found.status == "draft":
        _fill(found.id, invoice, contract, stripe)
        stripe.set_due(found.id, due_at=due_at, key=_key(invoice, "due"))
        found = stripe.finalize(found.id, key=_key(invoice, "finalize"))
    if found.total != invoice.statement.total:
        raise Refused(f"Stripe's total is {found.total}, the approved total {invoice.statement.total}")
    return stripe.send(found.id, key=_key(invoice, "send")) if found.status == "open" else found


def identity_of(invoice: Invoice) -> dict[str, str]:
    """What an invoice carries at Stripe, by which it is found again and known as ours."""
    return {"tenant": invoice.tenant, "period": invoice.name, "revision": str(invoice.revision)}


def _fill(stripe_id: str, invoice: Invoice, contract: Contract, stripe: Stripe) -> None:
    """Put the lines on the draft, those that are not there yet, and compare every one of them with the statement."""
    wanted = foldable(invoice.statement.lines)
    present = stripe.lines(stripe_id)
    missing = [line for line in wanted if (line.key, line.amount) not in present]
    if missing and len(present) + len(missing) == len(wanted):
        period = invoice.statement.period
        stripe.add_lines(
            stripe_id,
            missing,
            currency=invoice.statement.currency,
            period=(instant(period.start, contract.timezone), last_instant(period.end - timedelta(days=1),
                                                                           contract.timezone)),
            key=_key(invoice, "lines" if not present else f"lines-after-{len(present)}"),
        )  # fmt: skip
        present = stripe.lines(stripe_id)
    if sorted(present) != sorted((line.key, line.amount) for line in wanted):
        raise Refused("the lines of Stripe's draft differ from the approved statement")
    if sum((amount for _, amount in present), ZERO) != invoice.statement.total:
        raise Refused("the lines of Stripe's draft do not add up to the approved total")


def foldable(lines: Sequence[Line], *, most: int = MAX_LINES) -> list[Line]:
    """The lines as Stripe can take them: beyond ``most``, the smallest amounts become one line."""
    if len(lines) <= most:
        return list(lines)
    kept = {line.key for line in sorted(lines, key=lambda line: -abs(line.amount))[: most - 1]}
    rest = [line for line in lines if line.key not in kept]
    amount = sum((line.amount for line in rest), Decimal(0))
    folded = Line(
        key="other",
        description=f"{len(rest)} smaller lines, see the statement",
        quantity=sum(line.quantity for line in rest),
        amount=amount,
    )
    return [*(line for line in lines if line.key in kept), folded]


def _due_at(invoice: Invoice, contract: Contract, now: datetime) -> datetime:
    """The end of the due date. One that went by before the invoice could be issued is counted anew, from today: nobody
    gets an invoice that is overdue already."""
    if invoice.due_date is None:
        raise Refused(f"invoice {invoice.name} of {invoice.tenant} was approved without a due date")
    today, days = local_day(now, contract.timezone), contract.payment.days_until_due
    due_date = invoice.due_date if invoice.due_date >= today else today + timedelta(days=days)
    return last_instant(due_date, contract.timezone)


def _key(invoice: Invoice, step: str) -> str:
    return f"{invoice.tenant}:{invoice.name}:r{invoice.revision}:{step}:{invoice.push.key_attempt}"
