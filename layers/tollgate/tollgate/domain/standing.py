"""Standing: whether each service of a tenant may be used now, how much is left, and what holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tollgate.domain.contract import Contract
from tollgate.domain.money import ZERO
from tollgate.domain.notices import ALL_SERVICES, Hold
from tollgate.domain.usage import TermRow

ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One service: ``remaining`` is in the allowance's measure, never below zero."""

    state: str
    remaining: Decimal
    holds: tuple[Hold, ...]


def standing(contract: Contract, row: TermRow | None, holds: Iterable[Hold]) -> Mapping[str, Standing]:
    """The standing of every service of a contract. ``row``: the current term's totals, None when it has none yet."""
    open_holds = [hold for hold in holds if hold.is_open]
    return {meter: _service(contract, meter, row, open_holds) for meter in sorted(contract.allowances)}


def _service(contract: Contract, meter: str, row: TermRow | None, open_holds: list[Hold]) -> Standing:
    allowance = contract.allowances[meter]
    used = row.of(meter).measured(allowance.measure) if row else ZERO
    own = tuple(hold for hold in open_holds if hold.scope in (meter, ALL_SERVICES))
    return Standing(
        state=SUSPENDED if own else ACTIVE,
        remaining=max(ZERO, allowance.included - used),
        holds=own,
    )
