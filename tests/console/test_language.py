"""Language: customers' pages and the sheet speak the contract's, ours English; nothing on them escapes translation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.console.conftest import CONSOLE_KEY, NOW, World
from tests.console.visitor import Seen, Visitor
from tests.domain.examples import contract
from tests.stages.billing import FREE, INDIA, JANUARY, Billing, at
from tollgate.console import language, links, render
from tollgate.domain.exports import CUSTOMER, READY, Export, Place, Selection
from tollgate.domain.facts import MessageKey
from tollgate.domain.notices import Hold
from tollgate.domain.usage import Cell
from tollgate.mails import wording

SMS = Cell("sms", "sms", "North America")
LINK = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)
SHEET = f"/console/invoices/acme/{JANUARY}/statement"
# What is nobody's sentence: names, addresses, identities, codes of currencies and zones, dates as CLDR writes them.
DATA = re.compile(
    r"Acme|Retail|Inc|Tollgate|USD|CSV|MB|TG|acme|ops|ap|pay|help|example|tollgate|America|Chicago|CDT|CST"
    r"|Januar|Februar|März|Indien|United|States"
)


@pytest.fixture
def german() -> World:
    """A German customer with usage, a hold of each kind, and an invoice that is past due."""
    billing = Billing(contract=contract(allowances=FREE, locale="de_DE"))
    world = World(memory=billing.memory, stripe=billing.stripe)
    billing.use("2026-01-20", "1012.34")
    billing.close(at("2026-02-04"))
    billing.approve(JANUARY, at("2026-02-04"))
    billing.push(JANUARY, at("2026-02-04"))
    billing.use("2026-03-09", "0.75", cell=SMS, messages=2)
    billing.use("2026-03-10", "1120.50", cell=INDIA)
    for cause, reference in (("limit", "2026-01-15"), ("manual", "fraud/x"), ("overdue", "2026-01-15/1")):
        hold = Hold(tenant="acme", scope="all", cause=cause, reference=reference, opened_at=NOW)
        world.memory.holds["acme", hold.identity] = hold
    days = Selection(first=JANUARY, last=NOW.date())
    one = Export(tenant="acme", selection=days, side=CUSTOMER, by="customer:acme", requested_at=NOW, rows=1_234)
    place = Place(after_day=JANUARY, after=MessageKey("meta", "x", ""), rows=5)
    for number, status in enumerate(("requested", "running", READY, "failed"), 1):
        own = place if status == "running" else Place()
        rows = replace(one, number=number, status=status, place=own, finished_at=NOW, size=12_345_678)
        world.memory.exports["acme", number] = rows
    january = billing.invoice(JANUARY)
    world.memory.invoices["acme", JANUARY] = replace(
        january, number="TG-1", hosted_url="https://pay.example/x", overdue_on=NOW.date()
    )
    return world


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every sentence of a catalogue stands between marks, so that what does not come from one is seen."""
    read = wording.catalogue

    def catalogue(name: str, folder: object = wording.CATALOGUES) -> Mapping[str, str]:
        assert folder == wording.CATALOGUES
        return {key: text if key == "format.month" else f"⟦{text}⟧" for key, text in read(name).items()}

    monkeypatch.setattr(wording, "catalogue", catalogue)
    render._engine.cache_clear()
    yield
    render._engine.cache_clear()


def unmarked(text: str) -> list[str]:
    """The words of a part of a page, also of attributes that are read out, which are neither a sentence's nor data."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    names = re.findall(r'\b(?:aria-label|title|placeholder|alt|data-(?:light|dark)(?:-name)?)="([^"]*)"', text)
    shown = "\n".join([re.sub(r"<[^>]+>", "\n", text), *names])
    while (outer := re.sub(r"⟦[^⟦⟧]*⟧", " ", shown)) != shown:
        shown = outer
    return [word for word in re.findall(r"[^\W\d_]+", shown) if not DATA.fullmatch(word)]


def staff(world: World) -> Visitor:
    visitor = world.visitor()
    visitor.sign_in("finance")
    return visitor


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("path", ["", "?month=2026-02", "/records", "/records.csv?first=x", "/exports"])
def test_nothing_on_a_customers_page_escapes_translation(german: World, path: str) -> None:
    """Every word is a catalogue's or a fact: of the page, of its charts, of what is read out, of a refusal."""
    text = german.visitor().get(LINK + path).text
    assert "⟦" in text
    assert unmarked(text) == []


