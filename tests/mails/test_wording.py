"""Wording: catalogues that say the same, and numbers, dates and money as their readers write them."""

import json
import re
import string
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.calendar import Span
from tollgate.mails.wording import CATALOGUES, catalogue, last_day, one_line, wording

LANGUAGES = sorted(path.stem for path in CATALOGUES.glob("*.toml"))
OTHERS = [language for language in LANGUAGES if language != "en"]
PATTERNS = {"format.month"}
"""Not words, but how CLDR is asked to write something."""
LAYER = CATALOGUES.parents[1]
DATA = LAYER / "data"
BY_PATTERN = ("suspended.", "overdue.", "reinstated.", "usage-warning.", "limit-reached.", "drafts.", "fact.", "flag.")
"""Whose keys mails put together of several parts; the golden files show each."""
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
    words = {key: re.findall(r"[^\W\d_]+", re.sub(r"\{.*?\}", "", english[key])) for key in english}
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
    ("locale", "timezone", "zone"),
    [
        ("en_US", "Europe/London", "BST"),
        ("en_GB", "America/Chicago", "CDT"),
        ("de_DE", "America/Chicago", "CDT"),
        ("en_US", "Asia/Tokyo", "JST"),
        ("de_DE", "America/Sao_Paulo", "UTC-03:00"),
        ("en_US", "Asia/Kathmandu", "UTC+05:45"),
        ("en_US", "UTC", "UTC"),
    ],
)
def test_a_zone_is_named_and_never_a_bare_offset(locale: str, timezone: str, zone: str) -> None:
    """By the reader's own name for it, else by the zone's, else by its distance from UTC."""
    assert wording(locale).moment(AT, timezone).endswith(f" {zone}")


@pytest.mark.parametrize(
    ("locale", "long", "short", "month", "days"),
    [
        ("en_US", "March 9, 2026", "Mar 9", "March 2026", "March 9, 2026 to March 10, 2026"),
        ("en_GB", "9 March 2026", "9 Mar", "March 2026", "9 March 2026 to 10 March 2026"),
        ("de_DE", "9. März 2026", "9. März", "März 2026", "9. März 2026 bis 10. März 2026"),
    ],
)
def test_a_locale_has_one_way_to_write_a_date(locale: str, long: str, short: str, month: str, days: str) -> None:
    """In full, where there is little room, as a month, and from one to another; one day is itself."""
    words, day, next_day = wording(locale), date(2026, 3, 9), date(2026, 3, 10)
    assert [words.day(day), words.short_day(day), words.month(day)] == [long, short, month]
    assert [words.days(day, next_day), words.days(day, day)] == [days, long]


@pytest.mark.parametrize(
    ("locale", "amount", "currency", "signed", "written"),
    [
        ("en_US", "1234.5678", "USD", False, "USD 1,234.5678"),
        ("de_DE", "1234.5678", "EUR", False, "1.234,5678 EUR"),
        ("en_US", "1000", "USD", False, "USD 1,000.00"),
        ("en_US", "0.100", "USD", False, "USD 0.10"),
        ("en_US", "1E+3", "JPY", False, "JPY 1,000"),
        ("en_US", "0.0045", "USD", True, "+USD 0.0045"),
        ("de_DE", "0.0045", "USD", True, "+0,0045 USD"),
        ("de_DE", "-0.0045", "USD", True, "-0,0045 USD"),
        ("de_CH", "-0.5", "CHF", False, "CHF -0.50"),
    ],
)
def test_an_exact_amount_has_every_decimal(
    locale: str, amount: str, currency: str, *, signed: bool, written: str
) -> None:
    """Never rounded, and never fewer than the currency's own."""
    assert wording(locale).exact(Decimal(amount), currency, signed=signed) == written


@pytest.mark.parametrize(
    ("number", "english", "german"),
    [
        ("1", "1 message", "1 Nachricht"),
        ("1.04", "1 message", "1 Nachricht"),
        ("0", "0 messages", "0 Nachrichten"),
        ("1.5", "1.5 messages", "1,5 Nachrichten"),
        ("-1", "-1 message", "-1 Nachricht"),
        ("37500", "37,500 messages", "37.500 Nachrichten"),
    ],
)
def test_a_number_takes_its_plural(number: str, english: str, german: str) -> None:
    """By the number as it is written."""
    assert wording("en_US").counted("use.messages", Decimal(number)) == english
    assert wording("de_DE").counted("use.messages", Decimal(number)) == german


