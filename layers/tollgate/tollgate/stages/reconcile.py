"""Reconcile: the nightly run. Compare each tenant's counters with its records, its invoices with Stripe, and what its
providers billed with what was counted; keep what differs, by cause, and raise it.

What is looked at of a tenant: the period that runs (its days that are over), the one before, those of invoices that are
a draft, approved or unpaid, and those that differed last time, as far back as the ledger keeps every record. Of Stripe,
each unpaid invoice is read, and its lines once; what was found equal and is settled stays so, and is not read again. A
bill is compared once it has been over for as long as a period must be before it is closed, since receipts come late.

Reads of a tenant: every record of those periods and bills, a page at a time, of which only sums are kept; their day
rows and those of their contract years; its invoices. Of each provider, what it billed in that time.
Writes: one row a tenant, over the one before, and the row of the run. Nothing that is compared is ever changed.

What happens on a repeat: everything is compared again and the same rows are written. What happens on a crash: rows of
some tenants are of this run and others of the one before. A run that has no time for all begins with those it has not
seen for longest, and a tenant that is too large for the time that is left keeps no other from its turn. A part that
fails (Stripe is down) keeps what was found before, and is named. An error that nothing foresaw ends its tenant's turn;
the others have theirs, their rows and the run's are written, and then the run fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tollgate.domain.calendar import Period, Span, days_within, local_day, period_on
from tollgate.domain.contract import Contract
from tollgate.domain.invoices import APPROVED, OPEN, UNCOLLECTIBLE
from tollgate.domain.provider_bills import Tally
from tollgate.domain.reconciliation import (
    COUNTERS,
    NOBODY,
    NOT_COMPARED,
    STATEMENT,
    STRIPE,
    Reconciled,
    reconciled,
)
from tollgate.domain.statement import DRAFT
from tollgate.stages.close import RECOUNTABLE
from tollgate.stages.each_tenant import each_tenant
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.events import EventRows
from tollgate.stages.ports.invoices import InvoiceRows, ReconciledRows, RunRows
from tollgate.stages.ports.ledger import LedgerRows
from tollgate.stages.ports.stripe import Stripe
from tollgate.stages.reconcile_bills import compare_bills, find_bills
from tollgate.stages.reconcile_counters import counter_differences, read_records
from tollgate.stages.reconcile_stripe import compare_invoices
from tollgate.stages.reconcile_work import Report, Work, step
from tollgate.stages.run_rows import run_row

SCHEDULE: Final = "reconcile"
KINDS: Final = (COUNTERS, STRIPE, STATEMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePorts:
    """What reconciling reads and writes. ``pause`` waits before the n-th recount."""

    ledger: LedgerRows
    contracts: ContractRows
    invoices: InvoiceRows
    events: EventRows
    stripe: Stripe
    reconciled: ReconciledRows
    runs: RunRows
    count: Count
    pause: Callable[[int], None]


def run(
    *, ports: ReconcilePorts, now: datetime, settled_after_days: int, has_time: Callable[[], bool] = lambda: True
) -> Report:
    """The nightly run over every tenant, and a row that says what it found. Raises what nothing foresaw, after both."""
    report = Report()
    work: dict[str, Work] = {}
    before = {found.tenant: found for found in ports.reconciled.all()}

    def look_at(tenant: str) -> None:
        with step(report, tenant, "read"):
            work.update(_looked_at(tenant, before.get(tenant), ports, now))

    tenants = sorted(ports.contracts.tenants(), key=lambda name: _seen(before.get(name)))
    try:
        each_tenant(tenants, look_at, failed=report.failed)
    finally:
        until = now - timedelta(days=settled_after_days)
        _compare(work, report, ports=ports, now=now, until=until, has_time=has_time)
    return report


def _compare(
    work: Mapping[str, Work],
    report: Report,
    *,
    ports: ReconcilePorts,
    now: datetime,
    until: datetime,
    has_time: Callable[[], bool],
) -> None:
    nobodys = find_bills(work, report, events=ports.events, contracts=ports.contracts, now=now, until=until)
    read: set[str] = set()

    def read_one(tenant: str) -> None:
        if not has_time():
            report.unread.append(tenant)
        elif _read(work[tenant], report, ports=ports, now=now, has_time=has_time):
            read.add(tenant)

    try:
        each_tenant(work, read_one, failed=report.failed)
    finally:
        compare_bills(work, read, report)
        for one in work.values():
            if one.found:
                _save(one, report, ports=ports, now=now)
        report.add(nobodys)
        ports.reconciled.save(reconciled(NOBODY, nobodys, at=now))
        _raise(report, ports, now)


def _seen(found: Reconciled | None) -> datetime:
    return found.at if found else datetime.min.replace(tzinfo=UTC)


def _raise(report: Report, ports: ReconcilePorts, now: datetime) -> None:
    raised = sum(len(words) for cause, words in report.differs.items() if cause != NOT_COMPARED)
    if raised:
        ports.count("ReconcileDifferences", raised)
    if report.failed or report.unread:
        ports.count("ReconcileUnfinished", len(report.failed) + len(report.unread))
    done = {**report.differs, "failed": report.failed, "unread": report.unread}
    ports.runs.save(replace(run_row(SCHEDULE, done, at=now), counts=report.counts))


def _looked_at(tenant: str, before: Reconciled | None, ports: ReconcilePorts, now: datetime) -> dict[str, Work]:
    """A tenant with what is looked at of it; none for one whose contract has not begun."""
    versions = ports.contracts.versions(tenant)
    today = local_day(now, versions[0].timezone) if versions else date.min
    if not versions or today < versions[0].term.start:
        return {}
    before = before or Reconciled(tenant=tenant, at=now)
    invoices = ports.invoices.invoices(tenant)
    current = _period(today, versions)
    days = {current.start, max(current.start - timedelta(days=1), versions[0].term.start)}
    days |= {one.statement.period.start for one in invoices if one.status in (DRAFT, APPROVED, OPEN, UNCOLLECTIBLE)}
    days |= {day for one in before.differences if one.raises for day in one.periods}
    periods = {_period(day, versions) for day in days if day > today - RECOUNTABLE}
    return {tenant: Work(tenant=tenant, versions=versions, before=before, invoices=invoices, periods=sorted(periods))}


def _period(day: date, versions: Sequence[Contract]) -> Period:
    return period_on(day, versions[0].term_on(day))


def _read(one: Work, report: Report, *, ports: ReconcilePorts, now: datetime, has_time: Callable[[], bool]) -> bool:
    """Read a tenant's records once, for its counters and its bills, and its invoices at Stripe. Whether the records
    could be read."""
    was_read = False
    with step(report, one.tenant, "counters"):
        tally = Tally([owned.bill for owned in one.bills])
        spans = [days_within(bill.start, bill.end, one.versions[0].timezone) for bill, _ in tally.used()]
        today = local_day(now, one.versions[0].timezone)
        spans += [Span(period.start, min(period.end, today)) for period in one.periods]
        records = read_records(one.tenant, spans, tally, ledger=ports.ledger, has_time=has_time)
        one.used = [used for _, used in tally.used()]
        was_read = True
        one.found[COUNTERS] = counter_differences(
            one.tenant,
            versions=one.versions,
            periods=one.periods,
            records=records,
            ledger=ports.ledger,
            pause=ports.pause,
            now=now,
        )
    with step(report, one.tenant, "invoices at Stripe"):
        starts = {period.start for period in one.periods}
        found = compare_invoices(one.invoices, periods=starts, agreed=one.before.agreed, stripe=ports.stripe, now=now)
        one.found[STRIPE], one.agreed = found.differences, found.agreed
    return was_read


def _save(one: Work, report: Report, *, ports: ReconcilePorts, now: datetime) -> None:
    """Keep what was found; of a kind that could not be compared, what was found before."""
    kept = {kind: [was for was in one.before.differences if was.kind == kind] for kind in KINDS} | one.found
    agreed = one.agreed if STRIPE in one.found else one.before.agreed
    differences = [difference for kind in KINDS for difference in kept[kind]]
    with step(report, one.tenant, "save"):
        ports.reconciled.save(reconciled(one.tenant, differences, agreed=agreed, at=now))
        report.compared.append(one.tenant)
        report.add(differences)
