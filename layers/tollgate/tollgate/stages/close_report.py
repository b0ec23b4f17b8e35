"""Close report of a month: a row for each period of each tenant, and the same as CSV.

Reads: the quarantine once, and of each tenant its contract versions, the days of its periods and its invoices (about
three queries), so a thousand tenants are read in some seconds; rows come as they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final

from tollgate.domain.close_report import CloseRow, close_row, unstated
from tollgate.stages.close import due_periods
from tollgate.stages.csv_rows import csv_line
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.ledger import LedgerRows, Quarantine
from tollgate.stages.review import Waiting

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
    for tenant in ports.contracts.tenants():
        versions = ports.contracts.versions(tenant)
        due = due_periods(versions, now=now, close_after_days=close_after_days) if versions else ()
        own = [period for _, period in due if (period.start.year, period.start.month) == (month.year, month.month)]
        if not own:
            continue
        stated = {invoice.statement.period: invoice for invoice in ports.invoices.invoices(tenant)}
        for period in own:
            days = ports.ledger.days(tenant, period.start, period.end)
            facts = waiting.within(tenant, period)
            invoice = stated.get(period)
            yield (
                close_row(invoice, days=days, quarantined=facts)
                if invoice
                else unstated(tenant, period, days=days, quarantined=facts)
            )


def as_csv(rows: Iterable[CloseRow]) -> Iterator[str]:
    """The rows as CSV, with a header; a period by its first day."""
    yield csv_line(CSV_HEADER)
    for row in rows:
        values = {name: getattr(row, name) for name in CSV_HEADER} | {"period": row.period.start}
        yield csv_line(values.values())
