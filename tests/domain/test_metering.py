"""From facts to the difference they make: records, rows, quarantine."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.domain.examples import AMERICAN, BOOK, CARD, NOON, D, contract, senders, sms, whatsapp
from tests.domain.tiny_meter import TinyMeter
from tollgate.domain.facts import NOBODY, Fact, MessageKey
from tollgate.domain.metering import locate, price_facts, terms_and_days
from tollgate.domain.rates import PriceBook
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import Cell, Totals

TERM = date(2026, 1, 15)
MARCH_10 = date(2026, 3, 10)
DELIVERED = whatsapp("delivered", "regular/marketing")


def meter() -> TinyMeter:
    return TinyMeter(versions=[contract()])


def test_a_billable_message_counts_once_in_its_day_and_term() -> None:
    """The record, the DAY cell and the TERM total change together, by the same amounts."""
    rows = meter()
    rows.receive(whatsapp("sent"), DELIVERED, whatsapp("read", at=NOON + timedelta(hours=1)))
    assert rows.day_totals() == {MARCH_10: {Cell("whatsapp", "marketing", "North America"): Totals(1, 1, D("0.0250"))}}
    assert rows.term_totals() == {(TERM, "whatsapp"): Totals(1, 1, D("0.0250"))}
    usage = rows.records[DELIVERED.key].usage
    assert usage is not None
    assert (usage.moment, usage.fees["meta"].card) == (NOON, "meta/2026-01-01/1")


def test_a_receipt_that_changes_nothing_writes_nothing() -> None:
    """A repeat leaves every row and version as it was."""
    rows = meter()
    rows.receive(DELIVERED)
    again = rows.receive(DELIVERED)
    assert (again.terms, again.days, again.notices, again.holds) == ({}, {}, (), ())
    assert rows.records[DELIVERED.key].version == 1
    priced = price_facts([DELIVERED], records=rows.records, versions=rows.versions, senders=senders(), book=BOOK)
    assert priced.changes == ()


def test_a_status_that_only_adds_to_the_record_leaves_the_rows() -> None:
    """A later read is remembered, and counts nothing more."""
    rows = meter()
    rows.receive(DELIVERED)
    change = rows.receive(whatsapp("read", at=NOON + timedelta(hours=1)))
    assert (change.terms, change.days) == ({}, {})
    assert rows.records[DELIVERED.key].version == 2


def test_each_participant_of_a_group_counts() -> None:
    """One group message delivered to three participants is three messages."""
    rows = meter()
    rows.receive(*(whatsapp("delivered", "regular/group_utility", participant=p) for p in ("a", "b", "c", "a")))
    assert rows.term_totals() == {(TERM, "whatsapp"): Totals(3, 3, D("0.0102"))}


def test_an_earlier_time_moves_usage_to_its_day_by_a_difference() -> None:
    """Usage belongs to the day of its billable moment: an earlier one takes it along, and the old day is empty."""
    rows = meter()
    rows.receive(DELIVERED)
    change = rows.receive(whatsapp("read", at=NOON - timedelta(days=1)))
    cell = {Cell("whatsapp", "marketing", "North America"): Totals(1, 1, D("0.0250"))}
    assert rows.day_totals() == {date(2026, 3, 9): cell}
    assert set(change.days) == {date(2026, 3, 9), MARCH_10}
    assert change.terms == {}  # the term's totals are the same as before


def test_usage_may_move_to_the_term_before() -> None:
    """An earlier time across the end of a term takes the usage out of the new term and into the old one."""
    rows = meter()
    first_day = NOON.replace(year=2027, month=1, day=15)
    rows.receive(replace(DELIVERED, at=first_day))
    assert rows.term_totals() == {(date(2027, 1, 15), "whatsapp"): Totals(1, 1, D("0.0250"))}
    rows.receive(whatsapp("read", at=first_day - timedelta(days=1)))
    assert rows.term_totals() == {(TERM, "whatsapp"): Totals(1, 1, D("0.0250"))}


def test_a_rate_loaded_later_does_not_move_a_priced_message() -> None:
    """A late status that pricing does not look at keeps the fee, though the card has a newer version by then."""
    rows = meter()
    rows.receive(DELIVERED)
    dearer = replace(CARD, version=2, rates={"North America": {"marketing": D("0.9")}})
    rows.book = replace(BOOK, cards={"meta": [CARD, dearer]})
    rows.receive(whatsapp("read", at=NOON + timedelta(hours=1)))
    assert rows.term_totals()[TERM, "whatsapp"].fees == D("0.0250")
    rows.receive(whatsapp("read", at=NOON - timedelta(hours=1)))
    assert rows.term_totals()[TERM, "whatsapp"].fees == D("0.9")


def test_a_free_message_is_recorded_and_counts_nothing() -> None:
    """Free pricing types add no usage: neither message nor fee."""
    rows = meter()
    rows.receive(whatsapp("delivered", "free_customer_service/service"))
    assert (len(rows.records), rows.term_totals(), rows.quarantine) == (1, {}, set())


def test_sms_counts_messages_and_segments() -> None:
    """A three-part SMS is one message of three segments, at what the provider reported."""
    rows = meter()
    rows.receive(sms("TEXT_SENT", "0.01743", "0.009", segments=3))
    assert rows.day_totals() == {MARCH_10: {Cell("sms", "sms", "US"): Totals(1, 3, D("0.02643"))}}


def test_a_corrected_price_counts_the_difference() -> None:
    """A later report of another cost changes the totals by what it differs."""
    rows = meter()
    rows.receive(sms("TEXT_SENT", "0.01"))
    rows.receive(sms("TEXT_DELIVERED", "0.03", at=NOON + timedelta(minutes=5)))
    assert rows.term_totals() == {(TERM, "sms"): Totals(1, 1, D("0.03"))}


def test_a_message_may_stop_being_billable_and_its_usage_goes() -> None:
    """Of two pricings told of one status the larger holds in any order; where that is no billable one, usage ends."""
    odd = whatsapp("delivered", "zero/marketing")
    priced = price_facts([DELIVERED], records={}, versions=[contract()], senders=senders(), book=BOOK)
    record = priced.changes[0].after
    later = price_facts([odd], records={record.key: record}, versions=[contract()], senders=senders(), book=BOOK)
    assert later.changes[0].after.usage is None
    rows = meter()
    rows.receive(DELIVERED)
    rows._write(later)
    assert (rows.day_totals(), rows.term_totals()) == ({}, {})


LATE_CARD = PriceBook(cards={"meta": [replace(CARD, effective_from=date(2026, 3, 11))]}, markets=BOOK.markets)


@pytest.mark.parametrize(
    ("facts", "book", "reason"),
    [
        # the recipient is known from no receipt: no market, so no rate
        ([whatsapp("delivered", "regular/marketing", recipient=NOBODY)], BOOK, "no-rate"),
        # each fact can be priced by itself on its own day, but the earliest day has no card
        (
            [whatsapp("read", "regular/marketing", at=NOON + timedelta(days=1)), whatsapp("delivered")],
            LATE_CARD,
            "no-rate",
        ),
    ],
)
def test_a_billable_record_without_a_price_is_quarantined_not_counted(
    facts: list[Fact], book: PriceBook, reason: str
) -> None:
    """The record says why, quarantine names the fact that carries the pricing, and nothing is counted."""
    rows = meter()
    rows.book = book
    rows.receive(*facts)
    assert rows.records[facts[0].key].unpriced == reason
    assert rows.quarantine == {(facts[0].key, facts[0].status, reason)}
    assert rows.term_totals() == {}


def test_a_sibling_that_tells_the_recipient_prices_the_message() -> None:
    """What one receipt leaves open another one may settle, in either order."""
    silent = whatsapp("delivered", "regular/marketing", recipient=NOBODY)
    telling = whatsapp("read", at=NOON + timedelta(hours=1), recipient=AMERICAN)
    for batches in ([[silent], [telling]], [[telling], [silent]], [[silent, telling]]):
        rows = meter().receive_all(batches)
        assert rows.records[silent.key].unpriced == ""
        assert rows.term_totals() == {(TERM, "whatsapp"): Totals(1, 1, D("0.0250"))}


def test_a_priced_message_whose_moment_moves_before_the_contract_is_not_counted() -> None:
    """Usage before any contract is no usage; the record says so."""
    priced = price_facts(
        [DELIVERED, whatsapp("read", at=NOON - timedelta(days=70))],
        records={},
        versions=[contract()],
        senders=senders(since=NOON - timedelta(days=99)),
        book=BOOK,
    )
    assert priced.changes[0].after.unpriced == "no-contract"
    assert [quarantined.reason for quarantined in priced.quarantined] == ["no-contract"]


def test_the_senders_own_card_prices_its_messages() -> None:
    """The card is the one that the sender's assignment names; an account that nobody holds has no usage."""
    named = replace(CARD, card="partner", rates={"North America": {"marketing": D("0.0300")}})
    book = PriceBook(
        cards={"meta": [CARD], "partner": [named]},
        markets={"meta": BOOK.markets["meta"], "partner": BOOK.markets["meta"]},
    )
    assigned = Assignment(
        provider="meta",
        account=DELIVERED.account,
        number=DELIVERED.number,
        tenant="acme",
        since=NOON - timedelta(days=9),
        card="partner",
    )
    for held, fee in (([assigned], D("0.0300")), ([replace(assigned, card="meta")], D("0.0250")), ([], None)):
        priced = price_facts(
            [DELIVERED],
            records={},
            versions=[contract()],
            senders={("meta", DELIVERED.account): held},
            book=book,
        )
        usage = priced.changes[0].after.usage
        assert (usage.amount if usage else None) == fee


