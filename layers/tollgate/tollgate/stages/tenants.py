"""Tenants: usage of the term against each allowance, when a limit is expected, notices, holds and contract versions.

Reads of a tenant: its contract versions, terms, holds and notices, a query each (before anything is counted in a term
the customer's choices too); a page of 50 tenants is 201 queries of
a read unit or two. What happens on a repeat: a hold that is open already for the same cause is not opened again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Term, local_day
from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.contract_changes import Difference, LimitChange, differences, limit_changes
from tollgate.domain.errors import Conflict, Invalid, NotFound, Problem
from tollgate.domain.invoices import named, written
from tollgate.domain.lines import lines_in, lines_of, threshold
from tollgate.domain.notices import ALL_SERVICES, MANUAL, Hold, Notice
from tollgate.domain.pace import Pace, pace
from tollgate.domain.preferences import Preferences
from tollgate.domain.usage import TermRow
from tollgate.stages.ports.accounts import (
    AuditEntry,
    AuditRows,
    ContractRows,
    HoldRows,
    MailState,
    NoticeRows,
    PreferenceRows,
)
from tollgate.stages.ports.ledger import LedgerRows

PAGE_SIZE: Final = 50
BOUNCED: Final = "bounced"
OPENING: Final = "hold-opened"
LIFTING: Final = "hold-lifted"
_CAUSE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPorts:
    """What these pages read and write."""

    contracts: ContractRows
    ledger: LedgerRows
    notices: NoticeRows
    holds: HoldRows
    preferences: PreferenceRows
    audit: AuditRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an allowance: at which share, at how much, and whether it has been crossed in this term. ``asked``: the
    customer asked for it; ``passed``: usage was beyond it by then, so that it warns from the next term on."""

    percent: int
    at: Decimal
    crossed: bool
    asked: bool = False
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A meter of a term against its allowance, in the allowance's measure."""

    meter: str
    measure: str
    used: Decimal
    included: Decimal
    beyond: str
    lines: tuple[Line, ...]
    pace: Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant as it stands: its contract of today, its term and what is open."""

    contract: Contract
    term: Term
    uses: tuple[Use, ...]
    open_holds: tuple[Hold, ...]
    undelivered: int


@dataclass(frozen=True, slots=True)
class TenantPage:
    """Some tenants by name; ``cursor`` goes on after them, empty at the end."""

    rows: tuple[Tenant, ...]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a contract: who applied it and when (empty where the trail does not go back that far), and what it
    says differently from the one before."""

    contract: Contract
    applied_by: str
    applied_at: datetime | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDetail:
    """All of a tenant: notices with their mails, holds open and lifted, versions and changed limits, newest first; and
    what the customer chose."""

    tenant: Tenant
    notices: tuple[tuple[Notice, MailState], ...]
    holds: tuple[Hold, ...]
    preferences: Preferences
    versions: tuple[Version, ...]
    limit_changes: tuple[LimitChange, ...]


def tenants(
    *, ports: TenantPorts, now: datetime, cursor: str = "", size: int = PAGE_SIZE, search: str = ""
) -> TenantPage:
    """The next tenants, by name; with a part of the name where one is asked for."""
    names = [n for n in ports.contracts.tenants() if n > cursor and search.casefold() in n.casefold()]
    shown = names[:size]
    return TenantPage(tuple(_tenant(name, ports, now) for name in shown), shown[-1] if len(names) > len(shown) else "")


def tenant_detail(tenant: str, *, ports: TenantPorts, now: datetime) -> TenantDetail:
    """All of a tenant. Raises NotFound."""
    versions = ports.contracts.versions(tenant)
    applied = {e.subject: e for e in ports.audit.entries(tenant) if e.action == "contract"}
    return TenantDetail(
        tenant=_tenant(tenant, ports, now),
        notices=tuple(reversed(ports.notices.notices(tenant))),
        holds=tuple(reversed(ports.holds.holds(tenant))),
        preferences=ports.preferences.of(tenant),
        versions=tuple(reversed([_version(one, before, applied) for before, one in pairwise([None, *versions])])),
        limit_changes=tuple(reversed(limit_changes(versions))),
    )


def _version(contract: Contract | None, before: Contract | None, applied: dict[str, AuditEntry]) -> Version:
    assert contract is not None
    entry = applied.get(str(contract.effective))
    return Version(
        contract=contract,
        applied_by=entry.by if entry else "",
        applied_at=entry.at if entry else None,
        differences=tuple(differences(before, contract)) if before else (),
    )


