"""Corrections: sent back, voided, credited, issued again; whatever crashes in between, done once and by a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.domain.examples import D
from tests.fakes.faults import Faults
from tests.stages.billing import CLOSE_AFTER_DAYS, FEBRUARY, JANUARY, MARCH, Billing, at, survives_every_crash
from tollgate.domain.errors import Conflict, Invalid, NotFound, Refused, RetryLater
from tollgate.domain.invoices import Invoice
from tollgate.stages.corrections import CorrectionPorts, credit, reissue, send_back_invoice, void

FIFTH = at("2026-02-05")
LATER = at("2026-02-10")


def ports(world: Billing) -> CorrectionPorts:
    rows = world.rows
    return CorrectionPorts(
        invoices=rows.invoices,
        contracts=rows.contracts,
        audit=rows.audit,
        stripe=world.faults.wrap(world.stripe),
        settle=world.settle_ports(),
        close=world.close_ports(),
    )


def voided(world: Billing, period: date = JANUARY, *, reason: str = "wrong customer") -> Invoice:
    return void("acme", period, reason=reason, by="mia", ports=ports(world), now=LATER)


def credited(world: Billing, amount: str = "4.00", *, reference: str = "c1", **changes: Any) -> Invoice:
    given: dict[str, Any] = {"reason": "goodwill", "by": "mia", "now": LATER} | changes
    return credit("acme", JANUARY, reference=reference, amount=D(amount), ports=ports(world), **given)


def again(world: Billing, period: date = JANUARY) -> Invoice:
    return reissue(
        "acme", period, by="mia", reason="right now", ports=ports(world), now=LATER, close_after_days=CLOSE_AFTER_DAYS
    )


def issued() -> Billing:
    """January's 10.00, open at Stripe."""
    world = Billing()
    world.issued(JANUARY, "10.00", approved=FIFTH)
    return world


def trail(world: Billing, subject: str = "2026-01-15") -> list[tuple[str, str, str]]:
    """Who, what, and the status after it."""
    return [(e.by, e.what, e.status) for e in world.rows.audit.entries("acme") if e.subject == subject]


def test_a_draft_is_sent_back_with_a_note() -> None:
    """It stays a draft, keeps the note, and says by whom; the same again changes nothing."""
    world = Billing()
    world.use(JANUARY, "10.00")
    world.close(FIFTH)
    given: dict[str, Any] = {"revision": 1, "note": "India?", "by": "mia", "invoices": world.rows.invoices}
    back = send_back_invoice("acme", JANUARY, now=LATER, **given)
    assert send_back_invoice("acme", JANUARY, now=LATER, **given) == back
    assert back.sent_back is not None
    assert (back.status, back.sent_back.text, back.version) == ("draft", "India?", 2)
    assert world.rows.audit.entries("acme")[-1].note == "India?"
    assert trail(world) == [("tollgate", "", "draft"), ("mia", "sent-back", "draft")]
    world.use(JANUARY, "1.00")
    world.close(LATER)
    assert world.invoice(JANUARY).sent_back is None


def test_a_voided_invoice_is_void_at_stripe_and_brought_forward() -> None:
    """By whom and why, before Stripe was asked; the next statement asks for the amount."""
    world = issued()
    assert voided(world).status == "void"
    assert world.stripe.invoices["in_1"].status == "void"
    assert trail(world)[-2:] == [("mia", "voiding", "open"), ("mia", "", "void")]
    assert [e.note for e in world.rows.audit.entries("acme")][-2:] == ["wrong customer"] * 2
    world.close(at("2026-03-05"))
    assert str(world.invoice(FEBRUARY).statement.total) == "10.00"


