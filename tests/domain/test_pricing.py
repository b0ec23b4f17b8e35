"""From a billable message to a fee, and why a fact cannot be priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import (
    BOOK,
    CARD,
    INDIAN,
    MARKETS,
    NOON,
    TERM_START,
    UNLISTED,
    D,
    contract,
    fx,
    sms,
    whatsapp,
)
from tests.strategies import fees
from tollgate.domain.contract import Contract
from tollgate.domain.facts import NOBODY, Fact, Recipient
from tollgate.domain.metering import quarantine_reason
from tollgate.domain.pricing import Unpriced, convert, market_of, rate
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import Fee, charge, merge_all, new_record

DAY = date(2026, 3, 10)
EURO_BOOK = replace(BOOK, fx=[fx("2026-03-10", USD="1.25", GBP="0.80")])
DEAR_LATER = replace(CARD, effective_from=date(2026, 3, 11), rates={"North America": {"marketing": D("0.5000")}})


class Rated(NamedTuple):
    fees: dict[str, Fee]
    market: str

    @property
    def fee(self) -> Fee:
        """The first component's."""
        return next(iter(self.fees.values()))

    @property
    def amount(self) -> Decimal:
        return sum((fee.amount for fee in self.fees.values()), D(0))


def rated(
    *facts: Fact, currency: str = "USD", book: PriceBook = BOOK, card: str = "meta", day: date = DAY
) -> Rated | str:
    """What some facts of one message cost, or why not."""
    due = charge(merge_all(new_record(facts[0]), facts))
    assert due is not None
    fees: dict[str, Fee] = {}
    for part in due.components:
        priced = rate(part, due, day=day, card=card, currency=currency, book=book)
        if isinstance(priced, Unpriced):
            return priced.reason
        fees |= {part.component: priced} if priced else {}
    return Rated(fees, market_of(due, day=day, card=card, book=book))


@pytest.mark.parametrize(
    ("fact", "amount", "market"),
    [
        (whatsapp("delivered", "regular/marketing"), "0.0250", "North America"),
        (whatsapp("delivered", "regular/marketing", recipient=INDIAN), "0.0118", "India"),
        (whatsapp("delivered", "regular/marketing", recipient=UNLISTED), "0.0604", "Other"),
        (whatsapp("delivered", "regular/group_utility", recipient=UNLISTED), "0.0099", "Other"),
        (whatsapp("delivered", "regular/group_utility"), "0.0034", "North America"),
        (whatsapp("delivered", "regular/marketing_lite"), "0.0250", "North America"),
        (whatsapp("delivered", "regular/service", recipient=Recipient(country="US")), "0.0034", "North America"),
        (whatsapp("delivered", "regular/marketing", recipient=NOBODY), "no-rate", ""),
        (whatsapp("delivered", "regular/authentication_international"), "no-rate", ""),
    ],
)
def test_a_card_prices_by_market_and_category(fact: Fact, amount: str, market: str) -> None:
    """The fee is the card's price in the recipient's market, and names the card it came from."""
    priced = rated(fact)
    if isinstance(priced, str):
        assert priced == amount
        return
    assert (priced.fee.amount, priced.market) == (D(amount), market)
    assert (priced.fee.source, priced.fee.card, priced.fee.fx) == ("card", "meta/2026-01-01/1", "")
    assert priced.fee.card_amount == priced.fee.original == D(amount)


@pytest.mark.parametrize(
    ("price", "carrier_fee", "fees"),
    [
        ("0.00581", "0.003", {"message": ("reported", "0.00581"), "carrier": ("reported", "0.003")}),
        ("0.00581", None, {"message": ("reported", "0.00581")}),
        (None, "0.003", {"message": ("none", "0"), "carrier": ("reported", "0.003")}),
        ("0", "0", {"message": ("reported", "0"), "carrier": ("reported", "0")}),
        (None, None, {"message": ("none", "0")}),  # the message counts, and has cost nothing so far
    ],
)
def test_the_reported_price_and_carrier_fee_are_kept_apart(
    price: str | None, carrier_fee: str | None, fees: dict[str, tuple[str, str]]
) -> None:
    """What the provider says it cost needs no card; the market is the recipient's country."""
    priced = rated(sms("TEXT_SENT", price, carrier_fee), card="aws-sms")
    assert isinstance(priced, Rated)
    found = {component: (fee.source, str(fee.amount)) for component, fee in priced.fees.items()}
    assert (found, priced.market) == (fees, "US")
    assert (priced.fee.card, priced.fee.card_amount) == ("", None)


