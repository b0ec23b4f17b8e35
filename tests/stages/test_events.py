"""Taking events: each is queued and counted once, whatever is retried, and two contents of one event never are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.examples import CARD, MARKETS, contract
from tests.fakes.events import MemoryEvents
from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.outside import MemoryQueue
from tests.fakes.rows import memory_rows
from tests.providers.samples import SETTING, tree
from tollgate.domain.errors import Conflict, Refused, RetryLater
from tollgate.domain.usage import Totals
from tollgate.providers.provider import Request
from tollgate.providers.registry import provider
from tollgate.stages import contracts
from tollgate.stages.events import MAX_BODY_BYTES, MAX_EVENTS, EventPorts, Reply, take
from tollgate.stages.meter import MeterPorts, meter
from tollgate.stages.ports.events import Claim, EventKey, KeptEvent

KEY = "a platform key for tests"
NOW = datetime(2026, 10, 6, 9, tzinfo=UTC)
SOURCE = "https://platform.example/messaging"
ACME = {"provider": "platform", "account": "acme"}
ROLLED_UP = {"provider": "platform", "account": "rollup:twilio:AC123"}


def event(name: str = "msg-1", **changes: Any) -> dict[str, Any]:
    """The sample of an SMS under an id of its own; ``...`` takes an attribute out."""
    changed = {**tree("platform", "message_sent_sms.json"), "id": name, **changes}
    return {key: value for key, value in changed.items() if value is not ...}


def request(body: object, *, at: datetime = NOW, key: str = KEY, media: str = "application/json") -> Request:
    return Request(
        method="POST",
        path="/events",
        headers={"content-type": media, "authorization": f"Bearer {key}"},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received_at=at,
    )


class Door:
    """The stage with its rows and queue, and the meter behind them."""

    def __init__(self, *senders: dict[str, str]) -> None:
        self.events, self.queue, self.counts, self.rows = MemoryEvents(), MemoryQueue(), Counter[str](), memory_rows()
        signed = contract(senders=list(senders or (ACME,)))
        applying = contracts.ContractPorts(
            contracts=self.rows.contracts, ledger=self.rows.ledger, holds=self.rows.holds
        )
        contracts.apply({"acme": signed.document()}, ports=applying, by="ops", at=datetime(2026, 1, 2, tzinfo=UTC))

    def take(self, asked: Request, *, faults: Faults | None = None) -> Reply:
        faults = faults or Faults()
        ports = EventPorts(
            events=faults.wrap(self.events),
            contracts=faults.wrap(self.rows.contracts),
            queue=faults.wrap(self.queue),
            count=self._count,
        )
        return take(asked, key=KEY, identity="id-1", ports=ports)

    def send(self, *events: dict[str, Any], at: datetime = NOW) -> Reply:
        return self.take(request(list(events), at=at))

    def _count(self, name: str, value: int) -> None:
        self.counts[name] += value

    def metered(self, meter_name: str = "sms", day: date = date(2026, 10, 5)) -> Totals:
        """Everything that was queued so far, metered; the totals of the term."""
        ports = MeterPorts(
            ledger=self.rows.ledger,
            contracts=self.rows.contracts,
            rates=self.rows.rates,
            quarantine=self.rows.quarantine,
            count=self._count,
            pause=lambda _attempt: None,
        )
        failed = meter(
            self.queue.receipts, parse=lambda r: provider(r.provider).parse(r, SETTING), ports=ports, now=NOW
        )
        assert not failed
        assert not self.rows.quarantine.rows()
        return sum((row.of(meter_name) for row in self.rows.ledger.terms("acme")), Totals())

    def queued(self) -> list[dict[str, Any]]:
        return [one for receipt in self.queue.receipts for one in json.loads(receipt.body)]


def errors(reply: Reply) -> list[tuple[int, str]]:
    assert reply.status == 400
    return [(error["index"], error["path"]) for error in reply.body["errors"]]


def test_good_events_are_queued_once_they_are_claimed() -> None:
    """202 with how many, one receipt of the platform's in the group of its account, and a claim for each."""
    door = Door()
    assert door.send(event("a"), event("b")) == Reply(202, {"accepted": 2})
    [(group, receipt)] = door.queue.queued
    assert (group, receipt.provider, receipt.id) == ("acme", "platform", "id-1")
    assert [one["id"] for one in door.queued()] == ["a", "b"]
    assert door.events.claimed.keys() == {EventKey(SOURCE, "a"), EventKey(SOURCE, "b")}
    assert door.metered().messages == 2


