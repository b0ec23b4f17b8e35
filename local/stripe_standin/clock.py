"""The stand-in's time: unix seconds from an injected source, movable at run time.

Everything that Stripe would date by its own clock (created, due dates, key expiry, search lag) reads this clock.
Webhook signatures and delivery back-off do not: the receiver checks signatures against the real time.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Clock:
    """`source` returns real unix seconds; `offset_seconds` is added; `frozen_at` overrides both."""

    source: Callable[[], float]
    offset_seconds: int = 0
    frozen_at: int | None = None

    def now(self) -> int:
        """Unix seconds."""
        return self.frozen_at if self.frozen_at is not None else int(self.source()) + self.offset_seconds

    def set(self, unix_seconds: int, *, frozen: bool) -> None:
        self.frozen_at = unix_seconds if frozen else None
        self.offset_seconds = unix_seconds - int(self.source())

    def advance(self, seconds: int) -> None:
        if self.frozen_at is not None:
            self.frozen_at += seconds
        self.offset_seconds += seconds

    def release(self) -> None:
        """Back to the source's time."""
        self.offset_seconds, self.frozen_at = 0, None
