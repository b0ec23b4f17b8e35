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
fails (Stripe is down) keeps what was found before, and is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tollgate.domain.calendar import Period, Span, days_within, local_day, period_on
from tollgate.domain.contract import Contract
from tollgate.domain.errors import TollgateError
from tollgate.domain.invoices import APPROVED, OPEN, UNCOLLECTIBLE, Invoice
from tollgate.domain.provider_bills import Bill, Tally, Used, compared, incomparable, periods_within
from tollgate.domain.reconciliation import (
    ACCOUNT_UNKNOWN,
    COUNTERS,
    NOBODY,
    NOT_COMPARED,
    STATEMENT,
    STRIPE,
    Difference,
    Reconciled,
    reconciled,
)
from tollgate.domain.rollups import PLATFORM, counted
from tollgate.domain.statement import DRAFT
from tollgate.providers.registry import PROVIDERS
from tollgate.stages.close import RECOUNTABLE
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.events import EventRows
from tollgate.stages.ports.invoices import InvoiceRows, ReconciledRows, RunRows
from tollgate.stages.ports.ledger import LedgerRows
from tollgate.stages.ports.stripe import Stripe
from tollgate.stages.provider_bills import Owned, owned_bills
from tollgate.stages.reconcile_counters import counter_differences, read_records
from tollgate.stages.reconcile_stripe import compare_invoices
from tollgate.stages.run_rows import run_row

SCHEDULE: Final = "reconcile"
LONGEST_BILL: Final = timedelta(days=92)
"""How much earlier than a period a bill of it may begin: a quarter."""
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


@dataclass(slots=True)
class Report:
    """What a run came to: the tenants that were ``compared``; what ``differs``, in words, by cause; ``failed`` with
    what went wrong; and the tenants that there was no time for."""

    compared: list[str] = field(default_factory=list)
    differs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many tenants were compared, differences by cause, and how much is unfinished."""
        differing = {cause: len(words) for cause, words in self.differs.items()}
        return {"compared": len(self.compared), **differing, "failed": len(self.failed), "unread": len(self.unread)}

    def add(self, differences: Sequence[Difference]) -> None:
        """Name differences."""
        for one in differences:
            self.differs[one.cause].append(f"{one.tenant}: {one.words}")


@dataclass(slots=True, kw_only=True)
class _Work:
    """A tenant on its way through a run; ``found`` has what was compared without failing, by kind."""

    tenant: str
    versions: Sequence[Contract]
    before: Reconciled
    invoices: Sequence[Invoice]
    periods: Sequence[Period]
    bills: list[Owned] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    found: dict[str, list[Difference]] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)


def run(
    *, ports: ReconcilePorts, now: datetime, settled_after_days: int, has_time: Callable[[], bool] = lambda: True
) -> Report:
    """The nightly run over every tenant, and a row that says what it found."""
    report = Report()
    work: dict[str, _Work] = {}
    before = {found.tenant: found for found in ports.reconciled.all()}
    for tenant in sorted(ports.contracts.tenants(), key=lambda name: _seen(before.get(name))):
        with _step(report, tenant, "read"):
            work |= _looked_at(tenant, before.get(tenant), ports, now)
    nobodys = _find_bills(work, report, ports=ports, now=now, until=now - timedelta(days=settled_after_days))
    read: set[str] = set()
    for one in work.values():
        if not has_time():
            report.unread.append(one.tenant)
        elif _read(one, report, ports=ports, now=now, has_time=has_time):
            read.add(one.tenant)
    _compare_bills(work, read, report)
    for one in work.values():
        if one.found:
            _save(one, report, ports=ports, now=now)
    report.add(nobodys)
    ports.reconciled.save(reconciled(NOBODY, nobodys, at=now))
    _raise(report, ports, now)
    return report


def _seen(found: Reconciled | None) -> datetime:
    return found.at if found else datetime.min.replace(tzinfo=UTC)


@contextmanager
def _step(report: Report, tenant: str, step: str) -> Iterator[None]:
    try:
        yield
    except TollgateError as error:
        report.failed.append(f"{tenant}: {step}: {error}")


def _raise(report: Report, ports: ReconcilePorts, now: datetime) -> None:
    raised = sum(len(words) for cause, words in report.differs.items() if cause != NOT_COMPARED)
    if raised:
        ports.count("ReconcileDifferences", raised)
    if report.failed or report.unread:
        ports.count("ReconcileUnfinished", len(report.failed) + len(report.unread))
    done = {**report.differs, "failed": report.failed, "unread": report.unread}
    ports.runs.save(replace(run_row(SCHEDULE, done, at=now), counts=report.counts))


def _looked_at(tenant: str, before: Reconciled | None, ports: ReconcilePorts, now: datetime) -> dict[str, _Work]:
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
    return {tenant: _Work(tenant=tenant, versions=versions, before=before, invoices=invoices, periods=sorted(periods))}


def _period(day: date, versions: Sequence[Contract]) -> Period:
    return period_on(day, versions[0].term_on(day))


def _find_bills(
    work: Mapping[str, _Work], report: Report, *, ports: ReconcilePorts, now: datetime, until: datetime
) -> list[Difference]:
    """Hand each tenant the bills of its accounts; returns those of nobody's accounts."""
    first = min((one.periods[0].start for one in work.values()), default=now.date()) - LONGEST_BILL
    accounts = {
        (sender.provider, sender.account) for one in work.values() for v in one.versions for sender in v.senders
    }
    providers = ({*PROVIDERS} | {counted(*account)[0] for account in accounts}) - {PLATFORM}
    found, unreadable = owned_bills(
        sorted(providers),
        first=first,
        end=now.date() + timedelta(days=1),
        until=until,
        events=ports.events,
        contracts=ports.contracts,
    )
    report.failed += unreadable
    for owned in found:
        holders = [work[tenant] for tenant in owned.tenants if tenant in work]
        is_kept = owned.bill.start > now - RECOUNTABLE
        if is_kept and any(set(_periods_of(owned, one)) & set(one.periods) for one in holders):
            for one in holders:
                one.bills.append(owned)
    return _nobodys([owned.bill for owned in found if not owned.tenants])


