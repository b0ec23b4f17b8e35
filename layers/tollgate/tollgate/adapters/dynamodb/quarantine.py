"""Quarantine: facts that cannot be counted yet, by the day of their status, with a catalogue of those days.

Always true: a day that holds a row is in the catalogue once ``put`` has returned. The catalogue is marked after the
rows are written, and a day leaves it only if nobody has marked it since it was seen to be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from uuid import uuid4

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.store import Item, Store
from tollgate.domain.errors import Conflict
from tollgate.stages.ports.ledger import QuarantineRow


def _new_mark() -> str:
    return uuid4().hex


class DynamoQuarantine:
    """The port ``Quarantine``."""

    def __init__(self, store: Store, *, mark: Callable[[], str] = _new_mark) -> None:
        self._store = store
        self._mark = mark

    def put(self, rows: Sequence[QuarantineRow]) -> None:
        items = {(_day(row), row.id): _item(row) for row in rows}
        self._store.write_many(self._store.accounts, puts=items.values())
        for day in sorted({day for day, _ in items}):
            self._store.put(self._store.accounts, {**keys.quarantine_day(day)._asdict(), "mark": self._mark()})

    def rows(self, reason: str | None = None) -> list[QuarantineRow]:
        """By day and id."""
        days = [item["sk"] for item in self._store.query(self._store.accounts, keys.quarantine_days())]
        return [row for day in days for row in self._rows_of(day) if reason in (None, row.reason)]

    def _rows_of(self, day: str) -> Iterator[QuarantineRow]:
        for item in self._store.query(self._store.accounts, keys.quarantine_pk(day)):
            yield QuarantineRow(id=item["sk"], reason=item["reason"], fact=codec.FACT.read_json(item["fact"]))

    def remove(self, rows: Sequence[QuarantineRow]) -> None:
        gone = {keys.quarantined(_day(row), row.id) for row in rows}
        self._store.write_many(self._store.accounts, deletes=sorted(gone))
        for day in sorted({_day(row) for row in rows}):
            self._forget(day)

    def _forget(self, day: str) -> None:
        """Take a day off the catalogue if it is empty."""
        listed = self._store.get(self._store.accounts, keys.quarantine_day(day))
        if listed is None or any(True for _ in self._rows_of(day)):
            return
        mark = listed["mark"]
        try:
            self._store.delete(
                writes.delete_where(self._store.accounts, keys.quarantine_day(day), attribute="mark", equals=mark)
            )
        except Conflict:
            return  # somebody has put a row in the meantime: the day stays


def _day(row: QuarantineRow) -> str:
    return str(row.fact.at.astimezone(UTC).date())


def _item(row: QuarantineRow) -> Item:
    return {**keys.quarantined(_day(row), row.id)._asdict(), "reason": row.reason, "fact": codec.FACT.json(row.fact)}
