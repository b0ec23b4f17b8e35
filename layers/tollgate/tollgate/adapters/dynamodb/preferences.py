"""PreferenceRows: what a customer chose, one row a tenant, written together with who chose it."""

from __future__ import annotations

from datetime import datetime

from tollgate.adapters.dynamodb import audit, keys, writes
from tollgate.adapters.dynamodb.store import Store
from tollgate.domain.preferences import Preferences
from tollgate.stages.ports.accounts import AuditEntry


class DynamoPreferences:
    """The port ``PreferenceRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: str) -> Preferences:
        item = self._store.get(self._store.accounts, keys.preferences(tenant)) or {}
        return Preferences(recipients=tuple(item.get("recipients", ())), version=int(item.get("version", 0)))

    def save(self, tenant: str, preferences: Preferences, *, by: str, at: datetime) -> None:
        item = {
            **keys.preferences(tenant)._asdict(),
            "recipients": list(preferences.recipients),
            "version": preferences.version + 1,
        }
        note = ", ".join(preferences.recipients)
        entry = AuditEntry(tenant=tenant, at=at, by=by, action="recipients", subject="usage", what="set", note=note)
        self._store.transact(
            [
                writes.put_at(self._store.accounts, item, read=preferences.version),
                writes.put_new(self._store.accounts, audit.item_of(entry)),
            ]
        )
