"""Review: the drafts of a month with what speaks against each, and approving the clean ones in one go.

Always true: nothing is approved without a page that named how many drafts and what sum; a flagged draft cannot be
selected, only opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.months import Months, month_shown
from tollgate.console.pages import Route
from tollgate.console.ports import ConsolePorts
from tollgate.console.render import count, money
from tollgate.console.request import Fields, Request
from tollgate.console.tables import Column, table
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.money import ZERO
from tollgate.domain.permissions import APPROVE_INVOICE, READ
from tollgate.domain.statement import DRAFT
from tollgate.stages.review import MAX_AT_ONCE, ReviewPorts, Row, Selected, approve_many, drafts

REVIEW: Final = "/console/review"
CLEAN: Final = "clean"
COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("tenant", "Tenant", lambda row: (row.summary.tenant, row.summary.period)),
    Column("amount", "Amount", lambda row: row.summary.total, numeric=True),
    Column("change", "Against the mean", lambda row: (row.change is not None, abs(row.change or 0)), numeric=True),
    Column("flags", "To look at", lambda row: len(row.flags)),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that one can choose: its name, how many rows it shows, and where it leads."""

    name: str
    label: str
    rows: int
    href: str


def review_ports(ports: ConsolePorts) -> ReviewPorts:
    """What reviewing reads and writes, of the console's ports."""
    return ReviewPorts(
        contracts=ports.contracts,
        invoices=ports.invoices,
        quarantine=ports.quarantine,
        runs=ports.runs,
        reconciled=ports.reconciled,
    )


def review(request: Request) -> Answer:
    """The drafts of a month."""
    return Page(template="review.html.j2", values=_values(request))


def select(request: Request) -> Answer:
    """The same page, asking whether to approve what was selected on it: nothing is changed yet."""
    asked = _of_month(request)
    rows = drafts(month_shown(asked).first, ports=review_ports(request.ports))
    chosen = (
        set(request.form.all("draft")) if request.form.one("which") != CLEAN else {named(r) for r in rows if r.clean}
    )
    found = [row for row in rows if row.clean and named(row) in chosen]
    picked = found[:MAX_AT_ONCE]
    if not picked:
        return Redirect(to=_back(asked), flash=Flash("note", "Nothing that can be approved was selected."))
    left = {"more": len(found) - len(picked), "gone": len(chosen) - len(found)}
    values = {**_values(asked), "confirming": "approve", "picked": picked, "sums": sums(picked), **left}
    return Page(template="review.html.j2", values=values)


def approve(request: Request) -> Answer:
    """Approve the drafts that were named on the page that asked."""
    asked = _of_month(request)
    selected = [_selected(text) for text in request.form.all("draft")]
    decided = approve_many(selected, by=request.person.subject, ports=review_ports(request.ports), now=request.now)
    refused = [one for one in decided if one.refused]
    first = [one for one in decided if one.status == DRAFT]
    approved = len(decided) - len(refused) - len(first)
    said = f"{count(approved)} approved." + (f" {count(len(first))} wait for a second person." if first else "")
    if not refused:
        return Redirect(to=_back(asked), flash=Flash("good", said))
    values = {"refused": refused, "said": said, "back": _back(asked)}
    return Page(template="review_refused.html.j2", values=values, status=409)


def named(row: Row) -> str:
    """A draft at its revision, as a form carries it."""
    return f"{row.summary.tenant}/{row.summary.period.start}/{row.summary.revision}"


def sums(rows: Iterable[Row]) -> str:
    """What some drafts come to, by currency: ``USD 1,234.50 and EUR 20.00``."""
    found: dict[str, Decimal] = {}
    for row in rows:
        found[row.summary.currency] = found.get(row.summary.currency, ZERO) + row.summary.total
    return " and ".join(money(amount, currency) for currency, amount in sorted(found.items())) or "nothing"


def _of_month(request: Request) -> Request:
    """A form's request as its page was asked for: the month alone, so that nothing else of a form gets into links."""
    return replace(request, query=Fields({"month": request.form.all("month")}))


def _selected(text: str) -> Selected:
    tenant, _, rest = text.partition("/")
    start, _, revision = rest.partition("/")
    try:
        return Selected(tenant=tenant, period=date.fromisoformat(start), revision=int(revision))
    except ValueError as error:
        raise Invalid("selection", [Problem("draft", "expected tenant, period and revision")]) from error


def _back(request: Request) -> str:
    return f"{REVIEW}?{urlencode({'month': month_shown(request).name})}"


def _values(request: Request) -> dict[str, Any]:
    months = month_shown(request)
    rows, flag = drafts(months.first, ports=review_ports(request.ports)), request.query.one("flag")
    kept = [row for row in rows if _fits(row, flag)]
    return {
        "months": months,
        "view": table(
            kept, COLUMNS, query=request.query, path=REVIEW, text=lambda row: row.summary.tenant, first="tenant"
        ),
        "choices": _choices(rows, months),
        "flag": flag,
        "named": named,
        "waiting": len(rows),
        "clean": sum(row.clean for row in rows),
        "all_sum": sums(rows),
        "clean_sum": sums(row for row in rows if row.clean),
        "most": MAX_AT_ONCE,
        "picked": (),
        "sums": "",
        "more": 0,
        "gone": 0,
    }  # fmt: skip


def _fits(row: Row, flag: str) -> bool:
    return not flag or (row.clean if flag == CLEAN else flag in {one.name for one in row.flags})


def _choices(rows: Sequence[Row], months: Months) -> list[Choice]:
    found = Counter(flag.name for row in rows for flag in row.flags)
    numbers = {"": len(rows), CLEAN: sum(row.clean for row in rows), **dict(sorted(found.items()))}

    def href(flag: str) -> str:
        asked = {"month": months.name, "flag": flag}
        return f"{REVIEW}?{urlencode({name: one for name, one in asked.items() if one})}"

    words = {"": "All", CLEAN: "Clean"}
    return [Choice(flag, words.get(flag, flag.replace("-", " ")), n, href(flag)) for flag, n in numbers.items()]


ROUTES: Final = (
    Route("GET", REVIEW, review, READ),
    Route("POST", REVIEW, select, APPROVE_INVOICE),
    Route("POST", f"{REVIEW}/approve", approve, APPROVE_INVOICE),
)
