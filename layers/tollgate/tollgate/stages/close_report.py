"""Close report of a month: a row for each period of each tenant, and the same as CSV.

Reads: the quarantine once, of each tenant its contract versions and the days of its periods (a query each), and the
invoices of a hundred tenants at once. Queries wait for each other's answers eight at a time, so a thousand tenants are
read in some seconds; rows come as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from itertools import batched
from typing import Final

from tollgate.domain.calendar import Period
from tollgate.domain.close_report import CloseRow, close_row, unstated
from tollgate.stages.close import due_periods
from tollgate.stages.csv_rows import csv_line
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.ledger import LedgerRows, Quarantine
from tollgate.stages.review import Waiting

TENANTS_AT_ONCE: Final = 100
READERS: Final = 8  # of the ten connections that a client of AWS's keeps
CSV_HEADER: Final = tuple(field.name for field in fields(CloseRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReportPorts:
    """What the report reads."""

    contracts: ContractRows
    invoices: InvoiceRows
    ledger: LedgerRows
    quarantine: Quarantine


def close_report(month: date, *, ports: CloseReportPorts, now: datetime, close_after_days: int) -> Iterator[CloseRow]:
    """The periods that begin in the month of a day and are due to be closed, by tenant."""
    waiting = Waiting(ports.quarantine, ports.contracts)
    due = partial(_due, month, contracts=ports.contracts, now=now, close_after_days=close_after_days)
    with ThreadPoolExecutor(READERS, thread_name_prefix="close-report") as readers:
        for tenants in batched(ports.contracts.tenants(), TENANTS_AT_ONCE, strict=False):
            own = [
                (name, one) for name, periods in zip(tenants, readers.map(due, tenants), strict=True) for one in periods
            ]
            stated = ports.invoices.of_periods([(name, period.start) for name, period in own])
            counted = readers.map(lambda one: ports.ledger.days(one[0], one[1].start, one[1].end), own)
            for (name, period), days in zip(own, counted, strict=True):
                facts, invoice = waiting.within(name, period), stated.get((name, period.start))
                yield (
                    close_row(invoice, days=days, quarantined=facts)
                    if invoice
                    else unstated(name, period, days=days, quarantined=facts)
                )


def _due(
    month: date, tenant: str, *, contracts: ContractRows, now: datetime, close_after_days: int
) -> Sequence[Period]:
    """The periods of a tenant that begin in the month of a day and are due."""
    versions = contracts.versions(tenant)
    due = due_periods(versions, now=now, close_after_days=close_after_days) if versions else ()
    return [period for _, period in due if (period.start.year, period.start.month) == (month.year, month.month)]


def as_csv(rows: Iterable[CloseRow]) -> Iterator[str]:
    """The rows as CSV, with a header; a period by its first day."""
    yield csv_line(CSV_HEADER)
    for row in rows:
        values = {name: getattr(row, name) for name in CSV_HEADER} | {"period": row.period.start}
        yield csv_line(values.values())