def test_a_batch_without_events_is_taken_and_queues_nothing() -> None:
    """The specification allows it, and there is nothing to lose."""
    door = Door()
    assert door.send() == Reply(202, {"accepted": 0})
    assert door.queue.queued == []


@pytest.mark.parametrize("given", ["", "another key", KEY[:-1], KEY + "x", "kéy"])
def test_without_the_key_nothing_is_read(given: str) -> None:
    """A wrong key is 401 before a word of the body is looked at, and counted for the alarm."""
    door = Door()
    reply = door.take(request(b"not JSON", key=given))
    assert (reply.status, reply.body["title"]) == (401, "Unauthorized")
    assert door.counts == {"RejectedReceipts": 1}


def test_a_key_that_is_not_set_lets_nobody_in() -> None:
    """An empty secret is no secret."""
    door = Door()
    ports = EventPorts(events=door.events, contracts=door.rows.contracts, queue=door.queue, count=door._count)
    assert take(request([event()], key=""), key="", identity="1", ports=ports).status == 401


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"3", "application/json", 400),
        (json.dumps([event()]).encode(), "application/cloudevents+json", 400),
        (json.dumps(event()).encode(), "application/cloudevents-batch+json", 400),
        (json.dumps([event()]).encode(), "text/plain", 415),
        (json.dumps([event()]).encode(), "", 415),
        (json.dumps([event()]).encode(), "application/json; charset=utf-16", 415),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413),
        (json.dumps([event()] * (MAX_EVENTS + 1)).encode(), "application/json", 413),
    ],
)
def test_a_body_that_holds_no_events_is_refused(body: bytes, media: str, status: int) -> None:
    """Each has its status and a problem that repeats nothing of it."""
    door = Door()
    reply = door.take(request(body, media=media))
    assert (reply.status, reply.body["status"]) == (status, status)
    assert not door.queue.queued
    assert not door.events.claimed


def test_every_bad_field_of_a_batch_is_named_and_nothing_of_it_is_kept() -> None:
    """Index and path of each, also where most of the batch is good."""
    door = Door()
    reply = door.send(
        event("good"),
        event("", type="tollgate.message.snet", time="yesterday"),
        event("c", data={"channel": "fax", "segments": 0, "price": "-1", "segmets": 2}),
        event("d", data={"channel": "sms", "price": "0.01"}),
        event("e", data=..., specversion="0.3"),
        event("f", subject="rollup:twilio:AC123"),
    )
    assert errors(reply) == [
        (1, "id"),
        (1, "type"),
        (1, "time"),
        (2, "data.price"),
        (2, "data.channel"),
        (2, "data.segments"),
        (2, "data.segmets"),
        (3, "data"),
        (4, "specversion"),
        (4, "data"),
        (5, "subject"),
    ]
    assert not door.queue.queued
    assert not door.events.claimed


def test_something_that_is_no_event_is_named_by_its_index() -> None:
    """A batch may hold anything."""
    door = Door()
    assert errors(door.take(request([event(), "x", None, []]))) == [(1, ""), (2, ""), (3, "")]


def test_the_same_event_again_is_a_success_and_counts_once() -> None:
    """Whatever the order of its names, however often, also twice in a batch, and with another trace of its sending."""
    door = Door()
    shuffled = dict(reversed(event("a", traceparent="00-1").items()))
    for batch in ([event("a")], [event("a"), event("a")], [shuffled], [event("a", traceparent="00-2"), event("b")]):
        assert door.send(*batch).status == 202
    assert door.metered().messages == 2


@pytest.mark.parametrize(
    "changes",
    [{"subject": "bolt"}, {"time": "2026-10-05T14:03:12Z"}, {"data": {"channel": "sms"}}, {"tenant": "x"}],
)
def test_the_same_event_with_another_content_is_a_conflict(changes: dict[str, Any]) -> None:
    """409 names it; neither it nor its batch is kept, and what was taken first stands."""
    door = Door()
    door.send(event("a"))
    reply = door.send(event("b"), event("a", **changes))
    assert (reply.status, reply.body["title"]) == (409, "Event Conflict")
    assert reply.body["events"] == [{"index": 1, "source": SOURCE, "id": "a"}]
    assert EventKey(SOURCE, "b") not in door.events.claimed
    assert door.counts["ConflictingEvents"] == 1
    assert door.metered().messages == 1


