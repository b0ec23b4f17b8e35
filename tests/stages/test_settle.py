"""Settling: what Stripe says now decides, whichever event says so, however often and in whichever order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from tests.fakes.faults import Crash, Faults
from tests.stages.billing import FEBRUARY, JANUARY, TENANT, Billing, at, survives_every_crash
from tollgate.domain.errors import Conflict, RetryLater
from tollgate.domain.invoices import Invoice
from tollgate.stages.settle import settle

FRIDAY = at("2026-02-06")
PAID_AT = at("2026-03-10")


def issued() -> Billing:
    """January, issued as ``in_1``."""
    world = Billing()
    world.issued(JANUARY, "12.34", approved=FRIDAY)
    return world


def suspended() -> Billing:
    """January, issued and overdue until it suspended everything."""
    world = Billing()
    world.suspended(JANUARY, "12.34", approved=FRIDAY)
    return world


def settle_as(world: Billing, metadata: Mapping[str, str], *, stripe_invoice: str | None = "in_1") -> Invoice | None:
    ports = world.settle_ports()
    return settle("evt", stripe_invoice=stripe_invoice, metadata=metadata, ports=ports, now=PAID_AT)


def test_a_payment_in_full_pays_the_invoice_and_lifts_its_hold() -> None:
    """With one notice that services are back, at the event's time."""
    world = suspended()
    world.stripe.pay("in_1")
    world.tell("in_1", PAID_AT)
    assert (world.invoice(JANUARY).status, world.invoice(JANUARY).remaining) == ("paid", Decimal(0))
    assert [(hold.scope, hold.reference, hold.lifted_at) for hold in world.holds()] == [
        ("all", "2026-01-15", PAID_AT),
    ]
    assert [kind for kind, _ in world.told()] == ["overdue", "suspended", "reinstated"]


def test_a_payment_in_part_changes_what_remains_and_keeps_the_hold() -> None:
    """Until late fees are paid in full."""
    world = suspended()
    world.stripe.pay("in_1", Decimal("12.33"))
    world.tell("in_1", PAID_AT)
    assert (world.invoice(JANUARY).status, world.invoice(JANUARY).remaining) == ("open", Decimal("0.01"))
    assert [hold.is_open for hold in world.holds()] == [True]
    world.stripe.pay("in_1")
    world.tell("in_1", PAID_AT)
    assert [hold.is_open for hold in world.holds()] == [False]


def test_a_payment_lifts_the_hold_of_its_own_invoice_only() -> None:
    """With two invoices overdue, each hold waits for its own payment."""
    world = suspended()
    world.suspended(FEBRUARY, "5.00", approved=at("2026-03-05"))
    world.stripe.pay("in_2")
    world.tell("in_2", at("2026-04-10"))
    assert {hold.reference: hold.is_open for hold in world.holds()} == {"2026-01-15": True, "2026-02-01": False}
    world.stripe.pay("in_1")
    world.tell("in_1", at("2026-04-11"))
    assert not any(hold.is_open for hold in world.holds())


def test_a_limit_hold_is_not_lifted_by_a_payment() -> None:
    """Only what caused a hold lifts it."""
    world = suspended()
    limit = replace(world.holds()[0], scope="sms", cause="limit", reference="2026-01-15")
    world.memory.holds[TENANT, limit.identity] = limit
    world.stripe.pay("in_1")
    world.tell("in_1", PAID_AT)
    assert {hold.cause: hold.is_open for hold in world.holds()} == {"overdue": False, "limit": True}


def test_the_same_event_again_is_dropped_without_asking_stripe() -> None:
    """Remembered by its id once the work is done."""
    world = issued()
    world.stripe.pay("in_1")
    assert world.tell("in_1", PAID_AT, event="evt_1") is not None
    world.faults = Faults()
    assert world.tell("in_1", PAID_AT, event="evt_1") is None
    assert world.faults.calls == ["MemoryInbox.seen"]


def test_an_event_is_remembered_only_after_its_work() -> None:
    """A crash while the invoice is saved leaves the event to be dealt with when it comes again."""
    world = suspended()
    world.stripe.pay("in_1")
    world.faults = Faults(at=1, only="save")
    with pytest.raises(Crash):
        world.tell("in_1", PAID_AT, event="evt_1")
    assert world.memory.seen == set()
    world.tell("in_1", PAID_AT, event="evt_1")
    assert world.invoice(JANUARY).status == "paid"


