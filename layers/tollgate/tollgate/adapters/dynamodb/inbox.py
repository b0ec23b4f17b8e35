"""Inbox: ids of outside events that have been dealt with, kept longer than anyone sends them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tollgate.adapters.dynamodb import keys
from tollgate.adapters.dynamodb.store import Store

KEPT: Final = timedelta(days=40)


class DynamoInbox:
    """The port ``Inbox``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seen(self, event: str) -> bool:
        return self._store.get(self._store.accounts, keys.seen(event)) is not None

    def remember(self, event: str, *, at: datetime) -> None:
        expires_at = int((at + KEPT).timestamp())
        self._store.put(self._store.accounts, {**keys.seen(event)._asdict(), "expires_at": expires_at})
