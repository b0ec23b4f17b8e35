"""Amounts: exact ``Decimal`` with an ISO 4217 code beside it; the one rounding rule, and splitting what was rounded.

Always true: nothing here uses binary floats; ``round_half_up`` is the only rounding that reaches an invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

ZERO: Final = Decimal(0)

# Decimals of the currencies that Tollgate invoices in (ISO 4217). An unlisted currency is refused, never guessed.
# ISK, UGX, HUF and TWD have rules of their own at Stripe, and are left out until someone needs and checks them.
MINOR_DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys(("JPY", "KRW", "CLP", "VND", "XOF", "XAF", "PYG"), 0),
    **dict.fromkeys(("AED", "ARS", "AUD", "BRL", "CAD", "CHF", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "IDR"), 2),
    **dict.fromkeys(("ILS", "INR", "MXN", "MYR", "NOK", "NZD", "PEN", "PHP", "PLN", "RON", "SAR", "SEK"), 2),
    **dict.fromkeys(("SGD", "THB", "TRY", "USD", "ZAR"), 2),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}

# Below this Stripe settles an invoice by itself and moves the amount to the next one, so Tollgate carries it instead.
# The USD minimum is a published figure; 0.50 of any other currency is an assumption (UNVERIFIED), which only delays
# a small amount by a month where it is too high.
MINIMUM_CHARGE: Final = Decimal("0.50")


def minor_unit(currency: str) -> Decimal:
    """The smallest amount of a currency: ``0.01`` for USD, ``1`` for JPY. Raises KeyError for an unknown one."""
    return Decimal(1).scaleb(-MINOR_DIGITS[currency])


def round_half_up(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's minor unit, halves away from zero: the one rounding rule, applied at the invoice."""
    return amount.quantize(minor_unit(currency), ROUND_HALF_UP)


def minor_units(amount: Decimal, currency: str) -> int:
    """A rounded amount as an integer count of minor units (cents). Raises ValueError for one that is not rounded."""
    scaled = amount.scaleb(MINOR_DIGITS[currency])
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency} is not a whole number of minor units")
    return int(scaled)


def from_minor_units(count: int, currency: str) -> Decimal:
    """The amount of ``count`` minor units: ``(1234, "USD")`` is ``12.34``."""
    return Decimal(count).scaleb(-MINOR_DIGITS[currency]).quantize(minor_unit(currency))


def split(exact: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """Round each exact part to the currency so that the parts add up to ``total`` (largest remainder).

    ``total`` must lie between the sum of the parts rounded down and the sum rounded up, which holds whenever it is
    the exact sum plus a rounding difference below one minor unit. Raises ValueError when it does not, or when ``total``
    is not whole minor units.
    Equal remainders go to the earlier part, so the result depends on the order given and on nothing else.
    """
    unit = minor_unit(currency)
    floors = [part.quantize(unit, ROUND_FLOOR) for part in exact]
    remainders = [part - floor for part, floor in zip(exact, floors, strict=True)]
    gap = total - sum(floors, ZERO)
    missing = int(gap / unit)
    takers = sorted((i for i, rest in enumerate(remainders) if rest), key=lambda i: (-remainders[i], i))
    if missing * unit != gap or not 0 <= missing <= len(takers):
        raise ValueError(f"parts of {sum(exact, ZERO)} cannot be rounded to add up to {total} {currency}")
    for index in takers[:missing]:
        floors[index] += unit
    return floors
