"""Wording: catalogues that say the same, and numbers, dates and money as their readers write them."""

import re
import string
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.calendar import Span
from tollgate.mails.wording import CATALOGUES, catalogue, last_day, one_line, wording

LANGUAGES = sorted(path.stem for path in CATALOGUES.glob("*.toml"))
OTHERS = [language for language in LANGUAGES if language != "en"]
PATTERNS = {"format.month"}
"""Not words, but how CLDR is asked to write something."""
AT = datetime(2026, 8, 3, 19, 5, tzinfo=UTC)


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_sentences(language: str) -> None:
    """None missing, none that nobody reads any more."""
    assert catalogue(language).keys() == catalogue("en").keys()


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_what_the_english_names(language: str) -> None:
    """No fact is lost on the way, and none is asked for that is not given."""
    english, translated = catalogue("en"), catalogue(language)
    differing = {key: names(translated[key]) ^ names(english[key]) for key in english}
    assert {key: found for key, found in differing.items() if found} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_was_left_in_english(language: str) -> None:
    """A sentence of several words that is the same in both was forgotten."""
    english, translated = catalogue("en"), catalogue(language)
    words = {key: re.sub(r"\{.*?\}", "", english[key]).split() for key in english}
    assert [
        key for key in english if translated[key] == english[key] and len(words[key]) > 1 and key not in PATTERNS
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_fit_for_a_header(language: str) -> None:
    """One line each, without edges of space; a company's own full stop never meets the sentence's."""
    for key, sentence in catalogue(language).items():
        assert sentence == one_line(sentence, longest=2000), key
        assert "{name}." not in sentence, key


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "written"),
    [
        ("en_US", "1000", "USD", "USD 1,000.00"),
        ("en_US", "-0.125", "USD", "-USD 0.13"),
        ("en_GB", "1000", "EUR", "EUR 1,000.00"),
        ("de_DE", "1000", "EUR", "1.000,00 EUR"),
        ("de_DE", "750.0342", "USD", "750,03 USD"),
        ("de_CH", "1000", "CHF", "CHF 1’000.00"),
        ("de_DE", "1000.5", "JPY", "1.001 JPY"),
        ("en_US", "1000.5", "JPY", "JPY 1,001"),
    ],
)
def test_money_has_its_code_and_the_readers_marks(locale: str, amount: str, currency: str, written: str) -> None:
    """Rounded half up to the currency's own minor unit."""
    assert wording(locale).money(Decimal(amount), currency) == written


@pytest.mark.parametrize(
    ("locale", "count", "written"),
    [
        ("en_US", "37500", "37,500"),
        ("de_DE", "37500", "37.500"),
        ("de_CH", "37500", "37’500"),
        ("en_US", "9.94", "9.9"),
        ("de_DE", "9.95", "10"),
        ("de_DE", "0.04", "0"),
        ("de_DE", "0.5", "0,5"),
        ("en_US", "186.5", "187"),
    ],
)
def test_counts_are_whole_unless_they_are_small(locale: str, count: str, written: str) -> None:
    """A slow pace does not read as none."""
    assert wording(locale).count(Decimal(count)) == written


@pytest.mark.parametrize(
    ("part", "english", "german"),
    [("0.999", "99%", "99 %"), ("1", "100%", "100 %"), ("1.019", "101%", "101 %"), ("0", "0%", "0 %")],
)
def test_a_share_is_never_rounded_up(part: str, english: str, german: str) -> None:
    """99.9 % is not yet 100 %."""
    assert wording("en_US").share(Decimal(part), Decimal(1)) == english
    assert wording("de_DE").share(Decimal(part), Decimal(1)) == german


@pytest.mark.parametrize(
    ("locale", "timezone", "written"),
    [
        ("en_US", "America/Chicago", "August 3, 2026, 2:05 PM CDT"),
        ("en_GB", "Europe/London", "3 August 2026, 20:05 BST"),
        ("de_DE", "Europe/Berlin", "3. August 2026, 21:05 Uhr MESZ"),
    ],
)
def test_a_moment_is_local_and_names_its_zone(locale: str, timezone: str, written: str) -> None:
    """The same instant, as the reader's clock shows it."""
    assert wording(locale).moment(AT, timezone) == written


@pytest.mark.parametrize(
    ("span", "english", "german"),
    [
        (Span(date(2026, 9, 1), date(2026, 10, 1)), "September 2026", "September 2026"),
        (Span(date(2026, 3, 1), date(2026, 4, 1)), "March 2026", "März 2026"),
        (
            Span(date(2026, 1, 15), date(2026, 2, 1)),
            "January 15, 2026 to January 31, 2026",
            "15. Januar 2026 bis 31. Januar 2026",
        ),
    ],
)
def test_a_span_names_its_last_day(span: Span, english: str, german: str) -> None:
    """A month is named, anything else goes from its first to its last day."""
    assert (wording("en_US").span(span), wording("de_DE").span(span)) == (english, german)


def test_the_last_day_lies_before_the_end() -> None:
    """Ends are exclusive, over a month's end too."""
    assert last_day(Span(date(2026, 1, 15), date(2027, 1, 1))) == date(2026, 12, 31)


@pytest.mark.parametrize(("locale", "listed"), [("en_US", "a, b, and c"), ("de_DE", "a, b und c")])
def test_lists_end_as_the_reader_ends_them(locale: str, listed: str) -> None:
    """With the language's own and."""
    assert wording(locale).listed(["a", "b", "c"]) == listed


@pytest.mark.parametrize(
    ("locale", "language", "money"),
    [
        ("fr_FR", "en", "1 000,00 EUR"),
        ("en_DE", "en", "1.000,00 EUR"),
        ("de", "de", "1.000,00 EUR"),
        ("en_ZZ", "en", "EUR 1,000.00"),
        ("de_ZZ", "de", "1.000,00 EUR"),
    ],
)
def test_a_locale_nobody_wrote_for_reads_english_or_its_own_language(locale: str, language: str, money: str) -> None:
    """Never an error, and never half of a language."""
    words = wording(locale)
    assert words.locale.language == language
    assert words.sentences == catalogue(language)
    assert words.money(Decimal(1000), "EUR") == money


def test_what_a_catalogue_lacks_is_an_error() -> None:
    """A typing error in a key does not send an empty sentence."""
    with pytest.raises(KeyError):
        wording("en_US").say("no.such.sentence")
    with pytest.raises(KeyError):
        wording("en_US").say("bar.label")
    with pytest.raises(OSError, match=r"xx\.toml"):
        catalogue("xx", Path(CATALOGUES))


@given(st.text(), st.integers(1, 300))
def test_one_line_is_one_line(text: str, longest: int) -> None:
    """Of any text: no break, no control or direction mark, no longer than asked; and again the same."""
    line = one_line(text, longest)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", line)
    assert len(line.splitlines()) <= 1
    assert len(line) <= longest
    assert one_line(line, longest) == line
