"""Senders: which account at a provider is whose, from when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """An account belongs to ``tenant`` from ``since`` (UTC) on; an empty tenant ends an earlier assignment.

    ``number`` narrows it to one phone number of the account; ``card`` names the rate card of its messages.
    """

    provider: str
    account: str
    number: str = ""
    tenant: str
    since: datetime
    card: str


def assignment_at(assignments: Sequence[Assignment], *, number: str, moment: datetime) -> Assignment | None:
    """Whose message it is: the latest assignment of the phone number, else of the whole account; None if nobody's."""
    for narrowed_to in (number, "") if number else ("",):
        held = [a for a in assignments if a.number == narrowed_to and a.since <= moment]
        latest = max(held, key=lambda a: a.since, default=None)
        if latest is not None and latest.tenant:
            return latest
    return None


def first_assignment(assignments: Sequence[Assignment], *, number: str) -> Assignment | None:
    """The first tenant an account is assigned to at any time; None for an account that nobody has."""
    held = [a for a in assignments if a.tenant and a.number in ("", number)]
    return min(held, key=lambda a: a.since, default=None)


def reassigned(
    held: Sequence[Assignment], wanted: Sequence[Assignment], *, tenant: str, ends: datetime | None
) -> list[Assignment]:
    """The assignments of one account after a tenant's contract names it as ``wanted`` (empty: not any more).

    The tenant's own earlier assignments are replaced; when it gives the account up, they end at ``ends`` instead, so
    that messages until then stay its own.
    """
    if wanted:
        kept = [a for a in held if a.tenant != tenant]
        return sorted([*kept, *wanted], key=lambda a: (a.since, a.number, a.tenant))
    if ends is None:
        return list(held)
    own = [a for a in held if a.tenant == tenant and a.since < ends]
    kept = [a for a in held if a.tenant != tenant]
    endings = [
        Assignment(provider=a.provider, account=a.account, number=a.number, tenant="", since=ends, card=a.card)
        for a in own
    ]
    return sorted([*kept, *own, *endings], key=lambda a: (a.since, a.number, a.tenant))


def clashes(held: Sequence[Assignment], wanted: Assignment, *, explicit: bool) -> str | None:
    """The tenant that stands in the way of an assignment; None when it may be made.

    Another tenant's account passes on only to a later day that the contract names itself.
    """
    others = [a for a in held if a.number == wanted.number and a.tenant not in ("", wanted.tenant)]
    in_the_way = [a for a in others if a.since >= wanted.since or not _ended(held, a, wanted.since)]
    if not in_the_way or (explicit and all(a.since < wanted.since for a in in_the_way)):
        return None
    return in_the_way[0].tenant


def _ended(held: Sequence[Assignment], assignment: Assignment, moment: datetime) -> bool:
    later = [a for a in held if a.number == assignment.number and assignment.since < a.since <= moment]
    return any(a.tenant == "" for a in later)
