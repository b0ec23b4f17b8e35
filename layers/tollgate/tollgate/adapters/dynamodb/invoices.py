"""InvoiceRows: one item an invoice, one for each revision's content, and an audit entry for each write. A summary of
each lies with those of its month, so that a month's review is one query however many tenants there are.

Always true: a revision's content is written once and never changed, so that an approval means what was read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.notices import lifting, new_hold, new_notice
from tollgate.adapters.dynamodb.store import Item, Store, Write
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.review import Summary, summary_of
from tollgate.domain.statement import Statement


def invoice_of(item: Item) -> Invoice:
    """The invoice of a row (of a table's or, unpacked, of the stream's)."""
    return codec.INVOICE.read(item)


class DynamoInvoices:
    """The port ``InvoiceRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def invoices(self, tenant: str) -> list[Invoice]:
        items = self._store.query(self._store.accounts, keys.tenant_pk(tenant), prefix=keys.INVOICE)
        return [invoice_of(item) for item in items]

    def invoice(self, tenant: str, period: date) -> Invoice:
        stored = self._stored(tenant, period)
        if stored is None:
            raise NotFound("invoice", f"{tenant}/{period}")
        return stored

    def _stored(self, tenant: str, period: date) -> Invoice | None:
        item = self._store.get(self._store.accounts, keys.invoice(tenant, period))
        return None if item is None else invoice_of(item)

    def of_periods(self, wanted: Collection[tuple[str, date]]) -> dict[tuple[str, date], Invoice]:
        by_key = {keys.invoice(tenant, period): (tenant, period) for tenant, period in wanted}
        found = self._store.get_many(self._store.accounts, by_key)
        return {by_key[key]: invoice_of(item) for key, item in found.items()}

    def revision(self, tenant: str, period: date, revision: int) -> Statement | None:
        item = self._store.get(self._store.accounts, keys.revision(tenant, period, revision))
        return None if item is None else codec.STATEMENT.read(item["statement"])

    def save(
        self,
        invoice: Invoice,
        *,
        by: str,
        at: datetime,
        what: str = "",
        note: str = "",
        notices: Sequence[Notice] = (),
        opened: Sequence[Hold] = (),
        lifted: Sequence[Hold] = (),
        resting_on: Sequence[Invoice] = (),
    ) -> Invoice:
        """What changes nothing and brings nothing with it is not written, and comes back as it was."""
        stored = self._stored(invoice.tenant, invoice.statement.period.start)
        if (stored.version if stored else 0) != invoice.version:
            raise Conflict(f"invoice {invoice.name} of {invoice.tenant} has changed since it was read")
        if invoice == stored and not (notices or opened or lifted):
            return invoice
        new = replace(invoice, version=invoice.version + 1)
        accounts = self._store.accounts
        self._store.transact(
            [
                writes.put_at(accounts, _invoice_item(new), read=invoice.version),
                *self._revision(new, stored),
                writes.put(accounts, _summary_item(new)),
                writes.put(accounts, _audit_item(new, by=by, at=at, what=what, note=note)),
                *(new_notice(accounts, notice) for notice in notices),
                *(new_hold(accounts, hold) for hold in opened),
                *(lifting(accounts, hold, at=hold.lifted_at or at) for hold in lifted),
                *(writes.check_at(accounts, _key(other), read=other.version) for other in resting_on),
            ]
        )
        return new

    def month(self, month: date) -> list[Summary]:
        items = self._store.query(self._store.accounts, keys.summaries(month))
        return sorted(map(codec.SUMMARY.read, items), key=lambda summary: (summary.tenant, summary.period))

    def _revision(self, new: Invoice, stored: Invoice | None) -> list[Write]:
        if stored and (stored.revision, stored.statement) == (new.revision, new.statement):
            return []
        key = keys.revision(new.tenant, new.statement.period.start, new.revision)
        item = {**key._asdict(), "statement": codec.STATEMENT.item(new.statement)}
        return [writes.put_new(self._store.accounts, item)]


def _key(invoice: Invoice) -> Key:
    return keys.invoice(invoice.tenant, invoice.statement.period.start)


def _invoice_item(invoice: Invoice) -> Item:
    return {**_key(invoice)._asdict(), **codec.INVOICE.item(invoice)}


def _summary_item(invoice: Invoice) -> Item:
    key = keys.summary(invoice.tenant, invoice.statement.period.start)
    return {**key._asdict(), **codec.SUMMARY.item(summary_of(invoice))}


def _audit_item(invoice: Invoice, *, by: str, at: datetime, what: str, note: str) -> Item:
    key = keys.audit(invoice.tenant, at, f"invoice-{invoice.name}-{invoice.version}")
    said = {name: text for name, text in (("what", what), ("note", note)) if text}
    return said | {
        **key._asdict(),
        "action": "invoice",
        "by": by,
        "period": invoice.name,
        "version": invoice.version,
        "revision": invoice.revision,
        "status": invoice.status,
    }
