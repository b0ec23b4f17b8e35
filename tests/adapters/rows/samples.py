"""Rows to store: records, usage rows, notices, holds and invoices of any tenant."""

from copy import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tests.domain.examples import NOON, TERM_START, D, contract
from tollgate.domain.calendar import Period, Term
from tollgate.domain.contract import Contract
from tollgate.domain.facts import MessageKey, Pricing, Recipient, Report
from tollgate.domain.invoices import Invoice
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.records import Fee, Record, Usage
from tollgate.domain.statement import Line, MeterStatement, Stated, Statement
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals

TERM = Term(TERM_START, date(2027, 1, 15))
MAY = date(2026, 5, 1)
HASH = "0123456789abcdef0123456789abcdef"


def key(message: str, participant: str = "") -> MessageKey:
    return MessageKey("meta", message, participant)


def card_fee(fee: str) -> Fee:
    return Fee(amount=D(fee), currency="USD", source="card", original=D(fee), original_currency="USD", card="m/1/1")


def usage(day: date, fee: str = "0.0250") -> Usage:
    """The usage of one WhatsApp message on a day."""
    return Usage(
        meter="whatsapp",
        moment=datetime(day.year, day.month, day.day, 17, tzinfo=UTC),
        day=day,
        term=TERM.start,
        category="marketing",
        market="North America",
        messages=1,
        segments=1,
        fees={"meta": card_fee(fee)},
    )


def record(message: str, *, participant: str = "", day: date | None = None, version: int = 1) -> Record:
    """A record of Meta, with usage on ``day`` where one is given."""
    return Record(
        key=key(message, participant),
        meter="whatsapp",
        account="102290129340398",
        number="106540352242922",
        statuses={"sent": NOON, "delivered": NOON + timedelta(microseconds=1)},
        pricings={"sent": Pricing("regular", "marketing")},
        recipient=Recipient("1415", "US", HASH),
        usage=usage(day) if day else None,
        version=version,
    )


def text_message(message: str = "3f0c2f4c-6d1e-4b6f-9e0a-6a2f6f1b7c01") -> Record:
    """A record of an SMS with all that AWS reports of it."""
    report = Report(NOON, 2, D("0.01162"), D("0.00600"), "USD")
    fees = {
        component: Fee(amount=fee, currency="USD", source="reported", original=fee, original_currency="USD")
        for component, fee in (("message", D("0.01162")), ("carrier", D("0.00600")))
    }
    return Record(
        key=MessageKey("aws-sms", message),
        meter="sms",
        account="acme",
        statuses={"TEXT_SENT": NOON, "TEXT_DELIVERED": NOON + timedelta(seconds=4)},
        reports={"TEXT_SENT": report, "TEXT_DELIVERED": report},
        requested_at=NOON - timedelta(milliseconds=120),
        recipient=Recipient("1415", "US", HASH),
        usage=replace(usage(NOON.date()), meter="sms", category="sms", segments=2, fees=fees),
        version=1,
    )


def new(*records: Record) -> list[RecordChange]:
    """The writing of records that were not there."""
    return [RecordChange(replace(record, usage=None, version=0), record) for record in records]


def term_row(messages: int = 1, fees: str = "0.0250", *, version: int = 1) -> TermRow:
    return TermRow(term=TERM, meters={"whatsapp": Totals(messages, messages, D(fees))}, version=version)


def day_row(day: date, messages: int = 1, fees: str = "0.0250", *, version: int = 1) -> DayRow:
    cell = Cell("whatsapp", "marketing", "North America")
    return DayRow(day=day, cells={cell: Totals(messages, messages, D(fees))}, version=version)


def change(*parts: TermRow | DayRow | Notice | Hold) -> UsageChange:
    """The rows of one transaction beside its records."""
    return UsageChange(
        terms={row.term.start: row for row in parts if isinstance(row, TermRow)},
        days={row.day: row for row in parts if isinstance(row, DayRow)},
        notices=tuple(part for part in parts if isinstance(part, Notice)),
        holds=tuple(part for part in parts if isinstance(part, Hold)),
    )


def warning(tenant: str, *, line: int = 75, meter: str = "sms", at: datetime = NOON) -> Notice:
    """The notice that a line was crossed, at amounts that end in zeros."""
    return Notice(
        tenant=tenant,
        kind="usage-warning",
        term=TERM.start,
        at=at,
        meter=meter,
        line=line,
        used=D("37500"),
        included=D("50000.00"),
    )


def hold(tenant: str, *, scope: str = "sms", reference: str = "2026-01-15", at: datetime = NOON) -> Hold:
    return Hold(tenant=tenant, scope=scope, cause="limit", reference=reference, opened_at=at)


def statement(tenant: str, *, period: date = MAY, total: str = "120.50") -> Statement:
    """A month's statement of one line."""
    fees = D("120.5040")
    known = {TERM.start: {"whatsapp": MeterStatement(billable=fees, periods={period: Stated(4_820, fees)})}}
    line = Line(key="marketing/North America", description="Marketing", quantity=4_820, amount=D(total))
    end = date(period.year, period.month + 1, 1)
    return Statement(
        tenant=tenant,
        period=Period(period, end),
        term=TERM.start,
        currency="USD",
        kind="draft",
        lines=(line,),
        stated=D(total),
        total=D(total),
        known=known,
    )


def invoice(tenant: str, *, period: date = MAY, total: str = "120.50") -> Invoice:
    return Invoice(statement=statement(tenant, period=period, total=total), status="draft", flags=("late-usage",))


def contract_of(tenant: str, **changes: object) -> Contract:
    """The example contract as a tenant's, its accounts its own too."""
    senders = [{"provider": "meta", "account": tenant}, {"provider": "aws-sms", "account": tenant}]
    return contract(tenant=tenant, senders=senders, **changes)


def digits(amount: Decimal) -> str:
    """An amount with all its zeros, where equality would not see them."""
    return str(amount)
