"""The one Stripe account that the stand-in plays: its records, clock, settings, and the events of the running request.

Operations take an Account and change it only through `save`, `discard` and `emit`; the caller commits or rolls back.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .clock import Clock
from .errors import no_such
from .settings import Settings
from .store import Record, Store

API_VERSION = "2026-10-28.endive"
CUSTOMER, INVOICE, ITEM, CREDIT_NOTE = "customer", "invoice", "invoiceitem", "credit_note"
BALANCE, TAX_RATE, EVENT, KEY, STATE = "balance_transaction", "tax_rate", "event", "idempotency_key", "state"
OBJECT_KINDS = (CUSTOMER, INVOICE, ITEM, CREDIT_NOTE, BALANCE, TAX_RATE, EVENT)
SEARCHABLE = (CUSTOMER, INVOICE)
SPOKEN = {CUSTOMER: "customer", INVOICE: "invoice", ITEM: "invoiceitem", CREDIT_NOTE: "credit note"}


def new_id(prefix: str) -> str:
    """Random, so that an id is never used again after a reset."""
    return f"{prefix}_{secrets.token_hex(12)}"


@dataclass(frozen=True)
class Origin:
    """The API request an event is due to; both None when the clock or a customer caused it."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Call:
    """One API call after decoding: ids from the path, typed parameters."""

    path: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)


@dataclass
class Account:
    """State and the events not yet handed to delivery (`outbox`)."""

    store: Store
    clock: Clock
    settings: Settings
    base_address: str = ""
    origin: Origin = Origin()
    outbox: list[Record] = field(default_factory=list)
    # Earlier versions of customers and invoices with the second they date from: what a lagging search still sees.
    versions: dict[tuple[str, str], list[tuple[int, Record]]] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return self.clock.now()

    @property
    def public_address(self) -> str:
        return (self.settings.public_address or self.base_address).rstrip("/")

    def save(self, kind: str, record: Record) -> Record:
        return self.store.put(kind, record["id"], record)

    def discard(self, kind: str, identity: str) -> None:
        self.store.delete(kind, identity)
        self.versions.pop((kind, identity), None)

    def find(self, kind: str, identity: str, param: str, *, in_path: bool = False) -> Record:
        """The record, or StripeError resource_missing: 404 for an id of the path, 400 for one of a parameter."""
        record = self.store.get(kind, identity)
        if record is None:
            raise no_such(SPOKEN.get(kind, kind), identity, param, in_path=in_path)
        return record

    def items_of(self, invoice: Record) -> list[Record]:
        """The invoice's items in line order."""
        return [item for identity in invoice["_items"] if (item := self.store.get(ITEM, identity))]

    def tax_rates(self, identities: Iterable[str]) -> list[Record]:
        return [rate for identity in identities if (rate := self.store.get(TAX_RATE, identity))]

    def commit(self) -> list[Record]:
        """Makes the changes last; returns the events to deliver."""
        for kind in SEARCHABLE:
            for record in self.store.touched(kind):
                self._remember(kind, record)
        self.store.commit()
        events, self.outbox = self.outbox, []
        return events

    def rollback(self) -> None:
        self.store.rollback()
        self.outbox = []

    def _remember(self, kind: str, record: Record) -> None:
        history = self.versions.setdefault((kind, record["id"]), [])
        history.append((self.now, record))
        visible = [at for at, _ in history if at <= self.now - self.settings.search_lag_seconds]
        del history[: max(0, len(visible) - 1)]

    def as_searched(self, kind: str) -> list[Record]:
        """What search sees: every record as it was `search_lag_seconds` ago, newest first.

        Versions are not kept over a restart: after it everything is visible at once.
        """
        limit = self.now - self.settings.search_lag_seconds
        seen = []
        for record in self.store.newest_first(kind):
            history = self.versions.get((kind, record["id"]))
            old = [version for at, version in history if at <= limit] if history else [record]
            if old:
                seen.append(old[-1])
        return seen
