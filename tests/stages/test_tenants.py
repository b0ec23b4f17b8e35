"""Tenants: usage with its lines and pace, holds by hand, and versions side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.domain.examples import DOCUMENT, D, contract
from tests.fakes.faults import Crash, Faults
from tests.stages.billing import FREE, JANUARY, Billing, at
from tollgate.domain.errors import Conflict, Invalid, NotFound
from tollgate.domain.notices import Hold
from tollgate.domain.preferences import Preferences
from tollgate.domain.usage import Cell
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.tenants import TenantPorts, compared, lift_hold, open_hold, tenant_detail, tenants

SMS = Cell("sms", "sms", "North America")
NOW = at("2026-02-04", "06:00")
"""Twenty days into the term."""


def ports(world: Billing) -> TenantPorts:
    rows = world.rows
    return TenantPorts(
        contracts=rows.contracts,
        ledger=rows.ledger,
        notices=rows.notices,
        holds=rows.holds,
        preferences=rows.preferences,
        audit=rows.audit,
    )


def used(messages: int = 2) -> Billing:
    world = Billing(contract=contract(allowances=FREE))
    world.use(JANUARY, "0.02", cell=SMS, messages=messages)
    world.memory.terms["acme", JANUARY] = world.memory.terms["acme", JANUARY].crossing("sms", 50)
    return world


def test_lines_that_the_customer_asked_for_are_among_the_lines() -> None:
    """Those passed when they were asked for are told apart; before anything is counted, they come from the choice."""
    world = used()
    row = world.memory.terms["acme", JANUARY]
    asked = frozenset({("sms", 30), ("sms", 90), ("sms", 50)})
    world.memory.terms["acme", JANUARY] = replace(row, asked=asked, passed=frozenset({("sms", 30)}))
    [tenant] = tenants(ports=ports(world), now=NOW).rows
    assert [(one.percent, one.at, one.crossed, one.asked, one.passed) for one in tenant.uses[0].lines] == [
        (30, D(2), False, True, True),
        (50, D(2), True, False, False),
        (90, D(4), False, True, False),
        (100, D(4), False, False, False),
    ]
    del world.memory.terms["acme", JANUARY]
    world.memory.preferences["acme"] = Preferences(shares={"sms": (20,)}, version=1)
    [tenant] = tenants(ports=ports(world), now=NOW).rows
    assert [line.percent for line in tenant.uses[0].lines if line.asked] == [20]


def test_a_tenant_is_shown_with_its_use_of_each_allowance() -> None:
    """The lines with where they are and whether they were crossed, the pace, and the day the limit is expected."""
    world = used()
    [row] = tenants(ports=ports(world), now=NOW).rows
    assert (row.contract.tenant, str(row.term.start), row.open_holds, row.undelivered) == ("acme", "2026-01-15", (), 0)
    sms, whatsapp = row.uses
    assert (sms.meter, sms.measure, sms.used, sms.included, sms.beyond) == ("sms", "messages", D(2), D(4), "suspend")
    assert [(line.percent, line.at, line.crossed) for line in sms.lines] == [(50, D(2), True), (100, D(4), False)]
    assert (sms.pace.per_day, sms.pace.limit_on) == (D("0.1"), date(2026, 2, 24))
    assert (whatsapp.used, whatsapp.lines) == (D(0), ())


def test_before_its_first_term_a_tenant_is_shown_with_that() -> None:
    """A contract that begins tomorrow has no usage and no pace."""
    [row] = tenants(ports=ports(used()), now=at("2025-12-01")).rows
    assert str(row.term.start) == "2026-01-15"


def test_tenants_come_a_page_at_a_time() -> None:
    """By name, each once, by a part of the name where one is asked for."""
    world = used()
    for name in ("beta", "gamma", "Alpha"):
        world.sign(contract(tenant=name))
    first = tenants(ports=ports(world), now=NOW, size=3)
    rest = tenants(ports=ports(world), now=NOW, size=3, cursor=first.cursor)
    shown = [[row.contract.tenant for row in page.rows] for page in (first, rest)]
    assert (shown, rest.cursor) == ([["Alpha", "acme", "beta"], ["gamma"]], "")
    assert [r.contract.tenant for r in tenants(ports=ports(world), now=NOW, search="AM").rows] == ["gamma"]


def test_a_page_of_tenants_costs_four_queries_each() -> None:
    """And one for the names."""
    world = used()
    world.faults = Faults()
    tenants(ports=ports(world), now=NOW)
    assert world.faults.calls == [
        "MemoryContracts.tenants",
        "MemoryContracts.versions",
        "LaggingLedger.terms",
        "MemoryHolds.holds",
    ]  # notices are not counted here


def held(world: Billing, **changes: Any) -> Hold:
    given = {"scope": "sms", "cause": "fraud", "note": "stolen card", "by": "mia", "now": NOW} | changes
    return open_hold("acme", ports=ports(world), **given)  # type: ignore[arg-type]  # a table of arguments


def test_a_hold_by_hand_is_open_until_somebody_lifts_it() -> None:
    """With whose it is and why, in the trail too; a limit's end or a payment leaves it."""
    world = used()
    hold = held(world, scope="all")
    assert (hold.identity, hold.by, hold.note) == ("all#manual#fraud/2026-02-04T06:00:00Z", "mia", "stolen card")
    [row] = tenants(ports=ports(world), now=NOW).rows
    assert [one.identity for one in row.open_holds] == [hold.identity]
    world.daily(at("2027-02-05"))
    assert world.holds()[0].is_open
    lifted = lift_hold("acme", hold.identity, note="cleared", by="jo", ports=ports(world), now=NOW + timedelta(days=1))
    assert lifted.lifted_at == NOW + timedelta(days=1)
    assert not world.holds()[0].is_open
    said = [(e.by, e.what, e.note, e.subject) for e in world.rows.audit.entries("acme") if e.action == "hold"]
    assert said == [
        ("mia", "hold-opened", "stolen card", hold.identity),
        ("jo", "hold-lifted", "cleared", hold.identity),
    ]