def test_a_reported_fee_beats_a_card_and_both_are_kept() -> None:
    """Beside what was reported stands what the card would have said."""
    card = replace(CARD, card="aws-sms", rates={"North America": {"sms": D("0.0079")}})
    book = PriceBook(cards={"aws-sms": [card]}, markets={"aws-sms": [MARKETS]})
    priced = rated(sms("TEXT_SENT", "0.00581"), card="aws-sms", book=book)
    assert isinstance(priced, Rated)
    assert (priced.fee.source, priced.fee.amount) == ("reported", D("0.00581"))
    assert (priced.fee.card, priced.fee.card_amount) == ("aws-sms/2026-01-01/1", D("0.0079"))
    unreported = rated(sms("TEXT_SENT", None), card="aws-sms", book=book)
    assert isinstance(unreported, Rated)
    assert (unreported.fee.source, unreported.fee.amount, unreported.market) == ("card", D("0.0079"), "North America")


def test_a_card_prices_each_part_of_a_provider_that_reports_no_cost() -> None:
    """A report without currency tells segments alone: a card's price times those, and without a card no rate."""
    card = replace(CARD, card="own", rates={"North America": {"sms": D("0.0079")}})
    book = PriceBook(cards={"own": [card]}, markets={"own": [MARKETS]})
    three = sms("TEXT_SENT", segments=3, currency="")
    priced = rated(three, card="own", book=book)
    assert isinstance(priced, Rated)
    assert (priced.fee.source, priced.fee.amount, priced.fee.card_amount) == ("card", D("0.0237"), D("0.0237"))
    assert rated(three, card="own", book=PriceBook()) == "no-rate"


def test_a_message_without_report_or_card_has_no_rate() -> None:
    """Nothing is ever priced at zero because a price is missing."""
    silent = replace(sms("TEXT_SENT", recipient=NOBODY), report=None)
    assert rated(silent, card="aws-sms") == "no-rate"
    nowhere = rated(sms("TEXT_SENT", "0.01", recipient=NOBODY), card="aws-sms")
    assert isinstance(nowhere, Rated)
    assert nowhere.market == "unknown"


@pytest.mark.parametrize(
    ("day", "amount"), [("2026-03-10", "0.0250"), ("2026-03-11", "0.5000"), ("2025-12-31", "no-rate")]
)
def test_the_card_in_force_on_the_day_prices(day: str, amount: str) -> None:
    """A new card holds from its day on, an old one until the day before; before the first there is no rate."""
    book = replace(BOOK, cards={"meta": [CARD, DEAR_LATER]})
    priced = rated(whatsapp("delivered", "regular/marketing"), day=date.fromisoformat(day), book=book)
    assert (priced if isinstance(priced, str) else str(priced.fee.amount)) == amount


def test_a_fee_in_another_currency_keeps_what_was_reported_and_the_rate() -> None:
    """Converted at a named published rate; the original stands beside it."""
    priced = rated(sms("TEXT_SENT", "0.0100", currency="GBP"), card="aws-sms", book=EURO_BOOK)
    assert isinstance(priced, Rated)
    assert (priced.fee.amount, priced.fee.currency) == (D("0.015625"), "USD")
    assert (priced.fee.original, priced.fee.original_currency) == (D("0.0100"), "GBP")
    assert (priced.fee.fx, priced.fee.fx_rate) == ("ecb/2026-03-10", D("1.5625"))
    assert rated(sms("TEXT_SENT", "0.0100", currency="GBP"), card="aws-sms") == "no-fx"


