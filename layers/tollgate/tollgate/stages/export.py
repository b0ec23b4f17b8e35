"""Export: makes the file of an export, as far as the time goes, and hands the rest on.

Steps of a turn: claim the row, which stops whoever worked on it before at its next save; go on from the place that the
row remembers, a page of the month index at a time; a part of the file to the store whenever there is enough for one,
and the place into the row after it. When time is short, the bytes that are too few for a part are kept at the store,
and the row says a turn more, which announces itself as more to do.

Always true: however often a turn is repeated, and wherever it is cut off, the file has every message of its days once;
it is only made of parts whose names are in the row, so that what another process wrote in between is noticed. A
process holds one page, one part and the packer's window, however many messages there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tollgate.domain.errors import Conflict
from tollgate.domain.exports import (
    FAILED,
    LATE,
    LOST,
    PENDING,
    READY,
    RUNNING,
    TOO_MANY,
    Export,
    Place,
    Selection,
)
from tollgate.domain.facts import MessageKey
from tollgate.domain.records import Usage
from tollgate.stages.csv_rows import csv_line
from tollgate.stages.drilldown import CSV_HEADER, EXPORT_PAGE, Filter, csv_cells
from tollgate.stages.gzip_stream import GzipStream
from tollgate.stages.ports.exports import ExportFiles, ExportRows, UploadLost
from tollgate.stages.ports.ledger import LedgerRows, Position

PART_BYTES: Final = 8 * 1024 * 1024
"""Of a part, but for the last: the store wants at least 5 MiB."""
MOST_PARTS: Final = 2_000
"""16 GB, about 300,000,000 messages. The names of the parts must fit the row."""
MOST_RESTARTS: Final = 3

type HasTime = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPorts:
    """What making a file reads and writes. ``part_bytes`` is smaller in tests alone."""

    exports: ExportRows
    files: ExportFiles
    ledger: LedgerRows
    part_bytes: int = PART_BYTES


def export(tenant: str, number: int, *, turn: int, ports: ExportPorts, now: datetime, has_time: HasTime) -> Export:
    """Work on an export until it is ready or time is short. Returns how it stands then.

    ``turn`` is the one that was announced: an earlier one's repeat does nothing, and neither does that of an export
    that came to its end. Somebody else who has claimed it since goes on alone. Raises NotFound, and Conflict when the
    row moved and it is not known who goes on.
    """
    row = ports.exports.export(tenant, number)
    if row.status not in PENDING or turn < row.turn:
        return row
    claimed = replace(row, status=RUNNING, claims=row.claims + 1)
    try:
        if row.state(now) == FAILED:
            return _failed(row, LATE, ports, now)
        try:
            return _go_on(ports.exports.save(claimed), ports, now, has_time)
        except UploadLost:
            return _begin_anew(ports.exports.export(tenant, number), claimed, ports, now)
    except Conflict:
        current = ports.exports.export(tenant, number)
        if current.status in PENDING and current.claims <= claimed.claims:
            raise  # nobody has taken it up since
        return current


def _failed(row: Export, why: str, ports: ExportPorts, now: datetime) -> Export:
    return ports.exports.save(replace(row, status=FAILED, failure=why, finished_at=now, place=Place()))


def _begin_anew(current: Export, claimed: Export, ports: ExportPorts, now: datetime) -> Export:
    """From the first message, in a turn of its own. Raises Conflict when it is another's by now."""
    if current.claims != claimed.claims:
        raise Conflict(f"export {current.number} was claimed by another")
    if current.restarts >= MOST_RESTARTS:
        return _failed(current, LOST, ports, now)
    again = replace(current, place=Place(), restarts=current.restarts + 1, turn=current.turn + 1)
    return ports.exports.save(again)


def _go_on(row: Export, ports: ExportPorts, now: datetime, has_time: HasTime) -> Export:
    work = _Work(row, ports)
    if not work.row.place.whole:
        for page in pages(row.selection, tenant=row.tenant, place=row.place, ledger=ports.ledger):
            work.take(page)
            if len(work.row.place.parts) > MOST_PARTS:
                return _failed(work.row, TOO_MANY, ports, now)
            if not has_time():
                return work.hand_on()
        work.end()
    place = work.row.place
    ports.files.finish(row.key, place.upload, parts=place.parts, size=place.size)
    done = replace(work.row, status=READY, rows=place.rows, size=place.size, finished_at=now, place=Place())
    return ports.exports.save(done)


type Rows = list[tuple[MessageKey, Usage]]


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages that were asked for, of those read up to a position."""

    rows: Rows
    last: Position


def pages(selection: Selection, *, tenant: str, place: Place, ledger: LedgerRows) -> Iterator[MessagePage]:
    """The pages from a place on, month by month. One is read when the one before is done with."""
    after = Position(place.after_day, place.after) if place.after_day and place.after else None
    for month in selection.months():
        if after is not None and month.end <= after.day:
            continue
        wanted = Filter(first=month.start, end=month.end, **selection.narrowing)
        while found := ledger.page(tenant, wanted.first, wanted.end, after=after, most=EXPORT_PAGE):
            after = Position(found[-1][1].day, found[-1][0])
            yield MessagePage([(key, usage) for key, usage in found if wanted.takes(usage)], after)
            if len(found) < EXPORT_PAGE:
                break
        after = None


class _Work:
    """A file as far as it is made. ``row`` is the export as it was saved last, but for the rest that is held here."""

    def __init__(self, row: Export, ports: ExportPorts) -> None:
        self.row, self._ports = row, ports
        place = row.place
        if not place.upload:
            place = replace(place, upload=ports.files.begin(row.key))
            self.row = ports.exports.save(replace(row, place=place))
        self._stream = GzipStream(checksum=place.checksum, length=place.length)
        self._held = bytearray(ports.files.kept(place.tail) if place.tail else b"")
        if not place.length:
            self._held += self._stream.write(csv_line(CSV_HEADER).encode())
        self._place = place

    def take(self, page: MessagePage) -> None:
        """Write a page, and a part when there is enough for one."""
        if page.rows:
            text = "".join(csv_line(csv_cells(key, usage)) for key, usage in page.rows)
            self._held += self._stream.write(text.encode())
        self._place = replace(
            self._place, after_day=page.last.day, after=page.last.message, rows=self._place.rows + len(page.rows)
        )
        if len(self._held) >= self._ports.part_bytes:
            self._held += self._stream.pause()
            self._save(self._with_part())

    def hand_on(self) -> Export:
        """Keep what is too little for a part, and say that there is more to do."""
        self._held += self._stream.pause()
        tail = self.row.tail_key()
        self._ports.files.keep(tail, bytes(self._held))
        self._save(replace(self._place, tail=tail), turns=1)
        return self.row

    def end(self) -> None:
        """The last part. A file has at least its header, so there is one."""
        self._held += self._stream.end()
        self._save(replace(self._with_part(), whole=True))

    def _with_part(self) -> Place:
        place, body = self._place, bytes(self._held)
        number = len(place.parts) + 1
        name = self._ports.files.add_part(self.row.key, place.upload, number=number, body=body)
        self._held.clear()
        return replace(place, parts=(*place.parts, name), size=place.size + len(body), tail="")

    def _save(self, place: Place, *, turns: int = 0) -> None:
        self._place = replace(place, checksum=self._stream.checksum, length=self._stream.length)
        self.row = self._ports.exports.save(replace(self.row, place=self._place, turn=self.row.turn + turns))
