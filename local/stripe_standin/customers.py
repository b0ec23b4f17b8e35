"""Customers, their credit balance, and tax rates.

Balance: positive is a debit that raises the next invoice, negative is credit; one amount per currency. Every change of
a balance has a transaction, whose `ending_balance` is the balance after it.
"""

from typing import Any

from . import render
from .account import BALANCE, CUSTOMER, TAX_RATE, Account, Call, new_id
from .errors import StripeError
from .events import customer_changed, emit
from .store import Record

ACCOUNT_CURRENCY = "usd"
_EDITABLE = (
    "name",
    "email",
    "phone",
    "description",
    "address",
    "preferred_locales",
    "invoice_prefix",
    "next_invoice_sequence",
)


def merged_metadata(old: dict[str, str], given: dict[str, Any], name: str = "metadata") -> dict[str, str]:
    """Keys merge; '' removes a key; None (the empty string for the whole map) removes all."""
    if name not in given:
        return old
    if given[name] is None:
        return {}
    merged = {**old, **given[name]}
    return {key: value for key, value in merged.items() if value != ""}


def create(account: Account, call: Call) -> Record:
    given = call.given
    identity = new_id("cus")
    record: Record = {
        "id": identity,
        "object": "customer",
        "address": None,
        "created": account.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": identity[4:12].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        "_balances": {},
        "_tax_ids": given.get("tax_id_data") or [],
    }
    account.save(CUSTOMER, _edited(record, given))
    if given.get("balance"):
        move_balance(account, identity, amount=given["balance"], currency=ACCOUNT_CURRENCY, kind="initial")
    shown = render.customer(account.find(CUSTOMER, identity, "customer"))
    emit(account, "customer.created", shown)
    return shown


def _edited(record: Record, given: dict[str, Any]) -> Record:
    edits: Record = {name: given[name] for name in _EDITABLE if name in given}
    if given.get("address"):
        edits["address"] = {**dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))} | given[
            "address"
        ]
    if "tax_exempt" in given:
        edits["tax_exempt"] = given["tax_exempt"] or "none"
    if "invoice_settings" in given:
        edits["invoice_settings"] = record["invoice_settings"] | given["invoice_settings"]
    return {**record, **edits, "metadata": merged_metadata(record["metadata"], given)}


def update(account: Account, call: Call) -> Record:
    before = account.find(CUSTOMER, call.path["customer"], "customer", in_path=True)
    account.save(CUSTOMER, _edited(before, call.given))
    if "balance" in call.given:
        currency = before["currency"] or ACCOUNT_CURRENCY
        amount = call.given["balance"] - before["_balances"].get(currency, 0)
        if amount:
            move_balance(account, before["id"], amount=amount, currency=currency, kind="adjustment")
    after = account.find(CUSTOMER, before["id"], "customer")
    customer_changed(account, before, after, verified=True)
    return render.customer(after)


# ---- balance ---------------------------------------------------------------------------------------------------------
def move_balance(
    account: Account, customer_id: str, *, amount: int, currency: str, kind: str, **details: Any
) -> Record:
    """Adds `amount` minor units to the balance and writes the transaction; returns the transaction."""
    before = account.find(CUSTOMER, customer_id, "customer")
    ending = before["_balances"].get(currency, 0) + amount
    after = account.save(
        CUSTOMER,
        {
            **before,
            "_balances": {**before["_balances"], currency: ending},
            "currency": before["currency"] or currency,
        },
    )
    transaction: Record = {
        "id": new_id("cbtxn"),
        "object": "customer_balance_transaction",
        "amount": amount,
        "checkout_session": None,
        "created": account.now,
        "credit_note": None,
        "currency": currency,
        "customer": customer_id,
        "customer_account": None,
        "description": None,
        "ending_balance": ending,
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        **details,
    }
    account.save(BALANCE, transaction)
    if kind not in ("initial", "adjustment"):
        customer_changed(account, before, after, verified=False)
    return transaction


def adjust_balance(account: Account, call: Call) -> Record:
    """POST /v1/customers/{customer}/balance_transactions"""
    before = account.find(CUSTOMER, call.path["customer"], "customer", in_path=True)
    if call.given["amount"] == 0:
        raise StripeError("The amount of a balance transaction cannot be 0", param="amount")  # [U]
    transaction = move_balance(
        account,
        before["id"],
        amount=call.given["amount"],
        currency=call.given["currency"].lower(),
        kind="adjustment",
        description=call.given.get("description"),
        metadata=merged_metadata({}, call.given),
    )
    customer_changed(account, before, account.find(CUSTOMER, before["id"], "customer"), verified=False)
    return transaction


# ---- tax rates -------------------------------------------------------------------------------------------------------
def create_tax_rate(account: Account, call: Call) -> Record:
    given = call.given
    percentage = float(given["percentage"])  # a JSON number in Stripe's answers; computed with as a Decimal of its text
    record: Record = {
        "id": new_id("txr"),
        "object": "tax_rate",
        "active": given.get("active", True),
        "country": given.get("country"),
        "created": account.now,
        "description": given.get("description"),
        "display_name": given["display_name"],
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": given["inclusive"],
        "jurisdiction": given.get("jurisdiction"),
        "jurisdiction_level": None,
        "livemode": False,
        "metadata": merged_metadata({}, given),
        "percentage": percentage,
        "rate_type": "percentage",
        "state": given.get("state"),
        "tax_type": given.get("tax_type"),
    }
    account.save(TAX_RATE, record)
    emit(account, "tax_rate.created", record)
    return record
