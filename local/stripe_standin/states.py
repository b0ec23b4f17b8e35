"""The invoice's state machine: finalize, send, pay, void, mark uncollectible.

Invariants: only the transitions of `TRANSITIONS` happen; paid and void are final; a finalized invoice's sums never
change; every balance that an invoice takes or leaves has a transaction that names it.
"""

from . import render
from .account import CUSTOMER, INVOICE, Account, Call, new_id
from .customers import move_balance
from .errors import StripeError, wrong_status
from .events import delinquent, emit, emit_invoice, emit_unverified
from .invoices import DAY_SECONDS
from .store import Record

TRANSITIONS = {
    "finalize": frozenset({"draft"}),
    "send": frozenset({"open", "paid"}),  # a draft is refused; what Stripe does with one is [U]
    "pay": frozenset({"open", "uncollectible"}),
    "void": frozenset({"open", "uncollectible"}),
    "mark_uncollectible": frozenset({"open"}),
}


class PaymentDeclinedError(StripeError):
    """A payment that failed: unlike other errors it leaves its traces (attempts, invoice.payment_failed)."""


def _require(invoice: Record, step: str) -> None:
    if step == "pay" and invoice["status"] == "paid":
        raise StripeError("Invoice is already paid")
    if invoice["status"] not in TRANSITIONS[step]:
        raise wrong_status(f"You cannot {step} an invoice with status {invoice['status']}")


def _moved(account: Account, invoice: Record, *, status: str, at: str | None = None, **changes: object) -> Record:
    transitions = invoice["status_transitions"] | ({at: account.now} if at else {})
    return account.save(INVOICE, {**invoice, **changes, "status": status, "status_transitions": transitions})


def _in_path(account: Account, call: Call) -> Record:
    return account.find(INVOICE, call.path["invoice"], "invoice", in_path=True)


# ---- finalize --------------------------------------------------------------------------------------------------------
def finalize(account: Account, call: Call) -> Record:
    invoice = _in_path(account, call)
    _require(invoice, "finalize")
    if "auto_advance" in call.given:
        invoice = {**invoice, "auto_advance": call.given["auto_advance"]}
    return render.invoice(account, finalized(account, invoice))


def finalized(account: Account, invoice: Record) -> Record:
    """Numbers, dates and freezes a draft, applies the customer's balance, and settles what is too small to charge."""
    before = render.invoice(account, invoice)
    owner = account.find(CUSTOMER, invoice["customer"], "customer")
    number = invoice["number"]
    if number is None:
        number = f"{owner['invoice_prefix']}-{owner['next_invoice_sequence']:04d}"
        account.save(CUSTOMER, {**owner, "next_invoice_sequence": owner["next_invoice_sequence"] + 1})
    sums = render.totals(account, invoice)
    starting = owner["_balances"].get(invoice["currency"], 0)
    due = _apply_balance(account, invoice, total=sums.total, starting=starting)
    ending = account.find(CUSTOMER, owner["id"], "customer")["_balances"].get(invoice["currency"], 0)
    after = _moved(
        account,
        {**invoice, **sums.fields(), **render.customer_fields_of_invoice(owner)},
        status="open" if due else "paid",
        at="finalized_at",
        number=number,
        due_date=_due_date(account, invoice),
        effective_at=invoice["effective_at"] or account.now,
        automatically_finalizes_at=None,
        starting_balance=starting,
        ending_balance=ending,
        amount_due=due,
    )
    if not due:
        after = _moved(account, after, status="paid", at="paid_at")
    _announce_finalized(account, before, after)
    return after


def _due_date(account: Account, invoice: Record) -> int | None:
    """Whether Stripe counts days_until_due anew at finalize is [U]: the switch decides."""
    days = invoice["_days_until_due"]
    if days is not None and account.settings.due_from == "finalized":
        return account.now + int(days) * DAY_SECONDS
    return invoice["due_date"]  # type: ignore[no-any-return]  # a JSON record


def _apply_balance(account: Account, invoice: Record, *, total: int, starting: int) -> int:
    """Moves the customer's balance; returns the amount due in minor units, 0 when the invoice is settled at once."""
    due = total + starting
    settled = due <= 0

    def move(amount: int, kind: str) -> None:
        if amount:
            currency, owner = invoice["currency"], invoice["customer"]
            move_balance(account, owner, amount=amount, currency=currency, kind=kind, invoice=invoice["id"])

    # A negative total becomes credit; which type Stripe gives that transaction is [U].
    move(total if settled else -starting, "applied_to_invoice")
    if settled:
        return 0
    if due < account.settings.minimum_charge.get(invoice["currency"], 0):
        move(due, "invoice_too_small")
        return 0
    return due


def _announce_finalized(account: Account, before: Record, after: Record) -> None:
    emit_invoice(account, "invoice.finalized", after)
    emit_unverified(account, "invoice.updated", render.invoice(account, after), before=before)
    if after["status"] == "paid":
        emit_invoice(account, "invoice.paid", after)
        if account.settings.zero_payment_succeeded:
            emit_invoice(account, "invoice.payment_succeeded", after)
    if after["from_invoice"]:
        original = account.find(INVOICE, after["from_invoice"]["invoice"], "from_invoice")
        if original["status"] in TRANSITIONS["void"]:
            voided(account, original)


