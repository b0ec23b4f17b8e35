"""RateRows: cards, market maps and exchange rates, each behind a small index.

A card or map is never changed once written, so its body is read once in the life of an instance; what is checked for
each batch is the index of each card, and of the exchange rates how often each year was written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.store import Item, Store
from tollgate.domain.errors import Conflict
from tollgate.domain.rate_files import parse_market_map, read_json
from tollgate.domain.rates import FxDay, MarketMap, PriceBook, RateCard, TierReached

BUNDLED_MAP: Final = "meta_markets_2026-10-01.json"
ALWAYS: Final = date(1970, 1, 1)
ADD_ATTEMPTS: Final = 3
CARDS: Final = "cards"
MARKETS: Final = "markets"


@cache
def bundled_market_map() -> MarketMap:
    """The market map that comes with the package: version 0, from the beginning of time."""
    text = (files("tollgate") / "data" / BUNDLED_MAP).read_text(encoding="utf-8")
    return parse_market_map(read_json(text, BUNDLED_MAP), effective_from=ALWAYS)


class DynamoRates:
    """The port ``RateRows``. ``bundled`` holds for any card that names one of its markets, until a map is loaded."""

    def __init__(self, store: Store, *, bundled: MarketMap | None = None) -> None:
        self._store = store
        self._bundled = bundled or bundled_market_map()
        self._cards: dict[Key, RateCard] = {}
        self._maps: dict[Key, MarketMap] = {}
        self._years: dict[str, tuple[int, list[FxDay]]] = {}

    def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
        indexes = [keys.rates_index(card) for card in cards]
        found = self._store.get_many(self._store.accounts, [*indexes, *([keys.fx_index()] if fx else [])])
        held = {card: found[key] for card in cards if (key := keys.rates_index(card)) in found}
        card_keys = {card: [keys.card(card, *at) for at in _versions(index, CARDS)] for card, index in held.items()}
        map_keys = {c: [keys.market_map(c, *at) for at in _versions(index, MARKETS)] for c, index in held.items()}
        self._fill(self._cards, card_keys.values(), codec.CARD.read_json)
        self._fill(self._maps, map_keys.values(), codec.MARKET_MAP.read_json)
        books = {card: [self._cards[key] for key in own] for card, own in card_keys.items() if own}
        maps = {c: self._held_maps(books.get(c, ()), [self._maps[key] for key in own]) for c, own in map_keys.items()}
        return PriceBook(
            cards=books,
            markets={card: own for card, own in maps.items() if own},
            fx=self._fx(found.get(keys.fx_index(), {})),
        )

    def _fill[V](self, bodies: dict[Key, V], wanted: Iterable[list[Key]], read: Callable[[str], V]) -> None:
        missing = [key for own in wanted for key in own if key not in bodies]
        for key, item in self._store.get_many(self._store.accounts, missing).items():
            bodies[key] = read(item["body"])

    def _held_maps(self, cards: Sequence[RateCard], loaded: list[MarketMap]) -> list[MarketMap]:
        named = {*self._bundled.by_prefix.values(), *self._bundled.by_country.values(), self._bundled.default}
        fits = any(market in named for card in cards for market in card.rates)
        return [self._bundled, *loaded] if fits else loaded

    def _fx(self, index: Item) -> list[FxDay]:
        days: list[FxDay] = []
        for year in sorted(index.keys() - Key._fields):
            written = int(index[year])
            if year not in self._years or self._years[year][0] != written:
                items = self._store.query(self._store.accounts, keys.fx_year(int(year)))
                self._years[year] = (written, [codec.FX_DAY.read_json(item["body"]) for item in items])
            days += self._years[year][1]
        return days

    def add_card(self, card: RateCard) -> RateCard:
        def body(version: int) -> tuple[Key, str]:
            key = keys.card(card.card, card.effective_from, version)
            return key, codec.CARD.json(replace(card, version=version))

        return replace(card, version=self._add(card.card, CARDS, card.effective_from, body))

    def add_market_map(self, card: str, markets: MarketMap) -> MarketMap:
        def body(version: int) -> tuple[Key, str]:
            key = keys.market_map(card, markets.effective_from, version)
            return key, codec.MARKET_MAP.json(replace(markets, version=version))

        return replace(markets, version=self._add(card, MARKETS, markets.effective_from, body))

    def _add(self, card: str, kind: str, effective_from: date, body: Callable[[int], tuple[Key, str]]) -> int:
        """Write a body under the next version of its date together with the index; somebody else's goes first."""
        for attempt in range(ADD_ATTEMPTS):
            index = self._store.get(self._store.accounts, keys.rates_index(card)) or {"version": 0}
            listed = _versions(index, kind)
            version = 1 + max((number for day, number in listed if day == effective_from), default=0)
            key, text = body(version)
            read = int(index["version"])
            names = [f"{day}#{number}" for day, number in sorted([*listed, (effective_from, version)])]
            new_index = {**index, **keys.rates_index(card)._asdict(), "version": read + 1, kind: names}
            try:
                self._store.transact(
                    [
                        writes.put_new(self._store.accounts, {**key._asdict(), "body": text}),
                        writes.put_at(self._store.accounts, new_index, read=read),
                    ]
                )
            except Conflict:
                if attempt + 1 == ADD_ATTEMPTS:
                    raise
            else:
                return version
        raise AssertionError("unreachable: the last attempt returns or raises")

    def tiers(self, accounts: Collection[str]) -> list[TierReached]:
        return [
            codec.TIER.read(item["tier"])
            for account in sorted(accounts)
            for item in self._store.query(self._store.accounts, keys.tiers(account))
        ]

    def add_tier(self, tier: TierReached) -> None:
        """The time is kept as a number too, which the condition compares."""
        write = writes.update(
            self._store.accounts,
            keys.tier(tier),
            "SET #at = :at, #tier = :tier",
            names={"#at": "at", "#tier": "tier"},
            values={":at": int(tier.at.timestamp()), ":tier": codec.TIER.item(tier)},
            condition="attribute_not_exists(#at) OR #at > :at",
        )
        try:
            self._store.update(write)
        except Conflict:
            return  # it is known, from the same moment or an earlier one

    def add_fx(self, days: Sequence[FxDay]) -> int:
        """Rates first and the index after them, so that whoever sees the index moved sees the rates too."""
        by_day = {(fx.day, fx.source): fx for fx in days}
        if not by_day:
            return 0
        self._store.write_many(
            self._store.accounts,
            puts=({**keys.fx_day(*at)._asdict(), "body": codec.FX_DAY.json(fx)} for at, fx in by_day.items()),
        )
        years = sorted({day.year for day, _ in by_day})
        self._store.update(
            writes.update(
                self._store.accounts,
                keys.fx_index(),
                "ADD " + ", ".join(f"#y{year} :one" for year in years),
                names={f"#y{year}": str(year) for year in years},
                values={":one": 1},
            )
        )
        return len(by_day)


def _versions(index: Item, kind: str) -> list[tuple[date, int]]:
    """The dates and versions that an index lists, in order."""
    pairs = (name.split("#") for name in index.get(kind, ()))
    return [(date.fromisoformat(day), int(number)) for day, number in pairs]
