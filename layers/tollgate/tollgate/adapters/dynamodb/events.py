"""The platform's events: what their identities stand for, and what providers billed. Kept for ever.

EVENT#<source>#<id>   {digest, at}
BILLED#<provider>     {account, source, id, start, event}

Always true: a claim and what is kept of its event are written together. No row is ever written over.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Any, Final

from tollgate.adapters.dynamodb import keys, writes
from tollgate.adapters.dynamodb.store import TRANSACTION_ITEMS, Item, Store, Write
from tollgate.stages.ports.events import Claim, EventKey, KeptEvent

ITEMS_OF_ONE: Final = 2  # a claim, and what is kept of its event


class DynamoEvents:
    """The port ``EventRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def claims(self, keys_: Collection[EventKey]) -> dict[EventKey, Claim]:
        by_key = {keys.event_claim(*key): key for key in keys_}
        found = self._store.get_many(self._store.accounts, by_key)
        return {by_key[key]: _claim_of(by_key[key], item) for key, item in found.items()}

    def claim(self, claims: Sequence[tuple[Claim, KeptEvent | None]]) -> None:
        for chunk in batched(claims, TRANSACTION_ITEMS // ITEMS_OF_ONE, strict=False):
            self._store.transact([write for claim, kept in chunk for write in self._writes(claim, kept)])

    def _writes(self, claim: Claim, kept: KeptEvent | None) -> list[Write]:
        own = keys.event_claim(*claim.key)._asdict()
        table = self._store.accounts
        found = [writes.put_new(table, {**own, "digest": claim.digest, "at": claim.at.isoformat()})]
        return found + ([writes.put(table, _kept_item(kept))] if kept else [])

    def kept(self, provider: str, first: date, end: date) -> list[KeptEvent]:
        last = end - timedelta(days=1)
        bounds = (f"{first}#", f"{last}$")  # "$" is the character after "#"
        found = self._store.query(self._store.accounts, keys.billed_pk(provider), between=bounds)
        return [_kept_of(provider, item) for item in found] if first < end else []


def _claim_of(key: EventKey, item: Item) -> Claim:
    return Claim(key=key, digest=item["digest"], at=datetime.fromisoformat(item["at"]))


def _kept_item(kept: KeptEvent) -> dict[str, Any]:
    return {
        **keys.billed(kept.provider, kept.start.date(), kept.account, kept.key)._asdict(),
        "account": kept.account,
        "source": kept.key.source,
        "id": kept.key.id,
        "start": kept.start.isoformat(),
        "event": kept.event,
    }


def _kept_of(provider: str, item: Item) -> KeptEvent:
    return KeptEvent(
        key=EventKey(item["source"], item["id"]),
        provider=provider,
        account=item["account"],
        start=datetime.fromisoformat(item["start"]),
        event=item["event"],
    )