# ---- send ------------------------------------------------------------------------------------------------------------
def send(account: Account, call: Call) -> Record:
    """Emits only: no e-mail leaves the stand-in."""
    invoice = _in_path(account, call)
    _require(invoice, "send")
    if invoice["collection_method"] != "send_invoice":  # [U]
        raise StripeError("You can only manually send an invoice if its collection method is 'send_invoice'.")
    emit_invoice(account, "invoice.sent", invoice)
    return render.invoice(account, invoice)


# ---- pay -------------------------------------------------------------------------------------------------------------
def pay(account: Account, call: Call) -> Record:
    """POST /v1/invoices/{invoice}/pay: out of band, or by a payment that succeeds or is declined by the settings."""
    invoice = _in_path(account, call)
    _require(invoice, "pay")
    remaining = invoice["amount_due"] - invoice["amount_paid"]
    if call.given.get("paid_out_of_band"):
        return render.invoice(account, received(account, invoice, amount=remaining, out_of_band=True))
    if account.settings.pay_outcome == "decline":
        decline(account, invoice)
    return render.invoice(account, received(account, invoice, amount=remaining, out_of_band=False))


def decline(account: Account, invoice: Record) -> None:
    """Notes a failed attempt and raises PaymentDeclinedError (402)."""
    _require(invoice, "pay")
    failed(account, invoice)
    raise PaymentDeclinedError("Your card was declined.", status=402, kind="card_error", code="card_declined")


def failed(account: Account, invoice: Record) -> Record:
    """A payment attempt that failed; the status stays."""
    after = account.save(INVOICE, {**invoice, "attempted": True, "attempt_count": invoice["attempt_count"] + 1})
    if after["collection_method"] == "charge_automatically":
        delinquent(account, after["customer"], delinquent=True)
    emit_invoice(account, "invoice.payment_failed", after)
    return after


def received(account: Account, invoice: Record, *, amount: int, out_of_band: bool) -> Record:
    """Money for an invoice, in minor units: settles it fully or partly; too much becomes the customer's credit."""
    _require(invoice, "pay")
    remaining = invoice["amount_due"] - invoice["amount_paid"]
    taken, over = min(amount, remaining), max(0, amount - remaining)
    before = render.invoice(account, invoice)
    changes: Record = {
        "amount_paid": invoice["amount_paid"] + taken,
        "amount_overpaid": invoice["amount_overpaid"] + over,
    }
    if out_of_band:
        changes["amount_paid_off_stripe"] = invoice["amount_paid_off_stripe"] + taken
    else:
        payment = _payment(account, invoice, amount)
        changes |= {
            "attempted": True,
            "attempt_count": invoice["attempt_count"] + 1,
            "_payments": [*invoice["_payments"], payment],
        }
        emit(account, "invoice_payment.paid", payment)
    after = account.save(INVOICE, {**invoice, **changes})
    if taken == remaining:
        after = settled(account, after)
        if not out_of_band:
            emit_invoice(account, "invoice.payment_succeeded", after)  # its place in the order is [U]
    else:
        emit_unverified(account, "invoice.updated", render.invoice(account, after), before=before)
    if over:
        owner, currency = invoice["customer"], invoice["currency"]
        move_balance(account, owner, amount=-over, currency=currency, kind="invoice_overpaid", invoice=invoice["id"])
        emit_invoice(account, "invoice.overpaid", after)
    return after


def settled(account: Account, invoice: Record, *, announce: bool = True) -> Record:
    """Nothing is owed any more: paid, and the customer is no longer delinquent."""
    after = _moved(account, invoice, status="paid", at="paid_at")
    if announce:
        emit_invoice(account, "invoice.paid", after)
    delinquent(account, invoice["customer"], delinquent=False)
    return after


def _payment(account: Account, invoice: Record, amount: int) -> Record:
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": amount,
        "amount_requested": invoice["amount_due"] - invoice["amount_paid"],
        "created": account.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": not invoice["_payments"],
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": new_id("pi")},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": account.now},
    }


# ---- void, uncollectible ---------------------------------------------------------------------------------------------
def void(account: Account, call: Call) -> Record:
    invoice = _in_path(account, call)
    _require(invoice, "void")
    return render.invoice(account, voided(account, invoice))


def voided(account: Account, invoice: Record) -> Record:
    """Gives a balance that the invoice had taken back to the customer."""
    taken = invoice["starting_balance"] - invoice["ending_balance"]
    if taken:
        owner, currency = invoice["customer"], invoice["currency"]
        details = {"kind": "unapplied_from_invoice", "invoice": invoice["id"]}
        move_balance(account, owner, amount=taken, currency=currency, **details)
    after = _moved(account, invoice, status="void", at="voided_at")
    emit_invoice(account, "invoice.voided", after)
    return after


def mark_uncollectible(account: Account, call: Call) -> Record:
    invoice = _in_path(account, call)
    _require(invoice, "mark_uncollectible")
    after = _moved(
        account,
        invoice,
        status="uncollectible",
        at="marked_uncollectible_at",
        status_details={"uncollectible": {"reason": "payment_not_received"}},  # which reason Stripe gives here is [U]
    )
    emit_invoice(account, "invoice.marked_uncollectible", after)
    delinquent(account, invoice["customer"], delinquent=False)
    return render.invoice(account, after)
