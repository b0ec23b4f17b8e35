"""Invoices: revisions, approval of what was read, the ladder from overdue to suspended, and what Stripe says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.domain.examples import NOON, D
from tests.domain.tiny_books import TinyBooks, billing
from tollgate.domain.errors import Conflict, Invalid, RevisionChanged
from tollgate.domain.invoices import (
    Invoice,
    Push,
    Remark,
    approve,
    as_earlier,
    differences,
    draft,
    dun,
    may_refresh,
    overdue_hold,
    refreshed,
    reinstatement,
    send_back,
    settled,
)
from tollgate.domain.statement import Statement

DUE = date(2026, 3, 24)
STATUSES = ("draft", "nil", "carried", "approved", "open", "paid", "void", "uncollectible")


def statement(*fees: str) -> Statement:
    """The first statement of a contract that includes 1.00, with one usage for each fee."""
    books = TinyBooks([billing("1.00")])
    for number, fee in enumerate(fees):
        books.know(date(2026, 1, 20) + timedelta(days=number), fee)
    return books.close()


TEN, TWELVE, NOTHING = statement("11.00"), statement("11.00", "2.00"), statement("1.00")
DRAFT = draft(TEN, flags=["first-invoice"])
APPROVED = approve(DRAFT, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE)
OPEN = replace(APPROVED, status="open", stripe_invoice="in_1", remaining=D("10.00"))
TOLD = replace(OPEN, overdue_on=date(2026, 3, 25), suspend_on=date(2026, 4, 1))
HELD = replace(TOLD, suspended_on=date(2026, 4, 1))


def test_a_draft_starts_at_revision_one() -> None:
    """A new draft has its statement's kind as its status, and the name of its period's first day."""
    assert (DRAFT.status, DRAFT.revision, DRAFT.flags, DRAFT.version) == ("draft", 1, ("first-invoice",), 0)
    assert (DRAFT.tenant, DRAFT.name) == ("acme", "2026-01-15")
    assert draft(NOTHING).status == "nil"


@pytest.mark.parametrize(
    ("new", "flags", "revision", "status"),
    [
        (TEN, ["first-invoice"], 1, "draft"),
        (TEN, ["first-invoice", "brings-forward"], 1, "draft"),  # what finance reads is the same
        (TWELVE, ["first-invoice"], 2, "draft"),
        (NOTHING, [], 2, "nil"),
    ],
)
def test_only_moved_content_is_a_new_revision(new: Statement, flags: list[str], revision: int, status: str) -> None:
    """A draft follows its usage; its revision counts how often its content moved."""
    after = refreshed(DRAFT, new, flags=flags)
    assert (after.statement, after.flags, after.revision, after.status) == (new, tuple(flags), revision, status)


def test_a_draft_that_did_not_move_is_the_same() -> None:
    """Nothing to write when neither content nor flags changed."""
    assert refreshed(DRAFT, statement("11.00"), flags=["first-invoice"]) is DRAFT


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "draft"])
def test_only_a_draft_changes_its_content(status: str) -> None:
    """From approval on, and once nothing is asked for, the content stands."""
    with pytest.raises(Conflict, match=rf"^invoice 2026-01-15 of acme is {status} and cannot change$"):
        refreshed(replace(DRAFT, status=status), TWELVE)


@pytest.mark.parametrize(
    ("status", "later", "may"),
    [
        ("draft", [], True),
        ("draft", ["draft", "draft"], True),
        ("draft", ["draft", "approved"], False),  # a later statement stands on this one
        ("draft", ["nil"], False),
        ("draft", ["carried"], False),
        ("approved", [], False),
        ("nil", [], False),
    ],
)
def test_a_draft_follows_its_usage_until_a_later_period_stands(status: str, later: Sequence[str], may: bool) -> None:
    """What comes after that is on the next statement, so that nothing is asked for twice."""
    assert may_refresh(replace(DRAFT, status=status), [replace(DRAFT, status=other) for other in later]) is may


def test_an_approval_is_kept_with_name_time_and_due_date() -> None:
    """Who approved what, when; and from then on it is due."""
    assert (APPROVED.status, APPROVED.approved_by, APPROVED.approved_at, APPROVED.due_date) == (
        "approved",
        "Jo Doe",
        NOON,
        DUE,
    )
    assert (APPROVED.statement, APPROVED.revision, APPROVED.flags) == (TEN, 1, ("first-invoice",))


@pytest.mark.parametrize("invoice", [APPROVED, OPEN, replace(OPEN, status="paid")])
def test_approving_twice_changes_nothing(invoice: Invoice) -> None:
    """The same person, the same revision: the invoice as it is now, its due date where it was."""
    later = NOON + timedelta(days=1)
    assert approve(invoice, revision=1, read=TEN, by="Jo Doe", at=later, due_date=date(2027, 1, 1)) is invoice


@pytest.mark.parametrize(
    "invoice", [APPROVED, *(replace(DRAFT, status=status) for status in STATUSES if status != "draft")]
)
def test_only_a_draft_is_approved(invoice: Invoice) -> None:
    """Someone else's approval stands, and what needs none gets none."""
    with pytest.raises(Conflict, match=rf"^invoice 2026-01-15 of acme is {invoice.status}, not draft$"):
        approve(invoice, revision=1, read=TEN, by="Al Roe", at=NOON, due_date=DUE)


