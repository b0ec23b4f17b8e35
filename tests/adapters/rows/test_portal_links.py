"""Which links open a tenant's page, under both stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.adapters.rows.samples import contract_of, warning
from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict
from tollgate.stages.ports.accounts import AuditEntry

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def entry(tenant: str, what: str, *, by: str = "mia", later: int = 0) -> AuditEntry:
    at = NOW + timedelta(seconds=later)
    return AuditEntry(tenant=tenant, at=at, by=by, action="link", subject="usage", what=what)


def test_links_go_on_by_one_generation(processes: Callable[[], Rows], tenant: str) -> None:
    """From none on, beside what else the profile holds; whoever ends another generation than the present ends none."""
    rows = processes()
    rows.contracts.set_stripe_customer(tenant, "cus_1")
    assert rows.portal_links.generation(tenant) == 0
    rows.portal_links.end(tenant, generation=0, entry=entry(tenant, "all-ended"))
    assert processes().portal_links.generation(tenant) == 1
    for stale in (0, 2):
        with pytest.raises(Conflict):
            rows.portal_links.end(tenant, generation=stale, entry=entry(tenant, "all-ended", by="jo", later=1))
    rows.portal_links.end(tenant, generation=1, entry=entry(tenant, "all-ended", later=2))
    rows.contracts.apply(contract_of(tenant), {}, {}, by="mia", at=NOW)
    assert processes().portal_links.generation(tenant) == 2
    assert rows.contracts.stripe_customer(tenant) == "cus_1"
    assert rows.portal_links.generation(f"{tenant}-x") == 0
    assert [one.by for one in rows.audit.entries(tenant) if one.action == "link"] == ["mia", "mia"]


def test_a_link_to_be_mailed_is_noted_once(processes: Callable[[], Rows], tenant: str) -> None:
    """With its entry in the trail, or neither."""
    rows = processes()
    notice = replace(warning(tenant), kind="usage-link", meter=None, line=None, included=None, reference="r1")
    rows.portal_links.mail(notice, entry=entry(tenant, "mailed"))
    with pytest.raises(Conflict):
        rows.portal_links.mail(notice, entry=entry(tenant, "mailed", by="jo", later=1))
    [(kept, mail)] = processes().notices.notices(tenant)
    assert (kept, mail.status) == (notice, "queued")
    assert [one.by for one in rows.audit.entries(tenant)] == ["mia"]
