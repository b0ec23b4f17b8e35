"""LedgerRows: records and usage rows, and the one transaction in which they commit with notices and holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from tollgate.adapters.dynamodb import keys, writes
from tollgate.adapters.dynamodb.keys import record as record_key
from tollgate.adapters.dynamodb.notices import new_hold, new_notice
from tollgate.adapters.dynamodb.preferences import preferences_of
from tollgate.adapters.dynamodb.record_items import key_of, record_item, record_of, usage_of
from tollgate.adapters.dynamodb.store import Store, Write
from tollgate.adapters.dynamodb.usage_items import day_item, day_row, term_item, term_row
from tollgate.domain.calendar import Term
from tollgate.domain.errors import Conflict
from tollgate.domain.facts import MessageKey
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.price_waits import price_wait
from tollgate.domain.records import Record, Usage
from tollgate.domain.usage import DayRow, TermRow
from tollgate.stages.ports.ledger import Position


class DynamoLedger:
    """The port ``LedgerRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def records(self, tenant: str, keys: Collection[MessageKey]) -> dict[MessageKey, Record]:
        found = self._store.get_many(self._store.ledger, (record_key(tenant, key) for key in keys))
        records = map(record_of, found.values())
        return {record.key: record for record in records}

    def usage_rows(
        self, tenant: str, terms: Mapping[date, Term], days: Collection[date]
    ) -> tuple[dict[date, TermRow], dict[date, DayRow]]:
        term_keys = {start: keys.term(tenant, start) for start in terms}
        day_keys = {day: keys.day(tenant, day) for day in days}
        found = self._store.get_many(self._store.accounts, [*term_keys.values(), *day_keys.values()])
        new = self._new_terms(tenant, [terms[start] for start, key in term_keys.items() if key not in found])
        return (
            {s: term_row(found[k]) if k in found else new[s] for s, k in term_keys.items()},
            {d: day_row(found[k]) if k in found else DayRow(day=d) for d, k in day_keys.items()},
        )

    def _new_terms(self, tenant: str, terms: Sequence[Term]) -> dict[date, TermRow]:
        """The rows of terms that have none: once a term, the customer's choices are read. A row that is there has what
        they ask for in it, so that counting reads nothing more."""
        if not terms:
            return {}
        chosen = preferences_of(self._store.get(self._store.accounts, keys.preferences(tenant)))
        return {term.start: TermRow(term=term, asked=chosen.asked, choices=chosen.version) for term in terms}

    def commit(self, tenant: str, changes: Sequence[RecordChange], usage: UsageChange) -> None:
        """Raises ValueError when it is more than one transaction holds (``store.TRANSACTION_ITEMS``)."""
        accounts = self._store.accounts
        self._store.transact(
            [
                *(self._record(tenant, change) for change in changes),
                *self._terms(tenant, usage.terms.values()),
                *(writes.put_at(accounts, day_item(tenant, row), read=row.version - 1) for row in usage.days.values()),
                *(new_notice(accounts, notice) for notice in usage.notices),
                *(new_hold(accounts, hold) for hold in usage.holds),
            ]
        )

    def _record(self, tenant: str, change: RecordChange) -> Write:
        return writes.put_at(self._store.ledger, record_item(tenant, change.after), read=change.before.version)

    def _terms(self, tenant: str, rows: Iterable[TermRow]) -> Iterator[Write]:
        """A term's first row holds what the customer asks for, which must not have moved since it was read; later ones
        are written again by whoever changes that."""
        accounts, own = self._store.accounts, list(rows)
        yield from (writes.put_at(accounts, term_item(tenant, row), read=row.version - 1) for row in own)
        for read in {row.choices for row in own if row.version == 1}:
            yield writes.check_at(accounts, keys.preferences(tenant), read=read)

    def month(self, tenant: str, first: date, end: date) -> Iterator[tuple[MessageKey, Usage]]:
        if first >= end:
            return
        between = keys.month_days(first, end - timedelta(days=1))
        pk = keys.month_pk(tenant, first)
        for item in self._store.query_index(self._store.ledger, keys.BY_MONTH, pk=pk, between=between):
            yield key_of(item), usage_of(item)

    def counted(self, tenant: str, first: date, end: date) -> Iterator[Record]:
        if first >= end:
            return
        between = keys.month_days(first, end - timedelta(days=1))
        pk = keys.month_pk(tenant, first)
        yield from map(record_of, self._store.query_index(self._store.ledger, keys.BY_MONTH, pk=pk, between=between))

    def page(
        self, tenant: str, first: date, end: date, *, after: Position | None, most: int
    ) -> list[tuple[MessageKey, Usage]]:
        if first >= end:
            return []
        lower, upper = keys.month_days(first, end - timedelta(days=1))
        if after is not None:
            lower = keys.just_after(keys.month_sk(after.day, after.message))
        items = self._store.query_index(
            self._store.ledger, keys.BY_MONTH, pk=keys.month_pk(tenant, first), between=(lower, upper), most=most
        )
        return [(key_of(item), usage_of(item)) for item in items]

    def days(self, tenant: str, first: date, end: date) -> list[DayRow]:
        if first >= end:
            return []
        between = (keys.day(tenant, first).sk, keys.day(tenant, end - timedelta(days=1)).sk)
        return [
            day_row(item) for item in self._store.query(self._store.accounts, keys.tenant_pk(tenant), between=between)
        ]

    def terms(self, tenant: str) -> list[TermRow]:
        items = self._store.query(self._store.accounts, keys.tenant_pk(tenant), prefix=keys.TERM)
        return [term_row(item) for item in items]

    def ask_again(self, tenant: str, key: MessageKey) -> None:
        own = keys.record(tenant, key)
        item = self._store.get(self._store.ledger, own)
        wait = price_wait(tenant, record_of(item)) if item else None
        if item is None or wait is None:
            return
        again = writes.update(
            self._store.ledger,
            own,
            "SET #due = :due",
            names={"#due": "waiting_sk", "#version": "version"},
            values={":due": keys.instant(wait.due), ":read": item["version"]},
            condition="#version = :read",
        )
        try:
            self._store.update(again)
        except Conflict:
            return  # metering has just written the record, and listed it if it waits

    def save_term(self, tenant: str, row: TermRow, *, notices: Sequence[Notice], holds: Sequence[Hold]) -> None:
        accounts = self._store.accounts
        self._store.transact(
            [
                *self._terms(tenant, [row]),
                *(new_notice(accounts, notice) for notice in notices),
                *(new_hold(accounts, hold) for hold in holds),
            ]
        )