def test_a_signed_number_says_that_it_is_more() -> None:
    """A zero is neither."""
    words = wording("en_US")
    signed = [words.counted("use.messages", number, signed=True) for number in (1, 0, -2)]
    assert signed == ["+1 message", "0 messages", "-2 messages"]


@pytest.mark.parametrize(
    ("percent", "english", "german"),
    [("12.34", "+12.3%", "+12,3 %"), ("0", "+0.0%", "+0,0 %"), ("-0.06", "-0.1%", "-0,1 %")],
)
def test_a_change_has_its_sign_and_one_decimal(percent: str, english: str, german: str) -> None:
    """Whatever it is."""
    assert wording("en_US").change(Decimal(percent)) == english
    assert wording("de_DE").change(Decimal(percent)) == german


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_has_the_forms_of_its_language(language: str) -> None:
    """As CLDR counts them; a form of another language would never be said."""
    forms = {*Locale(language).plural_form.tags, "other"}
    found: dict[str, set[str]] = {}
    for key in catalogue(language):
        stem, _, form = key.rpartition(".")
        if form in {"zero", "one", "two", "few", "many"}:
            found[stem] = {last for one in catalogue(language) if (last := one.removeprefix(f"{stem}.")) != one}
    assert found["use.messages"]
    # The mail to finance says its one and its many by hand.
    assert {stem: own for stem, own in found.items() if own != forms and stem != "drafts"} == {}


def test_every_market_of_the_rate_card_is_known_in_german() -> None:
    """A country by CLDR, a region by the catalogue; what no card names keeps its own name."""
    card = json.loads((DATA / "meta_rates_usd_2026-10-01.json").read_text(encoding="utf-8"))
    english, german = wording("en_US"), wording("de_DE")
    assert [market for market in card["rates"] if english.market(market) != market] == []
    same = {market for market in card["rates"] if german.market(market) == market}
    assert same == {
        "Chile",
        "Israel",
        "Kuwait",
        "Malaysia",
        "Nepal",
        "Nigeria",
        "Oman",
        "Pakistan",
        "Peru",
        "Sri Lanka",
        "Ukraine",
    }
    assert german.market("United Kingdom") == "Vereinigtes Königreich"
    assert german.market("Atlantis") == "Atlantis"


def test_categories_are_named_by_what_they_are() -> None:
    """Of a meter without categories the meter; others keep their own name."""
    german = wording("de_DE")
    named = [german.category(name) for name in ("authentication", "sms", "voice", "my_own")]
    assert named == ["Authentifizierung", "SMS", "Sprache", "my own"]


def test_every_sentence_is_said_and_every_one_that_is_said_is_there() -> None:
    """Of pages, statements and mails: a key that nobody says is dead, one that is missing an error for a customer."""
    code = {path: path.read_text(encoding="utf-8") for ending in ("py", "j2") for path in LAYER.rglob(f"*.{ending}")}
    text = "\n".join(code.values())
    said = set(re.findall(r'(?:\bsay|counted)\(\s*"([\w.-]+[\w])"', text))
    plural = {key.rpartition(".")[0] for key in catalogue("en") if key.endswith(".one")}
    assert said - set(catalogue("en")) - plural == set()
    literals = set(re.findall(r'"([\w.-]+)"', text))
    begun = {one for one in re.findall(r'f?"([\w-]+\.[\w.-]*)(?:"|\{)', text) if one[-1] in ".-"}
    assert {
        key
        for key in catalogue("en")
        if key not in literals
        and key.rpartition(".")[0] not in said
        and not any(key.startswith(one) for one in begun)
        and not key.startswith(BY_PATTERN)
    } == set()


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


@pytest.mark.parametrize(
    ("count", "english", "german"),
    [
        (0, "1 kB", "1 kB"),
        (340_499, "340 kB", "340 kB"),
        (1_000_000, "1.0 MB", "1,0 MB"),
        (2**31, "2,147.5 MB", "2.147,5 MB"),
    ],
)
def test_a_files_size_is_read_at_a_glance(count: int, english: str, german: str) -> None:
    """Never none, and never to the byte."""
    assert (wording("en_US").size(count), wording("de_DE").size(count)) == (english, german)
