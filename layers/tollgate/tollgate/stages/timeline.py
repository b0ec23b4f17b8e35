"""Timeline of an invoice: everything that happened to it, by whom, in the order of time.

Read from the audit trail, which every write of an invoice is in, and from its notices: two queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tollgate.domain.invoices import APPROVED, OPEN, PAID, UNCOLLECTIBLE, VOID
from tollgate.domain.notices import Notice
from tollgate.domain.statement import CARRIED, DRAFT, NIL
from tollgate.stages.close import SYSTEM
from tollgate.stages.ports.accounts import AuditEntry, AuditRows, MailState, NoticeRows

STATED: Final = {
    DRAFT: "drafted",
    NIL: "stated: nothing to pay",
    CARRIED: "stated: carried forward",
}
BECAME: Final = {
    **STATED,
    APPROVED: "approved",
    OPEN: "issued and sent",
    PAID: "paid",
    VOID: "void",
    UNCOLLECTIBLE: "marked uncollectible",
}
WHAT: Final = {
    "first-approval": "approved by the first of two",
    "sent-back": "sent back",
    "voiding": "asked to void it",
    "crediting": "gives a credit note",
    "credited": "credit note issued",
    "credit-refused": "credit note refused by Stripe",
    "issued-again": "issued again under a new revision",
    "push-failed": "could not be issued",
    "overdue": "past due",
    "suspended": "services suspended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened: when, by whom (``rule``, ``stripe`` and ``tollgate`` are no persons), and what."""

    at: datetime
    by: str
    what: str
    note: str = ""
    revision: int = 0


def timeline(tenant: str, period: date, *, audit: AuditRows, notices: NoticeRows) -> list[Happening]:
    """Everything that happened to the invoice of a period; empty for one that does not exist."""
    entries = [e for e in audit.entries(tenant) if (e.action, e.subject) == ("invoice", str(period))]
    told = [_mailed(notice, mail) for notice, mail in notices.notices(tenant) if notice.period == period]
    return sorted([*_recorded(entries), *told], key=lambda one: one.at)


def _recorded(entries: Sequence[AuditEntry]) -> list[Happening]:
    found, before = [], None
    for entry in entries:
        found.append(
            Happening(at=entry.at, by=entry.by, what=_words(entry, before), note=entry.note, revision=entry.revision)
        )
        before = entry
    return found


def _words(entry: AuditEntry, before: AuditEntry | None) -> str:
    if entry.what:
        return WHAT.get(entry.what, entry.what)
    if before is None or entry.status != before.status:
        return BECAME[entry.status]
    if entry.revision != before.revision:
        return f"revised: revision {entry.revision}"
    return "brought up to date"


def _mailed(notice: Notice, mail: MailState) -> Happening:
    to = f" to {', '.join(mail.to)}" if mail.to else ""
    return Happening(at=notice.at, by=SYSTEM, what=f"notice: {notice.kind}", note=f"mail {mail.status}{to}")