@pytest.mark.parametrize("by", ["", " "])
@pytest.mark.parametrize("invoice", [DRAFT, draft(NOTHING)])
def test_nobody_approves_without_a_name(invoice: Invoice, by: str) -> None:
    """An approval without a name is refused, even where there is nothing to approve."""
    with pytest.raises(Invalid, match="by: expected the name of who approves"):
        approve(invoice, revision=1, read=TEN, by=by, at=NOON, due_date=DUE)


def test_an_approval_of_another_revision_is_refused_with_what_moved() -> None:
    """Read at 10.00, now at 12.00: refused, naming each line that is not what was read."""
    moved = refreshed(DRAFT, TWELVE)
    with pytest.raises(RevisionChanged) as caught:
        approve(moved, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE)
    error = caught.value
    assert (error.tenant, error.period, error.named, error.current) == ("acme", "2026-01-15", 1, 2)
    assert error.differences == (
        "total: 10.00 -> 12.00",
        "marketing/North America: 1 messages 11.00 -> 2 messages 13.00",
    )
    assert str(error) == "invoice 2026-01-15 of acme is at revision 2, not 1: " + "; ".join(error.differences)


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        (None, TEN, ["that revision never existed"]),
        (TEN, TEN, ["total: 10.00 -> 10.00"]),
        (
            statement(),
            TEN,
            [
                "total: 0.00 -> 10.00",
                "allowance/whatsapp: none -> 1 messages -1.00",
                "marketing/North America: none -> 1 messages 11.00",
            ],
        ),
        (
            TEN,
            statement(),
            [
                "total: 10.00 -> 0.00",
                "allowance/whatsapp: 1 messages -1.00 -> none",
                "marketing/North America: 1 messages 11.00 -> none",
            ],
        ),
    ],
)
def test_what_moved_is_told_line_by_line(old: Statement | None, new: Statement, moved: list[str]) -> None:
    """Lines that came, went or changed, by key; lines that stayed are left out."""
    assert differences(old, new) == moved


@pytest.mark.parametrize(
    ("status", "invoiced"), [(status, "0" if status == "void" else "10.00") for status in STATUSES if status != "nil"]
)
def test_only_a_void_invoice_counts_as_not_invoiced(status: str, invoiced: str) -> None:
    """For the next statement, everything but a void invoice stands; what is uncollectible is still owed."""
    earlier = as_earlier(replace(DRAFT, status=status))
    assert (earlier.stated, earlier.invoiced, earlier.known) == (D("10.00"), D(invoiced), TEN.known)


@pytest.mark.parametrize(
    ("invoice", "today", "step"),
    [
        (OPEN, DUE - timedelta(days=1), None),
        (OPEN, DUE, None),  # due through the whole of its due date
        (OPEN, DUE + timedelta(days=1), "overdue"),
        (OPEN, DUE + timedelta(days=40), "overdue"),  # nobody is suspended who was not told before
        (TOLD, date(2026, 3, 31), None),
        (TOLD, date(2026, 4, 1), "suspended"),
        (TOLD, date(2026, 5, 1), "suspended"),
        (HELD, date(2026, 5, 1), None),  # once
        (replace(OPEN, overdue_on=DUE), date(2026, 5, 1), None),  # no day was announced
        (replace(OPEN, due_date=None), date(2026, 5, 1), None),
        *((replace(TOLD, status=status), date(2026, 5, 1), None) for status in STATUSES if status != "open"),
    ],
)
def test_the_ladder_from_overdue_to_suspended(invoice: Invoice, today: date, step: str | None) -> None:
    """One step at a time, each once, and only for an invoice that is open now."""
    taken = dun(invoice, today=today, at=NOON, suspend_after_days=7)
    assert (taken.notice.kind if taken else None) == step


