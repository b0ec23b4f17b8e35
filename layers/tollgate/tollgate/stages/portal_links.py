"""Portal links: our people make, mail and end the links under which a tenant sees its own usage.

A link is of its tenant's generation when it is made; ending all there are is the next generation. What happens on a
repeat: the same request mails once, and ends no link that was made after it was asked. Who did it is in the trail, of a
link that is shown before anybody sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, Invalid, NotFound, Problem
from tollgate.domain.invoices import named
from tollgate.domain.money import ZERO
from tollgate.domain.notices import USAGE_LINK, Notice
from tollgate.stages.ports.accounts import AuditEntry, AuditRows, ContractRows, NoticeRows, PortalLinkRows

ACTION: Final = "link"
SHOWN: Final = "shown"
MAILED: Final = "mailed"
ENDED: Final = "all-ended"
_REQUEST: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalLinkPorts:
    """What looking after links reads and writes."""

    contracts: ContractRows
    notices: NoticeRows
    links: PortalLinkRows
    audit: AuditRows


def show_link(tenant: str, *, by: str, ports: PortalLinkPorts, now: datetime) -> int:
    """Write down that a link is shown. Returns the generation that it is to be of. Raises NotFound, Invalid."""
    named("link", by, "has it shown")
    _versions(tenant, ports)
    generation = ports.links.generation(tenant)
    ports.audit.add(_entry(tenant, SHOWN, by=by, at=now))
    return generation


def mail_link(tenant: str, *, request: str, by: str, ports: PortalLinkPorts, now: datetime) -> bool:
    """Have a link mailed to the contract's contacts for usage. ``request`` names the page that it was asked on; returns
    whether this is the first time that it was. Raises NotFound, Invalid."""
    named("link", by, "has it mailed")
    if not _REQUEST.fullmatch(request):
        raise Invalid("link", [Problem("request", "expected the form's own")])
    contract = _in_force(_versions(tenant, ports), now)
    term = contract.term_on(max(local_day(now, contract.timezone), contract.term.start))
    notice = Notice(tenant=tenant, kind=USAGE_LINK, term=term.start, at=now, used=ZERO, reference=request)
    contacts = ", ".join(contract.contacts.of("usage"))
    try:
        ports.links.mail(notice, entry=_entry(tenant, MAILED, by=by, at=now, note=contacts))
    except Conflict:
        try:
            ports.notices.notice(tenant, notice.identity)
        except NotFound:
            raise Conflict(f"the link of {tenant} could not be noted") from None
        return False
    return True


def end_links(tenant: str, *, generation: int, by: str, ports: PortalLinkPorts, now: datetime) -> bool:
    """End every link of a generation and of those before it; returns whether this did it. Those of a later one, made
    after somebody else ended these, go on. Raises NotFound, Invalid, and Conflict for one that is still to come."""
    named("links", by, "ends them")
    _versions(tenant, ports)
    current = ports.links.generation(tenant)
    if current > generation:
        return False
    ports.links.end(tenant, generation=generation, entry=_entry(tenant, ENDED, by=by, at=now))
    return True


def _versions(tenant: str, ports: PortalLinkPorts) -> list[Contract]:
    versions = ports.contracts.versions(tenant)
    if not versions:
        raise NotFound("tenant", tenant)
    return versions


def _in_force(versions: list[Contract], now: datetime) -> Contract:
    return contracts.in_force(versions, local_day(now, versions[0].timezone)) or versions[0]


def _entry(tenant: str, what: str, *, by: str, at: datetime, note: str = "") -> AuditEntry:
    return AuditEntry(tenant=tenant, at=at, by=by, action=ACTION, subject="usage", what=what, note=note)
