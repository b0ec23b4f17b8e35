"""Meter: from queued receipts to records, usage, notices and holds, one transaction per chunk of a tenant's messages.

What happens on a repeat: a receipt that was counted before changes nothing, and a change of nothing writes nothing.
What happens on a crash: a transaction is whole or absent; the receipts come back and are counted then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tollgate.domain.billing_moments import card_suffixes
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, RetryLater, TollgateError
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.metering import (
    Quarantined,
    RecordChange,
    Senders,
    UsageChange,
    claimants,
    count,
    known_to,
    price_facts,
    quarantine_reason,
    route,
    terms_and_days,
    waiting,
)
from tollgate.domain.pricing import unknown_type
from tollgate.domain.rates import PriceBook, TierReached
from tollgate.domain.records import Record
from tollgate.domain.senders import Assignment
from tollgate.providers.errors import ReceiptError
from tollgate.providers.provider import Parsed
from tollgate.stages.archive import keep_receipts
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.archive import Archive
from tollgate.stages.ports.ledger import LedgerRows, Quarantine, QuarantineRow, RateRows
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.quarantine import quarantine_row
from tollgate.stages.reprice import reach_tier, with_tiers
from tollgate.stages.transaction import CHUNK_MESSAGES, MAX_ITEMS, items_of

MAX_ATTEMPTS: Final = 6

type Parse = Callable[[Receipt], Parsed]
type Pause = Callable[[int], None]
"""Waits before the n-th retry, with jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPorts:
    """What metering reads and writes; ``archive`` None keeps no receipts."""

    ledger: LedgerRows
    contracts: ContractRows
    rates: RateRows
    quarantine: Quarantine
    count: Count
    pause: Pause
    archive: Archive | None = None


