"""Records as Stripe's objects, API version 2026-10-28.endive: the fields that a client of this project reads.

Record fields beginning with `_` are the stand-in's own and never leave it. A draft's totals and customer data are
computed when it is rendered; those of a finalized invoice are in its record.
"""

from typing import Any

from .account import CUSTOMER, INVOICE, Account
from .money import Totals, line_taxes, totals_of
from .store import Record

FIRST_LINES = 10
EXPANDABLE = {
    "customer": {},
    "invoice": {"customer", "payments", "latest_revision", "lines", "default_tax_rates"},
    "invoiceitem": {"customer", "invoice"},
    "line_item": set(),
    "credit_note": {"customer", "invoice", "lines"},
    "customer_balance_transaction": {"customer", "invoice"},
    "tax_rate": set(),
    "event": set(),
}


def public(record: Record) -> Record:
    return {name: value for name, value in record.items() if not name.startswith("_")}


def listing(url: str, data: list[Record], *, has_more: bool = False) -> Record:
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


# ---- customers -------------------------------------------------------------------------------------------------------
def customer(record: Record) -> Record:
    balances: dict[str, int] = record["_balances"]
    return {
        **public(record),
        "balance": balances.get(record["currency"] or "", 0),
        # The opposite sign of `balance`: positive is credit.
        "invoice_credit_balance": {currency: -amount for currency, amount in balances.items()},
        "livemode": False,
    }


def customer_fields_of_invoice(record: Record) -> Record:
    """What an invoice shows of its customer; follows the customer until finalize and is frozen then."""
    return {
        "customer_address": record["address"],
        "customer_email": record["email"],
        "customer_name": record["name"],
        "customer_phone": record["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": record["tax_exempt"],
        "customer_tax_ids": [{"type": tax["type"], "value": tax["value"]} for tax in record["_tax_ids"]],
    }


# ---- items and lines -------------------------------------------------------------------------------------------------
def invoice_item(account: Account, item: Record) -> Record:
    return {
        **public(item),
        "discounts": [],
        "frozen_fields": [],
        "livemode": False,
        "net_amount": item["amount"],
        "parent": None,
        "proration": False,
        "tax_rates": [public(rate) for rate in account.tax_rates(item["_tax_rates"])],
        "test_clock": None,
    }


def taxes_of(account: Account, invoice: Record, item: Record) -> list[Record]:
    """A line's taxes: its own, else the invoice's default rates; none for an exempt customer."""
    exempt = invoice.get("customer_tax_exempt")
    if exempt is None:
        exempt = (account.store.get(CUSTOMER, invoice["customer"]) or {}).get("tax_exempt")
    if exempt in ("exempt", "reverse"):
        return []
    rates = account.tax_rates(item["_tax_rates"] or invoice["_default_tax_rates"])
    return line_taxes(item["amount"], rates, item["_tax_amounts"])


def line(account: Account, invoice: Record, item: Record) -> Record:
    return {
        "id": item["_line"],
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": item["metadata"],
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": None,
                "subscription": None,
            },
            "subscription_item_details": None,
        },
        "period": item["period"],
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": None,
        "subtotal": item["amount"],
        "taxes": taxes_of(account, invoice, item),
    }


# ---- invoices --------------------------------------------------------------------------------------------------------
def totals(account: Account, invoice: Record) -> Totals:
    return totals_of((item["amount"], taxes_of(account, invoice, item)) for item in account.items_of(invoice))


def invoice(account: Account, record: Record) -> Record:
    """The invoice with its first ten lines."""
    shown = {**_INVOICE_CONSTANTS, **public(record)}
    if record["status"] == "draft":
        shown |= _draft_fields(account, record)
    else:
        page = f"{account.public_address}/_standin/invoices/{record['id']}"
        shown |= {"hosted_invoice_url": page, "invoice_pdf": f"{page}?print=1"}
    shown["amount_remaining"] = max(0, shown["amount_due"] - shown["amount_paid"])
    shown["default_tax_rates"] = [public(rate) for rate in account.tax_rates(record["_default_tax_rates"])]
    identities = record["_items"]
    first = account.items_of({"_items": identities[:FIRST_LINES]})
    shown["lines"] = listing(
        f"/v1/invoices/{record['id']}/lines",
        [line(account, record, item) for item in first],
        has_more=len(identities) > FIRST_LINES,
    ) | {"total_count": len(identities)}
    return shown


def _draft_fields(account: Account, record: Record) -> Record:
    owner = account.store.get(CUSTOMER, record["customer"])
    assert owner is not None, "customers are never deleted"
    balance = owner["_balances"].get(record["currency"], 0)
    sums = totals(account, record)
    return {
        **customer_fields_of_invoice(owner),
        **sums.fields(),
        "starting_balance": balance,
        "amount_due": max(0, sums.total + balance),
        "hosted_invoice_url": None,
        "invoice_pdf": None,
    }


_INVOICE_CONSTANTS: Record = {
    "account_country": "US",
    "account_name": "Tollgate (stand-in)",
    "account_tax_ids": None,
    "amount_shipping": 0,
    "application": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
    "billing_reason": "manual",
    "customer_account": None,
    "default_payment_method": None,
    "default_source": None,
    "discounts": [],
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "livemode": False,
    "next_payment_attempt": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "receipt_number": None,
    "shipping_cost": None,
    "shipping_details": None,
    "test_clock": None,
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
}


def payments(record: Record) -> Record:
    return listing(f"/v1/invoice_payments?invoice={record['id']}", record["_payments"])


# ---- the others ------------------------------------------------------------------------------------------------------
def event(record: Record) -> Record:
    return {**public(record), "pending_webhooks": sum(record[form] == "pending" for form in ("_webhook", "_bus"))}


def any_object(account: Account, record: Record) -> Record:
    """A record as the object it is."""
    match record["object"]:
        case "customer":
            return customer(record)
        case "invoice":
            return invoice(account, record)
        case "invoiceitem":
            return invoice_item(account, record)
        case "event":
            return event(record)
        case _:
            return public(record)


def expanded(account: Account, shown: Record, names: list[str]) -> Record:
    """The object with ids replaced by the objects that `expand[]` names; raises ValueError for an unknown name."""
    for name in names:
        if name not in EXPANDABLE.get(shown["object"], ()):
            raise ValueError(name)
        shown = {**shown, name: _expansion(account, shown, name)}
    return shown


def _expansion(account: Account, shown: Record, name: str) -> Any:
    kind = {"customer": CUSTOMER, "invoice": INVOICE, "latest_revision": INVOICE}.get(name)
    if name == "payments":
        return payments(account.store.get(INVOICE, shown["id"]) or {"id": shown["id"], "_payments": []})
    found = account.store.get(kind, shown[name]) if kind and isinstance(shown[name], str) else None
    return any_object(account, found) if found else shown[name]
