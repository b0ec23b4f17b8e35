"""Reconcile, Stripe: compare what was issued of a tenant with what Stripe has.

Reads of Stripe: each unpaid invoice, and its lines the first time, since they cannot change any more. What is settled
is final, and is not read again once it was found equal. Nothing is changed at Stripe.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from tollgate.domain.errors import Refused
from tollgate.domain.invoices import APPROVED, OPEN, SETTLED, UNCOLLECTIBLE, Invoice
from tollgate.domain.reconciliation import AtStripe, Difference, not_issued, stripe_differences
from tollgate.stages.issue import foldable
from tollgate.stages.ports.stripe import Stripe

ISSUED_WITHIN: Final = timedelta(days=1)
"""By then an approved invoice has been pushed, and tried again by a daily run."""


@dataclass(slots=True)
class Compared:
    """What differs, and the invoices (``id:status``) that are equal in everything that stays as it is."""

    differences: list[Difference] = field(default_factory=list)
    agreed: set[str] = field(default_factory=set)


def compare_invoices(
    invoices: Sequence[Invoice],
    *,
    periods: Collection[date],
    agreed: Collection[str],
    stripe: Stripe,
    now: datetime,
) -> Compared:
    """Compare the unpaid invoices of a tenant, and the settled ones of some periods. ``agreed``: those of last time."""
    found = Compared()
    for invoice in invoices:
        if invoice.status == APPROVED and invoice.approved_at and now - invoice.approved_at >= ISSUED_WITHIN:
            found.differences.append(not_issued(invoice))
        elif invoice.status in (OPEN, UNCOLLECTIBLE) or (
            invoice.status in SETTLED and invoice.statement.period.start in periods
        ):
            _compare(invoice, agreed, stripe, found)
    return found


def _compare(invoice: Invoice, agreed: Collection[str], stripe: Stripe, found: Compared) -> None:
    name = f"{invoice.stripe_invoice}:{invoice.status}"
    if invoice.status in SETTLED and name in agreed:
        found.agreed.add(name)
        return
    known = any(one.startswith(f"{invoice.stripe_invoice}:") for one in agreed)
    said = _at_stripe(invoice, stripe, with_lines=not known)
    differences = stripe_differences(invoice, said, wanted=foldable(invoice.statement.lines))
    found.differences += differences
    if not differences:
        found.agreed.add(name)


def _at_stripe(invoice: Invoice, stripe: Stripe, *, with_lines: bool) -> AtStripe | None:
    """An invoice as Stripe has it; None where it has none. Raises Refused and RetryLater for everything else."""
    try:
        said = stripe.invoice(invoice.stripe_invoice)
    except Refused as error:
        if error.missing:
            return None
        raise
    return AtStripe(
        id=said.id,
        status=said.status,
        currency=said.currency.upper(),
        total=said.total,
        remaining=said.remaining,
        revision=said.metadata.get("revision", ""),
        lines=stripe.lines(said.id) if with_lines else None,
    )
