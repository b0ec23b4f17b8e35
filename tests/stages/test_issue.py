"""Issuing: what was approved is what was read, and it reaches Stripe once, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.examples import contract
from tests.fakes.faults import Crash, Faults
from tests.stages.billing import (
    FEBRUARY,
    FREE,
    INDIA,
    JANUARY,
    NORTH,
    TENANT,
    Billing,
    at,
    survives_every_crash,
)
from tollgate.domain.errors import Conflict, Invalid, NotFound, RetryLater, RevisionChanged
from tollgate.domain.statement import Line
from tollgate.domain.usage import Cell
from tollgate.stages.issue import MAX_LINES, MAX_PUSHES, foldable
from tollgate.stages.ports.stripe import Contact

FRIDAY = at("2026-02-06")
STEPS = ("customer", "invoice", "lines", "due", "finalize", "send")
IDENTITY = {"tenant": TENANT, "period": "2026-01-15", "revision": "1"}


def drafted(fees: str = "12.34") -> Billing:
    """A draft of January with two lines."""
    world = Billing()
    world.use(JANUARY, fees)
    world.use("2026-01-20", "0.66", cell=INDIA)
    world.close(at("2026-02-05"))
    return world


def approved(fees: str = "12.34") -> Billing:
    """A draft of January that is approved, and not in Stripe yet."""
    world = drafted(fees)
    world.approve(JANUARY, FRIDAY)
    return world


def started(world: Billing) -> str:
    """Stop a push right after the draft was created at Stripe. Returns its id."""
    world.faults = Faults(at=1, after=True, only="create_invoice")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    return next(iter(world.stripe.invoices))


def keep_pushing(world: Billing) -> None:
    """What the queue does: again for as long as it is to be tried later."""
    for _ in range(MAX_PUSHES):
        try:
            world.push(JANUARY, FRIDAY)
        except RetryLater:
            continue
        return


def is_issued_once(world: Billing) -> None:
    """One customer, one invoice, one set of lines, sent, and the row says so."""
    assert len(world.stripe.customers) == 1
    (issued,) = world.stripe.invoices.values()
    invoice = world.invoice(JANUARY)
    assert (issued.status, issued.total) == ("open", invoice.statement.total)
    assert sorted(world.stripe.added[issued.id]) == sorted((line.key, line.amount) for line in invoice.statement.lines)
    assert set(world.stripe.sent) == {issued.id}
    assert (invoice.status, invoice.stripe_invoice) == ("open", issued.id)
    assert (invoice.push.flagged, invoice.push.error) == (False, "")


def test_an_approval_names_revision_and_person_and_sets_the_due_date() -> None:
    """Fourteen days after the contract's day of the approval: late on Friday in Chicago is Saturday in UTC."""
    world = drafted()
    invoice = world.approve(JANUARY, at("2026-02-07", "03:00"), revision=1, by="jo")
    assert (invoice.status, invoice.approved_by, invoice.due_date) == ("approved", "jo", date(2026, 2, 20))
    assert invoice.approved_at == at("2026-02-07", "03:00")
    assert world.memory.audit[-1]["by"] == "jo"


def test_an_approval_of_what_has_moved_is_refused_and_shows_what_changed() -> None:
    """The named revision is compared with the current one, line by line; nothing is written."""
    world = drafted()
    world.use(JANUARY, "1.00", messages=4)
    world.close(at("2026-02-06"))
    before = world.kept()
    with pytest.raises(RevisionChanged) as refused:
        world.approve(JANUARY, FRIDAY, revision=1)
    assert (refused.value.named, refused.value.current) == (1, 2)
    assert refused.value.differences == (
        "total: 13.00 -> 14.00",
        "marketing/North America: 1 messages 12.34 -> 5 messages 13.34",
    )
    assert world.kept() == before


def test_a_revision_that_never_existed_cannot_be_approved() -> None:
    """Naming a revision ahead of the current one is refused too."""
    with pytest.raises(RevisionChanged, match="never existed"):
        drafted().approve(JANUARY, FRIDAY, revision=2)


def test_approving_twice_is_the_same_for_the_same_person_and_a_conflict_for_another() -> None:
    """The first approval stands with its time and due date, also once the invoice is issued."""
    world = approved()
    first = world.invoice(JANUARY)
    assert world.approve(JANUARY, at("2026-02-09")) == first
    with pytest.raises(Conflict, match="is approved, not draft"):
        world.approve(JANUARY, FRIDAY, by="someone else")
    world.push(JANUARY, FRIDAY)
    issued = world.invoice(JANUARY)
    assert world.approve(JANUARY, at("2026-02-10")) == issued


