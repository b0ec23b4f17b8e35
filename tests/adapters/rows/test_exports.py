"""ExportRows, in memory and in the real tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from tests.adapters.rows.sizes import LIMIT_BYTES, weight
from tests.domain.examples import NOON
from tests.fakes.rows import Rows
from tollgate.adapters.dynamodb.exports import export_item
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.exports import CUSTOMER, RUNNING, Export, Place, Selection
from tollgate.domain.facts import MessageKey
from tollgate.stages.export import MOST_PARTS

SELECTION = Selection(first=date(2026, 1, 20), last=date(2026, 3, 9), line="utility/India")
PLACE = Place(
    upload="2~upload",
    parts=('"9b2cf535f27731c974343645a3985328"', '"b"'),
    tail="unfinished/acme/00000001-3",
    after_day=date(2026, 2, 3),
    after=MessageKey("meta", "wamid.#%", "x"),
    rows=1_000_000,
    size=2**33,
    length=2**35,
    checksum=2**32 - 1,
)


def wanted(tenant: str, number: int = 1) -> Export:
    """An export that was asked for."""
    return Export(
        tenant=tenant, number=number, selection=SELECTION, side=CUSTOMER, by=f"customer:{tenant}", requested_at=NOON
    )


def test_an_export_is_read_as_it_was_written(processes: Callable[[], Rows], tenant: str) -> None:
    """By another process too, place and all; adding it says in the trail who asked."""
    rows = processes()
    added = rows.exports.add(wanted(tenant))
    assert added == replace(wanted(tenant), version=1) == processes().exports.export(tenant, 1)
    running = rows.exports.save(replace(added, status=RUNNING, claims=3, turn=2, restarts=1, place=PLACE))
    assert running == replace(added, status=RUNNING, claims=3, turn=2, restarts=1, place=PLACE, version=2)
    assert processes().exports.export(tenant, 1) == running
    [entry] = processes().audit.entries(tenant)
    assert (entry.action, entry.by, entry.what, entry.at) == ("export", f"customer:{tenant}", "customer", NOON)
    assert entry.note == "2026-01-20 to 2026-03-09, utility/India"


def test_a_number_is_taken_once(rows: Rows, tenant: str) -> None:
    """The second writes nothing, nor its entry."""
    rows.exports.add(wanted(tenant))
    with pytest.raises(Conflict):
        rows.exports.add(replace(wanted(tenant), by="eve", requested_at=NOON.replace(second=1)))
    assert rows.exports.export(tenant, 1).by == f"customer:{tenant}"
    assert len(rows.audit.entries(tenant)) == 1


def test_a_save_over_another_is_refused(rows: Rows, tenant: str) -> None:
    """Who was overtaken learns it, and changes nothing."""
    added = rows.exports.add(wanted(tenant))
    first = rows.exports.save(replace(added, claims=1))
    with pytest.raises(Conflict):
        rows.exports.save(replace(added, claims=7))
    assert rows.exports.export(tenant, 1) == first


def test_the_latest_come_first(rows: Rows, tenant: str) -> None:
    """So many, of this tenant alone, in the order of their numbers."""
    for number in (1, 2, 9, 10, 11):
        rows.exports.add(replace(wanted(tenant, number), requested_at=NOON.replace(second=number)))
    rows.exports.add(wanted(f"{tenant}-other", 12))
    assert [export.number for export in rows.exports.latest(tenant, most=4)] == [11, 10, 9, 2]
    assert rows.exports.latest(f"{tenant}-nobody", most=4) == []


def test_what_is_not_there_is_not_found(rows: Rows, tenant: str) -> None:
    """Neither another tenant's."""
    rows.exports.add(wanted(f"{tenant}-other"))
    with pytest.raises(NotFound):
        rows.exports.export(tenant, 1)


def test_the_longest_row_fits_an_item() -> None:
    """With the names of as many parts as a file may have."""
    row = replace(wanted("acme"), place=replace(PLACE, parts=(PLACE.parts[0],) * MOST_PARTS))
    assert weight(export_item(row)) < LIMIT_BYTES
