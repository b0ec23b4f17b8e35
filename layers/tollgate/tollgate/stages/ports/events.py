"""Ports: the platform's events as they come in, and our own as they go out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol


class EventKey(NamedTuple):
    """Identity of an event of the platform, for ever."""

    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an event's identity stands for: a digest of its content, first seen ``at``. It does not say that the event
    was queued."""

    key: EventKey
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """A provider's roll-up or statement line as it was sent, kept to compare the ledger with; ``event`` is its JSON."""

    key: EventKey
    provider: str
    account: str
    start: datetime
    event: str


class EventRows(Protocol):
    """Identities of the platform's events, kept for ever, and what providers billed."""

    def claims(self, keys: Collection[EventKey]) -> dict[EventKey, Claim]:
        """The claims of these events that exist, read consistently."""
        ...

    def claim(self, claims: Sequence[tuple[Claim, KeptEvent | None]]) -> None:
        """Write claims of new events, each together with what is kept of its event. Raises Conflict when somebody has
        claimed one of them since; of more than one transaction holds, some may have been written then."""
        ...

    def kept(self, provider: str, first: date, end: date) -> list[KeptEvent]:
        """What a provider billed for times that start in [first, end), UTC, by day."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """What is told on the bus. ``id`` is the same whenever the same change is told again."""

    id: str
    type: str
    tenant: str
    at: datetime
    data: Mapping[str, object]


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[DomainEvent]) -> list[str]:
        """Publish; returns the ids of those that were not accepted."""
        ...
