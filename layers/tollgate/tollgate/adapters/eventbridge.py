"""The event bus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tollgate.adapters.aws_errors import translated
from tollgate.stages.ports.events import DomainEvent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE: Final = "tollgate"
MAX_ENTRIES: Final = 10  # of one PutEvents


class EventBridgeBus:
    """Implements Bus. ``detail`` carries id, tenant, time and the event's data."""

    def __init__(self, events: EventBridgeClient, *, bus: str) -> None:
        self._events, self._bus = events, bus

    def publish(self, events: Sequence[DomainEvent]) -> list[str]:
        """Publish; returns the ids of those that were not accepted.

        Raises RetryLater when the bus does not answer; some of the events may have been accepted before.
        """
        failed: list[str] = []
        for start in range(0, len(events), MAX_ENTRIES):
            chunk = events[start : start + MAX_ENTRIES]
            with translated("event bus"):
                answer = self._events.put_events(
                    Entries=[
                        {
                            "EventBusName": self._bus,
                            "Source": SOURCE,
                            "DetailType": event.type,
                            "Time": event.at,
                            "Detail": json.dumps(
                                {"id": event.id, "tenant": event.tenant, "at": event.at.isoformat(), **event.data}
                            ),
                        }
                        for event in chunk
                    ]
                )
            pairs = zip(chunk, answer["Entries"], strict=True)
            failed += [event.id for event, entry in pairs if entry.get("ErrorCode")]
        return failed
