"""Reconcile, counters: read a tenant's records once, and compare what they add up to with its day and term rows.

Only sums are kept of the records, by day and by bill. The index lags and receipts keep coming in, so what differs is
read again before it counts as a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Period, Span, Term, add_months, local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import RetryLater
from tollgate.domain.provider_bills import Tally
from tollgate.domain.reconciliation import Difference, by_day, day_differences, differing_days, term_differences
from tollgate.domain.usage import Cell, Totals, cell_of, totals_of
from tollgate.stages.close import RECOUNTS
from tollgate.stages.ports.ledger import LedgerRows

type Records = dict[date, dict[Cell, Totals]]
"""What the records of each day add up to, by cell."""
DAY: Final = timedelta(days=1)
LOOKS_EVERY: Final = 1_000
"""After how many records it is asked whether there is time for more."""


def read_records(
    tenant: str, spans: Iterable[Span], tally: Tally, *, ledger: LedgerRows, has_time: Callable[[], bool]
) -> Records:
    """Add up every record of some days, each once; into ``tally`` too. Raises RetryLater when there is no time left."""
    records: Records = defaultdict(dict)
    read = 0
    for span in _in_months(spans):
        for record in ledger.counted(tenant, span.start, span.end):
            read += 1
            if read % LOOKS_EVERY == 0 and not has_time():
                raise RetryLater(f"no time for more than {read} records")
            usage = record.usage
            assert usage is not None
            cells, cell = records[usage.day], cell_of(usage)
            cells[cell] = cells.get(cell, Totals()) + totals_of(usage)
            tally.add(record)
    return records


def _in_months(spans: Iterable[Span]) -> Iterator[Span]:
    """The days of some spans, each once, in parts that lie in one calendar month."""
    done = date.min
    for start, end in sorted((span.start, span.end) for span in spans):
        day = max(start, done)
        while day < end:
            until = min(add_months(day.replace(day=1), 1), end)
            yield Span(day, until)
            day = until
        done = max(done, end)


def counter_differences(
    tenant: str,
    *,
    versions: Sequence[Contract],
    periods: Sequence[Period],
    records: Records,
    ledger: LedgerRows,
    pause: Callable[[int], None],
    now: datetime,
) -> list[Difference]:
    """Where the days of some periods, as far as they are over, or the contract years that the periods are of, do not
    add up."""
    today, found = local_day(now, versions[0].timezone), []
    for period in periods:
        over = Span(period.start, min(period.end, today))
        currency = contracts.for_term(versions, versions[0].term_on(period.start)).currency
        found += _days(tenant, period, over, currency=currency, records=records, ledger=ledger, pause=pause)
    for term in sorted({versions[0].term_on(period.start) for period in periods}):
        currency = contracts.for_term(versions, term).currency
        found += _term(tenant, term, currency, ledger=ledger, pause=pause)
    return found


def _days(
    tenant: str,
    period: Period,
    over: Span,
    *,
    currency: str,
    records: Records,
    ledger: LedgerRows,
    pause: Callable[[int], None],
) -> list[Difference]:
    counters = by_day(ledger.days(tenant, over.start, over.end))
    own = {day: cells for day, cells in records.items() if day in over}
    for attempt in range(1, RECOUNTS):
        differing = differing_days(own, counters)
        if not differing:
            return []
        pause(attempt)
        for day in differing:
            own[day] = _recounted(tenant, day, ledger)
            counters |= {day: {}} | by_day(ledger.days(tenant, day, day + DAY))
    return day_differences(tenant, period=period, currency=currency, records=own, counters=counters)


def _recounted(tenant: str, day: date, ledger: LedgerRows) -> dict[Cell, Totals]:
    cells: dict[Cell, Totals] = {}
    for _, usage in ledger.month(tenant, day, day + DAY):
        cells[cell_of(usage)] = cells.get(cell_of(usage), Totals()) + totals_of(usage)
    return cells


def _term(
    tenant: str, term: Term, currency: str, *, ledger: LedgerRows, pause: Callable[[int], None]
) -> list[Difference]:
    """A total and its days are two readings, and something may be counted between them."""
    found: list[Difference] = []
    for attempt in range(1, RECOUNTS + 1):
        row = ledger.usage_rows(tenant, {term.start: term}, ())[0][term.start]
        found = term_differences(tenant, row, ledger.days(tenant, term.start, term.end), currency=currency)
        if not found:
            break
        if attempt < RECOUNTS:
            pause(attempt)
    return found
