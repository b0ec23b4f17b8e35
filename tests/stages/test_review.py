"""Review: the drafts of a month with what speaks against each, and approving them in one go or by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from tests.domain.examples import NOON, D, contract, whatsapp
from tests.stages.billing import FEBRUARY, FREE, JANUARY, MARCH, NORTH, Billing, at
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, Invalid
from tollgate.domain.reconciliation import (
    AMOUNT_DIFFERS,
    DAY_DIFFERS,
    MESSAGES_DIFFER,
    NOT_COMPARED,
    RECEIPTS_MISSING,
    Difference,
    reconciled,
)
from tollgate.domain.senders import Assignment
from tollgate.stages.corrections import send_back_invoice
from tollgate.stages.issue import approve_invoice
from tollgate.stages.ports.invoices import Run
from tollgate.stages.ports.ledger import QuarantineRow
from tollgate.stages.review import Decision, ReviewPorts, Row, Selected, approve_many, arranged, drafts
from tollgate.stages.review import reviewed as one_reviewed

MAY = at("2026-05-05")
APRIL = date(2026, 4, 1)


def signed(**review: Any) -> Contract:
    return contract(allowances=FREE, review=review)


def ports(world: Billing) -> ReviewPorts:
    rows = world.rows
    return ReviewPorts(
        contracts=rows.contracts,
        invoices=rows.invoices,
        quarantine=rows.quarantine,
        runs=rows.runs,
        reconciled=rows.reconciled,
    )


def reviewed(world: Billing, month: date = FEBRUARY) -> list[Row]:
    return drafts(month, ports=ports(world))


def flags(row: Row) -> list[str]:
    return [flag.name for flag in row.flags]


def even(**review: Any) -> Billing:
    """Four months of 10.00 each, all drafted."""
    world = Billing(contract=signed(**review))
    for month in (JANUARY, FEBRUARY, MARCH, APRIL):
        world.use(month, "10.00")
        world.close(at(f"2026-0{month.month + 1}-05"))
    return world


def waits(world: Billing, message: str, *, moment: datetime = NOON) -> None:
    """A fact of the tenant that has no rate."""
    fact = whatsapp("delivered", "regular/marketing", message=message, at=moment)
    key = (fact.provider, fact.account)
    world.memory.assignments[key] = [
        Assignment(provider="meta", account=fact.account, tenant="acme", since=at("2026-02-10"), card="meta")
    ]
    world.rows.quarantine.put([QuarantineRow(id=message, reason="no-rate", fact=fact)])


def test_a_month_lists_its_drafts_with_the_change_against_the_months_before() -> None:
    """Amount, mean and change; the first invoice is flagged, and one like those before is clean."""
    world = even()
    [january], [april] = reviewed(world, JANUARY), reviewed(world, APRIL)
    assert (flags(january), january.mean, january.change, january.clean) == (["first-invoice"], None, None, False)
    assert (str(april.summary.total), str(april.mean), str(april.change), april.clean) == (
        "10.00",
        "10.00",
        "0.0",
        True,
    )


def test_only_the_drafts_are_asked_for_unless_said_otherwise() -> None:
    """What is approved is no draft any more, but can be listed."""
    world = even()
    world.approve(APRIL, MAY)
    assert reviewed(world, APRIL) == []
    [row] = drafts(APRIL, ports=ports(world), status=None)
    assert (row.summary.status, row.summary.approved_by) == ("approved", "fin")


def test_a_period_that_starts_within_a_month_is_of_that_month() -> None:
    """A term that begins on the 15th: the month is asked for by any of its days."""
    assert len(reviewed(even(), date(2026, 1, 31))) == 1


def test_facts_in_quarantine_speak_against_the_drafts_they_would_add_to() -> None:
    """Those of the period and before, by the sender's tenant, also from before the sender was anybody's."""
    world = even()
    waits(world, "m1", moment=at("2026-03-10"))
    waits(world, "m2", moment=at("2026-02-02"))
    assert flags(reviewed(world, FEBRUARY)[0]) == ["quarantined"]
    march = reviewed(world, MARCH)[0]
    assert [flag.reason for flag in march.flags] == ["usage of this tenant waits in quarantine, uncounted (2 facts)"]
    world.memory.assignments.clear()
    assert reviewed(world, MARCH)[0].clean


def test_a_blocked_draft_says_that_counters_differ() -> None:
    """A draft that could not be refreshed, because the recount said something else, as the last run reports it."""
    world = even()
    world.miscount("2026-04-02", "1.00")
    world.use(APRIL, "1.00")
    world.daily(MAY)
    assert flags(reviewed(world, APRIL)[0]) == ["counters-differ"]


def differs(cause: str, *periods: date, **fields: str) -> Difference:
    """A difference of acme's, about some periods."""
    return Difference(cause=cause, tenant="acme", subject="meta 1, whatsapp, 2026-04-01", periods=periods, **fields)


