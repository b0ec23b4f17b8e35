"""Reconcile: every night each tenant's counters, invoices and providers' bills are compared; what differs is kept by
cause, and rings."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.domain.examples import D, contract
from tests.fakes.events import MemoryEvents
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.billing import FEBRUARY, FREE, JANUARY, MARCH, NORTH, TENANT, Billing, at
from tollgate.domain.errors import Refused, RetryLater
from tollgate.domain.reconciliation import NOBODY, Difference, reconciled
from tollgate.domain.records import Record
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import Cell, Totals
from tollgate.stages import reconcile_counters
from tollgate.stages.ports.events import Claim, EventKey, KeptEvent
from tollgate.stages.reconcile import ReconcilePorts, run
from tollgate.stages.reconcile_work import Report

SMS = Cell("sms", "sms", "US")
NIGHT = at("2026-03-06", "05:00")
"""When February has been over for some days, and March runs."""


@dataclass(kw_only=True)
class World(Billing):
    """One tenant's billing, with a Twilio account and what Twilio billed."""

    events: MemoryEvents = field(default_factory=MemoryEvents)
    time_left: int = 1_000

    def __post_init__(self) -> None:
        super().__post_init__()
        self.assign(self.contract.tenant, "AC1")

    def assign(self, tenant: str, account: str, *, since: str = "2026-01-15", provider: str = "twilio") -> None:
        """An account at a provider, from a day on; nobody's for an empty tenant."""
        one = Assignment(provider=provider, account=account, tenant=tenant, since=at(since, "06:00"), card="twilio")
        self.memory.assignments.setdefault((provider, account), []).append(one)

    def sent(self, moment: datetime, *, account: str = "AC1", provider: str = "twilio", messages: int = 1) -> None:
        """Texts that were counted, at 0.05 each."""
        key = self.use(moment.date(), D("0.05") * messages, cell=SMS, messages=messages)
        record = self.memory.records.pop((self.contract.tenant, key))
        assert record.usage is not None
        [fee] = record.usage.fees.values()
        usage = replace(record.usage, moment=moment, fees={"message": fee})
        own = replace(record, key=key._replace(provider=provider), account=account, usage=usage)
        self.memory.records[self.contract.tenant, own.key] = own

    def bill(
        self,
        kind: str = "statement.line",
        *,
        start: str = "2026-02-01",
        end: str = "2026-03-01",
        time: str | None = "2026-03-02T00:00:00Z",
        provider: str = "twilio",
        seen: datetime = NIGHT,
        **data: Any,
    ) -> None:
        """An event of what Twilio billed, as ``POST /events`` keeps it."""
        key = EventKey("billing", f"e{len(self.events.billed)}")
        first = datetime.fromisoformat(start).replace(tzinfo=UTC)
        last = datetime.fromisoformat(end).replace(tzinfo=UTC)
        named = {"statement": "INV-2", "line": "1"} if kind == "statement.line" else {}
        content = {
            "provider": provider,
            "account": "AC1",
            "channel": "sms",
            "start": first.isoformat(),
            "end": last.isoformat(),
            "messages": 3,
            "amount": "0.15",
            "currency": "USD",
            **named,
            **data,
        }
        event = {"specversion": "1.0", "type": f"tollgate.{kind}", "source": key.source, "id": key.id, "data": content}
        event |= {"time": time} if time else {}
        kept = KeptEvent(key=key, provider=provider, account=content["account"], start=first, event=json.dumps(event))
        self.events.claim([(Claim(key=key, digest=key.id, at=seen), kept)])

    def ports(self) -> ReconcilePorts:
        rows = self.rows
        return ReconcilePorts(
            ledger=rows.ledger,
            contracts=rows.contracts,
            invoices=rows.invoices,
            events=self.faults.wrap(self.events),
            stripe=self.faults.wrap(self.stripe),
            reconciled=rows.reconciled,
            runs=rows.runs,
            count=self.count,
            pause=self.pauses.append,
        )

    def nightly(self, now: datetime = NIGHT) -> Report:
        """The nightly run."""

        def has_time() -> bool:
            self.time_left -= 1
            return self.time_left >= 0

        return run(ports=self.ports(), now=now, settled_after_days=3, has_time=has_time)

    def found(self, tenant: str = TENANT) -> list[Difference]:
        """What is kept of a tenant."""
        kept = self.memory.reconciled.get(tenant)
        return list(kept.differences) if kept else []

    def causes(self, tenant: str = TENANT) -> list[str]:
        return [one.cause for one in self.found(tenant)]