def test_voiding_lifts_what_the_invoice_suspended() -> None:
    """And tells the customer."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=FIFTH)
    void("acme", JANUARY, reason="wrong", by="mia", ports=ports(world), now=at("2026-04-01"))
    assert [hold.is_open for hold in world.holds()] == [False]
    assert "reinstated" in {kind for kind, _ in world.told()}


def test_a_void_invoice_is_voided_once() -> None:
    """A second press changes nothing, and neither does voiding what somebody voided at Stripe."""
    world = issued()
    first = voided(world)
    assert voided(world) == first
    other = issued()
    other.stripe.void("in_1")
    assert voided(other).status == "void"


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (lambda world: world.close(FIFTH), "draft"),
        (lambda world: (world.close(FIFTH), world.approve(JANUARY, FIFTH)), "approved"),
    ],
)
def test_what_stripe_does_not_have_is_not_voided(made: Callable[[Billing], object], status: str) -> None:
    """A draft is sent back; what is approved is about to be issued."""
    world = Billing()
    world.use(JANUARY, "10.00")
    made(world)
    with pytest.raises(Conflict, match=f"is {status}: there is nothing to void"):
        voided(world)


def test_a_paid_invoice_is_not_voided() -> None:
    """It is credited instead; nothing is in the trail of what was refused."""
    world = issued()
    world.stripe.pay("in_1")
    with pytest.raises(Conflict, match="there is nothing to void"):
        voided(world)
    assert trail(world)[-1][1] != "voiding"


def test_a_push_that_was_refused_halfway_can_be_voided() -> None:
    """Stripe has it open with another total than was approved: the row did not know its Stripe invoice yet."""
    world = Billing()
    world.use(JANUARY, "10.00")
    world.close(FIFTH)
    world.approve(JANUARY, FIFTH)
    real = world.stripe.finalize

    def tampered(invoice: str, *, key: str) -> Any:
        world.stripe.added[invoice].append(("by hand", D("1.00")))
        current = world.stripe.invoices[invoice]
        world.stripe.invoices[invoice] = replace(current, total=D("11.00"), remaining=D("11.00"))
        return real(invoice, key=key)

    world.stripe.finalize = tampered  # type: ignore[method-assign]  # somebody is faster
    assert world.push(JANUARY, FIFTH).push.flagged
    assert voided(world).status == "void"
    assert world.stripe.invoices["in_1"].status == "void"


@pytest.mark.parametrize("change", [{"by": " "}, {"reason": ""}])
def test_nothing_is_voided_without_a_name_and_a_reason(change: dict[str, str]) -> None:
    """Stripe is not asked."""
    world = issued()
    given = {"by": "mia", "reason": "wrong"} | change
    with pytest.raises(Invalid):
        void("acme", JANUARY, ports=ports(world), now=LATER, **given)
    assert world.stripe.invoices["in_1"].status == "open"


def test_a_credit_note_takes_off_what_is_owed() -> None:
    """At Stripe under its reference; the row follows what remains."""
    world = issued()
    assert str(credited(world).remaining) == "6.00"
    assert [(one.number, one.by) for one in world.invoice(JANUARY).credits] == [("T-1-CN-01", "mia")]
    assert world.stripe.credits["T-1-CN-01"][:3] == ("in_1", D("4.00"), D(0))
    assert trail(world)[-3:] == [("tollgate", "", "open"), ("mia", "crediting", "open"), ("mia", "credited", "open")]


def test_a_credit_of_all_that_is_owed_settles_and_lifts() -> None:
    """Nothing owed any more lifts this invoice's hold."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=FIFTH)
    assert credited(world, "10.00", now=at("2026-04-01")).status == "paid"
    assert [hold.is_open for hold in world.holds()] == [False]


def test_of_a_paid_invoice_the_credit_becomes_a_balance() -> None:
    """What was paid in part likewise: only the rest is taken off what is owed."""
    paid, partly = issued(), issued()
    paid.stripe.pay("in_1")
    paid.tell("in_1", LATER)
    credited(paid)
    assert paid.stripe.credits["T-1-CN-01"][1:3] == (D("4.00"), D("4.00"))
    partly.stripe.pay("in_1", D("8.00"))
    credited(partly)
    assert partly.stripe.credits["T-1-CN-01"][1:3] == (D("4.00"), D("2.00"))


def test_a_credit_is_not_brought_forward() -> None:
    """The customer need not pay it, now or later."""
    world = issued()
    credited(world)
    world.use(FEBRUARY, "2.00")
    world.close(at("2026-03-05"))
    assert str(world.invoice(FEBRUARY).statement.total) == "2.00"


def test_the_same_credit_twice_is_one() -> None:
    """Also after Stripe has forgotten the idempotency key."""
    world = issued()
    credited(world)
    world.stripe.forget_keys()
    kept = world.kept()
    credited(world)
    assert world.kept() == kept
    with pytest.raises(Conflict, match="says something else"):
        credited(world, "5.00")


def test_a_credit_that_stripe_refuses_credits_nothing() -> None:
    """It stays beside the invoice with Stripe's words, and another can be given."""
    world = issued()
    world.faults = Faults(at=1, only="credit_note", error=Refused("no"))
    assert [(one.refused, one.number) for one in credited(world).credits] == [("no", "")]
    assert trail(world)[-1] == ("mia", "credit-refused", "open")
    world.faults = Faults()
    assert str(credited(world, "10.00", reference="c2").remaining) == "0.00"


def test_the_daily_run_finishes_a_credit_that_stripe_could_not_take() -> None:
    """Written and not issued: the next run issues it, once."""
    world = issued()
    world.faults = Faults(at=1, only="credit_note", error=RetryLater("busy"))
    with pytest.raises(RetryLater):
        credited(world)
    world.faults = Faults()
    for _ in range(2):
        assert world.daily(LATER).failed == []
    assert [one.number for one in world.invoice(JANUARY).credits] == ["T-1-CN-01"]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("step", ["void", "credit"])
def test_a_failure_that_stripe_has_stored_is_got_past(step: str, done: bool) -> None:
    """Its work done or not: under the same key it would be answered for a day."""
    world = issued()
    world.stripe.break_down(step, done=done)
    if step == "void":
        assert voided(world).status == "void"
    else:
        assert str(credited(world).remaining) == "6.00"
        assert len(world.stripe.credits) == 1