def test_two_contents_of_one_event_in_a_batch_are_a_conflict() -> None:
    """Neither of them is taken: nobody knows which is meant."""
    door = Door()
    reply = door.send(event("a"), event("b"), event("a", subject="bolt"))
    assert (reply.status, reply.body["events"]) == (409, [{"index": 2, "source": SOURCE, "id": "a"}])
    assert not door.events.claimed


def test_an_id_is_its_sources_own() -> None:
    """The same id from another source is another event."""
    door = Door()
    assert door.send(event("a"), event("a", source="/another", subject="acme", data={"channel": "sms"})).status == 202
    assert door.metered().messages == 2


def test_an_event_without_a_time_has_that_of_its_first_arrival() -> None:
    """Its retry a day later says the same, so the message stays on its day."""
    door = Door()
    for hours in (0, 20):
        assert door.send(event("a", time=...), at=NOW + timedelta(hours=hours)).status == 202
    assert [one["time"] for one in door.queued()] == [NOW.isoformat()] * 2
    assert door.metered().messages == 1


def test_any_crash_is_mended_by_the_senders_retry() -> None:
    """Before or after any call, the claim included: the retry is a success, and every event is counted once."""
    batch = [event("a"), event("b"), tree("platform", "usage_rolled_up.json")]
    undisturbed, calls = Door(ACME, ROLLED_UP), Faults()
    undisturbed.take(request(batch), faults=calls)
    assert calls.calls == [
        "MemoryEvents.claims",
        "MemoryEvents.claim",
        "MemoryContracts.senders",
        "MemoryQueue.put",
    ]
    for faults in every_fault(len(calls.calls)):
        door = Door(ACME, ROLLED_UP)
        with pytest.raises(Crash):
            door.take(request(batch), faults=faults)
        assert door.take(request(batch, at=NOW + timedelta(minutes=5))).status == 202
        assert door.metered() == undisturbed.metered()
        assert door.metered().messages == 4002
        assert door.events.billed.keys() == undisturbed.events.billed.keys()


@pytest.mark.parametrize("error", [RetryLater("busy"), Refused("no such queue"), Conflict("busy row")])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_cannot_be_had_asks_for_another_sending(error: Exception, at: int) -> None:
    """503, never 202, when rows or queue fail; the retry is taken and counted once."""
    door = Door()
    faults = Faults(at=at, error=error)
    reply = door.take(request([event("a")]), faults=faults)
    if reply.status == 202:  # a conflict at the claim is looked at again
        assert isinstance(error, Conflict)
        assert at == 2
    else:
        assert (reply.status, reply.body["title"]) == (503, "Service Unavailable")
        assert door.counts == {"UnqueuedReceipts": 1}
    assert door.send(event("a")).status == 202
    assert door.metered().messages == 1


class Racing(MemoryEvents):
    """Rows in which another request claims some events just before ours does."""

    def __init__(self, claims: Sequence[Claim], *, forever: bool = False) -> None:
        super().__init__()
        self._rivals, self._forever = list(claims), forever

    def claim(self, claims: Sequence[tuple[Claim, KeptEvent | None]]) -> None:
        if self._forever:
            raise Conflict("a transaction is in the way")
        rivals, self._rivals = self._rivals, []
        self.claimed |= {rival.key: rival for rival in rivals}
        super().claim(claims)


def test_who_loses_a_race_goes_by_what_the_winner_claimed() -> None:
    """The same content: both are taken, and one is counted. Another content: a conflict, and nothing is queued."""
    door = Door()
    door.send(event("a"))
    rival = door.events.claimed[EventKey(SOURCE, "a")]
    for claim, status in ((rival, 202), (replace(rival, digest="another"), 409)):
        late = Door()
        late.events = Racing([claim])
        assert late.send(event("a"), event("b")).status == status
        assert len(late.queued()) == (2 if status == 202 else 0)


def test_a_race_that_does_not_end_asks_for_another_sending() -> None:
    """Four attempts, then 503."""
    door = Door()
    door.events = Racing([], forever=True)
    assert door.send(event("a")).status == 503


def test_a_new_event_of_a_forgotten_time_is_refused_and_a_repeat_is_not() -> None:
    """The ledger keeps records for 13 months: beyond them nobody could tell a repeat from a new event."""
    door = Door()
    happened = datetime(2026, 10, 5, 14, 3, 11, tzinfo=UTC)
    last = happened + timedelta(days=390)
    assert door.send(event("a"), at=last).status == 202
    too_late = last + timedelta(seconds=1)
    assert errors(door.send(event("a"), event("b"), at=too_late)) == [(1, "time")]
    assert len(door.queued()) == 1
    assert door.send(event("a"), at=too_late) == Reply(202, {"accepted": 1})
    assert len(door.queued()) == 1


