"""Review: the drafts of a month, what speaks against each, and approving them: one by one, many at once, or by rule.

Reads of a month: its summaries and those of the three months before (4 queries, about 0.1 KB a draft), the last daily
run (1 item), what the last comparison found (1 query, about 0.2 KB a tenant) and the quarantine (1 query a day that
holds something), whatever the number of tenants.
What happens on a repeat: what is approved stays approved by whom it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import batched
from typing import Final

from tollgate.domain import review
from tollgate.domain.calendar import Period, add_months
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Invalid, Problem, RevisionChanged, TollgateError
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.metering import Quarantined as Unrouted
from tollgate.domain.metering import route
from tollgate.domain.reconciliation import COUNTERS, STATEMENT, Difference, Reconciled
from tollgate.domain.review import Flag, Summary, summary_of
from tollgate.domain.senders import Assignment, first_assignment
from tollgate.domain.statement import DRAFT
from tollgate.stages.issue import approve_invoice, contract_of
from tollgate.stages.ports.accounts import ContractRows, SenderKey
from tollgate.stages.ports.invoices import InvoiceRows, ReconciledRows, RunRows
from tollgate.stages.ports.ledger import Quarantine, QuarantineRow

MAX_AT_ONCE: Final = 100
"""Drafts approved by one call: each is some reads and a transaction of its own."""
SENDERS_AT_ONCE: Final = 1_000
INVOICE_RUN: Final = "invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPorts:
    """What reviewing reads and writes."""

    contracts: ContractRows
    invoices: InvoiceRows
    quarantine: Quarantine
    runs: RunRows
    reconciled: ReconciledRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A draft of a month. ``change``: of the month's own amount against the trailing mean, in percent."""

    summary: Summary
    mean: Decimal | None
    change: Decimal | None
    flags: tuple[Flag, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.flags


class Waiting:
    """Facts in quarantine by the tenant they would be counted for; read when first asked for, once."""

    def __init__(self, quarantine: Quarantine, contracts: ContractRows) -> None:
        self._quarantine, self._contracts = quarantine, contracts
        self._before: dict[date, Counter[str]] = {}  # a month's drafts end on few days

    @cached_property
    def _rows(self) -> list[tuple[str, date, MessageKey]]:
        rows = self._quarantine.rows()
        owners = owners_of(rows, self._contracts)
        found = zip(rows, owners, strict=True)
        return [(owner, row.fact.moment.date(), row.fact.key) for row, owner in found if owner]

    def within(self, tenant: str, period: Period) -> int:
        """How many messages wait of a tenant, of days (UTC) of a period."""
        return len({message for owner, day, message in self._rows if owner == tenant and day in period})

    def before(self, end: date) -> Counter[str]:
        """How many wait of each tenant, of days (UTC) up to and including a period's exclusive end."""
        if end not in self._before:
            self._before[end] = Counter(owner for owner, day, _ in self._rows if day <= end)
        return self._before[end]


class Differing:
    """What speaks against a period since its tenant was last compared; read when first asked for, once."""

    def __init__(self, rows: ReconciledRows) -> None:
        self._rows = rows

    @cached_property
    def _found(self) -> dict[str, Reconciled]:
        return {found.tenant: found for found in self._rows.all()}

    def billed(self, tenant: str, period: date) -> list[str]:
        """What providers billed of a period otherwise than it was counted, in words."""
        return [one.words for one in self._raised(tenant, STATEMENT, period)]

    def counters(self, tenant: str, period: date) -> bool:
        """Whether the records of a period did not add up to its counters."""
        return bool(self._raised(tenant, COUNTERS, period))

    def _raised(self, tenant: str, kind: str, period: date) -> list[Difference]:
        found = self._found.get(tenant)
        return found.raised(kind, period) if found else []


def owners_of(rows: Sequence[QuarantineRow], contracts: ContractRows) -> list[str]:
    """The tenant each quarantined fact would be counted for; empty for one that nobody's sender explains."""
    accounts = sorted({(row.fact.provider, row.fact.account) for row in rows})
    senders: dict[SenderKey, list[Assignment]] = {}
    for chunk in batched(accounts, SENDERS_AT_ONCE, strict=False):
        senders |= contracts.senders(chunk)
    owners = []
    for row in rows:
        routed = route(row.fact, senders)
        if isinstance(routed, Unrouted):
            held = senders.get((row.fact.provider, row.fact.account), [])
            first = first_assignment(held, number=row.fact.number)
            owners.append(first.tenant if first else "")
        else:
            owners.append(routed.tenant)
    return owners


def drafts(month: date, *, ports: ReviewPorts, status: str | None = DRAFT) -> list[Row]:
    """The invoices of a month, by tenant: its drafts, or those of any other status, or (None) all."""
    stated = ports.invoices.month(month)
    summaries = [one for one in stated if status in (None, one.status)]
    first = month.replace(day=1)
    earlier = [one for back in range(review.TRAILING, 0, -1) for one in ports.invoices.month(add_months(first, -back))]
    before: dict[str, list[Summary]] = {}
    for one in [*earlier, *stated]:
        before.setdefault(one.tenant, []).append(one)
    last = ports.runs.last(INVOICE_RUN)
    blocked = set(last[0].report.get("blocked", ())) if last else set()
    waiting, differing = Waiting(ports.quarantine, ports.contracts), Differing(ports.reconciled)
    return [_row(one, before[one.tenant], waiting, blocked, differing) for one in summaries]


def reviewed(invoice: Invoice, own: Sequence[Invoice], *, ports: ReviewPorts) -> Row:
    """One invoice as its month's review lists it. ``own``: all of its tenant, by period."""
    last = ports.runs.last(INVOICE_RUN)
    blocked = set(last[0].report.get("blocked", ())) if last else set()
    waiting, differing = Waiting(ports.quarantine, ports.contracts), Differing(ports.reconciled)
    return _row(summary_of(invoice), [summary_of(one) for one in own], waiting, blocked, differing)


def _row(
    summary: Summary, own: Sequence[Summary], waiting: Waiting, blocked: Collection[str], differing: Differing
) -> Row:
    before = [one.stated for one in own if one.period < summary.period]
    found = flags_of(summary, before=before, waiting=waiting, blocked=blocked, differing=differing)
    return Row(
        summary=summary,
        mean=review.trailing_mean(before),
        change=review.change(summary.stated, before),
        flags=tuple(found),
    )


def flags_of(
    summary: Summary, *, before: Sequence[Decimal], waiting: Waiting, blocked: Collection[str], differing: Differing
) -> list[Flag]:
    """Every flag of a draft, as it stands now. ``blocked``: what the last run could not refresh (``tenant/period``)."""
    tenant, period = summary.tenant, summary.period
    return review.flags(
        summary,
        before=before,
        quarantined=waiting.before(period.end)[tenant],
        counters_differ=f"{tenant}/{period.start}" in blocked or differing.counters(tenant, period.start),
        provider_differs=differing.billed(tenant, period.start),
    )


SORTS: Final[dict[str, Callable[[Row], object]]] = {
    "tenant": lambda row: (row.summary.tenant, row.summary.period),
    "amount": lambda row: row.summary.total,
    "change": lambda row: (row.change is not None, abs(row.change or 0)),
    "flags": lambda row: len(row.flags),
}


def arranged(
    rows: Sequence[Row], *, sort: str = "tenant", descending: bool = False, flag: str = "", search: str = ""
) -> list[Row]:
    """Rows by a column, with one flag (``clean``: with none) or a part of the tenant's name. Raises Invalid."""
    if sort not in SORTS:
        raise Invalid("review", [Problem("sort", f"expected one of {', '.join(SORTS)}")])
    kept = [
        row
        for row in rows
        if search.casefold() in row.summary.tenant.casefold()
        and (not flag or (row.clean if flag == "clean" else flag in {one.name for one in row.flags}))
    ]
    by_name = sorted(kept, key=lambda row: (row.summary.tenant, row.summary.period))
    return sorted(by_name, key=SORTS[sort], reverse=descending)  # type: ignore[arg-type]  # each column sorts with itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A draft as it was on the page that it was selected on."""

    tenant: str
    period: date
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one selected draft: its status now, or why it was refused."""

    selected: Selected
    status: str = ""
    refused: str = ""
    differences: tuple[str, ...] = ()


def approve_many(selected: Sequence[Selected], *, by: str, ports: ReviewPorts, now: datetime) -> list[Decision]:
    """Approve clean drafts in one go: each at its own revision, with an audit entry of its own; one that fails stops no
    other. A flagged one is refused: somebody must look at it by itself. Raises Invalid for too many at once.
    """
    if len(selected) > MAX_AT_ONCE:
        raise Invalid("selection", [Problem("", f"expected at most {MAX_AT_ONCE} drafts at once")])
    rows = {
        (row.summary.tenant, row.summary.period.start): row
        for month in sorted({one.period.replace(day=1) for one in selected})
        for row in drafts(month, ports=ports, status=None)
    }
    return [_decided(one, rows.get((one.tenant, one.period)), by, ports, now) for one in selected]


def _decided(selected: Selected, row: Row | None, by: str, ports: ReviewPorts, now: datetime) -> Decision:
    if row is not None and row.summary.status == DRAFT and not row.clean:
        names = ", ".join(flag.name for flag in row.flags)
        return Decision(selected=selected, refused=f"flagged ({names}): approve it by itself")
    try:
        invoice = approve_invoice(
            selected.tenant,
            selected.period,
            revision=selected.revision,
            by=by,
            contracts_rows=ports.contracts,
            invoices=ports.invoices,
            now=now,
        )
    except RevisionChanged as error:
        return Decision(selected=selected, refused=str(error), differences=error.differences)
    except TollgateError as error:
        return Decision(selected=selected, refused=str(error))
    return Decision(selected=selected, status=invoice.status)


def approve_by_rule(
    tenant: str,
    *,
    contracts_rows: ContractRows,
    invoices: InvoiceRows,
    waiting: Waiting,
    blocked: Collection[str],
    differing: Differing,
    now: datetime,
) -> list[str]:
    """Approve the drafts of a tenant that its contract's rule approves, oldest first. Returns their periods.

    What waits in quarantine is read only where a contract has such a rule.
    """
    approved: list[str] = []
    for invoice in invoices.invoices(tenant):
        if invoice.status != DRAFT:
            continue
        contract = contract_of(invoice, contracts_rows)
        if not _ruled(invoice, contract, waiting, blocked, differing):
            return approved
        approve_invoice(
            tenant,
            invoice.statement.period.start,
            revision=invoice.revision,
            by=review.RULE,
            contracts_rows=contracts_rows,
            invoices=invoices,
            now=now,
        )
        approved.append(invoice.name)
    return approved


def _ruled(
    invoice: Invoice, contract: Contract, waiting: Waiting, blocked: Collection[str], differing: Differing
) -> bool:
    summary = summary_of(invoice)
    if not review.approved_by_rule(summary, [Flag(name, "") for name in invoice.flags], contract):
        return False
    if any(name.startswith(f"{invoice.tenant}/") for name in blocked):
        return False
    found = flags_of(summary, before=(), waiting=waiting, blocked=blocked, differing=differing)
    return review.approved_by_rule(summary, found, contract)
