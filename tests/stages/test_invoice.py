"""The daily run: each step for each tenant, nobody told off twice, too early, or for what is paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.domain.examples import contract
from tests.fakes.faults import Faults
from tests.stages.billing import FEBRUARY, FREE, JANUARY, TENANT, Billing, at, survives_every_crash
from tollgate.domain.contract import Contract
from tollgate.domain.errors import RetryLater
from tollgate.domain.notices import Hold

FRIDAY = at("2026-02-06")
"""The day of the approval: the invoice is due through 20 February in Chicago, which ends at 06:00 UTC of the 21st."""
NAME = f"{TENANT}/2026-01-15"


def issued(terms: Contract | None = None) -> Billing:
    """January, issued as ``in_1``."""
    world = Billing(contract=terms) if terms else Billing()
    world.issued(JANUARY, "12.34", approved=FRIDAY)
    return world


def every_day(world: Billing, first: str, days: int) -> None:
    """The daily run at noon UTC, day after day."""
    for day in range(days):
        world.daily(at(first) + timedelta(days=day))


def test_an_unpaid_invoice_goes_one_rung_at_a_time() -> None:
    """Through its due date nothing; the day after, the notice; seven days after that, the hold, once each."""
    world = issued()
    every_day(world, "2026-02-06", 40)
    assert world.told() == [("overdue", date(2026, 2, 21)), ("suspended", date(2026, 2, 28))]
    (notice, _) = world.notices()
    assert (notice.suspend_on, notice.used) == (date(2026, 2, 28), Decimal("12.34"))
    assert [(hold.scope, hold.cause, hold.reference, hold.is_open) for hold in world.holds()] == [
        ("all", "overdue", "2026-01-15", True)
    ]


@pytest.mark.parametrize(
    ("moment", "overdue"),
    [(at("2026-02-21", "05:59"), False), (at("2026-02-21", "06:00"), True)],
)
def test_an_invoice_is_due_through_the_end_of_its_due_date_in_the_contracts_zone(
    moment: datetime, *, overdue: bool
) -> None:
    """To the minute, in Chicago."""
    world = issued()
    assert (world.daily(moment).overdue == [NAME]) is overdue


def test_a_suspension_is_as_many_days_after_the_notice_as_the_contract_says() -> None:
    """Counted from the day the notice was given, to the contract's midnight."""
    world = issued(contract(allowances=FREE, payment={"days_until_due": 14, "suspend_after_days": 3}))
    world.daily(at("2026-02-22"))
    assert world.daily(at("2026-02-25", "05:59")).suspended == []
    assert world.daily(at("2026-02-25", "06:00")).suspended == [NAME]


def test_a_run_that_was_missed_for_weeks_still_gives_the_whole_notice_period() -> None:
    """Forty days late: first the notice, never both in one run, and the hold seven days later."""
    world = issued()
    report = world.daily(at("2026-04-01"))
    assert (report.overdue, report.suspended) == ([NAME], [])
    assert world.daily(at("2026-04-07")).suspended == []
    assert world.daily(at("2026-04-08")).suspended == [NAME]


def test_a_contract_that_shortens_the_notice_does_not_shorten_one_that_was_given() -> None:
    """The day that the notice named holds."""
    world = issued()
    world.daily(at("2026-02-21"))
    world.sign(contract(allowances=FREE, payment={"days_until_due": 14, "suspend_after_days": 1}))
    assert world.daily(at("2026-02-23")).suspended == []
    assert world.daily(at("2026-02-28")).suspended == [NAME]


def test_runs_repeated_on_the_same_day_write_nothing() -> None:
    """Neither on a quiet day nor on those of the notice and the hold."""
    world = issued()
    for day in ("2026-02-10", "2026-02-21", "2026-02-28", "2026-03-05"):
        world.daily(at(day))
        before, written = world.kept(), len(world.memory.audit)
        again = world.daily(at(day, "13:00"))
        assert (world.kept(), len(world.memory.audit)) == (before, written)
        assert (again.overdue, again.suspended, again.settled, again.failed) == ([], [], [], [])


@pytest.mark.parametrize("day", ["2026-02-10", "2026-02-21", "2026-02-28"])
def test_nobody_is_told_off_for_an_invoice_that_is_paid_at_stripe(day: str) -> None:
    """The payment's event was lost; the run asks Stripe before each rung."""
    world = issued()
    if day == "2026-02-28":
        world.daily(at("2026-02-21"))
    told = world.told()
    world.stripe.pay("in_1")
    assert world.daily(at(day)).settled == [NAME]
    assert world.invoice(JANUARY).status == "paid"
    every_day(world, day, 20)
    assert world.told() == told
    assert world.holds() == []


