"""Explanation in words: what a customer reads of an amount and of its lines, in English and in German."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.domain.examples import D
from tests.domain.tiny_books import MARKETING, UTILITY, TinyBooks, billing
from tollgate.domain.contract import Contract, for_term
from tollgate.domain.explanation import Crossing, Explanation, explain
from tollgate.domain.facts import MessageKey
from tollgate.domain.statement import Line
from tollgate.mails.explanation import crossing_sentence, line_text, sentences
from tollgate.mails.wording import wording

ENGLISH, GERMAN = wording("en_US"), wording("de_DE")


def explained(books: TinyBooks) -> Explanation:
    """The last invoice of the books, explained with those before it."""
    invoice, first = books.invoices[-1], books.versions[0]
    holding = {term: for_term(books.versions, first.term_on(term)) for term in invoice.statement.known}
    return explain(invoice, books.invoices[:-1], holding)


def lines(books: TinyBooks, locale: str) -> list[str]:
    """The lines of the last invoice in words."""
    statement, found = books.invoices[-1].statement, explained(books)
    return [line_text(line, statement, found, wording(locale)) for line in statement.lines]


@pytest.fixture
def books() -> TinyBooks:
    """A first month beyond what is included, and a second with late usage of the first."""
    books = TinyBooks([billing("1000.00")])
    books.know("2026-01-20", "1200.1234", messages=9_000)
    books.close()
    books.know("2026-02-10", "34.5611")
    books.know("2026-01-21", "0.1", messages=-2)
    books.close()
    return books


def test_the_whole_way_to_an_amount(books: TinyBooks) -> None:
    """What is free, what is billed, how it was rounded, what came before and what came late, in exact numbers."""
    assert sentences(explained(books), ENGLISH) == (
        (
            "WhatsApp fees from January 15, 2026 to February 28, 2026 come to USD 1,234.7845, of which USD 34.5611 are "
            "of this period."
        ),
        "In them, what became known of January 2026 since it was stated: -2 messages, USD 0.10.",
        "USD 1,000.00 of them are included and free; the rest, USD 234.7845, is billed.",
        "Rounded once, half up: USD 234.78 (-USD 0.0045).",
        "Earlier statements of the contract year came to USD 200.12.",
        "This statement adds USD 34.66.",
        "To pay: USD 34.66.",
    )


def test_the_same_in_german(books: TinyBooks) -> None:
    """With its own dates, marks, signs and plural."""
    assert sentences(explained(books), GERMAN) == (
        (
            "Die WhatsApp-Gebühren vom 15. Januar 2026 bis zum 28. Februar 2026 betragen 1.234,7845 USD, davon "
            "34,5611 USD in diesem Zeitraum."
        ),
        "Darin enthalten, was seit der Abrechnung für Januar 2026 bekannt wurde: -2 Nachrichten, 0,10 USD.",
        "Davon sind 1.000,00 USD enthalten und frei; der Rest, 234,7845 USD, wird berechnet.",
        "Einmal kaufmännisch gerundet: 234,78 USD (-0,0045 USD).",
        "Frühere Abrechnungen des Vertragsjahrs ergaben 200,12 USD.",
        "Diese Abrechnung fügt 34,66 USD hinzu.",
        "Zu zahlen: 34,66 USD.",
    )


def test_a_first_month_does_not_say_its_fees_twice() -> None:
    """All fees of the contract year so far are of the period itself."""
    books = TinyBooks([billing("1000.00")])
    books.know("2026-01-20", "1200.1234", messages=9_000)
    books.close()
    assert [sentences(explained(books), words)[0] for words in (ENGLISH, GERMAN)] == [
        "WhatsApp fees from January 15, 2026 to January 31, 2026 come to USD 1,200.1234, all of this period.",
        (
            "Die WhatsApp-Gebühren vom 15. Januar 2026 bis zum 31. Januar 2026 betragen 1.200,1234 USD, alle in "
            "diesem Zeitraum."
        ),
    ]


def test_a_dialect_has_its_own_dates(books: TinyBooks) -> None:
    """British English is no other language, but dates stand another way round."""
    assert "from 15 January 2026 to 28 February 2026" in sentences(explained(books), wording("en_GB"))[0]


@pytest.mark.parametrize(
    ("contract", "used", "english", "german"),
    [
        (
            billing("1000.00"),
            "999.9999",
            "They are within the USD 1,000.00 included: nothing of them is billed.",
            "Sie liegen innerhalb der enthaltenen 1.000,00 USD: Davon wird nichts berechnet.",
        ),
        (
            billing("100.00", beyond="bill-all"),
            "150",
            "They exceed the USD 100.00 included, so all of them are billed: USD 150.00.",
            "Sie übersteigen die enthaltenen 100,00 USD, deshalb werden sie ganz berechnet: 150,00 USD.",
        ),
    ],
)
def test_what_the_contract_includes(contract: Contract, used: str, english: str, german: str) -> None:
    """By its rule."""
    books = TinyBooks([contract])
    books.know("2026-01-20", used)
    books.close()
    assert english in sentences(explained(books), ENGLISH)
    assert german in sentences(explained(books), GERMAN)


@pytest.mark.parametrize(("used", "beyond"), [("50", "bill"), ("150", "bill-all")])
def test_a_limit_that_was_changed_since_is_not_named(used: str, beyond: str) -> None:
    """Naming today's limit would not add up; neither in a sentence nor in a line."""
    books = TinyBooks([billing("100.00", beyond=beyond)])
    books.know("2026-01-20", used)
    books.close()
    found = explained(books)
    parts = [replace(part, included=None) for part in found.terms[0].meters]
    found = replace(found, terms=(replace(found.terms[0], meters=tuple(parts)),))
    assert any("what is included" in sentence for sentence in sentences(found, ENGLISH))
    assert "100.00" not in "".join(sentences(found, ENGLISH))
    statement = books.invoices[-1].statement
    texts = [line_text(line, statement, found, ENGLISH) for line in statement.lines]
    assert "USD" not in "".join(texts)


