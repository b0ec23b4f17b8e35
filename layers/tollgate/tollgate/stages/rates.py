"""Rates: load dated price cards, market maps and exchange rates; show first what a load would change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tollgate.domain.rate_files import parse_card, parse_fx_csv, parse_market_map
from tollgate.domain.rates import ECB, MarketMap, RateCard
from tollgate.stages.ports.ledger import RateRows


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a rates file was and what it changes: one line a price that differs from the card it follows. ``card`` is
    None for a map of markets."""

    kind: str
    reference: str
    changes: tuple[str, ...]
    card: RateCard | None = None


def load(document: object, *, card: str, effective_from: date, rates: RateRows, dry_run: bool) -> Loaded:
    """Load a rate card or a market map (told apart by its shape) for a card from a day on.

    Raises Invalid for a file of neither shape. A dry run stores nothing and says the same.
    """
    book = rates.book({card}, fx=False)
    if isinstance(document, dict) and "by_calling_code" in document:
        markets = parse_market_map(document, effective_from=effective_from)
        changes = tuple(_map_changes(book.market_map(card, effective_from), markets))
        stored = markets if dry_run else rates.add_market_map(card, markets)
        return Loaded("market map", f"{card}/{stored.effective_from}/{stored.version}", changes)
    new = parse_card(document, card=card, effective_from=effective_from)
    changes = tuple(_card_changes(book.card(card, effective_from), new))
    stored_card = new if dry_run else rates.add_card(new)
    return Loaded("rate card", stored_card.reference, changes, stored_card)


def load_fx(text: str, *, rates: RateRows, source: str = ECB) -> int:
    """Load the ECB's reference rates, or a seller's own, from the ECB's CSV. Returns how many days were written.

    Raises Invalid.
    """
    return rates.add_fx(parse_fx_csv(text, source=source))


def _card_changes(old: RateCard | None, new: RateCard) -> Iterator[str]:
    before = old.rates if old else {}
    for market in sorted(before.keys() | new.rates.keys()):
        was, now = before.get(market, {}), new.rates.get(market, {})
        for category in sorted(was.keys() | now.keys()):
            if was.get(category) != now.get(category):
                yield f"{category}/{market}: {_price(was.get(category))} -> {_price(now.get(category))}"


def _price(amount: Decimal | None) -> str:
    return "none" if amount is None else f"{amount:f}"


def _map_changes(old: MarketMap | None, new: MarketMap) -> Iterator[str]:
    before = old.by_prefix if old else {}
    for prefix in sorted(before.keys() | new.by_prefix.keys()):
        was, now = before.get(prefix, "none"), new.by_prefix.get(prefix, "none")
        if was != now:
            yield f"+{prefix}: {was} -> {now}"
