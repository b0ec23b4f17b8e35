"""Corrected rate cards: what a dry run says, what is written, and that doing it again finishes what a crash left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.domain.examples import CARD, MARKETS, D
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.test_contracts import Interrupted, fees_limit
from tests.stages.test_meter_laws import counts_equal_the_ledger
from tests.stages.traffic import ACME, BETA, INDIAN, NOON, World, meta, sms, status, world
from tollgate.domain.errors import Conflict
from tollgate.domain.rates import RateCard
from tollgate.stages.reprice import MonthChange, correct_card

TODAY = datetime(2026, 4, 20, 9, tzinfo=UTC)
MARCH = date(2026, 3, 1)
CORRECTED = replace(
    CARD,
    effective_from=date(2026, 3, 10),
    version=0,
    rates={**CARD.rates, "North America": {"marketing": D("0.0300"), "utility": D("0.0034")}},
)


def used() -> World:
    """Acme: one message on the 9th, two on the 10th (one of them utility), one to India, and a text; beta: one."""
    rows = world()
    rows.meter(
        meta(status("delivered", "regular/marketing", message="early", at=NOON - timedelta(days=1))),
        meta(status("delivered", "regular/marketing", message="m1")),
        meta(status("delivered", "regular/utility", message="m2")),
        meta(status("delivered", "regular/marketing", message="m3", to=INDIAN)),
        meta(status("delivered", "regular/marketing", message="b1"), waba=BETA),
        sms(message="s1"),
    )
    return rows


def correct(rows: World, *, card: RateCard = CORRECTED, dry_run: bool = False, faults: Faults | None = None) -> Any:
    return correct_card(card, now=TODAY, ports=rows.ports(faults), dry_run=dry_run)


def load(rows: World, card: RateCard = CORRECTED) -> World:
    """The card as it is stored before its correction is spread."""
    rows.memory.cards["meta"].append(replace(card, version=1))
    return rows


EXPECTED = [
    MonthChange(tenant="acme", month=MARCH, currency="USD", messages=1, before=D("0.0250"), after=D("0.0300")),
    MonthChange(tenant="beta", month=MARCH, currency="EUR", messages=1, before=D("0.0200"), after=D("0.0240")),
]


def test_a_dry_run_says_what_would_change_and_writes_nothing() -> None:
    """By tenant and month, in the tenant's currency, as if the card were loaded."""
    rows = used()
    before = rows.snapshot()
    assert correct(rows, dry_run=True) == EXPECTED
    assert [change.difference for change in EXPECTED] == [D("0.0050"), D("0.0040")]
    assert rows.snapshot() == before


def test_a_correction_is_written_as_new_versions_with_their_counters() -> None:
    """Only what the card priced from that day on; the difference is on the message's own day."""
    rows = load(used())
    assert correct(rows) == EXPECTED
    assert rows.used("whatsapp") == (4, 4, D("0.0702"))
    by_message = {key.message: record for (tenant, key), record in rows.memory.records.items()}
    assert {name: record.version for name, record in by_message.items()} == {
        "early": 1,
        "m1": 2,
        "m2": 1,
        "m3": 1,
        "b1": 2,
        "s1": 1,
    }
    usage = by_message["m1"].usage
    assert usage is not None
    assert (usage.fees["meta"].card, usage.amount, usage.day) == ("meta/2026-03-10/1", D("0.0300"), date(2026, 3, 10))
    assert counts_equal_the_ledger(rows)


def test_a_correction_fires_the_lines_it_crosses() -> None:
    """The half of 0.10 was not reached at the old price."""
    rows = world()
    rows.meter(meta(status("delivered", "regular/marketing")))
    assert rows.notices() == []
    dear = replace(CORRECTED, rates={**CARD.rates, "North America": {"marketing": D("0.0800")}})
    correct(load(rows, dear), card=dear)
    assert rows.notices() == ["2026-01-15#whatsapp#50", "2026-01-15#whatsapp#75"]


