"""Announcing: one event for each change somebody is told about, with an id that a repeat shares and no other has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D
from tollgate.domain.calendar import Period
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.exports import CUSTOMER, FAILED, READY, RUNNING, Export, Place, Selection
from tollgate.domain.invoices import Invoice, Push
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.statement import Statement
from tollgate.stages.announce import Changed, events
from tollgate.stages.ports.events import DomainEvent

AT = datetime(2026, 3, 10, 17, tzinfo=UTC)
TERM = date(2026, 1, 15)
WARNING = Notice(
    tenant="acme",
    kind="usage-warning",
    term=TERM,
    at=AT,
    meter="sms",
    line=75,
    used=D(37_500),
    included=D(50_000),
)
OVERDUE = Notice(tenant="acme", kind="overdue", term=TERM, at=AT, used=D("12.50"), period=date(2026, 3, 1))
HOLD = Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=AT, version=1)
STATEMENT = Statement(
    tenant="acme",
    period=Period(date(2026, 3, 1), date(2026, 4, 1)),
    term=TERM,
    currency="USD",
    kind="draft",
    lines=(),
    stated=D("12.50"),
    total=D("12.50"),
    known={},
)
DRAFT = Invoice(statement=STATEMENT, status="draft", version=1)
APPROVED = replace(DRAFT, status="approved", approved_by="jo", approved_at=AT, due_date=date(2026, 4, 17), version=2)
OPEN = replace(APPROVED, status="open", stripe_invoice="in_1", version=3)


def test_a_new_notice_is_told_in_full() -> None:
    """What a mail or another system needs, amounts as strings, in terms of the row alone."""
    assert list(events(Changed(None, WARNING, AT))) == [
        DomainEvent(
            id="tollgate.notice.created:acme:2026-01-15#sms#75",
            type="tollgate.notice.created",
            tenant="acme",
            at=AT,
            data={
                "identity": "2026-01-15#sms#75",
                "kind": "usage-warning",
                "term": "2026-01-15",
                "meter": "sms",
                "line": 75,
                "used": "37500",
                "included": "50000",
                "period": None,
            },
        )
    ]


def test_an_invoices_notice_names_its_period() -> None:
    """And has neither meter nor line."""
    (event,) = events(Changed(None, OVERDUE, AT))
    assert event.id == "tollgate.notice.created:acme:2026-01-15#invoice#2026-03-01#overdue"
    assert [event.data[name] for name in ("meter", "line", "used", "included", "period")] == [
        None,
        None,
        "12.50",
        None,
        "2026-03-01",
    ]


def test_a_hold_is_told_when_it_opens_and_when_it_is_lifted() -> None:
    """Two events with ids of their own; the same hold written again is none."""
    lifted = HOLD.lifted(AT + timedelta(days=1))
    assert [event.id for event in events(Changed(None, HOLD, AT))] == ["tollgate.hold.opened:acme:sms#limit#2026-01-15"]
    (event,) = events(Changed(HOLD, lifted, AT))
    assert event.id == "tollgate.hold.lifted:acme:sms#limit#2026-01-15"
    assert event.data == {"scope": "sms", "cause": "limit", "reference": "2026-01-15"}
    assert list(events(Changed(lifted, replace(lifted, version=3), AT))) == []
    assert [event.type for event in events(Changed(None, lifted, AT))] == [
        "tollgate.hold.opened",
        "tollgate.hold.lifted",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, DRAFT, ["drafted:acme:2026-03-01#1"]),
        (None, replace(DRAFT, status="nil"), ["nil:acme:2026-03-01#1"]),
        (None, replace(DRAFT, status="carried"), ["carried:acme:2026-03-01#1"]),
        (DRAFT, replace(DRAFT, revision=2), ["revised:acme:2026-03-01#2"]),
        (DRAFT, replace(DRAFT, revision=2, status="carried"), ["carried:acme:2026-03-01#2"]),
        (DRAFT, APPROVED, ["approved:acme:2026-03-01#1"]),
        (APPROVED, OPEN, ["open:acme:2026-03-01#1"]),
        (OPEN, replace(OPEN, status="paid"), ["paid:acme:2026-03-01#1"]),
        (OPEN, replace(OPEN, status="void"), ["void:acme:2026-03-01#1"]),
        (OPEN, replace(OPEN, status="uncollectible"), ["uncollectible:acme:2026-03-01#1"]),
        (APPROVED, replace(APPROVED, push=Push(attempts=1, error="busy")), []),  # an attempt to issue it
        (OPEN, replace(OPEN, overdue_on=date(2026, 4, 18)), []),  # its notice tells that
        (DRAFT, replace(DRAFT, flags=("spike",), version=2), []),
    ],
)
def test_an_invoice_is_told_by_its_status_and_revision(before: Invoice | None, after: Invoice, told: list[str]) -> None:
    """One event for each new status or revision; none for what only we care about."""
    assert [event.id for event in events(Changed(before, after, AT))] == [f"tollgate.invoice.{one}" for one in told]


def test_an_invoices_event_says_what_it_comes_to() -> None:
    """Status, revision, total and Stripe's id."""
    (event,) = events(Changed(APPROVED, OPEN, AT))
    assert event.data == {
        "period": "2026-03-01",
        "revision": 1,
        "status": "open",
        "currency": "USD",
        "total": "12.50",
        "stripe_invoice": "in_1",
    }


