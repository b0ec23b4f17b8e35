"""Stripe customers: one per tenant, found before it is created."""

from __future__ import annotations

from datetime import datetime

from tollgate.domain.contract import Contract
from tollgate.domain.errors import RetryLater
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.stripe import Stripe


def ensure_customer(contract: Contract, *, contracts: ContractRows, stripe: Stripe, now: datetime) -> str:
    """The tenant's Stripe customer, created when there is none.

    A crash between creating and remembering is healed by finding it: by its billing address and our metadata. ``now``
    makes a key of its own for the one more try that follows when Stripe has stored a failure under the first key.
    """
    known = contracts.stripe_customer(contract.tenant)
    if known:
        return known
    key = f"{contract.tenant}:customer"
    try:
        customer = _found_or_created(contract, stripe, key)
    except RetryLater as error:
        if not error.stored:
            raise
        customer = _found_or_created(contract, stripe, f"{key}:{now.isoformat()}")
    return contracts.set_stripe_customer(contract.tenant, customer)


def _found_or_created(contract: Contract, stripe: Stripe, key: str) -> str:
    email = contract.contacts.of("billing")[0]
    return stripe.find_customer(contract.tenant, email) or stripe.create_customer(
        tenant=contract.tenant, name=contract.name, email=email, key=key
    )