def test_a_crash_around_any_call_and_the_event_again_ends_the_same() -> None:
    """One lifting, one notice, whatever stopped it."""

    def paid() -> Billing:
        world = suspended()
        world.stripe.pay("in_1")
        return world

    survives_every_crash(paid, lambda world: world.tell("in_1", PAID_AT, event="evt_1"))


@pytest.mark.parametrize("order", list(permutations(("finalized", "payment_failed", "paid", "updated"))))
def test_the_order_of_events_does_not_matter(order: tuple[str, ...]) -> None:
    """Each only makes us look: after a payment, a late failure or finalization finds it paid."""
    world = suspended()
    world.stripe.pay("in_1")
    for event in order:
        world.tell("in_1", PAID_AT, event=event)
    assert world.invoice(JANUARY).status == "paid"
    assert [kind for kind, _ in world.told()] == ["overdue", "suspended", "reinstated"]


def test_paid_and_void_are_final() -> None:
    """Whatever is said of them later, the row stays, and nothing is brought forward that was paid."""
    for happens in ("pay", "void"):
        world = issued()
        getattr(world.stripe, happens)("in_1")
        world.tell("in_1", PAID_AT)
        before = world.invoice(JANUARY)
        for status in ("open", "void", "uncollectible", "paid"):
            world.stripe.invoices["in_1"] = replace(world.stripe.invoices["in_1"], status=status, remaining=Decimal(5))
            assert world.tell("in_1", PAID_AT, event=status) == before


def test_a_void_invoice_lifts_its_hold_and_is_brought_forward() -> None:
    """Nothing is owed on it any more; the amount comes out in the next statement."""
    world = suspended()
    world.stripe.void("in_1")
    world.tell("in_1", PAID_AT)
    assert world.invoice(JANUARY).status == "void"
    assert [hold.is_open for hold in world.holds()] == [False]
    world.close(at("2026-03-11"))
    assert str(world.invoice(FEBRUARY).statement.total) == "12.34"


def test_a_written_off_invoice_keeps_its_hold_until_it_is_paid_after_all() -> None:
    """The money is still owed; a late payment settles it and reinstates."""
    world = suspended()
    world.stripe.write_off("in_1")
    world.tell("in_1", PAID_AT)
    assert world.invoice(JANUARY).status == "uncollectible"
    assert [hold.is_open for hold in world.holds()] == [True]
    world.stripe.pay("in_1")
    world.tell("in_1", at("2026-05-01"))
    assert world.invoice(JANUARY).status == "paid"
    assert [hold.is_open for hold in world.holds()] == [False]


@pytest.mark.parametrize("written_off", [False, True])
def test_a_credit_note_over_all_that_remains_counts_as_paid(*, written_off: bool) -> None:
    """Nothing owed any more lifts the hold, even where Stripe leaves the status as it was."""
    world = suspended()
    world.stripe.credit("in_1")
    if written_off:
        world.stripe.write_off("in_1")
    world.tell("in_1", PAID_AT)
    assert (world.invoice(JANUARY).status, world.invoice(JANUARY).remaining) == ("paid", Decimal(0))
    assert [hold.is_open for hold in world.holds()] == [False]


def test_an_event_for_an_approved_invoice_without_a_stripe_id_finds_it_by_its_revision() -> None:
    """Paid before the row was saved: taken over, with the id."""
    world = Billing()
    world.use(JANUARY, "12.34")
    world.close(at("2026-02-05"))
    world.approve(JANUARY, FRIDAY)
    world.faults = Faults(at=1, after=True, only="finalize")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    assert world.tell("in_1", FRIDAY) == world.invoice(JANUARY)
    assert world.invoice(JANUARY).status == "approved"
    world.stripe.pay("in_1")
    world.tell("in_1", FRIDAY)
    assert (world.invoice(JANUARY).status, world.invoice(JANUARY).stripe_invoice) == ("paid", "in_1")


@pytest.mark.parametrize("status", ["draft", "approved"])
def test_an_invoice_that_stripe_still_drafts_changes_nothing(status: str) -> None:
    """Created is not issued."""
    world = Billing()
    world.use(JANUARY, "12.34")
    world.close(at("2026-02-05"))
    world.approve(JANUARY, FRIDAY)
    world.faults = Faults(at=1, after=True, only="create_invoice")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    if status == "draft":
        world.memory.invoices[TENANT, JANUARY] = replace(world.invoice(JANUARY), status="draft")
    before = world.invoice(JANUARY)
    assert world.tell("in_1", FRIDAY) == before
    assert world.invoice(JANUARY) == before


