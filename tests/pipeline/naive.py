"""A month of traffic, and the plainest reading of what it must come to: no versions, batches, transactions or rows.

Written from the contract's text and the providers' pages alone; it shares nothing with the product but data files.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

DATA = Path(__file__).resolve().parents[2] / "layers" / "tollgate" / "tollgate" / "data"
CARD = DATA / "meta_rates_usd_2026-10-01.json"
RATES = json.loads(CARD.read_text(encoding="utf-8"))["rates"]
MAP = json.loads((DATA / "meta_markets_2026-10-01.json").read_text(encoding="utf-8"))

TO = ("4915", "4477", "1415", "1787", "9198", "2547", "2999")
TYPES = ("regular",) * 8 + ("free_customer_service", "free_entry_point")
CATEGORIES = ("marketing", "utility", "authentication", "service", "marketing_lite")
ENDINGS = (("sent", "delivered"), ("sent", "delivered", "read"), ("sent", "read"), ("sent",), ("sent", "failed"))


@dataclass
class Month:
    """Receipts as providers would send them, and the counts that must come out."""

    tenant: str
    waba: str
    timezone: str
    first: datetime
    statuses: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    # (day, meter, category, market) -> [messages, fees]
    cells: dict[tuple[str, str, str, str], list[Any]] = field(
        default_factory=lambda: defaultdict(lambda: [0, Decimal(0)])
    )
    # (moment, message) -> fee: what is counted, in the order of its moment
    fees: list[tuple[datetime, Decimal]] = field(default_factory=list)
    texts: list[datetime] = field(default_factory=list)

    def day(self, moment: datetime) -> str:
        return str(moment.astimezone(ZoneInfo(self.timezone)).date())

    @property
    def total(self) -> Decimal:
        return sum((fee for _, fee in self.fees), Decimal(0))

    def lines(self) -> dict[str, int]:
        """Messages by line of the invoice: category and market."""
        counts: Counter[str] = Counter()
        for (_, meter, category, market), (messages, _) in self.cells.items():
            if meter == "whatsapp":
                counts[f"{category}/{market}"] += messages
        return dict(counts)


def market_of(number: str) -> str:
    """The market of a number: its longest calling code that is listed."""
    for length in range(len(number), 0, -1):
        if number[:length] in MAP["by_calling_code"]:
            return str(MAP["by_calling_code"][number[:length]])
    return str(MAP["default"])


def price_of(category: str, market: str) -> Decimal:
    """The card's price; what has none of its own costs what its base does."""
    prices = RATES[market]
    return Decimal(prices.get(category, prices["marketing"]))


def month(
    *, tenant: str, waba: str, timezone: str, first_day: date, days: int, seed: int, whatsapp: int, texts: int
) -> Month:
    """A month of ``days`` days from ``first_day`` on, in the tenant's time zone; nothing is sent on its last day."""
    draw = random.Random(seed)
    first = datetime.combine(first_day, time.min, ZoneInfo(timezone)).astimezone(UTC)
    span = (days - 1) * 86_400
    made = Month(tenant=tenant, waba=waba, timezone=timezone, first=first)
    for n in range(whatsapp):
        _whatsapp(made, draw, f"wamid.{tenant}.{n}", first + timedelta(seconds=int(draw.random() * span)))
    for n in range(texts):
        _text(made, draw, f"{tenant}-sms-{n}", first + timedelta(milliseconds=int(draw.random() * span * 1000)))
    return made


def _whatsapp(made: Month, draw: random.Random, message: str, at: datetime) -> None:
    to = draw.choice(TO) + f"{draw.randrange(10**7):07d}"
    kind, category = draw.choice(TYPES), draw.choice(CATEGORIES)
    ending = draw.choice(ENDINGS)
    priced = draw.choice(("first", "last", "both"))
    at = at.replace(microsecond=0)
    times = [at + timedelta(seconds=n * draw.randrange(1, 90)) for n in range(len(ending))]
    for n, (status, moment) in enumerate(zip(ending, times, strict=True)):
        shown: dict[str, Any] = {
            "id": message,
            "status": status,
            "timestamp": str(int(moment.timestamp())),
            "recipient_id": to,
        }
        is_last = n == len(ending) - 1
        if priced == "both" or (priced == "first" and n == 0) or (priced == "last" and is_last):
            shown["pricing"] = {
                "billable": kind == "regular",
                "pricing_model": "PMP",
                "type": kind,
                "category": category,
            }
        made.statuses += [shown] * draw.choice((1, 1, 1, 2))
    arrived = [moment for status, moment in zip(ending, times, strict=True) if status in ("delivered", "read")]
    if arrived and kind == "regular":
        market = market_of(to)
        fee = price_of(category, market)
        _count(made, min(arrived), "whatsapp", category, market, fee)
        made.fees.append((min(arrived), fee))


def _text(made: Month, draw: random.Random, message: str, at: datetime) -> None:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    kinds = draw.choice(
        (
            ("TEXT_DELIVERED",),
            ("TEXT_QUEUED", "TEXT_SENT", "TEXT_DELIVERED"),
            ("TEXT_SUCCESSFUL",),
            ("TEXT_BLOCKED",),
            ("TEXT_CARRIER_BLOCKED",),
            ("TEXT_PENDING",),
        )
    )
    parts = draw.choice((1, 1, 2))
    price = Decimal(draw.choice(("0.00581", "0.0411"))) * parts
    fee = Decimal("0.003") * parts
    if kinds in (("TEXT_BLOCKED",), ("TEXT_PENDING",)):
        price = fee = Decimal(0)
    for n, kind in enumerate(kinds):
        event = {
            "eventType": kind,
            "eventTimestamp": int(at.timestamp() * 1000) + 700 * (n + 1),
            "messageRequestTimestamp": int(at.timestamp() * 1000),
            "messageId": message,
            "destinationPhoneNumber": "+14255550156",
            "isoCountryCode": "US",
            "context": {"tenant_id": made.tenant},
            "totalMessageParts": parts,
            "totalMessagePrice": float(price),
            "totalCarrierFee": float(fee),
        }
        made.events += [event] * draw.choice((1, 1, 2))
    if kinds not in (("TEXT_BLOCKED",), ("TEXT_PENDING",)):
        _count(made, at, "sms", "sms", "US", price + fee)
        made.texts.append(at)


def _count(made: Month, at: datetime, meter: str, category: str, market: str, fee: Decimal) -> None:
    cell = made.cells[made.day(at), meter, category, market]
    cell[0] += 1
    cell[1] += fee


def cents(amount: Decimal) -> Decimal:
    """Rounded once, half up."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
