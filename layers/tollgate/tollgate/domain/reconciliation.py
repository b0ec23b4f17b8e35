"""Reconciliation: where counters, Stripe or a provider say something else than our own records and invoices.

Always true: a difference names its cause and both sides, as they were read; what could not be compared says why and
raises nothing. No tolerance is applied here: two sides are equal or they differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.calendar import Span
from tollgate.domain.invoices import SETTLED, Invoice, settled
from tollgate.domain.statement import Line, meter_name
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals

COUNTERS: Final = "counters"
STRIPE: Final = "stripe"
STATEMENT: Final = "statement"

DAY_DIFFERS: Final = "day-differs"
TERM_DIFFERS: Final = "term-differs"
NOT_ISSUED: Final = "not-issued"
MISSING_AT_STRIPE: Final = "missing-at-stripe"
STATUS_DIFFERS: Final = "status-differs"
REVISION_DIFFERS: Final = "revision-differs"
TOTAL_DIFFERS: Final = "total-differs"
OWED_DIFFERS: Final = "owed-differs"
LINES_DIFFER: Final = "lines-differ"
MESSAGES_DIFFER: Final = "messages-differ"
SEGMENTS_DIFFER: Final = "segments-differ"
AMOUNT_DIFFERS: Final = "amount-differs"
RECEIPTS_MISSING: Final = "receipts-missing"
NOT_BILLED: Final = "not-billed"
ACCOUNT_UNKNOWN: Final = "account-unknown"
NOT_COMPARED: Final = "not-compared"

CAUSES: Final[Mapping[str, tuple[str, str]]] = {
    DAY_DIFFERS: (COUNTERS, "the records of the day do not add up to its counters"),
    TERM_DIFFERS: (COUNTERS, "the days of the contract year do not add up to its running total"),
    NOT_ISSUED: (STRIPE, "approved a day ago or more, and still not at Stripe"),
    MISSING_AT_STRIPE: (STRIPE, "Stripe has no such invoice"),
    STATUS_DIFFERS: (STRIPE, "Stripe has it in another state"),
    REVISION_DIFFERS: (STRIPE, "Stripe has another revision of it"),
    TOTAL_DIFFERS: (STRIPE, "Stripe's total is another one"),
    OWED_DIFFERS: (STRIPE, "Stripe says another amount is still owed"),
    LINES_DIFFER: (STRIPE, "a line is another one at Stripe"),
    MESSAGES_DIFFER: (STATEMENT, "another number of messages"),
    SEGMENTS_DIFFER: (STATEMENT, "another number of segments"),
    AMOUNT_DIFFERS: (STATEMENT, "another amount"),
    RECEIPTS_MISSING: (STATEMENT, "the provider bills usage of which we have no receipts"),
    NOT_BILLED: (STATEMENT, "we counted usage that the provider does not bill"),
    ACCOUNT_UNKNOWN: (STATEMENT, "the provider bills an account that is nobody's"),
    NOT_COMPARED: (STATEMENT, "could not be compared"),
}
"""What each cause is about, and what it says."""
OUR_SIDE: Final[Mapping[str, str]] = {
    COUNTERS: "the records",
    STRIPE: "our invoice",
    STATEMENT: "our records",
}
NOBODY: Final = "~platform"
"""Whose difference it is when no tenant's: no tenant's name begins so."""
MOST_KEPT: Final = 200
"""Of a tenant's differences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two sides that should be equal. ``ours`` and ``theirs`` are a number, a status or a list of words, in ``unit``
    (messages, segments, a currency); ``source`` names theirs. ``periods``: the first days of those it is about.
    """

    cause: str
    tenant: str
    subject: str
    ours: str = ""
    theirs: str = ""
    unit: str = ""
    source: str = ""
    note: str = ""
    periods: tuple[date, ...] = ()

    @property
    def kind(self) -> str:
        """Whether it is of counters, of Stripe or of a provider's statement."""
        return CAUSES[self.cause][0]

    @property
    def raises(self) -> bool:
        """Whether somebody must look: not at what could not be compared."""
        return self.cause != NOT_COMPARED

    @property
    def says(self) -> str:
        """The cause in words."""
        return CAUSES[self.cause][1]

    @property
    def our_side(self) -> str:
        """Where ``ours`` comes from."""
        return OUR_SIDE[self.kind]

    @property
    def words(self) -> str:
        """All of it in one sentence."""
        sides = [
            f"{said}{' ' + self.unit if self.unit else ''} in {where}"
            for said, where in ((self.ours, self.our_side), (self.theirs, self.source))
            if said
        ]
        return f"{self.subject}: " + ": ".join(part for part in (self.says, ", ".join(sides), self.note) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How a tenant stood when it was last compared. ``more``: how many differences there are beyond those kept.
    ``agreed`` names invoices at Stripe, ``id:status``, that have been found equal in everything that stays as it is.
    """

    tenant: str
    at: datetime
    differences: tuple[Difference, ...] = ()
    more: int = 0
    agreed: tuple[str, ...] = ()

    def raised(self, kind: str, period: date) -> list[Difference]:
        """What somebody must look at of one kind before a period is billed."""
        return [one for one in self.differences if one.kind == kind and one.raises and period in one.periods]


def reconciled(
    tenant: str, differences: Sequence[Difference], *, agreed: Iterable[str] = (), at: datetime
) -> Reconciled:
    """As it is kept: when there are too many differences, every kind and period keeps its first ones."""
    rank: Counter[tuple[str, tuple[date, ...]]] = Counter()
    ranked = []
    for one in differences:
        ranked.append((rank[one.kind, one.periods], one))
        rank[one.kind, one.periods] += 1
    kept = [one for _, one in sorted(ranked, key=lambda found: found[0])[:MOST_KEPT]]
    return Reconciled(
        tenant=tenant,
        at=at,
        differences=tuple(kept),
        more=len(differences) - len(kept),
        agreed=tuple(sorted(agreed)),
    )


type Days = Mapping[date, Mapping[Cell, Totals]]
"""Totals by day and cell."""


def by_day(rows: Iterable[DayRow]) -> dict[date, dict[Cell, Totals]]:
    """Day rows as plain totals."""
    return {row.day: dict(row.cells) for row in rows}


def differing_days(records: Days, counters: Days) -> list[date]:
    """The days whose records do not add up to their counters, in order."""
    return [
        day
        for day in sorted(records.keys() | counters.keys())
        if _counted(records.get(day, {})) != _counted(counters.get(day, {}))
    ]


def _counted(cells: Mapping[Cell, Totals]) -> dict[Cell, Totals]:
    return {cell: totals for cell, totals in cells.items() if totals}


def day_differences(tenant: str, *, period: Span, currency: str, records: Days, counters: Days) -> list[Difference]:
    """The days of a period whose records do not add up to their counters, cell by cell and number by number."""
    return [
        Difference(
            cause=DAY_DIFFERS,
            tenant=tenant,
            subject=f"{meter_name(cell.meter)} on {day}, {cell.category}, {cell.market}",
            ours=ours,
            theirs=theirs,
            unit=unit,
            source="the day's counters",
            periods=(period.start,),
        )
        for day in differing_days(records, counters)
        if day in period
        for cell in sorted(records.get(day, {}).keys() | counters.get(day, {}).keys())
        for ours, theirs, unit in _numbers(
            records.get(day, {}).get(cell, Totals()), counters.get(day, {}).get(cell, Totals()), currency
        )
    ]


def term_differences(tenant: str, row: TermRow, days: Iterable[DayRow], *, currency: str) -> list[Difference]:
    """The meters whose running total of a term is not the sum of the term's days."""
    sums: dict[str, Totals] = defaultdict(Totals)
    for one in days:
        for cell, totals in one.cells.items():
            sums[cell.meter] = sums[cell.meter] + totals
    return [
        Difference(
            cause=TERM_DIFFERS,
            tenant=tenant,
            subject=f"{meter_name(meter)}, contract year from {row.term.start}",
            ours=ours,
            theirs=theirs,
            unit=unit,
            source="the running total",
        )
        for meter in sorted(sums.keys() | row.meters.keys())
        for ours, theirs, unit in _numbers(sums.get(meter, Totals()), row.of(meter), currency)
    ]


def _numbers(ours: Totals, theirs: Totals, currency: str) -> Iterator[tuple[str, str, str]]:
    if ours.messages != theirs.messages:
        yield f"{ours.messages}", f"{theirs.messages}", "messages"
    if ours.segments != theirs.segments:
        yield f"{ours.segments}", f"{theirs.segments}", "segments"
    if ours.fees != theirs.fees:
        yield f"{ours.fees:f}", f"{theirs.fees:f}", currency


@dataclass(frozen=True, slots=True, kw_only=True)
class AtStripe:
    """An invoice as Stripe has it. ``lines``: key and amount; None where they were compared before and stay as they
    are."""

    id: str
    status: str
    currency: str
    total: Decimal
    remaining: Decimal
    revision: str
    lines: Sequence[tuple[str, Decimal]] | None


def not_issued(invoice: Invoice) -> Difference:
    """An approved invoice that has been waiting for too long."""
    return _of_invoice(invoice, NOT_ISSUED, ours=invoice.status, note=invoice.push.error)


def stripe_differences(invoice: Invoice, said: AtStripe | None, *, wanted: Sequence[Line]) -> list[Difference]:
    """What Stripe has otherwise of an issued invoice; ``said`` None: it has none. ``wanted``: the lines it was given.

    Of a settled one Stripe leaves what remained as it was, so that is not compared.
    """
    if said is None:
        return [_of_invoice(invoice, MISSING_AT_STRIPE, ours=invoice.status, note=invoice.stripe_invoice)]
    as_said = settled(
        invoice,
        status=said.status,
        remaining=said.remaining,
        stripe_invoice=said.id,
        number="",
        hosted_url="",
        pdf_url="",
    )
    ours, currency = invoice.statement, invoice.statement.currency
    found: list[Difference] = []
    if as_said.status != invoice.status:
        found.append(_of_invoice(invoice, STATUS_DIFFERS, ours=invoice.status, theirs=said.status))
    elif invoice.status not in SETTLED and invoice.remaining != said.remaining:
        owed = ours.total if invoice.remaining is None else invoice.remaining
        found.append(_of_invoice(invoice, OWED_DIFFERS, ours=f"{owed:f}", theirs=f"{said.remaining:f}", unit=currency))
    if said.revision != str(invoice.revision):
        found.append(_of_invoice(invoice, REVISION_DIFFERS, ours=str(invoice.revision), theirs=said.revision or "none"))
    if (said.total, said.currency) != (ours.total, currency):
        our_total, their_total = f"{currency} {ours.total:f}", f"{said.currency} {said.total:f}"
        found.append(_of_invoice(invoice, TOTAL_DIFFERS, ours=our_total, theirs=their_total))
    if said.lines is not None:
        found += _line_differences(invoice, said.lines, wanted)
    return found


def _line_differences(
    invoice: Invoice, lines: Iterable[tuple[str, Decimal]], wanted: Iterable[Line]
) -> Iterator[Difference]:
    ours, theirs = _by_key((line.key, line.amount) for line in wanted), _by_key(lines)
    for key in sorted(ours.keys() | theirs.keys()):
        mine, yours = ours.get(key, []), theirs.get(key, [])
        if mine != yours:
            yield _of_invoice(
                invoice,
                LINES_DIFFER,
                ours=" and ".join(f"{amount:f}" for amount in mine) or "no line",
                theirs=" and ".join(f"{amount:f}" for amount in yours) or "no line",
                note=f"line {key}" if key else "a line added by hand",
            )


def _by_key(lines: Iterable[tuple[str, Decimal]]) -> dict[str, list[Decimal]]:
    found: dict[str, list[Decimal]] = defaultdict(list)
    for key, amount in lines:
        found[key].append(amount)
    return {key: sorted(amounts) for key, amounts in found.items()}


def _of_invoice(
    invoice: Invoice, cause: str, *, ours: str, theirs: str = "", unit: str = "", note: str = ""
) -> Difference:
    return Difference(
        cause=cause,
        tenant=invoice.tenant,
        subject=f"invoice {invoice.name}",
        ours=ours,
        theirs=theirs,
        unit=unit,
        source="Stripe",
        note=note,
        periods=(invoice.statement.period.start,),
    )
