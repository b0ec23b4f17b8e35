"""Meta's volume tiers: told at any time, they price the messages in them, those that are counted already among them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from tests.domain.examples import CARD, D
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.test_meter_laws import counts_equal_the_ledger
from tests.stages.traffic import ACME, BETA, INDIAN, NOON, World, meta, status, world
from tollgate.domain.errors import Conflict, Invalid
from tollgate.stages.ports.receipts import Receipt

UTILITY = "regular/utility"
STEPS = [(0, D("0.0034")), (1_001, D("0.0030")), (5_001, D("0.0020"))]


def tiered() -> World:
    rows = world()
    rows.memory.cards["meta"] = [replace(CARD, tiers={"North America": {"utility": STEPS}})]
    return rows


def tier(tier: str = "1001:5000", *, at: datetime = NOON, month: str = "2026-03", name: str = "t") -> Receipt:
    told = {
        "tier_update_time": int(at.timestamp()),
        "pricing_category": "UTILITY",
        "tier": tier,
        "effective_month": month,
        "region": "North America",
    }
    value = {"event": "VOLUME_BASED_PRICING_TIER_UPDATE", "volume_tier_info": told}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACME, "changes": [{"field": "account_update", "value": value}]}],
    }
    return Receipt(id=name, provider="meta", body=json.dumps(body).encode(), received_at=NOON + timedelta(days=1))


BEFORE, AFTER = NOON - timedelta(minutes=1), NOON + timedelta(minutes=1)
MESSAGES = [
    meta(status("delivered", UTILITY, message="before", at=BEFORE)),
    meta(status("delivered", UTILITY, message="after", at=AFTER)),
    meta(status("delivered", "regular/marketing", message="other", at=AFTER)),
    meta(status("delivered", UTILITY, message="india", at=AFTER, to=INDIAN)),
]


def fees(rows: World) -> dict[str, str]:
    return {
        key.message: str(record.usage.amount)
        for (_, key), record in sorted(rows.memory.records.items())
        if record.usage
    }


def test_a_tier_prices_what_is_in_it_whenever_it_is_told() -> None:
    """Before its messages, after them, between them, or with them: forward from its moment, and nothing else."""
    for order in permutations([tier(), *MESSAGES[:3]]):
        rows = tiered()
        for receipt in (*order, MESSAGES[3]):
            assert rows.meter(receipt) == set()
        assert fees(rows) == {"after": "0.0030", "before": "0.0034", "india": "0.0014", "other": "0.0250"}
        assert counts_equal_the_ledger(rows)


def test_a_tier_that_cannot_take_effect_takes_nothing_else_down() -> None:
    """Its tenant's contract cannot be read: it comes back by itself, and takes effect then."""
    rows, own = tiered(), meta(status("delivered", UTILITY, message="b"), waba=BETA)
    rows.meter(*MESSAGES)
    unreadable = Faults(at=2, error=Invalid("contract", []), only="versions")  # after those of beta
    assert rows.meter(own, tier(), faults=unreadable) == {"t"}
    assert fees(rows)["after"] == "0.0034"
    assert rows.meter(tier()) == set()
    assert fees(rows)["after"] == "0.0030"


def test_of_a_tier_that_is_told_twice_the_smaller_time_counts() -> None:
    """In either order; told once more it changes nothing."""
    for order in permutations([tier(at=AFTER), tier(at=BEFORE)]):
        rows = tiered()
        rows.meter(*MESSAGES)
        for receipt in order:
            rows.meter(receipt)
        assert (fees(rows)["before"], fees(rows)["after"]) == ("0.0030", "0.0030")
        commits = rows.memory.commits
        rows.meter(*order)
        assert rows.memory.commits == commits


def test_another_month_starts_at_the_list_price() -> None:
    """A tier of February says nothing of March, and the next tier takes over from the one before."""
    rows = tiered()
    rows.meter(*MESSAGES, tier(month="2026-02", at=NOON - timedelta(days=20)))
    assert fees(rows)["after"] == "0.0034"
    rows.meter(tier("1001:5000", at=BEFORE), tier("5001:", at=AFTER))
    assert (fees(rows)["before"], fees(rows)["after"]) == ("0.0030", "0.0020")


def test_a_crash_or_a_conflict_anywhere_is_healed_when_the_receipt_comes_back() -> None:
    """The tier is stored and its messages are priced, however often it takes."""
    whole = tiered()
    whole.meter(*MESSAGES, tier())
    calls = Faults()
    used = tiered()
    used.meter(*MESSAGES)
    used.meter(tier(), faults=calls)
    for faults in every_fault(len(calls.calls)):
        rows = tiered()
        rows.meter(*MESSAGES)
        with pytest.raises(Crash):
            rows.meter(tier(), faults=faults)
        assert rows.meter(tier()) == set()
        assert rows.snapshot() == whole.snapshot()
    rows = tiered()
    rows.meter(*MESSAGES)
    late = Faults(only="commit", error=Conflict("moved"), always=True)
    assert rows.meter(tier(), faults=late) == {"t"}


def test_a_tier_of_an_account_that_nobody_has_is_remembered() -> None:
    """Its messages wait in quarantine, and have its price once they are counted."""
    rows = tiered()
    del rows.memory.assignments["meta", ACME]
    assert rows.meter(tier()) == set()
    assert [known.count for known in rows.memory.tiers.values()] == [1_001]
    assert next(iter(rows.memory.tiers.values())).at == NOON.astimezone(UTC)
