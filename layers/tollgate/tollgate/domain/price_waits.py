"""Waiting for a price that a provider tells only when it is asked: when to ask first, when again, when no more.

Always true: a message is asked about at its deadline or later before it is given up, and the pauses double with its
age, so that however long a price takes, it is asked for only a dozen times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tollgate.domain.facts import MessageKey
from tollgate.domain.records import Record, awaits_price

FIRST_PAUSE: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWait:
    """A message whose price has to be asked for when it is ``due``. ``since``: its billable moment, or what is first
    known of it."""

    tenant: str
    key: MessageKey
    account: str
    since: datetime
    due: datetime


def price_wait(tenant: str, record: Record) -> PriceWait | None:
    """What a record has to wait for by itself; None when it waits for no price."""
    if not awaits_price(record):
        return None
    since = record.usage.moment if record.usage else min(record.statuses.values())
    return PriceWait(tenant=tenant, key=record.key, account=record.account, since=since, due=since + FIRST_PAUSE)


def gives_up(wait: PriceWait, *, now: datetime, after: timedelta) -> bool:
    """Whether a message that has no price now has waited long enough."""
    return now >= wait.since + after


def next_due(wait: PriceWait, *, now: datetime) -> datetime:
    """When to ask again: after as long as the message has waited already, and never at once."""
    return now + max(FIRST_PAUSE, now - wait.since)
