"""The review of a month: what it shows of each draft, and what its buttons write."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from tests.console.conftest import World
from tests.console.visitor import Visitor
from tests.domain.examples import D, contract
from tests.stages.billing import FEBRUARY, FREE, JANUARY, Billing, at
from tollgate.domain.reconciliation import RECEIPTS_MISSING, Difference, reconciled
from tollgate.stages.issue import approve_invoice

TENANTS = {"acme": "10.00", "beta": "20.00", "gamma": "900.00"}
"""What each comes to in February, after 10.00 or 20.00 in January: gamma's is a jump."""


def month(tenants: dict[str, str] = TENANTS) -> Billing:
    """A tenant each with January approved and February drafted."""
    world = Billing()
    for name, amount in tenants.items():
        world.contract = contract(tenant=name, allowances=FREE)
        world.memory.contracts[name, JANUARY] = world.contract
        world.use(JANUARY, "20.00" if amount == "20.00" else "10.00")
        world.close(at("2026-02-05"))
        world.use(FEBRUARY, amount)
        world.close(at("2026-03-05"))
    return world


@pytest.fixture
def world() -> World:
    """A site in March with three drafts of February."""
    return World(memory=month().memory)


def statuses(world: World, period: date = FEBRUARY) -> dict[str, str]:
    """Status and who approved, by tenant."""
    return {
        tenant: invoice.approved_by or invoice.status
        for (tenant, start), invoice in sorted(world.memory.invoices.items())
        if start == period
    }


