"""Close: recount each period that is over, state it, and keep its draft true until finance approves it.

Part of the invoice stage. What happens on a repeat: a period that is stated is stated once; a draft whose usage did not
move is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Period, Term, instant, local_day, period_on, periods
from tollgate.domain.contract import Contract
from tollgate.domain.invoices import Invoice, as_earlier, draft, may_refresh, refreshed
from tollgate.domain.money import ZERO
from tollgate.domain.review import draft_flags
from tollgate.domain.statement import (
    Earlier,
    MeterStatement,
    Stated,
    Statement,
    TermUsage,
    cells_between,
    compute,
    known_of,
    last_known,
)
from tollgate.domain.usage import Cell, DayRow, Totals, cell_of, totals_of
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.ledger import LedgerRows

SYSTEM: Final = "tollgate"
RECOUNTS: Final = 4
RECOUNTABLE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePorts:
    """What closing reads and writes. ``pause`` waits before the n-th recount, until the index has caught up."""

    ledger: LedgerRows
    contracts: ContractRows
    invoices: InvoiceRows
    count: Count
    pause: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a tenant's periods came to, by period."""

    drafted: tuple[str, ...] = ()
    refreshed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()


def close_periods(tenant: str, *, ports: ClosePorts, now: datetime, close_after_days: int) -> Closed:
    """State every period of a tenant that ended ``close_after_days`` ago, oldest first; refresh its drafts.

    A period whose ledger and counters differ, or which adjusts one where they do, is not stated, and neither is any
    later one: they build on it.
    """
    versions = ports.contracts.versions(tenant)
    if not versions:
        return Closed()
    known = {invoice.statement.period.start: invoice for invoice in ports.invoices.invoices(tenant)}
    done: list[Invoice] = []
    drafted: list[str] = []
    moved: list[str] = []
    for term, period in due_periods(versions, now=now, close_after_days=close_after_days):
        existing = known.get(period.start)
        later = [invoice for start, invoice in known.items() if start > period.start]
        if existing is not None and not may_refresh(existing, later):
            done.append(existing)
            continue
        usage = _term_usage(tenant, term, versions, until=period.end, ports=ports)
        earlier = [as_earlier(invoice) for invoice in done]
        statement = _statement(tenant, period, usage, versions, earlier, ports)
        flags = draft_flags(statement, before=[one.statement.stated for one in done], versions=versions)
        invoice = refreshed(existing, statement, flags=flags) if existing else draft(statement, flags=flags)
        if invoice != existing:
            recountable = _recountable(statement, earlier, versions[0], now)
            if not all(counters_agree(tenant, each, ports=ports) for each in recountable):
                ports.count("CounterMismatch", 1)
                return Closed(tuple(drafted), tuple(moved), (str(period.start),))
            # A later draft that is approved meanwhile stands on what this one said before.
            invoice = ports.invoices.save(invoice, by=SYSTEM, at=now, resting_on=later)
            (moved if existing else drafted).append(invoice.name)
        done.append(invoice)
    return Closed(tuple(drafted), tuple(moved))


def due_periods(versions: Sequence[Contract], *, now: datetime, close_after_days: int) -> Iterator[tuple[Term, Period]]:
    """The periods that ended at least ``close_after_days`` whole days of the contract's zone ago, from the first on."""
    contract = versions[0]
    term = contract.term_on(contract.term.start)
    while True:
        for period in periods(term):
            if instant(period.end + timedelta(days=close_after_days), contract.timezone) > now:
                return
            yield term, period
        term = contract.term_on(term.end)


def counters_agree(tenant: str, period: Period, *, ports: ClosePorts) -> bool:
    """Whether the period's records add up to its day rows, cell by cell.

    The index is eventually consistent and receipts keep coming in, so a difference is looked at again before it counts.
    """
    for attempt in range(1, RECOUNTS + 1):
        counters = cells_between(ports.ledger.days(tenant, period.start, period.end), period.start, period.end)
        if _recount(tenant, period, ports.ledger) == counters:
            return True
        if attempt < RECOUNTS:
            ports.pause(attempt)
    return False


def _recountable(statement: Statement, earlier: Sequence[Earlier], contract: Contract, now: datetime) -> list[Period]:
    """What a statement rests on that no earlier one was checked for: its own period, and each that it adjusts.

    Records are kept for 13 months only: what is older than a year is charged as counted, not blocked for good.
    """
    starts = {
        start
        for term, meters in statement.known.items()
        for meter, known in meters.items()
        for start, stated in known.periods.items()
        if stated != last_known(earlier, term).get(meter, MeterStatement()).periods.get(start, Stated(0, ZERO))
        and start > local_day(now, contract.timezone) - RECOUNTABLE
    }
    return [period_on(start, contract.term_on(start)) for start in sorted(starts | {statement.period.start})]


def _recount(tenant: str, period: Period, ledger: LedgerRows) -> dict[Cell, Totals]:
    cells: dict[Cell, Totals] = {}
    for _, usage in ledger.month(tenant, period.start, period.end):
        cells[cell_of(usage)] = cells.get(cell_of(usage), Totals()) + totals_of(usage)
    return cells


def _statement(
    tenant: str,
    period: Period,
    usage: TermUsage,
    versions: Sequence[Contract],
    earlier: Sequence[Earlier],
    ports: ClosePorts,
) -> Statement:
    ended = [row.term for row in ports.ledger.terms(tenant) if row.term.end <= usage.term.start]
    pasts = [_term_usage(tenant, term, versions, until=term.end, ports=ports) for term in ended]
    late = [past for past in pasts if known_of(past) != last_known(earlier, past.term.start)]
    return compute(tenant=tenant, period=period, current=usage, late=late, earlier=earlier)


def _term_usage(tenant: str, term: Term, versions: Sequence[Contract], *, until: date, ports: ClosePorts) -> TermUsage:
    days: list[DayRow] = ports.ledger.days(tenant, term.start, until)
    return TermUsage(term=term, contract=contracts.for_term(versions, term), days=days, until=until)