def test_nobody_approves_without_a_name() -> None:
    """An empty name is refused, not taken for the nobody who has approved a draft so far."""
    world = drafted()
    for name in ("", "  "):
        with pytest.raises(Invalid, match="by"):
            world.approve(JANUARY, FRIDAY, by=name)
    assert world.invoice(JANUARY).status == "draft"


def test_only_an_invoice_that_exists_and_has_something_to_pay_can_be_approved() -> None:
    """A nil statement is a conflict, an unknown period is not found."""
    world = Billing()
    world.close(at("2026-02-05"))
    with pytest.raises(Conflict, match="is nil"):
        world.approve(JANUARY, FRIDAY)
    with pytest.raises(NotFound):
        world.approve(FEBRUARY, FRIDAY, revision=1)


def test_a_crash_around_any_call_of_an_approval_changes_nothing_about_it() -> None:
    """Approving again after a crash ends in the one approval."""
    survives_every_crash(drafted, lambda world: world.approve(JANUARY, FRIDAY))


def test_a_push_creates_fills_compares_finalizes_and_sends() -> None:
    """Stripe's invoice carries our identity, the lines, and the end of the due date in the contract's zone."""
    world = approved()
    invoice = world.push(JANUARY, FRIDAY)
    is_issued_once(world)
    issued = world.stripe.invoices[invoice.stripe_invoice]
    assert dict(issued.metadata) == IDENTITY
    assert issued.due_at == at("2026-02-21", "05:59").replace(second=59)
    assert (invoice.number, invoice.hosted_url, invoice.pdf_url) == (issued.number, issued.hosted_url, issued.pdf_url)
    assert invoice.remaining == Decimal("13.00")


@pytest.mark.parametrize("status", ["draft", "nil", "open"])
def test_only_what_is_approved_is_pushed(status: str) -> None:
    """A draft, a nil statement and an issued invoice are left alone, and Stripe is not asked."""
    makers: dict[str, Callable[[], Billing]] = {"draft": drafted, "nil": Billing, "open": approved}
    world = makers[status]()
    world.close(at("2026-02-05"))
    if status == "open":
        world.push(JANUARY, FRIDAY)
    before = world.kept()
    world.faults = Faults()
    assert world.push(JANUARY, FRIDAY).status == status
    assert world.kept() == before
    assert world.faults.calls == ["MemoryInvoices.invoice"]


def test_a_crash_around_every_call_issues_exactly_once() -> None:
    """Before and after each call to the rows and to Stripe: one invoice, one set of lines, sent once."""
    expected = survives_every_crash(approved, lambda world: world.push(JANUARY, FRIDAY))
    assert len(expected["stripe invoices"]) == len(expected["sent"]) == 1


def test_a_crash_followed_by_a_retry_days_later_issues_exactly_once() -> None:
    """Once Stripe has forgotten its keys, what is there already is found, not created again."""

    def forgetful() -> Billing:
        world = approved()
        world.stripe.answers = _Forgetting()
        return world

    expected = survives_every_crash(forgetful, lambda world: world.push(JANUARY, FRIDAY))
    assert len(expected["stripe invoices"]) == len(expected["sent"]) == 1


class _Forgetting(dict[str, tuple[object, Any]]):
    """Answers that are kept for one call only."""

    def __contains__(self, key: object) -> bool:
        self.clear()
        return False


@pytest.mark.parametrize("after", [False, True])
def test_no_answer_before_or_after_any_call_to_stripe_is_tried_again(*, after: bool) -> None:
    """A timeout leaves the invoice approved with the error kept and the key as it was; a retry issues it once."""
    quiet = approved()
    quiet.push(JANUARY, FRIDAY)
    names = [name for name in quiet.faults.calls if name.startswith("MemoryStripe.")]
    assert len(names) == 10
    for name in dict.fromkeys(names):
        world = approved()
        world.faults = Faults(at=1, after=after, error=RetryLater("no answer"), only=name.partition(".")[2])
        with pytest.raises(RetryLater):
            world.push(JANUARY, FRIDAY)
        push = world.invoice(JANUARY).push
        assert (world.invoice(JANUARY).status, push.attempts, push.key_attempt) == ("approved", 1, 0), name
        assert (push.error, push.flagged) == ("no answer", False)
        world.push(JANUARY, FRIDAY)
        is_issued_once(world)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_server_error_that_stripe_stored_is_got_past_with_another_key(step: str, *, done: bool) -> None:
    """Whether the work behind a stored error was done or not, the retry looks first and issues once."""
    world = approved()
    world.stripe.break_down(step, done=done)
    keep_pushing(world)
    is_issued_once(world)


