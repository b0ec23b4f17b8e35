"""EventRows, in memory and in the real tables. A test keeps to sources and providers of its own tenant."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.adapters.rows.tables import Tables
from tests.fakes.events import MemoryEvents
from tollgate.adapters.dynamodb.events import DynamoEvents
from tollgate.domain.errors import Conflict
from tollgate.stages.ports.events import Claim, EventKey, EventRows, KeptEvent

AT = datetime(2026, 10, 5, 14, 3, 11, 250_000, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.localaws)])
def events(request: pytest.FixtureRequest) -> EventRows:
    if request.param == "memory":
        return MemoryEvents()
    tables: Tables = request.getfixturevalue("tables")
    return DynamoEvents(tables.store())


def claim(tenant: str, name: str, digest: str = "d") -> Claim:
    return Claim(key=EventKey(f"/{tenant}", name), digest=digest, at=AT)


def kept(one: Claim, tenant: str, *, days: int = 0, account: str = "AC1") -> KeptEvent:
    start = AT + timedelta(days=days)
    return KeptEvent(key=one.key, provider=tenant, account=account, start=start, event='{"data":{"amount":41.0800}}')


def test_a_claim_reads_back_as_it_was_written(events: EventRows, tenant: str) -> None:
    """Identity, digest and time of the first arrival; what nobody has claimed is left out."""
    one = claim(tenant, "a#%23 b")
    events.claim([(one, None)])
    assert events.claims([one.key, EventKey(f"/{tenant}", "b")]) == {one.key: one}


@pytest.mark.parametrize("parts", [("x#y", "z"), ("x%23y", "z"), ("x", "y#z")])
def test_identities_never_meet(events: EventRows, tenant: str, parts: tuple[str, str]) -> None:
    """A separator inside of a source or an id makes no other event of it."""
    first, second = EventKey(f"/{tenant}/x", "y#z"), EventKey(f"/{tenant}/{parts[0]}", parts[1])
    events.claim([(Claim(key=first, digest="1", at=AT), None)])
    if second != first:
        events.claim([(Claim(key=second, digest="2", at=AT), None)])
        assert events.claims([first, second])[second].digest == "2"
    assert events.claims([first])[first].digest == "1"


def test_a_claimed_identity_is_never_written_over(events: EventRows, tenant: str) -> None:
    """Who comes second gets a Conflict, and nothing of what came with it is kept."""
    first, other = claim(tenant, "a", "1"), claim(tenant, "b", "1")
    events.claim([(first, None)])
    second = replace(first, digest="2")
    with pytest.raises(Conflict):
        events.claim([(other, kept(other, tenant)), (second, kept(second, tenant))])
    assert events.claims([first.key, other.key]) == {first.key: first}
    assert events.kept(tenant, date(2026, 1, 1), date(2027, 1, 1)) == []


def test_what_is_kept_comes_back_by_provider_and_day(events: EventRows, tenant: str) -> None:
    """A provider's bill of a time: as it was sent, in half-open bounds, in order."""
    rows = [claim(tenant, name) for name in "abcd"]
    billed = [kept(one, tenant, days=days) for one, days in zip(rows, (1, 0, 2, -1), strict=True)]
    events.claim(list(zip(rows, billed, strict=True)))
    assert events.kept(tenant, date(2026, 10, 5), date(2026, 10, 7)) == [billed[1], billed[0]]
    assert events.kept(tenant, date(2026, 10, 5), date(2026, 10, 5)) == []
    assert events.kept(f"{tenant}-", date(2026, 1, 1), date(2027, 1, 1)) == []


def test_more_than_one_transaction_holds_is_claimed_all_the_same(events: EventRows, tenant: str) -> None:
    """A large batch is several transactions."""
    many = [claim(tenant, f"{number:04}") for number in range(130)]
    events.claim([(one, kept(one, tenant) if number % 2 else None) for number, one in enumerate(many)])
    assert events.claims([one.key for one in many]) == {one.key: one for one in many}
    assert len(events.kept(tenant, date(2026, 10, 5), date(2026, 10, 6))) == 65


def test_claiming_nothing_writes_nothing(events: EventRows) -> None:
    """A batch of events that are all known asks for no transaction."""
    events.claim([])
    assert events.claims([]) == {}
