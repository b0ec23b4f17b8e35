"""Timeline: everything that happened to an invoice, by whom, in order."""

from __future__ import annotations

from tests.domain.examples import contract
from tests.fakes.faults import Faults
from tests.stages.billing import FEBRUARY, FREE, JANUARY, Billing, at
from tests.stages.test_corrections import credited, voided
from tollgate.domain.errors import Refused
from tollgate.stages.timeline import Happening, timeline

FIFTH = at("2026-02-05")


def happened(world: Billing) -> list[tuple[str, str]]:
    return [(one.by, one.what) for one in told(world)]


def told(world: Billing) -> list[Happening]:
    rows = world.rows
    return timeline("acme", JANUARY, audit=rows.audit, notices=rows.notices)


def test_the_way_of_an_invoice_is_told_from_draft_to_payment() -> None:
    """Refreshed, approved by two, past due, suspended, credited, paid; with what the customer was mailed."""
    rule = {"second_approver_above": "1.00"}
    world = Billing(contract=contract(allowances=FREE, review=rule))
    world.use(JANUARY, "10.00")
    world.close(FIFTH)
    world.use(JANUARY, "1.00")
    world.close(FIFTH.replace(hour=13))
    world.approve(JANUARY, FIFTH.replace(hour=14), by="mia")
    world.approve(JANUARY, FIFTH.replace(hour=15), by="jo")
    world.push(JANUARY, FIFTH.replace(hour=16))
    world.daily(at("2026-02-21"))
    world.daily(at("2026-02-28"))
    credited(world, "1.00", now=at("2026-03-01"))
    world.stripe.now = at("2026-03-02")
    world.stripe.pay("in_1")
    world.tell("in_1", at("2026-03-02"))
    assert happened(world) == [
        ("tollgate", "drafted"),
        ("tollgate", "revised: revision 2"),
        ("mia", "approved by the first of two"),
        ("jo", "approved"),
        ("tollgate", "issued and sent"),
        ("tollgate", "past due"),
        ("tollgate", "notice: overdue"),
        ("tollgate", "services suspended"),
        ("tollgate", "notice: suspended"),
        ("mia", "gives a credit note"),
        ("mia", "credit note issued"),
        ("stripe", "paid"),
        ("tollgate", "notice: reinstated"),
    ]
    notes = {one.what: one.note for one in told(world)}
    assert (notes["gives a credit note"], notes["notice: overdue"]) == ("1.00: goodwill", "mail queued")


def test_what_went_wrong_is_told_with_its_words() -> None:
    """Stripe's refusal, and who voided it and why."""
    world = Billing()
    world.use(JANUARY, "10.00")
    world.close(FIFTH)
    world.approve(JANUARY, FIFTH)
    world.faults = Faults(at=1, only="create_invoice", error=Refused("no address"))
    world.push(JANUARY, FIFTH)
    world.faults = Faults()
    world.push(JANUARY, FIFTH)
    voided(world)
    assert [(one.what, one.note) for one in told(world)][2:] == [
        ("could not be issued", "no address"),
        ("issued and sent", ""),
        ("asked to void it", "wrong customer"),
        ("void", "wrong customer"),
    ]


def test_nothing_happened_to_what_is_not_there() -> None:
    """A period without an invoice has no timeline, whatever others have."""
    world = Billing()
    assert told(world) == []


def test_other_invoices_and_notices_are_not_in_it() -> None:
    """Those of another period, of the contract's limits, of contracts and holds."""
    world = Billing()
    world.issued(JANUARY, "10.00", approved=FIFTH)
    before = told(world)
    world.issued(FEBRUARY, "10.00", approved=at("2026-03-05"))
    world.daily(at("2026-03-20"))
    told_of = {notice.period for notice in world.notices()}
    assert FEBRUARY in told_of
    rows = world.rows
    other = timeline("acme", FEBRUARY, audit=rows.audit, notices=rows.notices)
    assert [one for one in other if one.at < FIFTH.replace(month=3)] == []
    assert [one.what for one in other if one.what.startswith("notice")] == ["notice: overdue"]
    assert told(world)[: len(before)] == before
