"""Misbehaviour on demand: per request, and per event.

Each switch acts on the next `times` matches (None: until it is cleared). Request switches look at "METHOD /path", event
switches at the event's type; both by regular expression. Switches do not survive a restart.
"""

import re
import threading
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

RequestEffect = Literal[
    "rate_limit",  # 429 before execution, nothing stored
    "fail_after_commit",  # executes, stores and answers 500
    "fail_before_commit",  # executes nothing, stores and answers 500
    "drop_after_commit",  # executes, stores the answer, closes the connection without answering
    "in_flight",  # 409 idempotency_key_in_use
    "decline",  # pay: 402 card_error
    "forbid",  # 403, a restricted key without the right
]
EventEffect = Literal[
    "duplicate",  # delivered `copies` times
    "hold",  # kept until released, in order or reversed
    "lose",  # never delivered, only listed
    "wrong_signature",
    "old_timestamp",  # signed an hour ago
]


class _Switch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    match: str = ".*"
    times: int | None = Field(default=1, ge=1)

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class RequestSwitch(_Switch):
    """`should_retry` adds the Stripe-Should-Retry header; `hold_seconds` waits before a dropped connection closes."""

    effect: RequestEffect
    should_retry: bool | None = None
    hold_seconds: float = 0


class EventSwitch(_Switch):
    """`copies` is the number of deliveries of a duplicated event."""

    effect: EventEffect
    copies: int = 2


class Switches:
    """The switches that are set. Thread-safe."""

    def __init__(self) -> None:
        self._requests: list[RequestSwitch] = []
        self._events: list[EventSwitch] = []
        self._lock = threading.Lock()

    def add(self, switch: RequestSwitch | EventSwitch) -> None:
        with self._lock:
            if isinstance(switch, RequestSwitch):
                self._requests.append(switch)
            else:
                self._events.append(switch)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._events.clear()

    def shown(self) -> dict[str, list[dict[str, object]]]:
        with self._lock:
            return {
                "requests": [switch.model_dump() for switch in self._requests],
                "events": [switch.model_dump() for switch in self._events],
            }

    def for_request(self, method: str, path: str) -> RequestSwitch | None:
        """The first switch that matches, used up once."""
        with self._lock:
            return _take(self._requests, f"{method} {path}")

    def for_event(self, kind: str) -> EventSwitch | None:
        with self._lock:
            return _take(self._events, kind)


def _take[S: _Switch](switches: list[S], subject: str) -> S | None:
    for switch in switches:
        if re.search(switch.match, subject):
            if switch.times is not None:
                switch.times -= 1
                if switch.times == 0:
                    switches.remove(switch)
            return switch
    return None
