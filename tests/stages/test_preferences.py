"""Preferences: a customer's choice is one write with its entry in the trail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.billing import Billing, at
from tollgate.domain.errors import Conflict, Invalid, NotFound
from tollgate.domain.preferences import Preferences
from tollgate.stages.preferences import set_recipients

NOW = at("2026-03-10")


def choose(world: Billing, *addresses: str, **changes: Any) -> Preferences:
    """Choose, as the customer does."""
    given: dict[str, Any] = {"version": 0, "by": "customer:acme", "now": NOW} | changes
    tenant = given.pop("tenant", "acme")
    rows = world.rows
    return set_recipients(tenant, addresses, contracts=rows.contracts, preferences=rows.preferences, **given)


def test_a_choice_is_kept_with_who_made_it() -> None:
    """The next one over it; the same again writes nothing."""
    world = Billing()
    first = choose(world, "jo@acme.example")
    assert (first.recipients, first.version) == (("jo@acme.example",), 1)
    assert choose(world, "jo@acme.example", version=0, now=at("2026-03-11")) == first
    assert choose(world, version=1, now=at("2026-03-12")) == Preferences(version=2) == world.rows.preferences.of("acme")
    said = [(one.by, one.subject, one.note) for one in world.rows.audit.entries("acme")]
    assert said == [("customer:acme", "usage", "jo@acme.example"), ("customer:acme", "usage", "")]


def test_a_choice_over_one_that_was_not_seen_is_refused() -> None:
    """Two people with the same link do not undo each other."""
    world = Billing()
    choose(world, "jo@acme.example")
    with pytest.raises(Conflict):
        choose(world, "li@acme.example", now=at("2026-03-11"))
    assert world.rows.preferences.of("acme").recipients == ("jo@acme.example",)


@pytest.mark.parametrize(
    ("addresses", "changes", "error"),
    [(["x"], {}, Invalid), (["a@b.example"], {"by": " "}, Invalid), (["a@b.example"], {"tenant": "no"}, NotFound)],
)
def test_what_cannot_be_chosen_is_refused(
    addresses: list[str], changes: dict[str, Any], error: type[Exception]
) -> None:  # fmt: skip
    """And nothing is written."""
    world = Billing()
    with pytest.raises(error):
        choose(world, *addresses, **changes)
    assert world.memory.preferences == {}
