"""Files of rates, as they are loaded: price cards, market maps, and the European Central Bank's exchange rates.

Always true: a file is taken whole or refused whole, with every problem named by its path or row; amounts are exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.rates import ECB, PREFIX_DIGITS, TIERED, FxDay, MarketMap, RateCard

# Bounds that leave room for sums and conversions in the 38 digits that a table keeps exactly.
MOST_DECIMALS: Final = 12
LARGEST: Final = Decimal(10) ** 9

CURRENCY: Final = re.compile(r"[A-Z]{3}")
FX_SOURCE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
COUNTRY: Final = re.compile(r"[A-Z]{2}")
PREFIX: Final = re.compile(rf"[1-9][0-9]{{0,{PREFIX_DIGITS - 1}}}")
MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
HOLES: Final = ("", "N/A")


def read_json(text: str, what: str) -> object:
    """A JSON file with exact numbers. Raises Invalid for bad syntax and for a name that is given twice."""
    twice: list[Problem] = []

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(Problem(name, "is there twice") for name in sorted(set(names)) if names.count(name) > 1)
        return dict(pairs)

    try:
        document: object = json.loads(text.removeprefix("\ufeff"), parse_float=Decimal, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise Invalid(what, [Problem("", f"expected JSON: {error}")]) from error
    if twice:
        raise Invalid(what, twice)
    return document


def parse_card(document: object, *, card: str, effective_from: date) -> RateCard:
    """A card from ``{currency, rates: {market: {category: amount}}}``; its version is given when it is stored (0).

    ``charged_in`` and ``fx_source`` stand together: the currency that the seller charges in, and whose rates it uses.
    """
    problems: list[Problem] = []
    fields = _mapping(document, "", problems)
    currency = fields.get("currency")
    if not (isinstance(currency, str) and CURRENCY.fullmatch(currency)):
        problems.append(Problem("currency", "expected a currency code such as USD"))
    charged_in, fx_source = _conversion(fields, problems)
    rates = {
        market: _prices(prices, f"rates.{market}", problems)
        for market, prices in _mapping(fields.get("rates"), "rates", problems).items()
    }
    tiers = _tiers(fields.get("tiers"), rates, problems)
    if problems:
        raise Invalid("rate card", problems)
    return RateCard(card, effective_from, 0, str(currency), rates, charged_in, fx_source, tiers)


def _tiers(
    given: object, rates: Mapping[str, Mapping[str, Decimal]], problems: list[Problem]
) -> dict[str, dict[str, list[tuple[int, Decimal]]]]:
    """``{market: {category: [[first count, price], …]}}``; the first tier is the list price."""
    if given is None:
        return {}
    read: dict[str, dict[str, list[tuple[int, Decimal]]]] = {}
    for market, categories in _mapping(given, "tiers", problems).items():
        for category, steps in _mapping(categories, f"tiers.{market}", problems).items():
            path = f"tiers.{market}.{category}"
            tiers = _steps(steps, path, problems)
            if category not in TIERED:
                problems.append(Problem(path, f"expected {' or '.join(TIERED)}: nothing else has volume tiers"))
            elif tiers and tiers[0][1] != rates.get(market, {}).get(category):
                problems.append(Problem(f"{path}.0", "expected the price that stands under rates"))
            read.setdefault(market, {})[category] = tiers
    return read


def _steps(given: object, path: str, problems: list[Problem]) -> list[tuple[int, Decimal]]:
    steps: list[tuple[int, Decimal]] = []
    expected = 'expected [count, price], the counts ascending from 0: [0, "0.0040"]'
    for index, step in enumerate(given if isinstance(given, list) else [None]):
        first, price = step if isinstance(step, list) and len(step) == 2 else (None, None)
        if type(first) is not int or not (first > steps[-1][0] if steps else first in (0, 1)):
            problems.append(Problem(f"{path}.{index}", expected))
            continue
        amount = _amount(price, f"{path}.{index}", problems)
        steps += [] if amount is None else [(first, amount)]
    return steps


def _conversion(fields: Mapping[str, object], problems: list[Problem]) -> tuple[str, str]:
    charged_in, fx_source = fields.get("charged_in"), fields.get("fx_source")
    if charged_in is None and fx_source is None:
        return "", ""
    if not (isinstance(charged_in, str) and CURRENCY.fullmatch(charged_in)) or charged_in == fields.get("currency"):
        problems.append(Problem("charged_in", "expected the currency that is charged, another than the card's"))
    if not (isinstance(fx_source, str) and is_seller(fx_source)):
        problems.append(Problem("fx_source", "expected the name that the seller's exchange rates are loaded under"))
    return str(charged_in), str(fx_source)


def is_seller(source: str) -> bool:
    """Whether a name is one that a seller's exchange rates may be loaded under."""
    return source != ECB and FX_SOURCE.fullmatch(source) is not None


def _prices(prices: object, path: str, problems: list[Problem]) -> dict[str, Decimal]:
    read: dict[str, Decimal] = {}
    for name, value in _mapping(prices, path, problems).items():
        category = name.replace("-", "_")
        if category in read:
            problems.append(Problem(f"{path}.{name}", "is the same category as another"))
        amount = _amount(value, f"{path}.{name}", problems)
        if amount is not None:
            read[category] = amount
    return read


