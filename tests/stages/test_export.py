"""Making an export's file: as the direct CSV to the byte, whatever is cut off, repeated or done twice at once."""

from __future__ import annotations

import gc
import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.domain.examples import D, contract
from tests.fakes.export_files import MemoryExportFiles
from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.rows import Memory, MemoryExports, MemoryLedger
from tests.stages.billing import FREE, INDIA, Billing
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.exports import FAILED, READY, RUNNING, STAFF, Export, Place, Selection
from tollgate.domain.facts import MessageKey
from tollgate.domain.records import Fee, Usage
from tollgate.stages import drilldown
from tollgate.stages import export as stage
from tollgate.stages.announce import Changed, events
from tollgate.stages.drilldown import Filter
from tollgate.stages.export import ExportPorts
from tollgate.stages.ports.ledger import Position

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
ALL = Selection(first=date(2026, 1, 20), last=date(2026, 3, 9))
PART_BYTES = 150


@dataclass
class Announced(MemoryExports):
    """The rows with what follows from their changes: the turns that wait to be worked."""

    turns: list[int] = field(default_factory=list)

    def _put(self, export: Export) -> Export:
        before = self.memory.exports.get((export.tenant, export.number))
        super()._put(export)
        told = events(Changed(before, export, NOW))
        started = ("tollgate.export.requested", "tollgate.export.continued")
        self.turns += [int(str(one.data["turn"])) for one in told if one.type in started]
        return export


@dataclass
class World:
    """A tenant with messages in three months, and an export that was asked for."""

    selection: Selection = ALL
    billing: Billing = field(default_factory=lambda: Billing(contract=contract(allowances=FREE)))
    files: MemoryExportFiles = field(default_factory=MemoryExportFiles)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        for number in range(11):
            self.billing.use(f"2026-01-{20 + number}", "0.10", cell=INDIA)
        for number in range(9):
            self.billing.use(f"2026-02-0{1 + number // 5}", "0.0131")
        self.billing.use("2026-03-09", "1.00")
        self.billing.use("2026-03-10", "9.99")
        self.rows = Announced(self.billing.memory)
        wanted = Export(tenant="acme", selection=self.selection, side=STAFF, by="ada", requested_at=NOW, number=1)
        self.rows.add(wanted)

    @property
    def row(self) -> Export:
        return self.rows.export("acme", 1)

    def ports(self, **other: Any) -> ExportPorts:
        given = {"exports": self.rows, "files": self.files, "ledger": MemoryLedger(self.billing.memory), **other}
        wrapped = {name: self.faults.wrap(port) for name, port in given.items()}
        return ExportPorts(**wrapped, part_bytes=PART_BYTES)

    def turn(self, turn: int, *, pages: int = 1_000, now: datetime = NOW, **other: Any) -> Export:
        """One turn that has the time for so many pages."""
        left = iter(range(pages - 1, -1, -1))
        ports = self.ports(**other)
        return stage.export("acme", 1, turn=turn, ports=ports, now=now, has_time=lambda: next(left) > 0)

    def worked(self, *, pages: int = 1_000, now: datetime = NOW, **other: Any) -> Export:
        """Everything that was announced, until nothing waits; a turn that did not come to its end is repeated."""
        for _ in range(500):
            if not self.rows.turns:
                return self.row
            try:
                self.turn(self.rows.turns[0], pages=pages, now=now, **other)
            except (Crash, Conflict):
                continue
            self.rows.turns.pop(0)
        pytest.fail("it never came to an end")

    @property
    def text(self) -> str:
        """The file, unzipped."""
        [(key, body)] = self.files.files.items()
        assert key == self.row.key
        return gzip.decompress(body).decode()

    def direct(self) -> str:
        """What the direct CSVs of the months say, with one header."""
        ledger, asked = MemoryLedger(self.billing.memory), self.selection
        narrowed = {name: getattr(asked, name) for name in ("meter", "category", "market", "line")}
        texts = [
            "".join(drilldown.export("acme", Filter(first=m.start, end=m.end, **narrowed), ledger=ledger))
            for m in asked.months()
        ]
        head = texts[0].split("\r\n")[0] + "\r\n"
        return head + "".join(text.removeprefix(head) for text in texts)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "EXPORT_PAGE", 3)


