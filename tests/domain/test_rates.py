"""Rate cards, market maps and exchange rates, by date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.domain.examples import CARD, MARKETS, D, fx
from tollgate.domain.facts import NOBODY, Recipient
from tollgate.domain.rates import MOST_ANSWERS, PriceBook, RateCard, in_force


@pytest.mark.parametrize(
    ("market", "category", "price"),
    [
        ("North America", "marketing", "0.0250"),
        ("North America", "marketing_lite", "0.0250"),  # the base category's: an upper bound
        ("North America", "group_marketing", "0.0250"),
        ("North America", "group_service", "0.0034"),
        ("Other", "group_utility", "0.0099"),  # the card's own value comes first
        ("India", "group_utility", "0.0014"),
        ("India", "authentication_international", "0.0280"),
        ("North America", "authentication_international", None),
        ("India", "service", None),
        ("India", "group_service", None),
        ("India", "general_purpose_ai", None),
        ("Atlantis", "marketing", None),
    ],
)
def test_a_category_costs_its_own_price_else_its_bases(market: str, category: str, price: str | None) -> None:
    """group_* and marketing_lite fall back to the base category; nothing else is guessed."""
    assert CARD.rate(market, category) == (None if price is None else D(price))


@pytest.mark.parametrize(
    ("category", "known"),
    [("marketing", True), ("group_utility", True), ("group_service", True), ("referral_conversion", False)],
)
def test_a_card_knows_a_category_that_any_market_prices(category: str, known: bool) -> None:
    """Tells a category that is missing from one that merely lacks the recipient."""
    assert CARD.knows(category) is known


@pytest.mark.parametrize(
    ("recipient", "market"),
    [
        (Recipient(prefix="1415"), "North America"),
        (Recipient(prefix="1787"), "Other"),  # the longest prefix wins: Puerto Rico is not North America
        (Recipient(prefix="1"), "North America"),
        (Recipient(prefix="9198", country="US"), "India"),  # a number beats a country
        (Recipient(prefix="2999"), "Other"),  # unlisted
        (Recipient(country="IN"), "India"),  # known by user id only
        (Recipient(country="AQ"), "Other"),
        (Recipient(hash="h"), None),
        (NOBODY, None),
    ],
)
def test_the_market_is_the_longest_prefix_else_the_country(recipient: Recipient, market: str | None) -> None:
    """Unlisted recipients are Other; one of whom nothing is known has no market."""
    assert MARKETS.market(recipient) == market


VERSIONS = [
    replace(CARD, effective_from=date(2026, 10, 1), version=1),
    replace(CARD, effective_from=date(2026, 7, 1), version=2),
    replace(CARD, effective_from=date(2026, 7, 1), version=10),
    replace(CARD, effective_from=date(2026, 7, 1), version=1),
]


@pytest.mark.parametrize(
    ("day", "reference"),
    [
        ("2026-06-30", None),
        ("2026-07-01", "meta/2026-07-01/10"),  # the newest version, by number
        ("2026-09-30", "meta/2026-07-01/10"),
        ("2026-10-01", "meta/2026-10-01/1"),
        ("2030-01-01", "meta/2026-10-01/1"),
    ],
)
def test_the_newest_version_of_the_latest_date_is_in_force(day: str, reference: str | None) -> None:
    """A card holds from its day on until another does; loading a date again replaces it by a new version."""
    card = in_force(VERSIONS, date.fromisoformat(day))
    assert (card and card.reference) == reference


def test_a_book_without_a_card_has_none_in_force() -> None:
    """A card is found by its name; there is no default."""
    book = PriceBook(cards={"meta": VERSIONS}, markets={"meta": [MARKETS]})
    day = date(2026, 7, 1)
    assert isinstance(book.card("meta", day), RateCard)
    assert book.market_map("meta", day) == MARKETS
    assert (book.card("other", day), book.market_map("other", day)) == (None, None)


@pytest.mark.parametrize(
    ("published", "day", "used"),
    [
        # 2026-03-13 is a Friday
        (["2026-03-12", "2026-03-13"], "2026-03-13", "2026-03-13"),
        (["2026-03-12"], "2026-03-13", None),  # not published yet: it may still come
        (["2026-03-13"], "2026-03-14", "2026-03-13"),  # Saturday
        (["2026-03-13"], "2026-03-15", "2026-03-13"),  # Sunday
        (["2026-03-12"], "2026-03-15", None),  # Sunday, but Friday's has not come yet
        (["2026-03-13"], "2026-03-16", None),  # Monday, not published yet
        (["2026-03-13", "2026-03-17"], "2026-03-16", "2026-03-13"),  # Monday was a holiday, as Tuesday shows
        (["2026-04-02", "2026-04-07"], "2026-04-03", "2026-04-02"),  # Good Friday
        (["2026-04-02", "2026-04-07"], "2026-04-05", "2026-04-02"),  # Easter
        (["2026-04-02", "2026-04-07"], "2026-04-06", "2026-04-02"),  # Easter Monday
        (["2026-03-02", "2026-03-17"], "2026-03-09", "2026-03-02"),
        (["2026-03-02", "2026-03-17"], "2026-03-10", None),  # older than a week: a gap in the data, not a holiday
        (["2026-03-17"], "2026-03-16", None),  # nothing before it
        ([], "2026-03-16", None),
    ],
)
def test_a_day_uses_the_last_rates_published_up_to_it(published: list[str], day: str, used: str | None) -> None:
    """Week-ends and holidays take the last publication before; a working day waits for its own."""
    book = PriceBook(fx=[fx(p, USD="1.25") for p in reversed(published)])
    found = book.fx_day(date.fromisoformat(day))
    assert (found and str(found.day)) == used


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("EUR", "USD", "1.25"),
        ("USD", "EUR", "0.8"),
        ("GBP", "USD", "1.5625"),
        ("USD", "JPY", "128"),
        ("JPY", "GBP", "0.005"),
        ("INR", "USD", "0.0138888889"),  # cut to ten decimals
        ("USD", "XYZ", None),
        ("XYZ", "USD", None),
    ],
)
def test_currencies_convert_by_way_of_the_euro(source: str, target: str, factor: str | None) -> None:
    """A rate between two currencies follows from both of their euro rates."""
    day = fx("2026-03-10", USD="1.25", GBP="0.80", JPY="160", INR="90")
    assert day.between(source, target) == (None if factor is None else D(factor))


def test_a_book_answers_a_question_once_and_forgets_when_it_holds_too_many() -> None:
    """What is asked again is not worked out again; a book that is asked without end does not grow without end."""
    book, asked = PriceBook(), list[int]()

    def ask(number: int) -> int | None:
        return book.once(("square", number), lambda: worked_out(number))

    def worked_out(number: int) -> int | None:
        asked.append(number)
        return number**2 if number else None

    assert [ask(3), ask(3), ask(0), ask(0)] == [9, 9, None, None]
    assert asked == [3, 0]
    for number in range(4, 4 + MOST_ANSWERS):
        ask(number)
    assert ask(3) == 9
    assert asked.count(3) == 2


def test_a_book_of_other_rates_has_answers_of_its_own() -> None:
    """A book that is made from another one does not answer from memory."""
    book = PriceBook(cards={"meta": [CARD]})
    later = replace(CARD, effective_from=date(2026, 10, 5))
    assert book.card("meta", date(2026, 10, 6)) == CARD
    assert replace(book, cards={"meta": [CARD, later]}).card("meta", date(2026, 10, 6)) == later
