"""Every registered provider's samples through the whole meter stage: what arrives in any order, any number of times and
in any batches ends in the same rows, with prices from small cards, from reports, and in several currencies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.examples import DOCUMENT, MARKETS, fx
from tests.providers.samples import NOW, sample, samples
from tests.stages.test_meter_laws import counts_equal_the_ledger, deliveries
from tests.stages.traffic import World, read
from tollgate.domain.rates import ANY_MARKET, FxDay, RateCard
from tollgate.providers.errors import Malformed
from tollgate.providers.plivo import DETAILS
from tollgate.providers.registry import PROVIDERS
from tollgate.stages.ports.receipts import Receipt

JANUARY, QUARTER = date(2026, 1, 1), date(2026, 10, 1)
CATEGORIES = (
    *("marketing", "utility", "authentication", "authentication_international", "service", "referral_conversion"),
    *("message", "sms", "mms", "rcs", "voice", "push", "whatsapp"),
)
# What receiving adds for a provider whose request says more than its body.
HEADERS: Mapping[str, Mapping[str, str]] = {"vonage": {"account": "an-account"}, "infobip": {"channel": "sms"}}
# What polling adds for a provider that is asked.
ANSWERS: Mapping[str, tuple[str, ...]] = {"plivo": ("rest/message.json",)}


def receipts(name: str) -> list[Receipt]:
    """All samples of a provider, as they come to the meter."""

    def receipt(file: str, source: str) -> Receipt:
        return Receipt(
            id=f"{name}/{file}",
            provider=name,
            body=sample(name, file),
            received_at=NOW,
            headers=dict(HEADERS.get(name, {})),
            source=source,
        )

    told = [receipt(file, f"/webhooks/{name}") for file in samples(name)]
    return told + [receipt(file, DETAILS) for file in ANSWERS.get(name, ())]


def card(name: str, price: str, *, currency: str = "USD", charged_in: str = "", fx_source: str = "") -> RateCard:
    rates = {ANY_MARKET: dict.fromkeys(CATEGORIES, Decimal(price))}
    return RateCard(name, JANUARY, 1, currency, rates, charged_in, fx_source)


def world(name: str) -> World:
    """One tenant that has every account of a provider's samples, with a card for it and rates to convert by."""
    made = World()
    cards = [card(each, "0.01") for each in PROVIDERS if each != "aws-social"]
    cards += [
        card("aws-social", "1.00", currency="INR", charged_in="USD", fx_source="aws-social"),
        card("aws-social-platform", "0.005"),
    ]
    made.memory.cards = {each.card: [each] for each in cards}
    made.memory.maps = {each.card: [MARKETS] for each in cards}
    made.memory.fx = {day.day: day for day in map(usd_a_euro, ("2026-09-21", "2026-10-01", "2026-10-05", "2026-11-20"))}
    made.memory.seller_fx = {
        (QUARTER, "aws-social"): FxDay(QUARTER, "aws-social", {"INR": D1, "USD": Decimal("0.0115")})
    }
    named = {fact.account for one in receipts(name) for fact in read(one).facts} - {""}
    # A contract counts an account in one way: by what is rolled up, not by a statement of the same.
    accounts = sorted(account for account in named if not account.startswith("statement:"))
    made.apply(DOCUMENT | {"senders": [{"provider": name, "account": account} for account in accounts]})
    return made


D1 = Decimal(1)


def usd_a_euro(day: str) -> FxDay:
    return fx(day, USD="1.25")


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_delivery_of_a_providers_samples_ends_in_the_same_rows(name: str, data: st.DataObject) -> None:
    """Records, counters, lines, holds and quarantine; at every moment the counters equal the ledger."""
    every = receipts(name)
    straight, shuffled = world(name), world(name)
    assert straight.meter(*every) == set()
    for batch in data.draw(deliveries(every)):
        assert shuffled.meter(*batch) == set()
        assert counts_equal_the_ledger(shuffled)
    assert shuffled.snapshot() == straight.snapshot()


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_counts_something_and_nothing_twice(name: str) -> None:
    """Each provider's samples hold at least one message that is counted; all of them again count nothing more."""
    rows = world(name)
    rows.meter(*receipts(name))
    assert any(record.usage for record in rows.memory.records.values())
    before, commits = rows.snapshot(), rows.memory.commits
    assert rows.meter(*receipts(name)) == set()
    assert (rows.snapshot(), rows.memory.commits) == (before, commits)


@pytest.mark.parametrize("name", PROVIDERS)
def test_one_unreadable_receipt_holds_up_no_other(name: str) -> None:
    """It comes back alone, and the rows are those of the others."""
    broken = Receipt(id="broken", provider=name, body=b"\xff", received_at=NOW, source=f"/webhooks/{name}")
    with pytest.raises(Malformed):
        read(broken)
    rows, undisturbed = world(name), world(name)
    undisturbed.meter(*receipts(name))
    assert rows.meter(broken, *receipts(name)) == {"broken"}
    assert rows.snapshot() == undisturbed.snapshot()


@pytest.mark.parametrize(
    ("name", "meter", "used"),
    [
        # messages, segments, fees in dollars
        ("aws-social", "whatsapp", (1, 1, "0.0165")),  # 1 rupee of Meta's at 0.0115, and AWS's own 0.005
        ("plivo", "sms", (1, 2, "0.01100")),  # of three callbacks, the one that Plivo was asked about
        ("plivo", "whatsapp", (0, 0, "0")),
        ("bird", "sms", (1, 2, "0.0247500")),  # segments of one event, 0.01980 euro of the other; a rejection is free
        ("bird", "whatsapp", (2, 2, "0.02")),  # one accepted, one delivered to a participant; from the card
    ],
)
def test_samples_come_to_exactly_this(name: str, meter: str, used: tuple[int, int, str]) -> None:
    """Counted by hand, from what the samples say."""
    rows = world(name)
    rows.meter(*receipts(name))
    messages, segments, fees = used
    assert rows.used(meter, tenant=str(DOCUMENT["tenant"])) == (messages, segments, Decimal(fees))
