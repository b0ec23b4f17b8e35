"""Closing: each period is recounted, stated once, and its draft kept true while it may still move."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.domain.examples import contract
from tests.fakes.rows import MemoryInvoices
from tests.stages.billing import FEBRUARY, FREE, INDIA, JANUARY, MARCH, TENANT, Billing, at, survives_every_crash
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict
from tollgate.domain.invoices import Invoice
from tollgate.stages.close import close_periods

MARCH_CLOSED = at("2026-04-04", "05:00")
"""Three whole days after the end of March in Chicago."""


def lines(invoice: Invoice) -> dict[str, str]:
    return {line.key: str(line.amount) for line in invoice.statement.lines}


def test_periods_are_closed_oldest_first_and_each_on_its_own() -> None:
    """A run after a pause states every period that is over, in order, and the current one not at all."""
    world = Billing()
    world.use(JANUARY, "1.00")
    world.use(FEBRUARY, "2.00")
    world.use(MARCH, "3.00")
    world.use("2026-04-01", "4.00")
    closed = world.close(MARCH_CLOSED)
    assert closed.drafted == ("2026-01-15", "2026-02-01", "2026-03-01")
    assert [(invoice.name, str(invoice.statement.total)) for invoice in world.invoices()] == [
        ("2026-01-15", "1.00"),
        ("2026-02-01", "2.00"),
        ("2026-03-01", "3.00"),
    ]


@pytest.mark.parametrize(
    ("timezone", "moment", "closed"),
    [
        ("America/Chicago", at("2026-04-04", "04:59"), False),
        ("America/Chicago", at("2026-04-04", "05:00"), True),
        ("UTC", at("2026-04-03", "23:59"), False),
        ("UTC", at("2026-04-04", "00:00"), True),
        ("Asia/Kolkata", at("2026-04-03", "18:29"), False),
        ("Asia/Kolkata", at("2026-04-03", "18:30"), True),
        ("Pacific/Pago_Pago", at("2026-04-04", "10:59"), False),
        ("Pacific/Pago_Pago", at("2026-04-04", "11:00"), True),
    ],
)
def test_a_period_closes_whole_days_after_its_end_in_the_contracts_zone(
    timezone: str, moment: datetime, *, closed: bool
) -> None:
    """Three days after the end means the contract's days, to the minute."""
    world = Billing(contract=contract(allowances=FREE, timezone=timezone))
    world.close(moment)
    assert ("2026-03-01" in world.statuses()) is closed


def test_a_clock_change_does_not_close_a_period_an_hour_early() -> None:
    """In Chicago 1 November 2026 has 25 hours, and the third day after October ends an hour later."""
    world = Billing()
    world.close(at("2026-11-04", "05:59"))
    assert "2026-10-01" not in world.statuses()
    world.close(at("2026-11-04", "06:00"))
    assert "2026-10-01" in world.statuses()


def test_a_tenant_without_a_contract_has_nothing_to_close() -> None:
    """An unknown tenant is no error, and writes nothing."""
    world = Billing()
    world.memory.contracts.clear()
    assert world.close(MARCH_CLOSED).drafted == ()
    assert world.invoices() == []


def test_counters_that_differ_from_the_ledger_block_this_period_and_every_later_one() -> None:
    """What was closed before stays; the blocked period is named and counted; mended, all of it is stated."""
    world = Billing()
    for period in (JANUARY, FEBRUARY, MARCH):
        world.use(period, "5.00")
    world.miscount("2026-02-03", "0.01")
    closed = world.close(MARCH_CLOSED)
    assert (closed.drafted, closed.blocked) == (("2026-01-15",), ("2026-02-01",))
    assert world.statuses() == {"2026-01-15": "draft"}
    assert world.counted == ["CounterMismatch"]
    world.miscount("2026-02-03", "-0.01")
    assert world.close(MARCH_CLOSED).drafted == ("2026-02-01", "2026-03-01")


def test_an_index_that_lags_behind_is_read_again_before_it_counts_as_a_difference() -> None:
    """Three readings may miss the newest record; each is followed by a wait, and nothing is raised."""
    world = Billing()
    world.use(JANUARY, "5.00")
    world.lagging.lag = 3
    assert world.close(at("2026-02-05")).drafted == ("2026-01-15",)
    assert (world.pauses, world.counted) == ([1, 2, 3], [])


