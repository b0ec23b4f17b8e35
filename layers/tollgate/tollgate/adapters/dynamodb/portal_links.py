"""PortalLinkRows: which generation of a tenant's links opens its page, in the tenant's profile (none: the first)."""

from __future__ import annotations

from typing import Final

from tollgate.adapters.dynamodb import audit, keys, writes
from tollgate.adapters.dynamodb.notices import new_notice
from tollgate.adapters.dynamodb.store import Store
from tollgate.domain.notices import Notice
from tollgate.stages.ports.accounts import AuditEntry

GENERATION: Final = "link_generation"


class DynamoPortalLinks:
    """The port ``PortalLinkRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def generation(self, tenant: str) -> int:
        item = self._store.get(self._store.accounts, keys.profile(tenant)) or {}
        return int(item.get(GENERATION, 0))

    def end(self, tenant: str, *, generation: int, entry: AuditEntry) -> None:
        read = {":read": generation} if generation else {}
        change = writes.update(
            self._store.accounts,
            keys.profile(tenant),
            "SET #generation = :next",
            names={"#generation": GENERATION},
            values={":next": generation + 1, **read},
            condition="#generation = :read" if generation else "attribute_not_exists(#generation)",
        )
        self._store.transact([change, writes.put_new(self._store.accounts, audit.item_of(entry))])

    def mail(self, notice: Notice, *, entry: AuditEntry) -> None:
        accounts = self._store.accounts
        self._store.transact([new_notice(accounts, notice), writes.put_new(accounts, audit.item_of(entry))])
