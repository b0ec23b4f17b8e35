"""Announce: what changed in the rows becomes events on the bus. The rows are the truth; an event may be told twice.

Each event's id is derived from the change, so that whoever minds can tell a repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from tollgate.domain.drafts import PLATFORM, DraftsNotice
from tollgate.domain.exports import PENDING, Export
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.stages.ports.events import DomainEvent


@dataclass(frozen=True, slots=True)
class Changed[T: (Notice, Hold, Invoice, DraftsNotice, Export)]:
    """A row as it was (None: new) and as it is, with the time of the change."""

    before: T | None
    after: T
    at: datetime


def events(
    change: Changed[Notice] | Changed[Hold] | Changed[Invoice] | Changed[DraftsNotice] | Changed[Export],
) -> Iterator[DomainEvent]:
    """The events of one change; none for a change nobody is told about (a mail's state, a push attempt)."""
    if isinstance(change.after, Notice):
        if change.before is None:
            yield _notice_created(change.after, change.at)
    elif isinstance(change.after, Hold):
        yield from _hold_events(change.before, change.after, change.at)
    elif isinstance(change.after, DraftsNotice):
        if change.before is None:
            yield _review_waiting(change.after, change.at)
    elif isinstance(change.after, Export):
        yield from _export_events(change.before, change.after, change.at)
    else:
        yield from _invoice_events(change.before, change.after, change.at)


def _notice_created(notice: Notice, at: datetime) -> DomainEvent:
    data = {
        "identity": notice.identity,
        "kind": notice.kind,
        "term": str(notice.term),
        "meter": notice.meter,
        "line": notice.line,
        "used": str(notice.used),
        "included": None if notice.included is None else str(notice.included),
        "period": None if notice.period is None else str(notice.period),
    }
    return _event("tollgate.notice.created", notice.tenant, notice.identity, at, data)


def _review_waiting(notice: DraftsNotice, at: datetime) -> DomainEvent:
    data = {
        "identity": notice.identity,
        "drafts": notice.count,
        "news": notice.news,
        "months": {f"{month:%Y-%m}": count for month, count in notice.months.items()},
        "totals": {currency: str(amount) for currency, amount in notice.totals.items()},
        "clean": notice.clean,
    }
    return _event("tollgate.review.waiting", PLATFORM, notice.identity, at, data)


def _hold_events(before: Hold | None, after: Hold, at: datetime) -> Iterator[DomainEvent]:
    data = {"scope": after.scope, "cause": after.cause, "reference": after.reference}
    if before is None:
        yield _event("tollgate.hold.opened", after.tenant, after.identity, at, data)
    if not after.is_open and (before is None or before.is_open):
        yield _event("tollgate.hold.lifted", after.tenant, after.identity, at, data)


def _export_events(before: Export | None, after: Export, at: datetime) -> Iterator[DomainEvent]:
    """The first turn, each further one, and the end; none for a part that was added."""
    data = {
        "number": after.number,
        "turn": after.turn,
        "side": after.side,
        "status": after.status,
        "rows": after.rows,
        "size": after.size,
    }
    identity = f"{after.number:08d}#{after.turn}"
    if before is None:
        yield _event("tollgate.export.requested", after.tenant, identity, at, data)
    elif after.status not in PENDING and before.status in PENDING:
        yield _event(f"tollgate.export.{after.status}", after.tenant, identity, at, data)
    elif after.turn != before.turn:
        yield _event("tollgate.export.continued", after.tenant, identity, at, data)


def _invoice_events(before: Invoice | None, after: Invoice, at: datetime) -> Iterator[DomainEvent]:
    status = "drafted" if after.status == "draft" else after.status
    data = {
        "period": after.name,
        "revision": after.revision,
        "status": after.status,
        "currency": after.statement.currency,
        "total": str(after.statement.total),
        "stripe_invoice": after.stripe_invoice,
    }
    identity = f"{after.name}#{after.revision}"
    if before is None or before.status != after.status:
        yield _event(f"tollgate.invoice.{status}", after.tenant, identity, at, data)
    elif before.revision != after.revision:
        yield _event("tollgate.invoice.revised", after.tenant, identity, at, data)


def _event(type_: str, tenant: str, identity: str, at: datetime, data: Mapping[str, object]) -> DomainEvent:
    return DomainEvent(id=f"{type_}:{tenant}:{identity}", type=type_, tenant=tenant, at=at, data=data)
