"""Views of tenants and of what ops looks after, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tollgate.domain.contract_changes import Difference
from tollgate.domain.notices import Hold, Notice
from tollgate.stages.ops import Undelivered, Waiting
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.invoices import Run
from tollgate.stages.ports.queues import QueueDepth
from tollgate.stages.tenants import Tenant, TenantDetail, TenantPage, Use, Version
from tollgate.stages.views import Json, hold_view, notice_view, quantity, timestamp


def tenants_view(page: TenantPage) -> Json:
    """A page of tenants; ``cursor`` null at the end."""
    return {"tenants": [tenant_view(row) for row in page.rows], "cursor": page.cursor or None}


def tenant_view(tenant: Tenant) -> Json:
    """A tenant as it stands."""
    return {
        "tenant": tenant.contract.tenant,
        "name": tenant.contract.name,
        "currency": tenant.contract.currency,
        "term": {"start": str(tenant.term.start), "end": str(tenant.term.end)},
        "allowances": {use.meter: _use(use) for use in tenant.uses},
        "open_holds": [finance_hold_view(hold) for hold in tenant.open_holds],
        "undelivered": tenant.undelivered,
    }


def _use(use: Use) -> Json:
    """``share`` is a fraction; ``expected_on`` the day on which the limit would be reached at this pace, else null."""
    per_day = use.pace.per_day
    return {
        "measure": use.measure,
        "used": quantity(use.measure, use.used),
        "included": quantity(use.measure, use.included),
        "share": float(round(use.used / use.included, 6)) if use.included else None,
        "beyond": use.beyond,
        "lines": [
            {"percent": one.percent, "at": quantity(use.measure, one.at), "crossed": one.crossed, "asked": one.asked}
            for one in use.lines
        ],
        "per_day": f"{per_day:.2f}",
        "expected_on": None if use.pace.limit_on is None else str(use.pace.limit_on),
        "reached": use.pace.reached,
    }


def finance_hold_view(hold: Hold) -> Json:
    """A hold as the command line shows it, and whose it is."""
    return hold_view(hold) | {"identity": hold.identity, "by": hold.by or None, "note": hold.note or None}


def tenant_detail_view(detail: TenantDetail) -> Json:
    """All of a tenant."""
    contract = detail.tenant.contract
    return tenant_view(detail.tenant) | {
        "notices": [notice_view(notice, mail, contract) | _mail(mail) for notice, mail in detail.notices],
        "holds": [finance_hold_view(hold) for hold in detail.holds],
        "versions": [_version(version) for version in detail.versions],
        "limit_changes": [
            {
                "from": str(one.effective),
                "meters": list(one.meters),
                "approved_by": one.approved_by or None,
                "document": one.document or None,
            }
            for one in detail.limit_changes
        ],
    }


def _mail(mail: MailState) -> Json:
    return {"failed_to": list(mail.failed), "reasons": list(mail.reasons)}


def _version(version: Version) -> Json:
    return {
        "from": str(version.contract.effective),
        "applied_by": version.applied_by or None,
        "applied_at": timestamp(version.applied_at),
        "differences": differences_view(version.differences),
        "document": version.contract.document(),
    }


def differences_view(found: Iterable[Difference]) -> list[Json]:
    """Terms that differ between two versions."""
    return [{"path": one.path, "before": one.before or None, "after": one.after or None} for one in found]


def waiting_view(groups: Iterable[Waiting]) -> list[Json]:
    """Quarantine by reason."""
    return [
        {
            "reason": group.reason,
            "facts": group.facts,
            "messages": group.messages,
            "tenants": list(group.tenants),
            "accounts": [{"provider": provider, "account": account} for provider, account in group.accounts],
            "oldest": timestamp(group.oldest),
            "newest": timestamp(group.newest),
        }
        for group in groups
    ]


def undelivered_view(found: Undelivered) -> Json:
    """Mails that did not arrive."""
    return {"mails": [_undelivered(notice, mail) for notice, mail in found.rows], "cursor": found.cursor or None}


def _undelivered(notice: Notice, mail: MailState) -> Json:
    return {
        "tenant": notice.tenant,
        "kind": notice.kind,
        "notice": notice.identity,
        "at": timestamp(notice.at),
        "status": mail.status,
        "to": list(mail.to),
        "told_ops_at": timestamp(mail.escalated_at),
    } | _mail(mail)


def runs_view(runs: Mapping[str, Sequence[Run]]) -> Json:
    """The last runs of each schedule."""
    return {
        schedule: [
            {
                "at": timestamp(run.at),
                "counts": dict(run.counts),
                "report": {action: list(names) for action, names in run.report.items()},
            }
            for run in own
        ]
        for schedule, own in runs.items()
    }


def queues_view(depths: Iterable[QueueDepth]) -> list[Json]:
    """Queues and how much is in them, about."""
    return [
        {
            "name": depth.name,
            "waiting": depth.waiting,
            "in_flight": depth.in_flight,
            "delayed": depth.delayed,
            "dead_letters": depth.dead_letters,
            "returnable": depth.returnable,
        }
        for depth in depths
    ]