def test_what_is_taken_off_and_carried_is_said() -> None:
    """Of a meter that is not billed any more, in both languages."""
    books = TinyBooks([billing("100.00")])
    books.know("2026-01-20", "150")
    books.close()
    changed = billing().document() | {
        "allowances": {"whatsapp": None, "rcs": {"measure": "fees", "included": "0", "beyond": "bill"}}
    }
    books.versions = [billing().model_validate(changed)]
    books.close()
    english, german = sentences(explained(books), ENGLISH), sentences(explained(books), GERMAN)
    assert "WhatsApp is not billed any more: USD 50.00 of earlier statements come off." in english
    assert "WhatsApp wird nicht mehr berechnet: 50,00 USD aus früheren Abrechnungen entfallen." in german
    assert english[-2].startswith("-USD 50.00 are carried forward to the next statement")
    assert german[-2].startswith("Auf die nächste Abrechnung werden -50,00 USD übertragen")
    assert lines(books, "de_DE") == [
        "WhatsApp-Nutzung wird im Vertragsjahr ab 15. Januar 2026 nicht mehr berechnet",
        "Übertrag auf die nächste Abrechnung",
    ]


def test_what_is_brought_forward_is_said() -> None:
    """A void invoice's amount, asked for with this one."""
    books = TinyBooks([billing("0")])
    books.know("2026-01-20", "5")
    books.close()
    books.mark("void")
    books.know("2026-02-20", "2")
    books.close()
    assert "USD 5.00 are brought forward from earlier statements, which did not invoice them." in sentences(
        explained(books), ENGLISH
    )
    assert lines(books, "en_US")[-1] == "Brought forward from earlier statements"
    assert lines(books, "de_DE")[-1] == "Übertrag aus früheren Abrechnungen"


