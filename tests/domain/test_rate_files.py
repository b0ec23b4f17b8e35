"""Files of rates: taken whole or refused whole, every problem named, every amount exact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import AMERICAN, INDIAN, UNLISTED, D
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.rate_files import parse_card, parse_fx_csv, parse_market_map, read_json
from tollgate.domain.rates import MarketMap, RateCard

OCTOBER = date(2026, 10, 1)
CARD: dict[str, Any] = {"currency": "USD", "rates": {"India": {"marketing": "0.0118", "utility": "0.0014"}}}
MAP: dict[str, Any] = {"by_calling_code": {"1": "NA", "91": "India"}, "by_iso": {"US": "NA"}, "default": "Other"}


def card(document: object) -> RateCard:
    return parse_card(document, card="meta", effective_from=OCTOBER)


def market_map(document: object) -> MarketMap:
    return parse_market_map(document, effective_from=OCTOBER)


def prices(value: object) -> dict[str, Any]:
    return CARD | {"rates": {"India": {"marketing": value}}}


AMOUNT = 'expected an amount in quotes such as "0.0250", with no more than 12 decimals'
NAMES = "expected names with values under it"


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (None, [("", NAMES), ("currency", "expected a currency code such as USD"), ("rates", NAMES)]),
        (CARD | {"currency": "usd"}, [("currency", "expected a currency code such as USD")]),
        (CARD | {"currency": 840}, [("currency", "expected a currency code such as USD")]),
        (CARD | {"rates": {}}, [("rates", NAMES)]),
        (CARD | {"rates": {"India": []}}, [("rates.India", NAMES)]),
        (prices(0.0118), [("rates.India.marketing", AMOUNT)]),  # a float has lost digits already
        (prices(True), [("rates.India.marketing", AMOUNT)]),
        (prices(None), [("rates.India.marketing", AMOUNT)]),
        (prices("eleven"), [("rates.India.marketing", AMOUNT)]),
        (prices("NaN"), [("rates.India.marketing", AMOUNT)]),
        (prices("Infinity"), [("rates.India.marketing", AMOUNT)]),
        (prices("-0.01"), [("rates.India.marketing", AMOUNT)]),
        (prices("1000000000"), [("rates.India.marketing", AMOUNT)]),
        (prices("0.0000000000001"), [("rates.India.marketing", AMOUNT)]),
        (
            CARD | {"rates": {"India": {"marketing-lite": "1", "marketing_lite": "2"}, "NA": {"utility": "x"}}},
            [("rates.India.marketing_lite", "is the same category as another"), ("rates.NA.utility", AMOUNT)],
        ),
    ],
)
def test_a_card_is_refused_with_every_problem(document: object, problems: list[tuple[str, str]]) -> None:
    """Each problem has its path; a card with one is not taken in part."""
    with pytest.raises(Invalid, match=r"^rate card is not valid: ") as caught:
        card(document)
    assert [(problem.path, problem.message) for problem in caught.value.problems] == problems


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0.0118", "0.0118"),
        (D("0.0118"), "0.0118"),
        (0, "0"),
        ("0", "0"),
        ("999999999.999999999999", "999999999.999999999999"),
    ],
)
def test_a_price_is_kept_to_its_last_digit(value: object, amount: str) -> None:
    """Zero is a price too; twelve decimals are kept."""
    assert str(card(prices(value)).rates["India"]["marketing"]) == amount


def test_a_card_takes_its_name_and_day_from_the_caller() -> None:
    """A file says neither; a hyphen in a category reads as an underscore."""
    read = card(CARD | {"rates": {"India": {"authentication-international": "0.028"}}})
    assert (read.card, read.effective_from, read.version, read.currency) == ("meta", OCTOBER, 0, "USD")
    assert read.rates == {"India": {"authentication_international": D("0.028")}}


DIGITS = "expected 1 to 4 digits: no more of a number is kept"
MARKET = "expected the name of a market"


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ([], ["", "by_calling_code", "by_iso", "default"]),
        (MAP | {"by_calling_code": {"15555": "NA"}}, ["by_calling_code.15555"]),  # could never match
        (
            MAP | {"by_calling_code": {"0": "NA", "+1": "NA", "": "NA"}},
            [f"by_calling_code.{p}" for p in ("0", "+1", "")],
        ),
        (MAP | {"by_calling_code": {"1": ""}}, ["by_calling_code.1"]),
        (MAP | {"by_iso": {"us": "NA", "USA": 1}}, ["by_iso.us", "by_iso.USA", "by_iso.USA"]),
        (MAP | {"default": " "}, ["default"]),
        ({key: MAP[key] for key in ("by_iso", "by_calling_code")}, ["default"]),
    ],
)
def test_a_market_map_is_refused_with_every_problem(document: object, problems: list[str]) -> None:
    """Prefixes that are none, countries that are none, markets without a name: all of them at once."""
    with pytest.raises(Invalid, match=r"^market map is not valid: ") as caught:
        market_map(document)
    assert [problem.path for problem in caught.value.problems] == problems
    assert {problem.message for problem in caught.value.problems} <= {
        NAMES,
        DIGITS,
        MARKET,
        "expected an ISO 3166 country code such as DE",
    }


def test_a_market_map_is_read_with_its_version() -> None:
    """Longest prefix, country, default: as the file says."""
    read = parse_market_map(MAP, effective_from=OCTOBER, version=2)
    assert (read.effective_from, read.version) == (OCTOBER, 2)
    assert [read.market(who) for who in (AMERICAN, INDIAN, UNLISTED)] == ["NA", "India", "Other"]


def test_numbers_of_a_json_file_stay_exact() -> None:
    """A price without quotes is read digit by digit, never as a binary fraction; a byte order mark is no error."""
    assert read_json('\ufeff{"a": 0.1000, "b": [{"c": 7}]}', "card") == {"a": D("0.1000"), "b": [{"c": 7}]}
    read = card(read_json('{"currency": "USD", "rates": {"India": {"utility": 0.1000}}}', "card"))
    assert str(read.rates["India"]["utility"]) == "0.1000"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('{"a": 1, "a": 2, "b": {"c": 1, "c": 1}}', [Problem("c", "is there twice"), Problem("a", "is there twice")]),
        ('[{"a": 1}, {"a": 2}]', []),
    ],
)
def test_a_name_that_is_there_twice_is_refused(text: str, problems: list[Problem]) -> None:
    """Which of two prices holds is not for us to guess; the same name in two objects is fine."""
    found: list[Problem] = []
    try:
        read_json(text, "rate card")
    except Invalid as error:
        found = list(error.problems)
    assert found == problems


@pytest.mark.parametrize("text", ["", "{", '{"a": 01}', "Date,USD"])
def test_a_file_that_is_not_json_is_refused(text: str) -> None:
    """What is wrong and where comes from the reader itself."""
    with pytest.raises(Invalid, match=r"^rate card is not valid: expected JSON: "):
        read_json(text, "rate card")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_json_numbers_that_are_no_amounts_are_refused(number: str) -> None:
    """What JSON readers let through is stopped at the amount."""
    with pytest.raises(Invalid, match=r"rates\.India\.marketing: expected an amount"):
        card(read_json(f'{{"currency": "USD", "rates": {{"India": {{"marketing": {number}}}}}}}', "rate card"))


def test_the_cards_that_come_with_the_product_are_valid() -> None:
    """Both files load, and every market of the map has prices on the card."""
    data = resources.files("tollgate") / "data"
    rates = card(read_json((data / "meta_rates_usd_2026-10-01.json").read_text("utf-8"), "rate card"))
    markets = market_map(read_json((data / "meta_markets_2026-10-01.json").read_text("utf-8"), "market map"))
    assert rates.rates["North America"]["marketing"] > rates.rates["North America"]["utility"] > 0
    assert {*markets.by_prefix.values(), *markets.by_country.values(), markets.default} <= rates.rates.keys()


def rates_of(text: str) -> list[tuple[str, Mapping[str, str]]]:
    return [(str(day.day), {code: str(rate) for code, rate in day.per_euro.items()}) for day in parse_fx_csv(text)]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Date,USD,JPY\n2026-11-20,1.08,162.5\n", [("2026-11-20", {"USD": "1.08", "JPY": "162.5"})]),
        ("\ufeffDate, USD, \r\n20 November 2026, 1.0800, \r\n", [("2026-11-20", {"USD": "1.0800"})]),  # the daily file
        (
            "Date,USD,RUB,\n\n2026-11-20,1.08,N/A,\n2026-11-19,1.07,,\n",  # newest first, holes, blank lines
            [("2026-11-19", {"USD": "1.07"}), ("2026-11-20", {"USD": "1.08"})],
        ),
        ("date,USD\n2026-11-20,1.08\n2026-11-21,N/A\n", [("2026-11-20", {"USD": "1.08"})]),  # a day without any rate
    ],
)
def test_exchange_rates_are_read_in_both_shapes(text: str, days: list[tuple[str, dict[str, str]]]) -> None:
    """The history and the daily file of the European Central Bank, oldest day first, every digit kept."""
    assert rates_of(text) == days
    assert {day.source for day in parse_fx_csv(text, source="own")} == {"own"}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["row 1: expected a header such as Date,USD,JPY"]),
        ("Date\n2026-11-20", ["row 1: expected a header such as Date,USD,JPY"]),
        ("Day,USD\n2026-11-20,1", ["row 1: expected a header such as Date,USD,JPY"]),
        ("Date,USD\n", ["expected at least one day with a rate"]),
        ("Date,USD,USD\n2026-11-20,1,1", ["row 1: expected each currency code once, not 'USD'"]),
        ("Date,Dollar\n2026-11-20,1", ["row 1: expected each currency code once, not 'Dollar'"]),
        ("Date,USD\n2026-11-20,1\n2026-11-20,1", ["row 3: 2026-11-20 is there twice"]),
        ("Date,USD\n\n2026-11-20,1,2\n2026-11-21,1", ["row 3: expected 1 rates, found 2"]),
        (
            "Date,USD\n2026-11-20,1\n2026-11-31,1\n20 Nov 2026,1\n20 November,1\n1 May 99999999999999999999,1",
            [
                f"row {row}: expected a date such as 2026-11-20 or 20 November 2026, not '{text}'"
                for row, text in enumerate(
                    ("2026-11-31", "20 Nov 2026", "20 November", "1 May 99999999999999999999"), 3
                )
            ],
        ),
        (
            "Date,USD,JPY\n2026-11-19,1,1\n2026-11-20,one,0\n2026-11-23,-1,NaN",
            [
                "row 3, USD: expected a rate above zero or N/A, not 'one'",
                "row 3, JPY: expected a rate above zero or N/A, not '0'",
                "row 4, USD: expected a rate above zero or N/A, not '-1'",
                "row 4, JPY: expected a rate above zero or N/A, not 'NaN'",
            ],
        ),
        (
            "Date,USD\ntoday,1,2",
            [
                "row 2: expected a date such as 2026-11-20 or 20 November 2026, not 'today'",
                "row 2: expected 1 rates, found 2",
                "expected at least one day with a rate",
            ],
        ),
    ],
)
def test_exchange_rates_are_refused_with_every_problem(text: str, problems: list[str]) -> None:
    """Each by its row as an editor numbers it, and nothing of the file is taken."""
    with pytest.raises(Invalid, match=r"^exchange rates is not valid: ") as caught:
        parse_fx_csv(text)
    assert [str(problem) for problem in caught.value.problems] == problems


CELLS = st.sampled_from(["Date", "USD", "JPY", "", "N/A", "1.08", "0", "-1", "1e9", "1e-13", "2026-11-20", "x"])
ROWS = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=4)


@given(st.text(max_size=40) | ROWS.map(lambda rows: "\n".join(["Date,USD,JPY", *rows])))
def test_any_text_is_rates_or_is_refused(text: str) -> None:
    """Whatever is in a file: days with at least one rate above zero, oldest first, or Invalid; never another error."""
    try:
        days = parse_fx_csv(text)
    except Invalid:
        return
    assert days == sorted(days, key=lambda day: day.day)
    assert all(rate > 0 for day in days for rate in day.per_euro.values())
    assert all(day.per_euro for day in days)