def test_a_suspended_customer_whose_payment_was_not_heard_of_is_reinstated_by_the_next_run() -> None:
    """No rung is left to climb, and still Stripe is asked."""
    world = issued()
    every_day(world, "2026-02-21", 10)
    world.stripe.pay("in_1")
    assert world.daily(at("2026-03-10")).settled == [NAME]
    assert [hold.is_open for hold in world.holds()] == [False]
    assert world.told()[-1] == ("reinstated", date(2026, 3, 10))


def test_a_written_off_invoice_is_dunned_no_more_and_followed_still() -> None:
    """Marked uncollectible after its notice: no hold follows; paid after all: settled."""
    world = issued()
    world.daily(at("2026-02-21"))
    world.stripe.write_off("in_1")
    every_day(world, "2026-02-22", 20)
    assert world.invoice(JANUARY).status == "uncollectible"
    assert [kind for kind, _ in world.told()] == ["overdue"]
    world.stripe.pay("in_1")
    assert world.daily(at("2026-04-01")).settled == [NAME]


def test_a_payment_of_one_invoice_leaves_the_ladder_of_another() -> None:
    """Two unpaid invoices: each has its own notice, hold and reinstatement."""
    world = issued()
    world.use(FEBRUARY, "5.00")
    world.daily(at("2026-03-04"))
    world.approve(FEBRUARY, at("2026-03-05"))
    every_day(world, "2026-03-05", 40)
    assert [(kind, period) for kind, period in world.told()] == [
        ("overdue", date(2026, 3, 4)),
        ("suspended", date(2026, 3, 11)),
        ("overdue", date(2026, 3, 20)),
        ("suspended", date(2026, 3, 27)),
    ]
    world.stripe.pay("in_2")
    world.daily(at("2026-04-20"))
    assert {hold.reference: hold.is_open for hold in world.holds()} == {"2026-01-15": True, "2026-02-01": False}


def test_an_approved_invoice_is_issued_and_not_dunned_in_the_same_run() -> None:
    """However late it is: what could not be issued for weeks has its days for payment from the day it is issued."""
    world = Billing()
    world.use(JANUARY, "12.34")
    world.close(at("2026-02-05"))
    world.approve(JANUARY, FRIDAY)
    report = world.daily(at("2026-04-01"))
    assert (report.issued, report.overdue) == ([NAME], [])
    assert world.invoice(JANUARY).due_date == date(2026, 4, 15)
    assert world.stripe.invoices["in_1"].due_at == at("2026-04-16", "04:59").replace(second=59)
    assert world.daily(at("2026-04-15")).overdue == []
    assert world.daily(at("2026-04-16")).overdue == [NAME]


def test_the_run_does_all_of_its_steps() -> None:
    """Limit holds, drafts, issuing, notices: named by tenant and period in the report."""
    world = issued()
    limit = Hold(tenant=TENANT, scope="sms", cause="limit", reference="2025-01-15", opened_at=at("2025-06-01"))
    world.memory.contracts.clear()
    world.contract = contract(allowances=FREE, term={"start": "2025-01-15", "months": 12})
    world.sign(world.contract)
    world.memory.holds[TENANT, limit.identity] = limit
    world.use("2025-01-20", "1.00")
    report = world.daily(at("2026-02-21"))
    assert report.lifted == [f"{TENANT}/sms#limit#2025-01-15"]
    assert report.drafted[0] == f"{TENANT}/2025-01-15"
    assert report.overdue == [NAME]
    assert report.failed == []


def other() -> Contract:
    """A tenant that comes after the example's."""
    return contract(allowances=FREE, tenant="zeta", term={"start": "2026-02-01", "months": 12})


def test_a_step_that_fails_leaves_the_others_and_is_named_and_counted() -> None:
    """Stripe unreachable for one invoice: the rest of the run, and the next tenant, go on."""
    world = issued()
    world.sign(other())
    world.faults = Faults(at=1, error=RetryLater("no answer"), only="invoice")
    report = world.daily(at("2026-03-04"))
    assert report.failed == [f"{TENANT}: open invoice 2026-01-15: no answer"]
    assert report.drafted == [f"{TENANT}/2026-02-01", "zeta/2026-02-01"]
    assert world.counted == ["TenantRunFailed"]


@pytest.mark.parametrize(("only", "at_call"), [("invoices", 2), ("holds", 1), ("versions", 2)])
def test_rows_that_cannot_be_read_fail_one_tenant_only(only: str, at_call: int) -> None:
    """Whichever read it is; the next run does what was missed."""
    world = issued()
    world.sign(other())
    world.faults = Faults(at=at_call, error=RetryLater("busy"), only=only)
    report = world.daily(at("2026-03-04"))
    assert len(report.failed) == 1
    assert "zeta/2026-02-01" in report.drafted
    world.daily(at("2026-03-04", "13:00"))
    assert [kind for kind, _ in world.told()] == ["overdue"]


