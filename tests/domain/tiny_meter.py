"""The meter's order of steps over plain dicts: what the law tests drive the domain with.

It asserts on the way that a notice and a hold are written once only, and that rows change only with their version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import replace
from dataclasses import dataclass, field
from datetime import date, datetime

from tests.domain.examples import BOOK, NOON, senders
from tollgate.domain.contract import Contract
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.metering import (
    Priced,
    Quarantined,
    Senders,
    UsageChange,
    count,
    price_facts,
    quarantine_reason,
    route,
    terms_and_days,
)
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import Record, Usage
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals, cell_of, totals_of


@dataclass(kw_only=True)
class TinyMeter:
    """One tenant's rows, and the steps that change them."""

    versions: Sequence[Contract]
    book: PriceBook = BOOK
    now: datetime = NOON
    senders: Senders = field(default_factory=senders)
    records: dict[MessageKey, Record] = field(default_factory=dict)
    terms: dict[date, TermRow] = field(default_factory=dict)
    days: dict[date, DayRow] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    quarantine: set[tuple[MessageKey, str, str]] = field(default_factory=set)

    def receive(self, *facts: Fact) -> UsageChange:
        """Meter one batch: what it wrote beside the records."""
        priced = price_facts(
            self._countable(facts), records=self.records, versions=self.versions, senders=self.senders, book=self.book
        )
        self._park(priced.quarantined)
        return self._write(priced)

    def receive_all(self, batches: Iterable[Sequence[Fact]]) -> TinyMeter:
        """Meter batch after batch."""
        for batch in batches:
            self.receive(*batch)
        return self

    def _countable(self, facts: Iterable[Fact]) -> Iterable[Fact]:
        for fact in facts:
            routed = route(fact, self.senders)
            if isinstance(routed, Quarantined):
                self._park([routed])
                continue
            reason = quarantine_reason(fact, versions=self.versions, card=routed.card, book=self.book)
            if reason:
                self._park([Quarantined(fact, reason)])
            else:
                yield fact

    def _park(self, quarantined: Iterable[Quarantined]) -> None:
        self.quarantine |= {(q.fact.key, q.fact.status, q.reason) for q in quarantined}

    def _write(self, priced: Priced) -> UsageChange:
        terms, days = terms_and_days(priced.changes, self.versions)
        change = count(
            priced.changes,
            terms={start: self.terms.get(start, TermRow(term=term)) for start, term in terms.items()},
            days={day: self.days.get(day, DayRow(day=day)) for day in days},
            versions=self.versions,
            now=self.now,
        )
        for key, before, after in ((c.after.key, c.before, c.after) for c in priced.changes):
            assert after.version == before.version + 1
            self.records[key] = after
        for notice in change.notices:
            assert notice.identity not in self.notices, "a line fires once a term"
            self.notices[notice.identity] = notice
        for hold in change.holds:
            assert hold.identity not in self.holds, "a limit's hold opens once"
            self.holds[hold.identity] = hold
        self.terms.update(change.terms)
        self.days.update(change.days)
        return change

    def usages(self) -> list[Usage]:
        """The usage of all records."""
        return [record.usage for record in self.records.values() if record.usage]

    def facts_known(self) -> dict[MessageKey, Record]:
        """The records but for their versions, which tell how often they were written."""
        return {key: replace(record, version=0) for key, record in self.records.items()}

    def day_totals(self) -> dict[date, dict[Cell, Totals]]:
        """The DAY rows; a day whose usage moved away is the same as no row."""
        return {day: dict(row.cells) for day, row in self.days.items() if row.cells}

    def term_totals(self) -> dict[tuple[date, str], Totals]:
        """The TERM rows by meter; a meter whose usage moved away is the same as none."""
        return {
            (start, meter): totals
            for start, row in self.terms.items()
            for meter, totals in row.meters.items()
            if totals
        }

    def lines_crossed(self) -> dict[date, frozenset[tuple[str, int]]]:
        """Which lines each TERM row says have fired."""
        return {start: row.crossed for start, row in self.terms.items()}

    def recounted_days(self) -> dict[date, dict[Cell, Totals]]:
        """What the DAY rows should be, from the ledger."""
        recount: dict[date, dict[Cell, Totals]] = {}
        for usage in self.usages():
            cells = recount.setdefault(usage.day, {})
            cells[cell_of(usage)] = cells.get(cell_of(usage), Totals()) + totals_of(usage)
        return recount

    def recounted_terms(self) -> dict[tuple[date, str], Totals]:
        """What the TERM rows should be, from the ledger."""
        recount: dict[tuple[date, str], Totals] = {}
        for usage in self.usages():
            key = (usage.term, usage.meter)
            recount[key] = recount.get(key, Totals()) + totals_of(usage)
        return recount
