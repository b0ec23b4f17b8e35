"""Laws of metering: counts equal the ledger, and neither order nor repeats nor batching can be seen in the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import BOOK, CARD, D, contract, small_contract
from tests.domain.tiny_meter import TinyMeter
from tests.strategies import contradictory_traffic, deliveries, steady_traffic
from tollgate.domain.facts import Fact

MID_BOOK = replace(
    BOOK,
    cards={
        "meta": [CARD, replace(CARD, effective_from=date(2026, 3, 12), rates={"North America": {"marketing": D(1)}})]
    },
)


@given(st.data())
def test_any_delivery_of_the_same_receipts_ends_in_the_same_rows(data: st.DataObject) -> None:
    """Order, repeats and batching: the same records, DAY and TERM totals, fired lines, notices and holds.

    Within one term, for messages whose receipts do not contradict each other. What a notice or hold says of the
    moment it was written does depend on arrival, and only that: a notice's ``used`` and ``at``, a hold's
    ``opened_at``. Versions tell how often a row was written, so they depend on batching.
    """
    facts = data.draw(steady_traffic())
    one, other = (TinyMeter(versions=[small_contract()]).receive_all(data.draw(deliveries(facts))) for _ in range(2))
    assert one.facts_known() == other.facts_known()
    assert one.day_totals() == other.day_totals()
    assert one.term_totals() == other.term_totals()
    assert one.lines_crossed() == other.lines_crossed()
    notices, others = (
        {identity: replace(notice, used=D(0), at=notice.at.min) for identity, notice in rows.notices.items()}
        for rows in (one, other)
    )
    assert notices == others
    assert one.holds.keys() == other.holds.keys()


@given(st.data())
def test_contradictory_receipts_end_in_the_same_totals_too(data: st.DataObject) -> None:
    """Records and totals are free of order even where receipts disagree on category, recipient, price and time, and
    rates change in between.

    Notices are not compared here: a correction downwards may come after a line has fired in one order and before it
    is reached in another, and a fired line stays fired.
    """
    facts = data.draw(contradictory_traffic())
    one, other = (
        TinyMeter(versions=[small_contract()], book=MID_BOOK).receive_all(data.draw(deliveries(facts)))
        for _ in range(2)
    )
    assert one.facts_known() == other.facts_known()
    assert one.day_totals() == other.day_totals()
    assert one.term_totals() == other.term_totals()


@given(st.data())
def test_counts_equal_the_ledger_after_every_batch(data: st.DataObject) -> None:
    """At all times: the sum of the usage of all records = the DAY rows = the TERM rows; terms of one month, so that
    corrections cross them."""
    facts = data.draw(contradictory_traffic())
    monthly = contract(timezone="UTC", term={"start": "2026-01-12", "months": 1})
    rows = TinyMeter(versions=[monthly])
    for batch in data.draw(deliveries(facts)):
        rows.receive(*batch)
        assert rows.day_totals() == rows.recounted_days()
        assert rows.term_totals() == rows.recounted_terms()


@given(st.data())
def test_what_has_been_counted_is_not_counted_again(data: st.DataObject) -> None:
    """Once everything has arrived, no repeat of any of it changes a row or writes a notice."""
    facts: list[Fact] = data.draw(contradictory_traffic())
    rows = TinyMeter(versions=[small_contract()]).receive_all(data.draw(deliveries(facts)))
    before = dict(rows.records)
    for batch in data.draw(deliveries(facts)):
        change = rows.receive(*batch)
        assert (change.terms, change.days, change.notices, change.holds) == ({}, {}, (), ())
    assert rows.records == before
