"""The whole billing side against a naive model: late usage, crashes, lost events, payments, days that pass.

The model knows the usage as a plain list, what was approved, and since when nothing is owed at Stripe. Invariants 6 to
9 of the design are checked after every step, or after a run that nothing disturbed.
"""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.domain.examples import contract
from tests.fakes.faults import Crash, Faults
from tests.stages.billing import INDIA, NORTH, TENANT, Billing
from tests.strategies import CENT, fees
from tollgate.domain.calendar import add_months, local_day
from tollgate.domain.errors import RetryLater, RevisionChanged
from tollgate.domain.invoices import Invoice
from tollgate.domain.statement import Statement
from tollgate.domain.usage import Cell
from tollgate.stages.invoice import Report
from tollgate.stages.ports.stripe import StripeInvoice
from tollgate.stages.suspend import mirror

START = date(2026, 1, 15)
TERM_MONTHS, NOTICE_DAYS = 3, 7
ERRORS = st.sampled_from([Crash, RetryLater])
CALLS = st.integers(1, 40)
PICKS = st.integers(0, 9)
type Used = list[tuple[int, Decimal, Cell]]
USED: st.SearchStrategy[Used] = st.lists(
    st.tuples(st.integers(0, 20) | st.integers(0, 150), fees(largest=4), st.sampled_from([NORTH, INDIA])),
    min_size=1,
    max_size=4,
)
"""How many days ago, for how much, of what."""


def owed_at_stripe(said: StripeInvoice) -> str:
    """What a row should say of an invoice at Stripe."""
    owing = said.status in ("open", "uncollectible")
    return "paid" if owing and said.remaining <= 0 else said.status


