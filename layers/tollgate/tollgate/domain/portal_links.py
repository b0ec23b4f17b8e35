"""Portal links: how long the address lasts under which a customer sees their own usage."""

from __future__ import annotations

from typing import Final

LINK_DAYS: Final = 30
