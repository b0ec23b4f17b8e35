"""Events: what happened, with the object frozen as it was then. They can be listed for 30 days."""

from fnmatch import fnmatchcase
from typing import Any

from . import render
from .account import API_VERSION, CUSTOMER, EVENT, INVOICE, Account, new_id
from .store import Record

LISTED_SECONDS = 30 * 24 * 3600


def emit(account: Account, kind: str, shown: Record, *, before: Record | None = None) -> None:
    """Records the event `kind` about a rendered object; `before` is the object as it was, for *.updated events."""
    data: Record = {"object": shown}
    if before is not None:
        data["previous_attributes"] = changed(before, shown)
    record: Record = {
        "id": new_id("evt"),
        "object": "event",
        "type": kind,
        "api_version": API_VERSION,
        "created": account.now,
        "data": data,
        "livemode": False,
        "request": {"id": account.origin.request_id, "idempotency_key": account.origin.idempotency_key},
        "_webhook": "pending" if account.settings.webhook_url else "none",
        "_bus": "pending" if account.settings.bus_name else "none",
    }
    account.outbox.append(account.save(EVENT, record))


def emit_unverified(account: Account, kind: str, shown: Record, *, before: Record | None = None) -> None:
    """An event which Stripe may or may not send here [U]: emitted only when the settings ask for it."""
    if account.settings.unverified_events:
        emit(account, kind, shown, before=before)


def emit_invoice(account: Account, kind: str, invoice: Record) -> None:
    emit(account, kind, render.invoice(account, invoice))


def changed(before: Record, after: Record) -> Record:
    """The earlier values of what changed; of metadata and other maps only the keys that changed."""
    previous: Record = {}
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            previous[name] = {key: old.get(key) for key in {**old, **value} if old.get(key) != value.get(key)}
        else:
            previous[name] = old
    return previous


def is_listed(account: Account, event: Record) -> bool:
    return bool(event["created"] > account.now - LISTED_SECONDS)


def matches(event: Record, given: dict[str, Any]) -> bool:
    """The filters of GET /v1/events: `type` with `*`, `types`, `delivery_success`."""
    patterns = ([given["type"]] if "type" in given else []) + given.get("types", [])
    if patterns and not any(fnmatchcase(event["type"], pattern) for pattern in patterns):
        return False
    if "delivery_success" in given:
        delivered = all(event[form] in ("delivered", "none") for form in ("_webhook", "_bus"))
        return bool(delivered == given["delivery_success"])
    return True


def acknowledged(account: Account, event: Record, form: str, outcome: str) -> None:
    """Notes how a delivery ended (`delivered`, `failed`, `lost`), also on the invoice that the webhook is about."""
    current = account.store.get(EVENT, event["id"])
    if current is None:
        return
    account.save(EVENT, {**current, form: outcome})
    shown = event["data"]["object"]
    if event["type"] == "invoice.created" and outcome == "delivered" and form == "_webhook":
        invoice = account.store.get(INVOICE, shown["id"])
        if invoice is not None:
            account.save(INVOICE, {**invoice, "webhooks_delivered_at": account.now})


def customer_changed(account: Account, before: Record, after: Record, *, verified: bool) -> None:
    """customer.updated with what changed; a change by Stripe itself (balance, delinquent) is unverified [U]."""
    send = emit if verified else emit_unverified
    send(account, "customer.updated", render.customer(after), before=render.customer(before))


def delinquent(account: Account, customer_id: str, *, delinquent: bool) -> None:
    """True when a due date passes or an automatic payment fails, false when any invoice is paid or uncollectible."""
    customer = account.find(CUSTOMER, customer_id, "customer")
    if customer["delinquent"] != delinquent:
        after = account.save(CUSTOMER, {**customer, "delinquent": delinquent})
        customer_changed(account, customer, after, verified=False)
