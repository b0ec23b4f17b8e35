"""Exports: the files into which months of records are cut, and those that are asked for and made in the background."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import contract
from tests.fakes.export_files import MemoryExportFiles
from tests.fakes.faults import Crash, every_fault
from tests.fakes.rows import Memory, MemoryExports
from tests.stages.billing import Billing
from tollgate.domain.errors import Conflict, Invalid, NotFound
from tollgate.domain.exports import CUSTOMER, FAILED, READY, STAFF, Export, Selection
from tollgate.stages.exports import SHOWN, download, one_shown, parts, request_export, shown

TODAY = date(2026, 3, 10)


def cut(world: Billing, most: int, today: date = TODAY) -> list[tuple[str, str, int]]:
    """The files, as text."""
    found = parts("acme", today=today, ledger=world.rows.ledger, most=most)
    return [(str(part.first), str(part.last), part.messages) for part in found]


def test_a_month_is_cut_where_a_file_is_full() -> None:
    """By days, never across months; the newest first; a day that is too large stands alone."""
    world = Billing()
    for day, messages in (("01-30", 3), ("02-01", 4), ("02-02", 6), ("02-05", 1), ("02-06", 25), ("03-10", 2)):
        world.use(f"2026-{day}", "1", messages=messages)
    assert cut(world, 10) == [
        ("2026-03-10", "2026-03-10", 2),
        ("2026-02-06", "2026-02-06", 25),
        ("2026-02-05", "2026-02-05", 1),
        ("2026-02-01", "2026-02-02", 10),
        ("2026-01-30", "2026-01-30", 3),
    ]


def test_files_go_back_thirteen_months() -> None:
    """As long as records are kept; the month that runs is one of them."""
    world = Billing()
    world.use("2026-01-31", "1")
    world.use("2026-02-01", "1")
    assert cut(world, 10, today=date(2027, 2, 1)) == [("2026-02-01", "2026-02-01", 1)]


@given(st.lists(st.tuples(st.dates(date(2026, 1, 15), TODAY), st.integers(1, 30)), max_size=12), st.integers(1, 40))
def test_every_day_with_use_is_in_exactly_one_file(use: list[tuple[date, int]], most: int) -> None:
    """However much there is, and however little fits."""
    world = Billing()
    for day, messages in use:
        world.use(day, "1", messages=messages)
    found = parts("acme", today=TODAY, ledger=world.rows.ledger, most=most)
    for day in {day for day, _ in use}:
        assert sum(part.first <= day < part.end for part in found) == 1
    assert sum(part.messages for part in found) == sum(messages for _, messages in use)


NOW = datetime(2026, 3, 11, 4, tzinfo=UTC)  # the 10th in Chicago
ALL = Selection(first=date(2026, 1, 20), last=TODAY)


def ask(world: Billing, selection: Selection = ALL, *, side: str = CUSTOMER, by: str = "customer:acme") -> Export:
    """Ask for an export."""
    rows = world.rows
    return request_export("acme", selection, side=side, by=by, contracts=rows.contracts, exports=rows.exports, now=NOW)


def test_asking_writes_a_row_and_who_asked() -> None:
    """Numbered from 1, in the trail with its days; nothing else is done: what follows, follows from the row."""
    world = Billing()
    first, second = ask(world), ask(world, replace(ALL, line="utility/India"), side=STAFF, by="ada")
    assert (first.number, second.number, first.version) == (1, 2, 1)
    assert world.memory.exports == {("acme", 1): first, ("acme", 2): second}
    entries = world.rows.audit.entries("acme")
    assert [(one.action, one.subject, one.what, one.by, one.note) for one in entries] == [
        ("export", "1", "customer", "customer:acme", "2026-01-20 to 2026-03-10"),
        ("export", "2", "staff", "ada", "2026-01-20 to 2026-03-10, utility/India"),
    ]


def test_asking_twice_is_asking_once() -> None:
    """Whatever crashes in between."""
    undisturbed = Billing()
    ask(undisturbed)
    for faults in every_fault(len(undisturbed.faults.calls)):
        world = Billing(faults=faults)
        with pytest.raises(Crash):
            ask(world)
        assert ask(world).number == ask(world).number == 1
        assert len(world.memory.exports) == len(world.memory.audit) == 1


def test_two_who_ask_at_the_same_time_get_one_export() -> None:
    """Who comes second reads again, and finds the first one's."""
    world = Billing()

    class Met(MemoryExports):
        def add(self, export: Export) -> Export:
            if not self.memory.exports:
                super().add(export)
            return super().add(export)

    rows = world.rows
    asked = {"side": CUSTOMER, "by": "customer:acme", "contracts": rows.contracts, "now": NOW}
    found = request_export("acme", ALL, exports=Met(world.memory), **asked)  # type: ignore[arg-type]  # named alike
    assert (found.number, len(world.memory.exports)) == (1, 1)


