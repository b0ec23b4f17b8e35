"""Contracts: apply them whole or not at all, then let changed limits take effect.

What happens on a repeat: the same files again change nothing but the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tollgate.domain.calendar import instant, local_day
from tollgate.domain.contract import Contract, change_problems, for_term, parse
from tollgate.domain.errors import Conflict, Invalid, Problem
from tollgate.domain.lines import crossings, rearm
from tollgate.domain.notices import LIMIT, Hold, Notice
from tollgate.domain.rollups import other_ways
from tollgate.domain.senders import Assignment, after_versions, clashes, held_from
from tollgate.domain.usage import TermRow
from tollgate.stages.ports.accounts import ContractRows, HoldRows, SenderKey
from tollgate.stages.ports.ledger import LedgerRows

MAX_ATTEMPTS: Final = 6

MAX_ACCOUNTS: Final = 96  # that one transaction can write beside the contract itself


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPorts:
    """What applying contracts reads and writes."""

    contracts: ContractRows
    ledger: LedgerRows
    holds: HoldRows


def apply(documents: Mapping[str, object], *, ports: ContractPorts, by: str, at: datetime) -> list[Contract]:
    """Apply contracts given by file name. Raises Invalid naming every problem of every file, with nothing applied."""
    contracts, problems = _parse_all(documents)
    problems += _against_what_holds(contracts, ports.contracts)
    if problems:
        raise Invalid("contracts", problems)
    for contract in _by_date(contracts).values():
        _apply_one(contract, ports=ports, by=by, at=at)
    return list(contracts.values())


def _parse_all(documents: Mapping[str, object]) -> tuple[dict[str, Contract], list[Problem]]:
    contracts: dict[str, Contract] = {}
    problems: list[Problem] = []
    for file, document in documents.items():
        try:
            contract = parse(document)
        except Invalid as error:
            problems += [Problem(f"{file}: {p.path}" if p.path else file, p.message) for p in error.problems]
            continue
        if any(c.tenant == contract.tenant and c.effective == contract.effective for c in contracts.values()):
            problems.append(Problem(file, f"a second contract of {contract.tenant} from {contract.effective}"))
        contracts[file] = contract
    return contracts, problems


def _by_date(contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    """In the order in which they take effect: a version is judged against, and applied after, the one before it."""
    return dict(sorted(contracts.items(), key=lambda item: item[1].effective))


def _against_what_holds(contracts: Mapping[str, Contract], rows: ContractRows) -> list[Problem]:
    """What is wrong with contracts given what is stored, and given those of the same call that come before them."""
    tenants = {contract.tenant for contract in contracts.values()}
    versions = {tenant: list(rows.versions(tenant)) for tenant in tenants}
    everything = [*contracts.values(), *(version for own in versions.values() for version in own)]
    named = {key for contract in everything for key in _keys(contract)}
    held = rows.senders(named.union(*(other_ways(*key) for key in named)))
    problems: list[Problem] = []
    for file, contract in _by_date(contracts).items():
        own = versions[contract.tenant]
        problems += [Problem(f"{file}: {p.path}", p.message) for p in change_problems(own, contract)]
        effective = instant(contract.effective, contract.timezone)
        for index, (rule, wanted) in enumerate(zip(contract.senders, assignments_of(contract), strict=True)):
            account = held.get((rule.provider, rule.account), [])
            other = clashes(account, wanted, explicit=rule.since is not None, effective=effective)
            if other:
                message = f"belongs to {other} from an overlapping day; name a later day with from:"
                problems.append(Problem(f"{file}: senders.{index}", message))
            problems += [Problem(f"{file}: senders.{index}", message) for message in _counted_elsewhere(wanted, held)]
        planned = _planned(contract, own, held)
        if sum(list(held.get(key, ())) != after for key, after in planned.items()) > MAX_ACCOUNTS:
            problems.append(Problem(f"{file}: senders", f"expected at most {MAX_ACCOUNTS} accounts to change at once"))
        held = {**held, **planned}
        versions[contract.tenant] = _with_version(own, contract)
    return problems


def _counted_elsewhere(wanted: Assignment, held: Mapping[SenderKey, Sequence[Assignment]]) -> Iterator[str]:
    """Who counts the usage of an account already in another way: by its receipts, its roll-ups or its statements."""
    for provider, account in sorted(other_ways(wanted.provider, wanted.account)):
        for other in sorted(held_from(held.get((provider, account), ()), wanted.since) - {wanted.tenant}):
            yield f"its usage is counted for {other} as {provider} {account} from an overlapping day"


def _with_version(versions: Sequence[Contract], contract: Contract) -> list[Contract]:
    """The versions of a tenant with one added, or in place of that of the same day; oldest first."""
    others = (version for version in versions if version.effective != contract.effective)
    return sorted([*others, contract], key=lambda version: version.effective)


def _planned(
    contract: Contract, versions: Sequence[Contract], held: Mapping[SenderKey, Sequence[Assignment]]
) -> dict[SenderKey, list[Assignment]]:
    """The assignments of every account that a tenant's versions name or named, once ``contract`` is one of them."""
    timeline = [
        (instant(version.effective, version.timezone), assignments_of(version))
        for version in _with_version(versions, contract)
    ]
    return {
        key: after_versions(
            held.get(key, []),
            [(effective, [a for a in made if (a.provider, a.account) == key]) for effective, made in timeline],
            tenant=contract.tenant,
        )
        for key in _keys(contract).union(*(_keys(version) for version in versions))
    }