def _tenant(tenant: str, ports: TenantPorts, now: datetime) -> Tenant:
    versions = ports.contracts.versions(tenant)
    if not versions:
        raise NotFound("tenant", tenant)
    today = max(local_day(now, versions[0].timezone), versions[0].term.start)
    contract = contracts.in_force(versions, today) or versions[0]
    term = contract.term_on(today)
    row = next((row for row in ports.ledger.terms(tenant) if row.term == term), None)
    if row is None:  # nothing was counted yet, so that nothing says at which shares the customer is to be told
        row = TermRow(term=term, asked=ports.preferences.of(tenant).asked)
    limits = contracts.for_term(versions, term)
    return Tenant(
        contract=contract,
        term=term,
        uses=tuple(_use(meter, limits, row, now) for meter in sorted(limits.allowances)),
        open_holds=tuple(hold for hold in ports.holds.holds(tenant) if hold.is_open),
        undelivered=sum(mail.status == BOUNCED for _, mail in ports.notices.notices(tenant)),
    )


def _use(meter: str, contract: Contract, row: TermRow, now: datetime) -> Use:
    rule = contract.allowances[meter]
    used = row.of(meter).measured(rule.measure)
    return Use(
        meter=meter,
        measure=rule.measure,
        used=used,
        included=rule.included,
        beyond=rule.beyond,
        lines=tuple(
            Line(
                percent=line,
                at=_reached_at(rule, line),
                crossed=(meter, line) in row.crossed,
                asked=line not in lines_of(rule),
                passed=(meter, line) in row.passed - row.crossed and line not in lines_of(rule),
            )
            for line in lines_in(row, rule, meter)
        ),
        pace=pace(used=used, included=rule.included, term=row.term, at=now, timezone=contract.timezone),
    )


def _reached_at(rule: Allowance, line: int) -> Decimal:
    """The use with which a line is reached: of a count the first whole one."""
    at = threshold(rule, line)
    return at if rule.measure == "fees" else at.to_integral_value(ROUND_CEILING)


def open_hold(tenant: str, *, scope: str, cause: str, note: str, by: str, ports: TenantPorts, now: datetime) -> Hold:
    """Suspend a service, or all of them, by hand. One that is open for the same cause already stands as it is.

    Raises NotFound and Invalid.
    """
    named("hold", by, "opens it")
    written("hold", "note", note)
    versions = ports.contracts.versions(tenant)
    if not versions:
        raise NotFound("tenant", tenant)
    scopes = sorted({ALL_SERVICES, *(meter for version in versions for meter in version.allowances)})
    if scope not in scopes:
        raise Invalid("hold", [Problem("scope", f"expected one of {', '.join(scopes)}")])
    if not _CAUSE.fullmatch(cause):
        raise Invalid("hold", [Problem("cause", "expected a word such as fraud or dispute, in small letters")])
    known = next((hold for hold in ports.holds.holds(tenant) if _is_same(hold, scope, cause)), None)
    if known is not None:
        return known
    reference = f"{cause}/{now.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    hold = Hold(tenant=tenant, scope=scope, cause=MANUAL, reference=reference, opened_at=now, by=by, note=note)
    ports.audit.add(_entry(hold, OPENING, by=by, note=note, at=now))
    ports.holds.open(hold)
    return hold


def _is_same(hold: Hold, scope: str, cause: str) -> bool:
    same = (hold.scope, hold.cause, hold.reference.partition("/")[0]) == (scope, MANUAL, cause)
    return hold.is_open and same


def lift_hold(tenant: str, identity: str, *, note: str, by: str, ports: TenantPorts, now: datetime) -> Hold:
    """Lift a hold that somebody opened by hand; what a limit or an unpaid invoice opened, only that lifts.

    Raises NotFound, Conflict and Invalid.
    """
    named("hold", by, "lifts it")
    written("hold", "note", note)
    hold = next((hold for hold in ports.holds.holds(tenant) if hold.identity == identity), None)
    if hold is None:
        raise NotFound("hold", f"{tenant}/{identity}")
    if hold.cause != MANUAL:
        raise Conflict(f"hold {identity} of {tenant} is lifted by what caused it ({hold.cause}), not by hand")
    if not hold.is_open:
        return hold
    ports.audit.add(_entry(hold, LIFTING, by=by, note=note, at=now))
    ports.holds.lift(hold, at=now)
    return hold.lifted(now)


def _entry(hold: Hold, what: str, *, by: str, note: str, at: datetime) -> AuditEntry:
    return AuditEntry(tenant=hold.tenant, at=at, by=by, action="hold", subject=hold.identity, what=what, note=note)


def compared(versions: Sequence[Contract], before: date, after: date) -> list[Difference]:
    """Any two versions side by side, by their first days. Raises NotFound."""
    by_day = {version.effective: version for version in versions}
    for day in (before, after):
        if day not in by_day:
            raise NotFound("contract version", str(day))
    return differences(by_day[before], by_day[after])
