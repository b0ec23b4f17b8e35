"""Stripe customers: one per tenant, found before it is created, with the name and billing address of today's contract.

Stripe mails an invoice to the address that its customer has when it is finalized, and freezes it there: what changes
later reaches the next invoice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from tollgate.domain import contract as contract_rules
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.errors import RetryLater
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.stripe import Contact, Stripe


def ensure_customer(versions: Sequence[Contract], *, contracts: ContractRows, stripe: Stripe, now: datetime) -> str:
    """The Stripe customer of the tenant whose contract's ``versions`` these are: created when there is none, and
    corrected when its name or address are not those of the version in force.

    A crash between creating and remembering is healed by finding it: by its billing address and our metadata. ``now``
    makes a key of its own for the one more try that follows when Stripe has stored a failure under the first key.
    """
    contract = _today(versions, now)
    contact = Contact(name=contract.name, email=contract.contacts.of("billing")[0])
    known = contracts.stripe_customer(contract.tenant)
    if known:
        _correct(known, contract.tenant, contact, stripe, now)
        return known
    key = f"{contract.tenant}:customer"
    try:
        customer = _found_or_created(contract.tenant, contact, stripe, key)
    except RetryLater as error:
        if not error.stored:
            raise
        customer = _found_or_created(contract.tenant, contact, stripe, f"{key}:{now.isoformat()}")
    return contracts.set_stripe_customer(contract.tenant, customer)


def _today(versions: Sequence[Contract], now: datetime) -> Contract:
    """The version in force; the last one where none is yet, or not any more."""
    last = versions[-1]
    return contract_rules.in_force(versions, local_day(now, last.timezone)) or last


def _correct(customer: str, tenant: str, contact: Contact, stripe: Stripe, now: datetime) -> None:
    """Write the contact where Stripe has another. Read first: most invoices change nothing.

    The key names content and time. Without the time, an address that is changed and changed back within a day would
    get the stored answer of the first change, and nothing would be written.
    """
    if stripe.contact(customer) == contact:
        return
    content = hashlib.sha256(f"{contact.name}\n{contact.email}".encode()).hexdigest()[:16]
    stripe.set_contact(customer, contact, key=f"{tenant}:contact:{content}:{now.isoformat()}")


def _found_or_created(tenant: str, contact: Contact, stripe: Stripe, key: str) -> str:
    return stripe.find_customer(tenant, contact.email) or stripe.create_customer(
        tenant=tenant, name=contact.name, email=contact.email, key=key
    )
