"""Wording: a language's sentences, and numbers, dates and money the way its readers write them (CLDR, through Babel).

A language is one file in ``catalogues/``: tables of sentences with ``{names}`` to fill in. A locale whose language has
no catalogue reads English, with that country's way of writing numbers and dates where CLDR knows one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_timezone_name
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from tollgate.domain.calendar import Span, add_months, zone
from tollgate.domain.money import round_half_up

CATALOGUES: Final = Path(__file__).parent / "catalogues"
ENGLISH: Final = "en"

# Line breaks and other control characters would forge header or text lines, marks of direction would turn them round.
_UNPRINTABLE: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """One reader's language. Everything it returns is plain text on one line."""

    locale: Locale
    sentences: Mapping[str, str]

    def say(self, key: str, **values: str) -> str:
        """A sentence of the catalogue with its names filled in. Raises KeyError for one that is not there."""
        return self.sentences[key].format_map(values)

    def known(self, key: str, otherwise: str) -> str:
        """The sentence of a key, or of another one where the catalogue has none of its own."""
        return key if key in self.sentences else otherwise

    def count(self, number: Decimal) -> str:
        """A whole number; one decimal below ten, so that a slow pace does not read as none."""
        digits = Decimal("0.1") if abs(number) < 10 else Decimal(1)
        return _plain(format_decimal(number.quantize(digits, ROUND_HALF_UP), locale=self.locale))

    def whole(self, number: int) -> str:
        """How many there are."""
        return _plain(format_decimal(number, locale=self.locale))

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its ISO code, rounded to the currency's minor unit."""
        pattern = _iso_pattern(self.locale.currency_formats["standard"].pattern)
        return _plain(format_currency(round_half_up(amount, currency), currency, format=pattern, locale=self.locale))

    def share(self, part: Decimal, whole: Decimal) -> str:
        """A whole percentage, rounded down: 99.9 % is not yet 100 %."""
        fraction = (part / whole).quantize(Decimal("0.01"), ROUND_DOWN)
        return self.percent(fraction)

    def percent(self, fraction: Decimal) -> str:
        """A fraction as a percentage: ``0.75`` is 75 %."""
        return _plain(format_percent(fraction, locale=self.locale))

    def day(self, day: date) -> str:
        """A date, written out."""
        return _plain(format_date(day, "long", locale=self.locale))

    def moment(self, at: datetime, timezone: str) -> str:
        """An instant in a time zone, to the minute, with the zone's short name."""
        local = at.astimezone(zone(timezone))
        time = format_time(local, "short", tzinfo=zone(timezone), locale=self.locale)
        name = get_timezone_name(local, width="short", locale=self.locale)
        return _plain(self.say("format.moment", day=self.day(local.date()), time=time, zone=name))

    def span(self, span: Span) -> str:
        """Days from first to last, both included: what people mean by from and to. A whole month is named."""
        if span.start.day == 1 and span.end == add_months(span.start, 1):
            return _plain(format_date(span.start, self.sentences["format.month"], locale=self.locale))
        return self.say("format.span", first=self.day(span.start), last=self.day(last_day(span)))

    def listed(self, items: Iterable[str]) -> str:
        """``a, b and c``."""
        return _plain(format_list(list(items), locale=self.locale))


def last_day(span: Span) -> date:
    """The last day of a span, whose end is exclusive."""
    return date.fromordinal(span.end.toordinal() - 1)


def one_line(text: str, longest: int = 200) -> str:
    """Text fit for a header: control characters and runs of spaces become one space, and what is too long is cut."""
    line = _UNPRINTABLE.sub(" ", text).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def wording(locale: str, folder: Path = CATALOGUES) -> Wording:
    """The wording for a contract's locale, such as ``en_US``."""
    language, _, territory = locale.partition("_")
    if not (folder / f"{language}.toml").is_file():
        language = ENGLISH
    return Wording(_locale(language, territory), catalogue(language, folder))


def _locale(language: str, territory: str) -> Locale:
    try:
        return Locale(language, territory or None)
    except UnknownLocaleError:
        return Locale(language)


@lru_cache
def catalogue(language: str, folder: Path = CATALOGUES) -> Mapping[str, str]:
    """A language's sentences by dotted key. Raises OSError when there is no such catalogue."""
    with (folder / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _iso_pattern(pattern: str) -> str:
    # A code, where the locale has a sign: "$" is a dozen currencies. Letters do not touch digits.
    return re.sub(r"(?<=[#0])¤¤", " ¤¤", re.sub(r"¤¤(?=[#0])", "¤¤ ", re.sub("¤+", "¤¤", pattern)))


def _plain(text: str) -> str:
    # CLDR's no-break spaces keep a search for "USD 1,000.00" from finding it; some mail programs show them as boxes.
    return text.replace("\u00a0", " ").replace("\u202f", " ")
