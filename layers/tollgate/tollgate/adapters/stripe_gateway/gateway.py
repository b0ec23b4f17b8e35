"""The ``Stripe`` port over the SDK: one method, one request (a list: as many as it has pages)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import stripe

from tollgate.adapters.stripe_gateway import wire
from tollgate.adapters.stripe_gateway.client import build_client
from tollgate.adapters.stripe_gateway.failures import answered
from tollgate.domain.errors import Refused
from tollgate.domain.money import minor_units
from tollgate.domain.statement import Line
from tollgate.stages.ports.stripe import Contact, StripeInvoice

_PAGE: Final = 100
_TENANT: Final = "tenant"
_LONGEST_KEY: Final = 255


def build_gateway(api_key: str, *, base_address: str | None = None) -> StripeGateway:
    """A gateway to Stripe itself, or to the stand-in at ``base_address``. Raises ValueError as ``build_client``."""
    return StripeGateway(build_client(api_key, base_address=base_address))


class StripeGateway:
    """Stripe as the stages see it. Holds nothing but the client, so one may serve every invocation of a function."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._v1 = client.v1

    def find_customer(self, tenant: str, email: str) -> str:
        """The tenant's customer with this mail address, the oldest of several; empty when there is none."""
        _require_email(f"tenant {tenant}", email)
        with answered(f"find the customer of {tenant}", keyed=False):
            page = self._v1.customers.list({"email": email, "limit": _PAGE})
            mine = [each for each in page.auto_paging_iter() if wire.metadata_of(each).get(_TENANT) == tenant]
        oldest = min(mine, key=lambda each: (each.created, each.id), default=None)
        return oldest.id if oldest else ""

    def create_customer(self, *, tenant: str, name: str, email: str, key: str) -> str:
        """A new customer, which names its tenant. Raises Refused without a mail address: invoices are sent there."""
        _require_email(f"tenant {tenant}", email)
        metadata = wire.checked_metadata({_TENANT: tenant})
        with answered(f"create the customer of {tenant}", keyed=True):
            params: stripe.params.CustomerCreateParams = {"name": name, "email": email, "metadata": metadata}
            return self._v1.customers.create(params, _under(key)).id

    def contact(self, customer: str) -> Contact:
        """The customer's name and mail address; empty where Stripe has none, and of a customer that was deleted."""
        with answered(f"read {customer}", keyed=False):
            return wire.contact_of(self._v1.customers.retrieve(_known(customer)))

    def set_contact(self, customer: str, contact: Contact, *, key: str) -> None:
        """Change name and mail address. Raises Refused without an address: invoices are sent there."""
        _require_email(f"customer {customer}", contact.email)
        with answered(f"set the contact of {customer}", keyed=True):
            self._v1.customers.update(customer, {"name": contact.name, "email": contact.email}, _under(key))

    def set_standing(self, customer: str, *, metadata: Mapping[str, str], key: str) -> None:
        """Merge into the customer's metadata; an empty value removes its name."""
        checked = wire.checked_metadata(metadata)
        with answered(f"set the standing of {customer}", keyed=True):
            self._v1.customers.update(customer, {"metadata": checked}, _under(key))

    def find_invoice(self, customer: str, *, metadata: Mapping[str, str], since: datetime) -> StripeInvoice | None:
        """The invoice of a customer, created at ``since`` or later, that carries all of ``metadata``.

        Of several the one that has gone furthest (a void one last), then the oldest. Listed, not searched: Stripe's
        search lags behind what was written.
        """
        with answered(f"find an invoice of {customer}", keyed=False):
            page = self._v1.invoices.list(
                {"customer": customer, "created": {"gte": wire.seconds(since)}, "limit": _PAGE}
            )
            found = wire.furthest(
                each for each in page.auto_paging_iter() if wire.matches(wire.metadata_of(each), metadata)
            )
        return wire.invoice_of(found) if found else None

    def create_invoice(
        self, customer: str, *, currency: str, due_at: datetime, memo: str, metadata: Mapping[str, str], key: str
    ) -> StripeInvoice:
        """A draft without lines. It stays one until it is finalized, and takes no pending items of the customer."""
        params: stripe.params.InvoiceCreateParams = {
            "customer": customer,
            "currency": currency.lower(),
            "collection_method": "send_invoice",  # the default would charge a card
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
            "due_date": wire.seconds(due_at),
            "description": wire.clipped(memo, wire.LONGEST_MEMO),
            "metadata": wire.checked_metadata(metadata),
        }
        with answered(f"create an invoice of {customer}", keyed=True):
            return wire.invoice_of(self._v1.invoices.create(params, _under(key)))

    def lines(self, invoice: str) -> list[tuple[str, Decimal]]:
        """Every line: its key and amount. An invoice's own ``lines`` hold only the first few, so they are paged."""
        with answered(f"read the lines of {invoice}", keyed=False):
            page = self._v1.invoices.line_items.list(_known(invoice), {"limit": _PAGE})
            return [wire.line_of(each) for each in page.auto_paging_iter()]

    def add_lines(
        self, invoice: str, lines: Sequence[Line], *, currency: str, period: tuple[datetime, datetime], key: str
    ) -> None:
        """Add lines to a draft, all of them or none; no lines, no request.

        ``period``: its first and its last instant, both included. Raises ValueError for more than 250 lines.
        """
        params = wire.line_params(lines, currency=currency, period=period)
        if not params:
            return
        with answered(f"add {len(params)} lines to {invoice}", keyed=True):
            self._v1.invoices.add_lines(invoice, {"lines": params}, _under(key))

    def set_due(self, invoice: str, *, due_at: datetime, key: str) -> None:
        """Set the due date of a draft."""
        with answered(f"set the due date of {invoice}", keyed=True):
            self._v1.invoices.update(invoice, {"due_date": wire.seconds(due_at)}, _under(key))

    def finalize(self, invoice: str, *, key: str) -> StripeInvoice:
        """Number a draft and open it. Stripe's own reminders stay off: notices are Tollgate's."""
        with answered(f"finalize {invoice}", keyed=True):
            answer = self._v1.invoices.finalize_invoice(invoice, {"auto_advance": False}, _under(key))
            return wire.invoice_of(answer)

    def send(self, invoice: str, *, key: str) -> StripeInvoice:
        """Let Stripe mail an open invoice to the customer."""
        with answered(f"send {invoice}", keyed=True):
            return wire.invoice_of(self._v1.invoices.send_invoice(invoice, {}, _under(key)))

    def invoice(self, invoice: str) -> StripeInvoice:
        """An invoice as Stripe has it now. Raises Refused for one that does not exist."""
        with answered(f"read {invoice}", keyed=False):
            return wire.invoice_of(self._v1.invoices.retrieve(_known(invoice)))

    def void(self, invoice: str, *, key: str) -> StripeInvoice:
        """Void an open or uncollectible invoice, for good."""
        with answered(f"void {invoice}", keyed=True):
            return wire.invoice_of(self._v1.invoices.void_invoice(_known(invoice), {}, _under(key)))

    def find_credit_note(self, invoice: str, *, metadata: Mapping[str, str]) -> str:
        """The number of the invoice's credit note that carries all of ``metadata``; empty when there is none."""
        with answered(f"find a credit note of {invoice}", keyed=False):
            page = self._v1.credit_notes.list({"invoice": _known(invoice), "limit": _PAGE})
            own = (each for each in page.auto_paging_iter() if each.status == "issued")
            found = next((each for each in own if wire.matches(wire.metadata_of(each), metadata)), None)
        return found.number if found else ""

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
        """Give a credit note, which Stripe mails to the customer; ``to_balance`` goes to the customer's balance."""
        params: stripe.params.CreditNoteCreateParams = {
            "invoice": _known(invoice),
            "amount": minor_units(amount, currency.upper()),
            "memo": wire.clipped(memo, wire.LONGEST_LINE),
            "metadata": wire.checked_metadata(metadata),
        }
        if to_balance:
            params["credit_amount"] = minor_units(to_balance, currency.upper())
        with answered(f"give a credit note on {invoice}", keyed=True):
            return self._v1.credit_notes.create(params, _under(key)).number


def _under(key: str) -> stripe.RequestOptions:
    """Options with an idempotency key. Raises ValueError for none: the SDK would make up a random one."""
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise ValueError(f"an idempotency key has 1 to {_LONGEST_KEY} characters, not {len(key)}")
    return {"idempotency_key": key}


def _known(identity: str) -> str:
    """An object's id. Raises ValueError for an empty one: the address without it is that of the list."""
    if not identity:
        raise ValueError("an object of Stripe's without an id")
    return identity


def _require_email(whose: str, email: str) -> None:
    if not email:
        raise Refused(f"{whose} has no mail address for invoices")
