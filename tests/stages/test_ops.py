"""Ops: quarantine by reason, mails that did not arrive, runs and queues."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.examples import NOON, contract, whatsapp
from tests.fakes.outside import MemoryQueues, MemoryRecounting
from tests.fakes.rows import MemoryNotices, memory_rows
from tests.stages.billing import FREE, JANUARY, Billing, at
from tests.stages.test_announce import WARNING
from tests.stages.test_review import waits
from tollgate.domain.errors import Invalid, NotFound
from tollgate.stages.ops import (
    MOST_REDRIVEN,
    last_runs,
    late,
    quarantined,
    queue_depths,
    redrive_quarantine,
    redrive_queue,
    trail,
    undelivered,
)
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.invoices import Run
from tollgate.stages.ports.ledger import QuarantineRow
from tollgate.stages.ports.queues import QueueDepth


def test_quarantine_is_grouped_by_reason() -> None:
    """Facts, messages, whose and since when; the reason with most facts first."""
    world = Billing()
    waits(world, "m1", moment=at("2026-03-10"))
    waits(world, "m2", moment=at("2026-03-12"))
    nobodys = replace(whatsapp("sent", message="m3"), account="999")
    rows = [QuarantineRow(id=f"x{n}", reason="unknown-sender", fact=replace(nobodys, status=s)) for n, s in
            enumerate(("sent", "delivered", "read"))]  # fmt: skip
    world.rows.quarantine.put(rows)
    found = quarantined(quarantine=world.rows.quarantine, contracts=world.rows.contracts)
    assert [(g.reason, g.facts, g.messages, g.tenants) for g in found] == [
        ("unknown-sender", 3, 1, ()),
        ("no-rate", 2, 2, ("acme",)),
    ]
    assert (found[1].oldest, found[1].newest) == (at("2026-03-10"), at("2026-03-12"))
    assert found[0].accounts == (("meta", "999"),)


def test_an_empty_quarantine_has_no_groups() -> None:
    """Nothing to list."""
    rows = memory_rows()
    assert quarantined(quarantine=rows.quarantine, contracts=rows.contracts) == []


@pytest.mark.parametrize(
    ("mail", "age", "listed"),
    [
        (MailState(status="bounced"), timedelta(0), True),
        (MailState(status="delivered", failed=("b@acme.example",)), timedelta(0), True),  # one of two
        (MailState(status="delivered"), timedelta(days=9), False),
        (MailState(status="sent"), timedelta(days=9), False),
        (MailState(status="queued"), timedelta(hours=1), False),
        (MailState(status="queued"), timedelta(hours=1, seconds=1), True),
        (MailState(status="sending"), timedelta(hours=2), True),
    ],
)
def test_a_mail_that_failed_or_is_late_is_undelivered(mail: MailState, age: timedelta, *, listed: bool) -> None:
    """For one recipient too; one on its way is given an hour."""
    world = Billing(contract=contract(allowances=FREE))
    world.memory.notices["acme", WARNING.identity] = (WARNING, mail)
    found = undelivered(contracts=world.rows.contracts, notices=world.rows.notices, now=WARNING.at + age)
    assert (len(found.rows), found.cursor) == (int(listed), "")


def test_undelivered_mails_come_tenants_at_a_time() -> None:
    """The newest first within a page; every tenant once."""
    world = Billing(contract=contract(allowances=FREE))
    for number, name in enumerate(("acme", "beta", "gamma")):
        world.sign(contract(tenant=name, allowances=FREE))
        told = replace(WARNING, tenant=name, at=NOON + timedelta(days=number))
        world.memory.notices[name, told.identity] = (told, MailState(status="bounced"))
    notices = MemoryNotices(world.memory)
    first = undelivered(contracts=world.rows.contracts, notices=notices, now=NOON, size=2)
    rest = undelivered(contracts=world.rows.contracts, notices=notices, now=NOON, size=2, cursor=first.cursor)
    assert [[n.tenant for n, _ in page.rows] for page in (first, rest)] == [["beta", "acme"], ["gamma"]]
    assert rest.cursor == ""


def test_the_schedules_are_shown_with_their_last_runs() -> None:
    """Newest first; one that never ran has none."""
    world = Billing()
    assert last_runs(runs=world.rows.runs) == {"invoice": [], "reconcile": [], "suspend": [], "poll": []}
    world.use(JANUARY, "1.00")
    for day in (5, 6):
        world.daily(at(f"2026-02-0{day}"))
    runs = last_runs(runs=world.rows.runs)["invoice"]
    assert [(run.at, run.counts["drafted"]) for run in runs] == [(at("2026-02-06"), 0), (at("2026-02-05"), 1)]


@pytest.mark.parametrize(
    ("schedule", "minutes"), [("invoice", 26 * 60), ("reconcile", 26 * 60), ("suspend", 120), ("poll", 20)]
)
def test_a_schedule_is_late_once_it_has_missed_a_run(schedule: str, minutes: int) -> None:
    """Each by how often it runs; one that never ran is."""
    ran = Run(schedule=schedule, at=NOON, counts={}, report={})
    missed = NOON + timedelta(minutes=minutes)
    assert late({schedule: [ran]}, now=missed) == set()
    assert late({schedule: [ran]}, now=missed + timedelta(seconds=1)) == {schedule}
    assert late({schedule: []}, now=NOON) == {schedule}


def test_queues_with_dead_letters_come_first() -> None:
    """Then all others by name."""

    def depth(name: str, waiting: int, *, dead: bool = False) -> QueueDepth:
        return QueueDepth(name=name, waiting=waiting, in_flight=0, delayed=0, dead_letters=dead, returnable=dead)

    known = [depth("b", 5), depth("b-dlq", 0, dead=True), depth("c-dlq", 1, dead=True), depth("a", 0)]
    assert [one.name for one in queue_depths(queues=MemoryQueues(known))] == ["c-dlq", "a", "b", "b-dlq"]


def test_who_redrives_is_in_the_trail_of_the_platform() -> None:
    """Which belongs to no tenant; written before anything is done, so that a refused one is there too."""
    world = Billing()
    rows = world.rows
    dead = QueueDepth(name="b-dlq", waiting=400, in_flight=0, delayed=0, dead_letters=True, returnable=True)
    queues, recounting = MemoryQueues([dead]), MemoryRecounting()
    redriven = redrive_queue("b-dlq", by="mia", queues=queues, audit=rows.audit, now=at("2026-02-05"))
    assert (redriven, queues.known[0].waiting) == (MOST_REDRIVEN, 400 - MOST_REDRIVEN)
    redrive_quarantine("no-rate", by="jo", recounting=recounting, audit=rows.audit, now=at("2026-02-06"))
    assert recounting.begun == ["no-rate"]
    with pytest.raises(NotFound):
        redrive_queue("b", by="mia", queues=queues, audit=rows.audit, now=at("2026-02-07"))
    said = [(one.by, one.action, one.subject) for one in trail(audit=rows.audit, since=at("2026-02-06"))]
    assert said == [("mia", "queue", "b"), ("jo", "quarantine", "no-rate")]
    assert rows.audit.entries("acme") == []


def test_nobody_redrives_without_a_name() -> None:
    """Nothing is moved then."""
    recounting, rows = MemoryRecounting(), memory_rows()
    with pytest.raises(Invalid):
        redrive_quarantine("no-rate", by=" ", recounting=recounting, audit=rows.audit, now=NOON)
    assert recounting.begun == []