@pytest.mark.usefixtures("marked")
def test_nothing_on_the_sheet_escapes_translation(german: World) -> None:
    """Only what stands around it is ours."""
    text = staff(german).get(SHEET).text
    sheet = text[text.index("<article") : text.index("</article>")]
    assert unmarked(sheet) == []
    assert "Back" in unmarked(text)


def test_a_german_customer_reads_german(german: World) -> None:
    """Sentences, plural forms, dates, times, numbers and amounts; and says so to the browser."""
    seen = german.visitor().get(LINK)
    assert '<html lang="de">' in seen.text
    for said in (
        "Verbrauch von Acme Retail, Inc.",
        "Stand: 10. März 2026, 13:00 Uhr CDT.",
        "50 % von 4 Nachrichten. Am Limit wird gesperrt.",
        "9. März 2026 2 2 0,75 USD",
        "WhatsApp Utility Indien 1 1 1.120,50 USD",
        "SMS SMS Nordamerika",
        "TG-1 überfällig 1.012,34 USD 18. Februar 2026 Ansehen und bezahlen",
        "weil eine Rechnung überfällig ist. Die Sperre endet mit vollständiger Zahlung.",
        "Den Grund erfahren Sie von uns: help@tollgate.example",
    ):
        assert said in seen.words
    records = german.visitor().get(f"{LINK}/records")
    assert "9. März 2026 bis 10. März 2026" in records.words
    files = german.visitor().get(f"{LINK}/exports").words
    assert "15. Januar 2026 bis 10. März 2026 10. März 2026, 13:00 Uhr CDT wird erstellt bis 15. Januar 2026" in files
    assert (
        "bereit Herunterladen 15. Januar 2026 bis 10. März 2026 bis 17. März 2026, 13:00 Uhr CDT 1.234 12,3 MB" in files
    )


def test_a_british_customer_reads_british_dates(german: World) -> None:
    """The language is ours, the order and the clock are theirs."""
    german.memory.contracts["acme", JANUARY] = contract(allowances=FREE, locale="en_GB", timezone="Europe/London")
    seen = german.visitor().get(LINK)
    assert '<html lang="en">' in seen.text
    assert "As of 10 March 2026, 18:00 GMT." in seen.words
    assert "9 March 2026" in seen.words


def test_records_to_download_are_for_programs(german: World) -> None:
    """English names and plain numbers, whoever loads them."""
    visitor = german.visitor()
    [href, *_] = re.findall(r'href="([^"]*records\.csv[^"]*)"', visitor.get(f"{LINK}/records").text)
    text = visitor.get(href.replace("&amp;", "&")).text
    assert text.startswith("day,time,provider,message")
    assert ",1120.50," in text


def test_a_choice_is_answered_in_the_customers_language(german: World) -> None:
    """What is wrong with it, and that it was saved."""
    visitor = german.visitor()
    visitor.get(LINK)
    wrong = visitor.submit(f"{LINK}/warnings", {"recipients": "niemand", "version": "0"})
    assert (wrong.status, "Das ist keine E-Mail-Adresse: niemand" in wrong.words) == (400, True)
    many = "\n".join(f"a{n}@acme.example" for n in range(21))
    wrong = visitor.submit(f"{LINK}/warnings", {"recipients": many, "version": "0"})
    assert "Es können höchstens 20 Adressen gewählt werden." in wrong.words
    wrong = visitor.submit(f"{LINK}/warnings", {"shares-sms": "halb", "shares-rcs": "50", "version": "0"})
    assert "SMS: Das ist kein ganzer Prozentwert von 1 bis 99: halb" in wrong.words
    assert "RCS: Es gibt kein Limit, von dem ein Anteil zu nehmen wäre." in wrong.words
    wrong = visitor.submit(f"{LINK}/warnings", {"shares-sms": "1 2 3 4 5 6", "version": "0"})
    assert "SMS: Es können höchstens 5 Anteile gewählt werden." in wrong.words
    chosen = {"recipients": "jo@acme.example", "shares-sms": "50", "version": "0"}
    visitor.submit(f"{LINK}/warnings", chosen)
    saved = visitor.get(LINK).words
    assert "Gespeichert. Wer bisher gewarnt wurde und wer von jetzt an gewarnt wird, bekommt dazu eine E-Mail." in saved
    assert "SMS liegt schon über 50 %: Davor wird ab der nächsten Laufzeit gewarnt." in saved
    visitor.submit(f"{LINK}/warnings", {**chosen, "version": "1"})
    assert "Es hat sich nichts geändert." in visitor.get(LINK).words
    for version in range(1, 10):
        german.later(timedelta(seconds=1))
        assert visitor.submit(f"{LINK}/warnings", {"shares-sms": f"{version}", "version": f"{version}"}).status == 303
    wrong = visitor.submit(f"{LINK}/warnings", {"version": "10"})
    assert "Das wurde innerhalb eines Tages 10-mal geändert." in wrong.words
    stale = visitor.submit(f"{LINK}/warnings", {"recipients": "li@acme.example", "version": "0"})
    assert (stale.status, "Jemand war schneller" in stale.words) == (409, True)
    forged = visitor.post(f"{LINK}/warnings", {"recipients": ""}, origin="https://evil.example")
    assert (forged.status, "Dieses Formular ist veraltet" in forged.words) == (403, True)


