"""Close report of a month over every tenant, as rows and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date

from tests.domain.examples import contract
from tests.stages.billing import CLOSE_AFTER_DAYS, FEBRUARY, FREE, JANUARY, Billing, at
from tests.stages.test_review import waits
from tollgate.domain.close_report import CloseRow
from tollgate.stages.close_report import TENANTS_AT_ONCE, CloseReportPorts, as_csv, close_report

MARCH_5 = at("2026-03-05")


def report(world: Billing, month: date = FEBRUARY, *, now: str = "2026-03-05") -> list[CloseRow]:
    rows = world.rows
    ports = CloseReportPorts(
        contracts=rows.contracts, invoices=rows.invoices, ledger=rows.ledger, quarantine=rows.quarantine
    )
    return list(close_report(month, ports=ports, now=at(now), close_after_days=CLOSE_AFTER_DAYS))


def closed() -> Billing:
    """10.00 in February, and a tenant that was never closed."""
    world = Billing(contract=contract(allowances=FREE))
    world.use(FEBRUARY, "10.00", messages=4)
    world.close(MARCH_5)
    return world


def test_a_month_has_a_row_for_each_tenant_whose_period_is_due() -> None:
    """A period that is due and not stated is there too, one that is not over is not."""
    world = closed()
    world.sign(contract(tenant="beta", allowances=FREE))
    rows = report(world)
    assert [(row.tenant, str(row.period.start), row.status, row.sent, row.billed) for row in rows] == [
        ("acme", "2026-02-01", "draft", 4, 4),
        ("beta", "2026-02-01", "missing", 0, 0),
    ]
    assert report(world, now="2026-03-02") == []


def test_late_usage_and_what_waits_are_in_it() -> None:
    """A message in quarantine is one message however many of its facts wait; of the period's days only."""
    world = closed()
    world.approve(FEBRUARY, MARCH_5)
    world.use("2026-02-20", "1.00")
    waits(world, "m1", moment=at("2026-02-10"))
    waits(world, "m2", moment=at("2026-03-10"))
    [row] = report(world)
    assert (row.sent, row.billed, row.late, row.quarantined, row.adds_up) == (6, 4, 1, 1, True)


def test_a_month_that_a_term_splits_has_both_periods() -> None:
    """The term begins on the 15th: January of the second year has two."""
    world = Billing(contract=contract(allowances=FREE))
    rows = report(world, date(2027, 1, 1), now="2027-02-05")
    assert [(str(row.period.start), str(row.period.end)) for row in rows] == [
        ("2027-01-01", "2027-01-15"),
        ("2027-01-15", "2027-02-01"),
    ]
    assert len(report(world, JANUARY, now="2027-02-05")) == 1


def test_many_tenants_come_by_name_each_with_its_own_numbers() -> None:
    """More than are read at once: no row is another's, none is missing."""
    world = Billing()
    names = [f"tenant-{n:03}" for n in range(2 * TENANTS_AT_ONCE + 5)]
    for number, name in enumerate(names):
        world.sign(contract(tenant=name, allowances=FREE))
        world.contract = contract(tenant=name, allowances=FREE)
        world.use(FEBRUARY, "1.00", messages=number + 1)
    world.contract = contract(tenant=names[7], allowances=FREE)
    world.close(MARCH_5)
    rows = report(world)
    expected = [("acme", 0), *((name, n) for n, name in enumerate(names, start=1))]
    assert [(row.tenant, row.sent) for row in rows] == expected
    assert [row.tenant for row in rows if row.status == "draft"] == [names[7]]


def test_the_report_is_read_as_csv() -> None:
    """A header, a line for each row, the columns that must be zero last of their kind."""
    lines = list(csv.DictReader(io.StringIO("".join(as_csv(report(closed()))), newline="")))
    [line] = lines
    assert (line["tenant"], line["period"], line["status"], line["to_pay"]) == ("acme", "2026-02-01", "draft", "10.00")
    assert (line["messages_off"], line["amount_off"]) == ("0", "0.00")
