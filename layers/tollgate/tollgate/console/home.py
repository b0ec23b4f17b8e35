"""Home: what waits for finance, at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tollgate.console.answers import Answer, Page
from tollgate.console.pages import Route
from tollgate.console.request import Request
from tollgate.console.tables import Column, table
from tollgate.domain.calendar import Span
from tollgate.domain.permissions import READ
from tollgate.domain.statement import DRAFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One draft that waits for review."""

    tenant: str
    period: Span
    total: Decimal
    currency: str
    flags: tuple[str, ...]


COLUMNS: Final[tuple[Column[Waiting], ...]] = (
    Column("tenant", "Tenant", lambda row: row.tenant),
    Column("period", "Month", lambda row: row.period.start),
    Column("total", "Amount", lambda row: row.total, numeric=True),
    Column("flags", "Flags", lambda row: len(row.flags)),
)


def home(request: Request) -> Answer:
    """The drafts of every tenant."""
    ports = request.ports
    rows = [
        Waiting(
            tenant=tenant,
            period=invoice.statement.period,
            total=invoice.statement.total,
            currency=invoice.statement.currency,
            flags=invoice.flags,
        )
        for tenant in ports.contracts.tenants()
        for invoice in ports.invoices.invoices(tenant)
        if invoice.status == DRAFT
    ]
    view = table(rows, COLUMNS, query=request.query, path=request.path, text=lambda row: row.tenant, first="tenant")
    return Page(template="home.html.j2", values={"drafts": view})


ROUTES: Final = (Route("GET", "/console", home, READ),)
