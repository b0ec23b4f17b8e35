"""Reconciliation: each way in which counters or Stripe can differ has a name, both numbers, and a place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.examples import NOON, D
from tollgate.domain.calendar import Period, Term
from tollgate.domain.invoices import Invoice, Push
from tollgate.domain.reconciliation import (
    CAUSES,
    MOST_KEPT,
    NOT_COMPARED,
    STATEMENT,
    STRIPE,
    AtStripe,
    Difference,
    by_day,
    day_differences,
    differing_days,
    not_issued,
    reconciled,
    stripe_differences,
    term_differences,
)
from tollgate.domain.statement import Line, Statement
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))
TENTH, NEXT = date(2026, 3, 10), date(2026, 4, 1)
SMS, UTILITY = Cell("sms", "sms", "US"), Cell("whatsapp", "utility", "India")
TWO = Totals(2, 3, D("0.02"))
LINES = (
    Line(key="utility/India", description="Utility", quantity=2, amount=D("10.00")),
    Line(key="sms/US", description="SMS", quantity=1, amount=D("2.50")),
)
STATED = Statement(
    tenant="acme",
    period=MARCH,
    term=date(2026, 1, 15),
    currency="USD",
    kind="draft",
    lines=LINES,
    stated=D("12.50"),
    total=D("12.50"),
    known={},
)
OPEN = Invoice(statement=STATED, status="open", revision=2, remaining=D("12.50"), stripe_invoice="in_1")
SAID = AtStripe(
    id="in_1",
    status="open",
    currency="USD",
    total=D("12.50"),
    remaining=D("12.50"),
    revision="2",
    lines=[("sms/US", D("2.50")), ("utility/India", D("10.00"))],
)


def days(records: dict[Any, Any], counters: dict[Any, Any]) -> list[tuple[str, str, str, str]]:
    found = day_differences("acme", period=MARCH, currency="USD", records=records, counters=counters)
    assert all((one.cause, one.tenant, one.periods) == ("day-differs", "acme", (MARCH.start,)) for one in found)
    return [(one.subject, one.ours, one.theirs, one.unit) for one in found]


@pytest.mark.parametrize(
    ("records", "counters", "expected"),
    [
        ({TENTH: {SMS: TWO}}, {TENTH: {SMS: TWO}}, []),
        ({}, {TENTH: {}}, []),
        ({TENTH: {SMS: Totals()}}, {}, []),
        ({TENTH: {SMS: Totals(2, 3, D("0.020"))}}, {TENTH: {SMS: TWO}}, []),
        (
            {TENTH: {SMS: TWO}},
            {TENTH: {SMS: Totals(1, 3, D("0.02"))}},
            [("SMS on 2026-03-10, sms, US", "2", "1", "messages")],
        ),
        (
            {TENTH: {SMS: TWO}},
            {TENTH: {SMS: Totals(2, 2, D("0.02"))}},
            [("SMS on 2026-03-10, sms, US", "3", "2", "segments")],
        ),
        (
            {TENTH: {SMS: TWO}},
            {TENTH: {SMS: Totals(2, 3, D("0.0200001"))}},
            [("SMS on 2026-03-10, sms, US", "0.02", "0.0200001", "USD")],
        ),
        (
            {},
            {TENTH: {UTILITY: Totals(1, 1, D("0.5"))}},
            [
                ("WhatsApp on 2026-03-10, utility, India", "0", "1", "messages"),
                ("WhatsApp on 2026-03-10, utility, India", "0", "1", "segments"),
                ("WhatsApp on 2026-03-10, utility, India", "0", "0.5", "USD"),
            ],
        ),
        (
            {TENTH: {UTILITY: Totals(1, 1)}},
            {TENTH: {SMS: Totals(1, 1)}},
            [
                ("SMS on 2026-03-10, sms, US", "0", "1", "messages"),
                ("SMS on 2026-03-10, sms, US", "0", "1", "segments"),
                ("WhatsApp on 2026-03-10, utility, India", "1", "0", "messages"),
                ("WhatsApp on 2026-03-10, utility, India", "1", "0", "segments"),
            ],
        ),
        ({NEXT: {SMS: TWO}}, {}, []),
    ],
    ids=["equal", "empty", "nothing", "zeros", "messages", "segments", "fees", "uncounted", "moved", "next-period"],
)
def test_a_day_that_does_not_add_up_names_its_cell_and_numbers(
    records: dict[Any, Any], counters: dict[Any, Any], expected: list[tuple[str, str, str, str]]
) -> None:
    """By meter, category and market; a day of another period is another period's."""
    assert days(records, counters) == expected


