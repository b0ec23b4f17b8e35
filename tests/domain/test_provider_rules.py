"""What single providers' rules come to: statuses that rule a charge out, units told apart from costs, hearsay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from tests.domain.examples import NOON, D, sms
from tollgate.domain.facts import Fact, Report
from tollgate.domain.records import awaits_price, charge, merge_all, new_record


def fact(provider: str, status: str, report: Report | None = None, *, meter: str = "sms", minute: int = 0) -> Fact:
    return replace(
        sms(status),
        provider=provider,
        meter=meter,
        at=NOON + timedelta(minutes=minute),
        requested_at=None,
        report=report,
    )


def cost(segments: int, price: str | None = None) -> Report:
    return Report(NOON, segments, None if price is None else D(price), None, "EUR")


@pytest.mark.parametrize("ruled_out", ["sms", "whatsapp"])
def test_a_rejection_takes_back_whatever_else_was_seen(ruled_out: str) -> None:
    """In any order: what Bird rejects is never charged, priced or not."""
    seen = [fact("bird", status, cost(1, "0.02"), meter=ruled_out) for status in ("accepted", "delivered")]
    assert charge(merge_all(new_record(seen[0]), seen)) is not None
    for order in permutations([*seen, fact("bird", "rejected", meter=ruled_out)]):
        assert charge(merge_all(new_record(order[0]), order)) is None


@pytest.mark.parametrize(
    ("reports", "segments"),
    [
        # (segments, price) of each report                -> the message's segments
        ([(2, None), (0, "0.02")], 2),
        ([(0, "0.02")], 1),  # nobody says: one message is at least one
        ([(0, "0.02"), (0, None)], 1),
        ([(3, None), (2, None), (0, "0.02")], 3),
        ([(3, None), (2, "0.02")], 2),  # what holds has segments of its own
    ],
)
def test_segments_come_from_another_report_where_the_cost_says_none(
    reports: list[tuple[int, str | None]], segments: int
) -> None:
    """Bird tells segments on acceptance and the cost on a later event."""
    facts = [fact("bird", f"s{number}", cost(*report)) for number, report in enumerate(reports)]
    facts.append(fact("bird", "delivered"))
    for order in permutations(facts):
        due = charge(merge_all(new_record(order[0]), order))
        assert due is not None
        assert due.segments == segments


def test_hearsay_is_never_due_and_always_asked_about() -> None:
    """What a Plivo callback tells makes no charge, however often; its provider is asked until it names a price."""
    hearsay = [fact("plivo", f"unverified-{status}") for status in ("queued", "sent", "delivered", "read")]
    record = merge_all(new_record(hearsay[0]), hearsay)
    assert charge(record) is None
    assert awaits_price(record)
    answered = merge_all(record, [fact("plivo", "delivered", cost(2, "0.011"), minute=5)])
    assert charge(answered) is not None
    assert not awaits_price(answered)


def test_nobody_is_asked_about_what_does_not_count() -> None:
    """A provider that tells prices later is asked only about what it may have charged."""
    queued = fact("twilio", "queued")
    assert not awaits_price(merge_all(new_record(queued), [queued]))


@pytest.mark.parametrize(
    ("status", "price", "counts"),
    [
        ("queued", "0", False),
        ("sent", "0.0055", True),
        ("delivered", "0", True),
        ("read", "0.025", True),
        ("undelivered", "0.0055", True),  # it carries an amount: it cannot be assumed to be free
        ("undelivered", "0", False),
        ("failed", "0", False),
    ],
)
def test_plivo_counts_what_was_sent_or_has_a_price(status: str, price: str, counts: bool) -> None:
    """Of what it answers itself."""
    answer = fact("plivo", status, cost(1, price))
    assert (charge(merge_all(new_record(answer), [answer])) is not None) is counts
