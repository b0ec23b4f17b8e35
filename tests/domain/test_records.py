"""Merging facts into a record, and which of disagreeing facts holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import AMERICAN, NOON, D, sms, whatsapp
from tests.strategies import facts_of_one_message
from tollgate.domain.facts import NOBODY, Fact, MessageKey, Pricing
from tollgate.domain.records import (
    billable_pricing,
    charge,
    decisive_report,
    merge,
    merge_all,
    new_record,
    pricing_fact,
)

MINUTE = timedelta(minutes=1)


def test_a_group_message_is_one_record_per_participant() -> None:
    """The key holds the participant, so that each delivery in a group counts once."""
    assert whatsapp("delivered", participant="p1").key == MessageKey("meta", "wamid.1", "p1")
    assert whatsapp("delivered").key == ("meta", "wamid.1", "")


@pytest.mark.parametrize(
    ("pricings", "category"),
    [
        ({"sent": "regular/marketing"}, "marketing"),
        ({"sent": "regular/marketing", "delivered": "regular/utility"}, "utility"),
        ({"delivered": "regular/utility", "read": "regular/marketing"}, "marketing"),
        ({"read": "regular/service", "played": "regular/utility"}, "utility"),
        ({"sent": "regular/marketing", "read": "free_entry_point/utility"}, "marketing"),
        ({"warning": "regular/service", "sent": "regular/marketing"}, "marketing"),  # an unknown status knows least
        ({"read": "free_entry_point/utility"}, None),
        ({}, None),
    ],
)
def test_the_billable_pricing_of_the_latest_status_holds(pricings: dict[str, str], category: str | None) -> None:
    """Statuses are compared by rank, never by arrival; free pricings do not take part."""
    facts = [whatsapp(status, pricing) for status, pricing in pricings.items()] or [whatsapp("sent")]
    for order in (facts, facts[::-1]):
        pricing = billable_pricing(merge_all(new_record(facts[0]), order))
        assert (pricing and pricing.category) == category


@pytest.mark.parametrize(
    ("reports", "cost"),
    [
        # (status, minute, price, carrier fee)                       -> cost of the decisive report
        ([("TEXT_QUEUED", 0, "0", None), ("TEXT_SENT", 1, "0.01", "0.003")], "0.013"),
        ([("TEXT_SENT", 1, "0.01", None), ("TEXT_DELIVERED", 2, "0", "0")], "0.01"),  # a cost beats a later zero
        ([("TEXT_SENT", 1, "0.01", None), ("TEXT_DELIVERED", 2, "0.02", None)], "0.02"),
        ([("TEXT_SENT", 1, "0", None), ("TEXT_DELIVERED", 2, None, None)], None),  # the later of two without cost
        ([("TEXT_SENT", 1, None, None), ("TEXT_DELIVERED", 1, "0", None)], "0"),
        ([("TEXT_SENT", 1, None, "0.003")], "0.003"),
    ],
)
def test_the_latest_report_with_a_cost_holds(
    reports: list[tuple[str, int, str | None, str | None]], cost: str | None
) -> None:
    """Early events may still say zero; the latest amount above zero is what the message cost."""
    facts = [sms(status, price, fee, at=NOON + minute * MINUTE) for status, minute, price, fee in reports]
    for order in (facts, facts[::-1]):
        report = decisive_report(merge_all(new_record(facts[0]), order))
        assert report is not None
        assert report.total == (None if cost is None else D(cost))


def test_a_record_without_reports_has_no_decisive_one() -> None:
    """Meta reports no cost at all."""
    assert decisive_report(new_record(whatsapp("sent"))) is None


def test_segments_come_from_the_decisive_report() -> None:
    """A multipart SMS counts its parts as reported; a message without report counts one."""
    due = charge(merge_all(new_record(sms("TEXT_SENT")), [sms("TEXT_SENT", "0.02", segments=3)]))
    assert due is not None
    assert (due.segments, due.category) == (3, "sms")
    due = charge(merge_all(new_record(whatsapp("sent")), [whatsapp("delivered", "regular/utility")]))
    assert due is not None
    assert (due.segments, due.category) == (1, "utility")


def test_a_known_recipient_beats_an_unknown_one() -> None:
    """A receipt without the recipient does not erase what another receipt told."""
    known, unknown = whatsapp("delivered"), whatsapp("read", recipient=NOBODY)
    for order in ([known, unknown], [unknown, known]):
        assert merge_all(new_record(order[0]), order).recipient == AMERICAN


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([whatsapp("sent"), whatsapp("delivered", "regular/marketing")], "delivered"),
        ([whatsapp("read"), whatsapp("sent", "regular/marketing")], "sent"),
        ([sms("TEXT_QUEUED", "0"), sms("TEXT_SENT", "0.01")], "TEXT_SENT"),
        ([replace(sms("TEXT_SENT"), report=None)], "TEXT_SENT"),
    ],
)
def test_the_fact_a_price_hangs_on_can_be_rebuilt(facts: list[Fact], status: str) -> None:
    """Quarantine shows the fact whose price is missing; merging it again changes nothing."""
    record = merge_all(new_record(facts[0]), facts)
    rebuilt = pricing_fact(record)
    assert rebuilt.status == status
    assert merge(record, rebuilt) == record


@given(st.data())
def test_merging_is_commutative_associative_and_idempotent(data: st.DataObject) -> None:
    """Any order and any repeats of the facts of a message end in one and the same record."""
    facts = data.draw(facts_of_one_message())
    shuffled = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)))))
    once = merge_all(new_record(facts[0]), facts)
    assert merge_all(new_record(shuffled[0]), shuffled) == once
    assert merge_all(once, shuffled) == once
    assert charge(merge_all(new_record(shuffled[0]), shuffled)) == charge(once)


@given(facts_of_one_message())
def test_merging_batch_by_batch_is_merging_at_once(facts: list[Fact]) -> None:
    """How receipts were batched cannot be seen in a record."""
    middle = len(facts) // 2
    first = merge_all(new_record(facts[0]), facts[:middle])
    assert merge_all(first, facts[middle:]) == merge_all(new_record(facts[0]), facts)


def test_merging_leaves_usage_alone() -> None:
    """Pricing is a later step: a merge changes what is known, not what is counted."""
    record = new_record(whatsapp("sent"))
    assert merge(record, whatsapp("delivered", "regular/marketing")).usage is None
    assert record.pricings == {}
    assert merge(record, whatsapp("sent", "regular/service")).pricings == {"sent": Pricing("regular", "service")}
