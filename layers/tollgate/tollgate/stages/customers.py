"""Stripe customers: one per tenant, found before it is created."""

from __future__ import annotations

from tollgate.domain.contract import Contract
from tollgate.stages.ports import ContractRows, Stripe


def ensure_customer(contract: Contract, *, contracts: ContractRows, stripe: Stripe) -> str:
    """The tenant's Stripe customer, created when there is none.

    A crash between creating and remembering is healed by finding it: by its billing address and our metadata.
    """
    known = contracts.stripe_customer(contract.tenant)
    if known:
        return known
    email = contract.contacts.of("billing")[0]
    customer = stripe.find_customer(contract.tenant, email) or stripe.create_customer(
        tenant=contract.tenant, name=contract.name, email=email, key=f"{contract.tenant}:customer"
    )
    return contracts.set_stripe_customer(contract.tenant, customer)