def test_a_sender_that_is_told_later_prices_the_same_in_any_order() -> None:
    """Which card a message is priced by may not depend on which of its receipts named the phone number first."""
    book = replace(BOOK, cards={"meta": [CARD], "own": [replace(CARD, rates={"North America": {"marketing": D("9")}})]})
    book = replace(book, markets={"meta": BOOK.markets["meta"], "own": BOOK.markets["meta"]})
    since = NOON - timedelta(days=9)
    account = DELIVERED.account
    held = [
        Assignment(provider="meta", account=account, tenant="acme", since=since, card="meta"),
        Assignment(provider="meta", account=account, number="n1", tenant="acme", since=since, card="own"),
    ]
    plain, numbered = (
        replace(DELIVERED, number=""),
        replace(whatsapp("read", at=NOON + timedelta(hours=1)), number="n1"),
    )
    outcomes = []
    for batches in ([[plain], [numbered]], [[numbered], [plain]], [[plain, numbered]]):
        rows = TinyMeter(versions=[contract()], book=book, senders={("meta", account): held}).receive_all(batches)
        outcomes.append(rows.term_totals())
    assert outcomes[0] == outcomes[1] == outcomes[2] == {(TERM, "whatsapp"): Totals(1, 1, D("9"))}


def test_facts_nobody_owns_are_parked_and_the_rest_is_counted() -> None:
    """One stray fact does not stop its batch."""
    rows = meter()
    stray = replace(whatsapp("sent", message="wamid.9"), account="elsewhere")
    rows.receive(stray, whatsapp("delivered", "regular/nothing", message="wamid.8"), DELIVERED)
    assert rows.quarantine == {
        (MessageKey("meta", "wamid.9"), "sent", "unknown-sender"),
        (MessageKey("meta", "wamid.8"), "delivered", "no-rate"),
    }
    assert set(rows.records) == {DELIVERED.key}


def test_the_version_in_force_on_the_day_is_found() -> None:
    """A message on the last day of an old version is the old version's."""
    later = contract(**{"from": "2026-03-10"})
    versions = [contract(), later]
    assert locate(DELIVERED, versions) == (later, MARCH_10)
    assert locate(replace(DELIVERED, at=NOON - timedelta(days=1)), versions) == (contract(), date(2026, 3, 9))
    assert locate(replace(DELIVERED, at=NOON - timedelta(days=90)), versions) is None


def test_usage_before_every_contract_names_no_term() -> None:
    """Rows of usage that no contract covers cannot be asked for."""
    priced = price_facts([DELIVERED], records={}, versions=[contract()], senders=senders(), book=BOOK)
    with pytest.raises(ValueError, match="lies before every contract"):
        terms_and_days(priced.changes, [contract(**{"from": "2026-04-01"})])