@pytest.mark.parametrize("pages", [1, 2, 3, 1_000])
def test_the_file_says_what_the_direct_csv_says(pages: int) -> None:
    """To the byte, with one header, in one turn or in one a page; and the row says what is in it."""
    world = World()
    done = world.worked(pages=pages)
    assert world.text == world.direct()
    assert world.text.count("day,time,provider") == 1
    assert (done.status, done.rows, done.finished_at) == (READY, 21, NOW)
    assert done.size == len(world.files.files[done.key])
    assert (done.place, done.failure) == (Place(), "")
    assert (done.turn > 5) == (pages == 1)
    assert world.files.uploads == {}


@pytest.mark.parametrize("pages", [1, 3, 1_000])
def test_a_crash_anywhere_and_a_repeat_end_in_the_same_file(pages: int) -> None:
    """Before and after every call to the outside, in short turns and in long ones."""
    undisturbed = World()
    undisturbed.worked(pages=pages)
    assert len(undisturbed.faults.calls) > 15
    for faults in every_fault(len(undisturbed.faults.calls)):
        world = World(faults=faults)
        done = world.worked(pages=pages)
        assert faults.fired
        assert world.text == undisturbed.text, faults.error
        assert (done.status, done.rows) == (READY, 21), faults.error


def test_one_gzip_member_holds_it_all() -> None:
    """Some browsers stop after the first one."""
    world = World()
    world.worked(pages=1)
    [body] = world.files.files.values()
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert unpacker.decompress(body).decode() == world.direct()
    assert (unpacker.eof, unpacker.unused_data) == (True, b"")


@pytest.mark.parametrize(
    "narrowed", [{"category": "utility"}, {"market": "North America"}, {"line": "utility/India"}, {"meter": "sms"}]
)
def test_a_narrowed_export_has_what_was_asked_for(narrowed: dict[str, Any]) -> None:
    """By line, category, market and meter; of nothing, the header."""
    world = World(selection=replace(ALL, **narrowed))
    done = world.worked(pages=2)
    assert world.text == world.direct()
    assert done.rows == world.text.count("\r\n") - 1
    assert done.rows < 21


def test_no_page_is_read_twice_and_none_after_the_end() -> None:
    """Of messages in pages of three, by months: four, three and an empty one, one. A turn that begins where a month
    ended learns that by an empty page."""
    for pages, asked in ((1_000, 9), (1, 11)):
        world = World()
        world.worked(pages=pages)
        assert world.faults.calls.count("MemoryLedger.page") == asked


def test_parts_are_large_enough_for_the_store() -> None:
    """All but the last."""
    world, sizes = World(), list[int]()

    class Weighed(MemoryExportFiles):
        def add_part(self, key: str, upload: str, *, number: int, body: bytes) -> str:
            sizes.append(len(body))
            return super().add_part(key, upload, number=number, body=body)

    world.files = Weighed()
    world.worked(pages=1)
    assert len(sizes) > 2
    assert all(size >= PART_BYTES for size in sizes[:-1])


def test_who_was_overtaken_stops_and_changes_nothing() -> None:
    """A second process claims the export while the first one reads: the first stops at its next save."""
    world = World()

    class Overtaken(MemoryLedger):
        asked = 0

        def page(self, tenant: str, first: date, end: date, *, after: Position | None, most: int) -> list[Any]:
            Overtaken.asked += 1
            if Overtaken.asked == 4:
                assert world.turn(0).status == READY
            return super().page(tenant, first, end, after=after, most=most)

    assert world.turn(0, pages=6, ledger=Overtaken(world.billing.memory)).status == READY
    assert (Overtaken.asked, world.row.turn) == (6, 0)
    assert world.text == world.direct()


def test_a_part_that_another_process_wrote_is_noticed_and_all_begins_anew() -> None:
    """Nothing is put together of what two processes read at different times."""
    world = World()

    class Overwritten(MemoryExportFiles):
        def finish(self, key: str, upload: str, *, parts: Sequence[str], size: int) -> None:
            if self.begun == 1:
                self.uploads[upload][1] = b"of somebody who was overtaken"
            super().finish(key, upload, parts=parts, size=size)

    world.files = Overwritten()
    done = world.worked()
    assert (done.status, done.restarts, done.turn) == (READY, 1, 1)
    assert world.text == world.direct()


@pytest.mark.parametrize("lost", ["uploads", "tails"])
def test_what_the_store_has_thrown_away_is_made_again(lost: str) -> None:
    """Half-made files do not last for ever."""
    world = World()
    for turn in range(4):
        world.turn(turn, pages=1)
    getattr(world.files, lost).clear()
    done = world.worked(pages=5)
    assert (done.status, done.restarts) == (READY, 1)
    assert world.text == world.direct()


