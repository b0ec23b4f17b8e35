"""Usage that arrives added up: reports of many messages, corrections of a price, and senders that count by them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from tests.domain.examples import NOON, contract, sms
from tollgate.domain.billing_moments import CORRECTED
from tollgate.domain.errors import Invalid
from tollgate.domain.facts import Fact
from tollgate.domain.metering import RecordChange, count, price_facts, terms_and_days
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import charge, decisive_report, merge_all, new_record
from tollgate.domain.rollups import counted, is_added_up, other_ways, sender_account, twice_counted
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import DayRow, TermRow

HOURS = [NOON + timedelta(hours=n) for n in range(4)]


def of_many(fact: Fact, messages: int) -> Fact:
    """The fact with a report that stands for some messages."""
    assert fact.report
    return replace(fact, report=replace(fact.report, messages=messages))


def test_a_report_of_many_messages_counts_them_all() -> None:
    """A roll-up of 4,000 messages in 5,200 segments is one record that adds just those numbers."""
    [change] = _changes(of_many(sms("TEXT_SENT", "31.20", segments=5_200), 4_000))
    usage = change.after.usage
    assert usage
    assert (usage.messages, usage.segments, usage.amount) == (4_000, 5_200, Decimal("31.20"))
    terms, days = terms_and_days([change], [contract()])
    rows = count(
        [change],
        terms={start: TermRow(term=term) for start, term in terms.items()},
        days={day: DayRow(day=day) for day in days},
        versions=[contract()],
        now=NOON,
    )
    [row] = rows.terms.values()
    assert (row.of("sms").messages, row.of("sms").segments) == (4_000, 5_200)


def test_a_message_without_a_report_of_its_count_is_one() -> None:
    """Nothing but a roll-up stands for more than one message."""
    [change] = _changes(sms("TEXT_SENT", "0.00581"))
    assert change.after.usage
    assert change.after.usage.messages == 1


@pytest.mark.parametrize(
    ("reports", "cost"),
    [
        # (status, hour, price)                                              -> the cost that holds
        ([("TEXT_SENT", 0, "0.0058"), (CORRECTED, 1, "0.0070")], "0.0070"),
        ([("TEXT_SENT", 0, "0.0058"), (CORRECTED, 1, "0")], "0"),
        ([("TEXT_DELIVERED", 3, "0.0058"), (CORRECTED, 1, "0.0070")], "0.0070"),
        ([(CORRECTED, 1, "0.0070"), (CORRECTED, 2, "0.0061")], "0.0061"),
        ([(CORRECTED, 2, "0"), (CORRECTED, 1, "0.0070")], "0"),
    ],
)
def test_the_latest_correction_holds(reports: list[tuple[str, int, str]], cost: str) -> None:
    """A correction beats every status's report, down to zero and whatever arrives first; of several, the latest."""
    facts = [_reported(status, hour, price) for status, hour, price in reports]
    for order in permutations(facts):
        report = decisive_report(merge_all(new_record(facts[0]), order))
        assert report
        assert report.total == Decimal(cost)


def test_a_correction_alone_makes_no_message_billable_without_a_price() -> None:
    """A correction to zero of a message that no receipt told of counts nothing."""
    fact = _reported(CORRECTED, 1, "0")
    assert charge(merge_all(new_record(fact), [fact])) is None


def _reported(status: str, hour: int, price: str) -> Fact:
    """A status of noon with a report of a later hour."""
    fact = sms(status, price, at=NOON)
    assert fact.report
    return replace(fact, report=replace(fact.report, at=HOURS[hour]))


def _changes(*facts: Fact) -> tuple[RecordChange, ...]:
    held = Assignment(
        provider="aws-sms", account="acme", tenant="acme", since=NOON - timedelta(days=50), card="aws-sms"
    )
    priced = price_facts(
        facts,
        records={},
        versions=[contract()],
        senders={("aws-sms", "acme"): [held]},
        book=PriceBook(),
    )
    assert not priced.quarantined
    return priced.changes


@pytest.mark.parametrize(
    ("provider", "account", "expected"),
    [
        ("platform", "rollup:twilio:AC1", ("twilio", "AC1")),
        ("platform", "statement:aws-sms:arn:aws:sns:x", ("aws-sms", "arn:aws:sns:x")),
        ("platform", "rollup", ("platform", "rollup")),
        ("platform", "rollups:twilio:AC1", ("platform", "rollups:twilio:AC1")),
        ("twilio", "rollup:twilio:AC1", ("twilio", "rollup:twilio:AC1")),
    ],
)
def test_a_sender_names_whose_usage_it_counts(provider: str, account: str, expected: tuple[str, str]) -> None:
    """Only a sender of the platform stands for another provider's account, by its way of counting."""
    assert counted(provider, account) == expected
    assert is_added_up(account) == (account.startswith(("rollup:", "statement:")))


@pytest.mark.parametrize("account", ["rollup:", "rollup:twilio", "rollup::AC1", "statement:twilio:"])
def test_a_way_of_counting_without_an_account_is_a_mistake(account: str) -> None:
    """It would never match anything, so the contract is refused."""
    with pytest.raises(ValueError, match=r"expected (rollup|statement):<provider>:<account>"):
        counted("platform", account)
    with pytest.raises(Invalid, match="senders: expected"):
        contract(senders=[{"provider": "platform", "account": account}])


@pytest.mark.parametrize(
    ("accounts", "twice"),
    [
        ([("aws-sms", "acme"), ("platform", "acme")], []),
        ([("aws-sms", "acme"), ("platform", "rollup:aws-sms:other")], []),
        ([("aws-sms", "acme"), ("platform", "rollup:aws-sms:acme")], [("aws-sms", "acme")]),
        ([("platform", "statement:aws-sms:acme"), ("platform", "rollup:aws-sms:acme")], [("aws-sms", "acme")]),
        ([("platform", "statement:aws-sms:acme"), ("aws-sms", "acme")], [("aws-sms", "acme")]),
    ],
)
def test_an_account_is_counted_one_way(accounts: list[tuple[str, str]], twice: list[tuple[str, str]]) -> None:
    """Receipts, roll-ups and statements tell of the same usage: a contract that counts by two of them is refused."""
    assert twice_counted(accounts) == twice
    senders = [{"provider": provider, "account": account} for provider, account in accounts]
    if twice:
        with pytest.raises(Invalid, match="counted in two ways, by receipts, roll-ups or statements: aws-sms acme"):
            contract(senders=senders)
    else:
        assert len(contract(senders=senders).senders) == 2


def test_phone_numbers_of_one_account_are_counted_one_way() -> None:
    """Two senders of the same provider's account are no two ways."""
    numbers = [{"provider": "meta", "account": "1", "phone_number_id": number} for number in ("2", "3")]
    assert len(contract(senders=numbers).senders) == 2


def test_a_contract_names_the_account_as_it_is_looked_up() -> None:
    """The writing of both sides is the same."""
    assert sender_account("rollup", "twilio", "AC1") == "rollup:twilio:AC1"


@pytest.mark.parametrize(
    "sender",
    [("twilio", "AC1"), ("platform", "rollup:twilio:AC1"), ("platform", "statement:twilio:AC1")],
)
def test_each_way_of_counting_an_account_names_the_two_others(sender: tuple[str, str]) -> None:
    """By receipts, by roll-ups, by statements: whichever is taken, the others would count the same usage."""
    every = {("twilio", "AC1"), ("platform", "rollup:twilio:AC1"), ("platform", "statement:twilio:AC1")}
    assert other_ways(*sender) == every - {sender}
