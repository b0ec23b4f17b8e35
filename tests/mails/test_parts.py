"""The parts of a mail: pace, bar and brand."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.console import assets
from tollgate.domain.errors import Invalid
from tollgate.mails.brand import DARK_GROUND, LIGHT_GROUND, READABLE, Brand, contrast, web_address
from tollgate.mails.content import Bar

D = Decimal
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
GROUNDS = re.compile(r"--(?:ground|raised|row|\w+-ground): light-dark\((#\w{6}), (#\w{6})\)")


def brand(**given: str) -> Brand:
    return Brand(**{"support": "a@b.example", "billing": "a@b.example", **given})


@pytest.mark.parametrize(
    ("share", "percent", "full"),
    [
        ("0", 0, False),
        ("0.759", 75, False),
        ("0.9999", 99, False),
        ("1", 100, True),
        ("2.5", 100, True),
        ("-1", 0, False),
    ],
)
def test_a_bar_is_full_when_all_is_used(share: str, percent: int, *, full: bool) -> None:
    """Not before, and never beyond its track."""
    bar = Bar(D(share), "label")
    assert (bar.percent, bar.is_full) == (percent, full)


@pytest.mark.parametrize(
    ("accent", "ink", "on_dark"),
    [
        ("#1f5fbf", "#ffffff", "#8fafdf"),
        ("#ffcc00", "#000000", "#ffe57f"),
        ("#000000", "#ffffff", "#9f9f9f"),
        ("#FFFFFF", "#000000", "#ffffff"),
        ("#777777", "#000000", "#bbbbbb"),
    ],
)
def test_text_on_the_accent_can_be_read(accent: str, ink: str, on_dark: str) -> None:
    """Black or white, whichever contrasts more; on a dark page the accent is lightened."""
    made = brand(accent=accent)
    assert (made.ink, made.accent_on_dark) == (ink, on_dark)


@given(COLOURS)
def test_whatever_the_accent_all_text_can_be_read(accent: str) -> None:
    """On it and in it, on light and on dark pages, in buttons and in links: at least 4.5 to 1."""
    made = brand(accent=accent)
    assert contrast(made.ink, accent) >= READABLE
    for text, ground in (
        (made.accent_on_light, LIGHT_GROUND),
        (made.accent_on_dark, DARK_GROUND),
        ("#ffffff", made.accent_on_light),
        ("#000000", made.accent_on_dark),
    ):
        assert contrast(text, ground) >= READABLE


def test_the_grounds_are_the_least_of_the_pages_and_mails_own() -> None:
    """A ground that is added to the style sheet or to a mail and has less contrast shows here."""
    sheet = (assets.FOLDER / "console.css").read_text(encoding="utf-8")
    light, dark = zip(*GROUNDS.findall(sheet), strict=True)
    assert len(light) >= 5
    mail = (Path(assets.__file__).parents[1] / "mails/templates/layout.html.j2").read_text(encoding="utf-8")
    assert min(contrast("#000000", one) for one in light) >= contrast("#000000", LIGHT_GROUND)
    assert min(contrast("#ffffff", one) for one in (*dark, "#1a2026")) >= contrast("#ffffff", DARK_GROUND)
    assert "#1a2026" in mail


def test_an_issuer_is_the_company_or_else_the_name() -> None:
    """Line by line on a statement, on one line below a mail, and there only when it says more than the name."""
    company = brand(legal=" Sendly Ltd. | 1 Road |  | London ")
    assert (company.issuer, company.imprint) == (("Sendly Ltd.", "1 Road", "London"), "Sendly Ltd., 1 Road, London")
    for nothing in ("", " | "):
        assert (brand(name="Sendly", legal=nothing).issuer, brand(legal=nothing).imprint) == (("Sendly",), "")


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "a\nBcc: b"}, ["name"]),
        ({"name": "a" * 61, "legal": "b" * 401}, ["name", "legal"]),
        ({"legal": "evil\u202etxet"}, ["legal"]),
        ({"support": "nobody", "billing": "a <a@b.example>"}, ["support", "billing"]),
        ({"url": "javascript:alert(1)"}, ["url"]),
    ],
)
def test_what_would_break_a_mail_or_a_page_is_refused(given: dict[str, str], paths: list[str]) -> None:
    """Every problem at once, by its name."""
    with pytest.raises(Invalid) as caught:
        brand(**given)
    assert [problem.path for problem in caught.value.problems] == paths


@pytest.mark.parametrize("accent", ["red", "#fff", "#12345g", '#123456"onload="x', "#123456\n"])
def test_a_colour_that_would_break_the_html_is_refused(accent: str) -> None:
    """With the portal's address, if that is wrong too: every problem is named."""
    with pytest.raises(Invalid) as caught:
        Brand(accent=accent, support="a@b.example", billing="a@b.example", portal_url="javascript:alert(1)")
    assert [problem.path for problem in caught.value.problems] == ["accent", "portal_url"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://pay.example/i/1?x=1#y", True),
        ("http://127.0.0.1:8080/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,hi", False),
        ("//pay.example", False),
        ("https://", False),
        ("https://pay.example/a b", False),
        ("https://pay.example/\nBcc: x", False),
        ("https://[half", False),
        ("", False),
    ],
)
def test_a_mail_links_to_the_web_only(url: str, *, allowed: bool) -> None:
    """Anything else is no link."""
    assert web_address(url) == (url if allowed else "")
