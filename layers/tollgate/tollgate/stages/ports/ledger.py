"""Ports: records and usage, what they are priced by, and the facts that cannot be counted yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from tollgate.domain.calendar import Term
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.price_waits import PriceWait
from tollgate.domain.rates import FxDay, MarketMap, PriceBook, RateCard, TierReached
from tollgate.domain.records import Record, Usage
from tollgate.domain.usage import DayRow, TermRow


class Position(NamedTuple):
    """Where a message stands among those of a month."""

    day: date
    message: MessageKey


class LedgerRows(Protocol):
    """Records, and the one transaction in which everything that metering writes commits together."""

    def records(self, tenant: str, keys: Collection[MessageKey]) -> dict[MessageKey, Record]:
        """The records of these messages that exist, read consistently."""
        ...

    def usage_rows(
        self, tenant: str, terms: Mapping[date, Term], days: Collection[date]
    ) -> tuple[dict[date, TermRow], dict[date, DayRow]]:
        """The usage rows of these terms and days, read consistently; version 0 for those not written yet. A term's that
        is not has the lines that the customer asks for."""
        ...

    def commit(self, tenant: str, changes: Sequence[RecordChange], usage: UsageChange) -> None:
        """Write all of it, or nothing. Raises Conflict when any row has moved since it was read, or, of a new term, the
        customer's choices."""
        ...

    def month(self, tenant: str, first: date, end: date) -> Iterable[tuple[MessageKey, Usage]]:
        """The usage of every record with a day in [first, end), which lies in one calendar month. Eventually
        consistent: what was written a moment ago may be missing."""
        ...

    def counted(self, tenant: str, first: date, end: date) -> Iterable[Record]:
        """As ``month``, but the whole records."""
        ...

    def page(
        self, tenant: str, first: date, end: date, *, after: Position | None, most: int
    ) -> list[tuple[MessageKey, Usage]]:
        """As ``month``, but at most so many, in the order of their days and then of their keys in the table, from
        after a position on (None: from the start). Fewer than ``most`` are the last."""
        ...

    def days(self, tenant: str, first: date, end: date) -> list[DayRow]:
        """The day rows in [first, end), in order, read consistently."""
        ...

    def terms(self, tenant: str) -> list[TermRow]:
        """Every term row of a tenant, oldest first."""
        ...

    def ask_again(self, tenant: str, key: MessageKey) -> None:
        """Have the price of a message asked for again, if it waits for one; see ``PriceWaits``."""
        ...

    def save_term(self, tenant: str, row: TermRow, *, notices: Sequence[Notice], holds: Sequence[Hold]) -> None:
        """Write a term row (at version + 1 of the one read) with notices and holds, all or nothing. Raises Conflict."""
        ...


class PriceWaits(Protocol):
    """Messages whose price has to be asked for. Metering lists and unlists them with their records; what is changed
    here holds until it writes the record again."""

    def due(self, provider: str, *, now: datetime, most: int) -> list[PriceWait]:
        """The messages that are due, the longest overdue first, at most so many. Eventually consistent."""
        ...

    def postpone(self, wait: PriceWait, *, due: datetime) -> None:
        """Ask again then. For a message that has moved since it was read, nothing is changed."""
        ...

    def give_up(self, wait: PriceWait) -> None:
        """Ask no more. For a message that has moved since it was read, nothing is changed."""
        ...


@dataclass(frozen=True, slots=True)
class MessageResource:
    """What a provider says of a message when it is asked: as JSON without its text, and whether it has a price."""

    body: bytes
    priced: bool


class MessageResources(Protocol):
    """A provider's messages, to be read one by one."""

    def read(self, account: str, message: str) -> MessageResource:
        """Raises NotFound for no such message, Refused when it will not say for this account, RetryLater when the
        provider or the way to it is in trouble."""
        ...


class RateRows(Protocol):
    """Rate cards, market maps and exchange rates."""

    def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
        """Every version of some cards with their market maps, and all exchange rates when ``fx``."""
        ...

    def add_card(self, card: RateCard) -> RateCard:
        """Store a card; its version is the next one of its date. Returns it with that version."""
        ...

    def add_market_map(self, card: str, markets: MarketMap) -> MarketMap:
        """Store a market map for a card; likewise versioned."""
        ...

    def tiers(self, accounts: Collection[str]) -> list[TierReached]:
        """The volume tiers that these accounts of Meta's have reached, read consistently."""
        ...

    def add_tier(self, tier: TierReached) -> None:
        """Store a tier that is reached; told twice, the smaller time counts."""
        ...

    def add_fx(self, days: Sequence[FxDay]) -> int:
        """Store exchange rates; a day that is there already is replaced. Returns how many were written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """One quarantined fact. ``id`` is derived from the fact, so that a repeat is the same row."""

    id: str
    reason: str
    fact: Fact


class Quarantine(Protocol):
    """Facts that cannot be counted yet."""

    def put(self, rows: Sequence[QuarantineRow]) -> None: ...
    def rows(self, reason: str | None = None) -> list[QuarantineRow]: ...
    def remove(self, rows: Sequence[QuarantineRow]) -> None: ...


class Recounting(Protocol):
    """Counting what is in quarantine again, which only metering may do."""

    def begin(self, reason: str) -> None:
        """Have what waits for a reason counted again, soon; what cannot be stays. Raises RetryLater, Refused."""
        ...
