"""PriceWaits: messages whose price has to be asked for, as an index over the records that wait.

Always true: a record stands in the index from the transaction that counts it to the one that prices it, because its
own attributes put it there. Asking later, or no more, changes those attributes alone and never the record's version,
so that it neither disturbs metering nor survives a change of the record.
"""

from __future__ import annotations

from datetime import datetime

from tollgate.adapters.dynamodb import keys, writes
from tollgate.adapters.dynamodb.record_items import key_of
from tollgate.adapters.dynamodb.store import Store
from tollgate.domain.errors import Conflict
from tollgate.domain.price_waits import PriceWait


class DynamoPriceWaits:
    """The port ``PriceWaits``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, provider: str, *, now: datetime, most: int) -> list[PriceWait]:
        found = [
            PriceWait(
                tenant=item["pk"],
                key=key_of(item),
                account=item["account"],
                since=datetime.fromisoformat(item["waiting_since"]),
                due=datetime.fromisoformat(item["waiting_sk"]),
            )
            for pk in keys.waiting_pks(provider)
            for item in self._store.query_due(
                self._store.ledger, keys.BY_WAITING, pk=pk, until=keys.instant(now), most=most
            )
        ]
        return sorted(found, key=lambda wait: (wait.due, wait.tenant, wait.key))[:most]

    def postpone(self, wait: PriceWait, *, due: datetime) -> None:
        self._change(wait, "SET #due = :due", {":due": keys.instant(due)})

    def give_up(self, wait: PriceWait) -> None:
        self._change(wait, "REMOVE #due", {})

    def _change(self, wait: PriceWait, expression: str, values: dict[str, str]) -> None:
        """Change when a message is due, unless anything has happened to it since it was read."""
        own = keys.record(wait.tenant, wait.key)
        try:
            self._store.update(
                writes.update(
                    self._store.ledger,
                    own,
                    expression,
                    names={"#due": "waiting_sk"},
                    values={**values, ":read": keys.instant(wait.due)},
                    condition="#due = :read",
                )
            )
        except Conflict:
            return  # metering has written the record meanwhile, and put it where it belongs
