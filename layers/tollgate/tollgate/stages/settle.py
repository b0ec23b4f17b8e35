"""Settle: on a Stripe event, read the invoice from Stripe and make the row, and its hold, follow.

The event only says where to look; what Stripe says now decides, so order, repeats and lost events do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.invoices import APPROVED, OPEN, SETTLED, UNCOLLECTIBLE, Invoice, overdue_hold, reinstatement
from tollgate.domain.notices import Hold
from tollgate.stages.issue import as_stripe_says
from tollgate.stages.ports.accounts import HoldRows
from tollgate.stages.ports.invoices import Inbox, InvoiceRows
from tollgate.stages.ports.stripe import Stripe, StripeInvoice

BY: Final = "stripe"
MAX_ATTEMPTS: Final = 4
AWAITING: Final = frozenset({APPROVED, OPEN, UNCOLLECTIBLE})


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
    An invoice that says it is ours and has no row is somebody else's (a row is written before Stripe hears of it).
    Events come in bursts and meet each other at the row: a Conflict is read again, so that nobody waits for the queue.
    Raises Conflict (when that goes on) or RetryLater to be called again.
    """
    tenant, period = metadata.get("tenant", ""), _day(metadata.get("period", ""))
    if stripe_invoice is None or not tenant or period is None or ports.inbox.seen(event):
        return None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            invoice = ports.invoices.invoice(tenant, period)
            settled = follow(invoice, ports.stripe.invoice(stripe_invoice), ports=ports, now=now)
        except NotFound:
            return None
        except Conflict:
            if attempt == MAX_ATTEMPTS:
                raise
        else:
            ports.inbox.remember(event, at=now)
            return settled
    raise AssertionError("unreachable: the last attempt returns or raises")


def follow(
    invoice: Invoice,
    said: StripeInvoice,
    *,
    ports: SettlePorts,
    now: datetime,
    by: str = BY,
    what: str = "",
    note: str = "",
) -> Invoice:
    """Make an invoice what Stripe says of it; nothing owed any more lifts this invoice's hold, and no other.

    Paid and void stay so. Uncollectible keeps the hold, since the money is still owed, but nobody is dunned for it any
    more. An invoice that Stripe still drafts, another revision's, or one the row does not know as its own changes
    nothing. Neither does an approved one that Stripe has open: it is issued once it is sent, which is for push to say.
    """
    ours = said.metadata.get("revision") == str(invoice.revision) and invoice.stripe_invoice in ("", said.id)
    if said.status == "draft" or not ours or invoice.status not in AWAITING:
        return invoice
    updated = as_stripe_says(invoice, said)
    if updated == invoice or (invoice.status == APPROVED and updated.status == OPEN):
        return invoice
    open_hold = _open_hold(invoice, ports.holds) if updated.status in SETTLED else None
    if open_hold is None:
        return ports.invoices.save(updated, by=by, at=now, what=what, note=note)
    # Not ``now``: an event may be older than what Stripe says by the time it is dealt with.
    at = max(said.settled_at or now, open_hold.opened_at)
    return ports.invoices.save(
        updated,
        by=by,
        at=now,
        what=what,
        note=note,
        notices=[reinstatement(updated, at=at)],
        lifted=[open_hold.lifted(at)],
    )


def _day(period: str) -> date | None:
    try:
        return date.fromisoformat(period)
    except ValueError:
        return None


def _open_hold(invoice: Invoice, holds: HoldRows) -> Hold | None:
    own = (hold for hold in holds.holds(invoice.tenant) if hold.is_open)
    return next((hold for hold in own if overdue_hold(invoice, at=hold.opened_at).identity == hold.identity), None)
