"""Drill-down: from a line of an invoice to the messages in it, and from a message to all that is known of it.

Reads of a page: one query of the month index, 100 messages of up to 1 KB at half a read unit for 4 KB, so about 13 read
units however many messages the tenant has. A filter that few messages match reads on, at most ``MOST_READ`` messages
(260 units) a page, and hands back a cursor to go on from. An export costs the same for each message, from the first
to the last, and holds no more than one page.
Always true: of a recipient nothing leaves here but the country and, in groups, the keyed hash that is part of the id.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tollgate.domain.calendar import Period, period_on
from tollgate.domain.errors import Invalid, NotFound, Problem
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.records import Record, Usage
from tollgate.domain.statement import line_key
from tollgate.domain.usage import cell_of, totals_of
from tollgate.stages.csv_rows import csv_line
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.ledger import LedgerRows, Position

PAGE_SIZE: Final = 100
MOST_READ: Final = 2_000
EXPORT_PAGE: Final = 1_000

CSV_HEADER: Final = (
    "day", "time", "provider", "message", "participant", "meter", "category", "market", "messages", "segments", "fee",
    "currency",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Messages with a day in [first, end), of one calendar month; each of the others narrows them where it is given.
    ``line`` is the key of an invoice's usage line."""

    first: date
    end: date
    meter: str = ""
    category: str = ""
    market: str = ""
    line: str = ""

    def __post_init__(self) -> None:
        last = self.end - timedelta(days=1)
        if self.first >= self.end or (self.first.year, self.first.month) != (last.year, last.month):
            raise Invalid("filter", [Problem("first", "expected days of one calendar month, first before end")])

    def takes(self, usage: Usage) -> bool:
        """Whether a message is asked for."""
        cell = cell_of(usage)
        asked = ((self.meter, cell.meter), (self.category, cell.category), (self.market, cell.market))
        return all(want in ("", has) for want, has in asked) and self.line in ("", line_key(cell))


class TooLarge(Invalid):
    """More messages than may be read at once; as an export they can be had."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages in the order of their days; ``cursor`` goes on after them, empty at the end."""

    rows: tuple[tuple[MessageKey, Usage], ...]
    cursor: str


def filter_of_line(invoice: Invoice, key: str, *, contracts_rows: ContractRows) -> Filter:
    """The messages behind a line: a usage line's own, or all of the period and meter that an adjustment is about.

    Raises NotFound for a line that is not there, or has no messages (an allowance, what is brought forward).
    """
    period = invoice.statement.period
    if key not in {line.key for line in invoice.statement.lines}:
        raise NotFound("line", key)
    if not has_messages(key):
        raise NotFound("messages of line", key)
    parts = key.split("/")
    if parts[0] == "adjustment":
        adjusted = _period_of(date.fromisoformat(parts[2]), invoice.tenant, contracts_rows)
        return Filter(first=adjusted.start, end=adjusted.end, meter=parts[1])
    return Filter(first=period.start, end=period.end, line=key)


def has_messages(key: str) -> bool:
    """Whether a line is about messages that can be listed: usage, and what became known of an earlier period."""
    parts = key.split("/")
    if parts[0] == "adjustment":
        return len(parts) == len(("adjustment", "meter", "period"))
    return parts[0] != "allowance" and len(parts) > 1


def _period_of(start: date, tenant: str, contracts_rows: ContractRows) -> Period:
    term = contracts_rows.versions(tenant)[0].term_on(start)
    return period_on(start, term)


def page(tenant: str, wanted: Filter, *, cursor: str = "", size: int = PAGE_SIZE, ledger: LedgerRows) -> Page:
    """The next messages. Eventually consistent. Raises Invalid for a cursor that is none, or of other days."""
    if not 1 <= size <= EXPORT_PAGE:
        raise Invalid("page", [Problem("size", f"expected 1 to {EXPORT_PAGE}")])
    after, rows, read = _position(cursor, wanted), list[tuple[MessageKey, Usage]](), 0
    while len(rows) < size and read < MOST_READ:
        most = max(size, PAGE_SIZE)
        found = ledger.page(tenant, wanted.first, wanted.end, after=after, most=most)
        for key, usage in found:
            read, after = read + 1, Position(usage.day, key)
            if wanted.takes(usage):
                rows.append((key, usage))
            if len(rows) == size:
                return Page(tuple(rows), _cursor(after))
        if len(found) < most:
            return Page(tuple(rows), "")
    return Page(tuple(rows), _cursor(after) if after else "")


def _cursor(position: Position) -> str:
    text = json.dumps([str(position.day), *position.message])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, wanted: Filter) -> Position | None:
    if not cursor:
        return None
    try:
        day, *parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = Position(date.fromisoformat(day), MessageKey(*map(str, parts)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise Invalid("page", [Problem("cursor", "expected the cursor of the page before")]) from error
    if not wanted.first <= position.day < wanted.end:
        raise Invalid("page", [Problem("cursor", "expected a cursor of the same days")])
    return position


def export(tenant: str, wanted: Filter, *, ledger: LedgerRows, most_pages: int | None = None) -> Iterator[str]:
    """The messages as CSV, a page at a time: a header, then a line each. Raises TooLarge when it takes more pages than
    may be read: who has no time for all of it must not take a part for the whole."""
    yield csv_line(CSV_HEADER)
    cursor, pages = "", 0
    while True:
        if pages == most_pages:
            expected = f"expected at most about {pages * EXPORT_PAGE:,} messages in a file: choose a line or a day"
            raise TooLarge("download", [Problem("", expected)])
        pages += 1
        found = page(tenant, wanted, cursor=cursor, size=EXPORT_PAGE, ledger=ledger)
        if found.rows:
            yield "".join(csv_line(csv_cells(key, usage)) for key, usage in found.rows)
        if not found.cursor:
            return
        cursor = found.cursor


def csv_cells(key: MessageKey, usage: Usage) -> tuple[object, ...]:
    """A message's line in a CSV, under ``CSV_HEADER``."""
    totals = totals_of(usage)
    return (
        usage.day,
        usage.moment.isoformat().replace("+00:00", "Z"),
        key.provider,
        key.message,
        key.participant,
        usage.meter,
        usage.category,
        usage.market,
        totals.messages,
        totals.segments,
        totals.fees,
        currency_of(usage),
    )


def currency_of(usage: Usage) -> str:
    """The currency of a message's fees, which is the contract's; empty for one without any."""
    return next((fee.currency for fee in usage.fees.values()), "")


def message(tenant: str, key: MessageKey, *, ledger: LedgerRows) -> Record:
    """All that is known of one message: one consistent read. Raises NotFound."""
    found = ledger.records(tenant, [key]).get(key)
    if found is None:
        raise NotFound("message", "#".join(part for part in key if part))
    return found