def test_a_server_error_moves_the_key_on_once() -> None:
    """The error is kept with the invoice until it is issued."""
    world = approved()
    world.stripe.break_down("finalize", done=False)
    with pytest.raises(RetryLater):
        world.push(JANUARY, FRIDAY)
    push = world.invoice(JANUARY).push
    assert (push.attempts, push.key_attempt, push.error) == (1, 1, "finalize: Stripe answered 500")


def test_a_key_that_was_used_with_other_parameters_is_left_behind() -> None:
    """A contract that changes its name between two tries changes the request, and so needs another key."""
    world = approved()
    world.faults = Faults(at=1, after=True, error=RetryLater("no answer"), only="create_invoice")
    with pytest.raises(RetryLater):
        world.push(JANUARY, FRIDAY)
    world.stripe.delete("in_1")
    world.sign(contract(allowances=FREE, name="Acme Group, Inc."))
    keep_pushing(world)
    is_issued_once(world)


def test_a_refusal_is_flagged_with_stripes_message_and_stays_approved() -> None:
    """It is not tried again by the queue; the metric is what wakes somebody."""
    world = approved()
    started(world)
    world.stripe.added["in_1"].append(("by-hand", Decimal("1.00")))
    invoice = world.push(JANUARY, FRIDAY)
    assert (invoice.status, invoice.push.flagged) == ("approved", True)
    assert invoice.push.error == "the lines of Stripe's draft differ from the approved statement"
    assert world.counted == ["InvoicePushFlagged"]
    assert world.stripe.invoices["in_1"].status == "draft"


def test_after_so_many_tries_it_is_flagged_and_the_queue_is_told_to_stop() -> None:
    """Four tries raise RetryLater; the fifth flags the invoice with the last error and returns it."""
    world = approved()
    for _ in range(MAX_PUSHES - 1):
        world.faults = Faults(at=1, error=RetryLater("no answer"), only="find_invoice")
        with pytest.raises(RetryLater):
            world.push(JANUARY, FRIDAY)
        assert not world.invoice(JANUARY).push.flagged
    world.faults = Faults(at=1, error=RetryLater("no answer"), only="find_invoice")
    invoice = world.push(JANUARY, FRIDAY)
    assert (invoice.push.flagged, invoice.push.attempts, invoice.push.error) == (True, MAX_PUSHES, "no answer")
    assert world.counted == ["InvoicePushFlagged"]


def test_a_flagged_invoice_is_tried_once_a_day_and_issued_once_when_the_cause_is_gone() -> None:
    """Each daily run tries it once and names it; mended at Stripe, the next one issues it and takes the flag away."""
    world = approved()
    draft = started(world)
    world.stripe.added[draft].append(("by-hand", Decimal("1.00")))
    world.push(JANUARY, FRIDAY)
    world.faults = Faults()
    assert world.daily(at("2026-02-07")).flagged == ["acme/2026-01-15"]
    assert sum(name.endswith("find_invoice") for name in world.faults.calls) == 1
    assert world.counted == ["InvoicePushFlagged"] * 2
    world.stripe.delete(draft)
    assert world.daily(at("2026-02-08")).issued == ["acme/2026-01-15"]
    is_issued_once(world)


def test_a_refusal_that_stripe_would_repeat_under_its_key_does_not_outlive_its_cause() -> None:
    """The same day, with Stripe's keys still kept: a draft deleted at Stripe is created anew, under a new key."""
    world = approved()
    world.stripe.delete(started(world))
    assert world.push(JANUARY, FRIDAY).push.flagged
    world.push(JANUARY, FRIDAY)
    is_issued_once(world)


def test_a_draft_that_was_filled_in_part_is_completed() -> None:
    """What is there is not added again; what is missing is."""
    world = approved()
    draft = started(world)
    line = world.invoice(JANUARY).statement.lines[0]
    world.stripe.added[draft] = [(line.key, line.amount)]
    world.push(JANUARY, FRIDAY)
    is_issued_once(world)


@pytest.mark.parametrize(
    ("present", "why"),
    [
        ([("marketing/North America", "12.35")], "another amount"),
        ([("by-hand", "1.00")], "a line that is none of ours"),
        ([("marketing/North America", "12.34"), ("marketing/North America", "12.34")], "a line twice"),
        ([("marketing/North America", "12.34"), ("utility/India", "0.66"), ("by-hand", "0.00")], "one line more"),
        ([("marketing/North America", "12.33"), ("utility/India", "0.67")], "the same total"),
    ],
)
def test_lines_that_differ_from_the_statement_are_never_finalized(present: list[tuple[str, str]], why: str) -> None:
    """One cent, one line or one key: it is flagged, and stays a draft at Stripe."""
    world = approved()
    draft = started(world)
    world.stripe.added[draft] = [(key, Decimal(amount)) for key, amount in present]
    invoice = world.push(JANUARY, FRIDAY)
    assert invoice.push.flagged, why
    assert world.stripe.invoices[draft].status == "draft"
    assert world.stripe.sent == []


