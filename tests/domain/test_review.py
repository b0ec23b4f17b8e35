"""Review: flags with reasons, the change against the months before, and what a contract's rule approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.domain.examples import NOON, D
from tests.domain.tiny_books import TinyBooks, billing
from tollgate.domain.contract import Contract
from tollgate.domain.invoices import Push, Remark, draft
from tollgate.domain.review import (
    Flag,
    Summary,
    approved_by_rule,
    change,
    draft_flags,
    flags,
    summary_of,
    trailing_mean,
)
from tollgate.domain.statement import Statement


def contract(max_jump: int = 30, auto_below: str | None = None, since: date | None = None) -> Contract:
    rule = {"max_jump": max_jump, **({"auto_below": auto_below} if auto_below else {})}
    return billing("1.00").model_validate(
        billing("1.00").document() | {"review": rule} | ({"from": str(since)} if since else {})
    )


def statement(*fees: str, **moved: object) -> Statement:
    books = TinyBooks([billing("1.00")])
    for fee in fees:
        books.know("2026-01-20", fee)
    return replace(books.close(), **moved)  # type: ignore[arg-type]  # a table of fields


def summary(**changes: object) -> Summary:
    return replace(summary_of(draft(statement("11.00"))), **changes)  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("before", "mean", "moved"),
    [
        ([], None, None),
        (["10.00"], "10.00", "0.0"),
        (["8.00"], "8.00", "25.0"),
        (["99.00", "10.00", "10.00", "10.00"], "10.00", "0.0"),  # three before, no more
        (["0", "0"], "0", None),
        (["-10.00"], "-10.00", "200.0"),
        (["40.00"], "40.00", "-75.0"),
    ],
)
def test_an_amount_is_compared_with_the_mean_of_the_last_three(
    before: list[str], mean: str | None, moved: str | None
) -> None:
    """In percent, up or down; where there is nothing to compare with there is no change."""
    amounts = [D(amount) for amount in before]
    assert trailing_mean(amounts) == (None if mean is None else D(mean))
    assert change(D("10.00"), amounts) == (None if moved is None else D(moved))


@pytest.mark.parametrize(
    ("before", "max_jump", "jumps"),
    [
        (["10.00"], 1, False),
        (["8.00"], 25, False),  # exactly the share is not over it
        (["8.00"], 24, True),
        (["40.00"], 74, True),  # a fall may be receipts that were lost
        (["40.00"], 75, False),
        (["0"], 10_000, True),  # anything after nothing
        ([], 1, False),  # the first invoice is flagged as that
    ],
)
def test_a_jump_is_a_change_beyond_the_contracts_share(before: list[str], max_jump: int, jumps: bool) -> None:
    """Up or down, of the month's own amount."""
    found = draft_flags(statement("11.00"), before=[D(b) for b in before], versions=[contract(max_jump)])
    assert ("jump" in found) is jumps


def test_the_contract_at_the_end_of_the_period_says_what_a_jump_is() -> None:
    """A version from within the period on holds for it; a later one does not."""
    versions = [contract(5), contract(50, since=date(2026, 1, 31)), contract(1, since=date(2026, 2, 1))]
    assert "jump" not in draft_flags(statement("11.00"), before=[D("8.00")], versions=versions)


@pytest.mark.parametrize(
    ("since", "changed"),
    [(None, False), (date(2026, 1, 15), True), (date(2026, 1, 31), True), (date(2026, 2, 1), False)],
)
def test_a_contract_that_changed_within_the_period_is_flagged(since: date | None, changed: bool) -> None:
    """Not the first version, and not one from the day after it."""
    versions = [contract(), *([contract(since=since)] if since else [])]
    assert ("contract-changed" in draft_flags(statement("11.00"), before=[], versions=versions)) is changed


def test_a_statement_shows_what_finance_should_look_at_by_itself() -> None:
    """First, adjusting, bringing forward, negative: each flag once."""
    books = TinyBooks([billing("1.00")])
    books.know("2026-01-20", "11.00")
    january = books.close()
    assert draft_flags(january, before=[], versions=[contract()]) == ("first-invoice",)
    books.invoices[0] = replace(books.invoices[0], status="void")
    books.know("2026-01-21", "-2.00")
    found = draft_flags(books.close(), before=[january.stated], versions=[contract()])
    assert found == ("adjusts-earlier-months", "brings-forward", "jump", "negative")


def test_every_flag_gives_its_reason() -> None:
    """In words, with the numbers where there are any."""
    found = flags(
        summary(flags=("first-invoice", "jump", "of-tomorrow"), sent_back="India looks wrong"),
        before=[D("8.00"), D("8.00")],
        quarantined=3,
        counters_differ=True,
        provider_differs=["the provider says more", "and less"],
    )
    assert {flag.name: flag.reason for flag in found} == {
        "first-invoice": "the first statement of this tenant",
        "jump": "by +25.0% against the mean of 2 statements before, USD 8.00",
        "of-tomorrow": "of-tomorrow",
        "quarantined": "usage of this tenant waits in quarantine, uncounted (3 facts)",
        "counters-differ": "the records of the period do not add up to its counters",
        "provider-differs": "the provider says more (and 1 more)",
        "sent-back": "India looks wrong",
    }


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ([], "the month differs from those before by more than the contract's share"),
        ([D(0)], "from nothing against the statement before, USD 0.00"),
    ],
)
def test_a_jump_without_numbers_still_has_a_reason(before: list[Decimal], reason: str) -> None:
    """After months of nothing there is no percentage, and without any there is no mean."""
    found = flags(summary(flags=("jump",)), before=before, quarantined=0, counters_differ=False, provider_differs=[])
    assert found == [Flag("jump", reason)]


def test_nothing_known_against_it_is_clean() -> None:
    """A statement of a provider that is not known raises nothing."""
    assert flags(summary(), before=[], quarantined=0, counters_differ=False, provider_differs=[]) == []


@pytest.mark.parametrize(
    ("auto_below", "status", "found", "approved"),
    [
        ("10.01", "draft", [], True),
        ("10.00", "draft", [], False),  # below, not at
        (None, "draft", [], False),
        ("10.01", "approved", [], False),
        ("10.01", "draft", [Flag("jump", "")], False),
    ],
)
def test_the_rule_approves_small_clean_drafts(
    auto_below: str | None, status: str, found: list[Flag], approved: bool
) -> None:
    """Only where the contract has the rule, only below its amount, only clean."""
    assert approved_by_rule(summary(status=status), found, contract(auto_below=auto_below)) is approved


def test_a_summary_says_what_the_review_lists() -> None:
    """The note of who sent it back, the first of two people, and Stripe's refusal while it stands."""
    whole = replace(
        draft(statement("11.00"), flags=["first-invoice"]),
        sent_back=Remark(text="why?", by="mia", at=NOON),
        first_approved_by="jo",
        push=Push(error="no address", flagged=True),
    )
    one = summary_of(whole)
    assert (one.tenant, one.period.start, one.total, one.stated) == ("acme", date(2026, 1, 15), D("10.00"), D("10.00"))
    assert (one.sent_back, one.first_approved_by, one.refused) == ("why?", "jo", "no address")
    assert summary_of(replace(whole, push=Push(error="busy"))).refused == ""
