"""The customer's page: their usage against the limits, by day and category, invoices, records, and who is told, in the
language of their contract.

Always true: a customer sees what was issued to them and never a draft, a note of ours or another tenant's; the link
opens nothing else. Reads of the page: the tenant's rows (six queries) and a month's day rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from typing import Any, Final

from tollgate.console.answers import Answer, File, Flash, Page, Redirect, refused
from tollgate.console.language import locale_of
from tollgate.console.months import month_shown
from tollgate.console.pages import CUSTOMER, Route
from tollgate.console.request import Fields, Request
from tollgate.console.tenants import tenant_ports
from tollgate.domain.calendar import local_day
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.exports import MONTHS
from tollgate.domain.invoices import OPEN, PAID, UNCOLLECTIBLE, VOID
from tollgate.domain.preferences import MOST_RECIPIENTS
from tollgate.mails.brand import web_address
from tollgate.mails.wording import wording
from tollgate.stages.drilldown import Filter, export
from tollgate.stages.exports import MOST_ROWS, Part, parts
from tollgate.stages.preferences import set_recipients
from tollgate.stages.tenants import tenant_detail
from tollgate.stages.used import used

ISSUED: Final = frozenset({OPEN, PAID, VOID, UNCOLLECTIBLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """A customer's tenant, and where their pages are."""

    tenant: str
    root: str


def whose(request: Request) -> Whose:
    """Who asks; only routes for customers are asked."""
    assert request.customer is not None, "a route that is not for customers asked which one it is"
    return Whose(tenant=request.customer.tenant, root=f"/usage/{request.customer.link}")


def customer(request: Request) -> Answer:
    """The page."""
    return _page(request)


def recipients(request: Request) -> Answer:
    """Choose who gets usage mails."""
    who, ports = whose(request), request.ports
    version = request.form.one("version")
    if not version.isdecimal():
        raise Invalid("recipients", [Problem("version", "expected the form's own")])
    try:
        set_recipients(
            who.tenant,
            request.form.one("recipients").replace(",", "\n").splitlines(),
            version=int(version),
            by=request.customer.subject if request.customer else "",
            contracts=ports.contracts,
            preferences=ports.preferences,
            now=request.now,
        )
    except Invalid as error:
        return _page(request, text=request.form.one("recipients"), wrong=error.problems)
    said = wording(locale_of(request)).say("customer.saved")
    return Redirect(to=f"{who.root}#recipients", flash=Flash("good", said))


def records(request: Request) -> Answer:
    """The files of records that can be downloaded."""
    who = whose(request)
    values = {"root": who.root, "parts": _parts(request, who.tenant), "months": MONTHS, "most": MOST_ROWS}
    return Page(template="customer_records.html.j2", values=values, locale=locale_of(request))


def records_csv(request: Request) -> Answer:
    """One file of records, in English whoever reads it: it is for programs. Refused for days that are none of those
    offered, and for more than a file holds."""
    who = whose(request)
    asked = (request.query.one("first"), request.query.one("last"))
    part = next((one for one in _parts(request, who.tenant) if (str(one.first), str(one.last)) == asked), None)
    if part is None:
        return _refused(request, "stale")
    lines: list[str] = []
    rows = -1  # the header is none
    for text in export(who.tenant, Filter(first=part.first, end=part.end), ledger=request.ports.ledger):
        lines.append(text)
        rows += text.count("\r\n")
        if rows > MOST_ROWS:
            return _refused(request, "too-many")
    return File(name=f"{who.tenant}-{part.first}-{part.last}.csv", content="".join(lines))


def _refused(request: Request, why: str) -> Page:
    """The page instead of a file."""
    locale = locale_of(request)
    most = wording(locale).whole(MOST_ROWS)
    address = request.ports.brand.support
    return refused(
        f"file-{why}",
        status=HTTPStatus.BAD_REQUEST,
        locale=locale,
        is_customers=True,
        most=most,
        address=address,
    )


def _parts(request: Request, tenant: str) -> list[Part]:
    return parts(tenant, today=_today(request, tenant), ledger=request.ports.ledger)


def _today(request: Request, tenant: str) -> date:
    versions = request.ports.contracts.versions(tenant)
    return local_day(request.now, versions[0].timezone) if versions else request.now.date()


def _page(request: Request, *, text: str | None = None, wrong: Sequence[Problem] = ()) -> Page:
    """The page, with a choice of recipients that was not accepted, if there was one."""
    values = _values(request)
    locale = values["contract"].locale
    words = wording(locale)
    said = [words.say(f"customer.wrong.{one.key}", given=one.given) if one.key else one.message for one in wrong]
    changed = {} if text is None else {"text": text}
    status = HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK
    return Page(template="customer.html.j2", values={**values, **changed, "wrong": said}, status=status, locale=locale)


def _values(request: Request) -> dict[str, Any]:
    who, ports = whose(request), request.ports
    detail = tenant_detail(who.tenant, ports=tenant_ports(ports), now=request.now)
    asked = request.query if request.query.one("month") else Fields({"month": [f"{request.now:%Y-%m}"]})
    # The ways to the months beside it lead to the page itself, whatever form was posted.
    months = month_shown(replace(request, query=asked, path=who.root))
    issued = [one for one in ports.invoices.invoices(who.tenant) if one.status in ISSUED]
    preferences = ports.preferences.of(who.tenant)
    contract = detail.tenant.contract
    chosen = preferences.recipients or contract.contacts.of("usage")
    return {
        "root": who.root,
        "detail": detail,
        "contract": contract,
        "months": months,
        "by_month": used(who.tenant, months.span.start, months.span.end, ledger=ports.ledger),
        "invoices": issued[::-1],
        "links": {one.name: web_address(one.hosted_url) for one in issued if one.hosted_url},
        "text": "\n".join(chosen),
        "version": preferences.version,
        "most_recipients": MOST_RECIPIENTS,
        "of_contract": contract.contacts.of("usage"),
        "is_chosen": bool(preferences.recipients),
    }


ROUTES: Final = (
    Route("GET", "/usage/<link>", customer, CUSTOMER),
    Route("POST", "/usage/<link>/recipients", recipients, CUSTOMER),
    Route("GET", "/usage/<link>/records", records, CUSTOMER),
    Route("GET", "/usage/<link>/records.csv", records_csv, CUSTOMER),
)
