"""WhatsApp through a reseller, from its receipts to the totals: two fees from two cards, one message."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

from tests.domain.examples import CARD, MARKETS, NOON, D
from tests.stages.test_meter_laws import counts_equal_the_ledger
from tests.stages.traffic import World, small, status, world
from tollgate.domain.rates import ANY_MARKET
from tollgate.stages.ports.receipts import Receipt

WABA = "517203849911273"


def resold() -> World:
    """Acme's account at AWS End User Messaging Social, with both cards."""
    rows = world()
    rows.apply(small("delta", "unused", senders=[{"provider": "aws-social", "account": WABA}]))
    platform = replace(CARD, card="aws-social-platform", rates={ANY_MARKET: {"message": D("0.005")}})
    rows.memory.cards |= {"aws-social": [replace(CARD, card="aws-social")], "aws-social-platform": [platform]}
    rows.memory.maps["aws-social"] = [MARKETS]
    return rows


def social(name: str, pricing: str = "") -> Receipt:
    value = {"metadata": {"phone_number_id": "1"}, "statuses": [status(name, pricing)]}
    entry = json.dumps({"id": WABA, "changes": [{"field": "messages", "value": value}]})
    return Receipt(
        id=name, provider="aws-social", body=json.dumps({"whatsAppWebhookEntry": entry}).encode(), received_at=NOON
    )


def test_both_fees_of_a_resold_message_are_counted_in_any_order() -> None:
    """AWS's on send, Meta's on delivery."""
    for order in permutations([social("sent"), social("delivered", "regular/marketing"), social("read")]):
        rows = resold()
        for receipt in order:
            assert rows.meter(receipt) == set()
        assert rows.used("whatsapp", "delta") == (1, 1, D("0.0300"))
        assert counts_equal_the_ledger(rows)
        assert rows.quarantined() == []


def test_a_fee_without_a_card_waits_while_the_other_counts() -> None:
    """One row of quarantine, which goes when the card is loaded and it is driven again."""
    rows = resold()
    card = rows.memory.cards.pop("aws-social-platform")
    rows.meter(social("sent"), social("delivered", "regular/marketing"))
    assert rows.used("whatsapp", "delta") == (1, 1, D("0.0250"))
    assert [reason for _, _, reason in rows.quarantined()] == ["no-rate"]
    rows.memory.cards["aws-social-platform"] = card
    assert (rows.redrive().counted, rows.quarantined()) == (1, [])
    assert rows.used("whatsapp", "delta") == (1, 1, D("0.0300"))
