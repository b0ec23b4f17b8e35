"""What happens by the clock alone: automatic finalization, and due dates that come near or pass."""

from .account import INVOICE, Account
from .events import delinquent, emit_invoice
from .invoices import DAY_SECONDS
from .states import finalized
from .store import Record

ACKNOWLEDGED_WAIT_SECONDS = 3_600
UNACKNOWLEDGED_WAIT_SECONDS = 72 * 3_600


def elapse(account: Account) -> None:
    """Brings every invoice up to the account's clock. Doing it twice changes nothing more."""
    for invoice in account.store.all(INVOICE):
        if invoice["status"] == "draft" and invoice["auto_advance"]:
            if _finalizes_at(invoice) <= account.now:
                finalized(account, invoice)
        elif invoice["status"] == "open" and invoice["due_date"] is not None:
            _due(account, invoice)


def _finalizes_at(invoice: Record) -> int:
    if invoice["automatically_finalizes_at"] is not None:
        return int(invoice["automatically_finalizes_at"])
    if invoice["webhooks_delivered_at"] is not None:
        return int(invoice["webhooks_delivered_at"]) + ACKNOWLEDGED_WAIT_SECONDS
    return int(invoice["created"]) + UNACKNOWLEDGED_WAIT_SECONDS


def _due(account: Account, invoice: Record) -> None:
    """In Stripe invoice.will_be_due and invoice.overdue come only from an Automation [U]: a switch emits them."""
    if invoice["_due_passed"]:
        return
    passed = invoice["due_date"] < account.now
    near = invoice["due_date"] - account.settings.will_be_due_days * DAY_SECONDS <= account.now
    if near and not passed and not invoice.get("_due_near"):
        invoice = account.save(INVOICE, {**invoice, "_due_near": True})
        if account.settings.overdue_events:
            emit_invoice(account, "invoice.will_be_due", invoice)
    if passed:
        invoice = account.save(INVOICE, {**invoice, "_due_passed": True})
        delinquent(account, invoice["customer"], delinquent=True)
        if account.settings.overdue_events:
            emit_invoice(account, "invoice.overdue", invoice)


def is_overdue(account: Account, invoice: Record) -> bool:
    """Overdue is no status: open and past its due date."""
    due = invoice["due_date"]
    return invoice["status"] == "open" and due is not None and due < account.now