def world(**changes: Any) -> World:
    """A tenant that sent three texts in February, as Twilio bills them."""
    made = World(**changes)
    for day in (1, 10, 28):
        made.sent(at(f"2026-02-{day:02}"))
    return made


def test_what_agrees_leaves_a_row_that_says_so() -> None:
    """Counters, Stripe and the statement are equal: nothing differs, nothing rings, and the run is kept."""
    made = world()
    made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    made.bill()
    report = made.nightly()
    assert (report.compared, dict(report.differs), report.failed, report.unread) == ([TENANT], {}, [], [])
    assert made.found() == []
    assert made.memory.reconciled[TENANT].at == NIGHT
    [kept] = [one for (schedule, _), one in made.memory.runs.items() if schedule == "reconcile"]
    assert (kept.at, kept.counts, kept.report) == (NIGHT, {"compared": 1, "failed": 0, "unread": 0}, {})
    assert made.counted == []


# Counters


def test_a_day_that_does_not_add_up_is_named_and_rings() -> None:
    """After it was read again, once for each wait."""
    made = world()
    made.miscount("2026-02-03", "0.01")
    report = made.nightly()
    [day, term] = made.found()
    assert (day.cause, day.subject, day.theirs, day.periods) == (
        "day-differs",
        "WhatsApp on 2026-02-03, marketing, North America",
        "0.01",
        (FEBRUARY,),
    )
    assert term.cause == "term-differs"
    assert report.differs["day-differs"] == [f"acme: {day.words}"]
    assert made.counted == ["ReconcileDifferences"] * 2
    assert made.pauses == [1, 2, 3, 1, 2, 3]


def test_an_index_that_lags_is_read_again_before_it_differs() -> None:
    """Two readings that miss the newest record are no difference."""
    made = world()
    made.lagging.lag = 1
    made.nightly()
    assert (made.found(), made.pauses) == ([], [1])


def test_a_running_total_that_differs_is_named() -> None:
    """The contract year's, of each meter."""
    made = world()
    key = (TENANT, JANUARY)
    made.memory.terms[key] = made.memory.terms[key].adding("sms", Totals(1, 0, D(0)))
    made.nightly()
    assert [(one.cause, one.ours, one.theirs) for one in made.found()] == [("term-differs", "3", "4")]


def test_a_day_that_is_not_over_is_not_compared() -> None:
    """It is still being counted."""
    made = world()
    made.miscount("2026-03-06", "0.01")
    made.memory.terms[TENANT, JANUARY] = made.memory.terms[TENANT, JANUARY].adding("whatsapp", Totals(0, 0, D("0.01")))
    made.nightly()
    assert made.found() == []
    made.nightly(NIGHT + timedelta(days=2))
    assert made.causes() == ["day-differs"]


def test_what_differed_is_looked_at_until_it_does_not() -> None:
    """Months later, when its period is neither the current one nor the last; mended, it is gone."""
    made = world()
    made.miscount("2026-02-03", "0.01")
    for month in (3, 4, 5, 6):
        made.nightly(at(f"2026-0{month}-06"))
        assert "day-differs" in made.causes()
    made.miscount("2026-02-03", "-0.01")
    made.nightly(at("2026-07-06"))
    assert made.found() == []


def test_what_is_older_than_the_ledger_keeps_is_not_looked_at() -> None:
    """Records go after 13 months, and nothing could be compared with what is left."""
    made = world()
    made.memory.reconciled[TENANT] = reconciled(
        TENANT, [Difference(cause="day-differs", tenant=TENANT, subject="old", periods=(FEBRUARY,))], at=NIGHT
    )
    made.miscount("2026-02-03", "0.01")
    made.nightly(at("2027-02-06"))
    assert "day-differs" not in made.causes()


# Stripe


def test_an_invoice_that_stripe_does_not_have_is_named() -> None:
    """By its period."""
    made = world()
    issued = made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    del made.stripe.invoices[issued.stripe_invoice]
    made.nightly()
    assert [(one.cause, one.subject, one.periods) for one in made.found()] == [
        ("missing-at-stripe", "invoice 2026-01-15", (JANUARY,))
    ]


