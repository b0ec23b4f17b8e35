"""Stripe, in memory: what is created can be found at once, and a call under a known key gives the first answer again.

A key that comes back with other parameters is refused, as Stripe does. ``now`` stamps what is created; ``pay``,
``void`` and ``forget_keys`` are what happens outside of Tollgate.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tollgate.domain.errors import Refused
from tollgate.domain.statement import Line
from tollgate.stages.ports import StripeInvoice


@dataclass
class MemoryCustomer:
    """A customer as Stripe keeps it."""

    id: str
    tenant: str
    name: str
    email: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class MemoryStripe:
    """The port ``Stripe``."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    customers: dict[str, MemoryCustomer] = field(default_factory=dict)
    invoices: dict[str, StripeInvoice] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    created: dict[str, datetime] = field(default_factory=dict)
    added: dict[str, list[tuple[str, Decimal]]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    answers: dict[str, tuple[object, Any]] = field(default_factory=dict)

    def _once[T](self, key: str, parameters: object, call: Callable[[], T]) -> T:
        if key in self.answers:
            known, answer = self.answers[key]
            if known != parameters:
                raise Refused(f"idempotency key {key} was used with other parameters")
            return answer  # type: ignore[no-any-return]  # what the same call answered before
        answer = call()
        self.answers[key] = (parameters, answer)
        return answer

    def find_customer(self, tenant: str, email: str) -> str:
        """By the tenant in its metadata; empty when there is none."""
        return next((customer.id for customer in self.customers.values() if customer.tenant == tenant), "")

    def create_customer(self, *, tenant: str, name: str, email: str, key: str) -> str:
        def create() -> str:
            customer = MemoryCustomer(f"cus_{len(self.customers) + 1}", tenant, name, email)
            self.customers[customer.id] = customer
            return customer.id

        return self._once(key, ("customer", tenant, name, email), create)

    def set_standing(self, customer: str, *, metadata: Mapping[str, str], key: str) -> None:
        if customer not in self.customers:
            raise Refused(f"no such customer: {customer}")
        parameters = ("standing", customer, tuple(sorted(metadata.items())))
        self._once(key, parameters, lambda: self.customers[customer].metadata.update(metadata))

    def find_invoice(self, customer: str, *, metadata: Mapping[str, str], since: datetime) -> StripeInvoice | None:
        return next(
            (
                invoice
                for invoice in self.invoices.values()
                if self.owners[invoice.id] == customer
                and self.created[invoice.id] >= since
                and metadata.items() <= dict(invoice.metadata).items()
            ),
            None,
        )

    def create_invoice(
        self, customer: str, *, currency: str, due_at: datetime, memo: str, metadata: Mapping[str, str], key: str
    ) -> StripeInvoice:
        def create() -> StripeInvoice:
            if customer not in self.customers:
                raise Refused(f"no such customer: {customer}")
            invoice = StripeInvoice(
                id=f"in_{len(self.invoices) + 1}",
                status="draft",
                currency=currency.lower(),
                total=Decimal(0),
                remaining=Decimal(0),
                number="",
                hosted_url="",
                due_at=due_at,
                metadata=dict(metadata),
            )
            self.invoices[invoice.id], self.owners[invoice.id] = invoice, customer
            self.created[invoice.id], self.added[invoice.id] = self.now, []
            return invoice

        parameters = ("invoice", customer, currency, due_at, memo, tuple(sorted(metadata.items())))
        return self._once(key, parameters, create)

    def lines(self, invoice: str) -> list[tuple[str, Decimal]]:
        self.invoice(invoice)
        return list(self.added[invoice])

    def add_lines(
        self, invoice: str, lines: Sequence[Line], *, currency: str, period: tuple[datetime, datetime], key: str
    ) -> None:
        def add() -> None:
            current = self._in_status(invoice, "draft")
            if currency.lower() != current.currency:
                raise Refused(f"{invoice} is in {current.currency}, not {currency}")
            self.added[invoice] += [(line.key, line.amount) for line in lines]
            total = sum((amount for _, amount in self.added[invoice]), Decimal(0))
            self.invoices[invoice] = replace(current, total=total, remaining=total)

        self._once(key, ("lines", invoice, tuple(lines), currency, period), add)

    def set_due(self, invoice: str, *, due_at: datetime, key: str) -> None:
        def move() -> None:
            self.invoices[invoice] = replace(self._in_status(invoice, "draft"), due_at=due_at)

        self._once(key, ("due", invoice, due_at), move)

    def finalize(self, invoice: str, *, key: str) -> StripeInvoice:
        def finalize() -> StripeInvoice:
            current = self._in_status(invoice, "draft")
            status = "open" if current.total > 0 else "paid"
            number, url = f"T-{invoice[3:]}", f"https://invoice.example/{invoice}"
            self.invoices[invoice] = replace(current, status=status, number=number, hosted_url=url)
            return self.invoices[invoice]

        return self._once(key, ("finalize", invoice), finalize)

    def send(self, invoice: str, *, key: str) -> StripeInvoice:
        def send() -> StripeInvoice:
            current = self._in_status(invoice, "open")
            self.sent.append(invoice)
            return current

        return self._once(key, ("send", invoice), send)

    def invoice(self, invoice: str) -> StripeInvoice:
        if invoice not in self.invoices:
            raise Refused(f"no such invoice: {invoice}")
        return self.invoices[invoice]

    def _in_status(self, invoice: str, status: str) -> StripeInvoice:
        current = self.invoice(invoice)
        if current.status != status:
            raise Refused(f"{invoice} is {current.status}, not {status}")
        return current

    def pay(self, invoice: str, amount: Decimal | None = None) -> None:
        """The customer pays, in full unless an amount is given."""
        current = self._in_status(invoice, "open")
        remaining = current.remaining - (current.remaining if amount is None else amount)
        self.invoices[invoice] = replace(current, remaining=remaining, status="open" if remaining > 0 else "paid")

    def void(self, invoice: str) -> None:
        """Finance voids it at Stripe; Stripe leaves what remained as it was."""
        self.invoices[invoice] = replace(self._in_status(invoice, "open"), status="void")

    def forget_keys(self) -> None:
        """Idempotency keys are pruned after a day or more: from now on a repeat is a new call."""
        self.answers.clear()
