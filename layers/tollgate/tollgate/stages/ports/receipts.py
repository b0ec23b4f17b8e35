"""Ports: receipts, and the queue between receive and meter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A raw request from a provider, as it arrived. ``source`` names where it came in (a topic's ARN, say)."""

    id: str
    provider: str
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


class ReceiptQueue(Protocol):
    """The queue between receive and meter. Bodies of any size up to the endpoint's limit."""

    def put(self, receipt: Receipt, *, group: str) -> None:
        """Queue a receipt; ``group`` keeps one busy sender from delaying the others."""
        ...