def test_an_event_of_stripe_that_was_lost_is_named() -> None:
    """Paid there and open here; the daily run mends it, and then they agree."""
    made = world()
    issued = made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    made.stripe.pay(issued.stripe_invoice)
    made.nightly()
    assert [(one.cause, one.ours, one.theirs) for one in made.found()] == [("status-differs", "open", "paid")]
    made.daily(NIGHT)
    made.nightly()
    assert made.found() == []


def test_a_line_that_was_changed_at_stripe_is_named() -> None:
    """Total and line, each."""
    made = world()
    issued = made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    made.stripe.added[issued.stripe_invoice].append(("", D("1.00")))
    said = made.stripe.invoices[issued.stripe_invoice]
    made.stripe.invoices[issued.stripe_invoice] = replace(said, total=D("3.00"), remaining=D("3.00"))
    made.nightly()
    assert sorted(made.causes()) == ["lines-differ", "owed-differs", "total-differs"]


def test_an_approved_invoice_that_is_not_issued_within_a_day_is_named() -> None:
    """It has been tried for a day by then."""
    made = world()
    made.use(JANUARY, "2.00")
    made.close(at("2026-02-04"))
    made.approve(JANUARY, NIGHT - timedelta(days=1) + timedelta(seconds=1))
    made.nightly()
    assert made.found() == []
    made.nightly(NIGHT + timedelta(seconds=1))
    assert made.causes() == ["not-issued"]


def test_lines_are_read_once_and_what_is_settled_not_again() -> None:
    """They cannot change at Stripe any more; what differs is read until it does not."""
    made = world()
    issued = made.issued(FEBRUARY, "2.00", approved=at("2026-03-05"))

    def asked() -> list[str]:
        made.faults = Faults()
        made.nightly()
        return [call.partition(".")[2] for call in made.faults.calls if call.startswith("MemoryStripe")]

    assert asked() == ["invoice", "lines"]
    assert asked() == ["invoice"]
    made.stripe.pay(issued.stripe_invoice)
    assert asked() == ["invoice"]
    made.tell(issued.stripe_invoice, NIGHT)
    assert asked() == ["invoice", "lines"]
    assert asked() == []


def test_what_is_settled_is_looked_at_in_the_last_periods_only() -> None:
    """A paid invoice of long ago was compared when it was new."""
    made = world()
    issued = made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    made.stripe.pay(issued.stripe_invoice)
    made.tell(issued.stripe_invoice, NIGHT)
    del made.stripe.invoices[issued.stripe_invoice]
    made.nightly(at("2026-03-10"))
    assert made.found() == []
    made.nightly(at("2026-02-10"))
    assert made.causes() == ["missing-at-stripe"]


# Providers


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"messages": 4}, [("messages-differ", "3", "4", "messages")]),
        ({"amount": "0.20"}, [("amount-differs", "0.15", "0.20", "USD")]),
        ({"segments": 9}, [("segments-differ", "3", "9", "segments")]),
        ({"channel": "rcs"}, [("receipts-missing", "0", "3", "messages"), ("not-billed", "3", "0", "messages")]),
        ({"currency": "EUR"}, [("not-compared", "", "", "")]),
        ({"channel": None, "messages": 0}, []),
    ],
)
def test_a_statement_that_says_something_else_is_named(change: dict[str, Any], expected: list[tuple[str, ...]]) -> None:
    """Its cause, both numbers, and the draft's period; a rent is no usage."""
    made = world()
    made.bill(**change)
    made.nightly()
    assert sorted((one.cause, one.ours, one.theirs, one.unit) for one in made.found()) == sorted(expected)
    assert {one.periods for one in made.found()} <= {(FEBRUARY,)}
    raised = sum(cause != "not-compared" for cause, *_ in expected)
    assert made.counted == ["ReconcileDifferences"] * raised


def test_a_bill_is_compared_once_receipts_had_time_to_come() -> None:
    """As many days after its end as a period is closed after its own."""
    made = world()
    made.bill(messages=4)
    made.nightly(at("2026-03-03", "23:59"))
    assert made.found() == []
    made.nightly(at("2026-03-04", "00:00"))
    assert made.causes() == ["messages-differ"]


