"""InvoiceRows, in memory and in the real tables."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.adapters.rows.samples import MAY, change, digits, hold, invoice, statement, warning
from tests.domain.examples import NOON, D
from tests.fakes.rows import Rows
from tollgate.adapters.dynamodb import codec
from tollgate.adapters.dynamodb.invoices import invoice_of
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.invoices import Credit, Invoice, Push, Remark
from tollgate.domain.notices import Notice
from tollgate.domain.review import summary_of


def saved(rows: Rows, new: Invoice, **beside: Any) -> Invoice:
    return rows.invoices.save(new, by="mia", at=NOON, **beside)


def overdue(tenant: str) -> Notice:
    return replace(warning(tenant), kind="overdue", meter=None, line=None, included=None, period=MAY)


def test_an_invoice_reads_back_as_it_was_saved(rows: Rows, tenant: str) -> None:
    """Everything that has happened to it, its amounts with their zeros, at its next version."""
    whole = replace(
        invoice(tenant),
        status="open",
        first_approved_by="Jo",
        first_approved_at=NOON,
        sent_back=Remark(text="India?", by="Al", at=NOON),
        approved_by="Mia",
        approved_at=NOON,
        due_date=date(2026, 6, 17),
        stripe_invoice="in_1",
        number="ACME-0001",
        hosted_url="https://pay.example/in_1",
        pdf_url="https://pay.example/in_1/pdf",
        remaining=D("120.50"),
        overdue_on=date(2026, 6, 18),
        suspend_on=date(2026, 6, 25),
        suspended_on=date(2026, 6, 25),
        push=Push(attempts=2, key_attempt=1, error="busy", flagged=True),
        credits=(Credit(reference="c1", amount=D("4.00"), reason="goodwill", by="Mia", at=NOON, number="CN-01"),),
    )
    first = saved(rows, whole)
    assert first == replace(whole, version=1)
    read = rows.invoices.invoice(tenant, MAY)
    assert read == first
    assert [digits(read.statement.total), digits(read.statement.lines[0].amount)] == ["120.50", "120.50"]


def test_a_row_that_was_written_before_files_were_kept_is_read() -> None:
    """It has no file, and all that it had."""
    row = codec.INVOICE.item(replace(invoice("acme"), pdf_url="https://pay.example/in_1/pdf"))
    del row["pdf_url"]
    assert invoice_of(row) == invoice("acme")


def test_an_invoice_that_does_not_exist_is_not_found(rows: Rows, tenant: str) -> None:
    """Neither another period nor another tenant stands in for it."""
    saved(rows, invoice(tenant))
    for who, period in ((tenant, date(2026, 6, 1)), (f"{tenant}-x", MAY)):
        with pytest.raises(NotFound):
            rows.invoices.invoice(who, period)
        assert rows.invoices.revision(who, period, 1) is None


def test_invoices_come_by_period(rows: Rows, tenant: str) -> None:
    """However they were written."""
    periods = [date(2026, 7, 1), date(2026, 1, 15), MAY]
    for period in periods:
        saved(rows, invoice(tenant, period=period))
    assert [one.statement.period.start for one in rows.invoices.invoices(tenant)] == sorted(periods)


def test_invoices_of_some_periods_come_at_once(rows: Rows, tenant: str) -> None:
    """Of any tenants, however many are asked for; one that is not there is left out, and none asked is none."""
    june = date(2026, 6, 1)
    first, second = saved(rows, invoice(tenant)), saved(rows, invoice(f"{tenant}-b", period=june))
    asked = [(tenant, MAY), (tenant, june), (f"{tenant}-b", june), *((f"{tenant}-{n}", MAY) for n in range(150))]
    assert rows.invoices.of_periods(asked) == {(tenant, MAY): first, (f"{tenant}-b", june): second}
    assert rows.invoices.of_periods([]) == {}


@pytest.mark.parametrize("version", [0, 2])
def test_an_invoice_that_moved_is_not_saved(rows: Rows, tenant: str, version: int) -> None:
    """Two who read the same invoice cannot both write it; what follows from the second is not written either."""
    first = saved(rows, invoice(tenant))
    with pytest.raises(Conflict):
        saved(rows, replace(first, version=version, status="void"), notices=[overdue(tenant)], opened=[hold(tenant)])
    assert rows.invoices.invoices(tenant) == [first]
    assert (rows.notices.notices(tenant), rows.holds.holds(tenant)) == ([], [])


def test_an_invoice_is_new_only_once(rows: Rows, tenant: str) -> None:
    """A second draft of a period is a conflict."""
    saved(rows, invoice(tenant))
    with pytest.raises(Conflict):
        saved(rows, invoice(tenant, total="1.00"))


def test_an_invoice_is_saved_with_all_that_follows(rows: Rows, tenant: str) -> None:
    """Notices are given, holds opened and lifted in the same stroke; a lifting has its own time, else the saving's."""
    other, own = hold(tenant), hold(tenant, scope="whatsapp")
    rows.ledger.commit(tenant, (), change(other, own))
    opened = hold(tenant, scope="all")
    saved(
        rows,
        invoice(tenant),
        notices=[overdue(tenant)],
        opened=[opened],
        lifted=[other, own.lifted(NOON - timedelta(hours=1))],
    )
    assert [notice for notice, _ in rows.notices.notices(tenant)] == [overdue(tenant)]
    assert {held.scope: held.lifted_at for held in rows.holds.holds(tenant)} == {
        "all": None,
        "sms": NOON,
        "whatsapp": NOON - timedelta(hours=1),
    }


