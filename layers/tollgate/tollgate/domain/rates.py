"""Rates: dated price cards and market maps, and the exchange rates that carry a price into the contract's currency.

Always true: a card or map is never edited; loading one again for the same date adds a version, and the newest version
of the latest date at or before a message's day is the one in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol, cast

from tollgate.domain.facts import Recipient
from tollgate.domain.money import ratio

# A category without a price of its own on the card costs what its base category does.
BASE_CATEGORY: Final[Mapping[str, str]] = {
    "group_marketing": "marketing",
    "group_utility": "utility",
    "group_service": "service",
    "marketing_lite": "marketing",  # with a maximum price set, the card is an upper bound
}

# A rate derived from two published ones is cut to this many decimals, so that sums of converted fees stay exact.
FX_DECIMALS: Final = 10

# The European Central Bank publishes every working day. Any other source is a seller that converts its own prices.
ECB: Final = "ecb"

# A card's market whose prices hold for every recipient that has none of its own, known or not.
ANY_MARKET: Final = "*"
PREFIX_DIGITS: Final = 4

# A book is for one batch, or for a long re-pricing, in which reported amounts are as many as the messages.
MOST_ANSWERS: Final = 10_000
_UNASKED: Final = object()


class Dated(Protocol):
    """Something that holds from a day on, in versions."""

    @property
    def effective_from(self) -> date: ...
    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class MarketMap:
    """Which market a recipient belongs to: by the longest matching calling-code prefix, else by country."""

    effective_from: date
    version: int
    by_prefix: Mapping[str, str]
    by_country: Mapping[str, str]
    default: str

    def market(self, recipient: Recipient) -> str | None:
        """The recipient's market; None for one of whom neither number nor country is known."""
        if recipient.prefix:
            prefixes = [recipient.prefix[:length] for length in range(len(recipient.prefix), 0, -1)]
            return next((self.by_prefix[p] for p in prefixes if p in self.by_prefix), self.default)
        if recipient.country:
            return self.by_country.get(recipient.country, self.default)
        return None


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class TierReached:
    """Meta's word that an account's charged messages of a month, market and category have reached a volume tier.

    ``count`` is the tier's first message; messages whose billable moment is at or after ``at`` are in it.
    """

    account: str
    month: date
    market: str
    category: str
    count: int
    at: datetime


# Meta has volume tiers for these alone. Group messages, whose categories are others, have none.
TIERED: Final = ("utility", "authentication")

type Tiers = Sequence[tuple[int, Decimal]]
"""Prices by the count from which each holds, ascending."""