def test_a_later_line_replaces_an_earlier_one() -> None:
    """By its own time, or by that of its arrival; then nothing differs any more."""
    made = world()
    made.bill(messages=4)
    made.nightly()
    assert made.causes() == ["messages-differ"]
    made.bill(messages=3, time=None, seen=NIGHT)
    made.bill(messages=9, time="2026-03-01T00:00:00Z")
    made.nightly()
    assert made.found() == []


def test_roll_ups_are_compared_day_by_day() -> None:
    """A day on which a receipt was lost is named, and no other."""
    made = world()
    made.bill("usage.rolled-up", start="2026-02-10", end="2026-02-11", messages=1, amount="0.05")
    made.bill("usage.rolled-up", start="2026-02-11", end="2026-02-12", messages=1, amount="0.05")
    made.nightly()
    assert [(one.cause, one.subject) for one in made.found()] == [("receipts-missing", "twilio AC1, sms, 2026-02-11")]


def test_an_account_that_is_nobodys_is_named_once() -> None:
    """Under nobody, with all that was billed of it."""
    made = world()
    made.bill(account="AC9")
    made.bill(account="AC9", line="2", start="2026-01-20", end="2026-01-21")
    made.nightly()
    assert [(one.cause, one.subject, one.theirs) for one in made.found(NOBODY)] == [
        ("account-unknown", "twilio AC9", "6 messages")
    ]
    assert made.counted == ["ReconcileDifferences"]
    made.assign(TENANT, "AC9", since="2026-01-01")
    made.nightly()
    assert made.found(NOBODY) == []


def test_an_account_that_is_held_for_a_part_of_the_time_cannot_be_compared() -> None:
    """What it used before was never ours to count; of channels on which nothing was used nothing is said."""
    made = world()
    made.memory.assignments.clear()
    made.assign(TENANT, "AC1", since="2026-02-09")
    made.bill(messages=4)
    made.nightly()
    assert [(one.cause, one.note) for one in made.found()] == [
        ("not-compared", "the account is nobody's for a part of that time")
    ]
    assert made.counted == []


def test_an_account_counted_by_roll_ups_is_compared_with_its_statement() -> None:
    """Their sums are our records; a statement that cuts one in two cannot be compared."""
    made = World()
    made.memory.assignments.clear()
    account = "rollup:twilio:AC1"
    made.assign(TENANT, account, provider="platform")
    made.sent(at("2026-02-10", "00:00"), account=account, provider="platform", messages=3)
    made.bill("usage.rolled-up", start="2026-02-10", end="2026-02-11")
    made.bill()
    made.nightly()
    assert made.found() == []
    made.bill(end="2026-02-10T12:00", messages=4, time="2026-03-03T00:00:00Z")
    made.nightly()
    [found] = made.found()
    assert (found.cause, found.note) == (
        "not-compared",
        "it begins or ends within a time for which our records hold one sum",
    )


def test_an_account_that_two_tenants_share_is_compared_with_what_both_used() -> None:
    """What differs is told of both, since nobody can say whose it is."""
    made = world()
    made.contract = contract(tenant="beta", allowances=FREE)
    made.sign(made.contract)
    made.assign("beta", "AC1", since="2026-02-15")
    made.sent(at("2026-02-20"), messages=2)
    made.bill(messages=5, amount="0.25")
    made.nightly()
    assert made.found() == made.found("beta") == []
    made.bill(messages=6, amount="0.25", time="2026-03-03T00:00:00Z")
    made.nightly()
    assert [(one.cause, one.ours, one.theirs, one.note) for one in made.found()] == [
        ("messages-differ", "5", "6", "the account is shared with beta")
    ]
    assert [(one.tenant, one.note) for one in made.found("beta")] == [("beta", "the account is shared with acme")]


def test_a_provider_that_only_a_contract_names_is_asked_for() -> None:
    """An account of a provider whose receipts are not read, counted by its statements."""
    rollup = {"provider": "platform", "account": "statement:carrier:C1"}
    made = World(contract=contract(allowances=FREE, senders=[rollup]))
    made.assign(TENANT, rollup["account"], provider="platform")
    made.bill(provider="carrier", account="C1")
    made.nightly()
    assert made.causes() == ["receipts-missing"]


