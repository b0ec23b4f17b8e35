"""Preferences: what a customer chose for themselves, within what the contract allows.

Always true: a choice changes who is told of usage and nothing else; bills and what is written of them go where the
contract says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from tollgate.domain.contract import Contacts, Contract
from tollgate.domain.errors import Invalid, Problem

MOST_RECIPIENTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """``recipients`` of usage mails; empty: those of the contract. ``version`` 0: nothing was chosen yet."""

    recipients: tuple[str, ...] = ()
    version: int = 0


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


def told(contract: Contract, preferences: Preferences) -> Contract:
    """The contract with the usage contacts that the customer chose, if any."""
    if not preferences.recipients:
        return contract
    # Billing mails fall back on the usage contacts of the contract, never on chosen ones.
    contacts = Contacts(usage=preferences.recipients, billing=contract.contacts.of("billing"))
    return contract.model_copy(update={"contacts": contacts})