def test_the_same_hold_is_opened_once() -> None:
    """A second press leaves it; after it was lifted, or for another cause or service, it is another."""
    world = used()
    first = held(world)
    later = NOW + timedelta(minutes=1)
    assert held(world, now=later) == replace(first, version=1)
    held(world, now=later, cause="dispute")
    held(world, now=later, scope="whatsapp")
    lift_hold("acme", first.identity, note="ok", by="mia", ports=ports(world), now=later)
    assert lift_hold("acme", first.identity, note="ok", by="mia", ports=ports(world), now=NOW).lifted_at == later
    held(world, now=later)
    assert sum(hold.is_open for hold in world.holds()) == 3


@pytest.mark.parametrize("only", ["add", "open"])
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_opening_is_healed_by_a_repeat(only: str, *, after: bool) -> None:
    """In the trail first: there is a name whatever happens."""
    world = used()
    world.faults = Faults(at=1, only=only, after=after)
    with pytest.raises(Crash):
        held(world)
    world.faults = Faults()
    held(world)
    assert [(hold.is_open, hold.by) for hold in world.holds()] == [(True, "mia")]
    assert [e.what for e in world.rows.audit.entries("acme")] == ["hold-opened"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scope": "fax"}, "scope: expected one of all, sms, whatsapp"),
        ({"cause": "Fraud!"}, "cause: expected a word"),
        ({"cause": ""}, "cause: expected a word"),
        ({"note": " "}, "note: expected"),
        ({"by": ""}, "by: expected the name of who opens it"),
    ],
)
def test_an_impossible_hold_is_refused(change: dict[str, Any], problem: str) -> None:
    """Nothing is opened, and nothing is in the trail."""
    world = used()
    with pytest.raises(Invalid, match=problem):
        held(world, **change)
    assert (world.holds(), world.rows.audit.entries("acme")) == ([], [])


def test_what_a_limit_or_an_invoice_opened_is_not_lifted_by_hand() -> None:
    """Only what caused a hold lifts it."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=at("2026-02-05"))
    [hold] = world.holds()
    with pytest.raises(Conflict, match=r"is lifted by what caused it \(overdue\), not by hand"):
        lift_hold("acme", hold.identity, note="please", by="mia", ports=ports(world), now=NOW)
    assert world.holds()[0].is_open


def test_what_does_not_exist_is_not_found() -> None:
    """Neither tenants nor holds."""
    world = used()
    for act in (
        lambda: tenant_detail("nobody", ports=ports(world), now=NOW),
        lambda: open_hold("nobody", scope="all", cause="x", note="x", by="mia", ports=ports(world), now=NOW),
        lambda: lift_hold("acme", "all#manual#x", note="x", by="mia", ports=ports(world), now=NOW),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_tenants_page_has_notices_holds_and_versions() -> None:
    """Newest first; each version with who applied it and what it changed; changed limits with their approval."""
    world = Billing()
    world.suspended(JANUARY, "10.00", approved=at("2026-02-05"))
    raised = {"sms": DOCUMENT["allowances"]["sms"] | {"included": 60000}}
    version = contract(allowances=FREE | raised, approval={"by": "Jo", "document": "SO-17"}, **{"from": "2026-04-01"})
    world.rows.contracts.apply(version, {}, {}, by="mia", at=NOW)
    key = next(key for key, (notice, _) in world.memory.notices.items() if notice.kind == "overdue")
    world.memory.notices[key] = (world.memory.notices[key][0], MailState(status="bounced"))
    found = tenant_detail("acme", ports=ports(world), now=at("2026-05-01"))
    assert [(notice.kind, mail.status) for notice, mail in found.notices] == [
        ("suspended", "queued"),
        ("overdue", "bounced"),
    ]
    assert (found.tenant.undelivered, len(found.holds)) == (1, 1)
    newest, first = found.versions
    assert (newest.applied_by, newest.applied_at, first.applied_by) == ("mia", NOW, "")
    assert ("allowances.sms.included", "4", "60000") in [(d.path, d.before, d.after) for d in newest.differences]
    assert first.differences == ()
    assert [(c.meters, c.approved_by, c.document) for c in found.limit_changes] == [(("sms",), "Jo", "SO-17")]
    versions = world.rows.contracts.versions("acme")
    assert compared(versions, JANUARY, date(2026, 4, 1)) == list(newest.differences)
    with pytest.raises(NotFound):
        compared(versions, JANUARY, date(2026, 4, 2))
