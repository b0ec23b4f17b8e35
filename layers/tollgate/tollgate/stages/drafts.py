"""Drafts: a daily run that left drafts to review, of which finance was not told, writes a notice of them.

Reads the last notice, and what speaks against the drafts only when there is news. What happens on a repeat: what was
told is no news. Two runs at once write one notice; what it does not name is news to the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from tollgate.domain.drafts import DraftsNotice, name_of, news, next_notice
from tollgate.domain.errors import Conflict
from tollgate.domain.review import Summary
from tollgate.stages.ports.invoices import DraftsNoticeRows
from tollgate.stages.review import Differing, Waiting, flags_of


def call_finance(
    drafts: Mapping[str, Sequence[Summary]],
    *,
    rows: DraftsNoticeRows,
    waiting: Waiting,
    blocked: Collection[str],
    differing: Differing,
    now: datetime,
) -> DraftsNotice | None:
    """Write the notice of the drafts, by tenant, when some are news. A tenant that could not be read is left out."""
    before = rows.last()
    if not news(drafts, before):
        return None
    flags = {
        name_of(draft): flags_of(draft, before=(), waiting=waiting, blocked=blocked, differing=differing)
        for own in drafts.values()
        for draft in own
    }
    notice = next_notice(drafts, before=before, flags=flags, at=now)
    try:
        rows.add(notice)
    except Conflict:
        return None
    return notice
