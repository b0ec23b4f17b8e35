"""Ports: the archive of receipts, from which finance and ops read what a record was made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollgate.domain.facts import MessageKey
from tollgate.stages.ports.receipts import Receipt

type Said = tuple[Receipt, Collection[MessageKey]]
"""A receipt and the messages that it is about, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A receipt in the archive. ``name`` tells it from the others of its message; ``size_bytes`` is its body's."""

    name: str
    provider: str
    received_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """A receipt that was taken out: the bytes as they arrived, and where they came in (an address, a topic)."""

    kept: Kept
    body: bytes
    source: str


class Archive(Protocol):
    """The receipts of each message. Nothing in it tells in which order or batches they were metered."""

    def keep(self, receipts: Sequence[Said]) -> set[str]:
        """Keep receipts, each under all of its messages; the same again is the same. Takes a bounded time and raises
        nothing: returns the ids of those of which something is not kept."""
        ...

    def receipts(self, message: MessageKey, *, most: int) -> list[Kept]:
        """The receipts of a message, in order of arrival, at most so many."""
        ...

    def receipt(self, message: MessageKey, name: str) -> KeptReceipt:
        """One of them. Raises NotFound."""
        ...
