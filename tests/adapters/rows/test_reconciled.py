"""ReconciledRows, in memory and in the real tables."""

from datetime import date, timedelta

from tests.domain.examples import NOON
from tests.fakes.rows import Rows
from tollgate.domain.reconciliation import NOBODY, Difference, reconciled


def differs(tenant: str, subject: str = "SMS on 2026-03-10") -> Difference:
    return Difference(
        cause="day-differs",
        tenant=tenant,
        subject=subject,
        ours="1.10",
        theirs="1.1000001",
        unit="USD",
        source="the day's counters",
        note="",
        periods=(date(2026, 3, 1), date(2026, 4, 1)),
    )


def test_what_was_found_reads_back_as_it_was_written(rows: Rows, tenant: str) -> None:
    """Differences in their order, what agreed, and when; of a tenant that was never compared nothing."""
    assert rows.reconciled.of(tenant) is None
    found = reconciled(tenant, [differs(tenant, "b"), differs(tenant, "a")], agreed={"in_1:paid"}, at=NOON)
    rows.reconciled.save(found)
    assert rows.reconciled.of(tenant) == found
    assert rows.reconciled.of(f"{tenant}-x") is None


def test_a_later_comparison_replaces_the_one_before(rows: Rows, tenant: str) -> None:
    """What does not differ any more is gone."""
    rows.reconciled.save(reconciled(tenant, [differs(tenant)], at=NOON))
    later = reconciled(tenant, [], at=NOON + timedelta(days=1))
    rows.reconciled.save(later)
    assert rows.reconciled.of(tenant) == later


def test_all_tenants_come_in_order_with_what_is_nobodys(rows: Rows, tenant: str) -> None:
    """One reading for a whole review."""
    own = [f"{tenant}-b", f"{tenant}-a", NOBODY]
    for name in own:
        rows.reconciled.save(reconciled(name, [differs(name)], at=NOON))
    found = [one.tenant for one in rows.reconciled.all()]
    assert found == sorted(found)
    assert set(own) <= set(found)
