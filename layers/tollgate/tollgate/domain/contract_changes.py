"""Contract changes: what differs between two versions, term by term, and which limits changed by whose approval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from tollgate.domain.contract import Contract, changed_limits


@dataclass(frozen=True, slots=True)
class Difference:
    """One term of two versions: where (a dotted path), and what each says; empty where it says nothing."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChange:
    """A version that changed limits: from which day, of which meters, and who approved it by which document."""

    effective: date
    meters: tuple[str, ...]
    approved_by: str
    document: str


def differences(before: Contract, after: Contract) -> list[Difference]:
    """Every term that differs, by path; ``from`` and the approval are what makes a version, not what it says."""
    old, new = dict(_terms(before)), dict(_terms(after))
    return [
        Difference(path, old.get(path, ""), new.get(path, ""))
        for path in sorted(old.keys() | new.keys())
        if old.get(path, "") != new.get(path, "")
    ]


def limit_changes(versions: Sequence[Contract]) -> list[LimitChange]:
    """The versions, oldest first, that changed the limits of the one before."""
    return [
        LimitChange(
            effective=after.effective,
            meters=tuple(meters),
            approved_by=after.approval.by if after.approval else "",
            document=after.approval.document if after.approval else "",
        )
        for before, after in pairwise(versions)
        if (meters := changed_limits(before, after))
    ]


def _terms(contract: Contract) -> Iterator[tuple[str, str]]:
    document = {name: value for name, value in contract.document().items() if name not in ("from", "approval")}
    # By account and not by place in the list: an account put in front changes no other.
    document["senders"] = {
        "/".join(part for part in (rule.provider, rule.account, rule.number) if part): {
            "card": rule.card or rule.provider,
            "from": str(rule.since or contract.term.start),
        }
        for rule in contract.senders
    }
    yield from _flat("", document)


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, "" if value is None else str(value)
