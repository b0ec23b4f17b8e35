"""Draft invoices: create, edit, delete. What happens to a finalized invoice is in `states`."""

from typing import Any

from . import render
from .account import CUSTOMER, INVOICE, ITEM, TAX_RATE, Account, Call, new_id
from .customers import ACCOUNT_CURRENCY, merged_metadata
from .errors import (
    ParameterError,
    StripeError,
    exclusive_parameters,
    missing_parameter,
    not_editable,
    wrong_status,
)
from .events import emit, emit_invoice
from .items import adopted, copied, pending_items
from .parameters import ITEMS_PER_INVOICE
from .store import Record

DAY_SECONDS = 86_400
FURTHEST_FINALIZE_SECONDS = 5 * 366 * DAY_SECONDS
# A finalized invoice still takes these; which others Stripe takes is [U].
EDITABLE_WHEN_FINALIZED = frozenset({"metadata", "auto_advance", "expand"})
_PLAIN = ("description", "footer", "number", "custom_fields", "effective_at", "statement_descriptor")


# ---- validation, before anything is executed ------------------------------------------------------------------------
def check_create(given: dict[str, Any]) -> None:
    """POST /v1/invoices: an owner, and a due date exactly when the invoice is sent."""
    check_update(given)
    if "from_invoice" in given:
        return
    if "customer" not in given:
        raise missing_parameter("customer")
    due = next((name for name in ("days_until_due", "due_date") if name in given), None)
    sent = given.get("collection_method") == "send_invoice"
    if sent and due is None:
        raise ParameterError(
            "With collection_method=send_invoice you must specify days_until_due or due_date",
            code="parameter_missing",
            param="days_until_due",
        )
    if due is not None and not sent:
        raise ParameterError(f"{due} is only valid with collection_method=send_invoice", param=due)


def check_update(given: dict[str, Any]) -> None:
    """Both create and update: one due date at most."""
    if "days_until_due" in given and "due_date" in given:
        raise exclusive_parameters("days_until_due", "due_date")


# ---- create ----------------------------------------------------------------------------------------------------------
def create(account: Account, call: Call) -> Record:
    given = call.given
    if "from_invoice" in given:
        return _create_revision(account, given)
    customer = account.find(CUSTOMER, given["customer"], "customer")
    _check_recipient(account, customer, given.get("collection_method"))
    currency = (given.get("currency") or customer["currency"] or ACCOUNT_CURRENCY).lower()
    record = _edited(account, _blank(account, customer, currency), given)
    if given.get("pending_invoice_items_behavior") == "include":
        taken = pending_items(account, customer["id"], currency)[:ITEMS_PER_INVOICE]
        for item in taken:
            account.save(ITEM, adopted(item, record["id"]))
        record = {**record, "_items": [item["id"] for item in taken]}
    return _created(account, record)


def _created(account: Account, record: Record) -> Record:
    account.save(INVOICE, record)
    emit_invoice(account, "invoice.created", record)
    return render.invoice(account, record)


def _check_recipient(account: Account, customer: Record, collection_method: str | None) -> None:
    if account.settings.send_needs_email and collection_method == "send_invoice" and not customer["email"]:
        raise StripeError("The customer of a sent invoice must have a valid email", param="customer")


def _blank(account: Account, customer: Record, currency: str) -> Record:
    settings = customer["invoice_settings"]
    return {
        "id": new_id("in"),
        "object": "invoice",
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "collection_method": "charge_automatically",
        "created": account.now,
        "currency": currency,
        "custom_fields": settings["custom_fields"],
        "customer": customer["id"],
        "description": None,
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": settings["footer"],
        "from_invoice": None,
        "latest_revision": None,
        "metadata": {},
        "number": None,
        "period_end": account.now,
        "period_start": account.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "rendering": None,
        "statement_descriptor": None,
        "status": "draft",
        "status_details": None,
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "threshold_reason": None,
        "webhooks_delivered_at": None,
        "_items": [],
        "_default_tax_rates": [],
        "_days_until_due": None,
        "_payments": [],
        "_due_passed": False,
    }


