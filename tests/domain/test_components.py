"""Components of a fee: each at its own moment and by its own card, counted once together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import permutations

import pytest

from tests.domain.examples import CARD, MARKETS, NOBODY_KNOWN, NOON, D, contract, fx, sms, whatsapp
from tests.domain.tiny_meter import TinyMeter
from tollgate.domain.billing_moments import card_suffixes
from tollgate.domain.contract import Contract, change_problems
from tollgate.domain.errors import Invalid
from tollgate.domain.facts import Fact
from tollgate.domain.metering import Senders
from tollgate.domain.rates import ANY_MARKET, PriceBook
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import Totals

TERM = date(2026, 1, 15)
REGULAR, FREE = "regular/marketing", "free_customer_service/utility"
SOCIAL = {"provider": "aws-social", "account": "waba"}
RUPEES = replace(CARD, card="aws-social", currency="INR", rates={"North America": {"marketing": D("2.0000")}})
PLATFORM = replace(CARD, card="aws-social-platform", rates={ANY_MARKET: {"message": D("0.005")}})
BOOK = PriceBook(
    cards={"aws-social": [RUPEES], "aws-social-platform": [PLATFORM]},
    markets={"aws-social": [MARKETS]},
    fx=[fx("2026-03-10", USD="1.25", INR="100"), fx("2026-03-11", USD="1.25", INR="50")],
)
LATER = NOON + timedelta(hours=1)


def social(status: str, pricing: str = "", *, at: datetime = NOON) -> Fact:
    return replace(whatsapp(status, pricing, at=at), provider="aws-social", account="waba", number="")


def held(provider: str, account: str) -> Senders:
    since = NOON - timedelta(days=40)
    return {
        (provider, account): [Assignment(provider=provider, account=account, tenant="acme", since=since, card=provider)]
    }


def rows(*, book: PriceBook = BOOK, version: Contract | None = None) -> TinyMeter:
    return TinyMeter(versions=[version or contract()], book=book, senders=held("aws-social", "waba"))


def fees(meter: TinyMeter) -> dict[str, str]:
    """Every component of the one message with its fee."""
    (record,) = meter.records.values()
    return {name: f"{fee.amount.normalize():f}" for name, fee in record.usage.fees.items()} if record.usage else {}


def test_a_message_counts_on_send_and_is_corrected_on_delivery() -> None:
    """The platform's fee is due first; Meta's joins the same record, and the message is one all the while."""
    meter = rows()
    meter.receive(social("sent", REGULAR))
    assert (fees(meter), meter.term_totals()[TERM, "whatsapp"]) == ({"platform": "0.005"}, Totals(1, 1, D("0.005")))
    meter.receive(social("delivered", at=LATER))
    assert fees(meter) == {"meta": "0.025", "platform": "0.005"}  # two rupees at 1.25 / 100
    assert meter.term_totals()[TERM, "whatsapp"] == Totals(1, 1, D("0.030"))
    assert meter.day_totals() == meter.recounted_days()


def test_components_are_free_of_order() -> None:
    """Sent, delivered and read in any order come to the same record."""
    facts = [social("sent"), social("delivered", REGULAR, at=LATER), social("read", at=LATER + timedelta(hours=1))]
    outcomes = [rows().receive_all([[fact] for fact in order]).facts_known() for order in permutations(facts)]
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_each_component_is_priced_on_its_own_day_and_counted_on_the_first() -> None:
    """Sent on the 10th, delivered on the 11th: Meta's fee at the rate of the 11th, all of it on the 10th."""
    meter = rows()
    meter.receive(social("sent"), social("delivered", REGULAR, at=NOON + timedelta(days=1)))
    assert fees(meter) == {"meta": "0.05", "platform": "0.005"}
    assert list(meter.day_totals()) == [date(2026, 3, 10)]


def test_a_message_that_meta_gives_away_still_owes_the_platforms_fee() -> None:
    """Free of charge for Meta, one message of AWS's."""
    meter = rows()
    meter.receive(social("sent"), social("delivered", FREE, at=LATER))
    assert fees(meter) == {"platform": "0.005"}
    assert [cell.category for cells in meter.day_totals().values() for cell in cells] == ["utility"]


def test_a_component_without_a_price_waits_while_the_others_count() -> None:
    """Without a card for the platform's fee: Meta's counts, and the record says what is missing; then nothing is."""
    meter = rows(book=replace(BOOK, cards={"aws-social": [RUPEES]}))
    meter.receive(social("sent"))
    assert (fees(meter), {reason for _, _, reason in meter.quarantine}) == ({}, {"no-rate"})
    meter.receive(social("delivered", REGULAR, at=LATER))
    (record,) = meter.records.values()
    assert (fees(meter), record.unpriced) == ({"meta": "0.025"}, "no-rate")
    meter.book = BOOK
    meter.receive(social("delivered", REGULAR, at=LATER))
    (record,) = meter.records.values()
    assert (fees(meter), record.unpriced) == ({"meta": "0.025", "platform": "0.005"}, "")


