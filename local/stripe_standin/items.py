"""Invoice items and the lines they become.

An item without an invoice is pending on its customer; with one it is a line of that draft. One record plays both: the
invoice item (`ii_`) and its line (`il_`). An invoice lists its items in line order in `_items`.
"""

from typing import Any

from . import render
from .account import CUSTOMER, INVOICE, ITEM, TAX_RATE, Account, Call, new_id
from .customers import ACCOUNT_CURRENCY, merged_metadata
from .errors import ParameterError, StripeError, exclusive_parameters, missing_parameter, not_editable
from .events import emit, emit_unverified
from .money import check_price_form, plain, price_of
from .parameters import ITEMS_PER_INVOICE
from .store import Record


# ---- validation, before anything is executed ------------------------------------------------------------------------
def check_create(given: dict[str, Any]) -> None:
    """POST /v1/invoiceitems: an owner and exactly one price form."""
    if "customer" not in given and "invoice" not in given:
        raise missing_parameter("customer")
    check_price_form(given)
    _check_period(given, "")


def check_add_lines(given: dict[str, Any]) -> None:
    """Each line adopts a pending item or has exactly one price form."""
    for index, line in enumerate(given["lines"]):
        where = f"lines[{index}]"
        if "invoice_item" in line:
            _check_adoption(line, where)
        else:
            check_price_form(line, where)
        if line.get("tax_rates") and line.get("tax_amounts"):
            raise exclusive_parameters(f"{where}[tax_rates]", f"{where}[tax_amounts]")
        _check_period(line, where)


def _check_adoption(line: dict[str, Any], where: str) -> None:
    """Repricing an adopted item is [U] and refused here."""
    for name in ("amount", "price_data", "quantity", "quantity_decimal"):
        if name in line:
            raise exclusive_parameters(f"{where}[invoice_item]", f"{where}[{name}]")


def _check_period(given: dict[str, Any], where: str) -> None:
    period = given.get("period")
    if period and period["end"] < period["start"]:
        raise ParameterError(
            "The period's end must not be before its start", param=f"{where}[period]" if where else "period"
        )


# ---- execution -------------------------------------------------------------------------------------------------------
def create(account: Account, call: Call) -> Record:
    given = call.given
    invoice = None
    if "invoice" in given:
        invoice = account.find(INVOICE, given["invoice"], "invoice")
        _check_fits(account, invoice, given)
    customer = account.find(CUSTOMER, given.get("customer") or (invoice or {}).get("customer", ""), "customer")
    item = _new_item(account, given, customer=customer, invoice=invoice)
    account.save(ITEM, item)
    shown = render.invoice_item(account, item)
    emit(account, "invoiceitem.created", shown)
    if invoice is not None:
        _place(account, invoice, [*invoice["_items"], item["id"]])
    return shown


def _place(account: Account, invoice: Record, identities: list[str]) -> None:
    """Gives a draft another list of items. Rendering twice is spared when nobody listens."""
    before = render.invoice(account, invoice) if account.settings.unverified_events else None
    after = account.save(INVOICE, {**invoice, "_items": identities})
    if before is not None:
        emit_unverified(account, "invoice.updated", render.invoice(account, after), before=before)


def _check_fits(account: Account, invoice: Record, given: dict[str, Any]) -> None:
    """A draft of the same customer and currency with room for one more item."""
    require_draft(invoice, "invoice")
    if given.get("customer") not in (None, invoice["customer"]):
        account.find(CUSTOMER, given["customer"], "customer")
        raise StripeError("The invoice belongs to another customer", param="invoice")
    require_currency(invoice, given.get("currency") or (given.get("price_data") or {}).get("currency"))
    require_room(invoice, 1)


def require_draft(invoice: Record, param: str | None = None) -> None:
    if invoice["status"] != "draft":
        raise not_editable("This invoice is no longer editable", param)


def require_currency(invoice: Record, currency: str | None) -> None:
    if currency is not None and currency.lower() != invoice["currency"]:
        raise StripeError(f"The invoice's currency is {invoice['currency']}, not {currency}", param="currency")


def require_room(invoice: Record, more: int) -> None:
    if len(invoice["_items"]) + more > ITEMS_PER_INVOICE:
        raise StripeError(f"An invoice has at most {ITEMS_PER_INVOICE} items", param="invoice")