def test_the_past_due_notice_names_the_day_of_suspension() -> None:
    """Seven days after it is given; no hold yet, and the amount is what Stripe says is still owed."""
    step = dun(replace(OPEN, remaining=D("4.00")), today=DUE + timedelta(days=1), at=NOON, suspend_after_days=7)
    assert step is not None
    assert (step.invoice.overdue_on, step.invoice.suspend_on, step.invoice.suspended_on) == (
        date(2026, 3, 25),
        date(2026, 4, 1),
        None,
    )
    assert (step.hold, step.notice.suspend_on, step.notice.used) == (None, date(2026, 4, 1), D("4.00"))
    assert (step.notice.tenant, step.notice.term, step.notice.period, step.notice.at) == (
        "acme",
        date(2026, 1, 15),
        date(2026, 1, 15),
        NOON,
    )


def test_a_suspension_holds_all_services_in_the_invoices_name() -> None:
    """The hold is named after the invoice, so that only this invoice lifts it."""
    step = dun(TOLD, today=date(2026, 4, 1), at=NOON, suspend_after_days=7)
    assert step is not None
    assert step.invoice == HELD
    assert step.hold == overdue_hold(HELD, at=NOON)
    assert (step.hold.identity, step.hold.opened_at) == ("all#overdue#2026-01-15", NOON)
    assert dun(step.invoice, today=date(2026, 4, 2), at=NOON, suspend_after_days=7) is None


def test_the_ladder_of_an_invoice_has_notices_of_its_own() -> None:
    """Overdue, suspended, reinstated: one of each for an invoice, whatever is repeated."""
    overdue = dun(OPEN, today=date(2026, 3, 25), at=NOON, suspend_after_days=7)
    assert overdue is not None
    suspended = dun(overdue.invoice, today=date(2026, 4, 1), at=NOON, suspend_after_days=7)
    assert suspended is not None
    back = reinstatement(suspended.invoice, at=datetime(2026, 4, 2, tzinfo=UTC))
    assert [notice.identity for notice in (overdue.notice, suspended.notice, back)] == [
        "2026-01-15#invoice#2026-01-15#overdue",
        "2026-01-15#invoice#2026-01-15#suspended",
        "2026-01-15#invoice#2026-01-15#reinstated",
    ]


@pytest.mark.parametrize(
    ("status", "remaining", "after"),
    [
        ("open", "10.00", "open"),
        ("open", "0.01", "open"),
        ("open", "0", "paid"),  # paid outside of Stripe
        ("open", "-1", "paid"),
        ("paid", "0", "paid"),
        ("void", "10.00", "void"),
        ("void", "0", "void"),  # no payment: what is on it is asked for again
        ("uncollectible", "10.00", "uncollectible"),
        ("uncollectible", "0", "paid"),
    ],
)
def test_an_invoice_is_what_stripe_says_it_is(status: str, remaining: str, after: str) -> None:
    """Whatever the row said before; where nothing is owed any more, and it is not void, it is paid."""
    for before in (APPROVED, OPEN, HELD):
        row = settled(
            before,
            status=status,
            remaining=D(remaining),
            stripe_invoice="in_1",
            number="A-1",
            hosted_url="https://p",
            pdf_url="https://f",
        )
        assert (row.status, row.remaining, row.stripe_invoice) == (after, D(remaining), "in_1")
        assert (row.number, row.hosted_url, row.pdf_url, row.statement) == ("A-1", "https://p", "https://f", TEN)
        assert (row.due_date, row.suspended_on) == (before.due_date, before.suspended_on)


