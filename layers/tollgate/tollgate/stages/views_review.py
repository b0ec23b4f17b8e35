"""Views of the review and of the close report, as JSON: amounts are decimal strings, days ``YYYY-MM-DD``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tollgate.domain.close_report import CloseRow
from tollgate.stages.review import Decision, Row
from tollgate.stages.views import Json, amount


def review_view(rows: Sequence[Row]) -> Json:
    """The drafts of a month, and what they come to by currency."""
    totals: dict[str, Json] = {}
    for row in rows:
        one = totals.setdefault(row.summary.currency, {"drafts": 0, "clean": 0, "total": row.summary.total * 0})
        one["drafts"] += 1
        one["clean"] += int(row.clean)
        one["total"] += row.summary.total
    return {
        "rows": [row_view(row) for row in rows],
        "totals": {currency: one | {"total": f"{one['total']:f}"} for currency, one in sorted(totals.items())},
    }


def row_view(row: Row) -> Json:
    """One draft. ``change`` in percent, null where there is nothing to compare with."""
    summary = row.summary
    return {
        "tenant": summary.tenant,
        "period": str(summary.period.start),
        "revision": summary.revision,
        "status": summary.status,
        "currency": summary.currency,
        "total": f"{summary.total:f}",
        "mean": None if row.mean is None else f"{row.mean:.2f}",
        "change": None if row.change is None else f"{row.change:f}",
        "flags": [{"name": flag.name, "reason": flag.reason} for flag in row.flags],
        "clean": row.clean,
        "first_approved_by": summary.first_approved_by or None,
        "sent_back": summary.sent_back or None,
    }


def decisions_view(decisions: Iterable[Decision]) -> list[Json]:
    """What became of each selected draft."""
    return [
        {
            "tenant": one.selected.tenant,
            "period": str(one.selected.period),
            "revision": one.selected.revision,
            "status": one.status or None,
            "refused": one.refused or None,
            "differences": list(one.differences),
        }
        for one in decisions
    ]


def close_view(row: CloseRow) -> Json:
    """One row of the close report: messages, amounts, and what is left over of each."""
    return {
        "tenant": row.tenant,
        "period": str(row.period.start),
        "status": row.status,
        "currency": row.currency or None,
        "messages": {
            "sent": row.sent,
            "billed": row.billed,
            "free": row.free,
            "late": row.late,
            "corrected": row.corrected,
            "quarantined": row.quarantined,
            "off": row.messages_off,
        },
        "amounts": {
            "fees": amount(row.fees),
            "included": amount(row.included),
            "late": amount(row.late_amount),
            "corrected": amount(row.corrected_amount),
            "brought_forward": amount(row.brought),
            "carried_forward": amount(row.carried),
            "to_pay": amount(row.to_pay),
            "credited": amount(row.credited),
            "off": amount(row.amount_off),
        },
        "adds_up": row.adds_up,
    }