def _create_revision(account: Account, given: dict[str, Any]) -> Record:
    """A draft with the lines of an open or uncollectible invoice, which is voided when the draft is finalized."""
    original = account.find(INVOICE, given["from_invoice"]["invoice"], "from_invoice[invoice]")
    if original["status"] not in ("open", "uncollectible"):
        raise wrong_status(f"An invoice with status {original['status']} cannot be revised")
    if given.get("customer") not in (None, original["customer"]):
        raise StripeError("A revision belongs to the customer of its invoice", param="customer")
    customer = account.find(CUSTOMER, original["customer"], "customer")
    inherited = (*_PLAIN, "collection_method", "due_date", "metadata", "_days_until_due", "_default_tax_rates")
    blank = _blank(account, customer, original["currency"])
    record = {
        **blank,
        **{name: original[name] for name in inherited if name not in ("number", "effective_at")},
        "from_invoice": {"action": "revision", "invoice": original["id"]},
    }
    record["_items"] = [copied(account, item, record["id"])["id"] for item in account.items_of(original)]
    record = _edited(account, record, {name: value for name, value in given.items() if name != "from_invoice"})
    account.save(INVOICE, {**original, "latest_revision": record["id"]})
    return _created(account, record)


# ---- edit ------------------------------------------------------------------------------------------------------------
def update(account: Account, call: Call) -> Record:
    record = account.find(INVOICE, call.path["invoice"], "invoice", in_path=True)
    if record["status"] != "draft":
        frozen = [name for name in call.given if name not in EDITABLE_WHEN_FINALIZED]
        if frozen:
            raise not_editable("Finalized invoices can't be updated in this way", frozen[0])
    before = render.invoice(account, record)
    after = account.save(INVOICE, _edited(account, record, call.given))
    shown = render.invoice(account, after)
    emit(account, "invoice.updated", shown, before=before)
    return shown


def _edited(account: Account, record: Record, given: dict[str, Any]) -> Record:
    """The record with the given parameters. A due date in the past is accepted; whether Stripe does is [U]."""
    edits: Record = {name: given[name] for name in _PLAIN if name in given}
    edits["metadata"] = merged_metadata(record["metadata"], given)
    if "rendering" in given:
        edits["rendering"] = (record["rendering"] or {}) | given["rendering"]
    if "default_tax_rates" in given:
        rates = given["default_tax_rates"] or []
        for rate in rates:
            account.find(TAX_RATE, rate, "default_tax_rates")
        edits["_default_tax_rates"] = rates
    return {**record, **edits, **_due_edits(record, given), **_advance_edits(account, record, given)}


def _due_edits(record: Record, given: dict[str, Any]) -> Record:
    method = given.get("collection_method", record["collection_method"])
    due = next((name for name in ("days_until_due", "due_date") if name in given), None)
    if method != "send_invoice":
        if due is not None:
            raise StripeError(f"{due} is only valid with collection_method=send_invoice", param=due)
        return {"collection_method": method, "due_date": None, "_days_until_due": None}
    if due == "days_until_due":
        days = given["days_until_due"]
        return {
            "collection_method": method,
            "due_date": record["created"] + days * DAY_SECONDS,
            "_days_until_due": days,
        }
    if due == "due_date":
        return {"collection_method": method, "due_date": given["due_date"], "_days_until_due": None}
    if record["due_date"] is None:
        raise StripeError("send_invoice needs days_until_due or due_date", param="days_until_due")
    return {"collection_method": method}


def _advance_edits(account: Account, record: Record, given: dict[str, Any]) -> Record:
    """`auto_advance=false` turns an automatic finalization off; a time for one turns it on [U]."""
    at: int | None = given.get("automatically_finalizes_at", record["automatically_finalizes_at"])
    if at is not None and at > account.now + FURTHEST_FINALIZE_SECONDS:
        raise StripeError("automatically_finalizes_at is at most 5 years ahead", param="automatically_finalizes_at")
    advance = given.get("auto_advance", "automatically_finalizes_at" in given or record["auto_advance"])
    return {"auto_advance": advance, "automatically_finalizes_at": at if advance else None}


# ---- delete ----------------------------------------------------------------------------------------------------------
def delete(account: Account, call: Call) -> Record:
    """Adopted items are pending again, items made for the draft go with it [U]."""
    record = account.find(INVOICE, call.path["invoice"], "invoice", in_path=True)
    if record["status"] != "draft":
        raise wrong_status("You can only delete draft invoices")
    shown = render.invoice(account, record)
    for item in account.items_of(record):
        if item["_adopted"]:
            account.save(ITEM, {**item, "invoice": None, "_adopted": False})
        else:
            account.discard(ITEM, item["id"])
    account.discard(INVOICE, record["id"])
    emit(account, "invoice.deleted", shown)
    return {"id": record["id"], "object": "invoice", "deleted": True}
