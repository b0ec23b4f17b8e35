"""Senders: which account at a provider is whose, from when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

# Statuses of one message come within this time of each other, so that whoever held its account within it needs them.
HANDOVER: Final = timedelta(days=31)


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
    if len(assignments) == 1:  # as it nearly always is, and asked of every fact
        only = assignments[0]
        return only if only.tenant and only.number in ("", number) and only.since <= moment else None
    for narrowed_to in (number, "") if number else ("",):
        latest = _last(assignments, narrowed_to, moment)
        if latest is not None and latest.tenant:
            return latest
    return None


def holders(assignments: Sequence[Assignment], *, number: str, moment: datetime) -> list[str]:
    """Every tenant that holds the phone number, or the account, at some time within ``HANDOVER`` of a moment."""
    if len(assignments) == 1:
        only = assignment_at(assignments, number=number, moment=moment + HANDOVER)
        return [only.tenant] if only else []
    first, last = moment - HANDOVER, moment + HANDOVER
    changes = (a.since for a in assignments if first < a.since <= last)
    held = (assignment_at(assignments, number=number, moment=at) for at in (first, *changes))
    return sorted({a.tenant for a in held if a is not None})


class Held(NamedTuple):
    """Who holds an account at some time within a time, and whether somebody does throughout."""

    tenants: tuple[str, ...]
    throughout: bool


def held_within(ways: Iterable[Sequence[Assignment]], start: datetime, end: datetime) -> Held:
    """Who holds an account, of whose assignments there is a list for each way in which it may be counted."""
    lists = list(ways)
    changes = {a.since for assignments in lists for a in assignments if start < a.since < end}
    at_each = [{tenant for one in lists for tenant in _holders(one, moment)} for moment in (start, *changes)]
    return Held(tuple(sorted(set().union(*at_each))), all(at_each))


def _holders(assignments: Sequence[Assignment], moment: datetime) -> Iterator[str]:
    for number in {a.number for a in assignments}:
        held = assignment_at(assignments, number=number, moment=moment)
        if held is not None:
            yield held.tenant


def first_assignment(assignments: Sequence[Assignment], *, number: str) -> Assignment | None:
    """The first tenant an account is assigned to at any time; None for an account that nobody has."""
    held = [a for a in assignments if a.tenant and a.number in ("", number)]
    return min(held, key=lambda a: a.since, default=None)


def after_versions(
    held: Sequence[Assignment], versions: Sequence[tuple[datetime, Sequence[Assignment]]], *, tenant: str
) -> list[Assignment]:
    """The assignments of one account after all versions of a tenant's contract, oldest first: for each the instant it
    takes effect and what it assigns of this account.

    It follows from the versions and from what others hold, never from what the tenant held before, so that a version
    may be applied again or corrected. What a version no longer names ends when that version takes effect, and messages
    until then stay the tenant's; what another tenant has taken over by then is left to it.
    """
    others = [a for a in held if not _is_of(held, a, tenant)]
    own: list[Assignment] = []
    for effective, wanted in versions:
        named = {a.number: a for a in wanted}
        own = [a for a in own if a.since < min(effective, named[a.number].since if a.number in named else effective)]
        dropped = {a.number for a in own} - named.keys()
        # Another's end that falls into this tenant's time ends nothing: it has taken the account over before.
        valid = [a for a in others if a.tenant or not _is_of([*others, *own], a, tenant)]
        endings = [_ending(last, effective) for n in dropped if (last := _last([*valid, *own], n, effective)) in own]
        own += [*(a for a in endings if a is not None), *wanted]
    result = [*others, *own]
    kept = [a for a in result if a.tenant or a in own or not _is_of(result, a, tenant)]
    return sorted(kept, key=lambda a: (a.since, a.number, a.tenant))


def _ending(last: Assignment | None, effective: datetime) -> Assignment | None:
    """The end of what still holds when a version gives it up; None for what has ended already."""
    return replace(last, tenant="", since=effective) if last and last.tenant else None


def _last(assignments: Sequence[Assignment], number: str, moment: datetime) -> Assignment | None:
    """The latest entry of a number until a moment; of a handover on one day, the new tenant's."""
    until = [a for a in assignments if a.number == number and a.since <= moment]
    return max(until, key=lambda a: (a.since, bool(a.tenant)), default=None)


def _is_of(held: Sequence[Assignment], entry: Assignment, tenant: str) -> bool:
    """Whether an entry is a tenant's: an assignment to it, or the end of one."""
    if entry.tenant:
        return entry.tenant == tenant
    ended = [a for a in held if a.tenant and a.number == entry.number and a.since < entry.since]
    return bool(ended) and max(ended, key=lambda a: a.since).tenant == tenant


def clashes(held: Sequence[Assignment], wanted: Assignment, *, explicit: bool, effective: datetime) -> str | None:
    """The tenant that stands in the way of an assignment; None when it may be made.

    Another tenant's account passes on only to a later day that the contract names itself. A contract that is applied
    again may go on naming an account that passed to another tenant later.
    """
    others = [a for a in held if a.number == wanted.number and a.tenant not in ("", wanted.tenant)]
    if wanted in held and all(a.since > effective for a in others):
        return None
    in_the_way = [a for a in others if a.since >= wanted.since or not _ended(held, a, wanted.since)]
    if not in_the_way or (explicit and all(a.since < wanted.since for a in in_the_way)):
        return None
    return in_the_way[0].tenant


def held_from(held: Sequence[Assignment], since: datetime) -> set[str]:
    """Every tenant that holds the account, or a number of it, at some time from an instant on."""
    at_once = (_last(held, number, since) for number in {a.number for a in held})
    later = (a for a in held if a.since > since)
    return {a.tenant for a in (*at_once, *later) if a is not None and a.tenant}


def _ended(held: Sequence[Assignment], assignment: Assignment, moment: datetime) -> bool:
    later = [a for a in held if a.number == assignment.number and assignment.since < a.since <= moment]
    return any(a.tenant == "" for a in later)
