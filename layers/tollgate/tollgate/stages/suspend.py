"""Suspend: make Stripe's customer say what the holds say.

Level-triggered: what is open now decides, never the event that woke it, so order and repeats do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import instant, local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import RetryLater
from tollgate.domain.notices import ALL_SERVICES, LIMIT, Hold
from tollgate.stages.customers import ensure_customer
from tollgate.stages.each_tenant import each_tenant
from tollgate.stages.ports.accounts import ContractRows, HoldRows
from tollgate.stages.ports.invoices import RunRows
from tollgate.stages.ports.stripe import Stripe
from tollgate.stages.run_rows import run_row

SCHEDULE: Final = "suspend"
MAX_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendPorts:
    """What suspending reads and writes."""

    contracts: ContractRows
    holds: HoldRows
    runs: RunRows
    stripe: Stripe


def mirror(tenant: str, *, ports: SuspendPorts, now: datetime) -> bool:
    """Write a tenant's standing into its Stripe customer. Returns whether any hold is open.

    The holds are read again after writing: a slower run that read earlier must not have the last word. ``now`` only
    makes the idempotency key of each writing its own, since the same content may have to be written twice.
    """
    versions = ports.contracts.versions(tenant)
    contract = _current(versions)
    holds = ports.holds.holds(tenant)
    for attempt in range(1, MAX_ROUNDS + 1):
        customer = ensure_customer(versions, contracts=ports.contracts, stripe=ports.stripe, now=now)
        ports.stripe.set_standing(
            customer, metadata=standing_metadata(contract, holds), key=f"{tenant}:standing:{now.isoformat()}:{attempt}"
        )
        written, holds = holds, ports.holds.holds(tenant)
        if [hold.is_open for hold in written] == [hold.is_open for hold in holds]:
            return any(hold.is_open for hold in holds)
    raise RetryLater(f"the holds of {tenant} keep changing")


def standing_metadata(contract: Contract, holds: Sequence[Hold]) -> dict[str, str]:
    """What Stripe's customer says: the state, which services are suspended, why and since when. Empty values unset."""
    held = [hold for hold in holds if hold.is_open]
    scopes = {hold.scope for hold in held}
    services = sorted(contract.allowances if ALL_SERVICES in scopes else scopes)
    return {
        "service_state": "suspended" if held else "active",
        "suspended_services": ",".join(services),
        "suspended_for": ",".join(f"{hold.cause}:{hold.reference}" for hold in held)[:500],
        "suspended_at": min((hold.opened_at.isoformat() for hold in held), default=""),
    }


def end_limit_holds(tenant: str, *, contracts_rows: ContractRows, holds: HoldRows, now: datetime) -> list[Hold]:
    """Lift the limit holds whose term has ended; totals start afresh with the next one. Returns those lifted."""
    versions = contracts_rows.versions(tenant)
    lifted = []
    for hold in holds.holds(tenant):
        if not hold.is_open or hold.cause != LIMIT:
            continue
        start = date.fromisoformat(hold.reference.partition("/")[0])
        contract = contracts.in_force(versions, start) or _current(versions)
        end = contract.term_on(start).end
        if local_day(now, contract.timezone) >= end:
            holds.lift(hold, at=instant(end, contract.timezone))
            lifted.append(hold)
    return lifted


def sweep(*, ports: SuspendPorts, now: datetime) -> list[str]:
    """The hourly run: end the limit holds of every tenant whose term is over. Returns the tenants concerned.

    A tenant that fails keeps none of the others suspended: its error is raised after them and the row of the run.
    """
    concerned: list[str] = []
    failed: list[str] = []

    def turn(tenant: str) -> None:
        if end_limit_holds(tenant, contracts_rows=ports.contracts, holds=ports.holds, now=now):
            concerned.append(tenant)

    try:
        each_tenant(ports.contracts.tenants(), turn, failed=failed)
    finally:
        ports.runs.save(run_row(SCHEDULE, {"lifted": concerned, "failed": failed}, at=now))
    return concerned


def _current(versions: Sequence[Contract]) -> Contract:
    if not versions:
        raise RetryLater("the tenant has no contract yet")
    return versions[-1]
