"""ReconciledRows: how each tenant stood when it was last compared, one item a tenant, all in one partition.

Always true: an item says what the last comparison found, and nothing of those before.
"""

from __future__ import annotations

from tollgate.adapters.dynamodb import codec, keys
from tollgate.adapters.dynamodb.store import Store
from tollgate.domain.reconciliation import Reconciled


class DynamoReconciled:
    """The port ``ReconciledRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, reconciled: Reconciled) -> None:
        key = keys.reconciled(reconciled.tenant)
        self._store.put(self._store.accounts, {**key._asdict(), "found": codec.RECONCILED.json(reconciled)})

    def of(self, tenant: str) -> Reconciled | None:
        item = self._store.get(self._store.accounts, keys.reconciled(tenant))
        return None if item is None else codec.RECONCILED.read_json(item["found"])

    def all(self) -> list[Reconciled]:
        items = self._store.query(self._store.accounts, keys.reconciled_tenants())
        return [codec.RECONCILED.read_json(item["found"]) for item in items]