@pytest.mark.parametrize("stale", ["notice", "hold", "lifting"])
def test_what_follows_stops_the_saving(rows: Rows, tenant: str, stale: str) -> None:
    """A notice or hold that is there already, or a hold that never was, keeps the invoice and everything beside it."""
    first = saved(rows, invoice(tenant), notices=[overdue(tenant)], opened=[hold(tenant)])
    before = (rows.notices.notices(tenant), rows.holds.holds(tenant))
    suspended = replace(overdue(tenant), kind="suspended")
    with pytest.raises(Conflict):
        saved(
            rows,
            replace(first, status="void"),
            notices=[suspended, *([overdue(tenant)] if stale == "notice" else [])],
            opened=[hold(tenant, scope="all"), *([hold(tenant)] if stale == "hold" else [])],
            lifted=[hold(tenant, scope="whatsapp")] if stale == "lifting" else [],
        )
    assert rows.invoices.invoice(tenant, MAY) == first
    assert (rows.notices.notices(tenant), rows.holds.holds(tenant)) == before


def test_saving_what_is_there_changes_nothing(rows: Rows, tenant: str) -> None:
    """An unchanged invoice keeps its version; with a notice beside it, it is written."""
    first = saved(rows, invoice(tenant))
    assert saved(rows, first) == first
    assert saved(rows, first, notices=[overdue(tenant)]) == replace(first, version=2)


def test_a_revisions_content_stays_what_it_was(rows: Rows, tenant: str) -> None:
    """Each revision can be read for ever as it was approved or refused."""
    first = saved(rows, invoice(tenant))
    second = saved(rows, replace(first, revision=2, statement=statement(tenant, total="121.00")))
    saved(rows, replace(second, status="approved", approved_by="Mia"))
    contents = [rows.invoices.revision(tenant, MAY, number) for number in (0, 1, 2, 3)]
    assert contents == [None, statement(tenant), statement(tenant, total="121.00"), None]
    assert [digits(one.total) for one in contents if one] == ["120.50", "121.00"]


@pytest.mark.parametrize("revision", [1, 2])
def test_a_revision_is_never_written_over(rows: Rows, tenant: str, revision: int) -> None:
    """Another content under a revision's number is a conflict, be it the current one or an earlier one."""
    first = saved(rows, invoice(tenant))
    second = saved(rows, replace(first, revision=2, statement=statement(tenant, total="121.00")))
    with pytest.raises(Conflict):
        saved(rows, replace(second, revision=revision, statement=statement(tenant, total="999.00")))
    assert rows.invoices.invoice(tenant, MAY) == second
    assert rows.invoices.revision(tenant, MAY, revision) == statement(tenant, total=("120.50", "121.00")[revision - 1])


def test_times_of_any_zone_are_kept_as_instants(rows: Rows, tenant: str) -> None:
    """An approval's time is compared, not its spelling."""
    at = datetime(2026, 6, 3, 9, 30, 0, 1, tzinfo=UTC)
    first = saved(rows, replace(invoice(tenant), approved_at=at))
    assert rows.invoices.invoice(tenant, MAY).approved_at == at
    assert saved(rows, rows.invoices.invoice(tenant, MAY)) == first


def test_a_month_lists_the_invoices_of_every_tenant_that_begin_in_it(rows: Rows, tenant: str) -> None:
    """As they are now, by tenant; asked for by any day of the month."""
    march, april = date(2031, int(tenant.removeprefix("tenant-")) % 11 + 1, 1), date(2031, 12, 1)
    names = [f"{tenant}-b", f"{tenant}-a", "INVOICE"]  # a name that begins like a row's key
    for name in names:
        saved(rows, invoice(name, period=march))
    approved = saved(rows, replace(rows.invoices.invoice(names[0], march), status="approved", approved_by="Mia"))
    saved(rows, replace(invoice(tenant, period=date(2031, 11, 15)), status="nil"))
    found = [one for one in rows.invoices.month(march.replace(day=28)) if one.tenant in names]
    assert found == [summary_of(rows.invoices.invoice(name, march)) for name in sorted(names)]
    assert summary_of(approved) in found
    assert [digits(one.total) for one in found] == ["120.50"] * 3
    assert [one.tenant for one in rows.invoices.month(april) if one.tenant == tenant] == []


def test_an_invoice_is_saved_only_while_what_it_rests_on_has_not_moved(rows: Rows, tenant: str) -> None:
    """At the version that was read: else neither it nor what follows is written."""
    earlier = saved(rows, invoice(tenant, period=date(2026, 4, 1)))
    first = saved(rows, invoice(tenant), resting_on=[earlier])
    saved(rows, replace(earlier, status="void"))
    with pytest.raises(Conflict):
        saved(rows, replace(first, status="approved"), resting_on=[earlier], opened=[hold(tenant)])
    assert (rows.invoices.invoice(tenant, MAY), rows.holds.holds(tenant)) == (first, [])
