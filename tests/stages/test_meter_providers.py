"""The whole way of Vonage's, Telnyx's, Infobip's and Sinch's requests: proven, queued, read, priced and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.examples import MARKETS, fx
from tests.fakes.outside import MemoryQueue
from tests.providers.samples import NOW, SIGNED, sample
from tests.providers.tokens import VONAGE_KEY, basic, sinch_headers, telnyx_headers, vonage_token
from tests.stages.traffic import World, small
from tollgate.domain.rates import RateCard
from tollgate.providers.provider import Request
from tollgate.providers.registry import webhook
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.receive import ReceivePorts, receive
from tollgate.stages.redrive import Redriven

D = Decimal
TENANT = "tnt_01JD3Y7R4Q"
SENDERS = [
    {"provider": "vonage", "account": VONAGE_KEY},
    {"provider": "telnyx", "account": "4000eba1-a0c0-4563-9925-b25e842a7cb6"},
    {"provider": "infobip", "account": TENANT},
    {"provider": "sinch", "account": TENANT, "card": "own"},
]
OWN_CARD = RateCard(
    card="own",
    effective_from=date(2026, 1, 1),
    version=1,
    currency="USD",
    rates={"Other": {"sms": D("0.03"), "whatsapp": D("0.05")}},
)


def proof(name: str, body: bytes) -> Mapping[str, str]:
    """The headers of a genuine request."""
    if name == "vonage":
        return {"Authorization": vonage_token(body, at=NOW)}
    if name == "infobip":
        return {"Authorization": basic("infobip", SIGNED["infobip"].secrets["password"])}
    return telnyx_headers(body, at=NOW) if name == "telnyx" else sinch_headers(body, at=NOW)


def received(name: str, files: Sequence[str], query: str = "") -> list[Receipt]:
    """The receipts that some of a provider's samples become, each sent with its proof."""
    queue, counts = MemoryQueue(), Counter[str]()
    ports = ReceivePorts(queue=queue, count=lambda metric, value: counts.update({metric: value}))
    for number, file in enumerate(files):
        body = sample(name, file)
        request = Request(
            method="POST",
            path=f"/webhooks/{name}",
            query=query,
            headers=proof(name, body),
            body=body,
            received_at=NOW,
        )
        answer = receive(
            request, provider=webhook(name), secrets=SIGNED[name].secrets, identity=f"{name}-{number}", ports=ports
        )
        assert answer.status == 200, answer
    assert not counts
    return queue.receipts


@pytest.fixture
def world() -> World:
    """One tenant with an account at each, the ECB's rates of the Friday before the samples' Saturday."""
    made = World()
    made.memory.fx = {fx("2026-11-20", USD="1.25").day: fx("2026-11-20", USD="1.25")}
    allowances: Any = {
        meter: {"measure": "messages", "included": 1000, "warn_at": [75], "beyond": "suspend"}
        for meter in ("sms", "whatsapp")
    }
    made.apply(small(TENANT, "unused", senders=SENDERS, allowances=allowances))
    return made


# provider, query, samples in the order of their arrival → meter → messages, segments, fees in US dollars
TRAFFIC: list[tuple[str, str, list[str], dict[str, tuple[int, int, Decimal]]]] = [
    ("vonage", "", ["sms_submitted.json", "sms_delivered.json"], {"sms": (1, 2, D("0.08325"))}),
    ("vonage", "", ["sms_delivered.json", "sms_submitted.json", "sms_delivered.json"], {"sms": (1, 2, D("0.08325"))}),
    ("vonage", "", ["sms_delivered.json"], {"sms": (0, 0, D(0))}),
    ("vonage", "", ["sms_rejected.json", "inbound_message.json"], {"sms": (0, 0, D(0))}),
    (
        "vonage",
        "",
        ["whatsapp_read.json", "whatsapp_submitted.json", "whatsapp_delivered.json"],
        {"whatsapp": (1, 1, D("0.089125")), "sms": (0, 0, D(0))},
    ),
    ("vonage", "", ["whatsapp_submitted.json"], {"whatsapp": (0, 0, D(0))}),
    ("telnyx", "", ["message_sent.json"], {"sms": (0, 0, D(0))}),
    ("telnyx", "", ["message_finalized.json", "message_sent.json"], {"sms": (1, 2, D("0.0102"))}),
    ("telnyx", "", ["message_failed.json"], {"sms": (0, 0, D(0))}),
    ("telnyx", "", ["message_finalized_group.json"], {"mms": (1, 1, D("0.0400"))}),
    ("infobip", "", ["sms_delivery_reports.json"] * 2, {"sms": (2, 3, D("0.0375"))}),
    ("infobip", "channel=whatsapp", ["whatsapp_delivery_report.json"], {"whatsapp": (1, 1, D("0.050625"))}),
]


