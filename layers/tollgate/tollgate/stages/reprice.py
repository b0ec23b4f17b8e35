"""Reprice: let a corrected rate card, or a volume tier, reach the records that are counted already, as new versions.

They are written in the meter's transaction, with the counters and the lines they cross, so that the difference is in
the next invoice by itself. What happens on a crash: what was written stays, and doing it again finishes the rest, since
a record whose fees come out the same is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from copy import replace
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import batched
from typing import Final, Protocol

from tollgate.domain.billing_moments import METAS, PLATFORM_CARD
from tollgate.domain.calendar import add_months
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict
from tollgate.domain.facts import MessageKey
from tollgate.domain.metering import RecordChange, Senders, count, terms_and_days
from tollgate.domain.money import ZERO
from tollgate.domain.rates import PriceBook, RateCard, TierReached
from tollgate.domain.records import Record, Usage
from tollgate.domain.repricing import Again, corrected, in_tier, may_be_in, may_come_from, price_again, with_card
from tollgate.domain.senders import HANDOVER
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.ledger import LedgerRows, RateRows
from tollgate.stages.transaction import CHUNK_MESSAGES, MAX_ITEMS, items_of

MAX_ATTEMPTS: Final = 6


class RepricePorts(Protocol):
    """What repricing reads and writes; the meter's ports have it all."""

    @property
    def ledger(self) -> LedgerRows: ...
    @property
    def contracts(self) -> ContractRows: ...
    @property
    def rates(self) -> RateRows: ...
    @property
    def pause(self) -> Callable[[int], None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthChange:
    """What repricing makes of one tenant's month: how many messages cost another fee, and their fees, old and new."""

    tenant: str
    month: date
    currency: str
    messages: int
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return self.after - self.before

    def adding(self, before: Usage, after: Usage) -> MonthChange:
        """The change with one more message in it."""
        return replace(
            self,
            messages=self.messages + after.messages,
            before=self.before + before.amount,
            after=self.after + after.amount,
        )


def correct_card(card: RateCard, *, now: datetime, ports: RepricePorts, dry_run: bool) -> list[MonthChange]:
    """Price again what a card, loaded from a past day on, has priced since. A dry run takes the card as loaded."""
    today = now.date()
    if card.effective_from > today:
        return []
    changes: list[MonthChange] = []
    for tenant in ports.contracts.tenants():
        versions = ports.contracts.versions(tenant)
        senders = ports.contracts.senders({(one.provider, one.account) for v in versions for one in v.senders})
        cards = _cards(tenant, senders)
        if card.card not in cards:
            continue
        book, accounts = ports.rates.book(cards, fx=True), {account for _, account in senders}
        changes += reprice(
            tenant,
            again=corrected(card.card, card.effective_from),
            concerns=lambda usage: may_come_from(usage, card.card),
            days=(card.effective_from - HANDOVER, today + timedelta(days=2)),
            versions=versions,
            book=with_tiers(with_card(book, card) if dry_run else book, accounts, rates=ports.rates),
            ports=ports,
            dry_run=dry_run,
            now=now,
        )
    return changes


def reach_tier(tier: TierReached, *, ports: RepricePorts, now: datetime) -> None:
    """Price again what is in a volume tier of Meta's: of that month, market and category, from the tier's moment on,
    those messages of its account that are counted already."""
    keys = {(provider, tier.account) for provider in METAS}
    held = ports.contracts.senders(keys)
    for tenant in sorted({one.tenant for own in held.values() for one in own if one.tenant}):
        versions = ports.contracts.versions(tenant)
        senders = {key: own for key, own in held.items() if any(one.tenant == tenant for one in own)}
        book = with_tiers(ports.rates.book(_cards(tenant, senders), fx=True), {tier.account}, rates=ports.rates)
        reprice(
            tenant,
            again=in_tier(tier),
            concerns=lambda usage: may_be_in(usage, tier),
            days=(tier.month - HANDOVER, add_months(tier.month, 1)),
            versions=versions,
            book=book,
            ports=ports,
            dry_run=False,
            now=now,
        )


def with_tiers(book: PriceBook, accounts: Collection[str], *, rates: RateRows) -> PriceBook:
    """A book with the volume tiers that accounts have reached; nothing is read where no card has any."""
    has_tiers = any(card.tiers for cards in book.cards.values() for card in cards)
    return replace(book, tiers=rates.tiers(accounts)) if has_tiers else book


def _cards(tenant: str, senders: Senders) -> set[str]:
    own = {one.card for held in senders.values() for one in held if one.tenant == tenant}
    return own | {card + PLATFORM_CARD for card in own}


def reprice(
    tenant: str,
    *,
    again: Again,
    concerns: Callable[[Usage], bool],
    days: tuple[date, date],
    versions: Sequence[Contract],
    book: PriceBook,
    ports: RepricePorts,
    dry_run: bool,
    now: datetime,
) -> list[MonthChange]:
    """Price again what a tenant's records of some days (half-open) cost. Raises Conflict, RetryLater."""
    found: dict[date, MonthChange] = {}
    pricing = _Repricing(tenant, again, versions, book, ports, dry_run, now)
    for first, end in _months(*days):
        concerned = (key for key, usage in ports.ledger.month(tenant, first, end) if concerns(usage))
        # All read before any is written: the index must not move under the reading.
        for keys in batched(list(concerned), CHUNK_MESSAGES, strict=False):
            for change in pricing.messages(keys):
                before, after = change.before.usage, change.after.usage
                assert before is not None
                assert after is not None
                month = after.day.replace(day=1)
                nothing = MonthChange(
                    tenant=tenant, month=month, currency=versions[0].currency, messages=0, before=ZERO, after=ZERO
                )
                found[month] = found.get(month, nothing).adding(before, after)
    return [found[month] for month in sorted(found)]


def _months(first: date, end: date) -> Iterator[tuple[date, date]]:
    """The calendar months of some days, clipped to them."""
    while first < end:
        following = add_months(first.replace(day=1), 1)
        yield first, min(following, end)
        first = following


@dataclass(frozen=True, slots=True)
class _Repricing:
    """Reads, prices again and writes one tenant's messages, while others write in between."""

    tenant: str
    again: Again
    versions: Sequence[Contract]
    book: PriceBook
    ports: RepricePorts
    dry_run: bool
    now: datetime

    def messages(self, keys: Collection[MessageKey]) -> list[RecordChange]:
        """What changes; written, unless this is a dry run."""
        pricing = self
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return pricing._once(keys)
            except Conflict:
                if attempt == MAX_ATTEMPTS:
                    raise
                self.ports.pause(attempt)
                pricing = pricing._by_contract_as_it_is()
        raise AssertionError("unreachable")

    def _by_contract_as_it_is(self) -> _Repricing:
        return replace(self, versions=self.ports.contracts.versions(self.tenant))

    def _once(self, keys: Collection[MessageKey]) -> list[RecordChange]:
        records = self.ports.ledger.records(self.tenant, keys).values()
        senders = self.ports.contracts.senders({(record.key.provider, record.account) for record in records})
        changes = [
            RecordChange(record, replace(after, version=record.version + 1))
            for record in records
            if (after := self._again(record, senders)) != record
        ]
        if self.dry_run or not changes:
            return changes
        terms, days = terms_and_days(changes, self.versions)
        term_rows, day_rows = self.ports.ledger.usage_rows(self.tenant, terms, days)
        usage = count(changes, terms=term_rows, days=day_rows, versions=self.versions, now=self.now)
        if usage.notices and (current := self._by_contract_as_it_is()).versions != self.versions:
            return current.messages(keys)  # as in metering: nobody is held by a limit that was changed meanwhile
        if items_of(changes, usage) > MAX_ITEMS and len(changes) > 1:
            own = [change.before.key for change in changes]
            half = len(own) // 2
            return self.messages(own[:half]) + self.messages(own[half:])
        self.ports.ledger.commit(self.tenant, changes, usage)
        return changes

    def _again(self, record: Record, senders: Senders) -> Record:
        return price_again(record, again=self.again, versions=self.versions, senders=senders, book=self.book)