def row(text: str, tenant: str) -> str:
    """The words of a tenant's row."""
    found = re.search(rf'<tr data-href="/console/invoices/{tenant}/.*?</tr>', text, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def test_a_draft_is_listed_with_its_change_and_its_flags_in_words(signed_in: Callable[..., Visitor]) -> None:
    """Amount, change against the mean before, and the reason for each flag; unasked, of the month that has ended."""
    seen = signed_in("finance").get("/console/review")
    assert "February 2026" in seen.words
    assert "USD 10.00 +0.0% mean USD 10.00 clean" in row(seen.text, "acme")
    assert "by +8900.0% against the statement before" in row(seen.text, "gamma")
    assert "3 drafts wait USD 930.00" in seen.words
    assert "2 clean USD 30.00" in seen.words


def test_a_draft_that_a_provider_bills_otherwise_is_flagged_and_not_clean(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """Its reason in words; it can only be opened, and not be approved with the clean ones."""
    differs = Difference(
        cause=RECEIPTS_MISSING, tenant="acme", subject="twilio AC1, sms, 2026-02-03", ours="0", theirs="5",
        unit="messages", source="the roll-ups of twilio", periods=(FEBRUARY,),
    )  # fmt: skip
    world.ports.reconciled.save(reconciled("acme", [differs], at=world.now))
    text = signed_in("finance").get("/console/review").text
    assert (
        "provider differs twilio AC1, sms, 2026-02-03: the provider bills usage of which we have no receipts: "
        "0 messages in our records, 5 messages in the roll-ups of twilio"
    ) in row(text, "acme").replace("</span>", "")
    assert "clean" not in row(text, "acme")


def test_a_flagged_draft_can_only_be_opened(signed_in: Callable[..., Visitor]) -> None:
    """Its box is disabled, and its row leads to its page."""
    text = signed_in("finance").get("/console/review").text
    boxes = {found[1]: found[2] for found in re.finditer(r'name="draft" value="(\w+)/[^"]*"([^>]*)>', text)}
    assert {tenant: "disabled" in rest for tenant, rest in boxes.items()} == {
        "acme": False,
        "beta": False,
        "gamma": True,
    }


@pytest.mark.parametrize(
    ("query", "tenants"),
    [
        ("sort=-amount", ["gamma", "beta", "acme"]),
        ("sort=-change", ["gamma", "acme", "beta"]),
        ("flag=clean", ["acme", "beta"]),
        ("flag=jump", ["gamma"]),
        ("q=ET", ["beta"]),
        ("month=2026-03", []),
    ],
)
def test_drafts_are_sorted_and_filtered(signed_in: Callable[..., Visitor], query: str, tenants: list[str]) -> None:
    """By column, flag, name and month."""
    text = signed_in("read-only").get(f"/console/review?{query}").text
    assert re.findall(r'<tr data-href="/console/invoices/(\w+)/', text) == tenants


def test_the_months_beside_are_a_click_away(signed_in: Callable[..., Visitor]) -> None:
    """With what is filtered by; the month that runs is the last."""
    visitor = signed_in("finance")
    text = visitor.get("/console/review?flag=clean").text
    assert 'href="/console/review?month=2026-01&amp;flag=clean"' in text
    assert 'href="/console/review?month=2026-03&amp;flag=clean"' in text
    assert "Later" not in visitor.get("/console/review?month=2026-03").text


def test_what_is_no_month_is_refused(signed_in: Callable[..., Visitor]) -> None:
    """And not read as some other month."""
    seen = signed_in("finance").get("/console/review?month=2026-13")
    assert (seen.status, "expected a month such as 2026-03" in seen.words) == (400, True)


def test_selecting_asks_first_with_count_and_sum(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Nothing is approved by it; a flagged draft that was selected all the same is left out, and said so."""
    visitor = signed_in("finance")
    visitor.get("/console/review")
    chosen = {"month": "2026-02", "draft": ["acme/2026-02-01/1", "gamma/2026-02-01/1"]}
    seen = visitor.submit("/console/review", chosen)
    assert "Approve 1 draft, USD 10.00?" in seen.words
    assert "1 of those selected cannot be approved here any more" in seen.words
    assert '<dialog id="approve" aria-labelledby="approve-title" open>' in seen.text
    assert set(statuses(world).values()) == {"draft"}
    assert not re.findall(r'href="[^"]*(?:csrf|draft)=', seen.text)  # a form's fields stay out of links


def test_all_clean_ones_are_approved_in_one_go(world: World, signed_in: Callable[..., Visitor]) -> None:
    """By whom it was, at the revisions shown; the flagged one stays a draft."""
    visitor = signed_in("finance")
    visitor.get("/console/review")
    asked = visitor.submit("/console/review", {"month": "2026-02", "which": "clean"})
    assert "Approve 2 drafts, USD 30.00?" in asked.words
    named = re.findall(r'type="hidden" name="draft" value="([^"]*)"', asked.text)
    done = visitor.submit("/console/review/approve", {"month": "2026-02", "draft": named})
    assert (done.status, done.location) == (303, "/console/review?month=2026-02")
    assert "2 approved." in visitor.get(done.location).words
    assert statuses(world) == {"acme": "7f3a-ada", "beta": "7f3a-ada", "gamma": "draft"}


def test_a_draft_that_moved_meanwhile_is_refused_and_the_others_go(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """With what moved, and a way to it."""
    visitor = signed_in("finance")
    visitor.get("/console/review")
    [key] = [key for key in world.memory.invoices if key == ("beta", FEBRUARY)]
    old = world.memory.invoices[key]
    world.memory.invoices[key] = replace(old, revision=2, statement=replace(old.statement, total=D("21.00")))
    named = ["acme/2026-02-01/1", "beta/2026-02-01/1"]
    seen = visitor.submit("/console/review/approve", {"month": "2026-02", "draft": named})
    assert seen.status == 409
    assert "1 could not be approved 1 approved." in seen.words
    assert "total: 20.00 -&gt; 21.00" in seen.words
    assert statuses(world) == {"acme": "7f3a-ada", "beta": "draft", "gamma": "draft"}


def test_above_the_second_approvers_amount_it_waits_for_another(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """The page says so before and after."""
    two = contract(tenant="acme", allowances=FREE, review={"second_approver_above": "5"})
    world.memory.contracts["acme", JANUARY] = two
    visitor = signed_in("finance")
    visitor.get("/console/review")
    done = visitor.submit("/console/review/approve", {"month": "2026-02", "draft": ["acme/2026-02-01/1"]})
    seen = visitor.get(done.location)
    assert "0 approved. 1 wait for a second person." in seen.words
    assert "approved by the first of two" in row(seen.text, "acme")


@pytest.mark.parametrize("draft", ["acme", "acme/2026-02-01", "acme/soon/1"])
def test_a_broken_selection_is_refused(world: World, signed_in: Callable[..., Visitor], draft: str) -> None:
    """Nothing is guessed, nothing is approved."""
    visitor = signed_in("finance")
    visitor.get("/console/review")
    assert visitor.submit("/console/review/approve", {"draft": [draft]}).status == 400
    assert set(statuses(world).values()) == {"draft"}


def test_nothing_selected_is_said(signed_in: Callable[..., Visitor]) -> None:
    """The page comes back as it was."""
    visitor = signed_in("finance")
    visitor.get("/console/review")
    done = visitor.submit("/console/review", {"month": "2026-02"})
    assert "Nothing that can be approved was selected." in visitor.get(done.location).words


def test_who_may_not_approve_sees_no_boxes_and_no_buttons(world: World, signed_in: Callable[..., Visitor]) -> None:
    """And is refused by the server."""
    visitor = signed_in("read-only")
    text = visitor.get("/console/review").text
    assert 'name="draft"' not in text
    assert "Approve" not in text
    refused = visitor.submit("/console/review/approve", {"draft": ["acme/2026-02-01/1"]})
    assert (refused.status, statuses(world)["acme"]) == (403, "draft")


def test_a_month_without_drafts_says_so(signed_in: Callable[..., Visitor]) -> None:
    """Not an empty table."""
    assert "No draft of this month waits for review." in signed_in("finance").get("/console/review?month=2025-12").text


def test_a_thousand_drafts_are_shown_a_hundred_at_a_time(signed_in: Callable[..., Visitor], world: World) -> None:
    """Below 150 KB with its styles and scripts, and the button names how many go at once."""
    draft = world.memory.invoices["acme", FEBRUARY]
    january = world.memory.invoices["acme", JANUARY]
    for n in range(1_000):
        name = f"tenant-with-a-rather-long-name-{n:04}"
        for invoice in (january, draft):
            statement = replace(invoice.statement, tenant=name)
            world.memory.invoices[name, statement.period.start] = replace(invoice, statement=statement)
    text = signed_in("finance").get("/console/review").text
    assert text.count("<tr data-href") == 100
    assert "Approve the first 100 of 1,002 clean ones" in text
    assert len(text.encode()) + 66_000 < 150_000


def test_an_approved_draft_is_gone_from_the_review(world: World, signed_in: Callable[..., Visitor]) -> None:
    """It does not wait any more."""
    rows = world.ports
    approve_invoice("acme", JANUARY, revision=1, by="fin", contracts_rows=rows.contracts, invoices=rows.invoices,
                    now=world.now)  # fmt: skip
    text = signed_in("finance").get("/console/review?month=2026-01").text
    assert "/console/invoices/acme/" not in text
