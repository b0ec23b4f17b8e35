"""Close: the close report of a month, as a page and as CSV. What is left over must be zero, message by message and
cent by cent; a row where it is not stands out."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from tollgate.console.answers import Answer, File, Page
from tollgate.console.months import Months, month_shown
from tollgate.console.pages import Route
from tollgate.console.request import Request
from tollgate.console.tables import Column, table
from tollgate.domain.close_report import CloseRow
from tollgate.domain.money import ZERO
from tollgate.domain.permissions import READ
from tollgate.stages.close_report import CloseReportPorts, as_csv, close_report

CLOSE: Final = "/console/close"
COUNTS: Final = (
    ("sent", "Sent"),
    ("billed", "Billed"),
    ("free", "Free"),
    ("late", "Late"),
    ("corrected", "Corrected"),
    ("quarantined", "Quarantined"),
    ("messages_off", "Left over"),
)
COLUMNS: Final[tuple[Column[CloseRow], ...]] = (
    Column("tenant", "Tenant", lambda row: (row.tenant, row.period)),
    *(Column(name, label, attrgetter(name), numeric=True) for name, label in COUNTS),
    Column("to_pay", "To pay", lambda row: row.to_pay, numeric=True),
    Column("amount_off", "Amount left over", lambda row: row.amount_off, numeric=True),
)


def close(request: Request) -> Answer:
    """The report of a month."""
    months = month_shown(request)
    rows = _rows(request, months)
    view = table(rows, COLUMNS, query=request.query, path=CLOSE, text=lambda row: row.tenant, first="tenant")
    currencies = sorted({row.currency for row in rows if row.currency})
    values = {
        "months": months,
        "view": view,
        "counts": [name for name, _ in COUNTS],
        "sums": {name: sum(getattr(row, name) for row in rows) for name, _ in COUNTS},
        "to_pay": [(sum((row.to_pay for row in rows if row.currency == one), ZERO), one) for one in currencies],
        "off": sum(not row.adds_up for row in rows),
        "missing": sum(row.status == "missing" for row in rows),
    }
    return Page(template="close.html.j2", values=values)


def close_csv(request: Request) -> Answer:
    """The same as CSV, with every amount of the statements by kind."""
    months = month_shown(request)
    return File(name=f"close-{months.name}.csv", content="".join(as_csv(_rows(request, months))))


def _rows(request: Request, months: Months) -> list[CloseRow]:
    ports = request.ports
    reads = CloseReportPorts(
        contracts=ports.contracts, invoices=ports.invoices, ledger=ports.ledger, quarantine=ports.quarantine
    )
    return list(
        close_report(months.first, ports=reads, now=request.now, close_after_days=request.ports.close_after_days)
    )


ROUTES: Final = (
    Route("GET", CLOSE, close, READ),
    Route("GET", f"{CLOSE}.csv", close_csv, READ),
)
