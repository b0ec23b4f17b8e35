"""What fits the one transaction in which records commit with their counters, notices and holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tollgate.domain.metering import RecordChange, UsageChange

MAX_ITEMS: Final = 100  # of one DynamoDB transaction
CHUNK_MESSAGES: Final = 90  # leaves room for the rows that the messages add up in


def items_of(changes: Sequence[RecordChange], usage: UsageChange) -> int:
    """How many rows some changes are; a new term's row rests on the customer's choices, which is one more."""
    terms = sum(2 if row.version == 1 else 1 for row in usage.terms.values())
    return len(changes) + terms + len(usage.days) + len(usage.notices) + len(usage.holds)
