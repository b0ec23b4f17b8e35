"""Laws of the whole meter stage: in which order, how often and in which batches receipts arrive cannot be seen in the
rows; and a crash or an outage anywhere, followed by the queue's own retry, ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.traffic import (
    ACME,
    AMERICAN,
    BETA,
    GAMMA,
    INDIAN,
    NOBODYS,
    NOON,
    World,
    meta,
    post,
    sms,
    status,
    world,
)
from tollgate.domain.errors import Conflict, RetryLater
from tollgate.domain.usage import Totals, cell_of, totals_of
from tollgate.stages.ports.receipts import Receipt

WABAS = (ACME, ACME, BETA, GAMMA, NOBODYS)
STATUSES = ("sent", "delivered", "read", "played", "failed")
BETA_START = datetime.fromisoformat("2026-03-01T00:00:00+01:00")


def moments() -> st.SearchStrategy[datetime]:
    """Around noon of 10 March, or around midnight of beta's first day."""
    return st.one_of(
        st.integers(0, 4 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
        st.integers(-90, 90).map(lambda minutes: BETA_START + timedelta(minutes=minutes)),
    )


@st.composite
def whatsapp_message(draw: st.DrawFn, number: int) -> list[Receipt]:
    """All receipts of one message: it keeps its account and category; times, recipients and pricing come and go."""
    waba = draw(st.sampled_from(WABAS))
    pricing = draw(
        st.sampled_from(["regular/marketing", "regular/utility", "free_customer_service/utility", "regular/unlisted"])
    )
    to = draw(st.sampled_from([AMERICAN, INDIAN, None]))
    people = draw(st.sampled_from([("",), ("",), (AMERICAN, INDIAN)]))
    return [
        meta(
            status(
                name,
                draw(st.sampled_from(["", pricing])),
                message=f"w{number}",
                at=draw(moments()),
                to=draw(st.sampled_from([to, None])),
                participant=draw(st.sampled_from(people)),
            ),
            waba=waba,
        )
        for name in draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4))
    ]


@st.composite
def sms_message(draw: st.DrawFn, number: int) -> list[Receipt]:
    """All receipts of one SMS: its early events may say that it costs nothing."""
    requested_at, tenant = draw(moments()), draw(st.sampled_from(["acme", "acme", "beta", "gamma", "stranger", None]))
    return [
        sms(
            event,
            message=f"s{number}",
            price="0" if event == "TEXT_QUEUED" else "0.00581",
            tenant=tenant,
            at=requested_at + timedelta(seconds=draw(st.integers(0, 600))),
            requested_at=requested_at,
        )
        for event in draw(
            st.lists(st.sampled_from(["TEXT_QUEUED", "TEXT_SENT", "TEXT_BLOCKED"]), min_size=1, max_size=3)
        )
    ]


@st.composite
def traffic(draw: st.DrawFn) -> list[Receipt]:
    """Receipts of some messages of several tenants and of nobody."""
    messages = [draw(whatsapp_message(n) | sms_message(n)) for n in range(draw(st.integers(1, 7)))]
    return [receipt for own in messages for receipt in own]


@st.composite
def deliveries(draw: st.DrawFn, receipts: Sequence[Receipt]) -> list[list[Receipt]]:
    """One way in which receipts may arrive: any order, any repeats, cut into batches anywhere."""
    repeats = draw(st.lists(st.sampled_from(receipts), max_size=len(receipts)))
    queue = draw(st.permutations([*receipts, *repeats]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(queue) - 1)), max_size=len(queue))))
    return [list(queue[a:b]) for a, b in zip([0, *cuts], [*cuts, len(queue)], strict=True) if a < b]


def counts_equal_the_ledger(rows: World) -> bool:
    """The sum of the usage of all records = the DAY rows = the TERM rows."""
    days: dict[object, Totals] = {}
    terms: dict[object, Totals] = {}
    for (tenant, _), record in rows.memory.records.items():
        if usage := record.usage:
            day, term = (tenant, usage.day, cell_of(usage)), (tenant, usage.term, usage.meter)
            days[day] = days.get(day, Totals()) + totals_of(usage)
            terms[term] = terms.get(term, Totals()) + totals_of(usage)
    day_rows = {(t, d, cell): own for (t, d), row in rows.memory.days.items() for cell, own in row.cells.items()}
    term_rows = {(t, s, m): own for (t, s), row in rows.memory.terms.items() for m, own in row.meters.items() if own}
    return (days, terms) == (day_rows, term_rows)


@given(st.data())
def test_any_delivery_of_the_same_receipts_ends_in_the_same_rows(data: st.DataObject) -> None:
    """Records, TERM and DAY rows, fired lines, holds and quarantine, of every tenant; counts equal the ledger."""
    receipts = data.draw(traffic())
    one, other = world(), world()
    for rows in (one, other):
        for batch in data.draw(deliveries(receipts)):
            assert rows.meter(*batch) == set()
            assert counts_equal_the_ledger(rows)
    assert one.snapshot() == other.snapshot()


@given(st.data())
def test_receipts_that_change_nothing_write_nothing(data: st.DataObject) -> None:
    """Once everything has arrived, no repeat of it commits anything."""
    receipts = data.draw(traffic())
    rows = world()
    rows.meter(*receipts)
    commits, before = rows.memory.commits, rows.snapshot()
    for batch in data.draw(deliveries(receipts)):
        assert rows.meter(*batch) == set()
    assert (rows.memory.commits, rows.snapshot()) == (commits, before)