@pytest.mark.parametrize("act", [voided, credited])
def test_a_crash_anywhere_is_healed_by_a_repeat(act: Callable[[Billing], object]) -> None:
    """Before or after any call: it ends as without a crash."""
    survives_every_crash(issued, act)


def test_credits_settle_with_stripes_own_events_in_between() -> None:
    """An event about the note moves the row first: it is read again."""
    world = issued()
    real = world.stripe.credit_note

    def meanwhile(invoice: str, **given: Any) -> str:
        number = real(invoice, **given)
        world.tell("in_1", LATER)
        return number

    world.stripe.credit_note = meanwhile  # type: ignore[method-assign]  # Stripe is faster
    assert str(credited(world).remaining) == "6.00"
    assert len(world.stripe.credits) == 1


def test_a_void_invoice_is_issued_again_under_a_new_revision() -> None:
    """At its usage of now, approved anew, a new invoice at Stripe; no later draft brings it forward as well."""
    world = issued()
    voided(world)
    world.use(JANUARY, "1.00")
    world.use(FEBRUARY, "2.00")
    now = at("2026-03-05")
    world.close(now)
    assert str(world.invoice(FEBRUARY).statement.total) == "13.00"
    reissued = reissue(
        "acme", JANUARY, by="mia", reason="right", ports=ports(world), now=now, close_after_days=CLOSE_AFTER_DAYS
    )
    assert (reissued.status, reissued.revision, str(reissued.statement.total)) == ("draft", 3, "11.00")
    assert str(world.invoice(FEBRUARY).statement.total) == "2.00"
    world.approve(JANUARY, now)
    assert world.push(JANUARY, now).stripe_invoice == "in_2"
    assert trail(world)[4:6] == [("mia", "", "void"), ("mia", "issued-again", "draft")]


def test_an_invoice_that_is_issued_again_is_dunned_again() -> None:
    """It was past due, suspended its tenant and was voided: issued again and not paid, it is told of, suspends, and is
    paid as if nothing had been; nothing of the first time is said or lifted twice."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=FIFTH)
    second = at("2026-03-02")
    void("acme", JANUARY, reason="wrong", by="mia", ports=ports(world), now=second)
    reissue(
        "acme", JANUARY, by="mia", reason="right", ports=ports(world), now=second, close_after_days=CLOSE_AFTER_DAYS
    )
    world.approve(JANUARY, second)
    stripe_invoice = world.push(JANUARY, second).stripe_invoice
    for day in ("2026-03-16", "2026-03-17", "2026-03-18", "2026-03-24", "2026-03-25"):
        assert world.daily(at(day)).failed == []
    assert [(hold.reference, hold.is_open) for hold in world.holds()] == [("2026-01-15", False), ("2026-01-15/1", True)]
    world.stripe.pay(stripe_invoice)
    world.tell(stripe_invoice, at("2026-03-26"))
    assert [hold.is_open for hold in world.holds()] == [False, False]
    assert [(kind, day) for kind, day in world.told() if day >= date(2026, 3, 16)] == [
        ("overdue", date(2026, 3, 17)),
        ("suspended", date(2026, 3, 24)),
        ("reinstated", date(2026, 3, 26)),
    ]
    assert [kind for kind, _ in world.told()].count("overdue") == 2


def test_what_was_brought_forward_is_not_issued_again() -> None:
    """The later statement is approved and asks for it."""
    world = issued()
    voided(world)
    world.close(at("2026-03-05"))
    world.approve(FEBRUARY, at("2026-03-05"))
    with pytest.raises(Conflict, match="was brought forward by the statement of 2026-02-01"):
        again(world)


def test_of_two_who_issue_again_and_approve_the_later_one_wins_only_one() -> None:
    """February, with January brought forward, is approved while January is issued again."""
    world = issued()
    voided(world)
    world.close(at("2026-03-05"))
    saved = world.memory
    real = ports(world)
    later = world.invoice(FEBRUARY)

    class Invoices:
        def __getattr__(self, name: str) -> Any:
            return getattr(real.invoices, name)

        def save(self, *given: Any, **more: Any) -> Any:
            saved.invoices["acme", FEBRUARY] = replace(later, status="approved", version=later.version + 1)
            return real.invoices.save(*given, **more)

    with pytest.raises(Conflict):
        reissue(
            "acme",
            JANUARY,
            by="mia",
            reason="right",
            ports=replace(real, invoices=Invoices()),
            now=LATER,
            close_after_days=CLOSE_AFTER_DAYS,
        )
    assert world.invoice(JANUARY).status == "void"


def test_what_does_not_exist_is_not_corrected() -> None:
    """A period without an invoice."""
    with pytest.raises(NotFound):
        voided(issued(), MARCH)
