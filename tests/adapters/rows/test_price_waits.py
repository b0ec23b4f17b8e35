"""PriceWaits: which messages are due, in memory and in the index over the real table."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import timedelta
from itertools import count

import pytest

from tests.adapters.rows.samples import HASH, change, usage
from tests.domain.examples import NOON, D
from tests.fakes.price_waits import MemoryPriceWaits
from tests.fakes.rows import Memory, MemoryLedger
from tollgate.adapters.dynamodb import DynamoLedger
from tollgate.adapters.dynamodb.price_waits import DynamoPriceWaits
from tollgate.domain.facts import MessageKey, Recipient, Report
from tollgate.domain.metering import RecordChange
from tollgate.domain.price_waits import FIRST_PAUSE, PriceWait
from tollgate.domain.records import Record
from tollgate.stages.ports.ledger import LedgerRows, PriceWaits

LATER = NOON + timedelta(days=400)
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
_numbers = count(1)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.localaws)])
def both(request: pytest.FixtureRequest) -> tuple[LedgerRows, PriceWaits]:
    """The ledger, and what waits in it."""
    if request.param == "memory":
        memory = Memory()
        return MemoryLedger(memory), MemoryPriceWaits(memory)
    store = request.getfixturevalue("tables").store()
    return DynamoLedger(store), DynamoPriceWaits(store)


@pytest.fixture
def write(both: tuple[LedgerRows, PriceWaits], tenant: str) -> Callable[[Record], Record]:
    """Writes a record over the one that is there; returns it as written."""

    def writing(record: Record) -> Record:
        before = both[0].records(tenant, {record.key}).get(record.key) or replace(record, usage=None, version=0)
        after = replace(record, version=before.version + 1)
        both[0].commit(tenant, [RecordChange(before, after)], change())
        return after

    return writing


def message(*, minutes: int = 0, provider: str = "twilio") -> Record:
    """A record of Twilio that counts and has no price, some minutes after noon."""
    moment = NOON + timedelta(minutes=minutes)
    return Record(
        key=MessageKey(provider, f"SM{next(_numbers):032x}"),
        meter="sms",
        account=ACCOUNT,
        statuses={"delivered": moment},
        recipient=Recipient("1415", "US", HASH),
        usage=replace(usage(NOON.date()), meter="sms", category="sms", moment=moment),
        version=1,
    )


def priced(record: Record) -> Record:
    return replace(record, reports={"price-read": Report(NOON, 2, D("0.0166"), None, "USD")})


def own(both: tuple[LedgerRows, PriceWaits], tenant: str, *, at: timedelta = timedelta(days=400)) -> list[PriceWait]:
    """What is due of a tenant's; other tests share the table."""
    return [wait for wait in both[1].due("twilio", now=NOON + at, most=1000) if wait.tenant == tenant]


def test_a_message_waits_from_its_count_to_its_price(
    both: tuple[LedgerRows, PriceWaits], write: Callable[[Record], Record], tenant: str
) -> None:
    """Listed with the record and unlisted with it: nobody else has to say so."""
    record = write(message())
    assert own(both, tenant) == [
        PriceWait(tenant=tenant, key=record.key, account=ACCOUNT, since=NOON, due=NOON + FIRST_PAUSE)
    ]
    write(priced(record))
    assert own(both, tenant) == []


def test_what_needs_no_asking_does_not_wait(
    both: tuple[LedgerRows, PriceWaits], write: Callable[[Record], Record], tenant: str
) -> None:
    """No usage, or a provider that reports its prices by itself."""
    write(replace(message(), usage=None))
    write(message(provider="vonage"))
    assert own(both, tenant) == []
    assert not [wait for wait in both[1].due("vonage", now=LATER, most=1000) if wait.tenant == tenant]


def test_the_longest_overdue_come_first_and_no_more_than_asked_for(
    both: tuple[LedgerRows, PriceWaits], write: Callable[[Record], Record], tenant: str
) -> None:
    """In order of their times, across all shards; what is not due yet is left out."""
    records = [write(message(minutes=minutes)) for minutes in (30, 10, 50, 20, 40)]
    keys = [record.key for record in sorted(records, key=lambda record: record.usage.moment if record.usage else NOON)]
    assert [wait.key for wait in own(both, tenant)] == keys
    assert [wait.key for wait in own(both, tenant, at=timedelta(minutes=30) + FIRST_PAUSE)] == keys[:3]
    assert own(both, tenant, at=timedelta(minutes=10) + FIRST_PAUSE - timedelta(microseconds=1)) == []
    assert len(both[1].due("twilio", now=LATER, most=2)) == 2


def test_what_is_put_off_is_due_then(
    both: tuple[LedgerRows, PriceWaits], write: Callable[[Record], Record], tenant: str
) -> None:
    """Until metering writes the record again, which knows nothing of it and is not disturbed by it."""
    record = write(message())
    [wait] = own(both, tenant)
    both[1].postpone(wait, due=NOON + timedelta(hours=5, microseconds=7))
    assert [w.due for w in own(both, tenant)] == [NOON + timedelta(hours=5, microseconds=7)]
    assert own(both, tenant, at=timedelta(hours=5)) == []
    both[1].postpone(wait, due=LATER)
    assert [w.due for w in own(both, tenant)] == [NOON + timedelta(hours=5, microseconds=7)]
    assert both[0].records(tenant, {record.key})[record.key] == record
    write(replace(record, statuses={**record.statuses, "read": LATER}))
    assert own(both, tenant) == [wait]


def test_what_is_given_up_waits_no_more_until_it_is_asked_again(
    both: tuple[LedgerRows, PriceWaits], write: Callable[[Record], Record], tenant: str
) -> None:
    """Asking again lists it as when it was counted; of a message that does not wait it changes nothing."""
    record = write(message())
    [wait] = own(both, tenant)
    both[1].give_up(wait)
    both[1].give_up(wait)
    assert own(both, tenant) == []
    both[0].ask_again(tenant, record.key)
    both[0].ask_again(tenant, MessageKey("twilio", "SMnone"))
    assert own(both, tenant) == [wait]
    done = write(priced(record))
    both[0].ask_again(tenant, record.key)
    both[1].postpone(wait, due=LATER)
    assert own(both, tenant) == []
    assert both[0].records(tenant, {record.key}) == {record.key: done}
