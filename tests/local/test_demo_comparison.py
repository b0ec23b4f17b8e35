"""The demo's year must come out even: whatever a comparison finds or leaves out fails it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.demo import story
from local.demo.agreements import TENANTS
from local.demo.compare import compare, uneven
from local.demo.place import Place
from local.steps import StepError

START = date(2026, 12, 1)
EVEN: dict[str, Any] = {"compared": list(TENANTS), "differs": {}, "failed": [], "unread": []}


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ({}, {}),
        ({"differs": {"day-differs": []}}, {}),
        ({"compared": [*TENANTS, "another"]}, {}),
        ({"differs": {"day-differs": ["northwind: SMS"]}}, {"day-differs": ["northwind: SMS"]}),
        ({"differs": {"not-compared": ["northwind: why"]}}, {"not-compared": ["northwind: why"]}),
        ({"failed": ["northwind: Stripe"]}, {"failed": ["northwind: Stripe"]}),
        ({"unread": ["northwind"]}, {"unread": ["northwind"]}),
        ({"compared": list(TENANTS)[1:]}, {"not compared": [next(iter(TENANTS))]}),
    ],
)
def test_what_is_uneven_is_named(found: dict[str, Any], wrong: dict[str, Any]) -> None:
    """Also what could not be compared: nothing of the demo may be."""
    assert uneven({**EVEN, **found}) == wrong


class Compared(Place):
    """A place whose comparisons come out as told, and which keeps the nights that were asked for."""

    def __init__(self, reports: list[dict[str, Any]]) -> None:
        super().__init__(Path("endpoints.json"), {})
        self.reports, self.nights = reports, list[str]()

    def command(self, *words: str | Path) -> Any:
        if words[0] == "run":
            self.nights.append(str(words[words.index("--at") + 1]))
            return self.reports[len(self.nights) - 1]
        return [{"stripe_invoice": "in_1"}, {"stripe_invoice": None}]


def test_each_month_of_the_year_is_compared_once() -> None:
    """On the day after it; and the sentence says what was."""
    place = Compared([EVEN] * story.MONTHS)
    said = compare(place, start=START)
    assert (place.nights[0], place.nights[-1]) == ("2027-01-01T12:00:00Z", "2027-12-01T12:00:00Z")
    assert len(set(place.nights)) == story.MONTHS
    assert f"{len(TENANTS)} tenants, and 1 of their invoices with Stripe. Nothing differs." in said


def test_the_first_month_that_does_not_come_out_even_ends_it() -> None:
    """By name, so that nobody reads a table of a year that is wrong."""
    bad = {**EVEN, "differs": {"day-differs": ["northwind: SMS on 2027-01-04"]}}
    place = Compared([EVEN, bad, *[EVEN] * story.MONTHS])
    with pytest.raises(StepError, match="northwind: SMS on 2027-01-04"):
        compare(place, start=START)
    assert len(place.nights) == 2
