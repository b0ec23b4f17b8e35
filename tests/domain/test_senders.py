"""Routing: whose message a fact is about, at its own time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import NOON, sms, whatsapp
from tollgate.domain.metering import Quarantined, claimants, known_to, route
from tollgate.domain.records import merge_all, new_record
from tollgate.domain.senders import Assignment, assignment_at, held_from, holders


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def held(tenant: str, since: str, number: str = "") -> Assignment:
    return Assignment(provider="meta", account="waba", number=number, tenant=tenant, since=at(since), card="meta")


MOVED = [held("beta", "2026-06-01"), held("acme", "2026-01-15")]
NARROWED = [held("acme", "2026-01-15"), held("beta", "2026-03-01", "n1"), held("acme", "2026-08-01", "n2")]
ENDED = [held("acme", "2026-01-15"), held("", "2026-06-01"), held("beta", "2026-09-01")]
NUMBER_ENDED = [held("acme", "2026-01-15"), held("beta", "2026-03-01", "n1"), held("", "2026-06-01", "n1")]
NUMBER_ONLY = [held("beta", "2026-03-01", "n1")]


@pytest.mark.parametrize(
    ("assignments", "number", "moment", "owner"),
    [
        (MOVED, "", "2026-01-14T23:59:59", "no-contract"),
        (MOVED, "", "2026-01-15T00:00:00", "acme"),
        (MOVED, "", "2026-05-31T23:59:59", "acme"),
        (MOVED, "", "2026-06-01T00:00:00", "beta"),
        (NARROWED, "n1", "2026-02-01T00:00:00", "acme"),
        (NARROWED, "n1", "2026-03-01T00:00:00", "beta"),  # the number beats the account
        (NARROWED, "n3", "2026-03-01T00:00:00", "acme"),
        (NARROWED, "", "2026-03-01T00:00:00", "acme"),
        (ENDED, "", "2026-06-01T00:00:00", "unknown-sender"),  # between two tenants
        (ENDED, "", "2026-09-01T00:00:00", "beta"),
        (NUMBER_ENDED, "n1", "2026-06-01T00:00:00", "acme"),  # given back to the account's tenant
        (NUMBER_ONLY, "n1", "2026-02-28T00:00:00", "no-contract"),
        (NUMBER_ONLY, "n2", "2026-02-28T00:00:00", "unknown-sender"),
        (NUMBER_ONLY, "n2", "2026-04-01T00:00:00", "unknown-sender"),
        (NUMBER_ONLY, "", "2026-04-01T00:00:00", "unknown-sender"),
        ([], "n1", "2026-04-01T00:00:00", "unknown-sender"),
        ([held("", "2026-01-01")], "", "2026-04-01T00:00:00", "unknown-sender"),
    ],
)
def test_a_sender_is_found_by_number_then_account_at_the_facts_time(
    assignments: list[Assignment], number: str, moment: str, owner: str
) -> None:
    """The latest assignment not after the moment; before the first there is no contract, else nobody is known."""
    fact = replace(whatsapp("sent", at=at(moment)), account="waba", number=number)
    routed = route(fact, {("meta", "waba"): assignments})
    assert (routed.reason if isinstance(routed, Quarantined) else routed.tenant) == owner


def test_the_request_time_decides_whose_message_it_is() -> None:
    """An SMS sent before a sender moved stays the old tenant's, however late its delivery is reported."""
    fact = replace(
        sms("TEXT_DELIVERED", at=at("2026-06-02T00:00:00"), requested_at=at("2026-05-31T12:00:00")), account="waba"
    )
    routed = route(fact, {("aws-sms", "waba"): MOVED})
    assert isinstance(routed, Assignment)
    assert routed.tenant == "acme"


def test_an_account_of_another_provider_is_unknown() -> None:
    """Accounts are told apart by provider."""
    routed = route(replace(whatsapp("sent"), account="waba"), {("aws-sms", "waba"): MOVED})
    assert isinstance(routed, Quarantined)
    assert routed.reason == "unknown-sender"


def test_an_ended_assignment_holds_nothing() -> None:
    """An empty tenant ends the assignment before it."""
    assert assignment_at(ENDED, number="", moment=at("2026-07-01T00:00:00")) is None
    assert assignment_at(ENDED, number="n9", moment=NOON) == ENDED[0]


