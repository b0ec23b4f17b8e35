"""Prices for the benchmark: the card that comes with the package, a reseller's fee, and one euro rate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Final

from tollgate.domain.billing_moments import MESSAGE
from tollgate.domain.rate_files import parse_card, read_json
from tollgate.domain.rates import ANY_MARKET, FxDay, RateCard

CARD: Final = "meta_rates_usd_2026-10-01.json"
FLAT: Final = Decimal("0.005")
IN_FORCE: Final = date(2020, 1, 1)  # long before any sample


def meta_card(name: str) -> RateCard:
    """The bundled card of Meta's under a name."""
    text = (files("tollgate") / "data" / CARD).read_text(encoding="utf-8")
    return parse_card(read_json(text, CARD), card=name, effective_from=IN_FORCE)


def flat_card(name: str) -> RateCard:
    """One price for each message, as AWS publishes its own fee: the same everywhere."""
    return RateCard(name, IN_FORCE, 1, "USD", rates={ANY_MARKET: {MESSAGE: FLAT}})


def own_card(name: str, meters: Collection[str]) -> RateCard:
    """Meta's card, and a flat price for the messages of some meters that have no category."""
    card = meta_card(name)
    return replace(card, rates={**card.rates, ANY_MARKET: dict.fromkeys(meters, FLAT)})


def euro_rates(days: set[date]) -> list[FxDay]:
    """The same rates on each of some days."""
    per_euro = {"USD": Decimal("1.1500"), "GBP": Decimal("0.8700"), "INR": Decimal("101.25")}
    return [FxDay(day, "ecb", per_euro) for day in sorted(days)]
