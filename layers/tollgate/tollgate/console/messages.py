"""Messages: from a line of an invoice to the messages in it, as pages and as CSV, and from a message to its facts and
to the receipts that they came in.

Always true: a page reads about as much as it shows, however many messages there are; a CSV has every message that was
asked for, or leads to a file that has: it never ends early without a word. Of a recipient only the country is shown, of
a receipt only what is about the message, with people hidden.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from tollgate.console import exports
from tollgate.console.answers import Answer, File, Page
from tollgate.console.invoices import INVOICES, address, period_named
from tollgate.console.pages import Route
from tollgate.console.request import Request
from tollgate.domain.calendar import period_on
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.permissions import READ
from tollgate.domain.statement import DRAFT, meter_name
from tollgate.providers.masking import HIDDEN
from tollgate.stages import drilldown
from tollgate.stages.archive import open_receipt, receipts_of
from tollgate.stages.drilldown import Filter, TooLarge, currency_of, filter_of_line, has_messages
from tollgate.stages.issue import contract_of

MOST_PAGES: Final = 25
"""Of a thousand messages, in one CSV: some seconds of reading, and well below the 6 MB a function may answer with."""
ASKED: Final = ("line", "day", "category", "market")


def messages(request: Request, tenant: str, period: str) -> Answer:
    """The messages behind a line, or all of the period; narrowed to a day, category or market where asked."""
    invoice = request.ports.invoices.invoice(tenant, period_named(tenant, period))
    wanted = _wanted(request, invoice)
    found = drilldown.page(tenant, wanted, cursor=request.query.one("cursor"), ledger=request.ports.ledger)
    line = next((one for one in invoice.statement.lines if one.key == request.query.one("line")), None)
    base = f"{address(tenant, period)}/messages"
    asked = {name: request.query.one(name) for name in ASKED if request.query.one(name)}
    values = {
        "invoice": invoice,
        "here": address(tenant, period),
        "base": base,
        "line": line,
        "lines": [one for one in invoice.statement.lines if has_messages(one.key)],
        "asked": {**dict.fromkeys(ASKED, ""), **asked},
        "first_day": wanted.first,
        "last_day": wanted.end - timedelta(days=1),
        # The index is by message within a day; a page is put in order of time, and says so.
        "rows": sorted(found.rows, key=lambda row: (row[1].day, row[1].moment, row[0])),
        "more": f"{base}?{urlencode({**asked, 'cursor': found.cursor})}" if found.cursor else "",
        "begun": bool(request.query.one("cursor")),
        "start": f"{base}?{urlencode(asked)}",
        "csv": f"{base}.csv?{urlencode(asked)}",
        "exports": f"{exports.ROOT}/{quote(tenant, safe='')}",
        "currency_of": currency_of,
        "moves": invoice.status == DRAFT,
        "zone": contract_of(invoice, request.ports.contracts).timezone,
    }
    return Page(template="messages.html.j2", values=values)


def messages_csv(request: Request, tenant: str, period: str) -> Answer:
    """The same as CSV, all of it; or the way to have a file made, where it is too much to come at once."""
    invoice = request.ports.invoices.invoice(tenant, period_named(tenant, period))
    wanted = _wanted(request, invoice)
    try:
        found = "".join(drilldown.export(tenant, wanted, ledger=request.ports.ledger, most_pages=MOST_PAGES))
    except TooLarge:
        return exports.offered(request, exports.staffs(request, tenant), wanted)
    name = "-".join(filter(None, (tenant, period, request.query.one("line"), request.query.one("day"))))
    return File(name=f"{name.replace('/', '-')}.csv", content=found)


def message(request: Request, tenant: str) -> Answer:
    """All that is known of one message."""
    ports, key = request.ports, _key(request)
    record = drilldown.message(tenant, key, ledger=ports.ledger)
    contract, usage = ports.contracts.versions(tenant)[0], record.usage
    period = period_on(usage.day, contract.term_on(usage.day)).start if usage else None
    stated = {invoice.statement.period.start for invoice in ports.invoices.invoices(tenant)}
    values = {
        "tenant": tenant,
        "record": record,
        "usage": usage,
        "zone": contract.timezone,
        "meter_name": meter_name,
        "currency": currency_of(usage) if usage else "",
        "invoice": address(tenant, period) if period and period in stated else "",
        "statuses": sorted(record.statuses.items(), key=lambda one: (one[1], one[0])),
        "reports": sorted(record.reports.items(), key=lambda one: (one[1], one[0])),
        "archive": receipts_of(key, archive=ports.archive),
        "receipt": f"{_address(tenant)}/receipt?{urlencode(key._asdict())}&receipt=",
    }
    return Page(template="message.html.j2", values=values)


def receipt(request: Request, tenant: str) -> Answer:
    """One of the receipts of a message, as far as it is about that."""
    ports, key = request.ports, _key(request)
    opened = open_receipt(
        tenant,
        key,
        request.query.one("receipt"),
        by=request.person.subject,
        ledger=ports.ledger,
        archive=ports.archive,
        audit=ports.audit,
        now=request.now,
    )
    values = {
        "tenant": tenant,
        "key": key,
        "message": f"{_address(tenant)}?{urlencode(key._asdict())}",
        "opened": opened,
        "hidden": HIDDEN,
        "zone": ports.contracts.versions(tenant)[0].timezone,
    }
    return Page(template="receipt.html.j2", values=values)


def _address(tenant: str) -> str:
    return f"/console/messages/{quote(tenant, safe='')}"


def _key(request: Request) -> MessageKey:
    query = request.query
    return MessageKey(query.one("provider"), query.one("message"), query.one("participant"))


def _wanted(request: Request, invoice: Invoice) -> Filter:
    """What a query asks for. Raises Invalid for a day that is none, or not among those of the line."""
    line, day = request.query.one("line"), request.query.one("day")
    period = invoice.statement.period
    wanted = (
        filter_of_line(invoice, line, contracts_rows=request.ports.contracts)
        if line
        else Filter(first=period.start, end=period.end)
    )
    wanted = replace(wanted, category=request.query.one("category"), market=request.query.one("market"))
    if not day:
        return wanted
    try:
        only = date.fromisoformat(day)
    except ValueError:
        only = wanted.end
    if not wanted.first <= only < wanted.end:
        last = wanted.end - timedelta(days=1)
        raise Invalid("filter", [Problem("day", f"expected a day from {wanted.first} to {last}")])
    return replace(wanted, first=only, end=only + timedelta(days=1))


ROUTES: Final = (
    Route("GET", f"{INVOICES}/<tenant>/<period>/messages", messages, READ),
    Route("GET", f"{INVOICES}/<tenant>/<period>/messages.csv", messages_csv, READ),
    Route("GET", "/console/messages/<tenant>", message, READ),
    Route("GET", "/console/messages/<tenant>/receipt", receipt, READ),
)
