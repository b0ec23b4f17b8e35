"""What happened in the year, as a table; and where to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from local import mailbox
from local.demo import story
from local.demo.agreements import TENANTS
from local.demo.place import Place
from local.stack import LocalStack

HEADER: Final = ("tenant", "usage of the year", "warnings", "invoices", "holds", "mails")


def table(place: Place, stack: LocalStack, *, start: date) -> str:
    """A row a tenant; cells have several lines."""
    mails = mailbox.saved(stack.mails)
    _, end = story.month(story.MONTHS - 1, start=start)
    rows = [_row(place, tenant, mails, last_day=end - timedelta(days=1)) for tenant in TENANTS]
    return grid([HEADER, *rows])


def _row(place: Place, tenant: str, mails: Sequence[dict[str, Any]], *, last_day: date) -> tuple[str, ...]:
    usage = place.command("usage", tenant, "--on", last_day.isoformat(), "--json")
    notices = place.command("notices", tenant, "--json")
    invoices = place.command("invoices", "--tenant", tenant, "--json")
    holds = place.command("holds", tenant, "--json")
    addresses = {address for notice in notices for address in notice["mail"]["to"]}
    received = sum(bool(addresses & set(mail["to"])) for mail in mails)
    return (
        tenant,
        "\n".join(_used(meter, rule) for meter, rule in usage["allowances"].items()),
        "\n".join(_warning(notice) for notice in notices if notice["meter"]) or "none",
        _invoices(invoices),
        "\n".join(_hold(hold) for hold in holds) or "none",
        str(received),
    )


def _used(meter: str, rule: dict[str, Any]) -> str:
    unit = "USD " if rule["measure"] == "fees" else ""
    return f"{meter}: {unit}{rule['used']} of {unit}{rule['included']} ({rule['share'] or 0:.0%})"


def _warning(notice: dict[str, Any]) -> str:
    return f"{notice['at'][:10]} {notice['meter']} {notice['line']} %"


def _invoices(invoices: Sequence[dict[str, Any]]) -> str:
    billed = [one for one in invoices if one["status"] not in ("nil", "carried")]
    lines = [f"{one['period']} {one['currency']} {one['total']} {one['status']}" for one in billed]
    others = {status: sum(one["status"] == status for one in invoices) for status in ("nil", "carried")}
    lines += [f"{count} {status}" for status, count in others.items() if count]
    return "\n".join(lines) or "none"


def _hold(hold: dict[str, Any]) -> str:
    until = hold["lifted_at"][:10] if hold["lifted_at"] else "open"
    return f"{hold['opened_at'][:10]} to {until}\n  {hold['scope']} ({hold['cause']})"


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Cells of several lines, aligned, with a rule below each row."""
    split = [[cell.split("\n") for cell in row] for row in rows]
    widths = [max(len(line) for row in split for line in row[column]) for column in range(len(rows[0]))]
    rule = "-+-".join("-" * width for width in widths)
    shown: list[str] = []
    for row in split:
        for index in range(max(map(len, row))):
            line = (cell[index] if index < len(cell) else "" for cell in row)
            shown.append(" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        shown.append(rule)
    return "\n".join(shown)


def where(place: Place, stack: LocalStack, *, start: date) -> str:
    """Where to look, line by line; with the dates of the year that begins on ``start``."""
    (last, after), tollgate = story.month(story.MONTHS - 2, start=start), ".venv/bin/tollgate"
    api, stripe = place.document["api"], place.document["stripe"]
    pages = {
        "console": f"{place.document['console']} (sign in as frances, of finance)",
        "mails": stack.mails / "index.html",
        "Stripe stand-in": f"{stripe}/_standin/",
        "API description": f"{api}/api/openapi.json",
        "contracts": stack.root / "contracts",
        "a tenant by command": f"{tollgate} usage northwind --on {last}",
        "an invoice by command": f"{tollgate} invoice show northwind {last}",
        "a daily run": f"{tollgate} run invoice --at {after + timedelta(days=3)}T06:00:00Z",
    }
    return "\n".join(f"  {name:22} {address}" for name, address in pages.items())