@pytest.mark.parametrize("step", ["records", "usage_rows", "commit"])
def test_a_correction_under_way_fires_no_line_of_a_limit_that_was_raised_meanwhile(step: str) -> None:
    """Whenever between its first reading and its commit: a contract is not read once for the whole of a correction."""
    rows = world()
    rows.meter(meta(status("delivered", "regular/marketing")))
    dear = replace(CORRECTED, rates={**CARD.rates, "North America": {"marketing": D("0.0800")}})
    ports = replace(load(rows, dear).ports(), ledger=Interrupted(rows, step, fees_limit("bill", included="1.00")))
    correct_card(dear, now=TODAY, ports=ports, dry_run=False)
    assert (rows.used("whatsapp")[2], rows.notices()) == (D("0.0800"), [])


def test_doing_it_again_changes_nothing() -> None:
    """Also under a newer version of the same prices."""
    rows = load(used())
    correct(rows)
    commits, before = rows.memory.commits, rows.snapshot()
    rows.memory.cards["meta"].append(replace(CORRECTED, version=2))
    assert correct(rows) == []
    assert (rows.memory.commits, rows.snapshot()) == (commits, before)


def test_a_crash_anywhere_is_finished_by_doing_it_again() -> None:
    """What was written stays as it is, and the rest follows."""
    whole = load(used())
    correct(whole)
    calls = Faults()
    correct(load(used()), faults=calls)
    for faults in every_fault(len(calls.calls)):
        rows = load(used())
        with pytest.raises(Crash):
            correct(rows, faults=faults)
        correct(rows)
        assert rows.snapshot() == whole.snapshot()


def test_a_writer_in_between_is_met_by_trying_again() -> None:
    """The meter may write the same rows at that moment; who is always late gives up."""
    rows = load(used())
    correct(rows, faults=Faults(at=1, only="commit", error=Conflict("moved")))
    assert (rows.pauses, rows.used("whatsapp")[2]) == ([1], D("0.0702"))
    with pytest.raises(Conflict):
        correct(load(used()), faults=Faults(only="commit", error=Conflict("moved"), always=True))


def test_a_card_from_a_day_to_come_prices_nothing_again() -> None:
    """And neither does one that no sender uses."""
    rows = used()
    assert correct(rows, card=replace(CORRECTED, effective_from=TODAY.date() + timedelta(days=1))) == []
    assert correct(rows, card=replace(CORRECTED, card="other")) == []


def test_a_card_that_lacks_a_price_now_leaves_what_was_charged() -> None:
    """A message that was counted is never left without a fee by a file with a hole."""
    rows = load(used(), replace(CORRECTED, rates={"India": {"marketing": D("0.0118")}}))
    before = rows.snapshot()
    assert correct(rows) == []
    assert rows.snapshot() == before


def test_what_a_provider_reported_is_not_priced_again() -> None:
    """A card beside a reported price is for comparison."""
    rows = world()
    texts = replace(CARD, card="aws-sms", rates={"North America": {"sms": D("0.0100")}})
    rows.memory.cards["aws-sms"], rows.memory.maps["aws-sms"] = [texts], [MARKETS]
    rows.meter(sms(message="s1"), sms(message="s2", price=None))
    dearer = replace(texts, rates={"North America": {"sms": D("0.0200")}})
    (change,) = correct(rows, card=dearer, dry_run=True)
    assert (change.messages, change.before, change.after) == (1, D("0.0100"), D("0.0200"))


def test_many_messages_are_written_in_as_many_transactions_as_it_takes() -> None:
    """One month, more records than one transaction holds."""
    rows = world()
    rows.meter(*(meta(status("delivered", "regular/marketing", message=f"w{n}"), waba=ACME) for n in range(200)))
    (change,) = correct(load(rows))
    assert (change.messages, rows.used("whatsapp")) == (200, (200, 200, D("6.0000")))
    assert counts_equal_the_ledger(rows)
