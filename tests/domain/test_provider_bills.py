"""Provider bills: what a provider's roll-ups and statements say, against what our own records add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D, contract
from tollgate.domain.calendar import Span, days_within
from tollgate.domain.facts import MessageKey
from tollgate.domain.provider_bills import (
    Bill,
    BilledLine,
    Tally,
    Used,
    bills,
    compared,
    cut_by,
    incomparable,
    latest,
    periods_within,
    used_of,
)
from tollgate.domain.reconciliation import Difference
from tollgate.domain.records import Fee, Record, Usage
from tollgate.domain.rollups import PLATFORM, ROLLUP, STATEMENT, sender_account
from tollgate.domain.senders import Assignment, held_within

OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LINE = BilledLine(
    way=STATEMENT,
    identity="twilio|AC1|INV-1|1",
    at=NOVEMBER + DAY,
    provider="twilio",
    account="AC1",
    channel="sms",
    start=OCTOBER,
    end=NOVEMBER,
    messages=10,
    segments=12,
    amount=D("0.50"),
    currency="USD",
    statement="INV-1",
)
USED = Used(10, 12, {"USD": D("0.5")})


def rollup(day: int, messages: int = 1, **changes: Any) -> BilledLine:
    """A roll-up of a day of October, counted from 0."""
    start = OCTOBER + day * DAY
    return replace(LINE, way=ROLLUP, identity=str(day), start=start, end=start + DAY, messages=messages, **changes)


def fee(amount: str, currency: str = "USD") -> Fee:
    return Fee(amount=D(9), currency="GBP", source="reported", original=D(amount), original_currency=currency)


def record(
    moment: datetime = OCTOBER + DAY,
    *,
    account: str = "AC1",
    provider: str = "twilio",
    meter: str = "sms",
    messages: int = 1,
    segments: int = 1,
    fees: dict[str, Fee] | None = None,
    message: str = "SM1",
) -> Record:
    usage = Usage(
        meter=meter,
        moment=moment,
        day=moment.date(),
        term=date(2026, 1, 15),
        category="sms",
        market="US",
        messages=messages,
        segments=segments,
        fees={"message": fee("0.05")} if fees is None else fees,
    )
    return Record(key=MessageKey(provider, message), meter=meter, account=account, usage=usage)


def named(found: list[Difference]) -> list[tuple[str, str, str, str]]:
    return [(one.cause, one.ours, one.theirs, one.unit) for one in found]


def of_channel(found: list[Bill], channel: str = "sms") -> list[Bill]:
    return [bill for bill in found if bill.channel == channel]


def test_of_a_line_that_was_sent_again_the_later_one_holds() -> None:
    """Whatever arrives first; of the same time the larger, as a record of it would have it."""
    later = replace(LINE, at=LINE.at + DAY, messages=3)
    larger = replace(later, amount=D(7))
    unsaid = replace(larger, segments=None)
    other = replace(LINE, way=ROLLUP)
    for given_ in ([LINE, later, larger, unsaid, other], [other, larger, unsaid, later, LINE]):
        assert sorted(latest(given_), key=lambda one: one.way) == [other, larger]


def test_lines_of_a_time_are_one_bill() -> None:
    """Countries and categories apart are added up; the segments are known where every line says them."""
    other = replace(LINE, identity="2", messages=5, segments=6, amount=D("0.255"), statement="INV-2")
    [bill] = of_channel(bills([LINE, other]))
    assert (bill.messages, bill.segments, bill.statements) == (15, 18, ("INV-1", "INV-2"))
    assert bill.amounts == {"USD": (D("0.755"), D("0.0055"))}
    [unsaid] = of_channel(bills([LINE, replace(other, segments=None, currency="EUR")]))
    assert (unsaid.segments, set(unsaid.amounts)) == (None, {"USD", "EUR"})


def test_times_that_overlap_are_compared_together_and_those_that_touch_apart() -> None:
    """A line of half a month beside one of the whole is of another country, perhaps; two days are two bills."""
    half = replace(LINE, identity="2", start=OCTOBER + 10 * DAY, end=OCTOBER + 20 * DAY)
    tail = replace(LINE, identity="3", start=NOVEMBER - DAY, end=NOVEMBER + DAY)
    [bill] = of_channel(bills([tail, half, LINE]))
    assert (bill.start, bill.end, bill.messages) == (OCTOBER, NOVEMBER + DAY, 30)
    assert [(one.start, one.messages) for one in bills([rollup(1, 4), rollup(0, 3)])] == [
        (OCTOBER, 3),
        (OCTOBER + DAY, 4),
    ]


def test_accounts_channels_and_ways_are_bills_of_their_own() -> None:
    """Each is compared by itself; a roll-up says nothing of other channels."""
    lines = [rollup(0), rollup(0, channel="voice"), rollup(0, account="AC2"), rollup(0, provider="vonage")]
    assert [(one.provider, one.account, one.channel) for one in bills(lines)] == [
        ("twilio", "AC1", "sms"),
        ("twilio", "AC1", "voice"),
        ("twilio", "AC2", "sms"),
        ("vonage", "AC1", "sms"),
    ]


def test_a_statement_says_that_nothing_was_used_where_it_names_nothing() -> None:
    """Of every other channel over its whole time, and of a channel in the days that its lines leave out."""
    lines = [
        replace(LINE, identity="2", end=OCTOBER + 5 * DAY),
        replace(LINE, identity="3", start=OCTOBER + 10 * DAY, end=OCTOBER + 12 * DAY),
        replace(LINE, identity="4", channel="whatsapp"),
    ]
    found = bills(lines)
    empty = [(one.start, one.end) for one in of_channel(found) if not one.messages]
    assert empty == [(OCTOBER + 5 * DAY, OCTOBER + 10 * DAY), (OCTOBER + 12 * DAY, NOVEMBER)]
    assert [(one.start, one.end, one.messages, one.statements) for one in of_channel(found, "voice")] == [
        (OCTOBER, NOVEMBER, 0, ("INV-1",))
    ]
    late = replace(LINE, identity="5", start=OCTOBER + DAY)
    assert [(one.start, one.messages) for one in of_channel(bills([lines[2], late]))] == [
        (OCTOBER, 0),
        (OCTOBER + DAY, 10),
    ]


@pytest.mark.parametrize(
    ("billed", "used", "expected"),
    [
        ({}, {}, []),
        ({"messages": 11}, {}, [("messages-differ", "10", "11", "messages")]),
        ({"messages": 9}, {}, [("messages-differ", "10", "9", "messages")]),
        ({"segments": 13}, {}, [("segments-differ", "12", "13", "segments")]),
        ({"segments": None}, {}, []),
        ({"amount": D("0.51")}, {}, [("amount-differs", "0.5", "0.51", "USD")]),
        ({}, {"amounts": {"USD": D("0.505")}}, []),
        ({}, {"amounts": {"USD": D("0.495")}}, []),
        ({}, {"amounts": {"USD": D("0.5051")}}, [("amount-differs", "0.5051", "0.50", "USD")]),
        ({"amount": D("0.5")}, {"amounts": {"USD": D("0.5051")}}, [("amount-differs", "0.5051", "0.5", "USD")]),
        ({"amount": D("0.5000")}, {"amounts": {"USD": D("0.50004")}}, []),
        ({"amount": D("0.5000")}, {"amounts": {"USD": D("0.50006")}}, [("amount-differs", "0.50006", "0.5000", "USD")]),
        ({"amount": D(1)}, {"amounts": {}}, [("amount-differs", "0", "1", "USD")]),
        ({"amount": D(0)}, {"amounts": {}}, []),
        ({"currency": "JPY", "amount": D(1)}, {"amounts": {"JPY": D("1.5")}}, []),
        ({}, {"messages": 0, "segments": 0, "amounts": {}}, [("receipts-missing", "0", "10", "messages")]),
        ({"messages": 0, "amount": D(0)}, {}, [("not-billed", "10", "0", "messages")]),
        (
            {"messages": 0, "segments": None},
            {"messages": 10},
            [("messages-differ", "10", "0", "messages")],
        ),
        ({}, {"amounts": {"INR": D(40)}}, [("not-compared", "", "", "")]),
        ({}, {"amounts": {"USD": D("0.5"), "INR": D(40)}}, [("not-compared", "", "", "")]),
    ],
)  # fmt: skip
def test_what_a_bill_says_otherwise_is_named(
    billed: dict[str, Any], used: dict[str, Any], expected: list[tuple[str, ...]]
) -> None:
    """Counts to the message, amounts to what their last decimal can hide, and never coarser than a cent."""
    [bill] = [one for one in of_channel(bills([replace(LINE, **billed)])) if one.amounts]
    assert named(compared(bill, replace(USED, **used))) == expected


def test_an_empty_bill_differs_from_any_usage_and_agrees_with_none() -> None:
    """Usage on a channel that the statement lacks."""
    empty = of_channel(bills([LINE]), "voice")[0]
    assert compared(empty, Used()) == []
    [found] = compared(empty, Used(2, 3, {"USD": D(1)}))
    assert found.words == (
        "twilio AC1, voice, 2026-10-01 to 2026-10-31: we counted usage that the provider does not bill: "
        "2 messages in our records, 0 messages in statement INV-1 of twilio"
    )
    assert compared(empty, Used(0, 0, {"USD": D(1)})) == []


def test_the_words_name_account_channel_time_and_source() -> None:
    """A day by itself, days with the last included, and instants where a time is not whole days."""
    assert bills([rollup(4)])[0].subject == "twilio AC1, sms, 2026-10-05"
    assert bills([rollup(4)])[0].source == "the roll-ups of twilio"
    assert replace(bills([LINE])[0], statements=("1", "2", "3")).source == "statement 1, 2, 3 of twilio"
    assert (
        replace(bills([LINE])[0], statements=("1", "2", "3", "4", "5")).source
        == "statement 1, 2, 3 and 2 more of twilio"
    )
    odd = bills([replace(rollup(0), end=OCTOBER + timedelta(hours=12, seconds=5))])[0]
    assert odd.subject == "twilio AC1, sms, 2026-10-01 00:00:00 to 2026-10-01 12:00:05 UTC"
    assert incomparable(odd, "why").words == f"{odd.subject}: could not be compared: why"


def test_a_record_adds_every_component_at_its_own_price_and_currency() -> None:
    """Whether it is passed on or not; nothing is nothing in any currency."""
    fees = {"message": fee("0.05"), "carrier": fee("0.01"), "meta": fee("2", "INR"), "platform": fee("0", "CHF")}
    assert used_of(record(messages=2, segments=3, fees=fees)) == Used(2, 3, {"USD": D("0.06"), "INR": D(2)})


def test_records_are_added_to_the_bills_they_belong_to() -> None:
    """By account, channel and billable moment, of receipts or of sums; the end of a time is not in it."""
    tally = Tally(bills([rollup(0), rollup(2), replace(LINE, identity="9")]))
    counted = [
        record(OCTOBER),
        record(OCTOBER + DAY),
        record(OCTOBER + 3 * DAY - timedelta(microseconds=1)),
        record(NOVEMBER),
        record(OCTOBER - timedelta(microseconds=1)),
        record(OCTOBER, account="AC2"),
        record(OCTOBER, provider="vonage"),
        record(OCTOBER, meter="mms", messages=7),
        record(OCTOBER + 2 * DAY, provider=PLATFORM, account=sender_account(ROLLUP, "twilio", "AC1"), messages=5),
    ]
    for one in counted:
        tally.add(one)
    used = {(bill.way, bill.start.day, bill.channel): own.messages for bill, own in tally.used() if own.messages}
    assert used == {
        ("rollup", 1, "sms"): 1,
        ("rollup", 3, "sms"): 6,
        ("statement", 1, "sms"): 8,
        ("statement", 1, "mms"): 7,
    }


def test_a_time_that_cuts_a_sum_in_two_is_noticed() -> None:
    """An account that is counted by days has no finer records; edges that fall together cut nothing."""
    [bill] = bills([rollup(0)])
    assert not cut_by(bill, [rollup(0), rollup(1), rollup(5)])
    assert cut_by(bill, [replace(rollup(0), start=OCTOBER - timedelta(hours=1))])
    assert cut_by(bill, [replace(rollup(0), end=OCTOBER + DAY + timedelta(hours=1))])
    assert not cut_by(bill, [replace(rollup(0), channel="voice", end=OCTOBER + 9 * DAY)])


@pytest.mark.parametrize(
    ("start", "end", "timezone", "expected"),
    [
        ("2026-10-01T00:00", "2026-11-01T00:00", "America/Chicago", ["2026-10-01"]),
        ("2026-10-01T05:00", "2026-11-01T05:00", "America/Chicago", ["2026-10-01"]),
        ("2026-10-01T00:00", "2026-11-01T00:00", "UTC", ["2026-10-01"]),
        ("2026-10-01T00:00", "2026-11-01T00:00", "Asia/Kolkata", ["2026-10-01"]),
        ("2026-10-01T00:00", "2026-10-02T00:00", "America/Chicago", ["2026-09-01", "2026-10-01"]),
        ("2026-10-05T00:00", "2026-10-06T00:00", "America/Chicago", ["2026-10-01"]),
        ("2026-10-05T07:00", "2026-10-05T08:00", "UTC", ["2026-10-01"]),
        ("2026-09-15T00:00", "2026-11-15T00:00", "UTC", ["2026-09-01", "2026-10-01", "2026-11-01"]),
        ("2026-01-01T00:00", "2026-02-01T00:00", "UTC", ["2026-01-15"]),
        ("2025-12-01T00:00", "2026-01-01T00:00", "UTC", []),
        ("2027-01-01T00:00", "2027-02-01T00:00", "UTC", ["2027-01-01", "2027-01-15"]),
    ],
)
def test_a_bill_is_about_the_periods_of_which_it_holds_whole_days(
    start: str, end: str, timezone: str, expected: list[str]
) -> None:
    """A provider's month in UTC is not about the five hours of the month before; a day is about what it touches."""
    first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))
    found = periods_within(first, last, [contract(timezone=timezone)])
    assert [str(period.start) for period in found] == expected