def found(world: Billing, *differences: Difference) -> None:
    """What the last comparison found of acme."""
    world.rows.reconciled.save(reconciled("acme", differences, at=MAY))


def test_a_providers_bill_that_differs_is_a_flag_of_its_periods_drafts() -> None:
    """With the first reason in words; of that period alone, and not for what could not be compared."""
    world = even()
    assert reviewed(world, APRIL)[0].clean
    more = differs(MESSAGES_DIFFER, APRIL, ours="9", theirs="10", unit="messages", source="statement 7 of meta")
    found(world, more, differs(AMOUNT_DIFFERS, APRIL), differs(NOT_COMPARED, MARCH))
    [flag] = reviewed(world, APRIL)[0].flags
    assert (flag.name, flag.reason) == (
        "provider-differs",
        (
            "meta 1, whatsapp, 2026-04-01: another number of messages: "
            "9 messages in our records, 10 messages in statement 7 of meta (and 1 more)"
        ),
    )
    assert reviewed(world, MARCH)[0].clean
    found(world)
    assert reviewed(world, APRIL)[0].clean


def test_counters_that_differ_since_the_draft_are_a_flag_too() -> None:
    """What the nightly comparison found, and not only what the last run could not refresh."""
    world = even()
    found(world, differs(DAY_DIFFERS, APRIL))
    assert flags(reviewed(world, APRIL)[0]) == ["counters-differ"]
    assert reviewed(world, MARCH)[0].clean


@pytest.mark.parametrize(("cause", "approved"), [(NOT_COMPARED, True), (RECEIPTS_MISSING, False), (DAY_DIFFERS, False)])
def test_the_rule_approves_no_draft_that_differs(cause: str, approved: bool) -> None:
    """A flagged draft is not clean, whoever flagged it."""
    world = even(auto_below="100.00")
    world.approve(JANUARY, MAY)
    found(world, differs(cause, FEBRUARY))
    report = world.daily(MAY)
    assert ("acme/2026-02-01" in report.approved) is approved


def test_one_invoice_is_reviewed_as_its_month_lists_it() -> None:
    """The same mean, change and flags, whichever page one looks at."""
    world = even()
    waits(world, "m1", moment=at("2026-03-10"))
    world.miscount("2026-04-02", "1.00")
    world.use(APRIL, "1.00")
    world.daily(MAY)
    for month in (JANUARY, FEBRUARY, MARCH, APRIL):
        [listed] = reviewed(world, month)
        assert one_reviewed(world.invoice(listed.summary.period.start), world.invoices(), ports=ports(world)) == listed


