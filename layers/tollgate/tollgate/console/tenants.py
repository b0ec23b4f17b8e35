"""Tenants: all of them against their limits, and one with everything that is known of it.

Always true: a limit's or an unpaid invoice's hold has no button here; a hold is opened and lifted with a note that says
why, after a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.pages import Route
from tollgate.console.ports import ConsolePorts
from tollgate.console.render import WORDS
from tollgate.console.request import Request
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.contract_changes import Difference
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.notices import ALL_SERVICES, MANUAL, Hold
from tollgate.domain.permissions import LIFT_HOLD, OPEN_HOLD, READ
from tollgate.domain.portal_links import LINK_DAYS
from tollgate.stages.tenants import TenantDetail, TenantPorts, compared, lift_hold, open_hold, tenant_detail
from tollgate.stages.tenants import tenants as page_of_tenants
from tollgate.stages.used import used

TENANTS_SHOWN: Final = 25
"""Of a page: one with many channels is long, and a page is to stay below 150 KB."""
DAYS_SHOWN: Final = 31
CAUSES: Final = ("fraud", "abuse", "dispute", "request")
"""Offered; any other word does too."""
ROOT: Final = "/console/tenants"


def tenant_ports(ports: ConsolePorts) -> TenantPorts:
    """What the tenants' pages read and write, of the console's ports."""
    return TenantPorts(
        contracts=ports.contracts,
        ledger=ports.ledger,
        notices=ports.notices,
        holds=ports.holds,
        preferences=ports.preferences,
        audit=ports.audit,
    )


def tenants(request: Request) -> Answer:
    """A page of tenants, by name."""
    search = request.query.one("q")
    page = page_of_tenants(
        ports=tenant_ports(request.ports),
        now=request.now,
        cursor=request.query.one("after"),
        search=search,
        size=TENANTS_SHOWN,
    )
    onward = {"q": search, "after": page.cursor}
    following = f"{ROOT}?{urlencode({name: one for name, one in onward.items() if one})}" if page.cursor else ""
    values = {"rows": page.rows, "search": search, "following": following}
    return Page(template="tenants.html.j2", values=values)


def tenant(request: Request, tenant: str) -> Answer:
    """One tenant."""
    detail = tenant_detail(tenant, ports=tenant_ports(request.ports), now=request.now)
    own = {
        "generation": request.ports.portal_links.generation(tenant),
        "asked_on": f"{request.now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "link_days": LINK_DAYS,
    }
    return Page(template="tenant.html.j2", values={**_usage(request, detail), **_versions(request, detail), **own})


def _usage(request: Request, detail: TenantDetail) -> dict[str, Any]:
    contract, term = detail.tenant.contract, detail.tenant.term
    end = local_day(request.now, contract.timezone) + timedelta(days=1)
    first = end - timedelta(days=DAYS_SHOWN)
    scopes = sorted({meter for version in detail.versions for meter in version.contract.allowances})
    return {
        "detail": detail,
        "contract": contract,
        "term": term,
        "lately": used(contract.tenant, first, end, ledger=request.ports.ledger),
        "days_shown": DAYS_SHOWN,
        "scopes": [ALL_SERVICES, *scopes],
        "causes": CAUSES,
        "is_manual": _is_manual,
    }


def _is_manual(hold: Hold) -> bool:
    return hold.is_open and hold.cause == MANUAL


def _versions(request: Request, detail: TenantDetail) -> dict[str, Any]:
    """Two versions side by side: those asked for, else the last two."""
    days = [version.contract.effective for version in detail.versions]
    before = _day(request, "before") or (days[1] if len(days) > 1 else None)
    after = _day(request, "after") or days[0]
    found = _compared([version.contract for version in detail.versions], before, after)
    return {"before": before, "after": after, "differing": found}


def _compared(versions: Sequence[Contract], before: date | None, after: date) -> list[Difference]:
    return compared(versions, before, after) if before is not None else []


def _day(request: Request, name: str) -> date | None:
    asked = request.query.one(name)
    if not asked:
        return None
    try:
        return date.fromisoformat(asked)
    except ValueError as error:
        raise Invalid("page", [Problem(name, "expected the first day of a version")]) from error


def suspend(request: Request, tenant: str) -> Answer:
    """Open a hold."""
    hold = open_hold(
        tenant,
        scope=request.form.one("scope"),
        cause=request.form.one("cause"),
        note=request.form.one("note"),
        by=request.person.subject,
        ports=tenant_ports(request.ports),
        now=request.now,
    )
    what = "All services are" if hold.scope == ALL_SERVICES else f"{WORDS.meter(hold.scope)} is"
    return _back(tenant, f"{what} suspended until somebody lifts the hold.")


def lift(request: Request, tenant: str) -> Answer:
    """Lift a hold that somebody opened by hand."""
    lift_hold(
        tenant,
        request.form.one("hold"),
        note=request.form.one("note"),
        by=request.person.subject,
        ports=tenant_ports(request.ports),
        now=request.now,
    )
    return _back(tenant, "The hold is lifted. A service works again once no other hold is open.")


def _back(tenant: str, said: str) -> Redirect:
    return Redirect(to=f"{ROOT}/{quote(tenant, safe='')}", flash=Flash("good", said))


ROUTES: Final = (
    Route("GET", ROOT, tenants, READ),
    Route("GET", f"{ROOT}/<tenant>", tenant, READ),
    Route("POST", f"{ROOT}/<tenant>/holds", suspend, OPEN_HOLD),
    Route("POST", f"{ROOT}/<tenant>/holds/lift", lift, LIFT_HOLD),
)
