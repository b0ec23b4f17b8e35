"""Contracts: apply them whole or not at all, then let changed limits take effect.

What happens on a repeat: the same files again change nothing but the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tollgate.domain.calendar import instant
from tollgate.domain.contract import Contract, change_problems, for_term, parse
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.lines import crossings, rearm
from tollgate.domain.notices import LIMIT, Hold, Notice
from tollgate.domain.senders import Assignment, clashes, reassigned
from tollgate.domain.usage import TermRow
from tollgate.stages.ports import ContractRows, HoldRows, LedgerRows, SenderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPorts:
    """What applying contracts reads and writes."""

    contracts: ContractRows
    ledger: LedgerRows
    holds: HoldRows


def apply(documents: Mapping[str, object], *, ports: ContractPorts, by: str, at: datetime) -> list[Contract]:
    """Apply contracts given by file name. Raises Invalid naming every problem of every file, with nothing applied."""
    contracts, problems = _parse_all(documents)
    if not problems:
        problems = _against_what_holds(contracts, ports.contracts)
    if problems:
        raise Invalid("contracts", problems)
    for contract in contracts.values():
        _apply_one(contract, ports=ports, by=by, at=at)
    return list(contracts.values())


def _parse_all(documents: Mapping[str, object]) -> tuple[dict[str, Contract], list[Problem]]:
    contracts: dict[str, Contract] = {}
    problems: list[Problem] = []
    claimed: dict[tuple[str, str, str], str] = {}
    for file, document in documents.items():
        try:
            contract = parse(document)
        except Invalid as error:
            problems += [Problem(f"{file}: {p.path}" if p.path else file, p.message) for p in error.problems]
            continue
        for index, sender in enumerate(contract.senders):
            key = (sender.provider, sender.account, sender.number)
            other = claimed.setdefault(key, contract.tenant)
            if other != contract.tenant and sender.since is None:
                problems.append(Problem(f"{file}: senders.{index}", f"belongs to {other} already"))
        if any(c.tenant == contract.tenant and c.effective == contract.effective for c in contracts.values()):
            problems.append(Problem(file, f"a second contract of {contract.tenant} from {contract.effective}"))
        contracts[file] = contract
    return contracts, problems


def _against_what_holds(contracts: Mapping[str, Contract], rows: ContractRows) -> list[Problem]:
    held = rows.senders({key for contract in contracts.values() for key in _keys(contract)})
    problems: list[Problem] = []
    for file, contract in contracts.items():
        problems += [
            Problem(f"{file}: {p.path}", p.message) for p in change_problems(rows.versions(contract.tenant), contract)
        ]
        for index, (rule, wanted) in enumerate(zip(contract.senders, assignments_of(contract), strict=True)):
            other = clashes(held.get((rule.provider, rule.account), []), wanted, explicit=rule.since is not None)
            if other:
                message = f"belongs to {other} from an overlapping day; name a later day with from:"
                problems.append(Problem(f"{file}: senders.{index}", message))
    return problems


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
    keys = _keys(contract).union(*(_keys(version) for version in versions))
    read = ports.contracts.senders(keys)
    made = assignments_of(contract)
    ends = instant(contract.effective, contract.timezone)
    senders = {
        key: reassigned(
            read.get(key, []),
            [a for a in made if (a.provider, a.account) == key],
            tenant=contract.tenant,
            ends=ends,
        )
        for key in keys
    }
    changed = {key: held for key, held in senders.items() if held != read.get(key, [])}
    ports.contracts.apply(contract, changed, {key: read.get(key, []) for key in changed}, by=by, at=at)
    for row in ports.ledger.terms(contract.tenant):
        _limits_take_effect(row, contract.tenant, ports=ports, at=at)


def _limits_take_effect(row: TermRow, tenant: str, *, ports: ContractPorts, at: datetime) -> None:
    """Fire the lines that a changed limit puts behind a term's usage, and lift the holds it puts out of reach."""
    contract = for_term(ports.contracts.versions(tenant), row.term)
    changed = rearm(row, contract=contract)
    notices: list[Notice] = []
    holds: list[Hold] = []
    for meter in contract.allowances:
        for crossing in crossings(changed, contract=contract, meter=meter, at=at):
            notices.append(crossing.notice)
            holds += [crossing.hold] if crossing.hold else []
            changed = changed.crossing(meter, crossing.notice.line or 0)
    if changed != row:
        ports.ledger.save_term(tenant, changed, notices=notices, holds=holds)
    for hold in ports.holds.holds(tenant):
        if hold.is_open and hold.cause == LIMIT and hold.reference.startswith(str(row.term.start)):
            still_due = hold.scope in contract.allowances and _still_due(hold, changed, contract)
            if not still_due:
                ports.holds.lift(hold, at=at)


def _still_due(hold: Hold, row: TermRow, contract: Contract) -> bool:
    allowance = contract.allowances[hold.scope]
    if allowance.beyond != "suspend":
        return False
    used = row.of(hold.scope).measured(allowance.measure)
    return used >= allowance.included
