"""Amounts: integer minor units, rounded half up per line, then summed.

Invariant: `subtotal` is the sum of the lines' rounded amounts, `total` adds the exclusive taxes, each rounded per line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from .errors import ParameterError, exclusive_parameters, missing_parameter
from .store import Record

PRICE_FORMS = ("amount", "unit_amount_decimal", "price_data")


def half_up(amount: Decimal) -> int:
    """Whole minor units; a half rounds away from zero (for negative amounts [U])."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def plain(number: Decimal) -> str:
    """Decimal notation without exponent or trailing zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Price:
    """What one line costs: `amount` minor units, of `unit` minor units x `quantity`."""

    amount: int
    unit: Decimal
    quantity: Decimal
    product: str | None
    product_name: str | None

    @property
    def whole_quantity(self) -> int:
        return int(self.quantity.to_integral_value(rounding=ROUND_DOWN))


def check_price_form(given: Mapping[str, Any], where: str = "") -> None:
    """Exactly one price form, and no quantity beside a plain amount; raises ParameterError."""

    def name(parameter: str) -> str:
        return f"{where}[{parameter}]" if where else parameter

    forms = [form for form in PRICE_FORMS if form in given]
    if len(forms) > 1:
        raise exclusive_parameters(*map(name, forms))
    if not forms:
        raise missing_parameter(name("amount"))
    quantities = [quantity for quantity in ("quantity", "quantity_decimal") if quantity in given]
    if "amount" in given and quantities:
        raise exclusive_parameters(name("amount"), *map(name, quantities))
    if len(quantities) > 1:
        raise exclusive_parameters(*map(name, quantities))
    _check_price_data(given.get("price_data"), name("price_data"))


def _check_price_data(data: Mapping[str, Any] | None, where: str) -> None:
    if data is None:
        return
    if ("unit_amount" in data) == ("unit_amount_decimal" in data):
        if "unit_amount" in data:
            raise exclusive_parameters(f"{where}[unit_amount]", f"{where}[unit_amount_decimal]")
        raise missing_parameter(f"{where}[unit_amount]")
    if ("product" in data) == ("product_data" in data):
        raise ParameterError("You must specify either `product` or `product_data`.", param=where)


def price_of(given: Mapping[str, Any]) -> Price:
    """The price of checked line parameters."""
    data = given.get("price_data") or {}
    unit = Decimal(
        given.get("amount", given.get("unit_amount_decimal", data.get("unit_amount", data.get("unit_amount_decimal"))))
    )
    quantity = Decimal(given.get("quantity", given.get("quantity_decimal", 1)))
    return Price(
        amount=half_up(unit * quantity),
        unit=unit,
        quantity=quantity,
        product=data.get("product"),
        product_name=(data.get("product_data") or {}).get("name"),
    )


@dataclass(frozen=True)
class Totals:
    """An invoice's sums in minor units, and its taxes in Stripe's `total_taxes` shape."""

    subtotal: int
    total: int
    excluding_tax: int
    taxes: list[Record]

    def fields(self) -> Record:
        return {
            "subtotal": self.subtotal,
            "subtotal_excluding_tax": self.excluding_tax,
            "total": self.total,
            "total_excluding_tax": self.excluding_tax,
            "total_taxes": self.taxes,
        }


def line_taxes(amount: int, rates: Iterable[Record], given: list[Record] | None) -> list[Record]:
    """The taxes of one line, from tax rates or as given through `tax_amounts`."""
    if given is not None:
        return given
    rates = list(rates)
    inclusive_percent = sum((Decimal(str(rate["percentage"])) for rate in rates if rate["inclusive"]), Decimal(0))
    taxable = half_up(Decimal(amount) * 100 / (100 + inclusive_percent))
    return [_tax(rate, taxable=taxable, amount=amount, inclusive_percent=inclusive_percent) for rate in rates]


def _tax(rate: Record, *, taxable: int, amount: int, inclusive_percent: Decimal) -> Record:
    percent = Decimal(str(rate["percentage"]))
    if rate["inclusive"]:
        tax = half_up(Decimal(amount) * percent / (100 + inclusive_percent))
    else:
        tax = half_up(Decimal(taxable) * percent / 100)
    return {
        "amount": tax,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "standard_rated" if percent else "zero_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def totals_of(lines: Iterable[tuple[int, list[Record]]]) -> Totals:
    """Sums of lines given as (amount, taxes)."""
    subtotal = exclusive = inclusive = 0
    merged: dict[tuple[str, str], Record] = {}
    for amount, taxes in lines:
        subtotal += amount
        for tax in taxes:
            if tax["tax_behavior"] == "inclusive":
                inclusive += tax["amount"]
            else:
                exclusive += tax["amount"]
            key = (tax["tax_rate_details"]["tax_rate"], tax["tax_behavior"])
            seen = merged.get(key, {**tax, "amount": 0, "taxable_amount": 0})
            merged[key] = {
                **seen,
                "amount": seen["amount"] + tax["amount"],
                "taxable_amount": seen["taxable_amount"] + tax["taxable_amount"],
            }
    return Totals(subtotal, subtotal + exclusive, subtotal - inclusive, list(merged.values()))
