"""The page of ops: queues, quarantine, schedules and mails, and what its buttons do."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.console.conftest import NOW, World
from tests.console.visitor import Visitor
from tests.domain.examples import D, contract, whatsapp
from tests.stages.billing import Billing
from tollgate.domain.drafts import next_notice
from tollgate.domain.notices import USAGE_WARNING, Notice
from tollgate.domain.reconciliation import NOBODY, Difference, reconciled
from tollgate.domain.senders import Assignment
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.invoices import Run
from tollgate.stages.ports.ledger import QuarantineRow
from tollgate.stages.ports.queues import QueueDepth

OPS = "/console/ops"
MONTH_AGO = NOW - timedelta(days=30)


def queue(name: str, waiting: int, *, dead: bool = False, returnable: bool = True) -> QueueDepth:
    """A queue."""
    back = dead and returnable
    return QueueDepth(name=name, waiting=waiting, in_flight=2, delayed=0, dead_letters=dead, returnable=back)


@pytest.fixture
def busy(world: World) -> World:
    """Something of everything."""
    Billing(contract=contract(), memory=world.memory)
    world.ports.queues.known = [
        queue("t-receipts", 1_234),
        queue("t-receipts-dlq", 3, dead=True),
        queue("t-notify-dlq", 0, dead=True),
    ]
    world.memory.assignments["meta", "102290129340398"] = [
        Assignment(provider="meta", account="102290129340398", tenant="acme", since=MONTH_AGO, card="meta")
    ]
    world.ports.quarantine.put([QuarantineRow(id="x", reason="no-rate", fact=whatsapp("sent"))])
    world.ports.runs.save(
        Run(
            schedule="invoice",
            at=NOW - timedelta(hours=12),
            counts={"drafted": 2, "issued": 0},
            report={"drafted": ("acme/2026-02-01", "<b>")},
        )
    )
    for schedule in ("reconcile", "suspend", "poll"):
        world.ports.runs.save(Run(schedule=schedule, at=NOW, counts={"compared": 9, "lifted": 0}, report={}))
    notice = Notice(
        tenant="acme", kind=USAGE_WARNING, term=contract().term.start, at=NOW, meter="sms", line=75, used=D(1)
    )
    world.memory.notices["acme", notice.identity] = (
        notice,
        MailState(status="bounced", to=("jo@acme.example",), reasons=("full",)),
    )
    return world


@pytest.mark.usefixtures("busy")
def test_everything_that_ops_looks_after_is_there(signed_in: Callable[..., Visitor]) -> None:
    """In numbers, with whose it is."""
    words = signed_in("read-only").get(OPS).words
    assert "Dead letters 3 Facts in quarantine 1 Undelivered mails 1" in words
    assert "t-receipts 1,234 2 0" in words
    assert "no-rate 1 1 acme meta 102290129340398" in words
    assert re.search("Invoice Run What it did March 10, 2026, 6:00 AM UTC drafted 2", words)
    assert "acme/2026-02-01, &lt;b&gt;" in words
    assert "acme Usage warning March 10, 2026, 6:00 PM UTC bounced full jo@acme.example" in words
    assert "never ran" not in words


def test_a_quiet_stack_says_so(signed_in: Callable[..., Visitor]) -> None:
    """And a schedule that never ran stands out."""
    words = signed_in("ops").get(OPS).words
    for said in (
        "Everything that came in could be counted.",
        "Every mail to a customer has arrived",
        "Nothing was redriven.",
        "Nothing that was compared differs.",
        "never ran",
    ):
        assert said in words


def test_a_schedule_that_missed_its_day_stands_out(busy: World, signed_in: Callable[..., Visitor]) -> None:
    """A day and two hours after its last run."""
    visitor = signed_in("ops")
    run = busy.ports.runs.last("invoice")[0]
    for passed, said in ((timedelta(hours=26), False), (timedelta(hours=26, seconds=1), True)):
        del busy.memory.runs["invoice", busy.ports.runs.last("invoice")[0].at]
        busy.ports.runs.save(replace(run, at=NOW - passed))
        assert ("has missed a run" in visitor.get(OPS).words) == said


def test_what_differs_is_listed_with_what_must_be_looked_at_first(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """Of every tenant and of nobody, with both numbers and their places; a run's numbers stand out too."""
    first = Difference(
        tenant="acme", cause="day-differs", subject="SMS on 2026-03-02, sms, US", ours="4", theirs="5",
        unit="messages", source="the day's counters",
    )  # fmt: skip
    nobodys = Difference(tenant=NOBODY, cause="account-unknown", subject="twilio AC9", theirs="6 messages")
    waived = Difference(tenant="acme", cause="not-compared", subject="another", note="why")
    for tenant, found in (("acme", [waived, first]), (NOBODY, [nobodys])):
        world.ports.reconciled.save(reconciled(tenant, found, at=NOW))
    counts = {"compared": 7, "day-differs": 1, "not-compared": 1, "unread": 0}
    world.ports.runs.save(Run(schedule="reconcile", at=NOW, counts=counts, report={"day-differs": ("acme: it",)}))
    seen = signed_in("read-only").get(OPS)
    assert "acme SMS on 2026-03-02, sms, US day differs the records of the day do not add up" in seen.words
    assert "4 messages 5 messages the records, the day's counters" in seen.words.replace("&#39;", "'")
    assert "nobody twilio AC9 account unknown" in seen.words
    assert seen.words.index("day differs the records") < seen.words.index("not compared could not")
    assert '<span class="tag bad">day differs 1</span>' in seen.text
    assert '<span class="tag ">not compared 1</span>' in seen.text
    assert "Differences found 2 What differs" in seen.words, "what could not be compared is none"