def test_the_days_that_differ_are_named_whatever_their_period() -> None:
    """In order, so that exactly they are read again."""
    records = {NEXT: {SMS: TWO}, TENTH: {SMS: TWO}}
    assert differing_days(records, {}) == [TENTH, NEXT]
    assert differing_days(records, by_day([DayRow(day=NEXT, cells={SMS: TWO})])) == [TENTH]


def test_a_running_total_that_is_not_the_sum_of_its_days_is_named() -> None:
    """By meter; a meter that only one side knows is compared with nothing."""
    term = Term(date(2026, 1, 15), date(2027, 1, 15))
    rows = [DayRow(day=TENTH, cells={SMS: TWO, UTILITY: TWO}), DayRow(day=NEXT, cells={SMS: TWO})]
    right = TermRow(term=term, meters={"sms": Totals(4, 6, D("0.04")), "whatsapp": TWO})
    assert term_differences("acme", right, rows, currency="USD") == []
    wrong = replace(right, meters={"sms": Totals(5, 6, D("0.04")), "voice": Totals(0, 0, D(1))})
    found = term_differences("acme", wrong, rows, currency="EUR")
    assert [(one.subject, one.ours, one.theirs, one.unit, one.periods) for one in found] == [
        ("SMS, contract year from 2026-01-15", "4", "5", "messages", ()),
        ("Voice, contract year from 2026-01-15", "0", "1", "EUR", ()),
        ("WhatsApp, contract year from 2026-01-15", "2", "0", "messages", ()),
        ("WhatsApp, contract year from 2026-01-15", "3", "0", "segments", ()),
        ("WhatsApp, contract year from 2026-01-15", "0.02", "0", "EUR", ()),
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"lines": None}, []),
        ({"status": "paid", "remaining": D(0)}, [("status-differs", "open", "paid", "", "")]),
        ({"remaining": D(0)}, [("status-differs", "open", "open", "", "")]),
        ({"status": "draft"}, [("status-differs", "open", "draft", "", "")]),
        ({"status": "void"}, [("status-differs", "open", "void", "", "")]),
        ({"remaining": D("2.50")}, [("owed-differs", "12.50", "2.50", "USD", "")]),
        ({"revision": "1"}, [("revision-differs", "2", "1", "", "")]),
        ({"revision": ""}, [("revision-differs", "2", "none", "", "")]),
        ({"total": D("12.51")}, [("total-differs", "USD 12.50", "USD 12.51", "", "")]),
        ({"currency": "EUR"}, [("total-differs", "USD 12.50", "EUR 12.50", "", "")]),
        (
            {"lines": [("sms/US", D("2.50")), ("utility/India", D("9.99")), ("", D("0.01"))]},
            [
                ("lines-differ", "no line", "0.01", "", "a line added by hand"),
                ("lines-differ", "10.00", "9.99", "", "line utility/India"),
            ],
        ),
        (
            {"lines": [("sms/US", D("2.50")), ("sms/US", D("2.50"))]},
            [
                ("lines-differ", "2.50", "2.50 and 2.50", "", "line sms/US"),
                ("lines-differ", "10.00", "no line", "", "line utility/India"),
            ],
        ),
    ],
    ids=[
        "equal", "lines-not-read", "paid", "nothing-owed", "draft", "void", "partly-paid", "revision", "no-revision",
        "total", "currency", "line-amount", "lines-twice",
    ],
)  # fmt: skip
def test_what_stripe_has_otherwise_is_named(said: dict[str, Any], expected: list[tuple[str, ...]]) -> None:
    """State, what is owed, revision, total and each line, by itself."""
    found = stripe_differences(OPEN, replace(SAID, **said), wanted=LINES)
    assert [(one.cause, one.ours, one.theirs, one.unit, one.note) for one in found] == expected
    assert {(one.subject, one.periods, one.kind) for one in found} <= {("invoice 2026-03-01", (MARCH.start,), STRIPE)}


