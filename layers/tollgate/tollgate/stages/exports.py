"""Exports: the files of a tenant's records. Small ones come at once, cut by days; others are made in the background.

Always true: every day with use is in exactly one small file; a small file has days of one month. How many messages a
day has is known from its row, so that nothing is read to say what files there are: 13 months are one query of 400
small rows. Who asks twice gets one export; a customer is shown those that customers asked for, and no other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from tollgate.domain.calendar import local_day
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.exports import (
    CUSTOMER,
    MOST_KNOWN,
    READY,
    Export,
    Selection,
    asked_for,
    checked,
    earliest,
)
from tollgate.domain.invoices import named
from tollgate.domain.usage import DayRow
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.exports import ExportFiles, ExportRows
from tollgate.stages.ports.ledger import LedgerRows

MOST_ROWS: Final = 40_000
"""Records of one file: about 5 MB, what a function may answer with."""
ATTEMPTS: Final = 4
"""To take a number that somebody else has just taken."""
ADDRESS_LASTS: Final = timedelta(minutes=1)
"""Of a download: the browser goes there at once."""
SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file: the days from first to last, both included, and their messages. Too many only where one day has them."""

    first: date
    last: date
    messages: int

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)


def parts(tenant: str, *, today: date, ledger: LedgerRows, most: int = MOST_ROWS) -> list[Part]:
    """The files of the last months, the newest first."""
    rows = ledger.days(tenant, earliest(today), today + timedelta(days=1))
    months = groupby(rows, key=lambda row: (row.day.year, row.day.month))
    return [part for _, own in months for part in _of_month(list(own), most)][::-1]


def _of_month(rows: Sequence[DayRow], most: int) -> list[Part]:
    found: list[Part] = []
    for row in rows:
        messages = sum(totals.messages for totals in row.cells.values())
        last = found[-1] if found else None
        if last and last.messages + messages <= most:
            found[-1] = Part(first=last.first, last=row.day, messages=last.messages + messages)
        else:
            found.append(Part(first=row.day, last=row.day, messages=messages))
    return [part for part in found if part.messages]


def request_export(
    tenant: str,
    selection: Selection,
    *,
    side: str,
    by: str,
    contracts: ContractRows,
    exports: ExportRows,
    now: datetime,
) -> Export:
    """Ask for a file of records; the same question again is the same file. Returns the export, which is made from its
    row. Raises NotFound, Invalid, and Conflict when others ask at the same time again and again."""
    named("export", by, "asks for it")
    versions = contracts.versions(tenant)
    if not versions:
        raise NotFound("tenant", tenant)
    selection = checked(selection, today=local_day(now, versions[0].timezone))
    wanted = Export(tenant=tenant, selection=selection, side=side, by=by, requested_at=now)
    for _ in range(ATTEMPTS):
        answer = asked_for(wanted, exports.latest(tenant, most=MOST_KNOWN), now=now)
        if answer.version:
            return answer
        try:
            return exports.add(answer)
        except Conflict:
            continue  # the number is taken; it may have been the same question
    raise Conflict(f"exports of {tenant} are asked for by others at the same time")


def shown(tenant: str, *, side: str, exports: ExportRows) -> list[Export]:
    """The latest exports that a side may see, the latest first."""
    known = exports.latest(tenant, most=MOST_KNOWN)
    return [one for one in known if _may_see(one, side)][:SHOWN]


def one_shown(tenant: str, number: int, *, side: str, exports: ExportRows) -> Export:
    """An export that a side may see. Raises NotFound, for those that it may not see too."""
    found = exports.export(tenant, number)
    if not _may_see(found, side):
        raise NotFound("export", str(number))
    return found


def download(tenant: str, number: int, *, side: str, exports: ExportRows, files: ExportFiles, now: datetime) -> str:
    """The address of a file, for whoever has just been let in. Raises NotFound for one that is not there to be had."""
    found = one_shown(tenant, number, side=side, exports=exports)
    if found.state(now) != READY:
        raise NotFound("file of export", str(number))
    return files.address(found.key, name=found.name, lasts=ADDRESS_LASTS)


def _may_see(export: Export, side: str) -> bool:
    return side != CUSTOMER or export.side == CUSTOMER