def test_what_is_priced_stays_as_it_was_when_another_component_joins() -> None:
    """A card loaded in between prices what becomes due after it, not what was."""
    meter = rows()
    meter.receive(social("sent"))
    dearer = replace(PLATFORM, version=2, rates={ANY_MARKET: {"message": D("9")}})
    meter.book = replace(BOOK, cards={**BOOK.cards, "aws-social-platform": [PLATFORM, dearer]})
    meter.receive(social("delivered", REGULAR, at=LATER))
    assert fees(meter) == {"meta": "0.025", "platform": "0.005"}


@pytest.mark.parametrize(
    ("passed", "amount"),
    [
        (["message", "carrier", "platform", "meta"], "0.030"),
        (["meta"], "0.025"),
        (["platform"], "0.005"),
        (["message", "carrier"], "0"),  # a message all the same
    ],
)
def test_only_what_the_contract_passes_through_is_counted(passed: list[str], amount: str) -> None:
    """Every component's fee is kept, whoever bears it."""
    meter = rows(version=contract(pass_through=passed))
    meter.receive(social("sent"), social("delivered", REGULAR, at=LATER))
    assert fees(meter) == {"meta": "0.025", "platform": "0.005"}
    assert meter.term_totals()[TERM, "whatsapp"] == Totals(1, 1, D(amount))


def test_the_carriers_fee_is_kept_apart_and_may_be_kept_back() -> None:
    """AWS reports both with every text."""
    for passed, amount in ((["message", "carrier"], "0.00881"), (["message"], "0.00581")):
        meter = TinyMeter(versions=[contract(pass_through=passed)])
        meter.receive(sms("TEXT_SENT", "0.00581", "0.003"))
        assert fees(meter) == {"message": "0.00581", "carrier": "0.003"}
        assert meter.term_totals()[TERM, "sms"] == Totals(1, 1, D(amount))


def test_metas_fee_through_twilio_is_due_only_where_a_card_lists_it() -> None:
    """Twilio's price is read later; whether Meta's fee is in it is for the operator to know."""
    sent, seen = (
        replace(whatsapp(status, at=NOON, recipient=NOBODY_KNOWN), provider="twilio", account="AC1", number="")
        for status in ("sent", "read")
    )
    listed = replace(CARD, card="twilio", rates={ANY_MARKET: {"whatsapp": D("0.02")}})
    for book, expected in (
        (PriceBook(), {"platform": "0"}),
        (PriceBook(cards={"twilio": [listed]}), {"platform": "0", "meta": "0.02"}),
    ):
        meter = TinyMeter(versions=[contract()], book=book, senders=held("twilio", "AC1"))
        meter.receive(sent, seen)
        assert fees(meter) == expected
        assert meter.term_totals()[TERM, "whatsapp"].messages == 1


@pytest.mark.parametrize("given", [[], ["meta", "meta"], ["tax"]])
def test_an_impossible_pass_through_is_refused(given: list[str]) -> None:
    """Nothing, the same twice, or a component that there is not."""
    with pytest.raises(Invalid, match="pass_through"):
        contract(pass_through=given)
    assert contract().document()["pass_through"] == ["message", "carrier", "platform", "meta"]


def test_the_cards_of_further_components_are_named_after_the_senders() -> None:
    """What has to be read beside the sender's own card."""
    assert card_suffixes("aws-social", "whatsapp") == card_suffixes("twilio", "whatsapp") == {"-platform"}
    assert card_suffixes("meta", "whatsapp") == card_suffixes("aws-sms", "sms") == set()


def test_a_status_that_is_never_charged_ends_what_was_due() -> None:
    """Bird's rejected texts are free, whatever else was seen of them."""
    delivered, rejected = (
        replace(sms(status, "0.01", requested_at=None), provider="bird", account="w1")
        for status in ("delivered", "rejected")
    )
    for order in permutations([delivered, rejected]):
        meter = TinyMeter(versions=[contract()], senders=held("bird", "w1")).receive_all([[fact] for fact in order])
        assert fees(meter) == {}
        assert meter.term_totals() == {}


def test_another_pass_through_needs_an_approval() -> None:
    """It changes what is charged, like a limit."""
    approved = {"approval": {"by": "Jo Doe", "document": "SO-17"}}
    (problem,) = change_problems([contract()], contract(pass_through=["meta"]))
    assert (problem.path, problem.message.partition(":")[0]) == (
        "approval",
        "what is passed through changes from message, carrier, platform, meta",
    )
    assert change_problems([contract()], contract(pass_through=["meta"], **approved)) == []
    assert change_problems([contract()], contract(pass_through=["meta", "carrier", "platform", "message"])) == []
