"""The customer's page: their usage against the limits, by day and category, invoices, records, and who is told when, in
the language of their contract.

Always true: a customer sees what was issued to them and never a draft, a note of ours or another tenant's; the link
opens nothing else. Reads of the page: the tenant's rows (six queries, its profile and its choices) and a month's day
rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final

from tollgate.console import exports
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
from tollgate.domain.preferences import MOST_RECIPIENTS, MOST_SHARES, Preferences
from tollgate.mails.brand import web_address
from tollgate.mails.wording import Wording, wording
from tollgate.stages.drilldown import Filter, export
from tollgate.stages.exports import MOST_ROWS, Part, parts
from tollgate.stages.preferences import Chosen, PreferencePorts, choose
from tollgate.stages.tenants import TenantDetail, tenant_detail
from tollgate.stages.used import used

ISSUED: Final = frozenset({OPEN, PAID, VOID, UNCOLLECTIBLE})
SHARES: Final = "shares-"
"""What the name of a meter's field of shares begins with."""


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


def warnings(request: Request) -> Answer:
    """Choose who gets usage mails, and at which further shares."""
    who, ports = whose(request), request.ports
    version = request.form.one("version")
    if not version.isdecimal():
        raise Invalid("warnings", [Problem("version", "expected the form's own")])
    shares = {name.removeprefix(SHARES): request.form.one(name) for name in request.form.values if _is_of_shares(name)}
    try:
        chosen = choose(
            who.tenant,
            addresses=request.form.one("recipients").replace(",", "\n").splitlines(),
            shares=shares,
            version=int(version),
            by=request.customer.subject if request.customer else "",
            ports=PreferencePorts(
                contracts=ports.contracts, ledger=ports.ledger, notices=ports.notices, preferences=ports.preferences
            ),
            now=request.now,
        )
    except Invalid as error:
        return _page(request, text=request.form.one("recipients"), shares=shares, wrong=error.problems)
    said = _saved(chosen, wording(locale_of(request)))
    return Redirect(to=who.root, flash=Flash("good", said))


def _is_of_shares(name: str) -> bool:
    return name.startswith(SHARES)


def _saved(chosen: Chosen, words: Wording) -> str:
    if not chosen.is_new:
        return words.say("customer.same")
    passed = (
        words.say("customer.passed", meter=words.meter(meter), shares=_percents(own, words))
        for meter, own in sorted(chosen.passed.items())
    )
    return " ".join([words.say("customer.saved"), *passed])


def _percents(shares: Sequence[int], words: Wording) -> str:
    return words.listed(words.percent(Decimal(share) / 100) for share in shares)


def records(request: Request) -> Answer:
    """The files of records that can be downloaded."""
    who = whose(request)
    values = {"root": who.root, "parts": _parts(request, who.tenant), "months": MONTHS, "most": MOST_ROWS}
    return Page(template="customer_records.html.j2", values=values, locale=locale_of(request))


def records_csv(request: Request) -> Answer:
    """One file of records, in English whoever reads it: it is for programs; or the way to have one made, for more than
    comes at once. Refused for days that are none of those offered."""
    who = whose(request)
    asked = (request.query.one("first"), request.query.one("last"))
    part = next((one for one in _parts(request, who.tenant) if (str(one.first), str(one.last)) == asked), None)
    if part is None:
        return _stale(request)
    wanted, lines = Filter(first=part.first, end=part.end), list[str]()
    rows = -1  # the header is none
    for text in export(who.tenant, wanted, ledger=request.ports.ledger):
        lines.append(text)
        rows += text.count("\r\n")
        if rows > MOST_ROWS:
            return exports.offered(request, exports.customers(request), wanted)
    return File(name=f"{who.tenant}-{part.first}-{part.last}.csv", content="".join(lines))


def _stale(request: Request) -> Page:
    """The page instead of a file that was listed once."""
    return refused("file-stale", status=HTTPStatus.BAD_REQUEST, locale=locale_of(request), is_customers=True)


def _parts(request: Request, tenant: str) -> list[Part]:
    return parts(tenant, today=_today(request, tenant), ledger=request.ports.ledger)


def _today(request: Request, tenant: str) -> date:
    versions = request.ports.contracts.versions(tenant)
    return local_day(request.now, versions[0].timezone) if versions else request.now.date()


def _page(
    request: Request,
    *,
    text: str | None = None,
    shares: Mapping[str, str] | None = None,
    wrong: Sequence[Problem] = (),
) -> Page:
    """The page, with a choice that was not accepted, if there was one."""
    values = _values(request, shares)
    locale = values["contract"].locale
    words = wording(locale)
    said = [_wrong(one, words) for one in wrong]
    changed = {} if text is None else {"text": text}
    status = HTTPStatus.BAD_REQUEST if wrong else HTTPStatus.OK
    return Page(template="customer.html.j2", values={**values, **changed, "wrong": said}, status=status, locale=locale)


def _wrong(problem: Problem, words: Wording) -> str:
    said = words.say(f"customer.wrong.{problem.key}", given=problem.given) if problem.key else problem.message
    return words.say("customer.wrong.of-meter", meter=words.meter(problem.path), said=said) if problem.path else said


def _values(request: Request, typed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the page shows; ``typed``: shares as they were sent, where they could not be saved."""
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
        "shares": _shares(detail, preferences, typed),
        "shares_name": SHARES,
        "most_shares": MOST_SHARES,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnShares:
    """A meter's further shares, as they stand in their field, and those of its contract."""

    meter: str
    text: str
    of_contract: str


def _shares(detail: TenantDetail, chosen: Preferences, typed: Mapping[str, str] | None) -> list[OwnShares]:
    words = wording(detail.tenant.contract.locale)
    shown = {meter: ", ".join(map(str, own)) for meter, own in chosen.shares.items()} if typed is None else typed
    return [
        OwnShares(
            meter=use.meter,
            text=shown.get(use.meter, ""),
            of_contract=_percents([line.percent for line in use.lines if not line.asked], words),
        )
        for use in detail.tenant.uses
        if use.included
    ]


ROUTES: Final = (
    Route("GET", "/usage/<link>", customer, CUSTOMER),
    Route("POST", "/usage/<link>/warnings", warnings, CUSTOMER),
    Route("GET", "/usage/<link>/records", records, CUSTOMER),
    Route("GET", "/usage/<link>/records.csv", records_csv, CUSTOMER),
)
