"""Charts: numbers become lengths, and text stays text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.console.charts import BASE, HEAD, HEIGHT, LETTER, WIDTH, Bar, Mark, bars, meter

SVG = "svg"
amounts = st.decimals(0, 10_000_000, places=4)


def heights(drawn: str) -> list[Decimal]:
    """The heights of the bars."""
    return [Decimal(rect.attrib["height"]) for rect in ET.fromstring(drawn).iter("rect")]


def test_the_tallest_bar_fills_the_room_and_the_others_their_share() -> None:
    """Half the value is half the height; nothing is nothing."""
    drawn = bars([Bar("1", Decimal(10), "a"), Bar("2", Decimal(5), "b"), Bar("3", Decimal(0), "c")], name="days")
    room = HEIGHT - BASE - HEAD
    assert heights(drawn) == [room, Decimal(room) / 2, 0]


@given(st.lists(amounts, max_size=40))
def test_every_bar_stays_inside_the_picture(values: list[Decimal]) -> None:
    """Whatever the numbers: no bar is taller or further right than the picture, and none is negative."""
    drawn = ET.fromstring(bars([Bar("", value, str(value)) for value in values], name="days"))
    for rect in drawn.iter("rect"):
        x, y, width, height = (Decimal(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= height <= HEIGHT - BASE - HEAD + 1
        assert 0 <= x <= x + width <= WIDTH
        assert 0 <= y <= HEIGHT - BASE


@given(st.decimals(0, 20, places=4))
def test_a_meter_draws_its_share(share: Decimal) -> None:
    """The used part is the share of the whole; beyond the whole both shrink together and the colour changes."""
    whole, used = ET.fromstring(meter(share, name="sms", marks=[Mark(Decimal("0.75"), "75 %")])).iter("rect")
    assert abs(Decimal(used.attrib["width"]) - share * Decimal(whole.attrib["width"])) <= Decimal("0.2")
    assert Decimal(used.attrib["width"]) <= WIDTH
    assert ("over" in used.attrib["class"]) == (share >= 1)


@given(st.decimals(0, 2000, places=2))
def test_labels_of_a_meter_never_touch(share: Decimal) -> None:
    """However far beyond its allowance: each label is inside the picture and clear of the next, the last is there."""
    marks = [Mark(Decimal("0.75"), "75 %"), Mark(Decimal(1), "100 %")]
    drawn = ET.fromstring(meter(share, name="sms", marks=marks))
    labels = {str(text.text): Decimal(text.attrib["x"]) for text in drawn.iter("text")}
    assert "100 %" in labels
    starts = {label: end - LETTER * len(label) for label, end in labels.items()}
    assert all(start >= 0 for start in starts.values())
    assert "75 %" not in labels or labels["75 %"] <= starts["100 %"]


@pytest.mark.parametrize("text", ["<script>", '"><x', "a & b", "{}"])
def test_names_and_labels_are_escaped(text: str) -> None:
    """A tenant's name cannot become markup, wherever it stands."""
    drawn = bars([Bar(text, Decimal(1), text)], name=text, scale=text)
    shown = meter(Decimal(1), name=text, marks=[Mark(Decimal(1), text)])
    for picture in (drawn, shown):
        tree = ET.fromstring(picture)
        assert tree.attrib["aria-label"] == text
        assert text in [element.text for element in tree.iter()]
        assert not re.search("<script|<x", picture)


def test_an_empty_chart_is_a_chart() -> None:
    """A tenant without usage has a page too."""
    assert ET.fromstring(bars([], name="no usage")).attrib["aria-label"] == "no usage"


def test_a_chart_has_no_style_attribute() -> None:
    """The policy of the pages would not let it through."""
    assert "style=" not in bars([Bar("1", Decimal(1), "a", mark=True)], name="x") + meter(Decimal(2), name="x")
