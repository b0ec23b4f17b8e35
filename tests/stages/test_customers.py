"""Stripe customers: one for each tenant, whatever fails while it is created."""

from __future__ import annotations

import pytest

from tests.domain.examples import contract
from tests.fakes.faults import Crash, Faults
from tests.stages.billing import FREE, TENANT, Billing, at, survives_every_crash
from tollgate.domain.errors import RetryLater
from tollgate.stages.customers import ensure_customer
from tollgate.stages.ports.stripe import Contact

NOW = at("2026-02-06")


def ensure(world: Billing, minute: str = "12:00") -> str:
    ports = world.issue_ports()
    now = at("2026-02-06", minute)
    versions = ports.contracts.versions(TENANT)
    return ensure_customer(versions, contracts=ports.contracts, stripe=ports.stripe, now=now)


def test_a_customer_is_created_once_with_the_billing_address() -> None:
    """The second time it is known; Stripe is asked whom it bills, and told nothing."""
    world = Billing()
    assert ensure(world) == "cus_1"
    (customer,) = world.stripe.customers.values()
    assert (customer.tenant, customer.name, customer.email) == (TENANT, "Acme Retail, Inc.", "ap@acme.example")
    world.faults = Faults()
    assert ensure(world) == "cus_1"
    assert world.faults.calls == [
        "MemoryContracts.versions",
        "MemoryContracts.stripe_customer",
        "MemoryStripe.contact",
    ]


def test_a_crash_around_any_call_leaves_one_customer() -> None:
    """Created and not remembered is found again."""
    expected = survives_every_crash(Billing, ensure)
    assert len(expected["stripe customers"]) == 1


def test_a_customer_that_was_created_and_forgotten_is_found_after_stripes_keys_are_gone() -> None:
    """Days later the key no longer protects; looking first does."""
    world = Billing(faults=Faults(at=1, only="set_stripe_customer"))
    with pytest.raises(Crash):
        ensure(world)
    world.stripe.forget_keys()
    assert ensure(world) == "cus_1"
    assert len(world.stripe.customers) == 1


@pytest.mark.parametrize("done", [False, True])
def test_a_stored_server_error_does_not_lock_a_tenant_out_for_a_day(*, done: bool) -> None:
    """The one more try looks first and has a key of its own."""
    world = Billing()
    world.stripe.break_down("customer", done=done)
    assert ensure(world) == "cus_1"
    assert len(world.stripe.customers) == 1


def test_each_later_call_has_a_key_of_its_own_while_the_first_one_is_spent() -> None:
    """Two errors in a row fail the call; a minute later it works."""
    world = Billing()
    real = world.stripe.create_customer

    def failing(*, tenant: str, name: str, email: str, key: str) -> str:
        world.stripe.break_down("customer", done=False)
        return real(tenant=tenant, name=name, email=email, key=key)

    world.stripe.create_customer = failing  # type: ignore[method-assign]
    with pytest.raises(RetryLater):
        ensure(world)
    world.stripe.create_customer = real  # type: ignore[method-assign]
    world.stripe.breaking.clear()
    with pytest.raises(RetryLater):
        ensure(world)
    assert ensure(world, "12:01") == "cus_1"


def test_no_answer_is_not_tried_again_under_another_key() -> None:
    """The first request may still be on its way: only the same key keeps it from creating a second customer."""
    world = Billing(faults=Faults(at=1, after=True, error=RetryLater("no answer"), only="create_customer"))
    with pytest.raises(RetryLater):
        ensure(world)
    assert list(world.stripe.answers) == ["acme:customer"]
    assert ensure(world) == "cus_1"


def test_a_customer_that_another_run_remembered_first_is_the_one_that_counts() -> None:
    """Two runs at once agree on one."""
    world = Billing()
    assert ensure(world) == "cus_1"
    assert world.rows.contracts.set_stripe_customer(TENANT, "cus_2") == "cus_1"


OLD = Contact(name="Acme Retail, Inc.", email="ap@acme.example")
NEW = Contact(name="Acme Holdings, Inc.", email="payables@acme.example")


def change(world: Billing, contact: Contact, *, since: str) -> None:
    """A version of the contract with another name and billing address, in force from a day on."""
    contacts = {"usage": ["ops@acme.example"], "billing": [contact.email, "second@acme.example"]}
    world.sign(contract(allowances=FREE, name=contact.name, contacts=contacts, **{"from": since}))


def changed() -> Billing:
    """A customer whose contract has changed since."""
    world = Billing()
    ensure(world)
    change(world, NEW, since="2026-02-01")
    return world


def test_a_changed_name_and_billing_address_reach_stripe() -> None:
    """With the next thing that is done for the tenant there; the customer stays the same one."""
    world = changed()
    assert ensure(world) == "cus_1"
    assert world.stripe.contact("cus_1") == NEW


def test_a_version_that_is_not_in_force_yet_changes_nobody_who_is_billed() -> None:
    """It does on its first day, in the contract's zone: Chicago is six hours behind."""
    world = Billing()
    ensure(world)
    change(world, NEW, since="2026-02-07")
    ensure(world)
    assert world.stripe.contact("cus_1") == OLD
    rows = world.rows.contracts
    for hour, contact in (("05:59", OLD), ("06:00", NEW)):
        now = at("2026-02-07", hour)
        ensure_customer(rows.versions(TENANT), contracts=rows, stripe=world.stripe, now=now)
        assert world.stripe.contact("cus_1") == contact


def test_a_crash_around_any_call_of_a_change_leaves_the_new_contact() -> None:
    """Before and after each call, then once more."""
    kept = survives_every_crash(changed, ensure)
    (customer,) = kept["stripe customers"].values()
    assert (customer.name, customer.email) == (NEW.name, NEW.email)


def test_an_address_that_is_changed_back_within_a_day_is_written_back() -> None:
    """The stored answer of the first change must not stand for the third."""
    world = changed()
    ensure(world, "12:01")
    change(world, OLD, since="2026-02-01")
    ensure(world, "12:02")
    change(world, NEW, since="2026-02-01")
    ensure(world, "12:03")
    assert world.stripe.contact("cus_1") == NEW


@pytest.mark.parametrize("done", [False, True])
def test_a_stored_server_error_does_not_keep_an_old_address(*, done: bool) -> None:
    """It fails the call, since nothing may be sent to the old address; the next one has a key of its own."""
    world = changed()
    world.stripe.break_down("contact", done=done)
    with pytest.raises(RetryLater):
        ensure(world)
    ensure(world, "12:01")
    assert world.stripe.contact("cus_1") == NEW
