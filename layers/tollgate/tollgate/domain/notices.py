"""Notices and holds: the rows that say something happened, from which mails and suspensions follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.preferences import Change

USAGE_WARNING: Final = "usage-warning"
LIMIT_REACHED: Final = "limit-reached"
OVERDUE: Final = "overdue"
SUSPENDED: Final = "suspended"
REINSTATED: Final = "reinstated"
SETTINGS_CHANGED: Final = "settings-changed"
USAGE_LINK: Final = "usage-link"

LIMIT: Final = "limit"
MANUAL: Final = "manual"
ALL_SERVICES: Final = "all"

AUDIENCE: Final = {
    USAGE_WARNING: "usage",
    LIMIT_REACHED: "usage",
    OVERDUE: "billing",
    SUSPENDED: "billing",
    REINSTATED: "billing",
    SETTINGS_CHANGED: "usage",
    USAGE_LINK: "usage",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a customer must be told, once.

    A usage notice carries ``meter`` and ``line`` (percent), ``used`` and ``included`` at the crossing, in the
    allowance's measure; an invoice's carries ``period`` and, in ``used``, the amount owed. ``suspend_on`` is the day
    on which services stop unless something is paid. ``rearmed``: how often changed limits had allowed lines to fire
    again when this one did, 0 for a line that fires the first time. ``issued_again``: how often the invoice had been, 0
    for one that was never voided. ``asked``: the line is one that the customer asked for. What a customer's link
    changed (``change``), and a link that they are sent, are told as often as they happen: ``reference`` says which one
    it is. ``identity`` is the same for the same crossing, always.
    """

    tenant: str
    kind: str
    term: date
    at: datetime
    meter: str | None = None
    line: int | None = None
    used: Decimal
    included: Decimal | None = None
    period: date | None = None
    suspend_on: date | None = None
    rearmed: int = 0
    issued_again: int = 0
    asked: bool = False
    change: Change | None = None
    reference: str = ""

    @property
    def identity(self) -> str:
        """``<term>#<meter>#<line>``, ``<term>#invoice#<period>#<kind>`` or ``<term>#<kind>#<reference>``; a re-armed
        line adds its allowance and, from the second re-arming on, its number; an invoice that was issued again how
        often it was."""
        if self.reference:
            return f"{self.term}#{self.kind}#{self.reference}"
        if self.period is not None:
            again = f"#{self.issued_again}" if self.issued_again else ""
            return f"{self.term}#invoice#{self.period}#{self.kind}{again}"
        suffix = f"#{self.included}" if self.rearmed else ""
        suffix += f"#{self.rearmed}" if self.rearmed > 1 else ""
        return f"{self.term}#{self.meter}#{self.line}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A reason why a service is suspended. ``scope`` is a meter or ``all``; open while ``lifted_at`` is None.

    ``reference`` names the cause: the term's start for a limit (with the allowance, if it was changed since, and the
    number of the change from the second on), the period for an overdue invoice (with how often it was issued again, if
    it was). A ``manual`` one is somebody's (``by``), named after why and when, with a ``note``; nothing but a person
    lifts it.
    """

    tenant: str
    scope: str
    cause: str
    reference: str
    opened_at: datetime
    lifted_at: datetime | None = None
    by: str = ""
    note: str = ""
    version: int = 0

    @property
    def identity(self) -> str:
        """``<scope>#<cause>#<reference>``."""
        return f"{self.scope}#{self.cause}#{self.reference}"

    @property
    def is_open(self) -> bool:
        """Whether it still suspends."""
        return self.lifted_at is None

    def lifted(self, at: datetime) -> Hold:
        """The hold, lifted; a hold is lifted once, and its first lifting stands."""
        return self if self.lifted_at else replace(self, lifted_at=at)