def test_an_index_that_lags_too_long_blocks_until_the_next_run() -> None:
    """After four readings the difference counts; the next run looks again."""
    world = Billing()
    world.use(JANUARY, "5.00")
    world.lagging.lag = 4
    assert world.close(at("2026-02-05")).blocked == ("2026-01-15",)
    assert (world.pauses, world.counted) == ([1, 2, 3], ["CounterMismatch"])
    assert world.close(at("2026-02-06")).drafted == ("2026-01-15",)


def test_an_adjustment_is_recounted_too() -> None:
    """Late usage of a period that is stated for good is not billed from counters that the ledger contradicts."""
    world = Billing()
    world.issued(JANUARY, "5.00", approved=at("2026-02-05"))
    world.miscount("2026-01-20", "9.99")
    assert world.close(at("2026-03-05")).blocked == ("2026-02-01",)
    world.miscount("2026-01-20", "-9.99")
    assert world.close(at("2026-03-05")).drafted == ("2026-02-01",)
    assert world.invoice(FEBRUARY).status == "nil"


def test_an_adjustment_of_longer_than_a_year_ago_is_charged_as_counted() -> None:
    """Records go after 13 months: a period without them must not block every later one for good."""
    world = Billing()
    world.issued(JANUARY, "5.00", approved=at("2026-02-05"))
    world.close(at("2027-03-05"))
    world.use("2026-01-20", "2.00")
    world.memory.records.clear()
    world.close(at("2027-04-05"))
    assert lines(world.invoice(date(2027, 3, 1))) == {"adjustment/whatsapp/2026-01-15": "2.00"}


def test_a_draft_follows_its_usage_as_new_revisions() -> None:
    """Each change is a revision of its own, and the earlier ones can still be read; no change, no revision."""
    world = Billing()
    world.use(JANUARY, "5.00")
    world.close(at("2026-02-05"))
    world.use(JANUARY, "1.00")
    assert world.close(at("2026-02-06")).refreshed == ("2026-01-15",)
    written = len(world.memory.audit)
    assert world.close(at("2026-02-07")).refreshed == ()
    assert len(world.memory.audit) == written
    assert (world.invoice(JANUARY).revision, str(world.invoice(JANUARY).statement.total)) == (2, "6.00")
    assert [str(world.memory.revisions[TENANT, JANUARY, n].total) for n in (1, 2)] == ["5.00", "6.00"]


def test_two_drafts_in_a_row_both_follow_late_usage_of_the_first() -> None:
    """While nothing later is final, late usage moves its own period's draft, and is not an adjustment."""
    world = Billing()
    world.use(JANUARY, "5.00")
    world.use(FEBRUARY, "2.00")
    world.close(at("2026-03-05"))
    world.use(JANUARY, "1.00", cell=INDIA)
    assert world.close(at("2026-03-06")).refreshed == ("2026-01-15", "2026-02-01")
    assert lines(world.invoice(JANUARY)) == {"marketing/North America": "5.00", "utility/India": "1.00"}
    assert lines(world.invoice(FEBRUARY)) == {"marketing/North America": "2.00"}


def test_a_draft_before_a_final_period_moves_no_more() -> None:
    """Once March is approved, late usage of February comes out in April's statement, and nowhere else."""
    world = Billing()
    world.use(FEBRUARY, "5.00")
    world.use(MARCH, "7.00")
    world.close(MARCH_CLOSED)
    world.approve(MARCH, MARCH_CLOSED)
    world.use(FEBRUARY, "2.00")
    assert world.close(at("2026-04-05")).refreshed == ()
    world.close(at("2026-05-05"))
    assert str(world.invoice(FEBRUARY).statement.total) == "5.00"
    assert lines(world.invoice(date(2026, 4, 1))) == {"adjustment/whatsapp/2026-02-01": "2.00"}
    assert sum(invoice.statement.total for invoice in world.invoices()) == Decimal("14.00")


@pytest.mark.parametrize(("fees", "status"), [(None, "nil"), ("0.49", "carried")])
def test_a_nil_or_carried_statement_is_written_once(fees: str | None, status: str) -> None:
    """Later runs leave it as it is; late usage comes out in the next statement, with what was carried."""
    world = Billing()
    if fees:
        world.use(JANUARY, fees)
    world.close(at("2026-02-05"))
    first = world.invoice(JANUARY)
    assert (first.status, str(first.statement.total)) == (status, "0.00")
    world.use(JANUARY, "3.00")
    assert world.close(at("2026-02-06")).refreshed == ()
    assert world.invoice(JANUARY) == first
    world.use(FEBRUARY, "1.00")
    world.close(at("2026-03-05"))
    carried = {"brought-forward": fees} if fees else {}
    assert (
        lines(world.invoice(FEBRUARY))
        == {
            "marketing/North America": "1.00",
            "adjustment/whatsapp/2026-01-15": "3.00",
        }
        | carried
    )
    assert world.invoice(FEBRUARY).statement.total == Decimal("4.00") + Decimal(fees or 0)


