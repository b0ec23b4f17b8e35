"""The event bus: chunks, partial failures, and what an entry says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tollgate.adapters.eventbridge import MAX_ENTRIES, EventBridgeBus
from tollgate.domain.errors import Refused, RetryLater
from tollgate.stages.ports.events import DomainEvent

NOON = datetime(2026, 3, 10, 17, tzinfo=UTC)


class Client:
    """An event bus that does not accept the ids in ``rejected``, and fails from its ``fails_at``-th call on."""

    def __init__(self, *, rejected: set[str] = frozenset(), fails_at: int = 0, error: Exception | None = None) -> None:  # type: ignore[assignment]
        self._rejected, self._fails_at = rejected, fails_at
        self._error = error or EndpointConnectionError(endpoint_url="https://events")
        self.calls: list[list[dict[str, Any]]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(Entries)
        if self._fails_at and len(self.calls) >= self._fails_at:
            raise self._error
        ids = [json.loads(entry["Detail"])["id"] for entry in Entries]
        answers = [{"ErrorCode": "ThrottlingException"} if i in self._rejected else {"EventId": i} for i in ids]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}


def bus(client: Client) -> EventBridgeBus:
    return EventBridgeBus(client, bus="tollgate")  # type: ignore[arg-type]  # the one call that is used


def event(number: int, **data: object) -> DomainEvent:
    at = NOON + timedelta(microseconds=number)
    return DomainEvent(id=f"e{number}", type="tollgate.hold.opened", tenant="acme", at=at, data=data)


@pytest.mark.parametrize(("count", "chunks"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_events_go_in_calls_of_ten(count: int, chunks: list[int]) -> None:
    """As many as one call takes, in order, each once."""
    client = Client()
    assert bus(client).publish([event(n) for n in range(count)]) == []
    assert [len(entries) for entries in client.calls] == chunks
    assert [json.loads(e["Detail"])["id"] for c in client.calls for e in c] == [f"e{n}" for n in range(count)]
    assert MAX_ENTRIES == 10


def test_an_entry_says_whose_what_and_when() -> None:
    """The detail carries the event's own data beside its id, tenant and time."""
    client = Client()
    bus(client).publish([event(7, scope="sms", reference="2026-01-15", included=None)])
    [[entry]] = client.calls
    assert {name: part for name, part in entry.items() if name != "Detail"} == {
        "EventBusName": "tollgate",
        "Source": "tollgate",
        "DetailType": "tollgate.hold.opened",
        "Time": NOON + timedelta(microseconds=7),
    }
    assert json.loads(entry["Detail"]) == {
        "id": "e7",
        "tenant": "acme",
        "at": "2026-03-10T17:00:00.000007+00:00",
        "scope": "sms",
        "reference": "2026-01-15",
        "included": None,
    }


def test_what_was_not_accepted_is_named_and_the_rest_goes_on() -> None:
    """A refused event of the first call does not keep the second from being made."""
    client = Client(rejected={"e3", "e10"})
    assert bus(client).publish([event(n) for n in range(12)]) == ["e3", "e10"]
    assert len(client.calls) == 2


def test_a_bus_that_stops_answering_is_tried_again_with_everything() -> None:
    """The events of the first call are told again then, under the same ids."""
    client = Client(fails_at=2)
    with pytest.raises(RetryLater):
        bus(client).publish([event(n) for n in range(12)])


def test_a_bus_that_may_not_be_used_is_a_refusal() -> None:
    """A missing permission is not waited for."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "m"}}, "PutEvents")
    with pytest.raises(Refused):
        bus(Client(fails_at=1, error=denied)).publish([event(1)])