def test_the_days_of_a_time_are_those_that_it_touches() -> None:
    """In the zone's days; an end at midnight touches no further day."""
    assert days_within(OCTOBER, OCTOBER + DAY, "UTC") == Span(date(2026, 10, 1), date(2026, 10, 2))
    assert days_within(OCTOBER, OCTOBER + DAY, "America/Chicago") == Span(date(2026, 9, 30), date(2026, 10, 2))


def assigned(tenant: str, since: datetime, number: str = "") -> Assignment:
    return Assignment(provider="twilio", account="AC1", number=number, tenant=tenant, since=since, card="twilio")


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([[]], ((), False)),
        ([[assigned("acme", OCTOBER)]], (("acme",), True)),
        ([[assigned("acme", OCTOBER + DAY)]], (("acme",), False)),
        ([[assigned("acme", NOVEMBER)]], ((), False)),
        ([[assigned("acme", OCTOBER), assigned("beta", OCTOBER + DAY)]], (("acme", "beta"), True)),
        ([[assigned("acme", OCTOBER), assigned("", OCTOBER + DAY)]], (("acme",), False)),
        ([[assigned("acme", OCTOBER, "MG1"), assigned("beta", OCTOBER, "MG2")]], (("acme", "beta"), True)),
        ([[assigned("acme", OCTOBER), assigned("", OCTOBER + DAY)], [assigned("acme", OCTOBER + DAY)]],
         (("acme",), True)),
    ],
    ids=["nobody", "all", "later", "after", "handover", "given-up", "divided", "from-receipts-to-rollups"],
)  # fmt: skip
def test_who_holds_an_account_within_a_time(
    ways: list[list[Assignment]], expected: tuple[tuple[str, ...], bool]
) -> None:
    """Everybody who does at some time, by whichever way it is counted, and whether somebody does throughout."""
    assert held_within(ways, OCTOBER, NOVEMBER) == expected