def test_a_draft_that_comes_to_nothing_is_nil_and_stays_so() -> None:
    """A correction that takes all of a draft away leaves a nil statement, at a revision of its own."""
    world = Billing()
    message = world.use(JANUARY, "5.00")
    world.close(at("2026-02-05"))
    world.withdraw(message)
    world.close(at("2026-02-06"))
    assert (world.invoice(JANUARY).status, world.invoice(JANUARY).revision) == ("nil", 2)


def test_what_was_voided_comes_out_in_the_next_statement() -> None:
    """A draft that is there already is refreshed with it, flagged, as a line of its own."""
    world = Billing()
    issued = world.issued(JANUARY, "5.00", approved=at("2026-02-05"))
    world.use(FEBRUARY, "2.00")
    world.close(at("2026-03-05"))
    world.stripe.void(issued.stripe_invoice)
    world.tell(issued.stripe_invoice, at("2026-03-06"))
    assert world.close(at("2026-03-07")).refreshed == ("2026-02-01",)
    invoice = world.invoice(FEBRUARY)
    assert lines(invoice) == {"marketing/North America": "2.00", "brought-forward": "5.00"}
    assert (str(invoice.statement.total), invoice.flags) == ("7.00", ("brings-forward", "jump"))


def test_flags_name_what_finance_should_look_at() -> None:
    """The first invoice of a tenant, and adjustments of earlier months."""
    world = Billing()
    world.issued(JANUARY, "5.00", approved=at("2026-02-05"))
    assert world.invoice(JANUARY).flags == ("first-invoice",)
    world.use(JANUARY, "1.00")
    world.close(at("2026-03-05"))
    assert world.invoice(FEBRUARY).flags == ("adjusts-earlier-months", "jump")


class Overtaken(MemoryInvoices):
    """Invoices of which one is approved right after they have been read."""

    def invoices(self, tenant: str) -> list[Invoice]:
        found = super().invoices(tenant)
        self.save(replace(found[0], status="approved", approved_by="fin"), by="fin", at=at("2026-02-07"))
        return found


def test_a_refresh_that_an_approval_overtook_is_not_written() -> None:
    """An approval between reading and writing is a conflict; the content that was approved stands."""
    world = Billing()
    world.use(JANUARY, "5.00")
    world.close(at("2026-02-05"))
    world.use(JANUARY, "1.00")
    ports = replace(world.close_ports(), invoices=Overtaken(world.memory))
    with pytest.raises(Conflict):
        close_periods(TENANT, ports=ports, now=at("2026-02-07"), close_after_days=3)
    assert (world.invoice(JANUARY).status, str(world.invoice(JANUARY).statement.total)) == ("approved", "5.00")


def _busy() -> Billing:
    world = Billing()
    world.use(JANUARY, "0.20")
    world.use(FEBRUARY, "5.00")
    world.close(at("2026-03-05"))
    world.use(FEBRUARY, "2.50")
    world.use(MARCH, "1.00")
    return world


def test_a_crash_before_or_after_any_call_and_a_second_run_close_as_one_run_would() -> None:
    """One carried, one refreshed and one new period; wherever it stops, the next run ends the same."""
    expected = survives_every_crash(_busy, lambda world: world.close(MARCH_CLOSED))
    assert {key[1]: invoice.revision for key, invoice in expected["invoices"].items()} == {
        JANUARY: 1,
        FEBRUARY: 2,
        MARCH: 1,
    }


def test_limits_hold_as_the_contract_has_them_at_the_terms_end() -> None:
    """A limit that is raised within the term is raised for its drafts too."""
    world = Billing(contract=_included("3.00"))
    world.use(JANUARY, "5.00")
    world.close(at("2026-02-05"))
    assert str(world.invoice(JANUARY).statement.total) == "2.00"
    world.sign(_included("4.00", **{"from": "2026-02-06"}))
    world.close(at("2026-02-06"))
    assert (world.invoice(JANUARY).revision, str(world.invoice(JANUARY).statement.total)) == (2, "1.00")


def _included(fees: str, **dated: str) -> Contract:
    whatsapp = {"measure": "fees", "included": fees, "warn_at": [], "beyond": "bill"}
    return contract(allowances={"whatsapp": whatsapp}, **dated)