def test_an_export_that_is_lost_again_and_again_fails() -> None:
    """With a reason, instead of for ever; nothing is left to do."""

    class Forgetful(MemoryExportFiles):
        def finish(self, key: str, upload: str, *, parts: Sequence[str], size: int) -> None:
            self.uploads.clear()
            super().finish(key, upload, parts=parts, size=size)

    world = World(files=Forgetful())
    done = world.worked()
    assert (done.status, done.restarts, done.failure) == (FAILED, 3, "lost")
    assert world.files.files == {}


def test_an_export_of_yesterday_is_given_up() -> None:
    """What the store kept of it is gone by then."""
    world = World()
    world.turn(0, pages=1)
    done = world.worked(now=NOW + timedelta(days=1))
    assert (done.status, done.failure, done.place) == (FAILED, "late", Place())


def test_an_export_of_too_many_messages_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of its parts would not fit the row."""
    monkeypatch.setattr(stage, "MOST_PARTS", 1)
    assert World().worked(pages=1).failure == "too-many"


def test_a_repeat_does_nothing() -> None:
    """Of an earlier turn, or of an export that is ready."""
    world = World()
    world.turn(0, pages=1)
    handed = world.row
    assert (handed.status, handed.turn) == (RUNNING, 1)
    assert world.turn(0) == handed
    world.turn(1)
    ready = world.row
    assert world.turn(1) == world.turn(2) == ready == world.row


def test_who_does_not_know_who_goes_on_says_so() -> None:
    """A row that moved, but was claimed by nobody: the message must come back, or nobody would."""
    world = World()
    world.faults = Faults(at=1, only="save", error=Conflict("two at once"))
    with pytest.raises(Conflict):
        world.turn(0)
    assert world.turn(0).status == READY


def test_an_export_that_is_not_there_is_not_found() -> None:
    """Nothing is made for it."""
    with pytest.raises(NotFound):
        stage.export("acme", 7, turn=0, ports=World().ports(), now=NOW, has_time=lambda: True)


class LargeLedger(MemoryLedger):
    """200,000 messages of February, each made when it is read. ``alive``: usage objects at once, looked at now and
    then."""

    COUNT = 200_000
    asked = 0
    alive = 0

    def page(self, tenant: str, first: date, end: date, *, after: Position | None, most: int) -> list[Any]:
        self.asked += 1
        assert most == 1_000
        if self.asked % 20 == 0:
            self.alive = max(self.alive, sum(type(one) is Usage for one in gc.get_objects()))
        start = int(after.message.message) + 1 if after else 0
        return [self._message(number) for number in range(start, min(start + most, self.COUNT))]

    def _message(self, number: int) -> tuple[MessageKey, Usage]:
        day = date(2026, 2, 1 + number * 28 // self.COUNT)
        fee = Fee(amount=D("0.0131"), currency="USD", source="card", original=D("0.0131"), original_currency="USD")
        usage = Usage(
            meter="whatsapp",
            moment=datetime.combine(day, datetime.min.time(), UTC),
            day=day,
            term=date(2026, 1, 15),
            category="marketing",
            market="North America",
            messages=1,
            segments=1,
            fees={"meta": fee},
        )
        return MessageKey("meta", f"{number:09d}", ""), usage


def test_however_many_messages_there_are_a_page_and_a_part_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """200,000 of them are read once, a thousand at a time, over turns of 30 pages; no call brings more than a part and
    a page."""
    monkeypatch.setattr(stage, "EXPORT_PAGE", 1_000)
    world = World(selection=Selection(first=date(2026, 2, 1), last=date(2026, 2, 28)))
    gc.collect()
    before = sum(type(one) is Usage for one in gc.get_objects())
    ledger, part = LargeLedger(Memory()), 200_000
    ports = ExportPorts(exports=world.rows, files=world.files, ledger=ledger, part_bytes=part)
    while world.row.status not in (READY, FAILED):
        left = iter(range(29, -1, -1))
        stage.export("acme", 1, turn=world.row.turn, ports=ports, now=NOW, has_time=lambda: next(left) > 0)  # noqa: B023
    assert ledger.asked == 200 + 1
    assert 1_000 <= ledger.alive - before <= 2_000
    assert part < world.files.largest < part + 50_000
    assert world.row.rows == 200_000
    lines = world.text.splitlines()
    assert [line.split(",")[3] for line in lines[1:]] == [f"{number:09d}" for number in range(200_000)]
