"""Credit notes on finalized invoices.

Invariants: pre_payment_amount + post_payment_amount = total; the post-payment part = customer credit + out of band; all
issued notes of an invoice together never exceed its total.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from . import render
from .account import CREDIT_NOTE, INVOICE, Account, Call, new_id
from .customers import merged_metadata, move_balance
from .errors import ParameterError, StripeError, exclusive_parameters, missing_parameter, wrong_status
from .events import emit, emit_unverified
from .money import half_up, line_taxes
from .states import settled
from .store import Record


@dataclass(frozen=True)
class CreditLine:
    """One credited line in minor units, without and with its taxes."""

    shown: Record
    amount: int
    total: int


# ---- validation, before anything is executed ------------------------------------------------------------------------
def check_create(given: dict[str, Any]) -> None:
    """Exactly one of amount and lines; each line complete for its type."""
    if ("amount" in given) == ("lines" in given):
        if "amount" in given:
            raise exclusive_parameters("amount", "lines")
        raise missing_parameter("amount")
    for index, line in enumerate(given.get("lines", [])):
        _check_line(line, f"lines[{index}]")


def _check_line(line: dict[str, Any], where: str) -> None:
    def exactly_one(*names: str) -> None:
        there = [name for name in names if name in line]
        if len(there) > 1:
            raise exclusive_parameters(*(f"{where}[{name}]" for name in there))
        if not there:
            raise missing_parameter(f"{where}[{names[0]}]")

    custom = line["type"] == "custom_line_item"
    own = (
        ("description", "unit_amount", "unit_amount_decimal", "tax_rates")
        if custom
        else ("invoice_line_item", "amount")
    )
    for name in line:
        if name not in ("type", "quantity", "metadata", *own):
            raise ParameterError(f"{name} does not go with type {line['type']}", param=f"{where}[{name}]")
    if custom:
        exactly_one("unit_amount", "unit_amount_decimal")
        for name in ("description", "quantity"):
            exactly_one(name)
    else:
        exactly_one("invoice_line_item")
        exactly_one("amount", "quantity")


# ---- create ----------------------------------------------------------------------------------------------------------
def create(account: Account, call: Call) -> Record:
    given = call.given
    invoice = account.find(INVOICE, given["invoice"], "invoice")
    if invoice["status"] in ("draft", "void"):
        raise wrong_status(f"Credit notes cannot be made for an invoice with status {invoice['status']}")
    lines = [_line(account, invoice, line) for line in given.get("lines", [])]
    if not lines:
        lines = [_amount_line(given["amount"])]
    total = sum(line.total for line in lines)
    earlier = [note for note in account.store.all(CREDIT_NOTE) if note["invoice"] == invoice["id"]]
    pre = _check_sums(invoice, given, total=total, earlier=earlier)
    note = _note(account, invoice, given, lines=lines, pre=pre, number=len(earlier) + 1)
    note = _credit_customer(account, note, given.get("credit_amount", 0))
    account.save(CREDIT_NOTE, note)
    before = render.invoice(account, invoice)
    after = account.save(
        INVOICE,
        {
            **invoice,
            "amount_due": invoice["amount_due"] - pre,
            "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + pre,
            "post_payment_credit_notes_amount": invoice["post_payment_credit_notes_amount"] + total - pre,
        },
    )
    emit(account, "credit_note.created", note)
    _after_credit(account, before, after)
    return render.public(note)


def _check_sums(invoice: Record, given: dict[str, Any], *, total: int, earlier: list[Record]) -> int:
    """The pre-payment part of the total, in minor units; raises StripeError when the parts do not add up."""
    if total <= 0:
        raise StripeError("The amount of a credit note must be greater than 0", param="amount")
    credited = sum(note["total"] for note in earlier if note["status"] == "issued")
    if total > invoice["total"] - credited:
        raise StripeError("The credit note exceeds what is left of the invoice", param="amount")
    pre = min(total, int(invoice["amount_due"] - invoice["amount_paid"]))
    split = int(given.get("credit_amount", 0)) + int(given.get("out_of_band_amount", 0))
    if split != total - pre:
        raise StripeError(
            f"The post-payment amount {total - pre} must equal credit_amount + out_of_band_amount, which is {split}",
            param="credit_amount",
        )
    return pre


def _note(
    account: Account, invoice: Record, given: dict[str, Any], *, lines: list[CreditLine], pre: int, number: int
) -> Record:
    total, subtotal = sum(line.total for line in lines), sum(line.amount for line in lines)
    identity = new_id("cn")
    return {
        "id": identity,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": account.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": given.get("effective_at", account.now),
        "invoice": invoice["id"],
        "lines": render.listing(f"/v1/credit_notes/{identity}/lines", [line.shown for line in lines]),
        "livemode": False,
        "memo": given.get("memo"),
        "metadata": merged_metadata({}, given),
        "number": f"{invoice['number']}-CN-{number:02d}",
        "out_of_band_amount": given.get("out_of_band_amount"),
        "pdf": f"{account.public_address}/_standin/invoices/{invoice['id']}?print=1",
        "post_payment_amount": total - pre,
        "pre_payment_amount": pre,
        "pretax_credit_amounts": [],
        "reason": given.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": subtotal,
        "total_taxes": [],
        "type": "pre_payment" if pre == total else "mixed" if pre else "post_payment",
        "voided_at": None,
    }


def _credit_customer(account: Account, note: Record, amount: int) -> Record:
    if not amount:
        return note
    owner, currency = note["customer"], note["currency"]
    details = {"invoice": note["invoice"], "credit_note": note["id"]}
    transaction = move_balance(account, owner, amount=-amount, currency=currency, kind="credit_note", **details)
    return {**note, "customer_balance_transaction": transaction["id"]}


def _after_credit(account: Account, before: Record, invoice: Record) -> None:
    """A note that leaves nothing to pay makes the invoice paid; whether and with which events is [U]."""
    payable = invoice["status"] in ("open", "uncollectible")
    if payable and invoice["amount_due"] <= invoice["amount_paid"] and account.settings.credit_note_settles:
        invoice = settled(account, invoice, announce=account.settings.unverified_events)
    emit_unverified(account, "invoice.updated", render.invoice(account, invoice), before=before)


# ---- lines -----------------------------------------------------------------------------------------------------------
def _line(account: Account, invoice: Record, given: dict[str, Any]) -> CreditLine:
    if given["type"] == "custom_line_item":
        unit = Decimal(given["unit_amount"] if "unit_amount" in given else given["unit_amount_decimal"])
        rates = account.tax_rates(given.get("tax_rates") or [])
        amount = half_up(unit * given["quantity"])
        return _credit_line(
            given, amount=amount, taxes=line_taxes(amount, rates, None), description=given["description"]
        )
    item = next((item for item in account.items_of(invoice) if item["_line"] == given["invoice_line_item"]), None)
    if item is None:
        raise StripeError(
            f"No such invoice line item: '{given['invoice_line_item']}'", code="resource_missing", param="lines"
        )
    amount = given["amount"] if "amount" in given else _share(item, given["quantity"])
    if amount > max(item["amount"], 0):
        raise StripeError("The credited amount exceeds the line's", param="lines")
    taxes = render.taxes_of(account, invoice, {**item, "amount": amount, "_tax_amounts": None})
    return _credit_line(given, amount=amount, taxes=taxes, description=item["description"])


def _share(item: Record, quantity: int) -> int:
    return half_up(Decimal(item["pricing"]["unit_amount_decimal"]) * quantity)


def _credit_line(given: dict[str, Any], *, amount: int, taxes: list[Record], description: str | None) -> CreditLine:
    exclusive = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    unit = given.get("unit_amount_decimal")
    shown: Record = {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": given.get("invoice_line_item"),
        "livemode": False,
        "metadata": merged_metadata({}, given),
        "pretax_credit_amounts": [],
        "quantity": given.get("quantity"),
        "tax_rates": [],
        "taxes": taxes,
        "type": given["type"],
        "unit_amount": given.get("unit_amount"),
        "unit_amount_decimal": str(unit) if unit is not None else None,
    }
    return CreditLine(shown, amount, amount + exclusive)


def _amount_line(amount: int) -> CreditLine:
    """`amount` includes taxes; how Stripe divides it into lines is [U]."""
    given = {"type": "custom_line_item", "quantity": 1, "unit_amount": amount}
    return _credit_line(given, amount=amount, taxes=[], description="Credit")


# ---- void ------------------------------------------------------------------------------------------------------------
def void(account: Account, call: Call) -> Record:
    """An open invoice owes the amount again; for other invoices it is refused [U]."""
    note = account.find(CREDIT_NOTE, call.path["id"], "id", in_path=True)
    invoice = account.find(INVOICE, note["invoice"], "invoice")
    if note["status"] != "issued":
        raise wrong_status("This credit note is already void")
    if invoice["status"] != "open":
        raise wrong_status(f"A credit note of an invoice with status {invoice['status']} cannot be voided")
    before = render.invoice(account, invoice)
    after = account.save(CREDIT_NOTE, {**note, "status": "void", "voided_at": account.now})
    pre = note["pre_payment_amount"]
    changed = account.save(
        INVOICE,
        {
            **invoice,
            "amount_due": invoice["amount_due"] + pre,
            "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] - pre,
        },
    )
    emit(account, "credit_note.voided", after)
    emit_unverified(account, "invoice.updated", render.invoice(account, changed), before=before)
    return render.public(after)
