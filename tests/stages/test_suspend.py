"""Suspending: Stripe's customer says what the holds say, whatever order the news comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import contract
from tests.fakes.faults import Crash, Faults
from tests.fakes.rows import MemoryHolds
from tests.stages.billing import FREE, TENANT, Billing, at, survives_every_crash
from tollgate.domain.errors import Invalid, RetryLater
from tollgate.domain.notices import Hold
from tollgate.stages.suspend import MAX_ROUNDS, end_limit_holds, mirror, sweep

NOON = at("2026-03-10")
OVERDUE = Hold(tenant=TENANT, scope="all", cause="overdue", reference="2026-01-15", opened_at=at("2026-03-01"))
LIMIT = Hold(tenant=TENANT, scope="sms", cause="limit", reference="2026-01-15", opened_at=at("2026-03-05"))
ACTIVE = {"service_state": "active"}


def held(*holds: Hold) -> Billing:
    world = Billing()
    world.memory.holds |= {(hold.tenant, hold.identity): hold for hold in holds}
    return world


def lift(world: Billing, hold: Hold) -> None:
    MemoryHolds(world.memory).lift(hold, at=NOON)


def says(world: Billing) -> Mapping[str, str]:
    """What Stripe's customer says."""
    (customer,) = world.stripe.customers.values()
    return customer.metadata


def mirrored(world: Billing, now: datetime = NOON) -> bool:
    return mirror(TENANT, ports=world.suspend_ports(), now=now)


@pytest.mark.parametrize(
    ("holds", "services", "reasons", "since"),
    [
        ([OVERDUE], "sms,whatsapp", "overdue:2026-01-15", "2026-03-01T12:00:00+00:00"),
        ([LIMIT], "sms", "limit:2026-01-15", "2026-03-05T12:00:00+00:00"),
        ([LIMIT, OVERDUE], "sms,whatsapp", "overdue:2026-01-15,limit:2026-01-15", "2026-03-01T12:00:00+00:00"),
        ([LIMIT, replace(OVERDUE, lifted_at=NOON)], "sms", "limit:2026-01-15", "2026-03-05T12:00:00+00:00"),
    ],
)
def test_the_customer_says_what_is_suspended_why_and_since_when(
    holds: list[Hold], services: str, reasons: str, since: str
) -> None:
    """All services for an overdue invoice, the meter alone for its limit; lifted holds do not count."""
    world = held(*holds)
    assert mirrored(world)
    assert says(world) == {
        "service_state": "suspended",
        "suspended_services": services,
        "suspended_for": reasons,
        "suspended_at": since,
    }


def test_a_tenant_without_holds_is_active_and_nothing_else_is_said() -> None:
    """Also one that never had any."""
    world = held()
    assert not mirrored(world)
    assert says(world) == ACTIVE


def test_a_reinstated_customer_says_nothing_of_the_suspension_any_more() -> None:
    """The reasons are removed, not left behind an active state."""
    world = held(OVERDUE)
    mirrored(world)
    lift(world, OVERDUE)
    assert not mirrored(world, NOON + timedelta(seconds=1))
    assert says(world) == ACTIVE


def test_suspending_again_for_the_same_reason_is_not_swallowed_as_a_repeat() -> None:
    """Suspended, reinstated and suspended alike within a day: each writing has a key of its own."""
    world = held(LIMIT)
    mirrored(world)
    suspended = dict(says(world))
    world.memory.holds.clear()
    mirrored(world, NOON + timedelta(microseconds=1))
    assert says(world) == ACTIVE
    world.memory.holds[TENANT, LIMIT.identity] = LIMIT
    mirrored(world, NOON + timedelta(microseconds=2))
    assert says(world) == suspended


@given(st.lists(st.sampled_from(["open overdue", "open limit", "lift overdue", "lift limit", "mirror"]), max_size=12))
def test_any_order_and_number_of_mirrorings_ends_at_what_is_held_now(steps: list[str]) -> None:
    """Late, repeated and missing news: one mirroring after the last change is enough."""
    world = held()
    named = {"overdue": OVERDUE, "limit": LIMIT}
    for second, step in enumerate([*steps, "mirror"]):
        action, _, name = step.partition(" ")
        if action == "mirror":
            mirrored(world, NOON + timedelta(seconds=second))
        elif action == "open":
            world.memory.holds.setdefault((TENANT, named[name].identity), named[name])
        elif (TENANT, named[name].identity) in world.memory.holds:
            lift(world, named[name])
    state = "suspended" if any(hold.is_open for hold in world.holds()) else "active"
    assert says(world)["service_state"] == state
    assert ("suspended_for" in says(world)) is (state == "suspended")


