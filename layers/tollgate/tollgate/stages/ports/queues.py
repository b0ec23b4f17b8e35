"""Ports: the stack's queues, as ops sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much is in a queue, about: SQS counts no closer.

    ``dead_letters``: whether it holds what another could not deal with; ``returnable``: whether those came from a queue
    that they can be sent back to (what a table's stream could not deliver did not).
    """

    name: str
    waiting: int
    in_flight: int
    delayed: int
    dead_letters: bool
    returnable: bool


class Queues(Protocol):
    """The stack's queues."""

    def depths(self) -> list[QueueDepth]:
        """Every queue, by name."""
        ...

    def redrive(self, name: str, *, most: int) -> int | None:
        """Send the dead letters of a queue back to where they came from, at most so many. Returns how many were moved;
        None where they are moved by themselves from now on. Raises NotFound for no such queue of dead letters."""
        ...