def test_late_usage_of_an_ended_term_is_told_by_itself() -> None:
    """Under its own year, and without a share of this period; its lines too."""
    books = TinyBooks([billing("1.00", months=1)])
    books.know("2026-01-20", "5")
    books.close_all(2)
    books.know("2026-01-21", "2")
    books.close_all(1)
    english, german = sentences(explained(books), ENGLISH), sentences(explained(books), GERMAN)
    assert "WhatsApp fees of the contract year from January 15, 2026, which has ended, now come to USD 7.00." in english
    assert (
        "Die WhatsApp-Gebühren des Vertragsjahrs ab 15. Januar 2026, das beendet ist, betragen jetzt 7,00 USD."
        in german
    )
    assert lines(books, "de_DE") == ["Verspätete und berichtigte WhatsApp-Nutzung im Januar 2026"]


def test_lines_of_usage_and_of_the_allowance(books: TinyBooks) -> None:
    """Category and market in the reader's language, with the size of the allowance."""
    first = TinyBooks([billing("1000.00")])
    for cell in (MARKETING, UTILITY):
        first.know("2026-01-20", "300", cell=cell)
    first.close()
    assert lines(first, "en_US") == [
        "Marketing messages, North America",
        "Utility messages, India",
        "Included in the contract year (USD 1,000.00)",
    ]
    assert lines(first, "de_DE") == [
        "Marketing, Nordamerika",
        "Utility, Indien",
        "Im Vertragsjahr enthalten (1.000,00 USD)",
    ]
    assert lines(books, "en_US")[1] == "Late and corrected WhatsApp usage of January 2026"


@pytest.mark.parametrize(
    ("beyond", "more", "english", "german"),
    [
        (
            "bill-all",
            "60",
            "No longer included, as USD 100.00 is exceeded",
            "Nicht mehr enthalten, da 100,00 USD überschritten sind",
        ),
        (
            "bill",
            "-20",
            "Less used of what is included in the contract year (USD 100.00)",
            "Weniger von dem verbraucht, was im Vertragsjahr enthalten ist (100,00 USD)",
        ),
    ],
)
def test_an_allowance_that_gives_back(beyond: str, more: str, english: str, german: str) -> None:
    """Once it is exceeded, or when usage that it had covered turns out to be less."""
    books = TinyBooks([billing("100.00", beyond=beyond)])
    books.know("2026-01-20", "90")
    books.close()
    books.know("2026-02-10", more)
    books.close()
    assert english in lines(books, "en_US")
    assert german in lines(books, "de_DE")


def test_a_line_of_another_kind_keeps_its_words(books: TinyBooks) -> None:
    """What nobody wrote a sentence for is said as it was stored."""
    statement = books.invoices[-1].statement
    line = Line(key="goodwill", description="Goodwill", quantity=1, amount=D("1.00"))
    assert line_text(line, statement, explained(books), GERMAN) == "Goodwill"
    sms = Line(key="sms/North America", description="SMS", quantity=1, amount=D("1.00"))
    assert line_text(sms, statement, explained(books), GERMAN) == "SMS, Nordamerika"


def test_the_message_that_crossed_is_told() -> None:
    """When, which, the running total and the parts of its fee."""
    crossing = Crossing(
        message=MessageKey("meta", "m1", ""),
        at=datetime(2026, 2, 10, 18, tzinfo=UTC),
        before=D("602.25"),
        after=D("1002.2469"),
        included=D("1000.00"),
        free=D("397.75"),
        paid=D("2.2469"),
    )
    told = {
        words.tag: crossing_sentence(crossing, "whatsapp", currency="USD", timezone="Europe/London", words=words)
        for words in (ENGLISH, GERMAN)
    }
    assert told["en"] == (
        "The USD 1,000.00 of WhatsApp fees that your contract year includes were exceeded on February 10, 2026, "
        "6:00 PM GMT by message m1: the fees before it came to USD 602.25, with it to USD 1,002.2469. Of its own fee, "
        "USD 397.75 are free and USD 2.2469 are billed."
    )
    assert told["de"] == (
        "Die 1.000,00 USD an WhatsApp-Gebühren, die Ihr Vertragsjahr enthält, wurden am 10. Februar 2026, "
        "18:00 Uhr GMT mit der Nachricht m1 überschritten: Davor betrugen die Gebühren 602,25 USD, mit ihr "
        "1.002,2469 USD. Von ihrer eigenen Gebühr sind 397,75 USD frei, und 2,2469 USD werden berechnet."
    )