@pytest.mark.parametrize(
    ("asked", "tenants"),
    [
        ({}, ["acme", "beta", "gamma"]),
        ({"sort": "amount"}, ["beta", "acme", "gamma"]),
        ({"sort": "amount", "descending": True}, ["gamma", "acme", "beta"]),
        ({"sort": "change", "descending": True}, ["beta", "gamma", "acme"]),
        ({"sort": "flags", "descending": True}, ["acme", "beta", "gamma"]),
        ({"flag": "clean"}, ["beta", "gamma"]),
        ({"flag": "jump"}, ["acme"]),
        ({"search": "MM"}, ["gamma"]),
    ],
)
def test_rows_are_sorted_and_filtered(asked: dict[str, Any], tenants: list[str]) -> None:
    """By each column, by flag, by a part of the name; equals stay in the order of their names."""
    [row] = reviewed(even(), APRIL)
    rows = [
        replace(
            row,
            summary=replace(row.summary, tenant=name, total=total, flags=()),
            change=change,
            flags=tuple(row.flags) if name != "acme" else tuple(reviewed(even(), JANUARY)[0].flags),
        )
        for name, total, change in (("gamma", D(30), D(5)), ("beta", D(10), D(-20)), ("acme", D(20), None))
    ]
    jump = replace(rows[2].flags[0], name="jump")
    rows[2] = replace(rows[2], flags=(jump,))
    assert [one.summary.tenant for one in arranged(rows, **asked)] == tenants


def test_an_unknown_column_is_refused() -> None:
    """With the columns there are."""
    with pytest.raises(Invalid, match="sort: expected one of tenant, amount, change, flags"):
        arranged([], sort="colour")


def selected(period: date, revision: int = 1, tenant: str = "acme") -> Selected:
    return Selected(tenant=tenant, period=period, revision=revision)


def decide(world: Billing, *chosen: Selected, by: str = "mia") -> list[Decision]:
    return approve_many(chosen, by=by, ports=ports(world), now=MAY)


def test_clean_drafts_are_approved_in_one_go_and_flagged_ones_are_not() -> None:
    """Each by itself: its own revision, its own audit entry; one that is refused stops no other."""
    world = even()
    decisions = decide(
        world, selected(JANUARY), selected(FEBRUARY), selected(MARCH, 2), selected(APRIL), selected(MARCH, tenant="no")
    )
    assert [(one.status, one.refused) for one in decisions] == [
        ("", "flagged (first-invoice): approve it by itself"),
        ("approved", ""),
        ("", "invoice 2026-03-01 of acme is at revision 1, not 2: that revision never existed"),
        ("approved", ""),
        ("", "invoice 'no/2026-03-01' does not exist"),
    ]
    assert decisions[2].differences == ("that revision never existed",)
    approvals = [(entry.subject, entry.by) for entry in world.rows.audit.entries("acme") if entry.status == "approved"]
    assert approvals == [("2026-02-01", "mia"), ("2026-04-01", "mia")]


def test_a_second_selection_of_the_same_changes_nothing() -> None:
    """A page sent twice approves once."""
    world = even()
    first = decide(world, selected(FEBRUARY))
    kept = world.kept()
    assert decide(world, selected(FEBRUARY)) == first
    assert world.kept() == kept


def test_too_many_at_once_are_refused() -> None:
    """A page of them is a call of its own."""
    with pytest.raises(Invalid, match="at most 100 drafts at once"):
        decide(even(), *[selected(FEBRUARY)] * 101)


def test_above_the_contracts_amount_two_people_approve() -> None:
    """The first leaves it a draft, the same one again too; the second approves it."""
    world = even(second_approver_above="9.99")
    assert [one.status for one in decide(world, selected(APRIL))] == ["draft"]
    assert [one.status for one in decide(world, selected(APRIL))] == ["draft"]
    assert reviewed(world, APRIL)[0].summary.first_approved_by == "mia"
    assert [one.status for one in decide(world, selected(APRIL), by="jo")] == ["approved"]
    said = [(e.by, e.what, e.status) for e in world.rows.audit.entries("acme") if e.subject == "2026-04-01"]
    assert said[1:] == [("mia", "first-approval", "draft"), ("jo", "", "approved")]


def test_the_daily_run_approves_by_the_contracts_rule() -> None:
    """Small and clean: approved by ``rule`` and issued in the same run. The first invoice waits for a person, and so
    does everything after it until then."""
    world = even(auto_below="10.01")
    assert world.daily(MAY).approved == []
    world.approve(JANUARY, MAY)
    report = world.daily(MAY)
    assert report.approved == ["acme/2026-02-01", "acme/2026-03-01", "acme/2026-04-01"]
    assert world.invoice(APRIL).approved_by == "rule"
    assert world.statuses() == dict.fromkeys(["2026-01-15", "2026-02-01", "2026-03-01", "2026-04-01"], "open")


