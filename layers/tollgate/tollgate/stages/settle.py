"""Settle: on a Stripe event, read the invoice from Stripe and make the row, and its hold, follow.

The event only says where to look; what Stripe says now decides, so order, repeats and lost events do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tollgate.domain.invoices import APPROVED, OPEN, SETTLED, UNCOLLECTIBLE, Invoice, reinstatement
from tollgate.domain.notices import ALL_SERVICES, OVERDUE, Hold
from tollgate.stages.issue import as_stripe_says
from tollgate.stages.ports import HoldRows, Inbox, InvoiceRows, Stripe, StripeInvoice

BY: Final = "stripe"
ISSUED: Final = frozenset({APPROVED, OPEN, UNCOLLECTIBLE}) | SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePorts:
    """What settling reads and writes."""

    invoices: InvoiceRows
    holds: HoldRows
    stripe: Stripe
    inbox: Inbox


def settle(
    event: str, *, stripe_invoice: str | None, metadata: Mapping[str, str], ports: SettlePorts, now: datetime
) -> Invoice | None:
    """Deal with one Stripe event. Returns the invoice concerned; None for events of anything else, and repeats.

    The event is remembered after the work, not before: a crash in between does the work twice, which changes nothing.
    Raises NotFound for an invoice that says it is ours and is not, Conflict or RetryLater to be called again.
    """
    tenant, period = metadata.get("tenant", ""), metadata.get("period", "")
    if stripe_invoice is None or not tenant or not period or ports.inbox.seen(event):
        return None
    invoice = ports.invoices.invoice(tenant, date.fromisoformat(period))
    settled = follow(invoice, ports.stripe.invoice(stripe_invoice), ports=ports, now=now)
    ports.inbox.remember(event, at=now)
    return settled


def follow(invoice: Invoice, said: StripeInvoice, *, ports: SettlePorts, now: datetime) -> Invoice:
    """Make an invoice what Stripe says of it; nothing owed any more lifts this invoice's hold, and no other.

    An invoice that Stripe still drafts, another revision's, or one the row does not know as its own changes nothing.
    """
    ours = said.metadata.get("revision") == str(invoice.revision) and invoice.stripe_invoice in ("", said.id)
    if said.status == "draft" or not ours or invoice.status not in ISSUED:
        return invoice
    updated = as_stripe_says(invoice, said)
    if updated == invoice:
        return invoice
    open_hold = _open_hold(invoice, ports.holds) if updated.status in SETTLED else None
    return ports.invoices.save(
        updated,
        by=BY,
        at=now,
        notices=[reinstatement(updated, at=now)] if open_hold else [],
        lifted=[open_hold.lifted(now)] if open_hold else [],
    )


def _open_hold(invoice: Invoice, holds: HoldRows) -> Hold | None:
    named = (ALL_SERVICES, OVERDUE, invoice.name)
    own = (h for h in holds.holds(invoice.tenant) if (h.scope, h.cause, h.reference) == named and h.is_open)
    return next(own, None)
