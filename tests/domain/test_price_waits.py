"""When a price is asked for: rules on a record, and the law of their pauses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import NOON, D, contract
from tollgate.domain.facts import Fact, Report
from tollgate.domain.metering import price_facts
from tollgate.domain.price_waits import FIRST_PAUSE, PriceWait, gives_up, next_due, price_wait
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import Record
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import totals_of

WEEK = timedelta(days=7)
ACCOUNT = "AC0123456789abcdef0123456789abcdef"


def fact(
    status: str = "delivered", *, provider: str = "twilio", at: datetime = NOON, report: Report | None = None
) -> Fact:
    return Fact(provider=provider, account=ACCOUNT, meter="sms", message="SM1", status=status, at=at, report=report)


def metered(*facts: Fact) -> Record:
    """The record that some facts come to under acme's contract."""
    senders = {
        (one.provider, ACCOUNT): [
            Assignment(provider=one.provider, account=ACCOUNT, tenant="acme", since=NOON - WEEK, card=one.provider)
        ]
        for one in facts
    }
    priced = price_facts(
        facts, records={}, versions=[contract()], senders=senders, book=PriceBook(cards={}, markets={})
    )
    return priced.changes[0].after


def test_a_message_that_its_provider_prices_later_counts_at_once_and_costs_nothing_yet() -> None:
    """It is not quarantined for want of a rate: its price is only a matter of time."""
    record = metered(fact())
    assert record.usage is not None
    assert (record.usage.messages, record.usage.segments, totals_of(record.usage).fees) == (1, 1, D(0))
    assert record.unpriced == ""


# facts → whether a price is waited for
WAITS: list[tuple[list[Fact], bool]] = [
    ([fact()], True),
    ([fact("sent")], True),
    ([fact("undelivered")], True),
    ([fact("sent"), fact(report=Report(NOON, 2, None, None, "USD"))], True),
    ([fact(), fact("price-read", report=Report(NOON, 2, D("0.0166"), None, "USD"))], False),
    ([fact(), fact("price-read", report=Report(NOON, 1, D(0), None, "USD"))], False),
    ([fact("queued")], False),
    ([fact("failed")], False),
    ([fact("submitted", provider="vonage", report=Report(NOON, 1, None, None, "EUR"))], False),
]


@pytest.mark.parametrize(("facts", "waits"), WAITS)
def test_a_price_is_waited_for_while_a_message_counts_without_one(facts: list[Fact], waits: bool) -> None:
    """From the moment it counts, by a provider that is to be asked, to the moment any price is known, zero included."""
    wait = price_wait("acme", metered(*facts))
    assert wait == (
        PriceWait(tenant="acme", key=fact().key, account=ACCOUNT, since=NOON, due=NOON + FIRST_PAUSE) if waits else None
    )


def waiting(since: datetime = NOON) -> PriceWait:
    return PriceWait(tenant="acme", key=fact().key, account=ACCOUNT, since=since, due=since + FIRST_PAUSE)


@pytest.mark.parametrize(("age", "expected"), [(WEEK - timedelta(seconds=1), False), (WEEK, True), (2 * WEEK, True)])
def test_a_message_is_given_up_at_its_deadline(age: timedelta, expected: bool) -> None:
    """At exactly the deadline it is time, and not before."""
    assert gives_up(waiting(), now=NOON + age, after=WEEK) is expected


@given(days=st.integers(1, 60), late=st.integers(0, 3600))
def test_the_pauses_grow_so_that_few_questions_are_asked(days: int, late: int) -> None:
    """Asked whenever it is due, however late the runs: at most fourteen times in sixty days, never twice at once."""
    wait, now, asked = waiting(), NOON, 0
    while not gives_up(wait, now=now, after=timedelta(days=days)):
        now = wait.due + timedelta(seconds=late)
        asked += 1
        later = next_due(wait, now=now)
        assert later >= now + FIRST_PAUSE
        wait = replace(wait, due=later)
    assert asked <= 14
