"""Reconcile: what providers billed against what was counted, of every tenant that holds the account.

Reads what each provider billed once a run, and hands each tenant the bills of its accounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tollgate.domain.calendar import Period
from tollgate.domain.provider_bills import Bill, Used, compared, incomparable, periods_within
from tollgate.domain.reconciliation import (
    ACCOUNT_UNKNOWN,
    NOBODY,
    STATEMENT,
    Difference,
)
from tollgate.domain.rollups import PLATFORM, counted
from tollgate.providers.registry import PROVIDERS
from tollgate.stages.close import RECOUNTABLE
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.events import EventRows
from tollgate.stages.provider_bills import Owned, owned_bills
from tollgate.stages.reconcile_work import Report, Work

LONGEST_BILL: Final = timedelta(days=92)
"""How much earlier than a period a bill of it may begin: a quarter."""


def find_bills(
    work: Mapping[str, Work],
    report: Report,
    *,
    events: EventRows,
    contracts: ContractRows,
    now: datetime,
    until: datetime,
) -> list[Difference]:
    """Hand each tenant the bills of its accounts; returns those of nobody's accounts."""
    first = min((one.periods[0].start for one in work.values()), default=now.date()) - LONGEST_BILL
    accounts = {
        (sender.provider, sender.account) for one in work.values() for v in one.versions for sender in v.senders
    }
    providers = ({*PROVIDERS} | {counted(*account)[0] for account in accounts}) - {PLATFORM}
    found, unreadable = owned_bills(
        sorted(providers),
        first=first,
        end=now.date() + timedelta(days=1),
        until=until,
        events=events,
        contracts=contracts,
    )
    report.failed += unreadable
    for owned in found:
        holders = [work[tenant] for tenant in owned.tenants if tenant in work]
        is_kept = owned.bill.start > now - RECOUNTABLE
        if is_kept and any(set(_periods_of(owned, one)) & set(one.periods) for one in holders):
            for one in holders:
                one.bills.append(owned)
    return _nobodys([owned.bill for owned in found if not owned.tenants])


def _nobodys(billed: Sequence[Bill]) -> list[Difference]:
    """The accounts that are nobody's, each once."""
    messages: dict[tuple[str, str, str], int] = defaultdict(int)
    for bill in billed:
        messages[bill.provider, bill.account, bill.source] += bill.messages
    return [
        Difference(
            cause=ACCOUNT_UNKNOWN,
            tenant=NOBODY,
            subject=f"{provider} {account}",
            ours="no sender",
            theirs=f"{total} messages",
            source=source,
        )
        for (provider, account, source), total in sorted(messages.items())
    ]


def _periods_of(owned: Owned, one: Work) -> list[Period]:
    return periods_within(owned.bill.start, owned.bill.end, one.versions)


def compare_bills(work: Mapping[str, Work], read: set[str], report: Report) -> None:
    """Compare each bill with what all of its account's holders used. Who shares an account with somebody that could
    not be read keeps what was found before."""
    sums: dict[int, Used] = defaultdict(Used)
    for one in work.values():
        for owned, used in zip(one.bills, one.used, strict=False):
            sums[id(owned)] += used
    for one in work.values():
        unread = sorted({t for owned in one.bills for t in owned.tenants if t not in read})
        if unread:
            if one.tenant in read:
                report.failed.append(f"{one.tenant}: bills: an account is shared with {', '.join(unread)}, not read")
            continue
        if one.tenant in read:
            found = [_bill_differences(owned, sums[id(owned)], one) for owned in one.bills]
            one.found[STATEMENT] = [difference for differences in found for difference in differences]


def _bill_differences(owned: Owned, used: Used, one: Work) -> list[Difference]:
    found = compared(owned.bill, used)
    if owned.why_not and found:
        found = [incomparable(owned.bill, owned.why_not)]
    others = [tenant for tenant in owned.tenants if tenant != one.tenant]
    shared = f"the account is shared with {', '.join(others)}" if others else ""
    periods = tuple(period.start for period in _periods_of(owned, one))
    return [
        replace(
            difference,
            tenant=one.tenant,
            periods=periods,
            note="; ".join(part for part in (difference.note, shared) if part),
        )
        for difference in found
    ]