class BillingMachine(RuleBasedStateMachine):
    """One tenant over some months."""

    @initialize(beyond=st.sampled_from(["bill", "bill-all"]), included=st.sampled_from(["0", "3.00"]))
    def sign(self, beyond: str, included: str) -> None:
        whatsapp = {"measure": "fees", "included": included, "warn_at": [], "beyond": beyond}
        term = {"start": str(START), "months": TERM_MONTHS}
        self.world = Billing(contract=contract(allowances={"whatsapp": whatsapp}, term=term))
        self.included, self.bills_all = Decimal(included), beyond == "bill-all"
        self.now = datetime(2026, 1, 15, 18, tzinfo=UTC)
        self.usage: list[tuple[date, Decimal]] = []
        self.approved: dict[date, Statement] = {}
        self.quiet_from: dict[str, datetime] = {}
        self.unheard: list[str] = []

    # What happens

    @rule(used=USED)
    def use(self, used: Used) -> None:
        """Usage of today, of lately, or of long ago, becomes known."""
        for back, amount, cell in used:
            day = max(START, self._today() - timedelta(days=back))
            self.usage.append((day, amount))
            self.world.use(day, amount, cell=cell)

    @rule(days=st.integers(1, 12))
    def days_pass(self, days: int) -> None:
        """With the daily run on each."""
        for _ in range(days):
            self._wait(1)
            self._run()

    @rule(days=st.integers(1, 40))
    def days_are_missed(self, days: int) -> None:
        """And the run after them is the first again."""
        self._wait(days)
        self._run()

    @rule(call=CALLS, after=st.booleans(), error=ERRORS, days=st.integers(0, 20))
    def a_run_is_disturbed(self, call: int, error: type[BaseException], days: int, *, after: bool) -> None:
        """Run again, it ends where the same run without a fault ends (two runs: what the first learns, the second
        brings forward)."""
        self._wait(days)
        self.world.stripe.breaking.clear()
        twin = deepcopy(self.world)
        self.world.faults = Faults(at=call, after=after, error=error("gone"))
        with suppress(Crash, RetryLater):
            self.world.daily(self.now)
        self.world.faults = Faults()
        for world in (self.world, self.world, twin, twin):
            world.daily(self.now)
        assert self.world.kept() == twin.kept()

    @rule(used=USED, late=st.integers(0, 40), call=st.none() | st.integers(4, 11), after=st.booleans(), error=ERRORS)
    def a_month_is_billed(
        self, used: Used, late: int, call: int | None, error: type[BaseException], *, after: bool
    ) -> None:
        """Some usage, the run of the next month's fifth, after which finance approves all there is; and then nothing
        for a while, in which invoices are sent and fall due."""
        self.use(used)
        fifth = add_months(self._today().replace(day=1), 1).replace(day=5)
        self._wait((fifth - self._today()).days)
        self._run()
        for invoice in self.world.invoices():
            if invoice.status == "draft":
                self._approve(invoice, by="fin")
        if call is not None:
            self.a_push_is_disturbed(0, call, error, after=after)
        self._wait(1)
        self._run()
        self._wait(late)
        self._run()

    @rule(pick=PICKS, behind=st.booleans(), by=st.sampled_from(["fin", "jo"]))
    def approve(self, pick: int, by: str, *, behind: bool) -> None:
        """A draft, at the revision it has or at an earlier one."""
        drafts = [invoice for invoice in self.world.invoices() if invoice.status == "draft"]
        if not drafts:
            return
        draft = drafts[pick % len(drafts)]
        if not behind or draft.revision == 1:
            self._approve(draft, by=by)
            return
        with pytest.raises(RevisionChanged):
            self.world.approve(draft.statement.period.start, self._tick(), revision=draft.revision - 1, by=by)

    @rule(pick=PICKS, call=st.integers(1, 16), after=st.booleans(), error=ERRORS)
    def a_push_is_disturbed(self, pick: int, call: int, error: type[BaseException], *, after: bool) -> None:
        """And Stripe tells of what it has done by then."""
        waiting = [invoice for invoice in self.world.invoices() if invoice.status == "approved"]
        if waiting:
            self.world.faults = Faults(at=call, after=after, error=error("gone"))
            with suppress(Crash, RetryLater):
                self.world.push(waiting[pick % len(waiting)].statement.period.start, self._tick())
            self.world.faults = Faults()
            for said in self._at_stripe():
                self.world.tell(said.id, self._tick())

    @rule(step=st.sampled_from(["customer", "invoice", "lines", "due", "finalize", "send"]), done=st.booleans())
    def stripe_breaks_down(self, step: str, *, done: bool) -> None:
        self.world.stripe.break_down(step, done=done)

    @rule(
        pick=PICKS,
        happens=st.sampled_from(["pay", "pay", "pay in part", "void", "write_off", "credit"]),
        heard=st.booleans(),
    )
    def something_happens_at_stripe(self, pick: int, happens: str, *, heard: bool) -> None:
        """And its event arrives now, or later, or never."""
        stripe = self.world.stripe
        owing = [one for one in stripe.invoices.values() if one.status == "open" and one.remaining > CENT]
        if not owing:
            return
        said = owing[pick % len(owing)]
        if happens == "pay in part":
            stripe.pay(said.id, CENT)
        else:
            getattr(stripe, happens)(said.id)
            self.quiet_from[said.metadata["period"]] = self._tick()
        self.unheard.append(said.id)
        if heard:
            self.world.tell(said.id, self._tick())

    @precondition(lambda self: self.unheard)
    @rule(pick=PICKS)
    def an_event_arrives(self, pick: int) -> None:
        """Late, and possibly once more."""
        self.world.tell(self.unheard[pick % len(self.unheard)], self._tick())

    # What must hold

    @invariant()
    def invoices_add_up(self) -> None:
        """Invariant 6: lines = total, and Stripe's total and lines are the same."""
        for invoice in self.world.invoices():
            assert sum((line.amount for line in invoice.statement.lines), Decimal(0)) == invoice.statement.total
        for said in self._at_stripe():
            invoice = self.world.invoice(date.fromisoformat(said.metadata["period"]))
            lines = [(line.key, line.amount) for line in invoice.statement.lines]
            assert said.total == invoice.statement.total
            assert sorted(self.world.stripe.added[said.id]) == sorted(lines)

    @invariant()
    def what_is_issued_is_what_was_approved_and_once(self) -> None:
        """Invariant 7."""
        for period, statement in self.approved.items():
            assert self.world.invoice(period).statement == statement
        issued = [said.metadata["period"] for said in self._at_stripe()]
        assert len(issued) == len(set(issued))
        assert {date.fromisoformat(period) for period in issued} <= self.approved.keys()
        assert len(self.world.stripe.customers) <= 1

    @invariant()
    def suspended_exactly_while_a_hold_is_open(self) -> None:
        """Invariant 8: a hold is an invoice's own, was announced in time, and lasts until nothing is owed on it."""
        owing = {
            invoice.name
            for invoice in self.world.invoices()
            if invoice.suspended_on and invoice.status in ("open", "uncollectible")
        }
        assert {hold.reference for hold in self.world.holds() if hold.is_open} == owing
        for invoice in self.world.invoices():
            if invoice.overdue_on:
                assert invoice.due_date is not None
                assert invoice.overdue_on > invoice.due_date
            if invoice.suspended_on:
                assert invoice.overdue_on is not None
                assert invoice.suspended_on >= invoice.overdue_on + timedelta(days=NOTICE_DAYS)

    @invariant()
    def nobody_is_told_off_once_nothing_is_owed(self) -> None:
        """Whether we heard of the payment or not."""
        for notice in self.world.notices():
            if notice.kind in ("overdue", "suspended"):
                assert notice.at < self.quiet_from.get(str(notice.period), datetime.max.replace(tzinfo=UTC))

    # The run that nothing disturbs, and what must hold after it

    def _run(self) -> None:
        working = not self.world.stripe.breaking
        report = self.world.daily(self.now)
        mirror(TENANT, ports=self.world.suspend_ports(), now=self.now)
        held = any(hold.is_open for hold in self.world.holds())
        (customer,) = self.world.stripe.customers.values()
        assert customer.metadata["service_state"] == ("suspended" if held else "active")
        if not working:
            return
        assert report.failed == report.blocked == report.flagged == []
        assert "approved" not in self.world.statuses().values()
        for said in self._at_stripe():
            assert self.world.statuses()[said.metadata["period"]] == owed_at_stripe(said)
            assert said.id in self.world.stripe.sent or said.metadata["period"] in self.quiet_from
        for invoice in self.world.invoices():
            if f"{TENANT}/{invoice.name}" not in report.issued:  # that one was sent today
                self._is_on_its_rung(invoice)
        self._money_adds_up(report)

    def _is_on_its_rung(self, invoice: Invoice) -> None:
        if invoice.status != "open" or invoice.due_date is None or self._today() <= invoice.due_date:
            return
        assert invoice.overdue_on is not None
        if self._today() >= invoice.overdue_on + timedelta(days=NOTICE_DAYS):
            assert invoice.suspended_on is not None

    def _money_adds_up(self, report: Report) -> None:
        """Invariant 6: the statements of all terms come to their rounded billable fees; what is not invoiced of it is
        carried, and below what Stripe takes. A statement that is new knows all usage up to its period's end."""
        invoices = self.world.invoices()
        pushed = [invoice for invoice in invoices if f"{TENANT}/{invoice.name}" in report.issued]
        if not report.drafted or report.settled or any(invoice.status == "void" for invoice in pushed):
            return  # one was found void after the drafts were made: the next statement brings it forward
        stated = sum((invoice.statement.stated for invoice in invoices), Decimal(0))
        assert stated == self._billable(invoices[-1].statement.period.end)
        invoiced = sum((i.statement.total for i in invoices if i.status != "void"), Decimal(0))
        carried = stated - invoiced
        assert carried == 0 if invoices[-1].status != "carried" else carried < Decimal("0.50")

    def _billable(self, end: date) -> Decimal:
        due, start = Decimal(0), START
        while start < end:
            after = min(add_months(start, TERM_MONTHS), end)
            used = sum((amount for day, amount in self.usage if start <= day < after), Decimal(0))
            if used > self.included:
                due += (used if self.bills_all else used - self.included).quantize(CENT, ROUND_HALF_UP)
            start = add_months(start, TERM_MONTHS)
        return due

    def _approve(self, draft: Invoice, *, by: str) -> None:
        period = draft.statement.period.start
        self.world.approve(period, self._tick(), by=by)
        self.approved[period] = draft.statement

    def _at_stripe(self) -> list[StripeInvoice]:
        return [said for said in self.world.stripe.invoices.values() if said.status != "draft"]

    def _today(self) -> date:
        return local_day(self.now, self.world.contract.timezone)

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def _wait(self, days: int) -> None:
        """Days go by; Stripe keeps its keys for one."""
        self._tick()
        self.now += timedelta(days=days)
        if days:
            self.world.stripe.forget_keys()


TestBilling = BillingMachine.TestCase
TestBilling.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