def test_what_stripe_leaves_out_is_kept() -> None:
    """A number, a page and a file once known stay; a push that failed and has arrived now needs nobody's eye."""
    push = Push(attempts=5, key_attempt=1, error="503", flagged=True)
    failed = replace(APPROVED, number="A-1", hosted_url="https://p", pdf_url="https://f", push=push)
    row = settled(failed, status="open", remaining=D(10), stripe_invoice="in_1", number="", hosted_url="", pdf_url="")
    assert (row.number, row.hosted_url, row.pdf_url) == ("A-1", "https://p", "https://f")
    assert row.push == Push(attempts=5, key_attempt=1, error="", flagged=False)


def test_a_notice_before_stripe_has_answered_names_the_total() -> None:
    """What is owed is the whole total until Stripe says otherwise."""
    assert reinstatement(APPROVED, at=NOON).used == D("10.00")
    assert reinstatement(replace(OPEN, remaining=D(0)), at=NOON).used == 0


@pytest.mark.parametrize(("above", "people"), [(None, 1), ("10.00", 1), ("9.99", 2)])
def test_above_an_amount_two_people_approve(above: str | None, people: int) -> None:
    """Exactly the amount takes one. The first leaves it a draft, and is kept beside the second."""
    limit = None if above is None else D(above)
    first = approve(DRAFT, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE, second_above=limit)
    assert (first.status, first.first_approved_by) == (("approved", "") if people == 1 else ("draft", "Jo Doe"))
    if people == 2:
        second = approve(first, revision=1, read=TEN, by="Al Roe", at=NOON, due_date=DUE, second_above=limit)
        assert (second.status, second.first_approved_by, second.approved_by) == ("approved", "Jo Doe", "Al Roe")
        assert second.due_date == DUE
        for by in ("Jo Doe", "Al Roe"):
            assert approve(second, revision=1, read=TEN, by=by, at=NOON, due_date=DUE, second_above=limit) is second


@pytest.mark.parametrize("by", ["Jo Doe", "jo doe", " Jo Doe "])
def test_one_person_is_not_two(by: str) -> None:
    """However the name is spelled the second time."""
    first = approve(DRAFT, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE, second_above=D(0))
    assert approve(first, revision=1, read=TEN, by=by, at=NOON, due_date=DUE, second_above=D(0)) is first


def test_a_draft_that_is_sent_back_stays_a_draft_with_its_note() -> None:
    """The first of two approvals is withdrawn; the same note again changes nothing; an approval answers it."""
    first = approve(DRAFT, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE, second_above=D(0))
    back = send_back(first, revision=1, read=TEN, note="India?", by="mia", at=NOON)
    assert (back.status, back.first_approved_by, back.first_approved_at) == ("draft", "", None)
    assert back.sent_back == Remark(text="India?", by="mia", at=NOON)
    assert send_back(back, revision=1, read=TEN, note="India?", by="mia", at=NOON + timedelta(days=1)) is back
    assert approve(back, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE).sent_back is None
    assert approve(back, revision=1, read=TEN, by="Jo", at=NOON, due_date=DUE, second_above=D(0)).sent_back is None


def test_a_new_revision_starts_without_notes_and_approvals() -> None:
    """They were about what it said before; new flags alone leave them."""
    first = approve(DRAFT, revision=1, read=TEN, by="Jo Doe", at=NOON, due_date=DUE, second_above=D(0))
    back = replace(first, sent_back=Remark(text="?", by="mia", at=NOON))
    assert refreshed(back, TEN, flags=["jump"]) == replace(back, flags=("jump",))
    moved = refreshed(back, TWELVE)
    assert (moved.revision, moved.first_approved_by, moved.first_approved_at, moved.sent_back) == (2, "", None, None)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"by": ""}, Invalid, "by: expected the name of who sends it back"),
        ({"note": " "}, Invalid, "note: expected 1 to 1000 characters"),
        ({"note": "x" * 1001}, Invalid, "note: expected 1 to 1000 characters"),
        ({"revision": 2}, RevisionChanged, "is at revision 1, not 2"),
    ],
)
def test_sending_back_needs_a_name_a_note_and_what_was_read(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    """As an approval does."""
    given: dict[str, Any] = {"revision": 1, "read": TEN, "note": "why?", "by": "mia", "at": NOON} | change
    with pytest.raises(error, match=words):
        send_back(DRAFT, **given)


def test_only_a_draft_is_sent_back() -> None:
    """What is approved is corrected at Stripe."""
    with pytest.raises(Conflict, match="is approved, not draft"):
        send_back(APPROVED, revision=1, read=TEN, note="why?", by="mia", at=NOON)
