"""Loading rates: what a file is, what it changes, and a dry run that says the same and stores nothing."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.examples import CARD, MARKETS, D
from tests.fakes.rows import Memory, memory_rows
from tollgate.domain.errors import Invalid
from tollgate.stages.rates import Loaded, load, load_fx

APRIL = date(2026, 4, 1)
FILE: dict[str, Any] = {
    "currency": "USD",
    "rates": {
        "North America": {"marketing": "0.0260", "utility": "0.0034", "authentication-international": "0.0280"},
        "India": {"marketing": "0.0118", "utility": "0.0014"},
    },
}
MAP: dict[str, Any] = {
    "by_calling_code": {"1": "North America", "91": "India", "7": "Russia"},
    "by_iso": {"US": "North America"},
    "default": "Other",
}


def stored() -> Memory:
    memory = Memory()
    memory.cards, memory.maps = {"meta": [CARD]}, {"meta": [MARKETS]}
    return memory


def loaded(memory: Memory, document: object, *, since: date = APRIL, dry_run: bool = False) -> Loaded:
    return load(document, card="meta", effective_from=since, rates=memory_rows(memory).rates, dry_run=dry_run)


CHANGES = (
    "authentication_international/India: 0.0280 -> none",
    "authentication_international/North America: none -> 0.0280",
    "marketing/North America: 0.0250 -> 0.0260",
    "service/North America: 0.0034 -> none",
)


def test_a_card_says_what_it_changes_against_the_card_it_follows() -> None:
    """One line for each price that differs, none for those that do not."""
    memory = stored()
    answer = loaded(memory, FILE)
    assert (answer.kind, answer.reference) == ("rate card", "meta/2026-04-01/1")
    others = {f"{category}/Other: {price} -> none" for category, price in CARD.rates["Other"].items()}
    assert sorted(answer.changes) == sorted({*CHANGES, *others})
    assert [(card.effective_from, card.version) for card in memory.cards["meta"]] == [(date(2026, 1, 1), 1), (APRIL, 1)]
    assert memory.cards["meta"][1].rate("North America", "marketing") == D("0.0260")


@pytest.mark.parametrize("document", [FILE, MAP])
def test_a_dry_run_says_the_same_and_stores_nothing(document: dict[str, Any]) -> None:
    """What it would change is what the load then changes."""
    memory = stored()
    before = deepcopy(memory)
    dry = loaded(memory, document, dry_run=True)
    assert memory == before
    assert dry.changes
    wet = loaded(memory, document)
    assert (dry.kind, dry.changes) == (wet.kind, wet.changes)


def test_a_card_loaded_again_for_its_date_replaces_it_by_a_new_version() -> None:
    """The old version is kept, the new one holds; the third loading changes nothing more."""
    memory = stored()
    loaded(memory, FILE)
    dearer = deepcopy(FILE)
    dearer["rates"]["India"]["marketing"] = "0.0200"
    assert loaded(memory, dearer).changes == ("marketing/India: 0.0118 -> 0.0200",)
    again = loaded(memory, dearer)
    assert (again.reference, again.changes) == ("meta/2026-04-01/3", ())
    held = memory_rows(memory).rates.book({"meta"}, fx=False).card("meta", APRIL)
    assert held is not None
    assert held.rate("India", "marketing") == D("0.0200")


def test_the_first_card_is_all_new() -> None:
    """Nothing went before it."""
    assert loaded(Memory(), FILE).changes[0] == "marketing/India: none -> 0.0118"


def test_a_card_is_compared_with_the_one_before_its_own_day() -> None:
    """A later card is no predecessor."""
    memory = stored()
    loaded(memory, FILE)
    assert loaded(memory, FILE, since=date(2026, 3, 1)).changes == loaded(stored(), FILE).changes


def test_a_map_is_told_by_its_shape() -> None:
    """A market map of the same card, versioned likewise."""
    memory = stored()
    answer = loaded(memory, MAP)
    assert (answer.kind, answer.reference) == ("market map", "meta/2026-04-01/1")
    assert answer.changes == ("+1787: Other -> none", "+7: none -> Russia")
    assert memory.maps["meta"][1].by_prefix["7"] == "Russia"


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        {"currency": "USD", "rates": {"India": {"marketing": 0.1}}},  # a float has lost digits
        {"currency": "USD", "rates": {"India": {"marketing": "-1"}}},
        {"currency": "USD", "rates": {"India": {"marketing": "much"}}},
        {"currency": "USD", "rates": {"India": {"utility": "1", "authentication-x": "1", "authentication_x": "1"}}},
        {"currency": "dollar", "rates": {"India": {"marketing": "1"}}},
        {**MAP, "by_calling_code": {"99999": "Somewhere"}},
        {**MAP, "default": ""},
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_that_is_wrong_anywhere_is_refused_whole(document: object, dry_run: bool) -> None:
    """Nothing is stored of it, whether it is tried or meant."""
    memory = stored()
    before = deepcopy(memory)
    with pytest.raises(Invalid):
        loaded(memory, document, dry_run=dry_run)
    assert memory == before


def test_exchange_rates_are_loaded_by_day() -> None:
    """Loading a day again replaces it; a bad row refuses the file."""
    memory = Memory()
    rates = memory_rows(memory).rates
    assert load_fx("Date,USD,GBP\n2026-03-10,1.25,0.80\n2026-03-09,1.20,N/A\n", rates=rates) == 2
    assert memory.fx[date(2026, 3, 9)].per_euro == {"USD": Decimal("1.20")}
    assert load_fx("Date,USD\n2026-03-09,1.21\n", rates=rates) == 1
    assert memory.fx[date(2026, 3, 9)].per_euro == {"USD": Decimal("1.21")}
    with pytest.raises(Invalid, match="row 2"):
        load_fx("Date,USD\n2026-03-08,free\n", rates=rates)
    assert sorted(memory.fx) == [date(2026, 3, 9), date(2026, 3, 10)]