def assignments_of(contract: Contract) -> list[Assignment]:
    """The assignments a contract makes, in the order of its senders."""
    return [
        Assignment(
            provider=rule.provider,
            account=rule.account,
            number=rule.number,
            tenant=contract.tenant,
            since=instant(rule.since or contract.term.start, contract.timezone),
            card=rule.card or rule.provider,
        )
        for rule in contract.senders
    ]


def _keys(contract: Contract) -> set[SenderKey]:
    return {(sender.provider, sender.account) for sender in contract.senders}


def _apply_one(contract: Contract, *, ports: ContractPorts, by: str, at: datetime) -> None:
    versions = ports.contracts.versions(contract.tenant)
    read = ports.contracts.senders(_keys(contract).union(*(_keys(version) for version in versions)))
    planned = _planned(contract, versions, read)
    changed = {key: held for key, held in planned.items() if held != read.get(key, [])}
    ports.contracts.apply(contract, changed, {key: read.get(key, []) for key in changed}, by=by, at=at)
    is_new = contract not in versions
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            for row in ports.ledger.terms(contract.tenant):
                _limits_take_effect(row, contract.tenant, is_new=is_new, ports=ports, at=at)
        except Conflict:  # the meter was faster: what it wrote is read again
            if attempt == MAX_ATTEMPTS:
                raise
        else:
            return


def _limits_take_effect(row: TermRow, tenant: str, *, is_new: bool, ports: ContractPorts, at: datetime) -> None:
    """Fire the lines that a changed limit puts behind a term's usage, and lift the holds it puts out of reach.

    What is new is written though no line moves: the meter, at work by the limits from before, must meet a Conflict.
    """
    contract = for_term(ports.contracts.versions(tenant), row.term)
    held = [hold for hold in ports.holds.holds(tenant) if _is_limit_of(hold, row)]
    ended = local_day(at, contract.timezone) >= row.term.end
    changed = rearm(row, contract=contract, held=contract.allowances if ended else {hold.scope for hold in held})
    notices: list[Notice] = []
    holds: list[Hold] = []
    for meter in contract.allowances:
        for crossing in crossings(changed, contract=contract, meter=meter, at=at):
            notices.append(crossing.notice)
            holds += [crossing.hold] if crossing.hold else []
            changed = changed.crossing(meter, crossing.notice.line or 0)
    if changed != row or is_new:
        ports.ledger.save_term(tenant, replace(changed, version=row.version + 1), notices=notices, holds=holds)
    for hold in held:
        still_due = hold.scope in contract.allowances and _still_due(hold, changed, contract)
        if not still_due:
            ports.holds.lift(hold, at=at)


def _is_limit_of(hold: Hold, row: TermRow) -> bool:
    return hold.is_open and hold.cause == LIMIT and hold.reference.startswith(str(row.term.start))


def _still_due(hold: Hold, row: TermRow, contract: Contract) -> bool:
    allowance = contract.allowances[hold.scope]
    if allowance.beyond != "suspend":
        return False
    used = row.of(hold.scope).measured(allowance.measure)
    return used >= allowance.included
