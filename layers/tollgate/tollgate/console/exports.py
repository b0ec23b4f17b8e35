"""Exports: files of records that are made in the background; to ask for one, see how far it is, and download it.

Always true: an address of a file is handed out after the link or the session was checked, for a minute, and never
shown on a page; a customer's are those that customers of its tenant asked for. A page costs the tenant's latest
exports and its contract: two queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.language import held, locale_of
from tollgate.console.pages import CUSTOMER as ANY_CUSTOMER
from tollgate.console.pages import Route
from tollgate.console.request import Fields, Request
from tollgate.domain.calendar import local_day
from tollgate.domain.errors import Invalid, NotFound, Problem
from tollgate.domain.exports import CUSTOMER, LASTS, MONTHS, PENDING, READY, STAFF, Selection, earliest
from tollgate.domain.permissions import EXPORT_RECORDS, READ
from tollgate.mails.wording import wording
from tollgate.stages.drilldown import Filter
from tollgate.stages.exports import download, request_export, shown

ROOT: Final = "/console/exports"
NARROWING: Final = ("meter", "category", "market", "line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom: ``root`` is where their exports are."""

    tenant: str
    side: str
    by: str
    root: str
    back: str


def customers(request: Request) -> Reader:
    """The customer who asks; only routes for customers are asked."""
    who = request.customer
    assert who is not None, "a route that is not for customers asked which one it is"
    home = f"/usage/{who.link}"
    return Reader(tenant=who.tenant, side=CUSTOMER, by=who.subject, root=f"{home}/exports", back=f"{home}/records")


def staffs(request: Request, tenant: str) -> Reader:
    """Somebody who signed in, at a tenant's exports."""
    name = quote(tenant, safe="")
    by = request.person.subject
    return Reader(tenant=tenant, side=STAFF, by=by, root=f"{ROOT}/{name}", back=f"/console/tenants/{name}")


def page(
    request: Request, reader: Reader, *, asked: Mapping[str, str], wrong: Sequence[Problem] = (), said: str = ""
) -> Page:
    """The exports of a tenant, and a form for another, filled in with what is asked for. ``said`` names a sentence."""
    versions = request.ports.contracts.versions(reader.tenant)
    if not versions:
        raise NotFound("tenant", reader.tenant)
    today, now = local_day(request.now, versions[0].timezone), request.now
    locale = locale_of(request)
    words = wording(locale)
    exports = [(one, one.state(now)) for one in shown(reader.tenant, side=reader.side, exports=request.ports.exports)]
    values = {
        "layout": "base.html.j2" if reader.side == STAFF else "customer_base.html.j2",
        "reader": reader,
        "contract": held(versions, request),
        "exports": exports,
        "busy": any(state in PENDING for _, state in exports),
        "ready": READY,
        "may_ask": _may_ask(request, reader),
        "asked": {"first": str(today.replace(day=1)), "last": str(today), **asked},
        "narrowing": {name: asked[name] for name in NARROWING if asked.get(name)},
        "first_day": earliest(today),
        "last_day": today,
        "months": MONTHS,
        "size": words.size,
        "lasts": LASTS.days,
        "wrong": list(dict.fromkeys(words.say(f"exports.wrong.{one.key}", given=one.given) for one in wrong)),
        "said": said and words.say(f"exports.{said}"),
    }
    status = HTTPStatus.BAD_REQUEST if wrong or said else HTTPStatus.OK
    return Page(template="exports.html.j2", values=values, status=status, locale=locale)


def offered(request: Request, reader: Reader, wanted: Filter) -> Page:
    """What a download that is too large leads to: the same as a file."""
    versions = request.ports.contracts.versions(reader.tenant)
    today = local_day(request.now, versions[0].timezone) if versions else request.now.date()
    last = min(wanted.end - timedelta(days=1), today)
    narrowed = {name: value for name in NARROWING if (value := str(getattr(wanted, name)))}
    said = "too-large" if _may_ask(request, reader) else "not-yours"
    return page(request, reader, asked={"first": str(wanted.first), "last": str(last), **narrowed}, said=said)


def _may_ask(request: Request, reader: Reader) -> bool:
    return reader.side == CUSTOMER or request.person.may(EXPORT_RECORDS)


def _ask(request: Request, reader: Reader) -> Answer:
    try:
        export = request_export(
            reader.tenant,
            _selection(request.form),
            side=reader.side,
            by=reader.by,
            contracts=request.ports.contracts,
            exports=request.ports.exports,
            now=request.now,
        )
    except Invalid as error:
        given = {name: request.form.one(name) for name in ("first", "last", *NARROWING)}
        return page(request, reader, asked=given, wrong=error.problems)
    words = wording(locale_of(request))
    said = words.say("exports.is-there" if export.state(request.now) == READY else "exports.is-made")
    return Redirect(to=f"{reader.root}#exports", flash=Flash("good", said))


def _selection(form: Fields) -> Selection:
    """What a form asks for. Raises Invalid for days that are none."""
    days, wrong = dict[str, date](), list[Problem]()
    for name in ("first", "last"):
        try:
            days[name] = date.fromisoformat(form.one(name))
        except ValueError:
            wrong.append(Problem(name, "expected a day, such as 2026-03-01", "no-day", "2026-03-01"))
    if wrong:
        raise Invalid("export", wrong)
    return Selection(
        first=days["first"],
        last=days["last"],
        meter=form.one("meter"),
        category=form.one("category"),
        market=form.one("market"),
        line=form.one("line"),
    )


def _download(request: Request, reader: Reader, number: str) -> Answer:
    if not number.isdecimal():
        raise NotFound("export", number)
    ports = request.ports
    address = download(
        reader.tenant,
        int(number),
        side=reader.side,
        exports=ports.exports,
        files=ports.export_files,
        now=request.now,
    )
    return Redirect(to=address)


def _listed(request: Request, reader: Reader) -> Answer:
    asked = {name: value for name in ("first", "last", *NARROWING) if (value := request.query.one(name))}
    return page(request, reader, asked=asked)


def customer_exports(request: Request) -> Answer:
    """A customer's exports."""
    return _listed(request, customers(request))


def customer_asks(request: Request) -> Answer:
    """A customer asks for one."""
    return _ask(request, customers(request))


def customer_download(request: Request, number: str) -> Answer:
    """A customer downloads one."""
    return _download(request, customers(request), number)


def staff_exports(request: Request, tenant: str) -> Answer:
    """A tenant's exports, those of customers among them."""
    return _listed(request, staffs(request, tenant))


def staff_asks(request: Request, tenant: str) -> Answer:
    """Staff asks for one."""
    return _ask(request, staffs(request, tenant))


def staff_download(request: Request, tenant: str, number: str) -> Answer:
    """Staff downloads one."""
    return _download(request, staffs(request, tenant), number)


ROUTES: Final = (
    Route("GET", "/usage/<link>/exports", customer_exports, ANY_CUSTOMER),
    Route("POST", "/usage/<link>/exports", customer_asks, ANY_CUSTOMER),
    Route("GET", "/usage/<link>/exports/<number>", customer_download, ANY_CUSTOMER),
    Route("GET", f"{ROOT}/<tenant>", staff_exports, READ),
    Route("POST", f"{ROOT}/<tenant>", staff_asks, EXPORT_RECORDS),
    Route("GET", f"{ROOT}/<tenant>/<number>", staff_download, READ),
)