@given(st.data())
def test_what_is_quarantined_counts_in_the_end_as_if_nothing_had_been_wrong(data: st.DataObject) -> None:
    """Rates and exchange rates that come late, and a redrive: the same rows as with rates from the start."""
    receipts = data.draw(traffic())
    late, ready = world(), world()
    cards, ready_fx = late.memory.cards, late.memory.fx
    late.memory.cards, late.memory.fx = {}, {}
    for batch in data.draw(deliveries(receipts)):
        late.meter(*batch)
    late.memory.cards, late.memory.fx = cards, ready_fx
    late.redrive()
    ready.meter(*receipts)
    assert late.snapshot() == ready.snapshot()


SCENARIO = (
    post(
        (ACME, "n", [status("delivered", "regular/marketing", message=f"w{n}") for n in range(4)]),
        (BETA, "n", [status("read", "regular/marketing", message="b1"), status("sent", "regular/x", message="b2")]),
        (NOBODYS, "n", [status("sent", message="x1")]),
    ),
    meta(status("read", message="w1", at=NOON - timedelta(days=1)), status("delivered", "regular/utility", to=None)),
    *(sms(message=f"s{n}") for n in range(4)),
    sms(message="g1", tenant="gamma"),
    sms("TEXT_QUEUED", message="z", price="0"),
    sms("TEXT_BLOCKED", message="z"),
)
LATER = (meta(status("read", at=NOON + timedelta(hours=1))), sms(message="s4"))
"""The recipient of a message that waits for a price, and an SMS beyond the limit."""


def undisturbed() -> World:
    rows = world()
    rows.meter(*SCENARIO)
    rows.meter(*LATER)
    return rows


def calls_of(batch: Sequence[Receipt], *earlier: Receipt) -> int:
    faults, rows = Faults(), world()
    if earlier:
        rows.meter(*earlier)
    rows.meter(*batch, faults=faults)
    return len(faults.calls)


def test_the_scenario_has_everything_in_it() -> None:
    """Counted messages of two tenants, all lines, a hold, each kind of quarantine, a price that was waited for."""
    rows = world()
    rows.meter(*SCENARIO)
    assert rows.quarantined() == [
        ("b2", "sent", "no-rate"),
        ("g1", "TEXT_DELIVERED", "no-fx"),
        ("wamid.1", "delivered", "no-rate"),
        ("x1", "sent", "unknown-sender"),
    ]
    rows.meter(*LATER)
    assert [message for message, _, _ in rows.quarantined()] == ["b2", "g1", "x1"]
    assert len(rows.notices()) == 6
    assert set(rows.memory.holds) == {("acme", "sms#limit#2026-01-15")}
    assert counts_equal_the_ledger(rows)


@pytest.mark.parametrize("error", [None, RetryLater("busy")], ids=["crash", "outage"])
def test_a_fault_at_any_call_then_the_queues_retry_ends_as_if_nothing_had_happened(error: RetryLater | None) -> None:
    """Before or after every port call of two batches: the process is gone, or the outside cannot answer."""
    expected = undisturbed().snapshot()
    for first in (True, False):
        batch, earlier = (SCENARIO, ()) if first else (LATER, SCENARIO)
        for faults in every_fault(calls_of(batch, *earlier)):
            faults.error = error or faults.error
            rows = world()
            if earlier:
                rows.meter(*earlier)
            try:
                failed = rows.meter(*batch, faults=faults)
            except Crash:
                failed = {receipt.id for receipt in batch}
            assert faults.fired
            rows.meter(*(receipt for receipt in batch if receipt.id in failed))
            rows.meter(*LATER)
            assert rows.snapshot() == expected, f"{faults.calls[-1]} at {faults.at}, after: {faults.after}"


def test_a_fault_at_any_call_of_a_redrive_then_another_redrive_ends_the_same() -> None:
    """Rows whose facts were counted before a crash are found counted, and removed, by the next redrive."""

    def waiting() -> World:
        rows = world()
        cards = rows.memory.cards
        rows.memory.cards = {}
        rows.meter(*SCENARIO, *LATER)
        rows.memory.cards = cards
        return rows

    undisturbed_rows, counted = waiting(), Faults()
    undisturbed_rows.redrive(faults=counted)
    assert undisturbed_rows.snapshot() == undisturbed().snapshot()
    for faults in every_fault(len(counted.calls)):
        rows = waiting()
        with pytest.raises(Crash):
            rows.redrive(faults=faults)
        rows.redrive()
        assert rows.snapshot() == undisturbed().snapshot(), f"{faults.calls[-1]}, after: {faults.after}"


def test_a_conflict_at_any_commit_is_decided_again_at_once() -> None:
    """Another writer in between, on either side of the commit, costs a pause and leaves the same rows."""
    for after in (False, True):
        for at in range(1, 4):
            rows, faults = world(), Faults(at=at, after=after, error=Conflict("moved"), only="commit")
            assert rows.meter(*SCENARIO, faults=faults) == set()
            rows.meter(*LATER)
            assert rows.snapshot() == undisturbed().snapshot()
            assert rows.pauses == ([1] if faults.fired else [])