def test_an_event_that_cannot_be_read_any_more_is_named() -> None:
    """And the others are compared all the same."""
    made = world()
    made.bill(messages=4)
    [kept] = made.events.billed.values()
    other = EventKey("billing", "odd")
    made.events.billed[other] = replace(kept, key=other, event=kept.event.replace('"sms"', '"fax"'))
    report = made.nightly()
    assert report.failed == ["twilio: the event odd of billing cannot be read"]
    assert made.causes() == ["messages-differ"]
    assert made.counted == ["ReconcileDifferences", "ReconcileUnfinished"]


# Failures, repeats, crashes


def shared() -> World:
    """Two tenants, each with usage and an issued invoice, and a difference of each kind."""
    made = world()
    made.miscount("2026-02-03", "0.01")
    made.bill(messages=4)
    made.miscount("2026-02-03", "-0.01")
    made.issued(JANUARY, "2.00", approved=at("2026-02-04"))
    made.miscount("2026-02-03", "0.01")
    made.stripe.pay("in_1")
    own, made.contract = made.contract, contract(tenant="beta", allowances=FREE)
    made.sign(made.contract)
    made.use("2026-02-05", "1.00", cell=NORTH)
    made.contract = own
    return made


def test_one_tenant_that_fails_stops_no_other() -> None:
    """It is named, and rings; what was found of it before stays."""
    made = shared()
    before = reconciled(
        TENANT, [Difference(cause="term-differs", tenant=TENANT, subject="before")], at=at("2026-03-05")
    )
    made.memory.reconciled[TENANT] = before
    made.memory.reconciled["beta"] = reconciled("beta", [], at=at("2026-03-05", "18:00"))
    made.faults = Faults(error=RetryLater("the table is busy"), at=1, only="versions")
    report = made.nightly()
    assert (report.compared, report.failed) == (["beta"], ["acme: read: the table is busy"])
    assert made.memory.reconciled[TENANT] == before
    assert "ReconcileUnfinished" in made.counted


@pytest.mark.parametrize("call", ["versions", "counted"])
def test_what_nothing_foresaw_of_one_tenant_fails_the_run_after_the_others(call: str) -> None:
    """Whether it comes when a tenant is looked at or when its records are read: the others are compared, their rows and
    the run's are written, what was found of the tenant before stays, and the run fails."""
    made = shared()
    before = reconciled(
        TENANT, [Difference(cause="term-differs", tenant=TENANT, subject="before")], at=at("2026-03-05")
    )
    made.memory.reconciled[TENANT] = before
    made.memory.reconciled["beta"] = reconciled("beta", [], at=at("2026-03-05", "18:00"))
    made.faults = Faults(error=KeyError("a field that nobody expected"), at=1, only=call)
    with pytest.raises(KeyError):
        made.nightly()
    [kept] = [one for (schedule, _), one in made.memory.runs.items() if schedule == "reconcile"]
    assert (kept.counts["compared"], kept.report["failed"]) == (1, ("acme: unforeseen: KeyError",))
    assert made.memory.reconciled[TENANT] == before
    assert made.memory.reconciled["beta"].at == NIGHT


def test_while_stripe_is_down_the_rest_is_compared() -> None:
    """What was found at Stripe before stays until it can be asked again."""
    made = shared()
    made.nightly()
    assert made.causes() == ["day-differs", "term-differs", "status-differs", "messages-differ"]
    made.miscount("2026-02-03", "-0.01")
    made.faults = Faults(error=RetryLater("Stripe is down"), only="invoice", always=True)
    report = made.nightly()
    assert report.failed == ["acme: invoices at Stripe: Stripe is down"]
    assert made.causes() == ["status-differs", "messages-differ"]


def test_a_refusal_of_stripe_is_not_taken_for_a_missing_invoice() -> None:
    """A key that may not read says nothing of invoices."""
    made = shared()
    made.faults = Faults(error=Refused("the key was revoked"), only="invoice", always=True)
    assert made.nightly().failed == ["acme: invoices at Stripe: the key was revoked"]
    assert "missing-at-stripe" not in made.causes()