@pytest.mark.parametrize("against", ["amount", "no rule", "quarantine", "counters", "sent back"])
def test_the_rule_approves_nothing_that_anything_speaks_against(against: str) -> None:
    """Not at the amount, not without the rule, not while facts wait, counters differ or somebody sent it back."""
    world = even(**({"auto_below": "10.00" if against == "amount" else "10.01"} if against != "no rule" else {}))
    world.approve(JANUARY, MAY)
    for month in (FEBRUARY, MARCH):
        world.approve(month, MAY)
    if against == "quarantine":
        waits(world, "m1", moment=at("2026-04-10"))
    if against == "counters":
        world.miscount("2026-04-02", "1.00")
    if against == "sent back":
        send_back_invoice("acme", APRIL, revision=1, note="why?", by="mia", invoices=world.rows.invoices, now=MAY)
    assert world.daily(MAY).approved == []
    assert world.invoice(APRIL).status == "draft"


def test_a_draft_that_does_not_follow_from_the_earlier_ones_is_not_approved() -> None:
    """January took in late usage, February was not refreshed yet: approving it now would bill that usage twice."""
    world = even()
    world.use("2026-01-20", "3.00")
    rows = world.rows
    before = {month: world.invoice(month) for month in (FEBRUARY, MARCH, APRIL)}
    world.close(MAY)
    for month, invoice in before.items():  # a crash between January and the others
        world.memory.invoices["acme", month] = invoice
    with pytest.raises(Conflict, match="an invoice before 2026-02-01 of acme has changed"):
        world.approve(FEBRUARY, MAY)
    world.close(MAY)
    assert world.approve(FEBRUARY, MAY).status == "approved"
    assert rows.invoices.invoice("acme", JANUARY).revision == 2


def test_an_approval_fails_when_an_earlier_draft_moves_at_the_same_moment() -> None:
    """It was read, then it moved: what was approved would not follow from it."""
    world = even()
    rows = world.rows
    real = rows.invoices.invoices

    def meanwhile(tenant: str) -> list[Any]:
        read = real(tenant)
        world.memory.invoices["acme", JANUARY] = replace(world.invoice(JANUARY), version=9)
        return read

    rows.invoices.invoices = meanwhile  # type: ignore[method-assign]  # somebody is faster
    with pytest.raises(Conflict):
        approve_invoice(
            "acme", FEBRUARY, revision=1, by="mia", contracts_rows=rows.contracts, invoices=rows.invoices, now=MAY
        )
    assert world.invoice(FEBRUARY).status == "draft"


def test_a_refresh_fails_when_a_later_draft_is_approved_at_the_same_moment() -> None:
    """Otherwise the late usage would be on the refreshed one and on the next statement."""
    world = even()
    world.use("2026-01-20", "3.00")
    real = world.lagging.month

    def meanwhile(*asked: Any) -> Any:
        found = list(real(*asked))
        if world.invoice(APRIL).status == "draft":
            world.memory.invoices["acme", APRIL] = replace(world.invoice(APRIL), status="approved", version=9)
        return found

    world.lagging.month = meanwhile  # type: ignore[method-assign, assignment]  # somebody is faster
    with pytest.raises(Conflict):
        world.close(MAY)
    assert world.invoice(JANUARY).revision == 1


def test_a_run_leaves_a_row_with_what_it_did() -> None:
    """Counts of everything, names of the first few; the same run again replaces it."""
    world = Billing(contract=signed())
    world.use(JANUARY, "10.00", cell=NORTH)
    world.daily(at("2026-02-05"))
    world.daily(at("2026-02-05"))
    [run] = world.rows.runs.last("invoice", 5)
    assert isinstance(run, Run)
    assert (run.at, run.counts["drafted"], run.counts["failed"]) == (at("2026-02-05"), 0, 0)
    world.daily(at("2026-03-05"))
    assert world.rows.runs.last("invoice")[0].report == {"drafted": ("acme/2026-02-01",)}
