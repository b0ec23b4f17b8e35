"""Exports: records as a file that is made in the background. What may be asked for, how often, and how one stands.

Always true: an export is of one tenant and of days that records are kept for; nobody, customer or staff, has more than
so many in the making or asked for in a day; and the same question within the hour is the same export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from tollgate.domain.calendar import Span, add_months
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.facts import MessageKey

LONGEST: Final = 200
"""Of what narrows an export, in characters."""
MONTHS: Final = 13
"""Records are kept so long: the month that runs, and the twelve before it."""
SAME_FOR: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(days=1)
"""An export that is not ready by then never will be: what S3 keeps of a half-made file is gone too."""
LASTS: Final = timedelta(days=7)
"""A file can be downloaded so long once it is ready."""
KEPT: Final = timedelta(days=400)
"""Its row stays so long: it says who had which records."""

REQUESTED, RUNNING, READY, FAILED, EXPIRED = "requested", "running", "ready", "failed", "expired"
PENDING: Final = frozenset({REQUESTED, RUNNING})

CUSTOMER, STAFF = "customer", "staff"

LATE, LOST, TOO_MANY = "late", "lost", "too-many"
FAILURES: Final[Mapping[str, str]] = {
    LATE: "it took longer than a day",
    LOST: "its half-made file was lost again and again",
    TOO_MANY: "it has too many messages for one file",
}
"""Why an export failed, by name."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many exports of a tenant may be in the making at once, and asked for within a day."""

    at_once: int
    a_day: int


ROOM: Final[Mapping[str, Room]] = {CUSTOMER: Room(2, 10), STAFF: Room(4, 40)}
"""Apart for customers and staff: neither can stand in the other's way."""
MOST_KNOWN: Final = 100
"""The latest of a tenant's exports that a decision needs: more than everybody may ask for in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Messages with a day from ``first`` to ``last``, both included; each of the others narrows them where given.
    ``line`` is the key of an invoice's usage line."""

    first: date
    last: date
    meter: str = ""
    category: str = ""
    market: str = ""
    line: str = ""

    def months(self) -> Iterator[Span]:
        """The days month by month, in order."""
        start, end = self.first, self.last + timedelta(days=1)
        while start < end:
            next_month = add_months(start.replace(day=1), 1)
            yield Span(start, min(next_month, end))
            start = next_month

    @property
    def narrowing(self) -> dict[str, str]:
        """What narrows it, by name; empty for everything."""
        given = {"meter": self.meter, "category": self.category, "market": self.market, "line": self.line}
        return {name: text for name, text in given.items() if text}

    @property
    def narrowed(self) -> str:
        """The same in words."""
        return ", ".join(self.narrowing.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the work on a file stands: what another process needs to go on.

    ``upload`` names the upload at the store and ``parts`` what it answered for each part; ``tail`` names where bytes
    are kept that were too few for a part. ``after_day`` and ``after`` are of the last message read. ``size`` is of the
    parts, ``length`` and ``checksum`` of the text before it was packed. ``whole``: nothing is left to read.
    """

    upload: str = ""
    parts: tuple[str, ...] = ()
    tail: str = ""
    after_day: date | None = None
    after: MessageKey | None = None
    rows: int = 0
    size: int = 0
    length: int = 0
    checksum: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export. ``number`` counts a tenant's from 1; ``side`` is who it is for. ``claims`` counts the processes that
    took it up, ``turn`` those that handed it on, ``restarts`` how often it began anew. ``rows`` and ``size`` are of
    the file that is ready."""

    tenant: str
    selection: Selection
    side: str
    by: str
    requested_at: datetime
    number: int = 0
    status: str = REQUESTED
    claims: int = 0
    turn: int = 0
    restarts: int = 0
    place: Place = field(default_factory=Place)
    rows: int = 0
    size: int = 0
    finished_at: datetime | None = None
    failure: str = ""
    version: int = 0

    @property
    def name(self) -> str:
        """Its file's name, for who downloads it."""
        return f"{self.tenant}-{self.selection.first}-{self.selection.last}-{self.number}.csv.gz"

    @property
    def key(self) -> str:
        """Where its file is."""
        return f"exports/{self.tenant}/{self.number:08d}.csv.gz"

    def tail_key(self) -> str:
        """Where this claim keeps bytes too few for a part; no other claim writes there."""
        return f"unfinished/{self.tenant}/{self.number:08d}-{self.claims}"

    def state(self, now: datetime) -> str:
        """How it stands: its status, or what time has made of that."""
        if self.status in PENDING and now >= self.requested_at + GIVE_UP_AFTER:
            return FAILED
        if self.status == READY and now >= self.lasts_until:
            return EXPIRED
        return self.status

    @property
    def why(self) -> str:
        """Why it failed, if it has: one that never came to its end was late."""
        return self.failure or LATE

    @property
    def lasts_until(self) -> datetime:
        """When the file of a ready one goes."""
        return (self.finished_at or self.requested_at) + LASTS


def earliest(today: date) -> date:
    """The first day that records are kept of."""
    return add_months(today.replace(day=1), 1 - MONTHS)


def checked(selection: Selection, *, today: date) -> Selection:
    """The selection, when there can be records of all its days. Raises Invalid, naming each problem."""
    first, wrong = earliest(today), list[Problem]()
    if not first <= selection.first <= today:
        wrong.append(Problem("first", f"expected a day from {first} to {today}", "first", f"{first} - {today}"))
    if not selection.first <= selection.last <= today:
        wrong.append(Problem("last", f"expected a day from the first one to {today}", "last", str(today)))
    too_long = [name for name, text in selection.narrowing.items() if len(text) > LONGEST]
    expected = f"expected at most {LONGEST} characters"
    wrong += [Problem(name, expected, "too-long", str(LONGEST)) for name in too_long]
    if wrong:
        raise Invalid("export", wrong)
    return selection


def asked_for(wanted: Export, known: Sequence[Export], *, now: datetime) -> Export:
    """The export that answers a question: one of those known (the latest first), or the wanted one under the next
    number, at version 0. Raises Invalid when there is no room for another."""
    own = [one for one in known if one.side == wanted.side]
    for one in own:
        state, is_recent = one.state(now), now < one.requested_at + SAME_FOR
        if one.selection == wanted.selection and (state in PENDING or (state == READY and is_recent)):
            return one
    _check_room(wanted.side, own, now)
    number = 1 + max((one.number for one in known), default=0)
    return replace(wanted, number=number, requested_at=now)


def _check_room(side: str, own: Sequence[Export], now: datetime) -> None:
    room = ROOM[side]
    if sum(one.state(now) in PENDING for one in own) >= room.at_once:
        said = f"{room.at_once} files are being made already: wait until one is ready"
        raise Invalid("export", [Problem("", said, "at-once", str(room.at_once))])
    if sum(now < one.requested_at + timedelta(days=1) for one in own) >= room.a_day:
        said = f"expected at most {room.a_day} files a day: ask again tomorrow"
        raise Invalid("export", [Problem("", said, "a-day", str(room.a_day))])
