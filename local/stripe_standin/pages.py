"""Pages for people: an overview, and a printable invoice that hosted_invoice_url and invoice_pdf point at."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import render
from .account import CUSTOMER, EVENT, INVOICE, Account
from .elapse import is_overdue
from .errors import StripeError
from .store import Record

SHOWN_EVENTS = 200
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_STATUS_WORDS = {"draft": "Draft", "open": "Open", "paid": "Paid", "void": "Void", "uncollectible": "Uncollectible"}


def money(amount: int, currency: str) -> str:
    """Minor units as `1,234.50 USD`."""
    decimals = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    whole, part = divmod(abs(amount), 10**decimals)
    text = f"{whole:,}" + (f".{part:0{decimals}d}" if decimals else "")
    return f"{'−' if amount < 0 else ''}{text} {currency.upper()}"


def day(unix_seconds: int | None) -> str:
    """The UTC date as `1 July 2026`, or a dash."""
    if unix_seconds is None:
        return "–"
    date = datetime.fromtimestamp(unix_seconds, UTC)
    return f"{date.day} {date:%B %Y}"


def moment(unix_seconds: int) -> str:
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _environment() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"money": money, "day": day, "moment": moment, "of": lambda name, record: record[name]}
    return environment


_TEMPLATES = _environment()


def status_word(account: Account, invoice: Record) -> str:
    return "Overdue" if is_overdue(account, invoice) else _STATUS_WORDS[invoice["status"]]


def overview(account: Account) -> str:
    """Customers with metadata, invoices with a link each, the latest events."""
    names = {record["id"]: record["name"] or record["id"] for record in account.store.all(CUSTOMER)}
    invoices = [
        {**render.invoice(account, record), "word": status_word(account, record), "owner": names[record["customer"]]}
        for record in account.store.newest_first(INVOICE)
    ]
    events = [render.event(record) for record in account.store.newest_first(EVENT)]
    return _TEMPLATES.get_template("overview.html").render(
        now=account.now,
        customers=[render.customer(record) for record in account.store.newest_first(CUSTOMER)],
        invoices=invoices,
        events=[{**event, "about": event["data"]["object"].get("id", "")} for event in events[:SHOWN_EVENTS]],
        event_count=len(events),
    )


def invoice(account: Account, identity: str) -> str:
    """The printable invoice with all its lines; raises StripeError 404."""
    record = account.find(INVOICE, identity, "invoice", in_path=True)
    return _TEMPLATES.get_template("invoice.html").render(
        invoice=render.invoice(account, record),
        lines=[render.line(account, record, item) for item in account.items_of(record)],
        word=status_word(account, record),
        can_pay=record["status"] in ("open", "uncollectible"),
    )


def not_found(error: StripeError) -> str:
    return _TEMPLATES.get_template("missing.html").render(message=error.message)