@given(st.lists(st.sampled_from(["revise", "touch"]), max_size=6), st.sampled_from(["paid", "void", "uncollectible"]))
def test_each_change_of_an_invoices_life_has_one_id_and_keeps_it(steps: list[str], ending: str) -> None:
    """Told twice, every change has the same id; no two changes share one."""
    life = [DRAFT]
    for step in steps:
        now = life[-1]
        moved = replace(now, revision=now.revision + 1) if step == "revise" else replace(now, flags=(*now.flags, "f"))
        life.append(replace(moved, version=now.version + 1))
    for status in ("approved", "open", ending):
        life.append(replace(life[-1], status=status, version=life[-1].version + 1))
    changes = [Changed(None, life[0], AT), *(Changed(a, b, AT) for a, b in pairwise(life))]
    told, again = ([event.id for change in changes for event in events(change)] for _ in range(2))
    assert told == again
    assert len(told) == len(set(told)) == 4 + steps.count("revise")


def test_a_drafts_notice_is_told_once_and_its_mail_is_not() -> None:
    """In numbers, under the platform's own name; what became of the mail is nobody's event."""
    notice = DraftsNotice(
        number=3,
        at=AT,
        news=1,
        months={date(2026, 2, 1): 2},
        totals={"USD": D("12.50")},
        clean=1,
        flags={"jump": 1},
        told=("acme/2026-02-01#1", "bell/2026-02-01#2"),
    )
    (event,) = events(Changed(None, notice, AT))
    assert (event.id, event.tenant) == ("tollgate.review.waiting:~platform:00000003", "~platform")
    assert event.data == {
        "identity": "00000003",
        "drafts": 2,
        "news": 1,
        "months": {"2026-02": 2},
        "totals": {"USD": "12.50"},
        "clean": 1,
    }
    assert list(events(Changed(notice, notice, AT))) == []


EXPORT = Export(
    tenant="acme",
    number=7,
    selection=Selection(first=TERM, last=date(2026, 3, 9)),
    side=CUSTOMER,
    by="customer:acme",
    requested_at=AT,
)
WORKED = replace(EXPORT, status=RUNNING, place=Place(parts=("a",)))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, EXPORT, ["requested:acme:00000007#0"]),
        (EXPORT, WORKED, []),
        (WORKED, replace(WORKED, place=Place(parts=("a", "b"))), []),
        (WORKED, replace(WORKED, turn=1), ["continued:acme:00000007#1"]),
        (WORKED, replace(WORKED, status=READY), ["ready:acme:00000007#0"]),
        (EXPORT, replace(EXPORT, status=FAILED), ["failed:acme:00000007#0"]),
        (replace(WORKED, status=READY), replace(WORKED, status=READY, version=9), []),
    ],
)
def test_an_export_is_told_by_its_turns_and_its_end(before: Export | None, after: Export, told: list[str]) -> None:
    """What is to be done, and that it is done; none for each part."""
    assert [event.id for event in events(Changed(before, after, AT))] == [f"tollgate.export.{one}" for one in told]


def test_an_exports_event_says_which_turn_it_is() -> None:
    """And how large the file came out; whose records it has is no news."""
    (event,) = events(Changed(WORKED, replace(WORKED, status=READY, rows=12, size=345), AT))
    assert event.data == {
        "number": 7, "turn": 0, "side": "customer", "status": "ready", "rows": 12, "size": 345,
    }  # fmt: skip
