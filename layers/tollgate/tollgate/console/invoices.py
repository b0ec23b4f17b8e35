"""Invoices: all of a month or of a tenant; one of them, how its amount came to be and what happened to it; and its
statement for the customer.

Always true: the numbers of a page come from the statement of the revision that it names, so they add up to the cent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from tollgate.console import charts, sheet
from tollgate.console.answers import Answer, Page
from tollgate.console.months import month_shown
from tollgate.console.pages import Route
from tollgate.console.ports import ConsolePorts
from tollgate.console.render import WORDS, count, day, money
from tollgate.console.request import Request
from tollgate.console.review import Choice, review_ports
from tollgate.console.tables import Column, table
from tollgate.domain.corrections import CREDITABLE, credited
from tollgate.domain.errors import NotFound
from tollgate.domain.explanation import DayPoint
from tollgate.domain.invoices import APPROVED, OPEN, UNCOLLECTIBLE, VOID, Invoice
from tollgate.domain.permissions import READ
from tollgate.domain.reconciliation import Difference
from tollgate.domain.review import JUMP, Summary, summary_of
from tollgate.domain.statement import DRAFT, meter_name
from tollgate.mails.brand import web_address
from tollgate.mails.explanation import sentences
from tollgate.mails.wording import wording
from tollgate.stages.drilldown import has_messages
from tollgate.stages.explanation import Explained, explained
from tollgate.stages.review import reviewed
from tollgate.stages.timeline import timeline

INVOICES: Final = "/console/invoices"
LOOKED_THROUGH: Final = 5_000
"""Messages of the day on which a limit was exceeded that a page reads to name the one; of a larger day, when asked."""
COLUMNS: Final[tuple[Column[Summary], ...]] = (
    Column("tenant", "Tenant", lambda row: (row.tenant, row.period)),
    Column("period", "Month", lambda row: (row.period, row.tenant)),
    Column("total", "To pay", lambda row: row.total, numeric=True),
    Column("status", "Status", lambda row: row.status),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDays:
    """The chart of a meter's days, and the same as numbers. ``crossed``: the day on which the limit was exceeded."""

    name: str
    chart: Markup
    points: Sequence[DayPoint]
    crossed: date | None


def invoices(request: Request) -> Answer:
    """The invoices of a month, or with ``?tenant=`` all of one."""
    tenant, status, months = request.query.one("tenant"), request.query.one("status"), month_shown(request)
    ports = request.ports
    rows = (
        [summary_of(one) for one in ports.invoices.invoices(tenant)] if tenant else ports.invoices.month(months.first)
    )
    view = table(
        [row for row in rows if status in ("", row.status)],
        COLUMNS,
        query=request.query,
        path=INVOICES,
        text=lambda row: row.tenant,
        first="-period" if tenant else "tenant",
    )
    of = {"tenant": tenant} if tenant else {"month": months.name}
    values = {"months": months, "tenant": tenant, "status": status, "view": view, "choices": _choices(rows, of)}
    return Page(template="invoices.html.j2", values=values)


def _choices(rows: Sequence[Summary], of: Mapping[str, str]) -> list[Choice]:
    def href(status: str) -> str:
        return f"{INVOICES}?{urlencode({**of, **({'status': status} if status else {})})}"

    found = sorted(Counter(row.status for row in rows).items())
    return [Choice("", "All", len(rows), href("")), *(Choice(one, one, n, href(one)) for one, n in found)]


