"""AuditRows: who did what to a tenant, in the order of time. Rows are put once and never changed."""

from __future__ import annotations

from datetime import datetime

from tollgate.adapters.dynamodb import keys, writes
from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.store import Item, Store
from tollgate.domain.errors import Conflict
from tollgate.stages.ports.accounts import AuditEntry


class DynamoAudit:
    """The port ``AuditRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, entry: AuditEntry) -> None:
        item = item_of(entry)
        try:
            self._store.transact([writes.put_new(self._store.accounts, item)])
        except Conflict:
            if self._store.get(self._store.accounts, Key(item["pk"], item["sk"])) != item:
                raise

    def entries(self, tenant: str, *, since: datetime | None = None) -> list[AuditEntry]:
        pk, accounts = keys.tenant_pk(tenant), self._store.accounts
        items = (
            self._store.query(accounts, pk, prefix=keys.AUDIT)
            if since is None
            else self._store.query(accounts, pk, between=keys.audits(since))
        )
        return [_entry(tenant, item) for item in items]


def item_of(entry: AuditEntry) -> Item:
    """The row of an entry, for who writes it together with something else."""
    key = keys.audit(entry.tenant, entry.at, f"{entry.action}-{entry.subject}-{entry.what}")
    said = {"status": entry.status, "what": entry.what, "note": entry.note}
    return {
        **key._asdict(),
        "action": entry.action,
        "by": entry.by,
        "subject": entry.subject,
        "revision": entry.revision,
        "version": entry.version,
        **{name: text for name, text in said.items() if text},
    }


def _entry(tenant: str, item: Item) -> AuditEntry:
    return AuditEntry(
        tenant=tenant,
        at=keys.audited_at(item["sk"]),
        by=item["by"],
        action=item["action"],
        subject=next(item[name] for name in ("subject", "period", "effective") if name in item),
        what=item.get("what", ""),
        note=item.get("note", ""),
        status=item.get("status", ""),
        revision=int(item.get("revision", 0)),
        version=int(item.get("version", 0)) if item["action"] == "invoice" else 0,
    )
