"""PreferenceRows: what a customer chose, one row a tenant, written together with all that follows from the choice.

PREFERENCES  {version, recipients: [address], shares: {meter: [percent]}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollgate.adapters.dynamodb import audit, keys, writes
from tollgate.adapters.dynamodb.notices import new_notice
from tollgate.adapters.dynamodb.store import Store
from tollgate.adapters.dynamodb.usage_items import term_item
from tollgate.domain.notices import Notice
from tollgate.domain.preferences import Preferences
from tollgate.domain.usage import TermRow
from tollgate.stages.ports.accounts import AuditEntry


def preferences_of(item: Mapping[str, Any] | None) -> Preferences:
    """The choices of a row; None is nobody's yet."""
    found = item or {}
    return Preferences(
        recipients=tuple(found.get("recipients", ())),
        shares={meter: tuple(map(int, own)) for meter, own in found.get("shares", {}).items()},
        version=int(found.get("version", 0)),
    )


class DynamoPreferences:
    """The port ``PreferenceRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, tenant: str) -> Preferences:
        return preferences_of(self._store.get(self._store.accounts, keys.preferences(tenant)))

    def save(
        self,
        tenant: str,
        preferences: Preferences,
        *,
        terms: Sequence[TermRow],
        notices: Sequence[Notice],
        entries: Sequence[AuditEntry],
    ) -> None:
        accounts = self._store.accounts
        item = {
            **keys.preferences(tenant)._asdict(),
            "recipients": list(preferences.recipients),
            "shares": {meter: list(own) for meter, own in preferences.shares.items()},
            "version": preferences.version + 1,
        }
        self._store.transact(
            [
                writes.put_at(accounts, item, read=preferences.version),
                *(writes.put_at(accounts, term_item(tenant, row), read=row.version - 1) for row in terms),
                *(new_notice(accounts, notice) for notice in notices),
                *(writes.put_new(accounts, audit.item_of(entry)) for entry in entries),
            ]
        )
