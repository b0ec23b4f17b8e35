"""What WhatsApp's provider bills of last month, as the platform passes it on: one statement, told by ``POST /events``.

It says the same as the receipts of one guest, more than those of another, and names an account that is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from local.demo.place import Place
from local.showroom import story

SOURCE: Final = "https://platform.example/billing"
LOST_COST: Final = Decimal("0.0529")
"""Of each message whose receipts were lost, in USD."""


def statement(place: Place, today: date) -> list[dict[str, Any]]:
    """The events of last month's statement."""
    lines = list(_lines(place, today))
    name = f"META-{story.first_day(-1, today):%Y-%m}"
    begin, end = (
        datetime.combine(story.first_day(number, today), time(), UTC).isoformat().replace("+00:00", "Z")
        for number in (-1, 0)
    )
    return [
        {
            "specversion": "1.0",
            "type": "tollgate.statement.line",
            "source": SOURCE,
            "id": f"{name}-{number}",
            "data": {
                "provider": "meta",
                "account": account,
                "statement": name,
                "line": str(number),
                "channel": "whatsapp",
                "start": begin,
                "end": end,
                "messages": messages,
                "amount": f"{amount:f}",
                "currency": "USD",
            },
        }
        for number, (account, messages, amount) in enumerate(lines, 1)
    ]


def _lines(place: Place, today: date) -> Iterator[tuple[str, int, Decimal]]:
    """Account, messages and amount of each line."""
    yield story.TRAVEL.account, *_counted(place, story.TRAVEL, today)
    messages, amount = _counted(place, story.HOTELS, today)
    yield story.HOTELS.account, messages + story.LOST, amount + story.LOST * LOST_COST
    unnamed = story.HOTELS.unnamed[story.MONTHS.index(-1)]
    yield story.HOTELS.second_account, unnamed, unnamed * LOST_COST


def _counted(place: Place, guest: story.Guest, today: date) -> tuple[int, Decimal]:
    """The WhatsApp messages of a guest's last month, and what they cost."""
    month = f"{story.first_day(-1, today):%Y-%m}-"
    days = place.command("usage", guest.tenant, "--json")["days"]
    own = [one for one in days if one["meter"] == "whatsapp" and one["date"].startswith(month)]
    return sum(one["messages"] for one in own), sum((Decimal(one["fees"]) for one in own), Decimal())
