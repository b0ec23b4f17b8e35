"""Provider bills: the roll-ups and statement lines that are kept, as bills, with whose accounts they are of.

Part of the reconcile stage. Reads: of each provider what it billed in the time (a query), the claims of events that
name no time of their own, and the assignments of the accounts that are billed (batches of keys).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from tollgate.domain.provider_bills import Bill, BilledLine, bills, cut_by, latest
from tollgate.domain.rollups import PLATFORM, ROLLUP, STATEMENT, WAYS, sender_account
from tollgate.domain.senders import Assignment, held_within
from tollgate.providers import platform
from tollgate.providers.event_types import StatementLine
from tollgate.stages.ports.accounts import ContractRows, SenderKey
from tollgate.stages.ports.events import EventRows, KeptEvent

type Account = tuple[str, str]
"""Provider and account."""

PARTLY_HELD: Final = "the account is nobody's for a part of that time"
CUT: Final = "it begins or ends within a time for which our records hold one sum"


@dataclass(frozen=True, slots=True)
class Owned:
    """A bill, the tenants whose account it is of, and why it cannot be compared, if so."""

    bill: Bill
    tenants: tuple[str, ...]
    why_not: str = ""


def owned_bills(
    providers: Iterable[str], *, first: date, end: date, until: datetime, events: EventRows, contracts: ContractRows
) -> tuple[list[Owned], list[str]]:
    """The bills of times that start in [first, end) and were over at ``until``, and the events that cannot be read.

    What is billed for no channel, such as a rent, is no usage and belongs to no bill.
    """
    found: list[BilledLine] = []
    unreadable: list[str] = []
    for provider in providers:
        lines, bad = _lines(events.kept(provider, first, end), events)
        found += lines
        unreadable += bad
    lines_of: dict[Account, list[BilledLine]] = defaultdict(list)
    for line in latest(found):
        lines_of[line.provider, line.account].append(line)
    held = contracts.senders({key for account in lines_of for key in _sender_keys(account)})
    return [
        _owned(bill, lines, held)
        for lines in lines_of.values()
        for bill in bills(line for line in lines if line.channel)
        if bill.end <= until
    ], unreadable


def _lines(kept: Sequence[KeptEvent], events: EventRows) -> tuple[list[BilledLine], list[str]]:
    read = [(one, platform.kept(one.event)) for one in kept]
    untimed = [one.key for one, found in read if found and found[0].time is None]
    claims = events.claims(untimed) if untimed else {}
    lines, bad = [], []
    for one, found in read:
        if found is None:
            bad.append(f"{one.provider}: the event {one.key.id} of {one.key.source} cannot be read")
            continue
        checked, identity = found
        data = checked.added_up
        assert data is not None
        lines.append(
            BilledLine(
                way=STATEMENT if isinstance(data, StatementLine) else ROLLUP,
                identity=identity,
                at=checked.time or claims[one.key].at,
                provider=data.provider,
                account=data.account,
                channel=data.channel or "",
                start=data.start,
                end=data.end,
                messages=data.messages,
                segments=data.segments,
                amount=data.amount,
                currency=data.currency,
                statement=data.statement if isinstance(data, StatementLine) else "",
            )
        )
    return lines, bad


def _sender_keys(account: Account) -> dict[SenderKey, str]:
    """Every sender that may count an account, and the way: its receipts (empty), its roll-ups or its statements."""
    return {account: "", **{(PLATFORM, sender_account(way, *account)): way for way in WAYS}}


def _owned(bill: Bill, lines: Sequence[BilledLine], held: Mapping[SenderKey, Sequence[Assignment]]) -> Owned:
    ways = {way: held.get(key, ()) for key, way in _sender_keys((bill.provider, bill.account)).items()}
    holders = held_within(ways.values(), bill.start, bill.end)
    owned = Owned(bill, holders.tenants)
    if not holders.tenants:
        return owned
    if not holders.throughout:
        return replace(owned, why_not=PARTLY_HELD)
    coarse = [way for way in WAYS if way != bill.way and held_within([ways[way]], bill.start, bill.end).tenants]
    return replace(owned, why_not=CUT if cut_by(bill, [one for one in lines if one.way in coarse]) else "")
