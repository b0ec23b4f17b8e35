"""A sender that passes from one tenant to another in the middle of its messages: each counts once, for whoever holds
the account at its billable moment, in whatever order and batches its receipts come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D, fx
from tests.stages.test_meter_laws import STATUSES, counts_equal_the_ledger, deliveries
from tests.stages.traffic import ACME, NOON, World, assigned, meta, read, status, world
from tollgate.domain.facts import MessageKey
from tollgate.domain.records import Record
from tollgate.domain.senders import Assignment
from tollgate.stages.meter import Sourced, meter_facts
from tollgate.stages.ports.ledger import LedgerRows
from tollgate.stages.ports.receipts import Receipt

REGULAR = "regular/marketing"
UNRATED = "regular/unlisted"
BEFORE, AFTER = NOON - timedelta(minutes=5), NOON + timedelta(minutes=5)
PASSES_ON = [assigned("acme", "2026-01-15"), assigned("beta", NOON.isoformat()[:19])]
A_GAP = [assigned("acme", "2026-01-15"), assigned("", "2026-03-10T16:30"), assigned("beta", "2026-03-10T17:30")]


def passing_on(held: Sequence[Assignment] = PASSES_ON) -> World:
    """Acme's account is beta's from noon on."""
    rows = world()
    rows.memory.assignments["meta", ACME] = [*held]
    return rows


def counted(rows: World, message: str = "wamid.1") -> list[str]:
    """The tenants that a message counts for."""
    return [tenant for (tenant, key), record in rows.memory.records.items() if key.message == message and record.usage]


def test_a_price_told_before_the_handover_prices_a_delivery_after_it() -> None:
    """What acme was told of the message is beta's to know, since it is beta's message."""
    sent, delivered = meta(status("sent", REGULAR, at=BEFORE)), meta(status("delivered", at=AFTER))
    for batches in ([[sent], [delivered]], [[delivered], [sent]], [[delivered, sent]]):
        rows = passing_on()
        for batch in batches:
            assert rows.meter(*batch) == set()
        assert (counted(rows), rows.quarantined()) == (["beta"], [])


def test_a_delivery_before_the_handover_stays_with_the_one_before() -> None:
    """That the recipient read it afterwards makes it nobody else's."""
    delivered, seen = meta(status("delivered", at=BEFORE)), meta(status("read", REGULAR, at=AFTER))
    for batches in ([[delivered], [seen]], [[seen], [delivered]], [[seen, delivered]]):
        rows = passing_on()
        for batch in batches:
            rows.meter(*batch)
        assert (counted(rows), rows.quarantined()) == (["acme"], [])


def test_a_handover_that_is_agreed_late_finds_what_was_told_before() -> None:
    """The contract was applied between the two receipts: the new tenant reads what the old one was told."""
    rows = passing_on(PASSES_ON[:1])
    rows.meter(meta(status("sent", REGULAR, at=BEFORE)))
    rows.memory.assignments["meta", ACME] = [*PASSES_ON]
    rows.meter(meta(status("delivered", at=AFTER)))
    assert counted(rows) == ["beta"]


def test_a_message_that_is_counted_passes_on_with_a_correction_of_the_handover() -> None:
    """A later receipt finds the account another tenant's at the billable moment: the count moves."""
    rows = passing_on(PASSES_ON[:1])
    rows.meter(meta(status("delivered", REGULAR, at=AFTER)))
    assert counted(rows) == ["acme"]
    rows.memory.assignments["meta", ACME] = [*PASSES_ON]
    rows.meter(meta(status("read", at=AFTER)))
    assert counted(rows) == ["beta"]
    assert rows.used("whatsapp") == (0, 0, D(0))


def test_a_message_without_a_rate_waits_once_and_counts_once() -> None:
    """The price came in acme's time, the delivery in beta's: quarantine ends when the category has a rate."""
    receipts = [meta(status("sent", UNRATED, at=BEFORE)), meta(status("delivered", at=AFTER))]
    for order in (receipts, receipts[::-1]):
        rows = passing_on()
        for receipt in order:
            rows.meter(receipt)
        assert counted(rows) == []
        assert {reason for _, _, reason in rows.quarantined()} == {"no-rate"}
        (card,) = rows.memory.cards["meta"]
        prices = {market: {**own, "unlisted": D("0.01")} for market, own in card.rates.items()}
        rows.memory.cards["meta"] = [type(card)("meta", card.effective_from, 2, "USD", prices)]
        rows.redrive()
        assert (counted(rows), rows.quarantined()) == (["beta"], [])


def test_accounts_that_have_not_moved_read_nobody_elses_records() -> None:
    """One read of records for each transaction; a second one only while the account passes on."""
    for rows, expected in ((world(), ["acme"]), (passing_on(), ["acme", "beta", "beta", "acme"])):
        ports, counting = rows.ports(), _Reads(rows.ports().ledger)
        facts = [Sourced("r", fact) for fact in read(meta(status("delivered", REGULAR))).facts]
        meter_facts(facts, ports=replace(ports, ledger=counting), now=NOON)  # type: ignore[arg-type]  # the ledger, looked at
        assert counting.reads == expected


@dataclass
class _Reads:
    """A ledger that notes whose records are read."""

    ledger: LedgerRows
    reads: list[str] = field(default_factory=list)

    def records(self, tenant: str, keys: Collection[MessageKey]) -> dict[MessageKey, Record]:
        self.reads.append(tenant)
        return self.ledger.records(tenant, keys)

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)


@st.composite
def messages(draw: st.DrawFn) -> list[Receipt]:
    """Receipts of a few messages around the handover."""
    receipts = []
    for number in range(draw(st.integers(1, 4))):
        pricing = draw(st.sampled_from([REGULAR, REGULAR, UNRATED, "free_customer_service/utility", "odd/utility"]))
        for name in draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=4)):
            at = NOON + timedelta(minutes=draw(st.integers(-60, 60)))
            told = draw(st.sampled_from(["", pricing]))
            receipts.append(meta(status(name, told, message=f"w{number}", at=at)))
    return receipts


@given(st.data(), st.sampled_from([PASSES_ON, A_GAP]))
def test_a_handover_is_free_of_order_and_counts_no_message_twice(
    data: st.DataObject, held: Sequence[Assignment]
) -> None:
    """The same rows and the same quarantine for any delivery; a message counts for one tenant at most."""
    receipts = data.draw(messages())
    outcomes = []
    for _ in range(2):
        rows = passing_on(held)
        rows.memory.fx |= {date(2026, 3, 11): fx("2026-03-11", USD="1.25")}
        for batch in data.draw(deliveries(receipts)):
            assert rows.meter(*batch) == set()
        assert counts_equal_the_ledger(rows)
        for message in {key.message for _, key in rows.memory.records}:
            assert len(counted(rows, message)) <= 1
        outcomes.append(rows.snapshot())
    assert outcomes[0] == outcomes[1]
