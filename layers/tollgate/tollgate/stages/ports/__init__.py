"""Ports: what the stages need of the outside, in the domain's words. Adapters and hand-written fakes implement them.

Every call may raise RetryLater. Whatever a port writes is safe to write again.
"""

from __future__ import annotations

from collections.abc import Callable

type Count = Callable[[str, int], None]
"""Counts a named metric."""