@dataclass(frozen=True, slots=True)
class Sourced:
    """A fact and where it came from: the id of a receipt, or of a quarantine row.

    ``owner`` is the assignment that holds at the fact's own time, where it is the tenant's that is being metered;
    ``others`` are further tenants that hold the account around that time.
    """

    source: str
    fact: Fact
    owner: Assignment | None = None
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What became of some facts, by the ids of their sources; ``rows`` are the ids of the quarantine rows written."""

    failed: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    rows: set[str] = field(default_factory=set)


def meter(receipts: Sequence[Receipt], *, parse: Parse, ports: MeterPorts, now: datetime) -> set[str]:
    """Count the messages of some receipts. Returns the ids of the receipts that must come back."""
    facts: list[Sourced] = []
    tiers: list[tuple[str, TierReached]] = []
    unreadable: set[str] = set()
    for receipt in receipts:
        try:
            parsed = parse(receipt)
        except ReceiptError:
            unreadable.add(receipt.id)
            continue
        facts += [Sourced(receipt.id, fact) for fact in parsed.facts]
        tiers += [(receipt.id, tier) for tier in parsed.tiers]
        for remark in parsed.remarks:
            ports.count(remark, 1)
        if parsed.unreadable:
            unreadable.add(receipt.id)
    if unreadable:
        ports.count("UnreadableReceipts", len(unreadable))
    said = ((one.source, one.fact.key) for one in facts)
    keep_receipts(receipts, said, archive=ports.archive, count=ports.count)
    failed = meter_facts(facts, ports=ports, now=now).failed
    return unreadable | failed | _tiers_take_effect(tiers, ports, now)


def _tiers_take_effect(tiers: Sequence[tuple[str, TierReached]], ports: MeterPorts, now: datetime) -> set[str]:
    """Remember the volume tiers that are reached and price again what is in them; the ids of those that must come back.

    After the facts of the same batch, and again whenever one is told again, so that a crash in between is healed.
    """
    failed: set[str] = set()
    for source, tier in tiers:
        try:
            ports.rates.add_tier(tier)
            reach_tier(tier, ports=ports, now=now)
        except TollgateError:
            failed.add(source)
    return failed


def meter_facts(facts: Sequence[Sourced], *, ports: MeterPorts, now: datetime) -> Outcome:
    """Count facts: each is committed, quarantined, or its source named as failed.

    Whatever is wrong with one tenant (a contract that cannot be read, too) brings back its own sources only.
    """
    outcome, books = Outcome(), _Books(ports.rates)
    if not facts:
        return outcome
    try:
        senders = ports.contracts.senders({(item.fact.provider, item.fact.account) for item in facts})
        by_tenant = _by_tenant(facts, senders, ports, outcome)
    except RetryLater:
        outcome.failed |= {item.source for item in facts}
        return outcome
    for tenant, own in by_tenant.items():
        try:
            _meter_tenant(tenant, own, senders=senders, books=books, ports=ports, outcome=outcome, now=now)
        except TollgateError:
            ports.count("MeterTenantFailed", 1)
            outcome.failed |= {item.source for item in own}
    return outcome


def _by_tenant(
    facts: Sequence[Sourced], senders: Senders, ports: MeterPorts, outcome: Outcome
) -> dict[str, list[Sourced]]:
    by_tenant: dict[str, list[Sourced]] = {}
    nobodys: list[tuple[str, Quarantined]] = []
    for item in facts:
        routed = route(item.fact, senders)
        if isinstance(routed, Quarantined):
            nobodys.append((item.source, routed))
        around = claimants(item.fact, senders)
        for tenant in around:
            owner = routed if isinstance(routed, Assignment) and routed.tenant == tenant else None
            others = tuple(other for other in around if other != tenant)
            by_tenant.setdefault(tenant, []).append(Sourced(item.source, item.fact, owner, others))
    _quarantine(nobodys, ports, outcome)
    return by_tenant


def _meter_tenant(
    tenant: str,
    facts: Sequence[Sourced],
    *,
    senders: Senders,
    books: _Books,
    ports: MeterPorts,
    outcome: Outcome,
    now: datetime,
) -> None:
    versions = ports.contracts.versions(tenant)
    book = _book(tenant, facts, versions=versions, senders=senders, books=books)
    countable: dict[MessageKey, list[Sourced]] = {}
    uncountable: list[tuple[str, Quarantined]] = []
    for item in facts:
        reason = _reason(item, versions=versions, book=book)
        if reason is None:
            countable.setdefault(item.fact.key, []).append(item)
        else:
            uncountable.append((item.source, Quarantined(item.fact, reason)))
    _quarantine(uncountable, ports, outcome)
    commit = _Commit(tenant, versions, senders, book, ports, now)
    messages = list(countable.values())
    for start in range(0, len(messages), CHUNK_MESSAGES):
        chunk = messages[start : start + CHUNK_MESSAGES]
        try:
            unpriced = commit.messages(chunk)
        except (Conflict, RetryLater):
            outcome.failed |= {item.source for own in chunk for item in own}
            continue
        waiting = {one.fact.key: one for one in unpriced}
        _quarantine(
            [(i.source, waiting[i.fact.key]) for own in chunk for i in own if i.fact.key in waiting], ports, outcome
        )


def _reason(item: Sourced, *, versions: Sequence[Contract], book: PriceBook) -> str | None:
    """Why a fact cannot be counted. One of a message that several tenants may count is judged with its message, once
    that is billable: whose prices hold for it is not known before."""
    if item.others or item.owner is None:
        return unknown_type(item.fact)
    return quarantine_reason(item.fact, versions=versions, card=item.owner.card, book=book)


def _book(
    tenant: str, facts: Sequence[Sourced], *, versions: Sequence[Contract], senders: Senders, books: _Books
) -> PriceBook:
    """The price book for some facts; exchange rates only where more than one currency is in play.

    It has every card that the tenant's senders ever name: a fact may be of another day than its message's usage.
    """
    held = (one for item in facts for one in senders.get((item.fact.provider, item.fact.account), ()))
    cards = {one.card for one in held if one.tenant == tenant} | {item.fact.provider for item in facts}
    meters = {(item.fact.provider, item.fact.meter) for item in facts}
    cards |= {card + suffix for card in cards for one in meters for suffix in card_suffixes(*one)}
    book = books.book(cards, fx=False)
    currencies = {version.currency for version in versions}
    every = [card for versions_of_card in book.cards.values() for card in versions_of_card]
    currencies |= {currency for card in every for currency in (card.currency, card.charged_in) if currency}
    currencies |= {item.fact.report.currency for item in facts if item.fact.report and item.fact.report.currency}
    book = book if len(currencies) < 2 else books.book(cards, fx=True)
    return with_tiers(book, {item.fact.account for item in facts}, rates=books.rates)


@dataclass(frozen=True, slots=True)
class _Books:
    """The price books of one batch: tenants whose messages are priced by the same cards share one."""

    rates: RateRows
    held: dict[tuple[frozenset[str], bool], PriceBook] = field(default_factory=dict)

    def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
        """The book of some cards, as it was when a tenant of this batch first needed it. Raises RetryLater."""
        wanted = (frozenset(cards), fx)
        if wanted not in self.held:
            self.held[wanted] = self.rates.book(cards, fx=fx)
        return self.held[wanted]


@dataclass(frozen=True, slots=True)
class _Commit:
    """Reads, decides and writes one tenant's messages, again and again while others write in between."""

    tenant: str
    versions: Sequence[Contract]
    senders: Senders
    book: PriceBook
    ports: MeterPorts
    now: datetime

    def messages(self, messages: Sequence[Sequence[Sourced]]) -> list[Quarantined]:
        """Commit some messages. Returns those that are billable and have no price; raises Conflict, RetryLater."""
        commit = self
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return commit._once(messages)
            except Conflict:
                self.ports.count("MeterConflicts", 1)
                if attempt == MAX_ATTEMPTS:
                    raise
                self.ports.pause(attempt)
                commit = commit._by_contract_as_it_is()
        raise AssertionError("unreachable")

    def _by_contract_as_it_is(self) -> _Commit:
        return replace(self, versions=self.ports.contracts.versions(self.tenant))

    def _once(self, messages: Sequence[Sequence[Sourced]]) -> list[Quarantined]:
        ledger = self.ports.ledger
        records = ledger.records(self.tenant, {own[0].fact.key for own in messages})
        facts = [item.fact for own in messages for item in own] + self._known_to_others(messages)
        senders = self._senders_of(records.values())
        priced = price_facts(facts, records=records, versions=self.versions, senders=senders, book=self.book)
        if priced.changes:
            usage = self._usage(priced.changes)
            if usage.notices and (current := self._by_contract_as_it_is()).versions != self.versions:
                # Limits changed since this batch began: nobody is told of, or held by, one that holds no more. A change
                # that comes later than this reading moves the term's row, and the commit meets a Conflict.
                return current.messages(messages)
            if items_of(priced.changes, usage) > MAX_ITEMS and len(messages) > 1:
                half = len(messages) // 2
                return self.messages(messages[:half]) + self.messages(messages[half:])
            self._take_back(priced.changes)
            ledger.commit(self.tenant, priced.changes, usage)
        return list(priced.quarantined)

    def _known_to_others(self, messages: Sequence[Sequence[Sourced]]) -> list[Fact]:
        """What was told of these messages before this tenant was known to hold their account; nothing to read for an
        account that has not moved."""
        shared: dict[str, set[MessageKey]] = {}
        for item in (item for own in messages for item in own):
            for other in item.others:
                shared.setdefault(other, set()).add(item.fact.key)
        return [
            fact
            for other, keys in shared.items()
            for record in self.ports.ledger.records(other, keys).values()
            for fact in known_to(record, tenant=self.tenant, senders=self.senders)
        ]

    def _senders_of(self, records: Iterable[Record]) -> Senders:
        """The assignments of the accounts in play; a record may name another account than the facts that came now."""
        accounts = {(record.key.provider, record.account) for record in records}
        missing = accounts - self.senders.keys()
        return {**self.senders, **self.ports.contracts.senders(missing)} if missing else self.senders

    def _take_back(self, changes: Sequence[RecordChange]) -> None:
        """Take messages that were waiting for a price, and wait no more, out of quarantine.

        Before the commit, so that a crash in between leaves a receipt that comes back, and no row without a cause.
        """
        waited = [change for change in changes if change.before.unpriced]
        before = {row.id: row for row in (self._waiting(change.before) for change in waited)}
        after = {self._waiting(change.after).id for change in waited if change.after.unpriced}
        if gone := [row for row in before.values() if row.id not in after]:
            self.ports.quarantine.remove(gone)

    def _waiting(self, record: Record) -> QuarantineRow:
        return quarantine_row(waiting(record, tenant=self.tenant, senders=self.senders))

    def _usage(self, changes: Sequence[RecordChange]) -> UsageChange:
        terms, days = terms_and_days(changes, self.versions)
        if not days:
            return UsageChange()
        term_rows, day_rows = self.ports.ledger.usage_rows(self.tenant, terms, days)
        return count(changes, terms=term_rows, days=day_rows, versions=self.versions, now=self.now)


def _quarantine(quarantined: Sequence[tuple[str, Quarantined]], ports: MeterPorts, outcome: Outcome) -> None:
    if not quarantined:
        return
    rows = {row.id: row for row in (quarantine_row(one) for _, one in quarantined)}
    ports.quarantine.put(list(rows.values()))
    ports.count("QuarantinedFacts", len(rows))
    outcome.quarantined |= {source for source, _ in quarantined}
    outcome.rows |= rows.keys()
