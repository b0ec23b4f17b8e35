"""Preferences: a customer sets who is told of their usage, and at which further shares.

The choice, the running terms' rows, the notice to everybody concerned and the entries in the trail are one write. A
term's row has the shares in it, so that metering reads nothing more; a row that metering has just written is read
again. What happens on a repeat: the same again writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Term, local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, Invalid, NotFound, Problem
from tollgate.domain.invoices import named
from tollgate.domain.lines import asking
from tollgate.domain.money import ZERO
from tollgate.domain.notices import SETTINGS_CHANGED, Notice
from tollgate.domain.preferences import (
    Change,
    Preferences,
    Shares,
    recipients_of,
    shares_of,
    shares_of_lines,
)
from tollgate.domain.usage import TermRow
from tollgate.stages.ports.accounts import AuditEntry, ContractRows, NoticeRows, PreferenceRows
from tollgate.stages.ports.ledger import LedgerRows

MAX_ATTEMPTS: Final = 6
MOST_CHANGES: Final = 10
"""Within ``CHANGES_SPAN``: each is a mail to addresses that whoever has a link may choose."""
CHANGES_SPAN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePorts:
    """What choosing reads and writes."""

    contracts: ContractRows
    ledger: LedgerRows
    notices: NoticeRows
    preferences: PreferenceRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What holds now, and whether it is new. ``passed``: shares of this choice that usage was beyond already."""

    preferences: Preferences
    passed: Shares
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Today:
    """A tenant's contract and term of today, and the limits that hold in it."""

    versions: Sequence[Contract]
    contract: Contract
    term: Term
    limits: Contract

    @property
    def meters(self) -> list[str]:
        """Those with a limit to take a share of."""
        return [meter for meter, rule in self.limits.allowances.items() if rule.included]


def choose(
    tenant: str,
    *,
    addresses: Sequence[str],
    shares: Mapping[str, str],
    version: int,
    by: str,
    ports: PreferencePorts,
    now: datetime,
) -> Chosen:
    """Choose who gets usage mails and the further shares by meter, as people write them, over the choice that was read
    at ``version``.

    Raises NotFound, Invalid naming all that is wrong (or that it was done too often today), and Conflict when somebody
    else chose since.
    """
    named("choice", by, "makes it")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        today = _today(tenant, ports.contracts, now)
        current = ports.preferences.of(tenant)
        wanted = _wanted(addresses, shares, today, version=version)
        if (current.recipients, current.shares) == (wanted.recipients, wanted.shares):
            return Chosen(preferences=current, passed={}, is_new=False)
        if current.version != version:
            raise Conflict(f"the choices of {tenant} have changed since they were read")
        _not_too_often(tenant, ports.notices, now)
        try:
            return _save(tenant, current, wanted, today, by=by, ports=ports, now=now)
        except Conflict:  # metering was faster, or another choice: what is there is read again
            if attempt == MAX_ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _not_too_often(tenant: str, rows: NoticeRows, now: datetime) -> None:
    recent = [one for one, _ in rows.notices(tenant) if one.kind == SETTINGS_CHANGED and one.at > now - CHANGES_SPAN]
    if len(recent) >= MOST_CHANGES:
        said = f"expected at most {MOST_CHANGES} changes within a day"
        raise Invalid("choice", [Problem("", said, "too-often", str(MOST_CHANGES))])


def _today(tenant: str, rows: ContractRows, now: datetime) -> _Today:
    versions = rows.versions(tenant)
    if not versions:
        raise NotFound("tenant", tenant)
    day = max(local_day(now, versions[0].timezone), versions[0].term.start)
    contract = contracts.in_force(versions, day) or versions[0]
    term = contract.term_on(day)
    return _Today(versions, contract, term, contracts.for_term(versions, term))


def _wanted(addresses: Sequence[str], shares: Mapping[str, str], today: _Today, *, version: int) -> Preferences:
    problems: list[Problem] = []
    recipients: tuple[str, ...] = ()
    own: Shares = {}
    try:
        recipients = recipients_of(addresses)
    except Invalid as error:
        problems += error.problems
    try:
        own = shares_of(shares, meters=today.meters)
    except Invalid as error:
        problems += error.problems
    if problems:
        raise Invalid("choice", problems)
    # Those of the contract are no choice: who is told follows the contract, also when that changes.
    if recipients == today.contract.contacts.of("usage"):
        recipients = ()
    return Preferences(recipients=recipients, shares=own, version=version)


def _save(
    tenant: str,
    current: Preferences,
    wanted: Preferences,
    today: _Today,
    *,
    by: str,
    ports: PreferencePorts,
    now: datetime,
) -> Chosen:
    before = [row for row in ports.ledger.terms(tenant) if row.term.end >= today.term.end]
    after = [_asking(row, wanted, today) for row in before]
    new = [row.passed - old.passed for old, row in zip(before, after, strict=True) if row.term == today.term]
    contacts = today.contract.contacts.of("usage")
    change = Change(
        recipients_before=current.recipients or contacts,
        recipients=wanted.recipients or contacts,
        shares_before=current.shares,
        shares=wanted.shares,
        passed=shares_of_lines(line for own in new for line in own),
    )
    ports.preferences.save(
        tenant,
        wanted,
        terms=[replace(r, version=r.version + 1) for old, r in zip(before, after, strict=True) if r != old],
        notices=[_notice(tenant, change, today, version=wanted.version + 1, at=now)],
        entries=_entries(tenant, change, by=by, at=now),
    )
    return Chosen(preferences=replace(wanted, version=wanted.version + 1), passed=change.passed, is_new=True)


def _asking(row: TermRow, wanted: Preferences, today: _Today) -> TermRow:
    return asking(row, contract=contracts.for_term(today.versions, row.term), asked=wanted.asked)


def _notice(tenant: str, change: Change, today: _Today, *, version: int, at: datetime) -> Notice:
    return Notice(
        tenant=tenant,
        kind=SETTINGS_CHANGED,
        term=today.term.start,
        at=at,
        used=ZERO,
        change=change,
        reference=str(version),
    )


def _entries(tenant: str, change: Change, *, by: str, at: datetime) -> list[AuditEntry]:
    said: list[tuple[str, str]] = []
    if change.recipients != change.recipients_before:
        said.append(("recipients", ", ".join(change.recipients)))
    if change.shares != change.shares_before:
        shares = (f"{meter} {', '.join(f'{share}%' for share in own)}" for meter, own in change.shares.items())
        said.append(("shares", "; ".join(shares)))
    return [
        AuditEntry(tenant=tenant, at=at, by=by, action=action, subject="usage", what="set", note=note)
        for action, note in said
    ]