def test_an_error_that_nothing_foresaw_ends_one_tenants_turn_and_fails_the_run() -> None:
    """The others have theirs, finance is called, the row and the metric name who did not, by kind alone; the error
    leaves the run. The next one, once it is mended, does what was missed."""
    world = issued()
    world.sign(other())
    world.faults = Faults(at=1, error=KeyError("+4915112345678"), only="invoice")
    with pytest.raises(KeyError):
        world.daily(at("2026-03-04"))
    assert set(world.memory.invoices) >= {(TENANT, FEBRUARY), ("zeta", FEBRUARY)}
    [run] = world.rows.runs.last("invoice")
    assert run.report["failed"] == (f"{TENANT}: unforeseen: KeyError",)
    assert world.counted == ["TenantRunFailed"]
    assert world.daily(at("2026-03-04", "13:00")).overdue == [NAME]


def test_of_two_tenants_with_errors_both_are_named() -> None:
    """One of the errors leaves the run; the row has both."""
    world = issued()
    world.sign(other())
    world.faults = Faults(error=AssertionError("broken"), only="versions", always=True)
    with pytest.raises(AssertionError):
        world.daily(at("2026-03-04"))
    [run] = world.rows.runs.last("invoice")
    assert [said.partition(":")[0] for said in run.report["failed"]] == [TENANT, "zeta"]


def test_a_blocked_period_does_not_keep_issued_invoices_from_their_ladder() -> None:
    """Named as blocked; the overdue notice is given all the same."""
    world = issued()
    world.miscount("2026-02-10", "1.00")
    report = world.daily(at("2026-03-04"))
    assert (report.blocked, report.overdue) == ([f"{TENANT}/2026-02-01"], [NAME])


def _due(last_run: str) -> Billing:
    """One invoice to dun, one to issue, periods to close, the limit of an ended term to lift, and a second tenant."""
    world = issued(contract(allowances=FREE, term={"start": "2026-01-15", "months": 1}))
    world.sign(other())
    world.use(FEBRUARY, "5.00")
    world.daily(at(last_run))
    world.approve(FEBRUARY, at(last_run, "15:00"))
    world.use(date(2026, 3, 1), "7.00")
    limit = Hold(tenant=TENANT, scope="sms", cause="limit", reference="2026-02-15", opened_at=at("2026-02-20"))
    world.memory.holds[TENANT, limit.identity] = limit
    return world


@pytest.mark.parametrize(("last_run", "told"), [("2026-02-19", "overdue"), ("2026-03-04", "suspended")])
def test_a_crash_around_any_call_and_the_run_again_end_as_one_run_would(last_run: str, told: str) -> None:
    """Before and after each call of a run that lifts, closes, issues, and tells or suspends."""
    expected = survives_every_crash(lambda: _due(last_run), lambda world: world.daily(at("2026-04-05")))
    assert len(expected["stripe invoices"]) == len(expected["sent"]) == 2
    assert {hold.cause: hold.is_open for hold in expected["holds"].values()}["limit"] is False
    assert told in {notice.kind for notice in expected["notices"].values()}


def test_a_payment_that_arrives_while_the_run_suspends_wins() -> None:
    """The run has asked Stripe, then the payment is settled: the run's writing is a conflict, and nobody is held."""
    world = issued()
    world.daily(at("2026-02-21"))
    real = world.stripe.invoice

    def meanwhile(invoice: str) -> object:
        world.stripe.invoice = real  # type: ignore[method-assign]
        said = real(invoice)
        world.stripe.pay(invoice)
        world.tell(invoice, at("2026-02-28"))
        return said

    world.stripe.invoice = meanwhile  # type: ignore[method-assign, assignment]
    report = world.daily(at("2026-02-28"))
    assert (report.suspended, len(report.failed)) == ([], 1)
    assert world.holds() == []
    assert world.invoice(JANUARY).status == "paid"


def test_an_invoice_deleted_from_stripe_by_hand_is_named_every_day() -> None:
    """Open with us, unknown at Stripe: nobody is dunned on a guess."""
    world = issued()
    del world.stripe.invoices["in_1"]
    assert world.daily(at("2026-02-21")).failed == [f"{TENANT}: open invoice 2026-01-15: no such invoice: in_1"]
    assert world.told() == []


def test_the_notice_tells_what_remains() -> None:
    """After a payment in part, the rest, and a notice for it all the same."""
    world = issued()
    world.stripe.pay("in_1", Decimal("10.00"))
    world.daily(at("2026-02-21"))
    assert [notice.used for notice in world.notices()] == [Decimal("2.34")]
    assert replace(world.invoice(JANUARY), version=0).overdue_on == date(2026, 2, 21)
