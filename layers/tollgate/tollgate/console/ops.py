"""Ops: the queues with their dead letters, what is in quarantine, the schedules' runs, and mails that did not arrive.

Always true: of what waits, only numbers and names of accounts are shown; nothing is moved without a question.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.pages import Route
from tollgate.console.render import count
from tollgate.console.request import Request
from tollgate.domain.permissions import READ, REDRIVE_QUARANTINE, REDRIVE_QUEUE
from tollgate.domain.reconciliation import CAUSES, NOT_COMPARED
from tollgate.stages.ops import (
    all_differences,
    last_runs,
    late,
    quarantined,
    queue_depths,
    redrive_quarantine,
    redrive_queue,
    trail,
    undelivered,
    undelivered_to_finance,
)

ROOT: Final = "/console/ops"
TRAIL_DAYS: Final = timedelta(days=30)
DETAILS_SHOWN: Final = 20
DIFFERENCES_SHOWN: Final = 100
BAD: Final = (CAUSES.keys() | {"failed", "refused", "blocked", "flagged", "unread", "stopped"}) - {NOT_COMPARED}
"""What of a run's numbers somebody must look at."""


def ops(request: Request) -> Answer:
    """Everything that ops looks after."""
    ports, now = request.ports, request.now
    mails = undelivered(contracts=ports.contracts, notices=ports.notices, now=now, cursor=request.query.one("after"))
    runs, differs = last_runs(runs=ports.runs), all_differences(reconciled=ports.reconciled)
    values = {
        "queues": queue_depths(queues=ports.queues),
        "waiting": quarantined(quarantine=ports.quarantine, contracts=ports.contracts),
        "runs": runs,
        "differs": differs,
        "differing": differs[:DIFFERENCES_SHOWN],
        "bad": BAD,
        "late": late(runs, now=now),
        "mails": mails.rows,
        "to_finance": undelivered_to_finance(drafts=ports.drafts, now=now),
        "following": f"{ROOT}?{urlencode({'after': mails.cursor})}#mails" if mails.cursor else "",
        "trail": trail(audit=ports.audit, since=now - TRAIL_DAYS),
        "details_shown": DETAILS_SHOWN,
    }
    return Page(template="ops.html.j2", values=values)


def redrive_dead_letters(request: Request) -> Answer:
    """Send a queue's dead letters back to where they came from."""
    ports = request.ports
    name = request.form.one("queue")
    moved = redrive_queue(name, by=request.person.subject, queues=ports.queues, audit=ports.audit, now=request.now)
    said = "Dead letters are being sent back." if moved is None else f"{count(moved)} sent back."
    return Redirect(to=ROOT, flash=Flash("good", f"{name}: {said}"))


def count_again(request: Request) -> Answer:
    """Have what is in quarantine for a reason counted again."""
    ports = request.ports
    reason = request.form.one("reason")
    redrive_quarantine(
        reason, by=request.person.subject, recounting=ports.recounting, audit=ports.audit, now=request.now
    )
    return Redirect(to=ROOT, flash=Flash("good", f"{reason}: being counted again. What still cannot be, stays here."))


ROUTES: Final = (
    Route("GET", ROOT, ops, READ),
    Route("POST", f"{ROOT}/queues/redrive", redrive_dead_letters, REDRIVE_QUEUE),
    Route("POST", f"{ROOT}/quarantine/redrive", count_again, REDRIVE_QUARANTINE),
)
