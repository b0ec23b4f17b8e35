"""Ops: what waits in quarantine and why, mails that did not arrive, what the schedules did, and the queues.

What is done here belongs to no tenant, so it has a trail of its own; it is written before anything is done outside.

Reads: the quarantine (a query for each day that holds something), the last runs (a query a schedule), what differs (a
query), the last mail to finance (a query and a row); of undelivered mails one query a tenant, so they are read a page
of tenants at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.invoices import named
from tollgate.domain.notices import Notice
from tollgate.domain.reconciliation import Difference
from tollgate.stages.ports.accounts import AuditEntry, AuditRows, ContractRows, MailState, NoticeRows
from tollgate.stages.ports.invoices import DraftsNoticeRows, ReconciledRows, Run, RunRows
from tollgate.stages.ports.ledger import Quarantine, QuarantineRow, Recounting
from tollgate.stages.ports.queues import QueueDepth, Queues
from tollgate.stages.review import owners_of

SCHEDULES: Final[Mapping[str, timedelta]] = {
    "invoice": timedelta(hours=26),
    "reconcile": timedelta(hours=26),
    "suspend": timedelta(hours=2),
    "poll": timedelta(minutes=20),
}
"""After how long without a run a schedule has missed one."""
OVERDUE_AFTER: Final = timedelta(hours=1)
"""A mail that is not out by then is looked into."""
TENANTS_A_PAGE: Final = 200
MOST_REDRIVEN: Final = 300
"""At once, where dead letters are moved one by one: what a page has time for."""
TRAIL: Final = "~platform"
"""No tenant's name begins so."""
_UNSENT: Final = frozenset({"queued", "sending"})
_FAILED: Final = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits in quarantine for one reason: facts, the messages they are of, whose, and since when.

    ``tenants`` names the owners that a sender explains; ``accounts`` those at the provider, as provider and account.
    """

    reason: str
    facts: int
    messages: int
    tenants: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...]
    oldest: datetime
    newest: datetime


def quarantined(*, quarantine: Quarantine, contracts: ContractRows) -> list[Waiting]:
    """What waits, the reason with most facts first."""
    rows = quarantine.rows()
    owners = owners_of(rows, contracts)
    by_reason: dict[str, list[tuple[QuarantineRow, str]]] = {}
    for row, owner in zip(rows, owners, strict=True):
        by_reason.setdefault(row.reason, []).append((row, owner))
    groups = [_group(reason, own) for reason, own in by_reason.items()]
    return sorted(groups, key=lambda group: (-group.facts, group.reason))


def _group(reason: str, own: Sequence[tuple[QuarantineRow, str]]) -> Waiting:
    facts = [row.fact for row, _ in own]
    return Waiting(
        reason=reason,
        facts=len(facts),
        messages=len({fact.key for fact in facts}),
        tenants=tuple(sorted({owner for _, owner in own if owner})),
        accounts=tuple(sorted({(fact.provider, fact.account) for fact in facts})),
        oldest=min(fact.at for fact in facts),
        newest=max(fact.at for fact in facts),
    )


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Mails that did not arrive, or are not out in time; ``cursor`` goes on with the next tenants, empty at the end."""

    rows: tuple[tuple[Notice, MailState], ...]
    cursor: str


def undelivered(
    *, contracts: ContractRows, notices: NoticeRows, now: datetime, cursor: str = "", size: int = TENANTS_A_PAGE
) -> Undelivered:
    """The undelivered mails of the next tenants, the newest notice first."""
    names = [name for name in contracts.tenants() if name > cursor]
    looked_at = names[:size]
    found = [row for name in looked_at for row in notices.notices(name) if _is_undelivered(row[0].at, row[1], now)]
    newest = sorted(found, key=lambda row: (row[0].at, row[0].tenant, row[0].identity), reverse=True)
    return Undelivered(tuple(newest), looked_at[-1] if len(names) > len(looked_at) else "")


def undelivered_to_finance(*, drafts: DraftsNoticeRows, now: datetime) -> tuple[DraftsNotice, MailState] | None:
    """The latest mail that told finance of drafts, if it did not arrive; an earlier one is out of date."""
    last = drafts.last()
    if last is None:
        return None
    notice, mail = drafts.notice(last.identity)
    return (notice, mail) if _is_undelivered(notice.at, mail, now) else None


def _is_undelivered(at: datetime, mail: MailState, now: datetime) -> bool:
    late = mail.status in _UNSENT and now - at > OVERDUE_AFTER
    return late or mail.status == _FAILED or bool(mail.failed)


def last_runs(*, runs: RunRows, count: int = 10) -> dict[str, list[Run]]:
    """The last runs of each schedule, newest first."""
    return {schedule: runs.last(schedule, count) for schedule in SCHEDULES}


def all_differences(*, reconciled: ReconciledRows) -> list[Difference]:
    """What the last comparison found of every tenant; first what somebody must look at."""
    found = [one for tenant in reconciled.all() for one in tenant.differences]
    return sorted(found, key=lambda one: (not one.raises, one.tenant, one.kind))


def late(runs: Mapping[str, Sequence[Run]], *, now: datetime) -> set[str]:
    """The schedules that never ran, or have missed a run."""
    return {name for name, own in runs.items() if not own or now - own[0].at > SCHEDULES[name]}


def queue_depths(*, queues: Queues) -> list[QueueDepth]:
    """Every queue of the stack, those in which dead letters wait first."""
    return sorted(queues.depths(), key=lambda depth: (not (depth.dead_letters and depth.waiting), depth.name))


def redrive_queue(name: str, *, by: str, queues: Queues, audit: AuditRows, now: datetime) -> int | None:
    """Send dead letters back; returns how many were moved, None where they are moved from now on.

    Raises NotFound, Invalid, Refused, RetryLater.
    """
    audit.add(_entry("queue", name, by, now))
    return queues.redrive(name, most=MOST_REDRIVEN)


def redrive_quarantine(reason: str, *, by: str, recounting: Recounting, audit: AuditRows, now: datetime) -> None:
    """Have what waits for a reason counted again. Raises Invalid, Refused, RetryLater."""
    audit.add(_entry("quarantine", reason, by, now))
    recounting.begin(reason)


def _entry(action: str, subject: str, by: str, now: datetime) -> AuditEntry:
    named(action, by, "redrives it")
    return AuditEntry(tenant=TRAIL, at=now, by=by, action=action, subject=subject, what="redriven")


def trail(*, audit: AuditRows, since: datetime) -> list[AuditEntry]:
    """What ops did since, newest first."""
    return audit.entries(TRAIL, since=since)[::-1]