def test_who_is_overtaken_again_and_again_is_told() -> None:
    """Instead of for ever."""

    class Always(MemoryExports):
        def add(self, export: Export) -> Export:
            raise Conflict("taken")

    world = Billing()
    with pytest.raises(Conflict, match="asked for by others"):
        request_export(
            "acme", ALL, side=STAFF, by="ada", contracts=world.rows.contracts, exports=Always(world.memory), now=NOW
        )


def test_what_cannot_be_asked_for_is_refused() -> None:
    """Days of tomorrow in the contract's time zone, too many at once, by nobody, of a tenant that is none."""
    world = Billing()
    with pytest.raises(Invalid, match="first one to 2026-03-10"):
        ask(world, replace(ALL, last=date(2026, 3, 11)))
    with pytest.raises(Invalid, match="name of who"):
        ask(world, by=" ")
    ask(world)
    ask(world, replace(ALL, first=date(2026, 2, 1)))
    with pytest.raises(Invalid, match="2 files are being made already"):
        ask(world, replace(ALL, first=date(2026, 3, 1)))
    assert ask(world, side=STAFF, by="ada").number == 3
    rows = world.rows
    with pytest.raises(NotFound):
        request_export("nobody", ALL, side=STAFF, by="ada", contracts=rows.contracts, exports=rows.exports, now=NOW)


def test_a_customer_sees_what_customers_asked_for() -> None:
    """Of its own tenant; staff sees all; the latest first, and not for ever more."""
    world = Billing(contract=contract())
    world.sign(contract(tenant="other"))
    one = Export(tenant="acme", selection=ALL, side=CUSTOMER, by="customer:acme", requested_at=NOW)
    rows = MemoryExports(world.memory)
    for number in range(1, 31):
        rows.add(replace(one, number=number, side=CUSTOMER if number % 2 else STAFF))
    rows.add(replace(one, number=1, tenant="other"))
    own = shown("acme", side=CUSTOMER, exports=rows)
    assert [export.number for export in own] == list(range(29, 0, -2))
    assert [export.number for export in shown("acme", side=STAFF, exports=rows)] == list(range(30, 30 - SHOWN, -1))
    assert one_shown("acme", 3, side=CUSTOMER, exports=rows).number == 3
    assert one_shown("acme", 4, side=STAFF, exports=rows).number == 4
    for number in (4, 31):
        with pytest.raises(NotFound):
            one_shown("acme", number, side=CUSTOMER, exports=rows)


@pytest.mark.parametrize(
    ("status", "finished", "side", "is_had"),
    [
        (READY, NOW, CUSTOMER, True),
        (READY, NOW, STAFF, True),
        (READY, NOW - timedelta(days=7), CUSTOMER, False),
        (FAILED, NOW, CUSTOMER, False),
        ("running", None, CUSTOMER, False),
    ],
)
def test_only_a_file_that_is_there_is_handed_out(
    status: str, finished: datetime | None, side: str, is_had: bool
) -> None:
    """For a minute, under a name that says what it is."""
    rows = MemoryExports(Memory())
    one = Export(tenant="acme", selection=ALL, side=CUSTOMER, by="customer:acme", requested_at=NOW, number=1)
    rows.add(replace(one, status=status, finished_at=finished))
    given = {"side": side, "exports": rows, "files": MemoryExportFiles(), "now": NOW}
    if not is_had:
        with pytest.raises(NotFound):
            download("acme", 1, **given)  # type: ignore[arg-type]  # named alike
        return
    address = download("acme", 1, **given)  # type: ignore[arg-type]  # named alike
    assert address == (
        "https://files.example/exports/acme/00000001.csv.gz?name=acme-2026-01-20-2026-03-10-1.csv.gz&lasts=60"
    )
