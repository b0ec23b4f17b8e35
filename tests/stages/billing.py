"""The billing side over the fakes: one tenant's usage, invoices and holds, Stripe, and the days that pass.

``Billing().use(...)`` counts usage as metering would have: record, day row and term row together. Every port may be
wrapped with ``Faults``, which are shared by all ports of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.domain.examples import D, contract
from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.rows import Memory, MemoryLedger, Rows, memory_rows
from tests.fakes.stripe import MemoryStripe
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.facts import MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.records import Fee, Record, Usage
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals, cell_of, totals_of
from tollgate.stages.close import Closed, ClosePorts, close_periods
from tollgate.stages.invoice import InvoicePorts, Report, run
from tollgate.stages.issue import IssuePorts, approve_invoice, push
from tollgate.stages.settle import SettlePorts, settle
from tollgate.stages.suspend import SuspendPorts

TENANT = "acme"
NORTH = Cell("whatsapp", "marketing", "North America")
INDIA = Cell("whatsapp", "utility", "India")
CLOSE_AFTER_DAYS = 3
FREE: dict[str, Any] = {
    "whatsapp": {"measure": "fees", "included": "0", "warn_at": [], "beyond": "bill"},
    "sms": {"measure": "messages", "included": 4, "warn_at": [50], "beyond": "suspend"},
}
"""Allowances that include no WhatsApp fees, so that what is used is what is invoiced."""

JANUARY, FEBRUARY, MARCH = date(2026, 1, 15), date(2026, 2, 1), date(2026, 3, 1)
"""The first three periods of the contract, whose first term starts on 15 January 2026."""


def at(day: str, time: str = "12:00") -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


class LaggingLedger(MemoryLedger):
    """A month index that misses its newest record for the next ``lag`` readings."""

    lag = 0

    def month(self, tenant: str, first: date, end: date) -> Iterable[tuple[MessageKey, Usage]]:
        found = list(super().month(tenant, first, end))
        self.lag -= 1
        return found[:-1] if self.lag >= 0 else found


@dataclass(kw_only=True)
class Billing:
    """One tenant. ``counted`` holds every metric, ``pauses`` every wait before a recount."""

    contract: Contract = field(default_factory=lambda: contract(allowances=FREE))
    memory: Memory = field(default_factory=Memory)
    stripe: MemoryStripe = field(default_factory=MemoryStripe)
    counted: list[str] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    lagging: LaggingLedger = field(init=False)

    def __post_init__(self) -> None:
        self.sign(self.contract)
        self.lagging = LaggingLedger(self.memory)

    def sign(self, version: Contract) -> None:
        """Put a version of a contract in force."""
        self.memory.contracts[version.tenant, version.effective] = version

    @property
    def rows(self) -> Rows:
        """The ports of the rows, each of whose calls may fail."""
        plain = memory_rows(self.memory)
        return Rows(
            ledger=self.faults.wrap(self.lagging),
            contracts=self.faults.wrap(plain.contracts),
            rates=plain.rates,
            quarantine=plain.quarantine,
            notices=plain.notices,
            holds=self.faults.wrap(plain.holds),
            invoices=self.faults.wrap(plain.invoices),
            inbox=self.faults.wrap(plain.inbox),
            audit=self.faults.wrap(plain.audit),
            runs=self.faults.wrap(plain.runs),
            reconciled=self.faults.wrap(plain.reconciled),
            preferences=plain.preferences,
            portal_links=self.faults.wrap(plain.portal_links),
            drafts=self.faults.wrap(plain.drafts),
            exports=self.faults.wrap(plain.exports),
        )

    def count(self, name: str, value: int) -> None:
        self.counted += [name] * value

    def use(self, day: str | date, fees: str | Decimal, *, cell: Cell = NORTH, messages: int = 1) -> MessageKey:
        """Usage that becomes known: one record, in its day's row and its term's row."""
        day, fees = date.fromisoformat(str(day)), D(fees)
        key = MessageKey("meta", f"m{len(self.memory.records)}", "")
        fee = Fee(amount=fees, currency=self.contract.currency, source="card", original=fees, original_currency="USD")
        usage = Usage(
            meter=cell.meter,
            moment=datetime.combine(day, datetime.min.time(), UTC),
            day=day,
            term=self.contract.term_on(day).start,
            category=cell.category,
            market=cell.market,
            messages=messages,
            segments=messages,
            fees={"meta": fee},
        )
        self.memory.records[self.contract.tenant, key] = Record(key=key, meter=cell.meter, usage=usage, version=1)
        self._add(usage, totals_of(usage))
        return key

    def withdraw(self, key: MessageKey) -> None:
        """A record that was billable and, by a later receipt, is not."""
        record = self.memory.records[self.contract.tenant, key]
        assert record.usage is not None
        self._add(record.usage, -totals_of(record.usage))
        self.memory.records[self.contract.tenant, key] = replace(record, usage=None, version=record.version + 1)

    def _add(self, usage: Usage, totals: Totals) -> None:
        tenant, term = self.contract.tenant, self.contract.term_on(usage.day)
        day = self.memory.days.get((tenant, usage.day), DayRow(day=usage.day)).adding(cell_of(usage), totals)
        self.memory.days[tenant, usage.day] = replace(day, version=day.version + 1)
        row = self.memory.terms.get((tenant, term.start), TermRow(term=term)).adding(usage.meter, totals)
        self.memory.terms[tenant, term.start] = replace(row, version=row.version + 1)

    def miscount(self, day: str, fees: str) -> None:
        """A fault: fees in a day's row that no record has. The same with a minus sign mends it."""
        on = date.fromisoformat(day)
        row = self.memory.days.get((self.contract.tenant, on), DayRow(day=on)).adding(NORTH, Totals(0, 0, D(fees)))
        self.memory.days[self.contract.tenant, on] = row

    def close_ports(self) -> ClosePorts:
        rows = self.rows
        return ClosePorts(
            ledger=rows.ledger,
            contracts=rows.contracts,
            invoices=rows.invoices,
            count=self.count,
            pause=self.pauses.append,
        )

    def issue_ports(self) -> IssuePorts:
        rows = self.rows
        return IssuePorts(
            contracts=rows.contracts,
            invoices=rows.invoices,
            stripe=self.faults.wrap(self.stripe),
            count=self.count,
        )

    def settle_ports(self) -> SettlePorts:
        rows = self.rows
        return SettlePorts(
            invoices=rows.invoices, holds=rows.holds, stripe=self.faults.wrap(self.stripe), inbox=rows.inbox
        )

    def suspend_ports(self) -> SuspendPorts:
        rows = self.rows
        return SuspendPorts(
            contracts=rows.contracts, holds=rows.holds, runs=rows.runs, stripe=self.faults.wrap(self.stripe)
        )

    def invoice_ports(self) -> InvoicePorts:
        rows = self.rows
        return InvoicePorts(
            close=self.close_ports(),
            issue=self.issue_ports(),
            settle=self.settle_ports(),
            holds=rows.holds,
            quarantine=rows.quarantine,
            runs=rows.runs,
            reconciled=rows.reconciled,
            drafts=rows.drafts,
        )

    def close(self, now: datetime) -> Closed:
        """Close what is due, three days after its end."""
        return close_periods(self.contract.tenant, ports=self.close_ports(), now=now, close_after_days=CLOSE_AFTER_DAYS)

    def daily(self, now: datetime) -> Report:
        """The daily run."""
        return run(ports=self.invoice_ports(), now=now, close_after_days=CLOSE_AFTER_DAYS)

    def approve(self, period: date, now: datetime, *, revision: int | None = None, by: str = "fin") -> Invoice:
        """Approve a period, at the revision it has unless another is named."""
        rows = self.rows
        return approve_invoice(
            self.contract.tenant,
            period,
            revision=self.invoice(period).revision if revision is None else revision,
            by=by,
            contracts_rows=rows.contracts,
            invoices=rows.invoices,
            now=now,
        )

    def push(self, period: date, now: datetime) -> Invoice:
        """Bring an approved period into Stripe."""
        return push(self.contract.tenant, period, ports=self.issue_ports(), now=now)

    def tell(self, stripe_invoice: str, now: datetime, *, event: str = "") -> Invoice | None:
        """Stripe sends an event about one of its invoices; with a new id unless one is given."""
        return settle(
            event or f"evt_{len(self.memory.seen)}_{now.isoformat()}",
            stripe_invoice=stripe_invoice,
            metadata=self.stripe.invoices[stripe_invoice].metadata,
            ports=self.settle_ports(),
            now=now,
        )

    def issued(self, period: date, fees: str, *, approved: datetime) -> Invoice:
        """A period with some usage on its first day, closed, approved and sent on the day it is due to be closed."""
        self.use(period, fees)
        self.close(approved)
        self.approve(period, approved)
        return self.push(period, approved)

    def suspended(self, period: date, fees: str, *, approved: datetime) -> Invoice:
        """An issued invoice that was not paid, through its notice to its hold."""
        due = self.issued(period, fees, approved=approved).due_date
        assert due is not None
        late = datetime.combine(due + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=12)
        self.daily(late)
        self.daily(late + timedelta(days=7))
        assert [hold.is_open for hold in self.holds() if hold.reference == str(period)] == [True]
        return self.invoice(period)

    def invoice(self, period: date) -> Invoice:
        return self.memory.invoices[self.contract.tenant, period]

    def invoices(self) -> list[Invoice]:
        return memory_rows(self.memory).invoices.invoices(self.contract.tenant)

    def statuses(self) -> dict[str, str]:
        """Status by period."""
        return {invoice.name: invoice.status for invoice in self.invoices()}

    def holds(self) -> list[Hold]:
        return memory_rows(self.memory).holds.holds(self.contract.tenant)

    def notices(self) -> list[Notice]:
        return [notice for notice, _ in memory_rows(self.memory).notices.notices(self.contract.tenant)]

    def told(self) -> list[tuple[str, date]]:
        """The kind of each notice and the contract's day on which it was given."""
        return [(notice.kind, local_day(notice.at, self.contract.timezone)) for notice in self.notices()]

    def kept(self) -> dict[str, Any]:
        """Everything that must not depend on crashes and repeats: rows without versions, and what Stripe has."""
        return {
            "invoices": {
                key: replace(invoice, version=0, push=replace(invoice.push, attempts=0, key_attempt=0))
                for key, invoice in self.memory.invoices.items()
            },
            "revisions": dict(self.memory.revisions),
            "holds": dict(self.memory.holds),
            "notices": {key: notice for key, (notice, _) in self.memory.notices.items()},
            "customers": dict(self.memory.customers),
            "stripe customers": dict(self.stripe.customers),
            "stripe invoices": dict(self.stripe.invoices),
            "stripe lines": dict(self.stripe.added),
            "sent": set(self.stripe.sent),
            "addressed": dict(self.stripe.addressed),
        }


def survives_every_crash(prepare: Callable[[], Billing], step: Callable[[Billing], object]) -> dict[str, Any]:
    """Crash ``step`` before and after each of its calls, then repeat it: it ends as without a crash. Returns how.

    ``step`` is repeated until it comes through, as a queue or the next day's run would.
    """
    undisturbed = prepare()
    undisturbed.faults = Faults()
    step(undisturbed)
    expected = undisturbed.kept()
    assert undisturbed.faults.calls
    for faults in every_fault(len(undisturbed.faults.calls)):
        world = prepare()
        world.faults = faults
        faults.stays_down = True
        with suppress(Crash):
            step(world)
        assert faults.fired
        faults.stays_down = False
        step(world)
        side = "after" if faults.after else "before"
        assert world.kept() == expected, f"crashed {side} call {faults.at}, {faults.calls[faults.at - 1]}"
    return expected