def _nobodys(billed: Sequence[Bill]) -> list[Difference]:
    """The accounts that are nobody's, each once."""
    messages: dict[tuple[str, str, str], int] = defaultdict(int)
    for bill in billed:
        messages[bill.provider, bill.account, bill.source] += bill.messages
    return [
        Difference(
            cause=ACCOUNT_UNKNOWN,
            tenant=NOBODY,
            subject=f"{provider} {account}",
            ours="no sender",
            theirs=f"{total} messages",
            source=source,
        )
        for (provider, account, source), total in sorted(messages.items())
    ]


def _periods_of(owned: Owned, one: _Work) -> list[Period]:
    return periods_within(owned.bill.start, owned.bill.end, one.versions)


def _read(one: _Work, report: Report, *, ports: ReconcilePorts, now: datetime, has_time: Callable[[], bool]) -> bool:
    """Read a tenant's records once, for its counters and its bills, and its invoices at Stripe. Whether the records
    could be read."""
    was_read = False
    with _step(report, one.tenant, "counters"):
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
    with _step(report, one.tenant, "invoices at Stripe"):
        starts = {period.start for period in one.periods}
        found = compare_invoices(one.invoices, periods=starts, agreed=one.before.agreed, stripe=ports.stripe, now=now)
        one.found[STRIPE], one.agreed = found.differences, found.agreed
    return was_read


def _compare_bills(work: Mapping[str, _Work], read: set[str], report: Report) -> None:
    """Compare each bill with what all of its account's holders used. Who shares an account with somebody that could
    not be read keeps what was found before."""
    sums: dict[int, Used] = defaultdict(Used)
    for one in work.values():
        for owned, used in zip(one.bills, one.used, strict=False):
            sums[id(owned)] += used
    for one in work.values():
        unread = sorted({t for owned in one.bills for t in owned.tenants if t not in read})
        if unread:
            if one.tenant in read:
                report.failed.append(f"{one.tenant}: bills: an account is shared with {', '.join(unread)}, not read")
            continue
        if one.tenant in read:
            found = [_bill_differences(owned, sums[id(owned)], one) for owned in one.bills]
            one.found[STATEMENT] = [difference for differences in found for difference in differences]


def _bill_differences(owned: Owned, used: Used, one: _Work) -> list[Difference]:
    found = compared(owned.bill, used)
    if owned.why_not and found:
        found = [incomparable(owned.bill, owned.why_not)]
    others = [tenant for tenant in owned.tenants if tenant != one.tenant]
    shared = f"the account is shared with {', '.join(others)}" if others else ""
    periods = tuple(period.start for period in _periods_of(owned, one))
    return [
        replace(
            difference,
            tenant=one.tenant,
            periods=periods,
            note="; ".join(part for part in (difference.note, shared) if part),
        )
        for difference in found
    ]


def _save(one: _Work, report: Report, *, ports: ReconcilePorts, now: datetime) -> None:
    """Keep what was found; of a kind that could not be compared, what was found before."""
    kept = {kind: [was for was in one.before.differences if was.kind == kind] for kind in KINDS} | one.found
    agreed = one.agreed if STRIPE in one.found else one.before.agreed
    differences = [difference for kind in KINDS for difference in kept[kind]]
    with _step(report, one.tenant, "save"):
        ports.reconciled.save(reconciled(one.tenant, differences, agreed=agreed, at=now))
        report.compared.append(one.tenant)
        report.add(differences)