def test_a_total_that_differs_at_stripe_is_not_sent() -> None:
    """A tax that somebody switched on, say: refused after finalizing, with both amounts."""
    world = approved()
    issue = world.stripe.finalize

    def taxed(invoice: str, *, key: str) -> object:
        issue(invoice, key=key)
        world.stripe.invoices[invoice] = replace(world.stripe.invoices[invoice], total=Decimal("14.30"))
        return world.stripe.invoices[invoice]

    world.stripe.finalize = taxed  # type: ignore[method-assign, assignment]
    invoice = world.push(JANUARY, FRIDAY)
    assert invoice.push.error == "Stripe's total is 14.30, the approved total 13.00"
    assert (invoice.status, world.stripe.sent) == ("approved", [])


@pytest.mark.parametrize(
    ("happens", "status"),
    [("pay", "paid"), ("void", "void"), ("write_off", "uncollectible")],
)
def test_what_happens_at_stripe_between_two_tries_is_what_the_row_says(happens: str, status: str) -> None:
    """Finalized, then a crash, then paid, voided or written off: taken over, and not sent any more."""
    world = approved()
    world.faults = Faults(at=1, only="send")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    getattr(world.stripe, happens)("in_1")
    assert world.push(JANUARY, FRIDAY).status == status
    assert world.stripe.sent == []


def test_the_event_of_finalizing_does_not_keep_an_invoice_from_being_sent() -> None:
    """Stripe's event may come before the mail is asked for; after a crash in between, the mail still goes out."""
    world = approved()
    world.faults = Faults(at=1, only="send")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    world.tell("in_1", FRIDAY)
    world.push(JANUARY, FRIDAY)
    is_issued_once(world)


def test_a_payment_that_comes_before_the_row_knows_its_stripe_invoice_is_not_lost() -> None:
    """The event overtakes the saving: the row is paid, and pushing again leaves it so."""
    world = approved()
    world.faults = Faults(at=1, after=True, only="send")
    with pytest.raises(Crash):
        world.push(JANUARY, FRIDAY)
    world.stripe.pay("in_1")
    settled = world.tell("in_1", FRIDAY)
    assert settled is not None
    assert (settled.status, settled.stripe_invoice) == ("paid", "in_1")
    assert world.push(JANUARY, FRIDAY) == settled


@pytest.mark.parametrize("step", ["find_invoice", "create_invoice", "add_lines", "finalize", "send"])
def test_two_pushes_at_the_same_time_issue_once(step: str) -> None:
    """The second runs while the first is anywhere: the same keys and the row's version leave one invoice, and the first
    finds it issued."""
    world = approved()
    real: Callable[..., object] = getattr(world.stripe, step)

    def meanwhile(*args: object, **named: object) -> object:
        setattr(world.stripe, step, real)
        answer = real(*args, **named)
        world.push(JANUARY, FRIDAY)
        return answer

    setattr(world.stripe, step, meanwhile)
    assert world.push(JANUARY, FRIDAY) == world.invoice(JANUARY)
    is_issued_once(world)
    assert world.stripe.sent == ["in_1"]


def test_an_invoice_that_keeps_moving_is_pushed_later() -> None:
    """A conflict that does not end is raised: the queue brings the approval again."""
    world = approved()
    world.faults = Faults(only="save", error=Conflict("moved"), always=True)
    with pytest.raises(Conflict):
        world.push(JANUARY, FRIDAY)
    world.faults = Faults()
    assert world.push(JANUARY, FRIDAY).status == "open"
    is_issued_once(world)


@pytest.mark.parametrize(
    ("issued_at", "due"),
    [
        (at("2026-02-21", "05:59"), date(2026, 2, 20)),
        (at("2026-02-21", "06:00"), date(2026, 3, 7)),
    ],
)
def test_a_due_date_counts_from_the_approval_unless_it_went_by_before_the_invoice_was_issued(
    issued_at: datetime, due: date
) -> None:
    """In the second case from the day of issuing; a crash after finalizing keeps what the customer was told."""
    world = approved()
    world.faults = Faults(at=1, only="send")
    with pytest.raises(Crash):
        world.push(JANUARY, issued_at)
    assert world.push(JANUARY, issued_at + timedelta(days=3)).due_date == due
    is_issued_once(world)


