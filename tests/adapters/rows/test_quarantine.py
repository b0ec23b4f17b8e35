"""Quarantine and Inbox, in memory and in the real tables. A test knows its facts by their account: its tenant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.domain.examples import NOON, sms, whatsapp
from tests.fakes.rows import Rows
from tollgate.domain.facts import NOBODY, Fact
from tollgate.stages.ports.ledger import QuarantineRow


def row(tenant: str, name: str, *, reason: str = "unknown-sender", fact: Fact | None = None) -> QuarantineRow:
    fact = fact or whatsapp("sent", "regular/marketing")
    return QuarantineRow(id=f"{tenant}.{name}", reason=reason, fact=replace(fact, account=tenant))


def own(rows: Rows, tenant: str, reason: str | None = None) -> list[QuarantineRow]:
    """The quarantined facts of one test."""
    return [one for one in rows.quarantine.rows(reason) if one.fact.account == tenant]


@pytest.mark.parametrize(
    "fact",
    [
        whatsapp("sent"),
        whatsapp("delivered", "regular/marketing", participant="p#1", message="a#%23b"),
        replace(whatsapp("read"), recipient=NOBODY, number=""),
        sms("TEXT_SENT"),
        sms("TEXT_SENT", "0.00581"),
        sms("TEXT_DELIVERED", None, "0.00300", requested_at=None),
        sms("TEXT_DELIVERED", "0.0050", "0.0030", at=NOON + timedelta(microseconds=1), segments=3),
    ],
)
def test_a_quarantined_fact_reads_back_as_it_was(rows: Rows, tenant: str, fact: Fact) -> None:
    """A redrive counts what arrived: every field of a fact survives, the missing ones as missing."""
    written = row(tenant, "a", fact=fact)
    rows.quarantine.put([written])
    assert own(rows, tenant) == [written]


def test_a_repeat_is_the_same_row_with_the_latest_reason(rows: Rows, tenant: str) -> None:
    """A fact is quarantined once, however often it comes."""
    rows.quarantine.put([row(tenant, "a"), row(tenant, "a")])
    rows.quarantine.put([row(tenant, "a", reason="no-rate")])
    assert own(rows, tenant) == [row(tenant, "a", reason="no-rate")]


def test_rows_come_by_day_and_id_and_by_reason(rows: Rows, tenant: str) -> None:
    """Days are those of UTC, whatever zone a time is written in."""
    late = datetime(2026, 3, 11, 1, tzinfo=timezone(timedelta(hours=2)))
    written = [
        row(tenant, "z", fact=whatsapp("sent", at=late)),
        row(tenant, "a", fact=whatsapp("sent", at=datetime(2026, 3, 11, tzinfo=UTC))),
        row(tenant, "b", reason="no-rate", fact=whatsapp("sent", at=NOON + timedelta(days=40))),
    ]
    rows.quarantine.put(written[::-1])
    assert own(rows, tenant) == written
    assert own(rows, tenant, "no-rate") == written[2:]
    assert own(rows, tenant, "no-fx") == []


def test_more_rows_than_one_call_writes_are_put_and_removed(rows: Rows, tenant: str) -> None:
    """Batches of any size go in and out."""
    written = [row(tenant, f"{number:03}") for number in range(60)]
    rows.quarantine.put(written)
    assert own(rows, tenant) == written
    rows.quarantine.remove(written[1:])
    assert own(rows, tenant) == written[:1]


def test_removing_leaves_the_rest_and_can_be_repeated(rows: Rows, tenant: str) -> None:
    """The other rows of a day stay findable, and an emptied day can be filled again."""
    first, second = row(tenant, "a"), row(tenant, "b")
    rows.quarantine.put([first, second])
    for _ in range(2):
        rows.quarantine.remove([first])
        assert own(rows, tenant) == [second]
    rows.quarantine.remove([second])
    assert own(rows, tenant) == []
    rows.quarantine.put([first])
    assert own(rows, tenant) == [first]


def test_nothing_can_be_put_and_removed(rows: Rows, tenant: str) -> None:
    """No rows are no error."""
    rows.quarantine.put([])
    rows.quarantine.remove([])
    assert own(rows, tenant) == []


def test_an_outside_event_is_remembered(rows: Rows, tenant: str) -> None:
    """An event is new once; another one with a name that begins alike is another."""
    event = f"evt_{tenant}"
    assert not rows.inbox.seen(event)
    for _ in range(2):
        rows.inbox.remember(event, at=NOON)
        assert rows.inbox.seen(event)
    assert not rows.inbox.seen(event + "#")
    assert not rows.inbox.seen(event[:-1] + "_")
