"""Pages as they are shown: the home of drafts, the layout, parts for htmx, downloads."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from jinja2 import ChoiceLoader, DictLoader

from tests.console.conftest import World
from tests.console.visitor import Visitor
from tests.stages.billing import Billing, at
from tollgate.console import answers, assets, downloads, render
from tollgate.console.answers import File
from tollgate.stages import invoice as daily


@pytest.fixture
def drafted() -> World:
    """A site whose one tenant has a draft that costs money."""
    billing = Billing()
    billing.use("2026-02-10", "12.50", messages=40)
    daily.run(ports=billing.invoice_ports(), now=at("2026-03-05"), close_after_days=3)
    return World(memory=billing.memory)


def shown(world: World, address: str = "/console", *groups: str, **headers: str) -> str:
    """A page as somebody sees it."""
    visitor = world.visitor()
    visitor.sign_in(*(groups or ("finance",)))
    seen = visitor.get(address, **headers)
    assert seen.status == 200
    return seen.text


def test_home_lists_the_drafts(drafted: World) -> None:
    """Tenant, month and amount, with the way to the invoice."""
    text = shown(drafted)
    assert "/console/invoices/acme/2026-02-01" in text
    assert "USD 12.50" in text
    assert "February 2026" in text


def test_an_empty_home_says_so(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Nothing to review is said, not shown as an empty table."""
    assert "No draft waits for review" in signed_in("read-only").get("/console").text


def test_a_filter_that_hides_everything_says_so(drafted: World) -> None:
    """And gives back what was typed, as text."""
    text = shown(drafted, "/console?q=%22%3E%3Cb%3E")
    assert "No draft fits the filter" in text
    assert "&#34;&gt;&lt;b&gt;" in text


def test_htmx_gets_the_part_it_asks_for(drafted: World) -> None:
    """The block of the target's name, without the layout; a target that is no block gets the page."""
    part = shown(drafted, hx_request="true", hx_target="drafts")
    assert part.strip().startswith('<section id="drafts"')
    assert "<html" not in part
    assert "<html" in shown(drafted, hx_request="true", hx_target="nothing")
    assert "<html" in shown(drafted, hx_target="drafts")
    assert "<html" in shown(drafted, hx_request="true", hx_target="drafts", hx_history_restore_request="true")


def test_the_layout_is_for_keyboards_and_readers(drafted: World) -> None:
    """A language, a way past the navigation, one main heading, and headings of columns that say their order."""
    text = shown(drafted)
    assert '<html lang="en">' in text
    assert text.index('href="#main"') < text.index("<nav")
    assert len(re.findall("<h1", text)) == 1
    assert 'aria-sort="ascending"' in text
    assert all("id=" in tag or 'type="hidden"' in tag for tag in re.findall(r"<input[^>]*>", text))


@pytest.mark.parametrize(("cookie", "tag"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')])
def test_a_chosen_theme_is_there_from_the_first_paint(drafted: World, cookie: str, tag: str) -> None:
    """The server writes it, so that no script has to."""
    visitor = drafted.visitor()
    visitor.jar["theme"] = cookie
    visitor.sign_in("finance")
    assert tag in visitor.get("/console").text


def test_an_odd_theme_is_none(drafted: World) -> None:
    """What is in a cookie is anybody's word."""
    visitor = drafted.visitor()
    visitor.jar["theme"] = "pink"
    visitor.sign_in("finance")
    assert '<html lang="en">' in visitor.get("/console").text


def test_a_page_with_a_hundred_rows_stays_small() -> None:
    """With styles and scripts it is below 150 KB before compression."""
    billing = Billing()
    billing.use("2026-02-10", "12.50")
    daily.run(ports=billing.invoice_ports(), now=at("2026-03-05"), close_after_days=3)
    [key] = [key for key, one in billing.memory.invoices.items() if one.status == "draft"]
    for n in range(150):
        name = f"tenant-with-a-rather-long-name-{n}"
        billing.memory.contracts[name, date(2026, 1, 15)] = billing.contract
        billing.memory.invoices[(name, *key[1:])] = billing.memory.invoices[key]
    text = shown(World(memory=billing.memory))
    assert text.count("<tr data-href") == 100
    files = sum(path.stat().st_size for path in assets.FOLDER.iterdir() if path.suffix in assets.TYPES)
    assert len(text.encode()) + files < 150_000


FORM = """{% extends "base.html.j2" %}{% from "parts/forms.html.j2" import dialog_link, dialog, field with context %}
{% block content %}{{ dialog_link("void", "Void") }}
{% call dialog("void", "Void it?", "/console/void", "Void it", danger=true) %}
{{ field("reason", "Reason", hint="For the customer") }}{% endcall %}{% endblock %}"""


def asking(world: World, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A page with a dialog, as finance sees it."""
    engine = render.environment()
    monkeypatch.setattr(
        engine, "loader", ChoiceLoader([DictLoader({"home.html.j2": FORM}), engine.loader or DictLoader({})])
    )
    monkeypatch.setattr(engine, "cache", None)
    return shown(world, address)


def test_a_dialog_asks_in_place_or_without_a_script(drafted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed at first; its link is an address at which it is open, with the form's token and labelled fields."""
    closed, opened = asking(drafted, "/console", monkeypatch), asking(drafted, "/console?confirm=void", monkeypatch)
    assert 'href="?confirm=void"' in closed
    assert '<dialog id="void" aria-labelledby="void-title">' in closed
    assert '<dialog id="void" aria-labelledby="void-title" open>' in opened
    assert '<label for="f-reason">' in closed
    assert len(re.findall('name="csrf" value="[^"]{20,}"', closed)) == 2  # of the dialog and of signing out


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        (Decimal("-1.50"), "-1.50"),
        (Decimal("1E+3"), "1000"),
        (-7, "-7"),
        (None, '""'),
        ('a "b", c', '"a ""b"", c"'),
        (date(2026, 3, 1), "2026-03-01"),
    ],
)
def test_a_spreadsheet_runs_nothing_of_a_download(value: object, cell: str) -> None:
    """Texts that begin like a formula are quoted; numbers stay numbers."""
    assert downloads.csv_text(["head"], [[value]]) == f"head\r\n{cell}\r\n"


def test_a_download_is_saved_under_its_name() -> None:
    """A name cannot break out of its header."""
    answer = answers.download(File(name='acme "x"\r\nSet-Cookie: a=b ü.csv', content="a"))
    header = str(answer.headers["Content-Disposition"])
    assert header.startswith('attachment; filename="acme')
    assert not re.search("[\r\n]", header)
    assert header.count('"') == 2


@pytest.mark.parametrize(
    ("shown_as", "text"),
    [
        (render.money(Decimal("1234.5"), "USD"), "USD 1,234.50"),
        (render.money(Decimal("1234.5"), "JPY"), "JPY 1,235"),
        (render.count(1234), "1,234"),
        (render.day(date(2026, 3, 10)), "March 10, 2026"),
    ],
)
def test_numbers_and_days_are_written_as_in_mails(shown_as: str, text: str) -> None:
    """One way of writing them on pages and in mails."""
    assert shown_as == text