def test_a_sheet_speaks_to_its_customer_and_the_page_to_us(german: World) -> None:
    """Marked as such, so that a screen reader changes its voice."""
    seen: Seen = staff(german).get(SHEET)
    assert '<html lang="en">' in seen.text
    before, _, after = seen.text.partition('<div lang="de">')
    assert "Back to the invoice" in before
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", after))
    for said in (
        "Von Tollgate",
        "Für Acme Retail, Inc.",
        "Rechnungsnummer TG-1",
        "Zeitraum 15. Januar 2026 bis 31. Januar 2026",
        "Fällig am 18. Februar 2026",
        "Marketing, Nordamerika 1 1.012,34 USD",
        "Zu zahlen 1.012,34 USD",
        "Die WhatsApp-Gebühren vom 15. Januar 2026 bis zum 31. Januar 2026 betragen 1.012,34 USD",
    ):
        assert said in words
    assert "<title>Abrechnung TG-1, Acme Retail, Inc. · Tollgate</title>" in seen.text


def test_our_own_people_read_english_of_any_customer(german: World) -> None:
    """On the invoice's page and on the tenant's."""
    browser = staff(german)
    assert "WhatsApp fees from January 15, 2026" in browser.get(f"/console/invoices/acme/{JANUARY}").words
    assert "50% of 4 messages. Suspended at the limit." in browser.get("/console/tenants/acme").words


@pytest.mark.parametrize(
    "path",
    [
        "/console/review?month=2026-01",
        "/console/invoices?month=2026-01",
        f"/console/invoices/acme/{JANUARY}",
        f"/console/invoices/acme/{JANUARY}/messages",
        "/console/messages/acme?provider=meta&message=m0&participant=",
        "/console/close?month=2026-01",
        "/console/tenants",
        "/console/tenants/acme",
        "/console/ops",
        SHEET,
    ],
)
def test_our_own_pages_write_a_date_one_way(german: World, path: str) -> None:
    """Written out, in tables as in sentences; no machine's date, no bare offset and no other order."""
    seen = staff(german).get(path)
    assert seen.status == 200
    around = re.sub(r"<article.*?</article>", "", seen.text, flags=re.DOTALL)
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", around)).replace(f"acme/{JANUARY}", "")
    spent = words.replace("(2026-01-20 12:00:00 UTC)", "")  # a message's own time, as it was reported
    assert re.findall(r"\d{4}-\d\d-\d\d|[+-]\d{4}\b|\b\d{1,2} (?:January|February|March) \d{4}", spent) == []


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de_AT"),
        ("fr-FR,fr;q=0.9,de;q=0.7,en;q=0.8", "en"),
        ("fr, de;q=0, it", "en_US"),
        ("de;q=0.5, en-GB", "en_GB"),
        ("", "en_US"),
        ("*;q=0.1, ../../etc, de;q=2", "en_US"),
    ],
)
def test_a_browsers_language_is_taken_where_there_is_no_contract(header: str, locale: str) -> None:
    """The best liked of those we have."""
    assert language.preferred(header) == locale


def test_a_link_that_ended_is_refused_in_the_browsers_language(world: World) -> None:
    """Whom to ask stands there; our own pages stay English."""
    seen = world.visitor().get("/usage/broken", accept_language="de-DE,de;q=0.9")
    assert (seen.status, "Dieser Link funktioniert nicht mehr" in seen.words) == (404, True)
    assert "help@tollgate.example" in seen.words
    assert '<html lang="de">' in seen.text
    assert 'href="/console"' not in seen.text
    ours = world.visitor().get("/console/nowhere", accept_language="de-DE,de;q=0.9")
    assert "There is nothing at this address." in ours.words