def invoice(request: Request, tenant: str, period: str) -> Answer:
    """One invoice: its amount, how it came to be, its lines and days, what may be done with it, what happened to it."""
    ports, start = request.ports, period_named(tenant, period)
    known = explained(
        tenant,
        start,
        invoices=ports.invoices,
        contracts_rows=ports.contracts,
        ledger=ports.ledger,
        most=None if request.query.one("crossing") else LOOKED_THROUGH,
    )
    shown = known.invoice
    is_draft = shown.status == DRAFT
    own = ports.invoices.invoices(tenant) if is_draft else []
    values = {
        **_common(known),
        "differences": differences_of(shown, ports),
        "review": reviewed(shown, own, ports=review_ports(ports)) if is_draft else None,
        "groups": sheet.grouped(shown.statement.lines),
        "text_of": sheet.text_of(known, WORDS),
        "has_messages": has_messages,
        "days": [_days(known, meter) for meter in sorted(known.days)],
        "unread": [(meter, known.crossed_on[meter], many) for meter, many in sorted(known.unread.items())],
        "timeline": timeline(tenant, start, audit=ports.audit, notices=ports.notices),
        "voidable": shown.status in (OPEN, UNCOLLECTIBLE) or (shown.status == APPROVED and shown.push.flagged),
        "creditable": shown.status in CREDITABLE and credited(shown) < shown.statement.total,
        "again": shown.status == VOID,
        "reference": f"r{shown.revision}-{len(shown.credits) + 1}",
        "at_stripe": [(name, web_address(url)) for name, url in _at_stripe(shown) if web_address(url)],
        "jumps": JUMP in shown.flags,
    }
    return Page(template="invoice.html.j2", values=values)


def _at_stripe(shown: Invoice) -> Sequence[tuple[str, str]]:
    """The invoice's page and its file; an invoice that was issued before the file was kept has only the page."""
    return ("At Stripe", shown.hosted_url), ("PDF", shown.pdf_url)


def differences_of(invoice: Invoice, ports: ConsolePorts) -> list[Difference]:
    """What the last comparison found of an invoice's period."""
    found, start = ports.reconciled.of(invoice.tenant), invoice.statement.period.start
    return [one for one in found.differences if start in one.periods] if found else []


def statement(request: Request, tenant: str, period: str) -> Answer:
    """The statement as one hands it to a customer, for print: in English around a sheet in the customer's language."""
    ports = request.ports
    known = explained(
        tenant,
        period_named(tenant, period),
        invoices=ports.invoices,
        contracts_rows=ports.contracts,
        ledger=ports.ledger,
    )
    values = {
        "sheet": sheet.sheet(known, ports.brand),
        "title": sheet.title(known),
        "tag": wording(known.contract.locale).tag,
        "here": address(tenant, period),
    }
    return Page(template="statement.html.j2", values=values)


def address(tenant: str, period: date | str) -> str:
    """Where the page of an invoice is."""
    return f"{INVOICES}/{quote(tenant, safe='')}/{period}"


def period_named(tenant: str, period: str) -> date:
    """The first day that an address names. Raises NotFound for what is no day."""
    try:
        return date.fromisoformat(period)
    except ValueError as error:
        raise NotFound("invoice", f"{tenant}/{period}") from error


def _common(known: Explained) -> dict[str, Any]:
    shown = known.invoice
    return {
        "invoice": shown,
        "statement": shown.statement,
        "currency": shown.statement.currency,
        "contract": known.contract,
        "zone": known.contract.timezone,
        "explanation": known.explanation,
        "steps": sentences(known.explanation, WORDS),
        "crossings": sheet.crossings_within(known.crossings, shown, known.contract.timezone),
        "meter_name": meter_name,
        "credited": credited(shown),
        "last_day": shown.statement.period.end - timedelta(days=1),
        "here": address(shown.tenant, shown.name),
    }


def _days(known: Explained, meter: str) -> MeterDays:
    points, currency = known.days[meter], known.invoice.statement.currency
    crossed = known.crossed_on.get(meter)
    bars = [
        charts.Bar(
            label=str(one.day.day),
            value=one.fees,
            title=f"{day(one.day)}: {count(one.messages)} messages, {money(one.fees, currency)}",
            mark=one.day == crossed,
        )
        for one in points
    ]
    tallest = max((one.fees for one in points), default=None)
    scale = money(tallest, currency) if tallest is not None else ""
    name = f"{meter_name(meter)} fees by day, {WORDS.span(known.invoice.statement.period)}"
    return MeterDays(
        name=meter_name(meter),
        chart=charts.bars(bars, name=name, scale=scale),
        points=points,
        crossed=crossed,
    )


ROUTES: Final = (
    Route("GET", INVOICES, invoices, READ),
    Route("GET", f"{INVOICES}/<tenant>/<period>", invoice, READ),
    Route("GET", f"{INVOICES}/<tenant>/<period>/statement", statement, READ),
)
