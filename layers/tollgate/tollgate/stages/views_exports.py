"""Views of exports, as JSON: days ``YYYY-MM-DD``, times ISO 8601 in UTC."""

from __future__ import annotations

from datetime import datetime

from tollgate.domain.exports import FAILED, FAILURES, READY, RUNNING, Export
from tollgate.stages.views import Json, timestamp


def export_view(export: Export, *, now: datetime, download: str | None = None) -> Json:
    """How an export stands. ``rows`` so far while it is made; ``download``: an address that lasts a minute."""
    asked, state = export.selection, export.state(now)
    return {
        "tenant": export.tenant,
        "number": export.number,
        "first": str(asked.first),
        "last": str(asked.last),
        "meter": asked.meter or None,
        "category": asked.category or None,
        "market": asked.market or None,
        "line": asked.line or None,
        "side": export.side,
        "by": export.by,
        "requested_at": timestamp(export.requested_at),
        "state": state,
        "days_done_to": str(export.place.after_day) if state == RUNNING and export.place.after_day else None,
        "rows": export.rows or export.place.rows,
        "size": export.size or None,
        "failure": FAILURES[export.why] if state == FAILED else None,
        "lasts_until": timestamp(export.lasts_until) if state == READY else None,
        "download": download,
    }