def test_records_that_cannot_be_read_leave_what_was_found_of_their_bills() -> None:
    """Counters and bills as they were; also for who shares an account with them."""
    made = shared()
    made.assign("beta", "AC1", since="2026-02-15")
    made.nightly()
    kept = made.causes()
    assert made.causes("beta") == ["messages-differ"]
    made.miscount("2026-02-03", "-0.01")
    made.bill(messages=3, time="2026-03-03T00:00:00Z")
    made.faults = Faults(error=RetryLater("the index is busy"), only="counted", at=1)
    report = made.nightly()
    assert report.failed == [
        "acme: counters: the index is busy",
        "beta: bills: an account is shared with acme, not read",
    ]
    assert (made.causes(), made.causes("beta")) == (kept, ["messages-differ"])
    made.nightly()
    assert (made.causes(), made.causes("beta")) == (["status-differs"], [])


def test_a_run_without_time_for_all_goes_on_with_the_rest_the_next_night() -> None:
    """Those that were not seen for longest come first; who was left out is named, and rings."""
    made = shared()
    made.time_left = 1
    report = made.nightly()
    assert (report.compared, report.unread) == ([TENANT], ["beta"])
    assert "ReconcileUnfinished" in made.counted
    made.time_left = 1
    assert made.nightly(NIGHT + timedelta(days=1)).compared == ["beta"]
    made.time_left = 1
    assert made.nightly(NIGHT + timedelta(days=2)).compared == [TENANT]


def test_a_tenant_that_is_too_large_for_the_time_keeps_no_other_from_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its records are left where the time ends, what was found of it stays, and the next night it comes last."""
    monkeypatch.setattr(reconcile_counters, "LOOKS_EVERY", 2)
    made = shared()
    made.time_left = 1
    report = made.nightly()
    assert report.failed == ["acme: counters: no time for more than 2 records"]
    assert (report.compared, report.unread, made.causes()) == ([TENANT], ["beta"], ["status-differs"])
    made.time_left = 1
    report = made.nightly(NIGHT + timedelta(days=1))
    assert (report.compared, report.unread) == (["beta"], [TENANT])


def test_a_repeat_finds_the_same() -> None:
    """The same rows, the same run."""
    made = shared()
    made.nightly()
    rows, runs = dict(made.memory.reconciled), dict(made.memory.runs)
    made.nightly()
    assert (made.memory.reconciled, made.memory.runs) == (rows, runs)


def kept(made: World) -> dict[str, Any]:
    """Everything but the billing's own rows, which nothing here may change."""
    return {"found": made.memory.reconciled, "runs": made.memory.runs, "billing": made.kept()}


def test_a_crash_before_or_after_any_call_and_a_repeat_end_as_without_one() -> None:
    """And nothing outside is changed by any of it."""
    undisturbed = shared()
    billing = undisturbed.kept()
    undisturbed.faults = Faults()
    undisturbed.nightly()
    expected = kept(undisturbed)
    assert expected["billing"] == billing
    assert len(undisturbed.faults.calls) > 20
    for faults in every_fault(len(undisturbed.faults.calls)):
        made = shared()
        made.faults = faults
        with suppress(Crash):
            made.nightly()
        assert faults.fired
        made.nightly()
        assert kept(made) == expected, faults.calls[faults.at - 1]


def test_tenants_that_have_no_contract_in_force_yet_are_left_alone() -> None:
    """There is nothing to compare."""
    made = world()
    assert made.nightly(at("2026-01-14")).compared == []
    made.memory.contracts.clear()
    assert made.nightly().compared == []


def test_every_record_is_read_once_however_many_bills_it_is_in() -> None:
    """Periods and bills overlap; their days are read in parts of a calendar month, and none that is not over."""
    made = world()
    made.bill()
    made.bill("usage.rolled-up", start="2026-02-10", end="2026-02-11", messages=1)
    read: list[tuple[date, date]] = []
    counted: Callable[..., list[Record]] = made.lagging.counted  # type: ignore[assignment]  # a list in memory

    def reading(tenant: str, first: date, end: date) -> list[Record]:
        read.append((first, end))
        return counted(tenant, first, end)

    made.lagging.counted = reading  # type: ignore[method-assign]
    made.nightly()
    assert read == [
        (date(2026, 1, 31), FEBRUARY),
        (FEBRUARY, MARCH),
        (MARCH, date(2026, 3, 5)),
    ]