@dataclass(frozen=True, slots=True)
class RateCard:
    """Prices per delivered message by market and category, in one currency, from one day on.

    A seller may charge them in another currency (``charged_in``), at a rate that it sets itself (``fx_source``).
    ``tiers`` has, by market and category, the prices of further volume tiers.
    """

    card: str
    effective_from: date
    version: int
    currency: str
    rates: Mapping[str, Mapping[str, Decimal]]
    charged_in: str = ""
    fx_source: str = ""
    tiers: Mapping[str, Mapping[str, Tiers]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """What a fee names as its source: card, date and version."""
        return f"{self.card}/{self.effective_from}/{self.version}"

    def rate(self, market: str, category: str, *, count: int = 0) -> Decimal | None:
        """The price of a category in a market: its own, else its base category's; else, likewise, that of any market;
        None where there is neither. ``count``: the volume tier that is reached."""
        reached = [price for first, price in self.tiers.get(market, {}).get(category, ()) if first <= count]
        if count and reached:
            return reached[-1]
        own, anywhere = self.rates.get(market, {}), self.rates.get(ANY_MARKET, {})
        names = (category, BASE_CATEGORY.get(category, category))
        return next((prices[name] for prices in (own, anywhere) for name in names if name in prices), None)

    def knows(self, category: str) -> bool:
        """Whether the card prices a category in any market."""
        return any(self.rate(market, category) is not None for market in self.rates)


def in_force[D: Dated](versions: Sequence[D], day: date) -> D | None:
    """The one in force on a day: of the latest date not after it, the newest version."""
    eligible = [version for version in versions if version.effective_from <= day]
    return max(eligible, key=lambda v: (v.effective_from, v.version), default=None)


@dataclass(frozen=True, slots=True)
class FxDay:
    """Units of each currency for one euro, as published on one day by one source.

    A seller's rates are for one unit of whatever it likes: only the currencies that it names stand in a ratio.
    """

    day: date
    source: str
    per_euro: Mapping[str, Decimal]

    def between(self, from_currency: str, to_currency: str) -> Decimal | None:
        """Units of ``to_currency`` for one of ``from_currency``; None when either is not quoted."""
        quotes = {**self.per_euro, "EUR": Decimal(1)} if self.source == ECB else self.per_euro
        if from_currency not in quotes or to_currency not in quotes:
            return None
        return ratio(quotes[to_currency], quotes[from_currency], decimals=FX_DECIMALS)


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Everything prices are looked up in, as loaded at one moment. It remembers answers: the messages of a batch ask it
    the same few questions."""

    cards: Mapping[str, Sequence[RateCard]] = field(default_factory=dict)
    markets: Mapping[str, Sequence[MarketMap]] = field(default_factory=dict)
    fx: Sequence[FxDay] = ()
    tiers: Sequence[TierReached] = ()
    _answers: dict[tuple[object, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once[T](self, question: tuple[object, ...], answer: Callable[[], T]) -> T:
        """The answer to a question, worked out when it is asked first. It must follow from the question and this book
        alone."""
        found = self._answers.get(question, _UNASKED)
        if found is not _UNASKED:
            return cast(T, found)
        if len(self._answers) >= MOST_ANSWERS:
            self._answers.clear()
        return self._answers.setdefault(question, answer())  # type: ignore[no-any-return]

    def tier(self, *, account: str, market: str, category: str, moment: datetime, day: date) -> int:
        """The first message of the volume tier that an account was in at a moment of a day; 0 before any is reached."""
        month = day.replace(day=1)
        asked = (account, month, market, category)
        own = (t for t in self.tiers if (t.account, t.month, t.market, t.category) == asked and t.at <= moment)
        return max((tier.count for tier in own), default=0)

    def card(self, name: str, day: date) -> RateCard | None:
        """The rate card in force on a day."""
        return self.once(("card", name, day), lambda: in_force(self.cards.get(name, ()), day))

    def market_map(self, name: str, day: date) -> MarketMap | None:
        """The market map in force on a day for a card."""
        return self.once(("map", name, day), lambda: in_force(self.markets.get(name, ()), day))

    def market(self, name: str, recipient: Recipient, day: date) -> str | None:
        """The market of a recipient by the map of a card; None where either is unknown."""
        question = ("market", name, recipient.prefix, recipient.country, day)
        return self.once(question, lambda: self._market(name, recipient, day))

    def _market(self, name: str, recipient: Recipient, day: date) -> str | None:
        market_map = self.market_map(name, day)
        return market_map.market(recipient) if market_map else None

    def fx_day(self, day: date, source: str = ECB) -> FxDay | None:
        """The rates of a source that hold for a day; None where there are none, or may yet come."""
        return self.once(("fx", source, day), lambda: self._fx_day(day, source))

    def _fx_day(self, day: date, source: str) -> FxDay | None:
        own = [fx for fx in self.fx if fx.source == source]
        return _published(own, day) if source == ECB else _set_for_quarter(own, day)


def _published(daily: Sequence[FxDay], day: date) -> FxDay | None:
    """The day's own; else, where a later publication shows that there was none that day (week-ends, holidays) or the
    day is in a week-end, those of the last day before it. A working day whose rates may still come has none yet.
    """
    published = sorted((fx for fx in daily if fx.day <= day), key=lambda fx: fx.day)
    if not published or day - published[-1].day > timedelta(days=7):
        return None
    latest = published[-1]
    last_working_day = day - timedelta(days=max(0, day.weekday() - 4))
    overtaken = any(fx.day > day for fx in daily)
    return latest if latest.day >= last_working_day or overtaken else None


def _set_for_quarter(set_rates: Sequence[FxDay], day: date) -> FxDay | None:
    """The last one set since the day's quarter began. One of an earlier quarter says nothing, for it may have been set
    anew since: a rate that stays the same is loaded for the new quarter too."""
    began = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return max((fx for fx in set_rates if began <= fx.day <= day), key=lambda fx: fx.day, default=None)