def test_an_invoice_of_another_revision_or_with_another_id_changes_nothing() -> None:
    """Somebody's copy of an invoice carries our metadata too."""
    world = issued()
    original = world.stripe.invoices["in_1"]
    world.stripe.invoices["in_9"] = replace(original, id="in_9", status="paid", remaining=Decimal(0))
    world.tell("in_9", PAID_AT)
    assert world.invoice(JANUARY).status == "open"
    metadata = {**original.metadata, "revision": "7"}
    world.stripe.invoices["in_1"] = replace(original, status="void", metadata=metadata)
    world.tell("in_1", PAID_AT)
    assert world.invoice(JANUARY).status == "open"


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"order": "4711"},
        {"tenant": TENANT},
        {"period": "2026-01-15"},
        {"tenant": TENANT, "period": "2026-Q1"},
        {"tenant": TENANT, "period": "2026-02-30"},
        {"tenant": TENANT, "period": "2026-09-01"},
        {"tenant": "someone else", "period": "2026-01-15"},
    ],
)
def test_an_event_of_anything_that_is_not_ours_is_ignored(metadata: dict[str, str]) -> None:
    """Other invoices of the same Stripe account, whatever their metadata looks like, neither fail nor write."""
    world = issued()
    before = world.kept()
    assert settle_as(world, metadata) is None
    assert world.kept() == before


def test_an_event_without_an_invoice_is_ignored() -> None:
    """A customer's event, say."""
    assert settle_as(issued(), {"tenant": TENANT, "period": "2026-01-15"}, stripe_invoice=None) is None


def test_stripe_unreachable_leaves_the_event_for_later() -> None:
    """Nothing is written and nothing remembered."""
    world = suspended()
    world.stripe.pay("in_1")
    world.faults = Faults(at=2, error=RetryLater("no answer"), only="invoice")
    with pytest.raises(RetryLater):
        world.tell("in_1", PAID_AT, event="evt_1")
    assert world.memory.seen == set()
    assert world.invoice(JANUARY).status == "open"


def test_an_event_older_than_the_hold_does_not_lift_it_before_it_was_opened() -> None:
    """An event that was delayed for weeks makes us look; the lifting is not dated before the opening."""
    world = suspended()
    (hold,) = world.holds()
    world.stripe.pay("in_1")
    world.tell("in_1", at("2026-02-21"))
    assert [(each.opened_at, each.lifted_at) for each in world.holds()] == [(hold.opened_at, hold.opened_at)]


def test_the_hold_is_lifted_when_the_invoice_was_paid_whatever_event_told_of_it() -> None:
    """An event of weeks ago that is dealt with after the payment finds the invoice paid: the payment's time counts."""
    world = suspended()
    world.stripe.pay("in_1", at=PAID_AT)
    world.tell("in_1", at("2026-02-21"))
    assert [hold.lifted_at for hold in world.holds()] == [PAID_AT]
    assert [notice.at for notice in world.notices() if notice.kind == "reinstated"] == [PAID_AT]


def test_events_that_meet_at_the_row_are_settled_at_once() -> None:
    """A row that another event moves in between is read again, instead of waiting for the queue to bring it back."""
    world = suspended()
    world.stripe.pay("in_1", at=PAID_AT)
    world.faults = Faults(at=1, only="save", error=Conflict("moved"))
    settled = world.tell("in_1", PAID_AT)
    assert settled is not None
    assert settled.status == "paid"


def test_a_row_that_keeps_moving_is_settled_later() -> None:
    """The event is not remembered, so that it comes back."""
    world = suspended()
    world.stripe.pay("in_1", at=PAID_AT)
    world.faults = Faults(only="save", error=Conflict("moved"), always=True)
    with pytest.raises(Conflict):
        world.tell("in_1", PAID_AT)
    assert world.memory.seen == set()


def test_an_event_that_changes_nothing_writes_nothing() -> None:
    """The row is as Stripe has it already."""
    world = issued()
    written = len(world.memory.audit)
    world.tell("in_1", PAID_AT)
    assert len(world.memory.audit) == written
