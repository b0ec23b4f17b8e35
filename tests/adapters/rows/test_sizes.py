"""What rows weigh: what they cost, and that none grows to the limit of an item."""

import json
from copy import replace
from datetime import date, timedelta
from importlib.resources import files

import pytest

from tests.adapters.rows.samples import HASH, MAY, TERM, card_fee, invoice, record, statement, text_message, usage
from tests.adapters.rows.sizes import LIMIT_BYTES, WRITE_UNIT_BYTES, weight, write_units
from tests.domain.examples import NOON, D
from tollgate.adapters.dynamodb import codec
from tollgate.adapters.dynamodb.record_items import record_item
from tollgate.adapters.dynamodb.usage_items import day_item, term_item
from tollgate.domain.facts import MessageKey, Pricing, Report
from tollgate.domain.reconciliation import MOST_KEPT, Difference, reconciled
from tollgate.domain.records import Record
from tollgate.domain.statement import Line, MeterStatement, Stated
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals

TENANT = "northwind-traders-international"
WAMID = "wamid.HBgLMTY0NjcwNDM1OTUVAgARGBI1RjQyNUE3NEYxMzAzMzQ5MkEA"
RATES = json.loads((files("tollgate") / "data" / "meta_rates_usd_2026-10-01.json").read_text())["rates"]
MANY = Totals(123_456_789, 123_456_789, D("1234567.8901"))


def whatsapp_message() -> Record:
    """A message to a group in the longest market, read and played, priced over an exchange rate."""
    statuses = {s: NOON + timedelta(milliseconds=n) for n, s in enumerate(("sent", "delivered", "read", "played"))}
    fee = replace(card_fee("0.0250"), card="meta-eur/2026-10-01/12", fx="ecb/2026-10-01", fx_rate=D("1.1234567890"))
    market = max(RATES, key=len)
    return replace(
        record("x", day=MAY),
        key=MessageKey("meta", WAMID, HASH),
        statuses=statuses,
        pricings=dict.fromkeys(statuses, Pricing("regular", "group_marketing", "x")),
        usage=replace(usage(MAY), category="group_marketing", market=market, fees={"meta": fee}),
    )


def resold_message() -> Record:
    """The same through a reseller, with a fee of its own."""
    known = whatsapp_message()
    assert known.usage is not None
    platform = replace(known.usage.fees["meta"], card="aws-social-platform/2026-10-01/12")
    usage_ = replace(known.usage, fees={**known.usage.fees, "platform": platform}, passed=frozenset({"meta"}))
    return replace(known, key=MessageKey("aws-social", WAMID), usage=usage_)


def long_text_message() -> Record:
    """An SMS of many parts, of which AWS reports four events."""
    events = ("TEXT_QUEUED", "TEXT_SENT", "TEXT_SUCCESSFUL", "TEXT_DELIVERED")
    report = Report(NOON + timedelta(milliseconds=1), 12, D("0.13944"), D("0.03600"), "USD")
    known = text_message()
    return replace(known, statuses=dict.fromkeys(events, report.at), reports=dict.fromkeys(events, report))


@pytest.mark.parametrize(
    "known", [whatsapp_message(), resold_message(), text_message(), long_text_message(), record(WAMID)]
)
def test_a_record_with_all_its_events_is_one_write_unit(known: Record) -> None:
    """The ledger's cost is one unit a message: nothing that an ordinary message brings takes a second one."""
    assert weight(record_item(TENANT, known)) <= WRITE_UNIT_BYTES


def full_day() -> DayRow:
    """Every market of the card in every category of it, groups among them, and SMS to every country."""
    categories = {category for prices in RATES.values() for category in prices}
    categories |= {f"group_{category}" for category in ("marketing", "utility", "service")} | {"marketing_lite"}
    cells = [Cell("whatsapp", category, market) for category in categories for market in RATES]
    countries = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHI"]
    cells += [Cell("sms", "sms", country) for country in countries]
    return DayRow(day=MAY, cells=dict.fromkeys(cells, MANY), version=123_456)


def test_a_hot_day_row_costs_less_than_the_records_it_counts() -> None:
    """With all 47 markets, every category and SMS everywhere, a day row takes fewer units than a chunk of records."""
    row = day_item(TENANT, full_day())
    assert len(RATES) == 47
    assert write_units(row) <= 25
    assert write_units(day_item(TENANT, replace(full_day(), cells={Cell("sms", "sms", "US"): MANY}))) == 1


def test_a_term_row_is_one_write_unit() -> None:
    """The row that every transaction of a tenant writes stays small with every meter and line in it."""
    meters = ("whatsapp", "sms", "mms", "rcs", "voice", "push")
    lines = frozenset((meter, line) for meter in meters for line in (50, 75, 90, 100))
    row = TermRow(term=TERM, meters=dict.fromkeys(meters, MANY), crossed=lines, rearmed=lines, version=123_456_789)
    assert write_units(term_item(TENANT, row)) == 1
    asked = frozenset((meter, share) for meter in ("sms", "whatsapp") for share in (10, 20, 30, 40, 60))
    own = replace(row, meters={"sms": MANY, "whatsapp": MANY}, asked=asked, passed=asked, rearmed=frozenset())
    assert write_units(term_item(TENANT, own)) == 1


def test_an_invoice_of_everything_fits_an_item_many_times() -> None:
    """A line for each cell, an adjustment for each again, and what was known of three terms: under half the limit."""
    cells = [f"{cell.category}/{cell.market}" for cell in full_day().cells]
    amount = D("1234567.89")
    lines = [
        Line(key=key, description=f"WhatsApp {key}, May 2026", quantity=123_456_789, amount=amount) for key in cells
    ]
    lines += [replace(line, key=f"adjustment/2026-04-01/{line.key}") for line in lines]
    months = [date(2026, month, 1) for month in range(1, 13)]
    known = MeterStatement(billable=D("1234567.8901"), periods=dict.fromkeys(months, Stated(10**9, D("1234567.8901"))))
    terms = {date(year, 1, 15): dict.fromkeys(("whatsapp", "sms", "rcs"), known) for year in (2024, 2025, 2026)}
    whole = replace(statement(TENANT), lines=tuple(lines), known=terms)
    assert weight(codec.INVOICE.item(replace(invoice(TENANT), statement=whole))) < LIMIT_BYTES / 2


def test_what_a_tenant_may_differ_in_fits_an_item() -> None:
    """As many differences as are kept, each with the longest of everything that comes from outside."""
    long = Difference(
        cause="amount-differs",
        tenant=TENANT,
        subject=f"{'p' * 32} {'a' * 200}, whatsapp, 2026-10-01 00:00:00 to 2026-10-31 00:00:00 UTC",
        ours="1" * 38,
        theirs="1" * 38,
        unit="USD",
        source=f"statement {', '.join(['s' * 200] * 3)} and 99 more of {'p' * 32}",
        note="the account is shared with another tenant" * 5,
        periods=tuple(date(2026, month, 1) for month in range(1, 13)),
    )
    found = reconciled(
        TENANT, [long] * (MOST_KEPT + 1), agreed={"in_" + "1" * 24 + f"{n}:open" for n in range(100)}, at=NOON
    )
    assert weight({"pk": "RECONCILED", "sk": TENANT, "found": codec.RECONCILED.json(found)}) < LIMIT_BYTES
