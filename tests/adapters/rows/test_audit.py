"""AuditRows and RunRows, in memory and in the real tables."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.adapters.rows.samples import MAY, contract_of, invoice
from tests.domain.examples import NOON
from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict
from tollgate.stages.ports.accounts import AuditEntry
from tollgate.stages.ports.invoices import Run


def entry(tenant: str, **changes: object) -> AuditEntry:
    asked = AuditEntry(tenant=tenant, at=NOON, by="mia", action="invoice", subject=str(MAY), what="voiding", note="why")
    return replace(asked, **changes)  # type: ignore[arg-type]  # a table of fields


def test_what_was_done_is_kept_with_what_it_was_done_to(rows: Rows, tenant: str) -> None:
    """Entries of every port come back in the order of time, those of an invoice with its state after them."""
    first = rows.invoices.save(invoice(tenant), by="tollgate", at=NOON)
    rows.invoices.save(replace(first, status="approved"), by="mia", at=NOON + timedelta(hours=2), note="fine")
    rows.audit.add(entry(tenant, at=NOON + timedelta(hours=1), status="draft", revision=1, version=1))
    read = rows.audit.entries(tenant)
    assert [(e.by, e.what, e.note, e.status, e.revision, e.version) for e in read] == [
        ("tollgate", "", "", "draft", 1, 1),
        ("mia", "voiding", "why", "draft", 1, 1),
        ("mia", "", "fine", "approved", 1, 2),
    ]
    assert {(e.tenant, e.action, e.subject) for e in read} == {(tenant, "invoice", "2026-05-01")}
    assert read[1] == entry(tenant, at=NOON + timedelta(hours=1), status="draft", revision=1, version=1)


def test_the_trail_begins_where_it_is_asked_for(rows: Rows, tenant: str) -> None:
    """From an instant on, that one included; of this tenant only."""
    for hours in (0, 1, 2):
        rows.audit.add(entry(tenant, at=NOON + timedelta(hours=hours)))
    rows.audit.add(entry(f"{tenant}-x"))
    found = rows.audit.entries(tenant, since=NOON + timedelta(hours=1))
    assert [e.at - NOON for e in found] == [timedelta(hours=1), timedelta(hours=2)]
    assert rows.audit.entries(f"{tenant}-y") == []


def test_a_contracts_version_is_in_the_trail(rows: Rows, tenant: str) -> None:
    """By its first day."""
    rows.contracts.apply(contract_of(tenant), {}, {}, by="jo", at=NOON)
    [read] = rows.audit.entries(tenant)
    assert (read.action, read.subject, read.by, read.at) == ("contract", "2026-01-15", "jo", NOON)


def test_the_same_entry_again_is_one_row(rows: Rows, tenant: str) -> None:
    """A repeat of what was interrupted leaves no second entry; two things of one moment are two."""
    for one in (entry(tenant), entry(tenant), entry(tenant, what="crediting")):
        rows.audit.add(one)
    assert sorted(e.what for e in rows.audit.entries(tenant)) == ["crediting", "voiding"]


def test_an_entry_is_never_written_over(rows: Rows, tenant: str) -> None:
    """Another name for the same thing at the same moment is a conflict."""
    rows.audit.add(entry(tenant))
    with pytest.raises(Conflict):
        rows.audit.add(entry(tenant, by="jo"))
    assert [e.by for e in rows.audit.entries(tenant)] == ["mia"]


def test_the_last_runs_of_a_schedule_come_newest_first(rows: Rows, tenant: str) -> None:
    """As many as are asked for, of that schedule only; the same run again replaces it."""
    runs = [
        Run(schedule=tenant, at=NOON + timedelta(days=d), counts={"drafted": d}, report={"drafted": ("a/2026-05-01",)})
        for d in range(3)
    ]
    for run in (runs[1], runs[0], runs[2], replace(runs[1], counts={"drafted": 9})):
        rows.runs.save(run)
    assert rows.runs.last(tenant, 2) == [runs[2], replace(runs[1], counts={"drafted": 9})]
    assert rows.runs.last(tenant) == [runs[2]]
    assert len(rows.runs.last(tenant, 9)) == 3
    assert rows.runs.last(f"{tenant}-x") == []