@pytest.mark.parametrize(
    ("assignments", "number", "moment", "expected"),
    [
        (MOVED, "", "2026-04-30T00:00:00", ["acme"]),  # more than a month before it moves
        (MOVED, "", "2026-05-02T00:00:00", ["acme", "beta"]),
        (MOVED, "", "2026-07-01T00:00:00", ["acme", "beta"]),
        (MOVED, "", "2026-07-03T00:00:00", ["beta"]),
        (MOVED, "", "2025-12-20T00:00:00", ["acme"]),  # before the first contract
        (MOVED, "", "2025-12-01T00:00:00", []),
        (ENDED, "", "2026-06-15T00:00:00", ["acme"]),
        (ENDED, "", "2026-08-15T00:00:00", ["beta"]),
        (NARROWED, "n1", "2026-02-15T00:00:00", ["acme", "beta"]),
        (NARROWED, "n3", "2026-02-15T00:00:00", ["acme"]),
    ],
)
def test_whoever_holds_an_account_within_a_month_of_a_fact_gets_it(
    assignments: list[Assignment], number: str, moment: str, expected: list[str]
) -> None:
    """By the phone number where it is another tenant's; once each, in order."""
    assert holders(assignments, number=number, moment=at(moment)) == expected


def test_a_fact_with_the_time_of_its_request_goes_to_the_holder_alone() -> None:
    """That time is the billable moment, so nobody else can count the message; before any contract nobody gets it."""
    sent = replace(sms("TEXT_SENT", requested_at=at("2026-05-31T12:00:00")), account="waba")
    assert claimants(sent, {("aws-sms", "waba"): MOVED}) == ["acme"]
    early = replace(sent, requested_at=at("2026-01-14T12:00:00"))
    assert claimants(early, {("aws-sms", "waba"): MOVED}) == []


def test_a_new_holder_is_told_what_it_would_have_got() -> None:
    """Of the old holder's record the facts of the last month, and no older ones."""
    days = {"sent": "2026-04-01T00:00:00", "delivered": "2026-05-31T00:00:00", "read": "2026-06-02T00:00:00"}
    facts = [replace(whatsapp(status, at=at(day)), account="waba") for status, day in days.items()]
    record = merge_all(new_record(facts[0]), facts)
    senders = {("meta", "waba"): MOVED}
    assert [fact.status for fact in known_to(record, tenant="beta", senders=senders)] == ["delivered", "read"]
    assert merge_all(record, known_to(record, tenant="beta", senders=senders)) == record


@given(
    tenant=st.sampled_from(["acme", ""]),
    narrowed_to=st.sampled_from(["", "n1"]),
    asked=st.sampled_from(["", "n1", "n2"]),
    days=st.integers(-70, 70),
)
def test_a_lone_assignment_is_read_as_one_of_several_is(tenant: str, narrowed_to: str, asked: str, days: int) -> None:
    """The shorter way that an account with one assignment goes finds the same owner and the same holders."""
    alone = [held(tenant, "2026-06-01", narrowed_to)]
    among_others = [*alone, held("beta", "2026-01-01", "n9")]
    moment = at("2026-06-01") + timedelta(days=days)
    assert assignment_at(alone, number=asked, moment=moment) == assignment_at(among_others, number=asked, moment=moment)
    assert holders(alone, number=asked, moment=moment) == holders(among_others, number=asked, moment=moment)


@pytest.mark.parametrize(
    ("assignments", "since", "tenants"),
    [
        (MOVED, "2026-01-01", {"acme", "beta"}),
        (MOVED, "2026-06-01", {"beta"}),
        (NARROWED, "2026-12-01", {"acme", "beta"}),  # whoever holds a number of it
        (ENDED, "2026-06-01", {"beta"}),
        (NUMBER_ENDED, "2026-06-01", {"acme"}),
        ([held("acme", "2026-01-15"), held("", "2026-06-01")], "2026-06-01", set()),
        ([], "2026-06-01", set()),
    ],
)
def test_everybody_who_holds_an_account_from_an_instant_on(
    assignments: list[Assignment], since: str, tenants: set[str]
) -> None:
    """At that instant or later, whole or a number of it; who has given it up by then is not among them."""
    assert held_from(assignments, at(since)) == tenants
