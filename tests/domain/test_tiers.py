"""Meta's volume tiers: how a card's file says them, and which price a message has."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.domain.examples import AMERICAN, BOOK, CARD, NOON, D, whatsapp
from tollgate.domain.errors import Invalid
from tollgate.domain.facts import Fact
from tollgate.domain.pricing import rate
from tollgate.domain.rate_files import parse_card
from tollgate.domain.rates import TierReached
from tollgate.domain.records import Fee, charge, merge, new_record

DAY = date(2026, 3, 10)
STEPS = [(0, D("0.0034")), (1_001, D("0.0030")), (5_001, D("0.0020"))]
TIERED = replace(CARD, tiers={"North America": {"utility": STEPS}})
FILE: dict[str, Any] = {"currency": "USD", "rates": {"India": {"utility": "0.0014", "marketing": "0.0118"}}}


def reached(count: int, at: datetime = NOON, **changes: Any) -> TierReached:
    tier = TierReached(
        account="102290129340398",
        month=date(2026, 3, 1),
        market="North America",
        category="utility",
        count=count,
        at=at,
    )
    return replace(tier, **changes)


def price(*tiers: TierReached, fact: Fact | None = None) -> str:
    fact = fact or whatsapp("delivered", "regular/utility", recipient=AMERICAN)
    due = charge(merge(new_record(fact), fact))
    assert due is not None
    book = replace(BOOK, cards={"meta": [TIERED]}, tiers=tiers)
    (part,) = due.components
    fee = rate(part, due, day=DAY, card="meta", currency="USD", book=book)
    assert isinstance(fee, Fee)
    return str(fee.amount)


LATER, EARLIER = NOON + timedelta(seconds=1), NOON - timedelta(days=3)


@pytest.mark.parametrize(
    ("tiers", "amount"),
    [
        ([], "0.0034"),
        ([reached(1_001)], "0.0030"),  # from its moment on
        ([reached(1_001, LATER)], "0.0034"),
        ([reached(1_001, EARLIER), reached(5_001, LATER)], "0.0030"),
        ([reached(5_001), reached(1_001, EARLIER)], "0.0020"),  # the highest that is reached, in whatever order told
        ([reached(1)], "0.0034"),
        ([reached(9_999_999)], "0.0020"),  # further than the card goes
        ([reached(1_001, month=date(2026, 2, 1))], "0.0034"),  # counted anew every month
        ([reached(1_001, market="India")], "0.0034"),
        ([reached(1_001, category="authentication")], "0.0034"),
        ([reached(1_001, account="another")], "0.0034"),
    ],
)
def test_a_message_has_the_price_of_the_tier_that_was_reached_at_its_moment(
    tiers: list[TierReached], amount: str
) -> None:
    """Of its own account, month, market and category alone."""
    assert price(*tiers) == amount


@pytest.mark.parametrize("category", ["marketing", "group_utility", "service"])
def test_other_categories_have_no_tiers(category: str) -> None:
    """A group's utility message costs what the list says, however many there were."""
    fact = whatsapp("delivered", f"regular/{category}")
    assert price(reached(5_001), fact=fact) == price(fact=fact)


def test_a_file_says_tiers_beside_its_list_prices() -> None:
    """By market and category, the first at the list price; a file without any has none."""
    steps = [[0, "0.0014"], [25_000_001, "0.0012"]]
    card = parse_card(FILE | {"tiers": {"India": {"utility": steps}}}, card="meta", effective_from=DAY)
    assert card.tiers == {"India": {"utility": [(0, D("0.0014")), (25_000_001, D("0.0012"))]}}
    assert [card.rate("India", "utility", count=n) for n in (0, 25_000_000, 25_000_001)] == [
        D("0.0014"),
        D("0.0014"),
        D("0.0012"),
    ]
    assert parse_card(FILE, card="meta", effective_from=DAY).tiers == {}


@pytest.mark.parametrize(
    ("tiers", "path"),
    [
        ({"India": {"utility": [[0, "0.0015"]]}}, "tiers.India.utility.0"),
        ({"India": {"utility": [[5, "0.0014"]]}}, "tiers.India.utility.0"),
        ({"India": {"utility": [[0, "0.0014"], [0, "0.0012"]]}}, "tiers.India.utility.1"),
        ({"India": {"utility": [[0, "0.0014"], ["many", "0.0012"]]}}, "tiers.India.utility.1"),
        ({"India": {"utility": [[0, "0.0014"], [9]]}}, "tiers.India.utility.1"),
        ({"India": {"utility": [[0, "0.0014"], [9, "free"]]}}, "tiers.India.utility.1"),
        ({"India": {"utility": "0.0014"}}, "tiers.India.utility.0"),
        ({"India": {"marketing": [[0, "0.0118"]]}}, "tiers.India.marketing"),
        ({"Mars": {"utility": [[0, "0.0014"]]}}, "tiers.Mars.utility.0"),
        ({"India": {}}, "tiers.India"),
        ([], "tiers"),
    ],
)
def test_an_impossible_tier_is_named_by_its_path(tiers: object, path: str) -> None:
    """Counts ascend from the first message, the first price is the list's, and only two categories have tiers."""
    with pytest.raises(Invalid) as refused:
        parse_card(FILE | {"tiers": tiers}, card="meta", effective_from=DAY)
    assert [problem.path for problem in refused.value.problems] == [path]
