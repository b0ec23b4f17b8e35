"""Preferences: what a customer chose for themselves, within what the contract allows.

Always true: a choice changes who is told of usage, and adds shares at which they are; bills and what is written of them
go where the contract says, and no warning of the contract's is lost.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from tollgate.domain.contract import Contacts, Contract
from tollgate.domain.errors import Invalid, Problem

MOST_RECIPIENTS: Final = 20
MOST_SHARES: Final = 5
"""For each meter: every share is a mail a term."""

_PARTS: Final = re.compile(r"[^\s,;%]+")
_SHARE: Final = re.compile(r"[1-9][0-9]?")

type Shares = Mapping[str, tuple[int, ...]]
"""Whole percents of an allowance by meter, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """``recipients`` of usage mails; empty: those of the contract. ``shares`` that warn beside the contract's.
    ``version`` 0: nothing was chosen yet."""

    recipients: tuple[str, ...] = ()
    shares: Shares = field(default_factory=dict)
    version: int = 0

    @property
    def asked(self) -> frozenset[tuple[str, int]]:
        """The shares as lines."""
        return lines_of_shares(self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a choice changed: who is told and at which further shares, before and from then on. ``passed``: the new
    shares that usage was beyond already, which warn from the next term on."""

    recipients_before: tuple[str, ...]
    recipients: tuple[str, ...]
    shares_before: Shares
    shares: Shares
    passed: Shares

    @property
    def told(self) -> tuple[str, ...]:
        """Everybody whom it concerns: those of before, and those from then on."""
        return tuple(dict.fromkeys((*self.recipients_before, *self.recipients)))


def lines_of_shares(shares: Shares) -> frozenset[tuple[str, int]]:
    """Shares as (meter, percent)."""
    return frozenset((meter, share) for meter, own in shares.items() for share in own)


def shares_of_lines(lines: Iterable[tuple[str, int]]) -> Shares:
    """(Meter, percent) as shares; a meter without any is left out."""
    found: dict[str, tuple[int, ...]] = {}
    for meter, share in sorted(lines):
        found[meter] = (*found.get(meter, ()), share)
    return found


def recipients_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """Addresses as they may be chosen, each once; none at all is a choice too. Raises Invalid, naming each bad one."""
    given = tuple(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    if len(given) > MOST_RECIPIENTS:
        raise Invalid(
            "recipients",
            [Problem("", f"expected at most {MOST_RECIPIENTS} addresses", "too-many", str(MOST_RECIPIENTS))],
        )
    try:
        return Contacts(usage=given).usage if given else ()
    except ValidationError as error:
        bad = [given[int(detail["loc"][-1])] for detail in error.errors()]
        raise Invalid(
            "recipients", [Problem("", f"{text!r} is no mail address", "no-address", text) for text in bad]
        ) from error


def shares_of(given: Mapping[str, str], *, meters: Collection[str]) -> Shares:
    """Shares as people write them (``50, 90 %``), by meter. Raises Invalid, naming each bad one."""
    problems: list[Problem] = []
    lines: set[tuple[str, int]] = set()
    for meter, text in given.items():
        parts = dict.fromkeys(_PARTS.findall(text))
        bad = [part for part in parts if not _SHARE.fullmatch(part)]
        own = {(meter, int(part)) for part in parts if part not in bad}
        problems += [Problem(meter, f"{part!r} is no whole percent from 1 to 99", "no-share", part) for part in bad]
        if own and meter not in meters:
            problems.append(Problem(meter, "has no limit to take a share of", "no-limit"))
        if len(own) > MOST_SHARES:
            problems.append(
                Problem(meter, f"expected at most {MOST_SHARES} shares", "too-many-shares", str(MOST_SHARES))
            )
        lines |= own
    if problems:
        raise Invalid("shares", problems)
    return shares_of_lines(lines)


def told(contract: Contract, preferences: Preferences) -> Contract:
    """The contract with the usage contacts that the customer chose, if any."""
    if not preferences.recipients:
        return contract
    # Billing mails fall back on the usage contacts of the contract, never on chosen ones.
    contacts = Contacts(usage=preferences.recipients, billing=contract.contacts.of("billing"))
    return contract.model_copy(update={"contacts": contacts})