@pytest.mark.parametrize(("name", "query", "files", "expected"), TRAFFIC)
def test_requests_count_by_their_providers_rule(
    world: World, name: str, query: str, files: list[str], expected: dict[str, tuple[int, int, Decimal]]
) -> None:
    """Once a message, on its billable status, at the price that was reported, in the contract's currency."""
    assert world.meter(*received(name, files, query)) == set()
    for meter, totals in expected.items():
        assert world.used(meter, TENANT) == totals
    assert world.quarantined() == []


SINCH = ["sms_full_report.json", "sms_recipient_report.json", "conversation_delivered.json"]


def test_what_sinch_reports_is_priced_by_a_card_for_each_recipient_and_part(world: World) -> None:
    """Two recipients, of whom one is known to have got two parts; and a delivery on WhatsApp."""
    world.memory.cards, world.memory.maps = {"own": [OWN_CARD]}, {"own": [replace(MARKETS, default="Other")]}
    assert world.meter(*received("sinch", SINCH)) == set()
    assert world.used("sms", TENANT) == (2, 3, D("0.09"))
    assert world.used("whatsapp", TENANT) == (1, 1, D("0.05"))


def test_without_a_card_sinchs_messages_wait_and_cost_nothing_never(world: World) -> None:
    """They are quarantined, and counted on their own day once a card is loaded."""
    assert world.meter(*received("sinch", SINCH)) == set()
    assert world.used("sms", TENANT) == (0, 0, D(0))
    assert {reason for _, _, reason in world.quarantined()} == {"no-rate"}
    world.memory.cards, world.memory.maps = {"own": [OWN_CARD]}, {"own": [replace(MARKETS, default="Other")]}
    assert world.redrive("no-rate") == Redriven(3, 0)
    assert world.used("sms", TENANT) == (2, 3, D("0.09"))
    assert world.used("whatsapp", TENANT) == (1, 1, D("0.05"))
    assert world.quarantined() == []


def test_a_fallback_counts_on_the_channel_that_delivered(world: World) -> None:
    """And not on the one it left."""
    world.memory.cards, world.memory.maps = {"own": [OWN_CARD]}, {"own": [replace(MARKETS, default="Other")]}
    world.meter(*received("sinch", ["conversation_delivered_by_fallback.json", "conversation_switching_channel.json"]))
    assert (world.used("sms", TENANT)[0], world.used("whatsapp", TENANT)[0]) == (1, 0)


def test_a_broken_report_of_a_batch_sends_the_receipt_back_and_counts_the_rest(world: World) -> None:
    """The neighbours are counted at once, and not again when the receipt comes back."""
    [receipt] = received("infobip", ["sms_delivery_reports.json"])
    broken = replace(receipt, body=receipt.body.replace(b'"2026-11-21T10:00:03.230+0000"', b'"soon"', 1))
    assert world.meter(broken) == {broken.id}
    assert world.meter(broken) == {broken.id}
    assert world.used("sms", TENANT) == (1, 1, D("0.0125"))
    assert world.meter(receipt) == set()
    assert world.used("sms", TENANT) == (2, 3, D("0.0375"))


def test_a_price_in_a_currency_without_a_rate_is_quarantined(world: World) -> None:
    """Vonage's euros need the day's rate."""
    world.memory.fx = {}
    world.meter(*received("vonage", ["sms_submitted.json"]))
    assert [(status, reason) for _, status, reason in world.quarantined()] == [("submitted", "no-fx")]
