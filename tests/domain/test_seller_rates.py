"""Cards whose seller converts them itself: AWS charges Meta's fees from Meta's INR card, at a rate of the quarter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.domain.examples import CARD, D, fx
from tollgate.domain.errors import Invalid
from tollgate.domain.pricing import Converted, convert
from tollgate.domain.rate_files import parse_card, parse_fx_csv
from tollgate.domain.rates import FxDay, PriceBook

AWS = "aws-social"
INR_CARD = replace(CARD, card=AWS, currency="INR", charged_in="USD", fx_source=AWS)
DAY = date(2026, 11, 20)


def seller(day: str, usd: str = "0.0115") -> FxDay:
    """US dollars for one rupee."""
    return FxDay(date.fromisoformat(day), AWS, {"INR": D(1), "USD": D(usd)})


ECB_DAY = fx("2026-11-20", USD="1.25", INR="100", GBP="0.80")


@pytest.mark.parametrize(
    ("loaded", "day", "found"),
    [
        # days that a rate was set                       day             the one that holds
        (["2026-10-01"], "2026-10-01", "2026-10-01"),
        (["2026-10-01"], "2026-12-31", "2026-10-01"),  # no week-ends, no staleness: it holds for the quarter
        (["2026-10-01"], "2027-01-01", None),  # the new quarter's may be another
        (["2026-10-01"], "2026-09-30", None),
        (["2026-10-02", "2026-10-01"], "2026-10-01", "2026-10-01"),
        (["2026-10-02", "2026-10-01"], "2026-10-03", "2026-10-02"),
        (["2026-07-01", "2026-10-01"], "2026-09-30", "2026-07-01"),
        ([], "2026-10-01", None),
    ],
)
def test_a_sellers_rate_holds_for_its_quarter(loaded: list[str], day: str, found: str | None) -> None:
    """The last one set since the quarter began; one that may be out of date is none."""
    book = PriceBook(fx=[ECB_DAY, *map(seller, loaded)])
    held = book.fx_day(date.fromisoformat(day), AWS)
    assert (held and str(held.day)) == found


def test_sources_never_stand_in_for_each_other() -> None:
    """The ECB's rates of a day hold for no seller, nor a seller's for the ECB or another seller."""
    assert PriceBook(fx=[ECB_DAY]).fx_day(DAY, AWS) is None
    assert PriceBook(fx=[seller("2026-11-20")]).fx_day(DAY) is None
    assert PriceBook(fx=[seller("2026-11-20")]).fx_day(DAY, "another") is None


def test_a_sellers_rates_are_not_for_a_euro() -> None:
    """What one unit is, is the seller's business: only what it names stands in a ratio."""
    assert seller("2026-10-01").between("INR", "USD") == D("0.0115")
    assert seller("2026-10-01").between("INR", "EUR") is None
    assert seller("2026-10-01").between("EUR", "USD") is None


@pytest.mark.parametrize(
    ("target", "converted"),
    [
        ("USD", Converted(D("0.0575"), "aws-social/2026-10-01", D("0.0115"))),
        # What AWS charges is dollars: another currency is bought with those, on the day.
        ("EUR", Converted(D("0.0460"), "aws-social/2026-10-01 ecb/2026-11-20", D("0.0092"))),
        ("INR", Converted(D("4.60"), "aws-social/2026-10-01 ecb/2026-11-20", D("0.92"))),
        ("CHF", None),
    ],
)
def test_a_price_becomes_what_the_seller_charges_and_then_the_contracts_currency(
    target: str, converted: Converted | None
) -> None:
    """At the seller's rate of the quarter first, at the day's published one after it; both are named."""
    book = PriceBook(fx=[ECB_DAY, seller("2026-10-01")])
    assert convert(D(5), "INR", target, day=DAY, book=book, seller=INR_CARD) == converted


@pytest.mark.parametrize("target", ["USD", "EUR", "INR"])
def test_without_the_sellers_rate_there_is_no_price(target: str) -> None:
    """The ECB's rate of the rupee is another: a price by it would be off, and is not made."""
    assert convert(D(5), "INR", target, day=DAY, book=PriceBook(fx=[ECB_DAY]), seller=INR_CARD) is None


def test_nothing_needs_no_rate() -> None:
    """A price of zero is zero in every currency."""
    assert convert(D(0), "INR", "EUR", day=DAY, book=PriceBook(), seller=INR_CARD) == Converted(D(0))


def test_a_card_without_a_seller_is_converted_by_the_published_rate() -> None:
    """As before: Meta's own card in rupees is Meta's price in rupees."""
    book = PriceBook(fx=[ECB_DAY, seller("2026-10-01")])
    plain = convert(D(5), "INR", "USD", day=DAY, book=book, seller=replace(CARD, currency="INR"))
    assert plain == Converted(D("0.0625"), "ecb/2026-11-20", D("0.0125"))


def document(**changes: Any) -> dict[str, Any]:
    return {"currency": "INR", "rates": {"India": {"utility": "0.1150"}}, **changes}


def test_a_card_says_who_converts_it() -> None:
    """Both fields, or neither."""
    card = parse_card(document(charged_in="USD", fx_source=AWS), card=AWS, effective_from=DAY)
    assert (card.currency, card.charged_in, card.fx_source) == ("INR", "USD", AWS)
    plain = parse_card(document(), card=AWS, effective_from=DAY)
    assert (plain.charged_in, plain.fx_source) == ("", "")


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"charged_in": "USD"}, ["fx_source"]),
        ({"fx_source": AWS}, ["charged_in"]),
        ({"charged_in": "INR", "fx_source": AWS}, ["charged_in"]),
        ({"charged_in": "dollars", "fx_source": "ecb"}, ["charged_in", "fx_source"]),
        ({"charged_in": 7, "fx_source": ""}, ["charged_in", "fx_source"]),
        ({"charged_in": "USD", "fx_source": "AWS Social"}, ["fx_source"]),
    ],
)
def test_half_a_conversion_is_refused(changes: dict[str, Any], paths: list[str]) -> None:
    """A card that could never be priced is not loaded."""
    with pytest.raises(Invalid) as refused:
        parse_card(document(**changes), card=AWS, effective_from=DAY)
    assert [problem.path for problem in refused.value.problems] == paths


def test_a_sellers_rates_are_loaded_under_its_name() -> None:
    """From the same file's shape, for one unit of whatever it likes."""
    assert parse_fx_csv("Date,INR,USD\n2026-10-01,1,0.0115\n", source=AWS) == [seller("2026-10-01")]


@pytest.mark.parametrize("source", ["", "AWS", "a#b", "a b", "-a"])
def test_a_name_that_is_none_is_refused(source: str) -> None:
    """It becomes part of a key, and of what each fee says about itself."""
    with pytest.raises(Invalid) as refused:
        parse_fx_csv("Date,INR,USD\n2026-10-01,1,0.0115\n", source=source)
    assert [problem.path for problem in refused.value.problems] == ["source"]
