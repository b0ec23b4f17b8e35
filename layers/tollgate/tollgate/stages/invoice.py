"""Invoice: the daily run. End limit holds whose term is over, close periods, approve what a contract's rule approves,
push what is approved (once more what is flagged), follow Stripe where its events were lost, dun what is late, and call
finance to the drafts that wait.

Each tenant and each step stands alone: one that fails is named in the report and tried again by the next run. An error
that nothing foresaw ends its tenant's turn; the others have theirs, finance is called, the row of the run is written,
and then the run fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from tollgate.domain.calendar import local_day
from tollgate.domain.corrections import pending_credits
from tollgate.domain.errors import TollgateError
from tollgate.domain.invoices import APPROVED, OPEN, UNCOLLECTIBLE, Invoice, dun
from tollgate.domain.review import Summary, summary_of
from tollgate.domain.statement import DRAFT
from tollgate.stages.close import SYSTEM, ClosePorts, close_periods
from tollgate.stages.corrections import finish_credits
from tollgate.stages.drafts import call_finance
from tollgate.stages.each_tenant import each_tenant
from tollgate.stages.issue import IssuePorts, contract_of, push
from tollgate.stages.ports.accounts import HoldRows
from tollgate.stages.ports.invoices import DraftsNoticeRows, ReconciledRows, RunRows
from tollgate.stages.ports.ledger import Quarantine
from tollgate.stages.review import Differing, Waiting, approve_by_rule
from tollgate.stages.run_rows import run_row
from tollgate.stages.settle import SettlePorts, follow
from tollgate.stages.suspend import end_limit_holds

SCHEDULE: Final = "invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePorts:
    """What the daily run reads and writes."""

    close: ClosePorts
    issue: IssuePorts
    settle: SettlePorts
    holds: HoldRows
    quarantine: Quarantine
    runs: RunRows
    reconciled: ReconciledRows
    drafts: DraftsNoticeRows


@dataclass(slots=True)
class Report:
    """What a run did: ``tenant/period`` by action; ``failed`` adds what went wrong."""

    drafted: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    issued: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    overdue: list[str] = field(default_factory=list)
    suspended: list[str] = field(default_factory=list)
    lifted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def run(*, ports: InvoicePorts, now: datetime, close_after_days: int) -> Report:
    """The daily run over every tenant, and a row that says what it did. Raises what nothing foresaw, after both."""
    report = Report()
    waiting, differing = Waiting(ports.quarantine, ports.close.contracts), Differing(ports.reconciled)
    drafts: dict[str, list[Summary]] = {}

    def turn(tenant: str) -> None:
        with _step(report, tenant, "lift"):
            _lift(tenant, ports, now, report)
        with _step(report, tenant, "close"):
            _close(tenant, ports, now, close_after_days, report)
        with _step(report, tenant, "approve by rule"):
            approved = approve_by_rule(
                tenant, contracts_rows=ports.close.contracts, invoices=ports.close.invoices, waiting=waiting,
                blocked=report.blocked, differing=differing, now=now,
            )  # fmt: skip
            report.approved += [f"{tenant}/{period}" for period in approved]
        with _step(report, tenant, "read invoices"):
            invoices = ports.issue.invoices.invoices(tenant)
            drafts[tenant] = [summary_of(invoice) for invoice in invoices if invoice.status == DRAFT]
            for invoice in invoices:
                with _step(report, tenant, f"{invoice.status} invoice {invoice.name}"):
                    _progress(invoice, ports, now, report)

    try:
        each_tenant(ports.close.contracts.tenants(), turn, failed=report.failed)
    finally:
        with _step(report, "all", "call finance"):
            call_finance(
                drafts, rows=ports.drafts, waiting=waiting, blocked=report.blocked, differing=differing, now=now
            )
        if report.failed:
            ports.close.count("TenantRunFailed", len(report.failed))
        ports.runs.save(run_row(SCHEDULE, asdict(report), at=now))
    return report


@contextmanager
def _step(report: Report, tenant: str, step: str) -> Iterator[None]:
    try:
        yield
    except TollgateError as error:
        report.failed.append(f"{tenant}: {step}: {error}")


def _lift(tenant: str, ports: InvoicePorts, now: datetime, report: Report) -> None:
    lifted = end_limit_holds(tenant, contracts_rows=ports.close.contracts, holds=ports.holds, now=now)
    report.lifted += [f"{tenant}/{hold.identity}" for hold in lifted]


def _close(tenant: str, ports: InvoicePorts, now: datetime, close_after_days: int, report: Report) -> None:
    closed = close_periods(tenant, ports=ports.close, now=now, close_after_days=close_after_days)
    report.drafted += [f"{tenant}/{period}" for period in closed.drafted]
    report.refreshed += [f"{tenant}/{period}" for period in closed.refreshed]
    report.blocked += [f"{tenant}/{period}" for period in closed.blocked]


def _progress(invoice: Invoice, ports: InvoicePorts, now: datetime, report: Report) -> None:
    if pending_credits(invoice):
        invoice = finish_credits(invoice, stripe=ports.settle.stripe, settle=ports.settle, now=now)
    if invoice.status == APPROVED:
        _push(invoice, ports, now, report)
    elif invoice.status in (OPEN, UNCOLLECTIBLE):
        _dun(_followed(invoice, ports, now, report), ports, now, report)


def _push(invoice: Invoice, ports: InvoicePorts, now: datetime, report: Report) -> None:
    pushed = push(invoice.tenant, invoice.statement.period.start, ports=ports.issue, now=now)
    (report.flagged if pushed.status == APPROVED else report.issued).append(f"{invoice.tenant}/{invoice.name}")


def _followed(invoice: Invoice, ports: InvoicePorts, now: datetime, report: Report) -> Invoice:
    """The invoice as Stripe has it today: nobody is told off, or stays suspended, for one that is paid."""
    said = ports.settle.stripe.invoice(invoice.stripe_invoice)
    followed = follow(invoice, said, ports=ports.settle, now=now)
    if followed.status != invoice.status:
        report.settled.append(f"{invoice.tenant}/{invoice.name}")
    return followed


def _dun(invoice: Invoice, ports: InvoicePorts, now: datetime, report: Report) -> None:
    """One step up the ladder."""
    contract = contract_of(invoice, ports.close.contracts)
    today, days = local_day(now, contract.timezone), contract.payment.suspend_after_days
    step = dun(invoice, today=today, at=now, suspend_after_days=days)
    if step is None:
        return
    opened = [step.hold] if step.hold else []
    ports.issue.invoices.save(
        step.invoice, by=SYSTEM, at=now, what=step.notice.kind, notices=[step.notice], opened=opened
    )
    (report.suspended if step.hold else report.overdue).append(f"{invoice.tenant}/{invoice.name}")
