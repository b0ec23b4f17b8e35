"""The story: who sends how much, to whom, in which month of the year. Pure, drawn from a seed.

Always true: whatever month the year begins in, it has the same messages with the same fees; only their dates move.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tollgate.domain.calendar import add_months

SEED: Final = 2026
MONTHS: Final = 12
MIDDLE: Final = 15
"""The day of the month on which one tenant begins."""
DAY_SECONDS: Final = 86_400

UNASSIGNED: Final = "301000000000005"
"""A WhatsApp account that its contract forgot to name; the correction comes in the fourth month."""

GERMANY, BRITAIN, AMERICA, INDIA = "4915", "4477", "1415", "9198"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message with everything a provider would report of it. ``category`` is empty for an SMS.

    ``shown`` are the statuses its receipts bring, in order, each some seconds after the last.
    """

    tenant: str
    account: str
    id: str
    at: datetime
    to: str
    category: str
    shown: tuple[str, ...]
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A stream of messages of one tenant: how many a month (from the first month on), to whom, in which categories.

    ``begins_on``: the day of the first month on which it begins.
    """

    tenant: str
    account: str
    monthly: tuple[int, ...]
    to: Mapping[str, int]
    categories: Mapping[str, int]
    begins_on: int = 1


WHATSAPP: Final = (
    Flow(
        tenant="corner-bakery",
        account="301000000000001",
        monthly=(35,) * MONTHS,
        to={GERMANY: 1},
        categories={"utility": 3, "service": 1},
    ),
    # Around USD 100 a month: USD 750 of fees in the eighth month, USD 1,000 in the middle of the tenth.
    Flow(
        tenant="northwind",
        account="301000000000002",
        monthly=(790, 810, 830, 850, 860, 870, 880, 900, 920, 920, 860, 840),
        to={GERMANY: 9, BRITAIN: 1},
        categories={"marketing": 9, "authentication": 1},
    ),
    Flow(
        tenant="northwind",
        account=UNASSIGNED,
        monthly=(0, 0, 40, 40, *((30,) * 8)),
        to={INDIA: 1, AMERICA: 1},
        categories={"marketing": 1, "utility": 1},
    ),
    Flow(
        tenant="lakeside-clinics",
        account="301000000000004",
        monthly=(220, 450, 440, 460, 450, 430, 460, 450, 440, 460, 450, 440),
        to={AMERICA: 1},
        categories={"marketing": 3, "utility": 4, "authentication": 3},
        begins_on=MIDDLE,
    ),
)

SMS: Final = (
    Flow(
        tenant="corner-bakery",
        account="corner-bakery",
        monthly=(15,) * MONTHS,
        to={GERMANY: 1},
        categories={},
    ),
    # 37,500 in the eighth month, 50,000 in the tenth; what comes after that was on its way already.
    Flow(
        tenant="pulse-alerts",
        account="pulse-alerts",
        monthly=(4900, 5000, 5200, 4700, 4900, 5100, 5000, 5100, 5200, 5000, 250, 0),
        to={BRITAIN: 4, AMERICA: 1},
        categories={},
    ),
    Flow(
        tenant="lakeside-clinics",
        account="lakeside-clinics",
        monthly=(30, *((60,) * 11)),
        to={AMERICA: 1},
        categories={},
        begins_on=MIDDLE,
    ),
)


def month(number: int, *, start: date) -> tuple[date, date]:
    """The first day of a month (0 to 11) of the year that begins on ``start``, and the day after its last."""
    return add_months(start, number), add_months(start, number + 1)


def messages(number: int, *, start: date, seed: int = SEED) -> tuple[list[Message], list[Message]]:
    """The WhatsApp messages and the SMS of one month, each in order of time."""
    first, end = month(number, start=start)
    whatsapp = [one for flow in WHATSAPP for one in _of(flow, number, first, end, seed)]
    texts = [one for flow in SMS for one in _of(flow, number, first, end, seed)]
    return sorted(whatsapp, key=_time), sorted(texts, key=_time)


def _time(message: Message) -> tuple[datetime, str]:
    return message.at, message.id


def _of(flow: Flow, number: int, first: date, end: date, seed: int) -> Iterator[Message]:
    draw = random.Random(f"{seed}/{flow.account}/{number}")
    first = first if number else first.replace(day=flow.begins_on)
    # Noon of the first day to noon of the last: whatever its time zone, a message stays in its month.
    begin = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    seconds = ((end - first) - timedelta(days=1)).days * DAY_SECONDS
    for n in range(flow.monthly[number]):
        # A share of the month, not a number of seconds: what is drawn after it must not depend on the month's length.
        at = begin + timedelta(seconds=int(draw.random() * seconds))
        prefix = _pick(draw, flow.to)
        category = _pick(draw, flow.categories) if flow.categories else ""
        yield Message(
            tenant=flow.tenant,
            account=flow.account,
            id=f"wamid.{flow.account}.{number:02d}.{n:05d}" if category else f"sms-{flow.account}-{number:02d}-{n:05d}",
            at=at,
            to=prefix + f"{draw.randrange(10**7):07d}",
            category=category,
            shown=_whatsapp_statuses(draw) if category else ("TEXT_DELIVERED",),
            parts=1 if category or draw.random() < 0.9 else 2,
        )


def _whatsapp_statuses(draw: random.Random) -> tuple[str, ...]:
    """What is shown of a message: now and then its read status comes without a delivered one, or it fails."""
    chance = draw.random()
    if chance < 0.02:
        return ("sent", "failed")
    if chance < 0.08:
        return ("sent", "read")
    return ("sent", "delivered", "read") if chance < 0.5 else ("sent", "delivered")


def _pick(draw: random.Random, weights: Mapping[str, int]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]