@pytest.mark.parametrize(
    ("amount", "source", "target", "converted"),
    [
        ("1", "USD", "USD", "1"),
        ("0", "XYZ", "USD", "0"),  # nothing needs no rate
        ("1", "GBP", "USD", "1.5625"),
        ("1", "XYZ", "USD", None),
    ],
)
def test_conversion_needs_a_rate_only_between_currencies(
    amount: str, source: str, target: str, converted: str | None
) -> None:
    """The same currency, or zero, converts without a rate; an unquoted one not at all."""
    result = convert(D(amount), source, target, day=DAY, book=EURO_BOOK)
    assert (result and result.amount) == (None if converted is None else D(converted))


@given(fees(), fees(), st.sampled_from(["USD", "EUR", "GBP"]))
def test_pricing_is_monotone(less: Decimal, more: Decimal, currency: str) -> None:
    """A higher reported cost is never a lower fee, in any currency."""
    less, more = sorted([less, more])
    low, high = (
        rated(sms("TEXT_SENT", str(cost)), currency=currency, book=EURO_BOOK, card="aws-sms") for cost in (less, more)
    )
    assert isinstance(low, Rated)
    assert isinstance(high, Rated)
    assert low.fee.amount <= high.fee.amount


EURO = contract(currency="EUR")
EARLY = NOON - timedelta(days=70)


@pytest.mark.parametrize(
    ("fact", "version", "book", "reason"),
    [
        (whatsapp("sent"), contract(), BOOK, None),  # says nothing of a price
        (whatsapp("sent"), contract(), PriceBook(), None),
        (whatsapp("sent", at=EARLY), contract(), BOOK, "no-contract"),
        (whatsapp("delivered", "regular/marketing"), contract(), BOOK, None),
        (whatsapp("delivered", "regular/marketing"), contract(), PriceBook(), "no-rate"),
        (whatsapp("delivered", "regular/general_purpose_ai"), contract(), BOOK, "no-rate"),
        (whatsapp("delivered", "regular/authentication_international"), contract(), BOOK, "no-rate"),
        (whatsapp("delivered", "brand_new_type/marketing"), contract(), BOOK, "no-rate"),
        (whatsapp("delivered", "free_entry_point/anything"), contract(), PriceBook(), None),
        (whatsapp("read", "regular/marketing", recipient=NOBODY), contract(), BOOK, None),  # a sibling may tell
        (whatsapp("read", "regular/general_purpose_ai", recipient=NOBODY), contract(), BOOK, "no-rate"),
        (whatsapp("delivered", "regular/marketing"), EURO, BOOK, "no-fx"),
        (whatsapp("delivered", "regular/marketing"), EURO, EURO_BOOK, None),
        (sms("TEXT_SENT", "0.01"), contract(), PriceBook(), None),
        (sms("TEXT_SENT", "0.01", currency="EUR"), contract(), BOOK, "no-fx"),
        (sms("TEXT_SENT", "0.01", currency="XYZ"), contract(), EURO_BOOK, "no-fx"),
        (sms("TEXT_SENT", "0", currency="EUR"), contract(), BOOK, None),
        (sms("TEXT_SENT", None, currency="EUR"), contract(), BOOK, None),
    ],
)
def test_a_fact_is_quarantined_for_what_it_says_alone(
    fact: Fact, version: Contract, book: PriceBook, reason: str | None
) -> None:
    """Each fact is judged by itself, never by what arrived before it."""
    assert quarantine_reason(fact, versions=[version], card="meta", book=book) == reason


def test_the_first_day_of_a_contract_is_in_its_own_zone() -> None:
    """A contract from 15 January in Chicago begins at 06:00 UTC."""
    first = whatsapp("sent", at=NOON.replace(month=1, day=15, hour=6))
    assert contract().effective == TERM_START
    assert quarantine_reason(first, versions=[contract()], card="meta", book=BOOK) is None
    before = replace(first, at=first.at - timedelta(seconds=1))
    assert quarantine_reason(before, versions=[contract()], card="meta", book=BOOK) == "no-contract"