def test_what_a_settled_invoice_left_open_is_not_compared() -> None:
    """Stripe leaves what remained of a void invoice as it was."""
    void = replace(OPEN, status="void", remaining=D("12.50"))
    assert stripe_differences(void, replace(SAID, status="void", remaining=D(3)), wanted=LINES) == []


def test_what_is_still_owed_is_the_total_until_stripe_has_said_it() -> None:
    """An invoice that was just sent may not know yet."""
    [found] = stripe_differences(replace(OPEN, remaining=None), SAID, wanted=LINES)
    assert (found.cause, found.ours, found.theirs) == ("owed-differs", "12.50", "12.50")


def test_an_invoice_that_stripe_does_not_have_is_missing() -> None:
    """With the name under which Stripe was asked."""
    [found] = stripe_differences(OPEN, None, wanted=LINES)
    assert (found.cause, found.ours, found.note) == ("missing-at-stripe", "open", "in_1")


def test_an_approved_invoice_that_never_came_to_stripe_says_why() -> None:
    """What Stripe said when it was tried."""
    found = not_issued(replace(OPEN, status="approved", push=Push(error="no such customer")))
    assert found.words == (
        "invoice 2026-03-01: approved a day ago or more, and still not at Stripe: approved in our invoice: "
        "no such customer"
    )


def test_every_cause_can_be_said_in_words() -> None:
    """Kind, both sides with their places, and what else is known."""
    for cause, (kind, says) in CAUSES.items():
        one = Difference(cause=cause, tenant="acme", subject="it", ours="1", theirs="2", unit="EUR", source="theirs")
        assert (one.kind, one.raises) == (kind, cause != NOT_COMPARED)
        assert one.words == f"it: {says}: 1 EUR in {one.our_side}, 2 EUR in theirs"
    assert Difference(cause=NOT_COMPARED, tenant="", subject="it", note="why").words == "it: could not be compared: why"


def test_only_what_somebody_must_look_at_is_raised_of_a_period() -> None:
    """Of its kind, and of that period."""
    one = Difference(cause="amount-differs", tenant="acme", subject="a", periods=(MARCH.start, NEXT))
    other = replace(one, cause=NOT_COMPARED)
    found = reconciled("acme", [one, other], agreed={"b:paid", "a:open"}, at=NOON)
    assert found.raised(STATEMENT, NEXT) == [one]
    assert found.raised(STATEMENT, TENTH) == found.raised(STRIPE, NEXT) == []
    assert (found.agreed, found.more) == (("a:open", "b:paid"), 0)


def test_too_many_differences_leave_every_period_its_first_ones() -> None:
    """A flood in one month must not hide another."""
    flood = [
        Difference(cause="day-differs", tenant="acme", subject=str(n), periods=(MARCH.start,))
        for n in range(MOST_KEPT + 5)
    ]
    late = Difference(cause="amount-differs", tenant="acme", subject="late", periods=(NEXT,))
    found = reconciled("acme", [*flood, late], at=NOON)
    assert (len(found.differences), found.more) == (MOST_KEPT, 6)
    assert found.differences[:3] == (flood[0], late, flood[1])


def test_amounts_are_written_out() -> None:
    """Never in powers of ten."""
    tiny = {TENTH: {SMS: Totals(0, 0, Decimal("1E-9"))}}
    assert days(tiny, {}) == [("SMS on 2026-03-10, sms, US", "0.000000001", "0", "USD")]
