"""What a corrected card makes of a record that is counted already."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta

import pytest

from tests.domain.examples import BOOK, CARD, MARKETS, NOON, D, contract, senders, sms, whatsapp
from tests.domain.tiny_meter import TinyMeter
from tollgate.domain.facts import Fact
from tollgate.domain.metering import Senders
from tollgate.domain.rates import PriceBook, TierReached
from tollgate.domain.records import Record
from tollgate.domain.repricing import corrected, in_tier, may_be_in, may_come_from, price_again, with_card

DAY = date(2026, 3, 10)
DEARER = replace(CARD, version=0, rates={**CARD.rates, "North America": {"marketing": D("0.0300")}})
DELIVERED = whatsapp("delivered", "regular/marketing")
TEXTS = replace(CARD, card="aws-sms", rates={"North America": {"sms": D("0.0100")}})


def counted(*facts: Fact, book: PriceBook = BOOK) -> Record:
    meter = TinyMeter(versions=[contract()], book=book)
    meter.receive(*facts)
    (record,) = meter.records.values()
    return record


def again(
    record: Record, *, card: str = "meta", since: date = DAY, book: PriceBook | None = None, held: Senders | None = None
) -> Record:
    return price_again(
        record,
        again=corrected(card, since),
        versions=[contract()],
        senders=senders() if held is None else held,
        book=book or with_card(BOOK, DEARER),
    )


def test_a_corrected_card_changes_the_fee_and_nothing_else() -> None:
    """The day, the term and the category stay; the new version is named."""
    record = counted(DELIVERED)
    changed = again(record)
    assert record.usage is not None
    assert changed.usage is not None
    fee = changed.usage.fees["meta"]
    assert (fee.amount, fee.card) == (D("0.0300"), "meta/2026-01-01/2")
    assert replace(changed.usage, fees=record.usage.fees) == record.usage


@pytest.mark.parametrize(
    ("record", "card", "since", "book"),
    [
        (counted(DELIVERED), "meta", DAY + timedelta(days=1), None),  # before that day
        (counted(DELIVERED), "other", DAY, None),
        (counted(DELIVERED), "meta", DAY, BOOK),  # the same prices
        (counted(DELIVERED), "meta", DAY, with_card(BOOK, replace(CARD, version=0))),  # under another version
        (counted(DELIVERED), "meta", DAY, PriceBook()),  # no price any more: what was charged stays
        (counted(whatsapp("sent")), "meta", DAY, None),  # not billable
        (counted(whatsapp("delivered", "free_entry_point/service")), "meta", DAY, None),
        (counted(sms("TEXT_SENT", "0.01")), "aws-sms", DAY, with_card(BOOK, TEXTS)),  # reported
    ],
)
def test_a_record_whose_fees_stay_is_the_same_record(
    record: Record, card: str, since: date, book: PriceBook | None
) -> None:
    """So that doing it again writes nothing."""
    assert again(record, card=card, since=since, book=book) is record


def test_an_account_that_nobody_holds_any_more_keeps_its_fees() -> None:
    """Without a sender there is no card to ask."""
    record = counted(DELIVERED)
    assert again(record, held={}) is record


def test_a_message_that_had_cost_nothing_gets_the_price_of_a_card_loaded_later() -> None:
    """A provider that reports costs had reported none."""
    record = counted(sms("TEXT_SENT"))
    assert record.usage is not None
    assert may_come_from(record.usage, "aws-sms")
    book = with_card(replace(BOOK, markets={"aws-sms": [MARKETS]}), TEXTS)
    changed = again(record, card="aws-sms", book=book).usage
    assert changed is not None
    assert (changed.amount, changed.market, changed.fees["message"].source) == (D("0.0100"), "North America", "card")


def test_only_fees_that_a_card_gave_may_come_from_it() -> None:
    """Not those of another card, and not reported ones."""
    usage, reported = counted(DELIVERED).usage, counted(sms("TEXT_SENT", "0.01")).usage
    assert usage is not None
    assert reported is not None
    assert may_come_from(usage, "meta")
    assert not may_come_from(usage, "met")
    assert not may_come_from(reported, "aws-sms")


def test_a_tier_concerns_metas_listed_fees_of_its_market_and_category() -> None:
    """And of those only what is at or after its moment, in its month, of its account."""
    tier = TierReached(
        account=DELIVERED.account,
        month=date(2026, 3, 1),
        market="North America",
        category="utility",
        count=1_001,
        at=NOON,
    )
    tiers = {"North America": {"utility": [(0, D("0.0034")), (1_001, D("0.0030"))]}}
    book = replace(BOOK, cards={"meta": [replace(CARD, tiers=tiers)]}, tiers=[tier])
    record = counted(whatsapp("delivered", "regular/utility"))
    assert record.usage is not None
    assert may_be_in(record.usage, tier)
    assert not may_be_in(record.usage, replace(tier, market="India"))
    for other in (
        replace(tier, account="another"),
        replace(tier, month=date(2026, 2, 1)),
        replace(tier, at=NOON + timedelta(seconds=1)),
    ):
        assert not _priced(record, other, book)
    assert _priced(record, tier, book)


def _priced(record: Record, tier: TierReached, book: PriceBook) -> bool:
    after = price_again(record, again=in_tier(tier), versions=[contract()], senders=senders(), book=book)
    return after != record
