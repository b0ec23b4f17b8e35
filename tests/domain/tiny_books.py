"""A tenant's books in a dictionary: usage as it becomes known, periods closed one after another, as the daily run does.

Beside what the domain decides it works out the same in the plainest way, from the usage alone, for the laws to compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from tests.domain.examples import TERM_START, D, contract
from tollgate.domain.calendar import Period, Term, periods
from tollgate.domain.contract import Contract, for_term
from tollgate.domain.invoices import Invoice, as_earlier, draft
from tollgate.domain.statement import Statement, TermUsage, compute, known_of, last_known
from tollgate.domain.usage import Cell, DayRow, Totals

MARKETING = Cell("whatsapp", "marketing", "North America")
UTILITY = Cell("whatsapp", "utility", "India")
SMS = Cell("sms", "sms", "North America")


def billing(included: str = "1000.00", *, beyond: str = "bill", months: int = 12, currency: str = "USD") -> Contract:
    """A contract that bills WhatsApp fees beyond an allowance."""
    whatsapp = {"measure": "fees", "included": included, "beyond": beyond}
    return contract(
        currency=currency,
        timezone="UTC",
        term={"start": TERM_START, "months": months},
        allowances={"whatsapp": whatsapp},
    )


@dataclass(slots=True)
class TinyBooks:
    """One tenant. ``invoices``: what was stated so far, oldest first; their status is the test's to change."""

    versions: list[Contract]
    usage: list[tuple[date, Cell, Totals]] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)

    def know(self, day: str | date, fees: str | Decimal, *, messages: int = 1, cell: Cell = MARKETING) -> None:
        """Usage of a day becomes known."""
        on = date.fromisoformat(day) if isinstance(day, str) else day
        self.usage.append((on, cell, Totals(messages, messages, D(fees))))

    def change(self, version: Contract) -> None:
        """A version is added, or replaces the one of its day."""
        self.versions = [v for v in self.versions if v.effective != version.effective] + [version]

    def close(self) -> Statement:
        """State the next period."""
        term, period = self._next()
        earlier = [as_earlier(invoice) for invoice in self.invoices]
        ended = [self._term_usage(past, past.end) for past in self._terms() if past.end <= term.start]
        statement = compute(
            tenant="acme",
            period=period,
            current=self._term_usage(term, period.end),
            late=[past for past in ended if known_of(past) != last_known(earlier, past.term.start)],
            earlier=earlier,
        )
        self.invoices.append(draft(statement))
        return statement

    def close_all(self, count: int) -> list[Statement]:
        """State the next ``count`` periods."""
        return [self.close() for _ in range(count)]

    def mark(self, status: str) -> None:
        """What Stripe says of the invoice stated last."""
        self.invoices[-1] = replace(self.invoices[-1], status=status)

    def next_period(self) -> Period:
        """The period that is stated next."""
        return self._next()[1]

    def billable_exactly(self) -> list[Decimal]:
        """What of each term so far is billable by the usage known now, to the end of the last stated period."""
        until = self.invoices[-1].statement.period.end
        return [sum(self._billable(term, until), D(0)) for term in self._terms() if term.start < until]

    def billable_rounded(self) -> Decimal:
        """The sum over the terms of what is billable, rounded once a term."""
        step = D(1) if self.versions[0].currency == "JPY" else D("0.01")
        return sum((exact.quantize(step, ROUND_HALF_UP) for exact in self.billable_exactly()), D(0))

    def _billable(self, term: Term, until: date) -> Iterator[Decimal]:
        for meter, rule in for_term(self.versions, term).allowances.items():
            fees = sum(
                (
                    t.fees
                    for day, cell, t in self.usage
                    if cell.meter == meter and term.start <= day < min(until, term.end)
                ),
                D(0),
            )
            if rule.beyond != "suspend" and fees > rule.included:
                yield fees - (rule.included if rule.beyond == "bill" else 0)

    def _terms(self) -> Iterator[Term]:
        version = self.versions[0]
        term = version.term_on(version.term.start)
        while term.start.year < version.term.start.year + 3:
            yield term
            term = version.term_on(term.end)

    def _next(self) -> tuple[Term, Period]:
        due = ((term, period) for term in self._terms() for period in periods(term))
        return [each for each, _ in zip(due, range(len(self.invoices) + 1), strict=False)][-1]

    def _term_usage(self, term: Term, until: date) -> TermUsage:
        return TermUsage(term=term, contract=for_term(self.versions, term), days=self._days(term), until=until)

    def _days(self, term: Term) -> Sequence[DayRow]:
        rows: dict[date, DayRow] = {}
        for day, cell, totals in self.usage:
            if day in term:
                rows[day] = rows.get(day, DayRow(day=day)).adding(cell, totals)
        return [rows[day] for day in sorted(rows)]
