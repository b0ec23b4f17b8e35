"""Stripe, in memory: what is created can be found at once, and a call under a known key gives the first answer again.

A key that comes back with other parameters is answered as the gateway answers it: another key is needed. ``now``
stamps what is created; ``addressed`` is whom a finalized invoice is for, as its customer was then. What happens outside
of Tollgate: ``pay``, ``credit``, ``void``, ``write_off``, ``delete``, ``break_down`` and ``forget_keys``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tollgate.domain.errors import Refused, RetryLater
from tollgate.domain.statement import Line
from tollgate.stages.ports.stripe import Contact, StripeInvoice


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
    addressed: dict[str, Contact] = field(default_factory=dict)
    credits: dict[str, tuple[str, Decimal, Decimal, dict[str, str]]] = field(default_factory=dict)
    answers: dict[str, tuple[object, Any]] = field(default_factory=dict)
    breaking: dict[str, bool] = field(default_factory=dict)

    def _once[T](self, key: str, parameters: tuple[object, ...], call: Callable[[], T]) -> T:
        if key not in self.answers:
            self.answers[key] = (parameters, self._answer(str(parameters[0]), call))
        known, answer = self.answers[key]
        if known != parameters:
            raise RetryLater(f"idempotency key {key} was used with other parameters", stored=True)
        if isinstance(answer, RetryLater):
            raise answer
        return answer  # type: ignore[no-any-return]  # what the same call answered before

    def _answer[T](self, step: str, call: Callable[[], T]) -> T | RetryLater:
        if step not in self.breaking:
            return call()
        if self.breaking.pop(step):
            call()
        return RetryLater(f"{step}: Stripe answered 500", stored=True)

    def break_down(self, step: str, *, done: bool) -> None:
        """The next ``step`` is answered with a server error, which is stored under its key; was its work ``done``?

        Steps: ``customer``, ``contact``, ``standing``, ``invoice``, ``lines``, ``due``, ``finalize``, ``send``,
        ``void``, ``credit``.
        """
        self.breaking[step] = done

    def find_customer(self, tenant: str, email: str) -> str:
        """By the tenant in its metadata; empty when there is none."""
        return next((customer.id for customer in self.customers.values() if customer.tenant == tenant), "")

    def create_customer(self, *, tenant: str, name: str, email: str, key: str) -> str:
        def create() -> str:
            customer = MemoryCustomer(f"cus_{len(self.customers) + 1}", tenant, name, email)
            self.customers[customer.id] = customer
            return customer.id

        return self._once(key, ("customer", tenant, name, email), create)

    def contact(self, customer: str) -> Contact:
        if customer not in self.customers:
            raise Refused(f"no such customer: {customer}", missing=True)
        return Contact(name=self.customers[customer].name, email=self.customers[customer].email)

    def set_contact(self, customer: str, contact: Contact, *, key: str) -> None:
        def change() -> None:
            self.customers[customer].name, self.customers[customer].email = contact.name, contact.email

        self._once(key, ("contact", customer, contact), change)

    def set_standing(self, customer: str, *, metadata: Mapping[str, str], key: str) -> None:
        if customer not in self.customers:
            raise Refused(f"no such customer: {customer}")

        def merge() -> None:
            merged = self.customers[customer].metadata | dict(metadata)
            self.customers[customer].metadata = {name: value for name, value in merged.items() if value}

        self._once(key, ("standing", customer, tuple(sorted(metadata.items()))), merge)

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
                id=f"in_{len(self.owners) + 1}",
                status="draft",
                currency=currency.lower(),
                total=Decimal(0),
                remaining=Decimal(0),
                number="",
                hosted_url="",
                pdf_url="",
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
            self.invoices[invoice] = replace(
                current, status=status, number=number, hosted_url=url, pdf_url=f"{url}/pdf"
            )
            self.addressed[invoice] = self.contact(self.owners[invoice])
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
            raise Refused(f"no such invoice: {invoice}", missing=True)
        return self.invoices[invoice]

    def void(self, invoice: str, *, key: str = "") -> StripeInvoice:
        """Stripe leaves what remained as it was. Without a key somebody does it at Stripe itself."""

        def void() -> StripeInvoice:
            current = self._in_status(invoice, "open", "uncollectible")
            self.invoices[invoice] = replace(current, status="void", settled_at=self.now)
            return self.invoices[invoice]

        return self._once(key, ("void", invoice), void) if key else void()

    def find_credit_note(self, invoice: str, *, metadata: Mapping[str, str]) -> str:
        own = ((number, kept) for number, (of, _, _, kept) in self.credits.items() if of == invoice)
        return next((number for number, kept in own if metadata.items() <= kept.items()), "")

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
        def give() -> str:
            current = self._in_status(invoice, "open", "paid", "uncollectible")
            if amount - to_balance != min(amount, current.remaining):
                raise Refused("the parts of the credit note do not add up")
            number = f"{current.number}-CN-{len(self.credits) + 1:02}"
            self.credits[number] = (invoice, amount, to_balance, dict(metadata))
            remaining = current.remaining - (amount - to_balance)
            self.invoices[invoice] = replace(current, remaining=remaining)
            return number

        return self._once(key, ("credit", invoice, amount, to_balance, memo, tuple(sorted(metadata.items()))), give)

    def _in_status(self, invoice: str, *statuses: str) -> StripeInvoice:
        current = self.invoice(invoice)
        if current.status not in statuses:
            raise Refused(f"{invoice} is {current.status}, not {' or '.join(statuses)}")
        return current

    def pay(self, invoice: str, amount: Decimal | None = None, *, at: datetime | None = None) -> None:
        """The customer pays, in full unless an amount is given, ``at`` a time that Stripe tells; also one that was
        written off."""
        current = self._in_status(invoice, "open", "uncollectible")
        remaining = current.remaining - (current.remaining if amount is None else amount)
        status, at = (current.status, None) if remaining > 0 else ("paid", at)
        self.invoices[invoice] = replace(current, remaining=remaining, status=status, settled_at=at)

    def credit(self, invoice: str) -> None:
        """Finance gives a credit note over all that remains, in the reading where that leaves the invoice open."""
        self.invoices[invoice] = replace(self._in_status(invoice, "open"), remaining=Decimal(0))

    def write_off(self, invoice: str) -> None:
        """Finance marks it uncollectible."""
        self.invoices[invoice] = replace(self._in_status(invoice, "open"), status="uncollectible")

    def delete(self, invoice: str) -> None:
        """Somebody deletes a draft at Stripe."""
        self._in_status(invoice, "draft")
        del self.invoices[invoice]

    def forget_keys(self) -> None:
        """Idempotency keys are pruned after a day or more: from now on a repeat is a new call."""
        self.answers.clear()
