"""Ports: Stripe, as far as Tollgate uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from tollgate.domain.statement import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeInvoice:
    """What Stripe says of an invoice, amounts in the invoice's currency (lower-case ``currency`` as Stripe has it).

    ``settled_at``: when it was paid or voided; None while it is neither, or when Stripe does not say.
    """

    id: str
    status: str
    currency: str
    total: Decimal
    remaining: Decimal
    number: str
    hosted_url: str
    pdf_url: str
    due_at: datetime | None
    metadata: Mapping[str, str]
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom Stripe bills: the name on an invoice, and the address that it is mailed to. Empty where Stripe has none."""

    name: str
    email: str


class Stripe(Protocol):
    """Stripe, as far as Tollgate uses it. ``key`` is the idempotency key of a step.

    Raises RetryLater (with ``stored`` set when Stripe keeps answering it under the same key) or Refused.
    """

    def find_customer(self, tenant: str, email: str) -> str: ...
    def create_customer(self, *, tenant: str, name: str, email: str, key: str) -> str: ...

    def contact(self, customer: str) -> Contact:
        """Whom Stripe bills now. Raises Refused for a customer that does not exist."""
        ...

    def set_contact(self, customer: str, contact: Contact, *, key: str) -> None:
        """Bill somebody else from now on. Invoices that are finalized keep whom they were made for."""
        ...

    def set_standing(self, customer: str, *, metadata: Mapping[str, str], key: str) -> None: ...
    def find_invoice(self, customer: str, *, metadata: Mapping[str, str], since: datetime) -> StripeInvoice | None: ...

    def create_invoice(
        self, customer: str, *, currency: str, due_at: datetime, memo: str, metadata: Mapping[str, str], key: str
    ) -> StripeInvoice: ...

    def lines(self, invoice: str) -> list[tuple[str, Decimal]]:
        """Every line of an invoice: the key it was added under, and its amount."""
        ...

    def add_lines(self, invoice: str, lines: Sequence[Line], *, currency: str, period: tuple[datetime, datetime],
                  key: str) -> None: ...  # fmt: skip
    def set_due(self, invoice: str, *, due_at: datetime, key: str) -> None: ...
    def finalize(self, invoice: str, *, key: str) -> StripeInvoice: ...
    def send(self, invoice: str, *, key: str) -> StripeInvoice: ...
    def invoice(self, invoice: str) -> StripeInvoice: ...
    def void(self, invoice: str, *, key: str) -> StripeInvoice: ...

    def find_credit_note(self, invoice: str, *, metadata: Mapping[str, str]) -> str:
        """The number of the credit note of an invoice that carries all of ``metadata``; empty when there is none."""
        ...

    def credit_note(
        self,
        invoice: str,
        *,
        amount: Decimal,
        to_balance: Decimal,
        currency: str,
        memo: str,
        metadata: Mapping[str, str],
        key: str,
    ) -> str:
        """Give a credit note, of which ``to_balance`` is the part that was paid already; returns its number."""
        ...