@st.composite
def ledgers(draw: st.DrawFn) -> list[Record]:
    """Records of two accounts and three channels in October, in one currency, at prices of up to six decimals."""
    count = draw(st.integers(1, 25))
    return [
        record(
            OCTOBER + timedelta(minutes=draw(st.integers(0, 31 * 24 * 60 - 1))),
            account=draw(st.sampled_from(["AC1", "AC2"])),
            meter=draw(st.sampled_from(["sms", "whatsapp", "voice"])),
            messages=draw(st.integers(1, 3)),
            segments=draw(st.integers(1, 9)),
            fees={"message": fee(f"0.{draw(st.integers(0, 999_999)):06}"), "carrier": fee("0.0031")},
            message=f"SM{number}",
        )
        for number in range(count)
    ]


def billed(records: list[Record], *, way: str, decimals: int) -> list[BilledLine]:
    """What a provider that counted the same bills for it: by day or for the month, rounded line by line."""
    whole = {(record.account, record.meter): Used() for record in records}
    lines = []
    for account, meter in sorted(whole):
        own = [one for one in records if (one.account, one.meter) == (account, meter)]
        spans = (
            [(OCTOBER + n * DAY, OCTOBER + (n + 1) * DAY) for n in range(31)]
            if way == ROLLUP
            else [(OCTOBER, NOVEMBER)]
        )
        for start, end in spans:
            used = sum((used_of(one) for one in own if one.usage and start <= one.usage.moment < end), Used())
            amount = used.amounts.get("USD", D(0)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
            lines.append(
                replace(
                    LINE,
                    way=way,
                    identity=f"{account}{meter}{start}",
                    account=account,
                    channel=meter,
                    start=start,
                    end=end,
                    messages=used.messages,
                    segments=used.segments,
                    amount=amount,
                )
            )
    return lines


def all_differences(records: list[Record], lines: list[BilledLine]) -> list[Difference]:
    tally = Tally(bills(latest(lines)))
    for one in records:
        tally.add(one)
    return [difference for bill, used in tally.used() for difference in compared(bill, used)]


ways = st.sampled_from([ROLLUP, STATEMENT])
roundings = st.integers(2, 6)


@given(ledgers(), ways, roundings)
def test_a_bill_made_from_the_ledger_never_differs(records: list[Record], way: str, decimals: int) -> None:
    """By day or by month, however finely it is rounded, sent once or again."""
    lines = billed(records, way=way, decimals=decimals)
    assert all_differences(records, [*lines, *lines]) == []


@given(ledgers(), ways, roundings, st.data())
def test_any_single_change_of_a_bill_is_named(
    records: list[Record], way: str, decimals: int, data: st.DataObject
) -> None:
    """A message more or less, a segment, a unit of the last decimal, or a line that is left out: each by its cause."""
    lines = billed(records, way=way, decimals=decimals)
    index = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line.messages]))
    line, step = lines[index], Decimal(1).scaleb(-decimals)
    # Rounding explains half a unit of the last decimal, on top of the half that it may have been off before.
    change = data.draw(st.sampled_from(["message", "lost", "segment", "amount", "gone"]))
    if change == "gone" and way == ROLLUP:
        change = "message"  # a roll-up that was not sent says nothing
    changed = {
        "message": [replace(line, messages=line.messages + 1)],
        "lost": [replace(line, messages=line.messages - 1)],
        "segment": [replace(line, segments=(line.segments or 0) + 1)],
        "amount": [replace(line, amount=line.amount + 2 * step)],
        "gone": [],
    }[change]
    found = all_differences(records, [*lines[:index], *changed, *lines[index + 1 :]])
    if change == "gone" and not any(one.account == line.account for one in lines[:index] + lines[index + 1 :]):
        assert found == []  # of an account that a statement does not name at all nothing is known
        return
    expected = {
        "message": {"messages-differ"},
        "lost": {"messages-differ", "not-billed"},
        "segment": {"segments-differ"},
        "amount": {"amount-differs"},
        "gone": {"not-billed"},
    }[change]
    assert len(found) == 1
    assert found[0].cause in expected
    assert found[0].subject.startswith(f"twilio {line.account}, {line.channel}, ")


@given(ledgers(), ways, st.data())
def test_a_receipt_that_was_lost_is_named(records: list[Record], way: str, data: st.DataObject) -> None:
    """Whichever it is: by its count, or by there being none at all."""
    lines = billed(records, way=way, decimals=6)
    lost = data.draw(st.sampled_from(records))
    found = all_differences([one for one in records if one is not lost], lines)
    assert {one.cause for one in found} & {"messages-differ", "receipts-missing"}
    assert {one.subject for one in found if one.cause in ("messages-differ", "receipts-missing")} == {found[0].subject}
