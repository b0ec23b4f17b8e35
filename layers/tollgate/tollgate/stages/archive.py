"""The archive of receipts: each that says something of a message is kept before it is counted, and can be opened.

What happens on a repeat: a receipt that comes back is the same object again. What happens on a crash: an object more
than was counted, never a record without its receipts. What happens when the archive does not answer: a metric says so
and counting goes on, because what customers are told and charged must not wait for evidence that is asked for later.
Always true: of a receipt that is opened only what is about the message leaves here, and of that no number of anybody,
no name and no text; who opened it is in the trail before it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import named
from tollgate.providers.excerpts import excerpt, text
from tollgate.stages.drilldown import message as record_of
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import AuditEntry, AuditRows
from tollgate.stages.ports.archive import Archive, Kept
from tollgate.stages.ports.ledger import LedgerRows
from tollgate.stages.ports.receipts import Receipt

MOST_LISTED: Final = 100
LONGEST_NAME: Final = 200


def keep_receipts(
    receipts: Sequence[Receipt],
    said: Iterable[tuple[str, MessageKey]],
    *,
    archive: Archive | None,
    count: Count,
) -> None:
    """Keep those receipts that say something of a message; ``said`` names each by its id. No archive keeps nothing."""
    messages: dict[str, set[MessageKey]] = {}
    for identity, message in said:
        messages.setdefault(identity, set()).add(message)
    if archive is None or not messages:
        return
    missed = archive.keep([(receipt, messages[receipt.id]) for receipt in receipts if receipt.id in messages])
    if missed:
        count("ReceiptsNotArchived", len(missed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The receipts of a message; ``more``: there are further ones. ``reachable``: whether the archive answered."""

    receipts: tuple[Kept, ...] = ()
    more: bool = False
    reachable: bool = True


def receipts_of(message: MessageKey, *, archive: Archive) -> Listed:
    """The receipts of a message that is known to exist: one listing. What else is known of it must not wait for it."""
    try:
        found = archive.receipts(message, most=MOST_LISTED + 1)
    except (RetryLater, Refused):
        return Listed(reachable=False)
    return Listed(receipts=tuple(found[:MOST_LISTED]), more=len(found) > MOST_LISTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What may be shown of a receipt: a text of JSON, empty when nothing may."""

    kept: Kept
    source: str
    text: str


def open_receipt(
    tenant: str,
    message: MessageKey,
    name: str,
    *,
    by: str,
    ledger: LedgerRows,
    archive: Archive,
    audit: AuditRows,
    now: datetime,
) -> Opened:
    """One receipt of a tenant's message. Raises NotFound for a message or a receipt that the tenant does not have."""
    named("receipt", by, "opens it")
    if len(name) > LONGEST_NAME:
        raise NotFound("receipt", f"{name[:LONGEST_NAME]}…")
    record = record_of(tenant, message, ledger=ledger)
    subject = "#".join(part for part in message if part)
    audit.add(AuditEntry(tenant=tenant, at=now, by=by, action="receipt", subject=subject, what="opened", note=name))
    found = archive.receipt(message, name)
    shown = excerpt(found.kept.provider, found.body, message, known={record.account, record.number})
    return Opened(kept=found.kept, source=found.source, text="" if shown is None else text(shown))