def test_negative_lines_are_issued_with_the_others() -> None:
    """What the allowance takes off is a line below zero, and the total is what is left."""
    whatsapp = {"measure": "fees", "included": "10.00", "warn_at": [], "beyond": "bill"}
    world = Billing(contract=contract(allowances={"whatsapp": whatsapp}))
    world.issued(JANUARY, "12.34", approved=FRIDAY)
    is_issued_once(world)
    assert dict(world.stripe.added["in_1"])["allowance/whatsapp"] == Decimal("-10.00")
    assert world.stripe.invoices["in_1"].total == Decimal("2.34")


def test_yen_are_issued_in_whole_yen() -> None:
    """A currency without decimals is rounded at the invoice, and compared to the yen."""
    world = Billing(contract=contract(allowances=FREE, currency="JPY"))
    world.use("2026-01-20", "100.4", cell=INDIA)
    world.issued(JANUARY, "1234.5", approved=FRIDAY)
    is_issued_once(world)
    assert (world.stripe.invoices["in_1"].currency, world.stripe.invoices["in_1"].total) == ("jpy", Decimal(1335))
    assert world.invoice(JANUARY).statement.total.as_tuple().exponent == 0


def test_more_lines_than_stripe_takes_are_folded_and_still_add_up() -> None:
    """Of 251 lines the 249 largest stay as they are; the others become one, and nothing is lost."""
    world = Billing()
    for number in range(MAX_LINES + 1):
        world.use(JANUARY, f"{number + 1}.00", cell=Cell("whatsapp", "marketing", f"market {number:03}"), messages=2)
    world.close(at("2026-02-05"))
    world.approve(JANUARY, FRIDAY)
    invoice = world.push(JANUARY, FRIDAY)
    assert invoice.status == "open"
    added = world.stripe.added["in_1"]
    assert len(added) == MAX_LINES
    assert dict(added)["other"] == Decimal("3.00")
    assert sum(amount for _, amount in added) == world.stripe.invoices["in_1"].total == invoice.statement.total


def test_folding_keeps_the_largest_amounts_of_either_sign_in_their_order() -> None:
    """Up to the limit nothing is folded; beyond it quantities and amounts of the rest are added."""
    lines = [
        Line(key=str(n), description="", quantity=n, amount=Decimal(amount))
        for n, amount in enumerate((-9, 2, 8, 1, 7))
    ]
    assert foldable(lines, most=5) == lines
    folded = foldable(lines, most=4)
    assert [(line.key, line.quantity, line.amount) for line in folded] == [
        ("0", 0, Decimal(-9)),
        ("2", 2, Decimal(8)),
        ("4", 4, Decimal(7)),
        ("other", 4, Decimal(3)),
    ]
    assert folded[-1].description == "2 smaller lines, see the statement"


def test_a_period_that_was_voided_is_issued_once_more_within_the_next_one() -> None:
    """Its own row stays void; a second push of it does nothing."""
    world = approved()
    world.stripe.void(world.push(JANUARY, FRIDAY).stripe_invoice)
    world.tell("in_1", FRIDAY)
    assert world.push(JANUARY, FRIDAY).status == "void"
    world.use(FEBRUARY, "1.00", cell=NORTH)
    world.close(at("2026-03-05"))
    world.approve(FEBRUARY, at("2026-03-05"))
    world.push(FEBRUARY, at("2026-03-05"))
    assert [invoice.total for invoice in world.stripe.invoices.values()] == [Decimal("13.00"), Decimal("14.00")]


def test_an_invoice_goes_to_the_billing_contact_of_the_day_it_is_issued() -> None:
    """Not to the period's: also a draft that Stripe has already is finalized for the new one. What is out stays as it
    was made, and the next invoice follows."""
    old = Contact(name="Acme Retail, Inc.", email="ap@acme.example")
    new = Contact(name="Acme Holdings, Inc.", email="payables@acme.example")
    world = approved()
    stripe_id = started(world)
    contacts = {"usage": ["ops@acme.example"], "billing": [new.email]}
    world.sign(contract(allowances=FREE, name=new.name, contacts=contacts, **{"from": "2026-02-01"}))
    world.push(JANUARY, FRIDAY)
    assert world.stripe.addressed == {stripe_id: new}
    world.sign(contract(allowances=FREE, **{"from": "2026-03-01"}))
    world.use(FEBRUARY, "3.00")
    world.close(at("2026-03-05"))
    world.approve(FEBRUARY, at("2026-03-05"))
    second = world.push(FEBRUARY, at("2026-03-05"))
    assert world.stripe.addressed == {stripe_id: new, second.stripe_invoice: old}
