"""Poll: prices that are only told when asked, by way of the queue to the usage; crashes, repeats and giving up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import replace
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.outside import MemoryQueue
from tests.fakes.price_waits import MemoryPriceWaits, MemoryResources
from tests.stages.traffic import ACME, NOON, World, small
from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.domain.price_waits import FIRST_PAUSE
from tollgate.stages.poll import Polled, PollPorts, poll, run
from tollgate.stages.ports.ledger import MessageResource
from tollgate.stages.ports.receipts import Receipt

ACCOUNT = "AC0123456789abcdef0123456789abcdef"
WEEK = timedelta(days=7)
DUE = NOON + FIRST_PAUSE


def sid(number: int) -> str:
    return f"SM{number:032x}"


def callback(number: int = 1, status: str = "delivered", *, at: datetime = NOON) -> Receipt:
    fields = {"AccountSid": ACCOUNT, "MessageSid": sid(number), "MessageStatus": status, "To": "+14155550101"}
    return Receipt(id=f"c{number}{status}", provider="twilio", body=urlencode(fields).encode(), received_at=at)


def resource(number: int = 1, price: str | None = "-0.0166", **changes: Any) -> MessageResource:
    said = {
        "account_sid": ACCOUNT,
        "sid": sid(number),
        "status": "delivered",
        "num_segments": "2",
        "price": price,
        "price_unit": "USD",
        "date_sent": "Tue, 10 Mar 2026 16:59:58 +0000",
        "date_updated": "Tue, 10 Mar 2026 17:00:03 +0000",
        "to": "+14155550101",
        **changes,
    }
    return MessageResource(json.dumps(said).encode(), priced=price is not None)


@dataclass
class Twilio(World):
    """A world with a Twilio account, and what Twilio says of its messages."""

    resources: dict[str, MessageResource | Exception] = field(default_factory=dict)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    asked: list[str] = field(default_factory=list)
    paced: int = 0

    def __post_init__(self) -> None:
        self.apply(small("acme", ACME, senders=[{"provider": "twilio", "account": ACCOUNT}]))

    def knows(self, told: Mapping[int, MessageResource | Exception]) -> None:
        self.resources |= {sid(number): said for number, said in told.items()}

    def _pace(self) -> None:
        self.paced += 1

    def poll(
        self, now: datetime = DUE, *, most: int = 100, faults: Faults | None = None, questions: int | None = None
    ) -> Polled:
        """One run; with ``questions`` its time is up after so many."""
        left = iter([True] * questions if questions is not None else [])
        return poll(
            provider="twilio",
            now=now,
            most=most,
            give_up_after=WEEK,
            has_time=lambda: questions is None or next(left, False),
            ports=self.poll_ports(faults),
        )

    def poll_ports(self, faults: Faults | None = None) -> PollPorts:
        wrap = (faults or Faults()).wrap
        return PollPorts(
            waits=wrap(MemoryPriceWaits(self.memory)),
            ledger=wrap(self.rows.ledger),
            quarantine=wrap(self.rows.quarantine),
            queue=wrap(self.queue),
            resources=wrap(MemoryResources(self.resources, self.asked)),
            count=self._count,
            pace=self._pace,
        )

    def deliver(self) -> None:
        """Meter what was queued."""
        receipts = [replace(receipt, id=f"q{number}") for number, receipt in enumerate(self.queue.receipts)]
        assert self.meter(*receipts) == set()
        self.queue.queued.clear()

    @property
    def waiting(self) -> list[str]:
        found = MemoryPriceWaits(self.memory).due("twilio", now=NOON + 100 * WEEK, most=100)
        return [wait.key.message for wait in found]

    @property
    def unpriced(self) -> list[tuple[str, str]]:
        return [(row.reason, row.fact.message) for row in self.rows.quarantine.rows()]


@pytest.fixture
def twilio() -> Twilio:
    """One message that counts and has no price yet."""
    world = Twilio()
    world.meter(callback())
    return world


def test_a_message_counts_before_its_price_is_known(twilio: Twilio) -> None:
    """One message of one segment that has cost nothing so far, waiting, and nothing in quarantine."""
    assert twilio.used("sms") == (1, 1, Decimal(0))
    assert twilio.waiting == [sid(1)]
    assert twilio.unpriced == []


def test_the_price_comes_by_the_queue_and_counts_once(twilio: Twilio) -> None:
    """Segments and fee are corrected by a difference; the message itself is counted once, and waits no more."""
    twilio.knows({1: resource()})
    assert twilio.poll() == Polled(priced=1)
    [(group, receipt)] = twilio.queue.queued
    assert (group, receipt.provider, receipt.received_at) == (ACCOUNT, "twilio", DUE)
    twilio.deliver()
    assert twilio.used("sms") == (1, 2, Decimal("0.0166"))
    assert twilio.waiting == []
    twilio.meter(callback(status="sent"), callback(status="read"))
    assert twilio.used("sms") == (1, 2, Decimal("0.0166"))
    assert twilio.poll(NOON + WEEK) == Polled()


def test_a_price_before_every_callback_is_the_same(twilio: Twilio) -> None:
    """Order does not matter: the rows of price and callbacks are the same either way."""
    twilio.knows({1: resource()})
    twilio.poll()
    receipts = [*twilio.queue.receipts, callback(), callback(status="sent")]
    orders = []
    for ordered in (receipts, receipts[::-1]):
        world = Twilio()
        for number, receipt in enumerate(ordered):
            world.meter(replace(receipt, id=str(number)))
        orders.append((world.used("sms"), [replace(record, version=0) for record in world.memory.records.values()]))
    assert orders[0] == orders[1]
    assert orders[0][0] == (1, 2, Decimal("0.0166"))


def test_nothing_is_asked_before_it_is_due(twilio: Twilio) -> None:
    """A price takes some minutes; asking at once would be in vain."""
    assert twilio.poll(DUE - timedelta(seconds=1)) == Polled()
    assert twilio.asked == []


def test_a_message_without_a_price_is_asked_about_later(twilio: Twilio) -> None:
    """After the first pause it is put off by its age, so that the questions grow rare."""
    twilio.knows({1: resource(price=None)})
    assert twilio.poll() == Polled(put_off=1)
    assert twilio.poll(DUE + FIRST_PAUSE - timedelta(seconds=1)) == Polled()
    assert twilio.poll(DUE + FIRST_PAUSE) == Polled(put_off=1)
    assert twilio.poll(DUE + 2 * FIRST_PAUSE) == Polled()
    assert twilio.poll(DUE + 3 * FIRST_PAUSE) == Polled(put_off=1)
    assert twilio.queue.queued == []


@pytest.mark.parametrize(
    "said", [resource(price=None), NotFound("Twilio message", "SM1"), Refused("Twilio: status 401")], ids=str
)
def test_a_message_without_a_price_for_a_week_is_given_up(twilio: Twilio, said: MessageResource | Exception) -> None:
    """Asked one last time, then in quarantine with its reason, counted for the alarm; the message stays counted."""
    twilio.knows({1: said})
    assert twilio.poll(NOON + WEEK - timedelta(seconds=1)).put_off == 1
    assert twilio.poll(NOON + 3 * WEEK) == Polled(given_up=1)
    assert twilio.unpriced == [("no-price", sid(1))]
    assert twilio.counts["QuarantinedFacts"] == 1
    assert twilio.used("sms") == (1, 1, Decimal(0))
    assert twilio.waiting == []
    assert twilio.poll(NOON + 9 * WEEK) == Polled()


def test_a_price_is_taken_at_the_deadline_too(twilio: Twilio) -> None:
    """However long nobody asked: what has a price is never given up."""
    twilio.knows({1: resource()})
    assert twilio.poll(NOON + 9 * WEEK) == Polled(priced=1)
    assert twilio.unpriced == []


def test_redriving_asks_again(twilio: Twilio) -> None:
    """Once the cause is mended, the row goes and its message is asked about, as often as that takes."""
    twilio.knows({1: Refused("Twilio: status 401")})
    for _ in range(3):
        twilio.poll(NOON + WEEK)
        assert twilio.unpriced == [("no-price", sid(1))]
        assert (twilio.redrive("no-price").counted, twilio.unpriced) == (1, [])
    twilio.knows({1: resource()})
    twilio.poll(NOON + WEEK)
    twilio.deliver()
    assert (twilio.used("sms"), twilio.unpriced) == ((1, 2, Decimal("0.0166")), [])


def test_redriving_other_rows_asks_nobody(twilio: Twilio) -> None:
    """A message that was given up stays given up while others are redriven."""
    twilio.poll(NOON + WEEK)
    twilio.redrive("no-fx")
    assert (twilio.unpriced, twilio.waiting) == ([("no-price", sid(1))], [])


@pytest.mark.parametrize("now", [DUE, NOON + WEEK])
def test_a_provider_in_trouble_ends_the_run_and_gives_up_nothing(now: datetime) -> None:
    """Throttled or out of reach, at the deadline too: everything stays due, and is dealt with the next time."""
    world = Twilio()
    world.meter(callback(1), callback(2), callback(3))
    world.knows({1: resource(1), 2: RetryLater("Twilio: status 429"), 3: resource(3)})
    assert world.poll(now) == Polled(priced=1, cause="Twilio: status 429")
    assert (world.asked, world.counts["PollStopped"]) == ([sid(1), sid(2)], 1)
    world.deliver()
    world.knows({2: resource(2)})
    assert world.poll(now) == Polled(priced=2)
    world.deliver()
    assert world.used("sms") == (3, 6, Decimal("0.0498"))
    assert world.unpriced == []


def test_one_account_that_refuses_does_not_hold_up_the_others(twilio: Twilio) -> None:
    """No credentials for it: counted, put off, and the next message is asked about."""
    twilio.meter(callback(2))
    twilio.knows({1: Refused("Twilio: no credentials for this account"), 2: resource(2)})
    assert twilio.poll() == Polled(priced=1, put_off=1)
    assert twilio.counts["PriceRefused"] == 1


def test_a_run_is_bounded_and_the_next_one_goes_on(twilio: Twilio) -> None:
    """By number and by time, the longest overdue first; each question waits for its turn."""
    twilio.meter(*[callback(number, at=NOON - timedelta(minutes=number)) for number in range(2, 6)])
    twilio.knows({number: resource(number) for number in range(1, 6)})
    assert twilio.poll(most=2) == Polled(priced=2)
    assert twilio.asked == [sid(5), sid(4)]
    assert twilio.poll(questions=1) == Polled(priced=1, cause="out of time")
    assert twilio.poll() == Polled(priced=2)
    assert twilio.paced == len(twilio.asked) == 5


def test_a_callback_in_between_is_not_undone(twilio: Twilio) -> None:
    """What metering writes while a message is being asked about holds."""
    waits = MemoryPriceWaits(twilio.memory)
    [read] = waits.due("twilio", now=DUE, most=1)
    twilio.meter(callback(status="sent", at=NOON - timedelta(minutes=1)))
    waits.give_up(read)
    assert twilio.waiting == [sid(1)]


@pytest.mark.parametrize("now", [DUE, NOON + WEEK])
def test_a_crash_anywhere_and_another_run_end_as_without_one(now: datetime) -> None:
    """Before or after each outside call of a run that meets a price, none, and another price."""

    def world() -> Twilio:
        made = Twilio()
        made.meter(callback(1), callback(2), callback(3))
        made.knows({1: resource(1), 2: resource(2, price=None), 3: resource(3, num_segments="0")})
        return made

    def state(after: Twilio) -> tuple[object, ...]:
        after.deliver()
        return after.memory.records, after.memory.terms, after.unpriced, after.waiting

    undisturbed, calls = world(), Faults()
    undisturbed.poll(now, faults=calls)
    assert len(calls.calls) > 6
    expected = state(undisturbed)
    for faults in every_fault(len(calls.calls)):
        crashed = world()
        with pytest.raises(Crash):
            crashed.poll(now, faults=faults)
        crashed.poll(now)
        assert state(crashed) == expected


def test_a_run_over_all_providers_leaves_a_row(twilio: Twilio) -> None:
    """What it came to in all, and who could not be asked to the end; also when nothing was due."""
    twilio.knows({1: RetryLater("status 429")})
    rows = twilio.rows

    def ran(now: datetime) -> dict[str, Polled]:
        return run(
            {"twilio": twilio.poll_ports(), "plivo": twilio.poll_ports()},
            runs=rows.runs, now=now, most=9, give_up_after=WEEK, has_time=lambda: True,
        )  # fmt: skip

    assert ran(DUE) == {"twilio": Polled(cause="status 429"), "plivo": Polled()}
    twilio.knows({1: resource()})
    ran(DUE + FIRST_PAUSE)
    later, first = rows.runs.last("poll", 9)
    assert (first.at, dict(first.counts)) == (DUE, {"priced": 0, "put_off": 0, "given_up": 0, "stopped": 1})
    assert first.report == {"stopped": ("twilio: status 429",)}
    assert (later.counts["priced"], later.report) == (1, {})