def test_a_crash_around_any_call_and_another_mirroring_end_the_same() -> None:
    """One customer, suspended."""
    survives_every_crash(lambda: held(OVERDUE), mirrored)


def test_a_crash_before_reinstating_is_healed_by_the_next_mirroring() -> None:
    """Nothing remembers that it was begun."""
    world = held(OVERDUE)
    mirrored(world)
    lift(world, OVERDUE)
    world.faults = Faults(at=1, only="set_standing")
    with pytest.raises(Crash):
        mirrored(world, NOON + timedelta(seconds=1))
    assert says(world)["service_state"] == "suspended"
    mirrored(world, NOON + timedelta(seconds=2))
    assert says(world) == ACTIVE


def _before_writing(world: Billing, meanwhile: Callable[[], object]) -> None:
    real = world.stripe.set_standing

    def slow(customer: str, *, metadata: Mapping[str, str], key: str) -> None:
        world.stripe.set_standing = real  # type: ignore[method-assign]
        meanwhile()
        real(customer, metadata=metadata, key=key)

    world.stripe.set_standing = slow  # type: ignore[method-assign]


def test_a_slower_run_that_read_earlier_does_not_have_the_last_word() -> None:
    """It read the hold, the hold was lifted and mirrored, then it writes: it looks again and corrects itself."""
    world = held(OVERDUE)

    def reinstate() -> None:
        lift(world, OVERDUE)
        mirrored(world, NOON + timedelta(seconds=1))

    mirrored(world)
    _before_writing(world, reinstate)
    assert not mirrored(world, NOON + timedelta(seconds=2))
    assert says(world) == ACTIVE


def test_a_hold_opened_while_another_was_written_is_written_too() -> None:
    """The state is read again after each writing."""
    world = held(LIMIT)
    _before_writing(world, lambda: world.memory.holds.update({(TENANT, OVERDUE.identity): OVERDUE}))
    mirrored(world)
    assert says(world)["suspended_services"] == "sms,whatsapp"


def test_holds_that_keep_changing_are_left_for_later() -> None:
    """So many rounds, then RetryLater: the queue brings it back."""
    world = held(OVERDUE)
    real = world.stripe.set_standing

    def flickering(customer: str, *, metadata: Mapping[str, str], key: str) -> None:
        real(customer, metadata=metadata, key=key)
        extra = replace(OVERDUE, reference=f"2026-0{len(world.holds()) + 1}-01")
        world.memory.holds[TENANT, extra.identity] = extra

    world.stripe.set_standing = flickering  # type: ignore[method-assign]
    with pytest.raises(RetryLater, match="keep changing"):
        mirrored(world)
    assert len(world.holds()) == MAX_ROUNDS + 1


def test_a_tenant_whose_contract_is_not_there_yet_is_left_for_later() -> None:
    """A hold without a contract is a hold whose contract is still being written."""
    world = held(LIMIT)
    world.memory.contracts.clear()
    with pytest.raises(RetryLater):
        mirrored(world)


def test_a_very_long_list_of_reasons_fits_what_stripe_takes() -> None:
    """Cut at 500 characters; the rows have them all."""
    world = held(*(replace(OVERDUE, reference=str(date(2026, 1, 1) + timedelta(days=n))) for n in range(60)))
    mirrored(world)
    assert len(says(world)["suspended_for"]) == 500


@pytest.mark.parametrize(
    ("now", "lifted"),
    [
        (at("2027-01-15", "05:59"), False),
        (at("2027-01-15", "06:00"), True),
        (at("2027-03-01", "00:00"), True),
    ],
)
def test_a_limits_hold_ends_with_its_term_in_the_contracts_zone(now: datetime, *, lifted: bool) -> None:
    """At midnight in Chicago, and dated so, however late the run is."""
    world = held(LIMIT, OVERDUE)
    found = end_limit_holds(TENANT, contracts_rows=world.rows.contracts, holds=world.rows.holds, now=now)
    assert [hold.identity for hold in found] == ([LIMIT.identity] if lifted else [])
    assert [hold.lifted_at for hold in world.holds()] == [None, at("2027-01-15", "06:00") if lifted else None]


