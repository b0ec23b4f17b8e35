"""The parts of a mail: pace, bar and brand."""

from decimal import Decimal

import pytest

from tollgate.domain.errors import Invalid
from tollgate.mails.brand import Brand, web_address
from tollgate.mails.content import Bar

D = Decimal


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
        ("#ffcc00", "#101418", "#ffe57f"),
        ("#000000", "#ffffff", "#7f7f7f"),
        ("#FFFFFF", "#101418", "#ffffff"),
    ],
)
def test_text_on_the_accent_can_be_read(accent: str, ink: str, on_dark: str) -> None:
    """Dark or light, whichever contrasts more; on a dark page the accent is lightened."""
    brand = Brand(accent=accent, support="a@b.example", billing="a@b.example")
    assert (brand.ink, brand.accent_on_dark) == (ink, on_dark)


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