@pytest.mark.parametrize(
    ("sample", "path"), [("price_corrected.json", "data.sent_at"), ("usage_rolled_up.json", "data.start")]
)
def test_the_time_of_the_usage_decides_what_is_forgotten(sample: str, path: str) -> None:
    """A correction or a bill that arrives today may be of a message whose record is gone."""
    door = Door()
    late = {**tree("platform", sample), "time": "2027-12-01T00:00:00Z"}
    assert errors(door.send(late, at=datetime(2027, 12, 1, tzinfo=UTC))) == [(0, path)]


def test_a_roll_up_counts_only_where_the_contract_says_so() -> None:
    """Kept in any case; with receipts in the contract it is not queued, with roll-ups in it it is counted."""
    rolled_up = tree("platform", "usage_rolled_up.json")
    by_receipts = Door({"provider": "twilio", "account": "AC123"}, ACME)
    assert by_receipts.send(rolled_up).status == 202
    assert by_receipts.queued() == []
    [kept] = by_receipts.events.kept("twilio", date(2026, 10, 5), date(2026, 10, 6))
    assert json.loads(kept.event)["data"]["messages"] == 4000

    by_roll_up = Door(ROLLED_UP)
    by_roll_up.send(rolled_up)
    assert (by_roll_up.metered().messages, by_roll_up.metered().segments) == (4000, 5200)
    assert len(by_roll_up.events.billed) == 1


def test_a_roll_up_counts_once_the_contract_says_so_and_it_is_sent_again() -> None:
    """A repeat is looked at as if it were new, so a contract that comes later loses nothing."""
    door = Door()
    rolled_up = tree("platform", "usage_rolled_up.json")
    door.send(rolled_up)
    assert door.metered().messages == 0
    applying = contracts.ContractPorts(contracts=door.rows.contracts, ledger=door.rows.ledger, holds=door.rows.holds)
    signed = contract(senders=[ACME, ROLLED_UP])
    contracts.apply({"acme": signed.document()}, ports=applying, by="ops", at=NOW)
    assert door.send(rolled_up).status == 202
    assert door.metered().messages == 4000


def test_a_later_roll_up_replaces_an_earlier_one_of_the_same_time() -> None:
    """A provider corrects its sums; in whatever order they come, the later one holds and nothing is added twice."""
    first = tree("platform", "usage_rolled_up.json")
    second = {**first, "id": "again", "time": "2026-10-07T03:00:00Z", "data": {**first["data"], "messages": 3900}}
    for order in ((first, second), (second, first)):
        door = Door(ROLLED_UP)
        for one in order:
            door.send(one, at=NOW + timedelta(days=2))
        assert door.metered().messages == 3900


def test_a_line_that_is_no_usage_is_kept_and_never_queued() -> None:
    """A rent is compared, not counted."""
    door = Door({"provider": "platform", "account": "statement:twilio:AC123"})
    late = datetime(2026, 11, 4, tzinfo=UTC)
    assert door.send(tree("platform", "statement_line_rent.json"), at=late).status == 202
    assert (len(door.events.billed), door.queued()) == (1, [])
    assert door.send(tree("platform", "statement_line.json"), at=late).status == 202
    assert door.metered().messages == 118_200


def test_a_whatsapp_event_is_priced_by_the_card_that_its_sender_names() -> None:
    """What Meta charges by category and market, for a message that only the platform tells of."""
    door = Door({**ACME, "card": "meta"})
    door.rows.rates.add_card(CARD)
    door.rows.rates.add_market_map("meta", MARKETS)
    assert door.send(tree("platform", "message_sent_whatsapp.json")).status == 202
    assert door.metered("whatsapp") == Totals(1, 1, Decimal("0.0604"))


def test_a_correction_reprices_a_message_in_either_order() -> None:
    """Down to the corrected price, counted once, whichever is metered first."""
    sent, corrected = tree("platform", "message_sent_sms.json"), tree("platform", "price_corrected.json")
    for order in ((sent, corrected), (corrected, sent)):
        door = Door()
        for one in order:
            assert door.send(one, at=NOW + timedelta(days=5)).status == 202
            door.metered()
        assert door.metered() == Totals(1, 2, Decimal("0.01934"))
