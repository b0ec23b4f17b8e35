"""GET of lists and single objects: newest first, cursors by object id, range filters."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from . import events, render
from .account import (
    BALANCE,
    CREDIT_NOTE,
    CUSTOMER,
    EVENT,
    INVOICE,
    ITEM,
    TAX_RATE,
    Account,
    Call,
)
from .errors import exclusive_parameters, no_such
from .store import Record

DEFAULT_LIMIT = 10
Matches = Callable[[Record, dict[str, Any]], bool]


def within(value: int | None, bounds: dict[str, int]) -> bool:
    """Whether a time lies in the bounds gt, gte, lt, lte; a missing time lies in none."""
    if value is None:
        return False
    return (
        ("gt" not in bounds or value > bounds["gt"])
        and ("gte" not in bounds or value >= bounds["gte"])
        and ("lt" not in bounds or value < bounds["lt"])
        and ("lte" not in bounds or value <= bounds["lte"])
    )


def page(url: str, ids: list[str], given: dict[str, Any]) -> tuple[list[str], bool]:
    """The ids of one page and whether there are more in its direction; raises StripeError for an unknown cursor."""
    limit = given.get("limit", DEFAULT_LIMIT)
    if "starting_after" in given and "ending_before" in given:
        raise exclusive_parameters("starting_after", "ending_before")
    for cursor in ("starting_after", "ending_before"):
        if cursor in given and given[cursor] not in ids:
            raise no_such(url.rstrip("/").rsplit("/", 1)[-1].removesuffix("s"), given[cursor], cursor)
    if "ending_before" in given:
        rest = ids[: ids.index(given["ending_before"])]
        return rest[-limit:], len(rest) > limit
    start = ids.index(given["starting_after"]) + 1 if "starting_after" in given else 0
    return ids[start : start + limit], len(ids) > start + limit


def _same(*names: str) -> Matches:
    """Equality filters on record fields of the same name."""
    return lambda record, given: all(record[name] == given[name] for name in names if name in given)


def _invoice_matches(record: Record, given: dict[str, Any]) -> bool:
    return _same("customer", "status", "collection_method")(record, given) and (
        "due_date" not in given or within(record["due_date"], given["due_date"])
    )


def _item_matches(record: Record, given: dict[str, Any]) -> bool:
    return _same("customer", "invoice")(record, given) and (
        "pending" not in given or (record["invoice"] is None) == given["pending"]
    )


FILTERS: dict[str, Matches] = {
    CUSTOMER: _same("email"),
    INVOICE: _invoice_matches,
    ITEM: _item_matches,
    CREDIT_NOTE: _same("customer", "invoice"),
    TAX_RATE: _same("active", "inclusive"),
    EVENT: events.matches,
    BALANCE: _same("invoice"),
}


def _list(kind: str, url: str, account: Account, call: Call) -> Record:
    records: Iterable[Record] = account.store.newest_first(kind)
    if kind == EVENT:
        records = (record for record in records if events.is_listed(account, record))
    if kind == BALANCE:
        owner = account.find(CUSTOMER, call.path["customer"], "customer", in_path=True)["id"]
        records = (record for record in records if record["customer"] == owner)
        url = url.format(customer=owner)
    return _listed(account, url, _filtered(records, kind, call.given), call.given)


def _filtered(records: Iterable[Record], kind: str, given: dict[str, Any]) -> list[Record]:
    matches, created = FILTERS[kind], given.get("created")
    stamp = "date" if kind == ITEM else "created"
    return [
        record for record in records if (created is None or within(record[stamp], created)) and matches(record, given)
    ]


def _listed(account: Account, url: str, records: list[Record], given: dict[str, Any]) -> Record:
    by_id = {record["id"]: record for record in records}
    ids, more = page(url, list(by_id), given)
    return render.listing(url, [render.any_object(account, by_id[identity]) for identity in ids], has_more=more)


def of_kind(kind: str, url: str) -> Callable[[Account, Call], Record]:
    """The operation which lists a kind of record."""
    return partial(_list, kind, url)


def lines(account: Account, call: Call) -> Record:
    """All lines of an invoice, in line order."""
    invoice = account.find(INVOICE, call.path["invoice"], "invoice", in_path=True)
    url = f"/v1/invoices/{invoice['id']}/lines"
    by_id = {item["_line"]: item for item in account.items_of(invoice)}
    ids, more = page(url, list(by_id), call.given)
    return render.listing(url, [render.line(account, invoice, by_id[identity]) for identity in ids], has_more=more) | {
        "total_count": len(by_id)
    }


def retrieve(kind: str, name: str) -> Callable[[Account, Call], Record]:
    """The operation which answers one object by the id in its path."""

    def run(account: Account, call: Call) -> Record:
        return render.any_object(account, account.find(kind, call.path[name], name, in_path=True))

    return run


def retrieve_event(account: Account, call: Call) -> Record:
    """Gone after 30 days."""
    event = account.find(EVENT, call.path["id"], "id", in_path=True)
    if not events.is_listed(account, event):
        raise no_such("event", event["id"], "id", in_path=True)
    return render.event(event)
