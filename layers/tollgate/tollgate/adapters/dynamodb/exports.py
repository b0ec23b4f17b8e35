"""ExportRows: one row an export, packed as JSON but for its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tollgate.adapters.dynamodb import audit, codec, keys, writes
from tollgate.adapters.dynamodb.store import Item, Store
from tollgate.domain.errors import NotFound
from tollgate.domain.exports import KEPT, Export
from tollgate.stages.ports.accounts import AuditEntry


def export_item(export: Export) -> Item:
    """The row of an export at its version."""
    return {
        **keys.export(export.tenant, export.number)._asdict(),
        "version": export.version,
        "expires_at": int((export.requested_at + KEPT).timestamp()),
        "export": codec.EXPORT.json(export),
    }


def export_of(item: Mapping[str, Any]) -> Export:
    """The export of a row (of the table's or, unpacked, of the stream's)."""
    return codec.EXPORT.read_json(item["export"])


class DynamoExports:
    """The port ``ExportRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def latest(self, tenant: str, *, most: int) -> list[Export]:
        return [export_of(item) for item in self._store.latest(self._store.accounts, keys.exports(tenant), count=most)]

    def export(self, tenant: str, number: int) -> Export:
        item = self._store.get(self._store.accounts, keys.export(tenant, number))
        if item is None:
            raise NotFound("export", f"{tenant}/{number}")
        return export_of(item)

    def add(self, export: Export) -> Export:
        new, table = replace(export, version=1), self._store.accounts
        entry = audit_entry(new)
        self._store.transact([writes.put_new(table, export_item(new)), writes.put_new(table, audit.item_of(entry))])
        return new

    def save(self, export: Export) -> Export:
        new = replace(export, version=export.version + 1)
        # A transaction of one: a repeat by the SDK after a lost answer is not taken for somebody else's write.
        self._store.transact([writes.put_at(self._store.accounts, export_item(new), read=export.version)])
        return new


def audit_entry(export: Export) -> AuditEntry:
    """Who asked for which records, and for whom."""
    asked = export.selection
    note = ", ".join(filter(None, (f"{asked.first} to {asked.last}", asked.narrowed)))
    return AuditEntry(
        tenant=export.tenant,
        at=export.requested_at,
        by=export.by,
        action="export",
        subject=str(export.number),
        what=export.side,
        note=note,
    )
