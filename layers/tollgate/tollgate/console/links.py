"""Links: the address under which one customer sees their own usage, without signing in.

Always true: a link opens one tenant's pages, for reading and for the tenant's own warning settings, until it ends:
after its days, or once the tenant's links have gone on to another generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tollgate.console import seals
from tollgate.domain.portal_links import LINK_DAYS

LASTS: Final = timedelta(days=LINK_DAYS)
PURPOSE: Final = "usage-link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who a link was made for, and of which ``generation``. ``link`` is the sealed part of the address."""

    tenant: str
    link: str
    generation: int

    @property
    def subject(self) -> str:
        """What the audit trail names: no person is known, only that it was the customer."""
        return f"customer:{self.tenant}"


def address(tenant: str, *, generation: int, site: str, key: bytes, now: datetime, lasts: timedelta = LASTS) -> str:
    """The address to put into a mail. ``site`` is the public address of the console."""
    link = seals.sealed({"tenant": tenant, "generation": generation}, key=key, purpose=PURPOSE, until=now + lasts)
    return f"{site}/usage/{link}"


def customer_of(link: str, *, key: bytes, now: datetime) -> Customer:
    """Whose link it is. Raises BrokenSeal for one that is forged, changed or over."""
    content = seals.opened(link, key=key, purpose=PURPOSE, now=now)
    # Links that were mailed before there were generations are of the first.
    return Customer(tenant=content["tenant"], link=link, generation=content.get("generation", 0))