def _new_item(account: Account, given: dict[str, Any], *, customer: Record, invoice: Record | None) -> Record:
    price = price_of(given)
    for rate in given.get("tax_rates") or []:
        account.find(TAX_RATE, rate, "tax_rates")
    currency = given.get("currency") or (given.get("price_data") or {}).get("currency")
    currency = currency or (invoice or {}).get("currency") or customer["currency"] or ACCOUNT_CURRENCY
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": price.amount,
        "currency": currency.lower(),
        "customer": customer["id"],
        "customer_account": None,
        "date": account.now,
        "description": given.get("description") or price.product_name,
        "discountable": given.get("discountable", price.amount >= 0),
        "invoice": invoice["id"] if invoice else None,
        "metadata": merged_metadata({}, given),
        "period": given.get("period") or {"start": account.now, "end": account.now},
        "pricing": {
            "type": "price_details",
            # Products and prices are not implemented: any product id is taken as one that exists [C].
            "price_details": {"price": new_id("price"), "product": price.product or new_id("prod")},
            "unit_amount_decimal": plain(price.unit),
        },
        "quantity": price.whole_quantity,
        "quantity_decimal": plain(price.quantity),
        "_line": new_id("il"),
        "_tax_rates": given.get("tax_rates") or [],
        "_tax_amounts": _tax_amounts(given.get("tax_amounts")),
        "_adopted": False,
    }


def _tax_amounts(given: list[dict[str, Any]] | None) -> list[Record] | None:
    """Taxes computed by the caller, in the shape of a line's `taxes`."""
    if not given:
        return None
    return [
        {
            "amount": tax["amount"],
            "tax_behavior": "inclusive" if tax["tax_rate_data"]["inclusive"] else "exclusive",
            "tax_rate_details": {"tax_rate": new_id("txr")},
            "taxability_reason": tax.get("taxability_reason", "not_available"),
            "taxable_amount": tax["taxable_amount"],
            "type": "tax_rate_details",
        }
        for tax in given
    ]


def add_lines(account: Account, call: Call) -> Record:
    """POST /v1/invoices/{invoice}/add_lines"""
    invoice = account.find(INVOICE, call.path["invoice"], "invoice", in_path=True)
    require_draft(invoice)
    require_room(invoice, len(call.given["lines"]))
    before = render.invoice(account, invoice)
    added = [_added(account, invoice, line) for line in call.given["lines"]]
    metadata = merged_metadata(invoice["metadata"], call.given, "invoice_metadata")
    after = account.save(
        INVOICE,
        {**invoice, "_items": [*invoice["_items"], *(item["id"] for item in added)], "metadata": metadata},
    )
    for item in added:
        if not item["_adopted"]:
            emit_unverified(account, "invoiceitem.created", render.invoice_item(account, item))
    shown = render.invoice(account, after)
    emit(account, "invoice.updated", shown, before=before)
    return shown


def _added(account: Account, invoice: Record, line: dict[str, Any]) -> Record:
    if "invoice_item" not in line:
        require_currency(invoice, (line.get("price_data") or {}).get("currency"))
        given = {**line, "currency": invoice["currency"]}
        customer = account.find(CUSTOMER, invoice["customer"], "customer")
        return account.save(ITEM, _new_item(account, given, customer=customer, invoice=invoice))
    item = account.find(ITEM, line["invoice_item"], "lines[invoice_item]")
    if item["invoice"] is not None or item["customer"] != invoice["customer"]:
        raise StripeError("Only a pending item of the same customer can be added", param="lines[invoice_item]")
    require_currency(invoice, item["currency"])
    edits: Record = {name: line[name] for name in ("description", "discountable", "period") if name in line}
    metadata = merged_metadata(item["metadata"], line)
    return account.save(ITEM, {**adopted(item, invoice["id"]), **edits, "metadata": metadata})


def adopted(item: Record, invoice_id: str) -> Record:
    """A pending item as a line of a draft."""
    return {**item, "invoice": invoice_id, "_adopted": True}


def pending_items(account: Account, customer_id: str, currency: str) -> list[Record]:
    """Newest first."""
    return [
        item
        for item in account.store.newest_first(ITEM)
        if item["customer"] == customer_id and item["currency"] == currency and item["invoice"] is None
    ]


def copied(account: Account, item: Record, invoice_id: str) -> Record:
    """A new item for a revision of the invoice."""
    return account.save(ITEM, {**item, "id": new_id("ii"), "_line": new_id("il"), "invoice": invoice_id})


def delete(account: Account, call: Call) -> Record:
    item = account.find(ITEM, call.path["invoiceitem"], "invoiceitem", in_path=True)
    invoice = account.find(INVOICE, item["invoice"], "invoice") if item["invoice"] else None
    if invoice is not None:
        require_draft(invoice)
    shown = render.invoice_item(account, item)
    account.discard(ITEM, item["id"])
    emit(account, "invoiceitem.deleted", shown)
    if invoice is not None:
        _place(account, invoice, [identity for identity in invoice["_items"] if identity != item["id"]])
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}
