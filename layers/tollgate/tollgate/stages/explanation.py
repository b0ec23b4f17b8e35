"""Explanation: load what an invoice's amount is explained from.

Reads: the tenant's invoices and contract versions (a query each), the days of the term (a query, about 1 KB a day) and,
where the allowance was exceeded, the records of the one day on which that happened (a query of the month index, 1 KB a
message at half a read unit for 4 KB). Who shows it often says how many records at ``most``: of a day that has more,
only the day is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tollgate.domain import contract as contracts
from tollgate.domain.contract import Contract
from tollgate.domain.explanation import (
    Crossing,
    DayPoint,
    Explanation,
    crossing_day,
    explain,
    find_crossing,
    series,
)
from tollgate.domain.invoices import Invoice
from tollgate.domain.statement import billed_meters
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.ledger import LedgerRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An invoice, how it came to be, the days of its period by meter, and the messages with which limits were
    exceeded within its term up to its end. ``contract``: whose limits hold for its term; ``crossed_on``: the days on
    which limits were exceeded; ``unread``: how many messages such a day has, where they were too many to look through.
    """

    invoice: Invoice
    contract: Contract
    explanation: Explanation
    days: dict[str, list[DayPoint]]
    crossings: dict[str, Crossing]
    crossed_on: dict[str, date]
    unread: dict[str, int]


def explained(
    tenant: str,
    period: date,
    *,
    invoices: InvoiceRows,
    contracts_rows: ContractRows,
    ledger: LedgerRows,
    most: int | None = None,
) -> Explained:
    """How an invoice came to be. ``most``: of a day's messages to look through (None: all). Raises NotFound."""
    own = invoices.invoices(tenant)
    invoice = next((one for one in own if one.statement.period.start == period), None) or invoices.invoice(
        tenant, period
    )
    versions = contracts_rows.versions(tenant)
    statement = invoice.statement
    holding = {term: _holding(term, versions) for term in {*statement.known, statement.term}}
    days = ledger.days(tenant, statement.term, statement.period.end)
    contract = holding[statement.term]
    meters = billed_meters(contract)
    crossed = {
        meter: on
        for meter in meters
        if (on := crossing_day(days, meter=meter, included=contract.allowances[meter].included))
    }
    sizes = {row.day: sum(totals.messages for totals in row.cells.values()) for row in days}
    unread = {meter: sizes[on] for meter, (on, _) in crossed.items() if most is not None and sizes[on] > most}
    found = {
        meter: _crossing(tenant, meter, on, before, contract, ledger)
        for meter, (on, before) in crossed.items()
        if meter not in unread
    }
    return Explained(
        invoice=invoice,
        contract=contract,
        explanation=explain(invoice, [one for one in own if one.statement.period < statement.period], holding),
        days={
            meter: series(days, meter=meter, start=statement.period.start, end=statement.period.end) for meter in meters
        },
        crossings={meter: crossing for meter, crossing in found.items() if crossing},
        crossed_on={meter: on for meter, (on, _) in crossed.items()},
        unread=unread,
    )


def _holding(start: date, versions: Sequence[Contract]) -> Contract:
    return contracts.for_term(versions, versions[0].term_on(start))


def _crossing(
    tenant: str, meter: str, day: date, before: Decimal, contract: Contract, ledger: LedgerRows
) -> Crossing | None:
    """None also while the month index has not caught up with the day's row, or its records have expired."""
    rule = contract.allowances[meter]
    return find_crossing(
        ledger.month(tenant, day, day + timedelta(days=1)),
        meter=meter,
        before=before,
        included=rule.included,
        bills_all=rule.beyond == "bill-all",
    )