def test_a_hold_of_a_raised_limit_ends_with_its_term_too() -> None:
    """Its reference names the allowance beside the term."""
    world = held(replace(LIMIT, reference="2026-01-15/60000"))
    sweep(ports=world.suspend_ports(), now=at("2027-01-14"))
    assert [hold.is_open for hold in world.holds()] == [True]
    assert sweep(ports=world.suspend_ports(), now=at("2027-01-16")) == [TENANT]
    assert [hold.is_open for hold in world.holds()] == [False]


def test_the_hold_of_a_later_term_ends_with_that_one() -> None:
    """A hold that was opened in the second year stays through it."""
    world = held(replace(LIMIT, reference="2027-01-15", opened_at=at("2027-02-01")))
    assert sweep(ports=world.suspend_ports(), now=at("2028-01-14")) == []
    assert sweep(ports=world.suspend_ports(), now=at("2028-01-15")) == [TENANT]


def test_sweeping_again_writes_nothing_and_names_nobody() -> None:
    """A hold is lifted once."""
    world = held(LIMIT)
    sweep(ports=world.suspend_ports(), now=at("2027-01-16"))
    before = world.kept()
    assert sweep(ports=world.suspend_ports(), now=at("2027-01-17")) == []
    assert world.kept() == before


def test_a_tenant_that_cannot_be_read_keeps_no_other_suspended() -> None:
    """Its error is raised after everybody else's holds have ended."""
    world = held(LIMIT)
    world.sign(contract(tenant="aaa"))
    world.faults = Faults(at=1, error=Invalid("contract", []), only="versions")
    with pytest.raises(Invalid):
        sweep(ports=world.suspend_ports(), now=at("2027-01-16"))
    assert [hold.is_open for hold in world.holds()] == [False]
    [run] = world.rows.runs.last("suspend")
    assert (run.counts, run.report["lifted"]) == ({"lifted": 1, "failed": 1}, (TENANT,))


def test_an_error_that_nothing_foresaw_keeps_no_other_suspended() -> None:
    """It is raised after everybody else's holds have ended, and named by its kind."""
    world = held(LIMIT)
    world.sign(contract(tenant="aaa"))
    world.faults = Faults(at=1, error=KeyError("a field"), only="versions")
    with pytest.raises(KeyError):
        sweep(ports=world.suspend_ports(), now=at("2027-01-16"))
    assert [hold.is_open for hold in world.holds()] == [False]
    [run] = world.rows.runs.last("suspend")
    assert run.report["failed"] == ("aaa: unforeseen: KeyError",)


def test_a_sweep_leaves_a_row_of_its_run() -> None:
    """Also when there was nothing to do: that it ran is what ops look for."""
    world = held(LIMIT)
    sweep(ports=world.suspend_ports(), now=at("2027-01-16"))
    sweep(ports=world.suspend_ports(), now=at("2027-01-17"))
    assert [(run.at, run.counts["lifted"]) for run in world.rows.runs.last("suspend", 9)] == [
        (at("2027-01-17"), 0),
        (at("2027-01-16"), 1),
    ]


def test_a_crash_around_any_call_of_a_sweep_ends_the_same() -> None:
    """The lifting is dated by the term, so a later run dates it the same."""
    survives_every_crash(lambda: held(LIMIT, OVERDUE), lambda w: sweep(ports=w.suspend_ports(), now=at("2027-01-16")))


def test_a_contract_with_more_meters_suspends_all_of_them_for_an_overdue_invoice() -> None:
    """``all`` means the meters of the contract as it is now."""
    world = held(OVERDUE)
    rcs = {"measure": "fees", "included": "5.00", "warn_at": [], "beyond": "bill"}
    world.sign(contract(allowances={**FREE, "rcs": rcs}, **{"from": str(date(2026, 2, 1))}))
    mirrored(world)
    assert says(world)["suspended_services"] == "rcs,sms,whatsapp"
