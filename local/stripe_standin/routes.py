"""The operations: which verb and path runs what, with which parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from . import credit_notes, customers, invoices, items, listing, parameters, search, states
from .account import BALANCE, CREDIT_NOTE, CUSTOMER, EVENT, INVOICE, ITEM, TAX_RATE, Account, Call
from .errors import StripeError, not_implemented
from .schema import Form
from .store import Record


def _nothing_more(_given: dict[str, Any]) -> None:
    """The parameters' own types say everything."""


@dataclass(frozen=True)
class Operation:
    """`check` sees the typed parameters before anything is executed and may raise ParameterError."""

    method: str
    template: str
    form: Form
    run: Callable[[Account, Call], Record]
    check: Callable[[dict[str, Any]], None] = _nothing_more

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The ids in the path, or None when it is another path."""
        wanted = self.template.strip("/").split("/")
        if len(wanted) != len(segments):
            return None
        found = {}
        for part, segment in zip(wanted, segments, strict=True):
            if part.startswith("{"):
                found[part[1:-1]] = segment
            elif part != segment:
                return None
        return found


_P = parameters
OPERATIONS = (
    Operation("POST", "/v1/customers", _P.CUSTOMER_CREATE, customers.create),
    Operation("GET", "/v1/customers", _P.CUSTOMER_LIST, listing.of_kind(CUSTOMER, "/v1/customers")),
    Operation("GET", "/v1/customers/search", _P.SEARCH, search.of_kind(CUSTOMER)),
    Operation("GET", "/v1/customers/{customer}", _P.EXPAND_ONLY, listing.retrieve(CUSTOMER, "customer")),
    Operation("POST", "/v1/customers/{customer}", _P.CUSTOMER_UPDATE, customers.update),
    Operation(
        "GET",
        "/v1/customers/{customer}/balance_transactions",
        _P.BALANCE_LIST,
        listing.of_kind(BALANCE, "/v1/customers/{customer}/balance_transactions"),
    ),
    Operation("POST", "/v1/customers/{customer}/balance_transactions", _P.BALANCE_CREATE, customers.adjust_balance),
    Operation("POST", "/v1/invoiceitems", _P.INVOICEITEM_CREATE, items.create, items.check_create),
    Operation("GET", "/v1/invoiceitems", _P.INVOICEITEM_LIST, listing.of_kind(ITEM, "/v1/invoiceitems")),
    Operation("DELETE", "/v1/invoiceitems/{invoiceitem}", _P.NOTHING, items.delete),
    Operation("POST", "/v1/invoices", _P.INVOICE_CREATE, invoices.create, invoices.check_create),
    Operation("GET", "/v1/invoices", _P.INVOICE_LIST, listing.of_kind(INVOICE, "/v1/invoices")),
    Operation("GET", "/v1/invoices/search", _P.SEARCH, search.of_kind(INVOICE)),
    Operation("GET", "/v1/invoices/{invoice}", _P.EXPAND_ONLY, listing.retrieve(INVOICE, "invoice")),
    Operation("POST", "/v1/invoices/{invoice}", _P.INVOICE_UPDATE, invoices.update, invoices.check_update),
    Operation("DELETE", "/v1/invoices/{invoice}", _P.NOTHING, invoices.delete),
    Operation("GET", "/v1/invoices/{invoice}/lines", _P.LINE_LIST, listing.lines),
    Operation("POST", "/v1/invoices/{invoice}/add_lines", _P.ADD_LINES, items.add_lines, items.check_add_lines),
    Operation("POST", "/v1/invoices/{invoice}/finalize", _P.FINALIZE, states.finalize),
    Operation("POST", "/v1/invoices/{invoice}/send", _P.EXPAND_ONLY, states.send),
    Operation("POST", "/v1/invoices/{invoice}/pay", _P.PAY, states.pay),
    Operation("POST", "/v1/invoices/{invoice}/void", _P.EXPAND_ONLY, states.void),
    Operation("POST", "/v1/invoices/{invoice}/mark_uncollectible", _P.EXPAND_ONLY, states.mark_uncollectible),
    Operation("POST", "/v1/credit_notes", _P.CREDIT_NOTE_CREATE, credit_notes.create, credit_notes.check_create),
    Operation("GET", "/v1/credit_notes", _P.CREDIT_NOTE_LIST, listing.of_kind(CREDIT_NOTE, "/v1/credit_notes")),
    Operation("GET", "/v1/credit_notes/{id}", _P.EXPAND_ONLY, listing.retrieve(CREDIT_NOTE, "id")),
    Operation("POST", "/v1/credit_notes/{id}/void", _P.EXPAND_ONLY, credit_notes.void),
    Operation("POST", "/v1/tax_rates", _P.TAX_RATE_CREATE, customers.create_tax_rate),
    Operation("GET", "/v1/tax_rates", _P.TAX_RATE_LIST, listing.of_kind(TAX_RATE, "/v1/tax_rates")),
    Operation("GET", "/v1/events", _P.EVENT_LIST, listing.of_kind(EVENT, "/v1/events")),
    Operation("GET", "/v1/events/{id}", _P.EXPAND_ONLY, listing.retrieve_event),
)

# Parts of Stripe that exist and are not played here.
KNOWN_TO_STRIPE = frozenset(
    [
        "account",
        "accounts",
        "balance",
        "balance_transactions",
        "billing",
        "billing_portal",
        "charges",
        "checkout",
        "coupons",
        "credit_notes",
        "customers",
        "disputes",
        "entitlements",
        "events",
        "files",
        "invoice_payments",
        "invoice_rendering_templates",
        "invoiceitems",
        "invoices",
        "mandates",
        "payment_intents",
        "payment_links",
        "payment_methods",
        "payment_records",
        "payouts",
        "plans",
        "prices",
        "products",
        "promotion_codes",
        "quotes",
        "refunds",
        "setup_intents",
        "shipping_rates",
        "sources",
        "subscription_items",
        "subscription_schedules",
        "subscriptions",
        "tax",
        "tax_codes",
        "tax_ids",
        "tax_rates",
        "test_helpers",
        "tokens",
        "topups",
        "transfers",
        "webhook_endpoints",
    ]
)


def route(method: str, path: str) -> tuple[Operation, dict[str, str]]:
    """The operation for a request and the ids in its path; raises StripeError when there is none."""
    segments = [unquote(segment) for segment in path.strip("/").split("/")]
    for operation in OPERATIONS:
        if operation.method == method:
            found = operation.match(segments)
            if found is not None:
                return operation, found
    if segments[0] == "v2" or (segments[0] == "v1" and len(segments) > 1 and segments[1] in KNOWN_TO_STRIPE):
        raise not_implemented(f"{method} {path}")
    raise StripeError(f"Unrecognized request URL ({method}: {path}).", status=404)