def _amount(value: object, path: str, problems: list[Problem]) -> Decimal | None:
    problem = 'expected an amount in quotes such as "0.0250", with no more than 12 decimals'
    try:
        # A float has lost digits before it came here; True is an int to Python.
        amount = Decimal(value) if isinstance(value, str | Decimal | int) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not _is_storable(amount):
        problems.append(Problem(path, problem))
        return None
    return amount


def _is_storable(amount: Decimal) -> bool:
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        return False
    return amount == amount.quantize(Decimal(1).scaleb(-MOST_DECIMALS))


def parse_market_map(document: object, *, effective_from: date, version: int = 0) -> MarketMap:
    """A map from ``{by_calling_code: {prefix: market}, by_iso: {country: market}, default: market}``.

    A prefix longer than what is kept of a number could never match, and is refused.
    """
    problems: list[Problem] = []
    fields = _mapping(document, "", problems)
    expected = f"expected 1 to {PREFIX_DIGITS} digits: no more of a number is kept"
    by_prefix = _markets(fields, "by_calling_code", PREFIX, expected, problems)
    by_country = _markets(fields, "by_iso", COUNTRY, "expected an ISO 3166 country code such as DE", problems)
    default = _market(fields.get("default"), "default", problems)
    if problems:
        raise Invalid("market map", problems)
    return MarketMap(effective_from, version, by_prefix, by_country, default)


def _markets(
    fields: Mapping[str, object], name: str, shape: re.Pattern[str], expected: str, problems: list[Problem]
) -> dict[str, str]:
    given = _mapping(fields.get(name), name, problems)
    problems.extend(Problem(f"{name}.{key}", expected) for key in given if not shape.fullmatch(key))
    return {key: _market(market, f"{name}.{key}", problems) for key, market in given.items()}


def _market(value: object, path: str, problems: list[Problem]) -> str:
    if isinstance(value, str) and value.strip():
        return value
    problems.append(Problem(path, "expected the name of a market"))
    return ""


def _mapping(value: object, path: str, problems: list[Problem]) -> Mapping[str, object]:
    if isinstance(value, Mapping) and value:
        return {str(key): item for key, item in value.items()}
    problems.append(Problem(path, "expected names with values under it"))
    return {}


def parse_fx_csv(text: str, *, source: str = ECB) -> list[FxDay]:
    """Exchange rates in the ECB's wide shape: ``Date, USD, JPY, …``, one row a day, units for one euro. A seller's
    (another ``source``) are for one unit of whatever it likes, so that ``1`` may stand for the currency of its card.

    Reads the history (ISO dates) and the daily file (``20 November 2026``). ``N/A`` and empty cells are left out, and
    so is a day without any rate. Oldest day first.
    """
    lines = [(number, line) for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1) if line.strip()]
    problems: list[Problem] = []
    if source != ECB and not is_seller(source):
        problems.append(Problem("source", "expected a name such as aws-social"))
    header = _cells(lines[0][1]) if lines else []
    if not header or header[0].lower() != "date" or len(header) == 1:
        raise Invalid("exchange rates", [Problem("row 1", "expected a header such as Date,USD,JPY")])
    currencies = header[1:]
    problems.extend(
        Problem("row 1", f"expected each currency code once, not {currency!r}")
        for currency in sorted(set(currencies))
        if not CURRENCY.fullmatch(currency) or currencies.count(currency) > 1
    )
    days: dict[date, FxDay] = {}
    for number, line in lines[1:]:
        published = _fx_day(_cells(line), currencies, path=f"row {number}", source=source, problems=problems)
        if published is None:
            continue
        if published.day in days:
            problems.append(Problem(f"row {number}", f"{published.day} is there twice"))
        days[published.day] = published
    if not days:
        problems.append(Problem("", "expected at least one day with a rate"))
    if problems:
        raise Invalid("exchange rates", problems)
    return [days[day] for day in sorted(days)]


def _cells(line: str) -> list[str]:
    """The cells of a row; a comma at its end begins no other."""
    return [cell.strip() for cell in line.strip().removesuffix(",").split(",")]


def _fx_day(
    cells: Sequence[str], currencies: Sequence[str], *, path: str, source: str, problems: list[Problem]
) -> FxDay | None:
    day = _date(cells[0])
    if day is None:
        problems.append(Problem(path, f"expected a date such as 2026-11-20 or 20 November 2026, not {cells[0]!r}"))
    if len(cells) != len(currencies) + 1:
        problems.append(Problem(path, f"expected {len(currencies)} rates, found {len(cells) - 1}"))
        return None
    rates: dict[str, Decimal] = {}
    for currency, cell in zip(currencies, cells[1:], strict=True):
        if cell not in HOLES:
            rates[currency] = _rate(cell, f"{path}, {currency}", problems)
    return FxDay(day, source, rates) if day and rates else None


def _rate(cell: str, path: str, problems: list[Problem]) -> Decimal:
    try:
        rate = Decimal(cell)
    except InvalidOperation:
        rate = Decimal(0)
    if not _is_storable(rate) or not rate:
        problems.append(Problem(path, f"expected a rate above zero or N/A, not {cell!r}"))
    return rate


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    day, month, year = parts if len(parts := text.lower().split()) == 3 else ("", "", "")
    try:
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except (ValueError, OverflowError):
        return None
