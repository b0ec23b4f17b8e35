"""Amounts: exact ``Decimal`` with an ISO 4217 code beside it; the rounding rules, and splitting what was rounded.

Always true: nothing here uses binary floats. A fee has at most ``FEE_DECIMALS`` decimals: ``fee_amount`` cuts what has
more, which is the only rounding of one. Sums of fees are exact, and so the same in any order; ``round_half_up`` is the
only rounding that reaches an invoice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation
from typing import Final

ZERO: Final = Decimal(0)

FEE_DECIMALS: Final = 12
_FEE_STEP: Final = Decimal(1).scaleb(-FEE_DECIMALS)

# A table keeps 38 digits. A sum that does not fit is refused: it must never be rounded without a word.
_EXACT: Final = Context(prec=38, traps=[Inexact, InvalidOperation])

# Holds the exact product of any two amounts and rates that are let in.
_WIDE: Final = Context(prec=80, rounding=ROUND_HALF_UP)

# Decimals of the currencies that Tollgate invoices in (ISO 4217). An unlisted currency is refused, never guessed.
# ISK, UGX, HUF and TWD have rules of their own at Stripe, and are left out until someone needs and checks them.
MINOR_DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys(("JPY", "KRW", "CLP", "VND", "XOF", "XAF", "PYG"), 0),
    **dict.fromkeys(("AED", "ARS", "AUD", "BRL", "CAD", "CHF", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "IDR"), 2),
    **dict.fromkeys(("ILS", "INR", "MXN", "MYR", "NOK", "NZD", "PEN", "PHP", "PLN", "RON", "SAR", "SEK"), 2),
    **dict.fromkeys(("SGD", "THB", "TRY", "USD", "ZAR"), 2),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}

# Stripe takes no finer steps than hundredths: of a currency with three decimals the last digit must be 0.
FINEST_DIGITS: Final = 2

# Below this Stripe settles an invoice by itself and moves the amount to the next one, so Tollgate carries it instead.
# The USD minimum is a published figure. The others are UNVERIFIED: about a US dollar's worth, since Stripe's minimum in
# the currency it settles in holds after conversion too. Too high only delays a small amount by a month; too low would
# put it on two invoices.
_MINIMUM_CHARGES: Final[dict[str, Decimal]] = {
    **dict.fromkeys(("USD", "EUR", "GBP", "CHF", "BHD", "JOD", "KWD", "OMR"), Decimal("0.50")),
    **dict.fromkeys(("AUD", "CAD", "NZD", "SGD"), Decimal(1)),
    **dict.fromkeys(("AED", "BRL", "ILS", "MYR", "PEN", "PLN", "RON", "SAR", "TND"), Decimal(5)),
    **dict.fromkeys(("DKK", "HKD", "NOK", "SEK"), Decimal(10)),
    **dict.fromkeys(("CZK", "MXN", "ZAR"), Decimal(25)),
    **dict.fromkeys(("INR", "JPY", "PHP", "THB", "TRY"), Decimal(100)),
    **dict.fromkeys(("XAF", "XOF"), Decimal(1_000)),
    **dict.fromkeys(("ARS", "CLP", "KRW"), Decimal(2_000)),
    **dict.fromkeys(("COP", "PYG"), Decimal(10_000)),
    **dict.fromkeys(("IDR", "VND"), Decimal(25_000)),
}


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of some amounts, digit by digit, whatever the thread's own precision. Raises Inexact beyond 38 digits."""
    total = ZERO
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def fee_amount(amount: Decimal, factor: Decimal | int = 1) -> Decimal:
    """An amount times a factor (an exchange rate, or parts), cut half up to the decimals that a fee may have."""
    product = _WIDE.multiply(amount, Decimal(factor))
    exponent = product.as_tuple().exponent
    return (
        product
        if isinstance(exponent, int) and exponent >= -FEE_DECIMALS
        else product.quantize(_FEE_STEP, context=_WIDE)
    )


def ratio(numerator: Decimal, denominator: Decimal, *, decimals: int) -> Decimal:
    """One amount over another, half up to a number of decimals."""
    return _WIDE.divide(numerator, denominator).quantize(Decimal(1).scaleb(-decimals), context=_WIDE)


def minimum_charge(currency: str) -> Decimal:
    """The least amount that is invoiced by itself. Raises KeyError for an unknown currency."""
    return _MINIMUM_CHARGES[currency]


def invoice_step(currency: str) -> Decimal:
    """The step of invoiced amounts: ``0.01`` for USD and KWD, ``1`` for JPY. Raises KeyError for an unknown one."""
    return Decimal(1).scaleb(-min(MINOR_DIGITS[currency], FINEST_DIGITS))


def round_half_up(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's step, halves away from zero: the one rounding rule, applied at the invoice."""
    return amount.quantize(invoice_step(currency), ROUND_HALF_UP)


def minor_units(amount: Decimal, currency: str) -> int:
    """A rounded amount as an integer count of minor units (cents). Raises ValueError for one that is not rounded."""
    scaled = amount.scaleb(MINOR_DIGITS[currency])
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} {currency} is not a whole number of minor units")
    return int(scaled)


def from_minor_units(count: int, currency: str) -> Decimal:
    """The amount of ``count`` minor units: ``(1234, "USD")`` is ``12.34``."""
    return Decimal(count).scaleb(-MINOR_DIGITS[currency])


def split(exact: Sequence[Decimal], total: Decimal, currency: str) -> list[Decimal]:
    """Round each exact part to the currency so that the parts add up to ``total`` (largest remainder).

    ``total`` must lie between the sum of the parts rounded down and the sum rounded up, which holds whenever it is
    the exact sum plus a rounding difference below one step. Raises ValueError when it does not, or when ``total``
    is not whole steps.
    Equal remainders go to the earlier part, so the result depends on the order given and on nothing else.
    """
    unit = invoice_step(currency)
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
