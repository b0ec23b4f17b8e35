"""The stored rows, in memory: the naive reading of each port, under the same contract suite as the real tables.

``memory_rows()`` gives all ports over one ``Memory``; a test looks into the memory, or hands out ports one by one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from tollgate.adapters.dynamodb.exports import audit_entry
from tollgate.adapters.dynamodb.keys import message_sk
from tollgate.domain.calendar import Term
from tollgate.domain.contract import Contract
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.exports import Export
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.preferences import Preferences
from tollgate.domain.rates import ECB, FxDay, MarketMap, PriceBook, RateCard, TierReached
from tollgate.domain.reconciliation import Reconciled
from tollgate.domain.records import Record, Usage
from tollgate.domain.review import Summary, summary_of
from tollgate.domain.senders import Assignment
from tollgate.domain.statement import Statement
from tollgate.domain.usage import DayRow, TermRow
from tollgate.stages.ports.accounts import (
    AuditEntry,
    AuditRows,
    ContractRows,
    HoldRows,
    MailState,
    NoticeRows,
    PortalLinkRows,
    PreferenceRows,
    SenderKey,
)
from tollgate.stages.ports.exports import ExportRows
from tollgate.stages.ports.invoices import DraftsNoticeRows, Inbox, InvoiceRows, ReconciledRows, Run, RunRows
from tollgate.stages.ports.ledger import LedgerRows, Position, Quarantine, QuarantineRow, RateRows

TRANSACTION_ITEMS = 100


@dataclass
class Memory:
    """Everything stored, by what identifies it."""

    records: dict[tuple[str, MessageKey], Record] = field(default_factory=dict)
    asked: dict[tuple[str, MessageKey], tuple[int, datetime | None]] = field(default_factory=dict)
    terms: dict[tuple[str, date], TermRow] = field(default_factory=dict)
    days: dict[tuple[str, date], DayRow] = field(default_factory=dict)
    notices: dict[tuple[str, str], tuple[Notice, MailState]] = field(default_factory=dict)
    holds: dict[tuple[str, str], Hold] = field(default_factory=dict)
    contracts: dict[tuple[str, date], Contract] = field(default_factory=dict)
    assignments: dict[SenderKey, list[Assignment]] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    cards: dict[str, list[RateCard]] = field(default_factory=dict)
    maps: dict[str, list[MarketMap]] = field(default_factory=dict)
    fx: dict[date, FxDay] = field(default_factory=dict)
    seller_fx: dict[tuple[date, str], FxDay] = field(default_factory=dict)
    quarantine: dict[tuple[date, str], QuarantineRow] = field(default_factory=dict)
    invoices: dict[tuple[str, date], Invoice] = field(default_factory=dict)
    revisions: dict[tuple[str, date, int], Statement] = field(default_factory=dict)
    tiers: dict[tuple[str, date, str, str, int], TierReached] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    audit: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[tuple[str, datetime], Run] = field(default_factory=dict)
    reconciled: dict[str, Reconciled] = field(default_factory=dict)
    preferences: dict[str, Preferences] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    drafts: dict[str, tuple[DraftsNotice, MailState]] = field(default_factory=dict)
    exports: dict[tuple[str, int], Export] = field(default_factory=dict)
    commits: int = 0


def _read_at(stored: Record | TermRow | DayRow | None, version: int) -> None:
    if (stored.version if stored else 0) != version:
        raise Conflict(f"expected version {version}")


def _are_new(memory: Memory, notices: Iterable[Notice], holds: Iterable[Hold]) -> None:
    if any((notice.tenant, notice.identity) in memory.notices for notice in notices):
        raise Conflict("a notice is there already")
    if any((hold.tenant, hold.identity) in memory.holds for hold in holds):
        raise Conflict("a hold is there already")


def _write(memory: Memory, notices: Iterable[Notice], holds: Iterable[Hold]) -> None:
    memory.notices |= {(notice.tenant, notice.identity): (notice, MailState()) for notice in notices}
    memory.holds |= {(hold.tenant, hold.identity): replace(hold, version=1) for hold in holds}


@dataclass
class MemoryLedger:
    """The port ``LedgerRows``."""

    memory: Memory

    def records(self, tenant: str, keys: Collection[MessageKey]) -> dict[MessageKey, Record]:
        return {key: self.memory.records[tenant, key] for key in keys if (tenant, key) in self.memory.records}

    def usage_rows(
        self, tenant: str, terms: Mapping[date, Term], days: Collection[date]
    ) -> tuple[dict[date, TermRow], dict[date, DayRow]]:
        chosen = self.memory.preferences.get(tenant, Preferences())
        new = {s: TermRow(term=term, asked=chosen.asked, choices=chosen.version) for s, term in terms.items()}
        return (
            {start: self.memory.terms.get((tenant, start), new[start]) for start in terms},
            {day: self.memory.days.get((tenant, day), DayRow(day=day)) for day in days},
        )

    def commit(self, tenant: str, changes: Sequence[RecordChange], usage: UsageChange) -> None:
        new_terms = [row for row in usage.terms.values() if row.version == 1]
        parts = (changes, usage.terms, usage.days, usage.notices, usage.holds, new_terms)
        if sum(map(len, parts)) > TRANSACTION_ITEMS:
            raise ValueError("does not fit one transaction")
        for change in changes:
            _read_at(self.memory.records.get((tenant, change.after.key)), change.before.version)
        for start, term in usage.terms.items():
            _read_at(self.memory.terms.get((tenant, start)), term.version - 1)
        if any(row.choices != self.memory.preferences.get(tenant, Preferences()).version for row in new_terms):
            raise Conflict("the customer chose since")
        for on, day in usage.days.items():
            _read_at(self.memory.days.get((tenant, on)), day.version - 1)
        _are_new(self.memory, usage.notices, usage.holds)
        self.memory.records |= {(tenant, change.after.key): change.after for change in changes}
        self.memory.terms |= {(tenant, start): term for start, term in usage.terms.items()}
        self.memory.days |= {(tenant, on): day for on, day in usage.days.items()}
        _write(self.memory, usage.notices, usage.holds)
        self.memory.commits += 1

    def month(self, tenant: str, first: date, end: date) -> Iterable[tuple[MessageKey, Usage]]:
        return [
            (key, record.usage)
            for (owner, key), record in self.memory.records.items()
            if owner == tenant and record.usage and first <= record.usage.day < end
        ]

    def counted(self, tenant: str, first: date, end: date) -> Iterable[Record]:
        return [self.memory.records[tenant, key] for key, _ in self.month(tenant, first, end)]

    def page(
        self, tenant: str, first: date, end: date, *, after: Position | None, most: int
    ) -> list[tuple[MessageKey, Usage]]:
        found = sorted(self.month(tenant, first, end), key=lambda row: _place_in_month(row[1].day, row[0]))
        later = [row for row in found if after is None or _place_in_month(row[1].day, row[0]) > _place_in_month(*after)]
        return later[:most]

    def days(self, tenant: str, first: date, end: date) -> list[DayRow]:
        own = [row for (owner, day), row in self.memory.days.items() if owner == tenant and first <= day < end]
        return sorted(own, key=lambda row: row.day)

    def terms(self, tenant: str) -> list[TermRow]:
        own = [row for (owner, _), row in self.memory.terms.items() if owner == tenant]
        return sorted(own, key=lambda row: row.term.start)

    def ask_again(self, tenant: str, key: MessageKey) -> None:
        self.memory.asked.pop((tenant, key), None)

    def save_term(self, tenant: str, row: TermRow, *, notices: Sequence[Notice], holds: Sequence[Hold]) -> None:
        self.commit(tenant, (), UsageChange(terms={row.term.start: row}, notices=tuple(notices), holds=tuple(holds)))


def _place_in_month(day: date, key: MessageKey) -> tuple[date, bytes]:
    return day, message_sk(key).encode()


@dataclass
class MemoryContracts:
    """The port ``ContractRows``."""

    memory: Memory

    def tenants(self) -> list[str]:
        return sorted({tenant for tenant, _ in self.memory.contracts})

    def versions(self, tenant: str) -> list[Contract]:
        own = [contract for (owner, _), contract in self.memory.contracts.items() if owner == tenant]
        return sorted(own, key=lambda contract: contract.effective)

    def senders(self, keys: Collection[SenderKey]) -> dict[SenderKey, list[Assignment]]:
        return {key: list(self.memory.assignments[key]) for key in keys if self.memory.assignments.get(key)}

    def apply(
        self,
        contract: Contract,
        senders: Mapping[SenderKey, Sequence[Assignment]],
        read: Mapping[SenderKey, Sequence[Assignment]],
        *,
        by: str,
        at: datetime,
    ) -> None:
        for key in {*senders, *read}:
            if self.memory.assignments.get(key, []) != list(read.get(key, ())):
                raise Conflict(f"{key} has changed")
        replaced = self.memory.contracts.get((contract.tenant, contract.effective))
        self.memory.contracts[contract.tenant, contract.effective] = contract
        self.memory.assignments |= {key: list(assignments) for key, assignments in senders.items()}
        self.memory.audit.append({"action": "contract", "by": by, "at": at, "new": contract, "replaced": replaced})

    def stripe_customer(self, tenant: str) -> str:
        return self.memory.customers.get(tenant, "")

    def set_stripe_customer(self, tenant: str, customer: str) -> str:
        return self.memory.customers.setdefault(tenant, customer)


@dataclass
class MemoryRates:
    """The port ``RateRows``. ``bundled`` holds for a card that names one of its markets; None: there is none."""

    memory: Memory
    bundled: MarketMap | None = None

    def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
        own = {name: self.memory.cards[name] for name in cards if name in self.memory.cards}
        maps = {name: self._maps(name) for name in cards if self._maps(name)}
        days = sorted(self.memory.fx) if fx else []
        sellers = list(self.memory.seller_fx.values()) if fx else []
        return PriceBook(cards=own, markets=maps, fx=[*(self.memory.fx[day] for day in days), *sellers])

    def _maps(self, name: str) -> list[MarketMap]:
        loaded = self.memory.maps.get(name, [])
        if self.bundled is None:
            return loaded
        known = {*self.bundled.by_prefix.values(), *self.bundled.by_country.values(), self.bundled.default}
        priced = {market for card in self.memory.cards.get(name, []) for market in card.rates}
        return [self.bundled, *loaded] if known & priced else loaded

    def add_card(self, card: RateCard) -> RateCard:
        own = self.memory.cards.get(card.card, [])
        new = replace(card, version=1 + sum(other.effective_from == card.effective_from for other in own))
        self.memory.cards[card.card] = sorted([*own, new], key=lambda c: (c.effective_from, c.version))
        return new

    def add_market_map(self, card: str, markets: MarketMap) -> MarketMap:
        own = self.memory.maps.get(card, [])
        new = replace(markets, version=1 + sum(other.effective_from == markets.effective_from for other in own))
        self.memory.maps[card] = sorted([*own, new], key=lambda m: (m.effective_from, m.version))
        return new

    def tiers(self, accounts: Collection[str]) -> list[TierReached]:
        return sorted(tier for tier in self.memory.tiers.values() if tier.account in accounts)

    def add_tier(self, tier: TierReached) -> None:
        key = (tier.account, tier.month, tier.market, tier.category, tier.count)
        self.memory.tiers[key] = min(tier, self.memory.tiers.get(key, tier))

    def add_fx(self, days: Sequence[FxDay]) -> int:
        self.memory.fx |= {fx.day: fx for fx in days if fx.source == ECB}
        self.memory.seller_fx |= {(fx.day, fx.source): fx for fx in days if fx.source != ECB}
        return len({(fx.day, fx.source) for fx in days})


@dataclass
class MemoryQuarantine:
    """The port ``Quarantine``."""

    memory: Memory

    def put(self, rows: Sequence[QuarantineRow]) -> None:
        self.memory.quarantine |= {(_day(row), row.id): row for row in rows}

    def rows(self, reason: str | None = None) -> list[QuarantineRow]:
        return [row for _, row in sorted(self.memory.quarantine.items()) if reason in (None, row.reason)]

    def remove(self, rows: Sequence[QuarantineRow]) -> None:
        for row in rows:
            self.memory.quarantine.pop((_day(row), row.id), None)


def _day(row: QuarantineRow) -> date:
    return row.fact.at.astimezone(UTC).date()


@dataclass
class MemoryNotices:
    """The port ``NoticeRows``."""

    memory: Memory

    def notices(self, tenant: str) -> list[tuple[Notice, MailState]]:
        own = [row for (owner, _), row in self.memory.notices.items() if owner == tenant]
        return sorted(own, key=lambda row: (row[0].at, row[0].identity))

    def notice(self, tenant: str, identity: str) -> tuple[Notice, MailState]:
        if (tenant, identity) not in self.memory.notices:
            raise NotFound("notice", f"{tenant}/{identity}")
        return self.memory.notices[tenant, identity]

    def set_mail(self, tenant: str, identity: str, *, expected: MailState, mail: MailState) -> None:
        notice, current = self.notice(tenant, identity)
        if current != expected:
            raise Conflict("the mail has moved on")
        self.memory.notices[tenant, identity] = (notice, mail)


@dataclass
class MemoryHolds:
    """The port ``HoldRows``."""

    memory: Memory

    def holds(self, tenant: str) -> list[Hold]:
        own = [hold for (owner, _), hold in self.memory.holds.items() if owner == tenant]
        return sorted(own, key=lambda hold: (hold.opened_at, hold.identity))

    def open(self, hold: Hold) -> None:
        _are_new(self.memory, [], [hold])
        _write(self.memory, [], [hold])

    def lift(self, hold: Hold, *, at: datetime) -> None:
        stored = self.memory.holds.get((hold.tenant, hold.identity))
        if stored is None:
            raise NotFound("hold", f"{hold.tenant}/{hold.identity}")
        self.memory.holds[hold.tenant, hold.identity] = replace(stored.lifted(at), version=2)


@dataclass
class MemoryInvoices:
    """The port ``InvoiceRows``."""

    memory: Memory

    def invoices(self, tenant: str) -> list[Invoice]:
        own = [invoice for (owner, _), invoice in self.memory.invoices.items() if owner == tenant]
        return sorted(own, key=lambda invoice: invoice.statement.period)

    def invoice(self, tenant: str, period: date) -> Invoice:
        if (tenant, period) not in self.memory.invoices:
            raise NotFound("invoice", f"{tenant}/{period}")
        return self.memory.invoices[tenant, period]

    def of_periods(self, wanted: Collection[tuple[str, date]]) -> dict[tuple[str, date], Invoice]:
        return {named: self.memory.invoices[named] for named in wanted if named in self.memory.invoices}

    def revision(self, tenant: str, period: date, revision: int) -> Statement | None:
        return self.memory.revisions.get((tenant, period, revision))

    def save(
        self,
        invoice: Invoice,
        *,
        by: str,
        at: datetime,
        what: str = "",
        note: str = "",
        notices: Sequence[Notice] = (),
        opened: Sequence[Hold] = (),
        lifted: Sequence[Hold] = (),
        resting_on: Sequence[Invoice] = (),
    ) -> Invoice:
        key = (invoice.tenant, invoice.statement.period.start)
        stored = self.memory.invoices.get(key)
        if (stored.version if stored else 0) != invoice.version:
            raise Conflict(f"invoice {invoice.name} has moved")
        if stored == invoice and not (notices or opened or lifted):
            return invoice
        revision = (*key, invoice.revision)
        if self.memory.revisions.get(revision, invoice.statement) != invoice.statement:
            raise Conflict(f"revision {invoice.revision} says something else")
        for other in resting_on:
            if self.memory.invoices.get((other.tenant, other.statement.period.start)) != other:
                raise Conflict(f"invoice {other.name}, which it rests on, has moved")
        _are_new(self.memory, notices, opened)
        if any((hold.tenant, hold.identity) not in self.memory.holds for hold in lifted):
            raise Conflict("a hold to lift was never opened")
        new = replace(invoice, version=invoice.version + 1)
        self.memory.invoices[key] = new
        self.memory.revisions[revision] = invoice.statement
        _write(self.memory, notices, opened)
        for hold in lifted:
            MemoryHolds(self.memory).lift(hold, at=hold.lifted_at or at)
        self.memory.audit.append({"action": "invoice", "by": by, "at": at, "new": new, "what": what, "note": note})
        return new

    def month(self, month: date) -> list[Summary]:
        own = [
            i
            for (_, start), i in self.memory.invoices.items()
            if (start.year, start.month) == (month.year, month.month)
        ]
        return [summary_of(invoice) for invoice in sorted(own, key=lambda i: (i.tenant, i.statement.period))]


@dataclass
class MemoryAudit:
    """The port ``AuditRows``."""

    memory: Memory

    def add(self, entry: AuditEntry) -> None:
        if {"entry": entry} in self.memory.audit:
            return
        if any(_place(kept["entry"]) == _place(entry) for kept in self.memory.audit if "entry" in kept):
            raise Conflict("another entry says it was somebody else")
        self.memory.audit.append({"entry": entry})

    def entries(self, tenant: str, *, since: datetime | None = None) -> list[AuditEntry]:
        own = [entry for entry in map(_audit_entry, self.memory.audit) if entry.tenant == tenant]
        return sorted((e for e in own if since is None or e.at >= since), key=lambda entry: entry.at)


def _place(entry: AuditEntry) -> tuple[object, ...]:
    return (entry.tenant, entry.at, entry.action, entry.subject, entry.what)


def _audit_entry(kept: dict[str, Any]) -> AuditEntry:
    if "entry" in kept:
        entry: AuditEntry = kept["entry"]
        return entry
    new, by, at = kept["new"], kept["by"], kept["at"]
    if kept["action"] == "contract":
        return AuditEntry(tenant=new.tenant, at=at, by=by, action="contract", subject=str(new.effective))
    return AuditEntry(
        tenant=new.tenant,
        at=at,
        by=by,
        action="invoice",
        subject=new.name,
        what=kept["what"],
        note=kept["note"],
        status=new.status,
        revision=new.revision,
        version=new.version,
    )


@dataclass
class MemoryPreferences:
    """The port ``PreferenceRows``."""

    memory: Memory

    def of(self, tenant: str) -> Preferences:
        return self.memory.preferences.get(tenant, Preferences())

    def save(
        self,
        tenant: str,
        preferences: Preferences,
        *,
        terms: Sequence[TermRow],
        notices: Sequence[Notice],
        entries: Sequence[AuditEntry],
    ) -> None:
        if self.of(tenant).version != preferences.version:
            raise Conflict("somebody chose since")
        for row in terms:
            _read_at(self.memory.terms.get((tenant, row.term.start)), row.version - 1)
        _are_new(self.memory, notices, [])
        for entry in entries:
            MemoryAudit(self.memory).add(entry)
        self.memory.terms |= {(tenant, row.term.start): row for row in terms}
        _write(self.memory, notices, [])
        self.memory.preferences[tenant] = replace(preferences, version=preferences.version + 1)


@dataclass
class MemoryPortalLinks:
    """The port ``PortalLinkRows``."""

    memory: Memory

    def generation(self, tenant: str) -> int:
        return self.memory.generations.get(tenant, 0)

    def end(self, tenant: str, *, generation: int, entry: AuditEntry) -> None:
        if self.generation(tenant) != generation:
            raise Conflict("somebody ended them since")
        MemoryAudit(self.memory).add(entry)
        self.memory.generations[tenant] = generation + 1

    def mail(self, notice: Notice, *, entry: AuditEntry) -> None:
        _are_new(self.memory, [notice], [])
        MemoryAudit(self.memory).add(entry)
        _write(self.memory, [notice], [])


@dataclass
class MemoryRuns:
    """The port ``RunRows``."""

    memory: Memory

    def save(self, run: Run) -> None:
        self.memory.runs[run.schedule, run.at] = run

    def last(self, schedule: str, count: int = 1) -> list[Run]:
        own = [run for (name, _), run in self.memory.runs.items() if name == schedule]
        return sorted(own, key=lambda run: run.at, reverse=True)[:count]


@dataclass
class MemoryReconciled:
    """The port ``ReconciledRows``."""

    memory: Memory

    def save(self, reconciled: Reconciled) -> None:
        self.memory.reconciled[reconciled.tenant] = reconciled

    def of(self, tenant: str) -> Reconciled | None:
        return self.memory.reconciled.get(tenant)

    def all(self) -> list[Reconciled]:
        return [found for _, found in sorted(self.memory.reconciled.items())]


@dataclass
class MemoryInbox:
    """The port ``Inbox``."""

    memory: Memory

    def seen(self, event: str) -> bool:
        return event in self.memory.seen

    def remember(self, event: str, *, at: datetime) -> None:
        self.memory.seen.add(event)


@dataclass
class MemoryDraftsNotices:
    """The port ``DraftsNoticeRows``."""

    memory: Memory

    def last(self) -> DraftsNotice | None:
        return self.memory.drafts[max(self.memory.drafts)][0] if self.memory.drafts else None

    def add(self, notice: DraftsNotice) -> None:
        if notice.identity in self.memory.drafts:
            raise Conflict("a notice is there already")
        self.memory.drafts[notice.identity] = (notice, MailState())

    def notice(self, identity: str) -> tuple[DraftsNotice, MailState]:
        if identity not in self.memory.drafts:
            raise NotFound("drafts notice", identity)
        return self.memory.drafts[identity]

    def set_mail(self, identity: str, *, expected: MailState, mail: MailState) -> None:
        notice, known = self.memory.drafts.get(identity, (None, None))
        if notice is None or known != expected:
            raise Conflict("the mail moved on")
        self.memory.drafts[identity] = (notice, mail)


@dataclass
class MemoryExports:
    """The port ``ExportRows``."""

    memory: Memory

    def latest(self, tenant: str, *, most: int) -> list[Export]:
        own = [export for (owner, _), export in self.memory.exports.items() if owner == tenant]
        return sorted(own, key=lambda export: -export.number)[:most]

    def export(self, tenant: str, number: int) -> Export:
        if (tenant, number) not in self.memory.exports:
            raise NotFound("export", f"{tenant}/{number}")
        return self.memory.exports[tenant, number]

    def add(self, export: Export) -> Export:
        if (export.tenant, export.number) in self.memory.exports:
            raise Conflict(f"number {export.number} is taken")
        self.memory.audit.append({"entry": audit_entry(export)})
        return self._put(replace(export, version=1))

    def save(self, export: Export) -> Export:
        if self.export(export.tenant, export.number).version != export.version:
            raise Conflict(f"export {export.number} has moved")
        return self._put(replace(export, version=export.version + 1))

    def _put(self, export: Export) -> Export:
        self.memory.exports[export.tenant, export.number] = export
        return export


@dataclass(kw_only=True)
class Rows:
    """All ports of stored rows; what a stage test or the contract suite runs on."""

    ledger: LedgerRows
    contracts: ContractRows
    rates: RateRows
    quarantine: Quarantine
    notices: NoticeRows
    holds: HoldRows
    invoices: InvoiceRows
    inbox: Inbox
    audit: AuditRows
    runs: RunRows
    reconciled: ReconciledRows
    preferences: PreferenceRows
    portal_links: PortalLinkRows
    drafts: DraftsNoticeRows
    exports: ExportRows


def memory_rows(memory: Memory | None = None, *, bundled: MarketMap | None = None) -> Rows:
    """Every port over one memory (a new one unless given)."""
    memory = memory or Memory()
    return Rows(
        ledger=MemoryLedger(memory),
        contracts=MemoryContracts(memory),
        rates=MemoryRates(memory, bundled),
        quarantine=MemoryQuarantine(memory),
        notices=MemoryNotices(memory),
        holds=MemoryHolds(memory),
        invoices=MemoryInvoices(memory),
        inbox=MemoryInbox(memory),
        audit=MemoryAudit(memory),
        runs=MemoryRuns(memory),
        reconciled=MemoryReconciled(memory),
        preferences=MemoryPreferences(memory),
        portal_links=MemoryPortalLinks(memory),
        drafts=MemoryDraftsNotices(memory),
        exports=MemoryExports(memory),
    )
