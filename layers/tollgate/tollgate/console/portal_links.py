"""Portal links: a tenant's link to its own page, shown once to copy, mailed to its contacts, and all of them ended.

Always true: a link is on one page only, the answer to whoever asked for it; reloading asks again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from urllib.parse import quote

from tollgate.console import links
from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.pages import Route
from tollgate.console.ports import ConsolePorts
from tollgate.console.request import Request
from tollgate.console.tenants import ROOT
from tollgate.domain.calendar import local_day
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.permissions import END_LINKS, MAKE_LINK
from tollgate.domain.portal_links import LINK_DAYS
from tollgate.stages.portal_links import PortalLinkPorts, end_links, mail_link, show_link


def portal_link_ports(ports: ConsolePorts) -> PortalLinkPorts:
    """What looking after links reads and writes, of the console's ports."""
    return PortalLinkPorts(
        contracts=ports.contracts, notices=ports.notices, links=ports.portal_links, audit=ports.audit
    )


def show(request: Request, tenant: str) -> Answer:
    """A new link, once."""
    ports = request.ports
    generation = show_link(tenant, by=request.person.subject, ports=portal_link_ports(ports), now=request.now)
    contract = ports.contracts.versions(tenant)[-1]
    address = links.address(tenant, generation=generation, site=ports.site.url, key=ports.console_key, now=request.now)
    until = local_day(request.now + timedelta(days=LINK_DAYS), contract.timezone)
    values = {"address": address, "until": until, "contract": contract, "back": _page(tenant)}
    return Page(template="tenant_link.html.j2", values=values)


def mail(request: Request, tenant: str) -> Answer:
    """Have one mailed."""
    is_first = mail_link(
        tenant,
        request=request.form.one("request"),
        by=request.person.subject,
        ports=portal_link_ports(request.ports),
        now=request.now,
    )
    said = "The link goes out to the contract's contacts for usage. The mail is among the notices."
    return _back(tenant, said if is_first else "This was asked for already; the mail is among the notices.")


def end(request: Request, tenant: str) -> Answer:
    """End all there are."""
    generation = request.form.one("generation")
    if not generation.isdecimal() or len(generation) > 9:
        raise Invalid("links", [Problem("generation", "expected the form's own")])
    is_done = end_links(
        tenant,
        generation=int(generation),
        by=request.person.subject,
        ports=portal_link_ports(request.ports),
        now=request.now,
    )
    said = "Every link that there was has ended. The next mail brings a new one, or send one now."
    return _back(tenant, said if is_done else "Somebody has ended them already. Links made since then go on.")


def _page(tenant: str) -> str:
    return f"{ROOT}/{quote(tenant, safe='')}"


def _back(tenant: str, said: str) -> Redirect:
    return Redirect(to=_page(tenant), flash=Flash("good", said))


ROUTES: Final = (
    Route("POST", f"{ROOT}/<tenant>/link", show, MAKE_LINK),
    Route("POST", f"{ROOT}/<tenant>/link/mail", mail, MAKE_LINK),
    Route("POST", f"{ROOT}/<tenant>/link/end", end, END_LINKS),
)
