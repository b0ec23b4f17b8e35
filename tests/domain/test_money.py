"""Amounts: minor units, the one rounding rule, and splitting a rounded total."""

from __future__ import annotations

from decimal import Decimal, Inexact
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D
from tests.strategies import exact_parts
from tollgate.domain.money import (
    MINOR_DIGITS,
    exact_sum,
    fee_amount,
    from_minor_units,
    invoice_step,
    minimum_charge,
    minor_units,
    round_half_up,
    split,
)
from tollgate.domain.usage import Totals


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.004999", "USD", "0.00"),
        ("0.005", "USD", "0.01"),
        ("1.015", "USD", "1.02"),
        ("-0.005", "USD", "-0.01"),
        ("2.5", "JPY", "3"),
        ("0.005", "KWD", "0.01"),
        ("5.124", "KWD", "5.12"),  # Stripe refuses a last digit of three that is not 0
    ],
)
def test_halves_round_away_from_zero(amount: str, currency: str, rounded: str) -> None:
    """Rounding goes half up at the currency's own number of decimals, never finer than hundredths."""
    assert str(round_half_up(D(amount), currency)) == rounded


@pytest.mark.parametrize(
    ("amount", "currency", "count"),
    [("12.34", "USD", 1234), ("-0.5", "USD", -50), ("500", "JPY", 500), ("1", "KWD", 1000)],
)
def test_stripe_gets_whole_minor_units_and_back(amount: str, currency: str, count: int) -> None:
    """An amount and its minor units say the same thing."""
    assert minor_units(D(amount), currency) == count
    assert from_minor_units(count, currency) == D(amount)


def test_an_unrounded_amount_has_no_minor_units() -> None:
    """Half a cent cannot be charged, so it is refused rather than cut."""
    with pytest.raises(ValueError, match=r"0\.005 USD is not a whole number"):
        minor_units(D("0.005"), "USD")


def test_an_unknown_currency_is_refused() -> None:
    """The number of decimals of a currency is never guessed."""
    with pytest.raises(KeyError):
        invoice_step("HUF")


@pytest.mark.parametrize(
    ("exact", "total", "parts"),
    [
        (["0.333", "0.333", "0.334"], "1.00", ["0.33", "0.33", "0.34"]),
        (["0.005", "0.005"], "0.01", ["0.01", "0.00"]),
        (["1.009", "1.001"], "2.01", ["1.01", "1.00"]),
        (["12.345", "-12.345"], "0.00", ["12.35", "-12.35"]),
        (["0.10", "0.20"], "0.30", ["0.10", "0.20"]),
        (["0.004"], "0.00", ["0.00"]),
        (["0.004"], "0.01", ["0.01"]),
        ([], "0.00", []),
    ],
)
def test_parts_take_the_missing_cents_by_largest_remainder(exact: list[str], total: str, parts: list[str]) -> None:
    """The largest remainder rounds up first; of equal ones the earlier."""
    assert [str(part) for part in split([D(e) for e in exact], D(total), "USD")] == parts


@pytest.mark.parametrize(
    ("exact", "total"),
    [(["0.10"], "0.11"), (["0.105"], "0.09"), (["0.101", "0.20"], "0.32"), (["0.101"], "0.105"), ([], "0.01")],
)
def test_a_total_that_rounding_cannot_reach_is_refused(exact: list[str], total: str) -> None:
    """Parts never move by a whole cent or more to make a sum come out, and a total is whole cents."""
    with pytest.raises(ValueError, match="cannot be rounded to add up"):
        split([D(e) for e in exact], D(total), "USD")


@given(exact_parts())
def test_split_parts_add_up_and_stay_within_a_cent(parts_and_total: tuple[list[Decimal], Decimal]) -> None:
    """Whatever the parts: they add up to the total, and each is less than one cent from its exact value."""
    exact, total = parts_and_total
    rounded = split(exact, total, "USD")
    assert sum(rounded, D(0)) == total
    assert all(abs(part - whole) < D("0.01") for part, whole in zip(rounded, exact, strict=True))


@given(st.decimals(-1000, 1000, places=6), st.sampled_from(["USD", "JPY", "KWD"]))
def test_rounding_is_never_off_by_more_than_half_a_unit(amount: Decimal, currency: str) -> None:
    """A rounded amount is whole minor units, at most half a step away."""
    rounded = round_half_up(amount, currency)
    assert abs(rounded - amount) <= invoice_step(currency) / 2
    assert from_minor_units(minor_units(rounded, currency), currency) == rounded


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_every_currency_has_a_minimum_that_can_be_invoiced(currency: str) -> None:
    """Each currency that is invoiced has a least amount, in whole steps; that of the US dollar is fifty cents."""
    least = minimum_charge(currency)
    assert round_half_up(least, currency) == least >= D("0.50")
    assert minimum_charge("USD") == D("0.50")
    assert minor_units(least, currency) % (10 if MINOR_DIGITS[currency] > 2 else 1) == 0


def test_sums_of_fees_are_exact_beyond_the_usual_precision() -> None:
    """A large sum and twelve decimals, in any order; what would not fit is refused rather than rounded."""
    amounts = [D("10000000000000000000"), D("0.000000000001"), D("-10000000000000000000")]
    assert {exact_sum(order) for order in permutations(amounts)} == {D("0.000000000001")}
    assert Totals(fees=amounts[0]) + Totals(fees=amounts[1]) == Totals(fees=D("10000000000000000000.000000000001"))
    with pytest.raises(Inexact):
        exact_sum([D(10) ** 30, D("0.000000000001")])


@pytest.mark.parametrize(
    ("amount", "factor", "fee"),
    [
        ("0.0250", "1", "0.0250"),
        ("0.011619999999999999", "1", "0.011620000000"),  # a sum of binary floats, as some providers write it
        ("0.0000000000005", "1", "0.000000000001"),  # half a step goes up
        ("0.00000000000049", "1", "0.000000000000"),
        ("-0.0000000000005", "1", "-0.000000000001"),
        ("123456789012.123456789012", "1.1234567890", "138698367763.810700835764"),
        ("0.0079", "3", "0.0237"),
    ],
)
def test_a_fee_has_twelve_decimals_at_most(amount: str, factor: str, fee: str) -> None:
    """Cut half up, and only where there are more."""
    assert f"{fee_amount(D(amount), D(factor)):f}" == fee
