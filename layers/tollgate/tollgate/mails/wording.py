"""Wording: a language's sentences, and numbers, dates and money the way its readers write them (CLDR, through Babel).

A language is one file in ``catalogues/``: tables of sentences with ``{names}`` to fill in, for mails, pages and
statements alike. A locale whose language has no catalogue reads English, with that country's way of writing numbers and
dates where CLDR knows one. Always true: a locale has one way to write a date, a time and an amount.
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
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from tollgate.domain.calendar import Span, add_months, zone
from tollgate.domain.money import round_half_up

CATALOGUES: Final = Path(__file__).parent / "catalogues"
ENGLISH: Final = "en"
STAFF_LOCALE: Final = "en_US"
"""What our own people read, whoever the customer is."""

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

    def counted(self, key: str, number: int | Decimal, *, signed: bool = False, **values: str) -> str:
        """A sentence about so many of something, in the plural form that the language has for it: ``key.one``,
        ``key.other``. Its ``{count}`` is the number as it is written; ``signed``: with its sign, also above zero."""
        shown = _shown(Decimal(number))
        sign = "+" if signed and shown > 0 else ""
        form = self.locale.plural_form(abs(shown))
        return self.say(f"{key}.{form}", count=f"{sign}{self.count(shown)}", **values)

    def known(self, key: str, otherwise: str) -> str:
        """The sentence of a key, or of another one where the catalogue has none of its own."""
        return key if key in self.sentences else otherwise

    def count(self, number: Decimal) -> str:
        """A whole number; one decimal below ten, so that a slow pace does not read as none."""
        return _plain(format_decimal(_shown(number), locale=self.locale))

    def whole(self, number: int) -> str:
        """How many there are."""
        return _plain(format_decimal(number, locale=self.locale))

    def size(self, count: int) -> str:
        """So many bytes, as people read them: ``340 kB``, ``12.3 MB``."""
        pattern, unit, one = ("#,##0.0", "MB", 10**6) if count >= 10**6 else ("#,##0", "kB", 10**3)
        shown = max(Decimal(count) / one, Decimal(1))
        return f"{_plain(format_decimal(shown, format=pattern, locale=self.locale))} {unit}"

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its ISO code, rounded to the currency's minor unit."""
        return self._money(round_half_up(amount, currency), currency)

    def exact(self, amount: Decimal, currency: str, *, signed: bool = False) -> str:
        """An amount with every decimal it has, and never fewer than its currency's: ``USD 1,234.5678``."""
        return ("+" if signed and amount > 0 else "") + self._money(amount.normalize(), currency)

    def _money(self, amount: Decimal, currency: str) -> str:
        pattern = _iso_pattern(self.locale.currency_formats["standard"].pattern)
        return _plain(format_currency(amount, currency, format=pattern, locale=self.locale, decimal_quantization=False))

    def share(self, part: Decimal, whole: Decimal) -> str:
        """A whole percentage, rounded down: 99.9 % is not yet 100 %."""
        fraction = (part / whole).quantize(Decimal("0.01"), ROUND_DOWN)
        return self.percent(fraction)

    def percent(self, fraction: Decimal) -> str:
        """A fraction as a percentage: ``0.75`` is 75 %."""
        return _plain(format_percent(fraction, locale=self.locale))

    def change(self, percent: Decimal) -> str:
        """By how much something has changed, in percent: ``+12.3%``."""
        pattern = self.locale.percent_formats[None].pattern.replace("##0", "##0.0")
        sign = "+" if percent >= 0 else ""
        return sign + _plain(format_percent(percent / 100, format=pattern, locale=self.locale))

    def day(self, day: date) -> str:
        """A date, written out."""
        return _plain(format_date(day, "long", locale=self.locale))

    def moment(self, at: datetime, timezone: str) -> str:
        """An instant in a time zone, to the minute, with the zone's short name."""
        local = at.astimezone(zone(timezone))
        time = format_time(local, "short", tzinfo=zone(timezone), locale=self.locale)
        return _plain(self.say("format.moment", day=self.day(local.date()), time=time, zone=self._zone_name(local)))

    def _zone_name(self, local: datetime) -> str:
        """``CDT``, ``MESZ``: CLDR has such names only where a locale's readers use them. Elsewhere the zone's own, and
        of one without any its distance from UTC; never CLDR's bare ``+0100``."""
        name = get_timezone_name(local, width="short", locale=self.locale)
        if " " in name or not name[:1].isalpha():  # its long form, or nothing but an offset
            name = local.tzname() or ""
        return name if name[:1].isalpha() else f"UTC{local:%:z}"

    def short_day(self, day: date) -> str:
        """A date without its year, for where there is little room: ``Mar 9``."""
        return _plain(format_skeleton("MMMd", day, locale=self.locale))

    def month(self, day: date) -> str:
        """The month of a date: ``March 2026``."""
        return _plain(format_date(day, self.sentences["format.month"], locale=self.locale))

    def span(self, span: Span) -> str:
        """Days from first to last, both included: what people mean by from and to. A whole month is named."""
        if span.start.day == 1 and span.end == add_months(span.start, 1):
            return self.month(span.start)
        return self.say("format.span", first=self.day(span.start), last=self.day(last_day(span)))

    def days(self, first: date, last: date) -> str:
        """From a day to a day, both included; one day is itself."""
        return self.day(first) if first == last else self.say("format.span", first=self.day(first), last=self.day(last))

    def meter(self, meter: str) -> str:
        """A meter as people call it: ``WhatsApp``; one the catalogue does not know keeps its own name."""
        return self.say(self.known(f"meter.{meter}", "meter.other"), meter=one_line(meter))

    def category(self, category: str) -> str:
        """A category of messages: ``marketing``; of a meter without any, the meter. Others keep their own name."""
        if f"category.{category}" in self.sentences:
            return self.say(f"category.{category}")
        named = f"meter.{category}" in self.sentences
        return self.meter(category) if named else one_line(category).replace("_", " ")

    def market(self, market: str) -> str:
        """A market of a rate card, which names it in English: a country by CLDR, a region by the catalogue. Others keep
        their own name."""
        if f"market.{market}" in self.sentences:
            return self.say(f"market.{market}")
        return str(self.locale.territories.get(_territories().get(market, ""), one_line(market)))

    @property
    def tag(self) -> str:
        """The language as HTML names it: ``de``."""
        return self.locale.language

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


def languages(folder: Path = CATALOGUES) -> tuple[str, ...]:
    """Those that somebody wrote a catalogue for."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


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


@lru_cache
def _territories() -> Mapping[str, str]:
    """Codes of countries by their English names; regions, which have numbers, are not among them."""
    return {name: code for code, name in Locale(ENGLISH).territories.items() if code.isalpha()}


def _shown(number: Decimal) -> Decimal:
    # One decimal below ten, and none that is zero: "1" takes the singular, "1.0" does not.
    digits = Decimal("0.1") if abs(number) < 10 else Decimal(1)
    shown = number.quantize(digits, ROUND_HALF_UP)
    return shown.to_integral_value() if shown == shown.to_integral_value() else shown


def _iso_pattern(pattern: str) -> str:
    # A code, where the locale has a sign: "$" is a dozen currencies. Letters do not touch digits.
    return re.sub(r"(?<=[#0])¤¤", " ¤¤", re.sub(r"¤¤(?=[-#0])", "¤¤ ", re.sub("¤+", "¤¤", pattern)))


def _plain(text: str) -> str:
    # CLDR's no-break spaces keep a search for "USD 1,000.00" from finding it; some mail programs show them as boxes.
    return text.replace("\u00a0", " ").replace("\u202f", " ")