def test_where_nothing_differs_the_page_says_so(signed_in: Callable[..., Visitor]) -> None:
    """A zero among the numbers, and a sentence where the list would be."""
    words = signed_in("ops").get(OPS).words
    assert "Differences found 0 Queues" in words
    assert "Nothing that was compared differs." in words


def test_more_differences_than_a_page_holds_are_counted(world: World, signed_in: Callable[..., Visitor]) -> None:
    """And the first ones shown."""
    many = [Difference(tenant="acme", cause="day-differs", subject=f"it {n}") for n in range(101)]
    world.ports.reconciled.save(reconciled("acme", many, at=NOW))
    words = signed_in("ops").get(OPS).words
    assert "Shown are 100 of 101." in words
    assert "it 99" in words
    assert "it 100" not in words


def test_dead_letters_are_sent_back_after_a_question(busy: World, signed_in: Callable[..., Visitor]) -> None:
    """How many; and who did it is on the page."""
    visitor = signed_in("ops")
    asking = visitor.get(f"{OPS}?confirm=queue-1").text
    assert re.search(r'<dialog id="queue-\d" [^>]*>\s*<h2[^>]*>Send 3 dead letters back', asking)
    assert 'value="t-notify-dlq"' not in asking
    seen = visitor.submit(f"{OPS}/queues/redrive", {"queue": "t-receipts-dlq"})
    assert (seen.status, seen.location) == (303, OPS)
    words = visitor.get(OPS).words
    assert "t-receipts-dlq: 3 sent back." in words
    assert "Queue t-receipts-dlq redriven by 7f3a-ada" in words
    assert [one.waiting for one in busy.ports.queues.known] == [1_234, 0, 0]


def test_where_sqs_moves_them_by_itself_no_number_is_made_up(busy: World, signed_in: Callable[..., Visitor]) -> None:
    """It takes its time."""
    busy.ports.queues.by_itself = True
    visitor = signed_in("ops")
    visitor.get(OPS)
    visitor.submit(f"{OPS}/queues/redrive", {"queue": "t-receipts-dlq"})
    assert "t-receipts-dlq: Dead letters are being sent back." in visitor.get(OPS).words


def test_dead_letters_of_no_queue_are_added_up_and_have_no_button(
    busy: World, signed_in: Callable[..., Visitor]
) -> None:
    """What the table's stream could not deliver; it cannot be sent back, and a form that asks for it is refused."""
    busy.ports.queues.known = [queue("t-announce-dlq", 2, dead=True, returnable=False), *busy.ports.queues.known]
    visitor = signed_in("ops")
    seen = visitor.get(OPS)
    assert "Dead letters 5 Facts" in seen.words
    assert "t-announce-dlq dead letters 2 2 0 from no queue: see the runbook" in seen.words
    assert 'value="t-announce-dlq"' not in seen.text
    assert visitor.submit(f"{OPS}/queues/redrive", {"queue": "t-announce-dlq"}).status == 404


@pytest.mark.usefixtures("busy")
def test_a_queue_that_holds_no_dead_letters_is_not_emptied(signed_in: Callable[..., Visitor]) -> None:
    """Whatever a form says."""
    visitor = signed_in("ops")
    visitor.get(OPS)
    assert visitor.submit(f"{OPS}/queues/redrive", {"queue": "t-receipts"}).status == 404


def test_quarantine_is_counted_again_by_reason(busy: World, signed_in: Callable[..., Visitor]) -> None:
    """The meter is asked, in the person's name."""
    visitor = signed_in("ops")
    visitor.get(OPS)
    assert visitor.submit(f"{OPS}/quarantine/redrive", {"reason": "no-rate"}).status == 303
    assert busy.ports.recounting.begun == ["no-rate"]
    assert "Quarantine no-rate redriven by 7f3a-ada" in visitor.get(OPS).words


@pytest.mark.usefixtures("busy")
def test_finance_sees_it_and_has_no_buttons(signed_in: Callable[..., Visitor]) -> None:
    """Redriving is for ops."""
    text = signed_in("finance").get(OPS).text
    assert "dead letters" in text
    assert "/redrive" not in text


def test_mails_come_tenants_at_a_time(world: World, signed_in: Callable[..., Visitor]) -> None:
    """With a way on, where there are more than a page has time for."""
    for n in range(201):
        Billing(contract=contract(tenant=f"shop-{n:03}"), memory=world.memory)
    visitor = signed_in("ops")
    seen = visitor.get(OPS)
    assert 'href="/console/ops?after=shop-199#mails"' in seen.text
    assert "Every mail to a customer has arrived" in visitor.get("/console/ops?after=shop-199").words


@pytest.mark.parametrize(
    ("mail", "minutes", "shown"),
    [
        (MailState(status="bounced", to=("finance@tollgate.example",), reasons=("full",)), 1, True),
        (MailState(status="queued"), 59, False),
        (MailState(status="queued"), 61, True),
        (MailState(status="delivered", to=("finance@tollgate.example",)), 600, False),
    ],
)
def test_a_mail_to_finance_that_did_not_arrive_is_seen_by_ops(
    world: World, signed_in: Callable[..., Visitor], mail: MailState, minutes: int, shown: bool
) -> None:
    """Nobody else would notice that finance was not told of the drafts that wait."""
    notice = next_notice({}, before=None, flags={}, at=NOW - timedelta(minutes=minutes))
    world.ports.drafts.add(notice)
    world.ports.drafts.set_mail(notice.identity, expected=MailState(), mail=mail)
    words = signed_in("ops").get(OPS).words
    assert ("The mail that tells finance of 0 drafts" in words) is shown
    assert f"Undelivered mails {int(shown)}" in words
