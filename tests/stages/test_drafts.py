"""Drafts: finance is called once for what a daily run left to review, and never twice for the same."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.domain.examples import D, contract
from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.outside import MemoryMailer
from tests.fakes.rows import Memory, memory_rows
from tests.stages.billing import FEBRUARY, FREE, JANUARY, Billing, at, survives_every_crash
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.errors import Conflict, NotFound, Refused, RetryLater
from tollgate.domain.review import summary_of
from tollgate.mails.brand import Brand
from tollgate.stages.drafts import call_finance
from tollgate.stages.notify import ACCEPTED, ARRIVED, DOUBTFUL, FAILED, RESEND_AFTER, Feedback
from tollgate.stages.notify_finance import FinancePorts, FinanceUnreachable, hear_of_finance, notify_finance
from tollgate.stages.review import Differing, Waiting

FIRST_RUN = at("2026-02-06")
FINANCE = "finance@tollgate.example"


def notices(world: Billing) -> list[DraftsNotice]:
    return [notice for notice, _ in world.memory.drafts.values()]


def drafted() -> Billing:
    """January has usage that is to be paid, and is due to be closed."""
    world = Billing()
    world.use(JANUARY, "12.34")
    return world


def test_a_run_that_left_drafts_writes_one_notice() -> None:
    """Of all that wait, in numbers; the runs after it have no news."""
    world = drafted()
    for day in range(3):
        world.daily(FIRST_RUN + timedelta(days=day))
    [notice] = notices(world)
    assert (notice.number, notice.news, notice.count) == (1, 1, 1)
    assert (notice.months, notice.totals) == ({JANUARY.replace(day=1): 1}, {"USD": D("12.34")})
    assert notice.flags == {"first-invoice": 1}
    assert notice.at == FIRST_RUN


def test_a_revised_draft_is_told_again_with_those_that_still_wait() -> None:
    """Usage that came late makes a new revision."""
    world = drafted()
    world.daily(FIRST_RUN)
    world.use(JANUARY, "1.00")
    world.use(FEBRUARY, "2.00")
    world.daily(at("2026-03-05"))
    first, second = notices(world)
    assert (first.told, second.number) == (("acme/2026-01-15#1",), 2)
    assert second.told == ("acme/2026-01-15#2", "acme/2026-02-01#1")
    assert (second.news, second.count) == (2, 2)


def test_nothing_to_review_is_not_told() -> None:
    """A month of nothing, and what is approved before the run."""
    idle = Billing()
    idle.daily(FIRST_RUN)
    assert notices(idle) == []
    world = drafted()
    world.close(FIRST_RUN)
    world.approve(JANUARY, FIRST_RUN)
    world.daily(FIRST_RUN)
    assert notices(world) == []


def test_what_the_contracts_rule_approves_is_not_told() -> None:
    """Finance is not called to what needs nobody's eyes."""
    world = Billing(contract=contract(allowances=FREE, review={"auto_below": "100.00"}))
    world.use(JANUARY, "12.34")
    world.daily(FIRST_RUN)  # the first statement is flagged
    world.approve(JANUARY, FIRST_RUN)
    world.use(FEBRUARY, "12.34")
    report = world.daily(at("2026-03-05"))
    assert report.approved == ["acme/2026-02-01"]
    assert len(notices(world)) == 1


def test_what_the_run_found_is_a_flag_too() -> None:
    """The flags are those that the review shows, not only the draft's own."""
    world = drafted()
    world.close(FIRST_RUN)
    rows = memory_rows(world.memory)
    notice = call_finance(
        {"acme": [summary_of(world.invoice(JANUARY))]},
        rows=rows.drafts,
        waiting=Waiting(rows.quarantine, rows.contracts),
        blocked=["acme/2026-01-15"],
        differing=Differing(rows.reconciled),
        now=FIRST_RUN,
    )
    assert notice is not None
    assert (notice.flags, notice.clean) == ({"counters-differ": 1, "first-invoice": 1}, 0)


def test_a_tenant_that_could_not_be_read_is_told_of_no_second_time() -> None:
    """Its drafts stay told while others are news, and are no news when they can be read again."""
    world = drafted()
    world.daily(FIRST_RUN)
    [notice] = notices(world)
    other = replace(summary_of(world.invoice(JANUARY)), tenant="bell")
    rows = memory_rows(world.memory)
    waiting = Waiting(rows.quarantine, rows.contracts)
    differing = Differing(rows.reconciled)
    call_finance(
        {"bell": [other]}, rows=rows.drafts, waiting=waiting, blocked=[], differing=differing, now=at("2026-02-07")
    )
    assert notices(world)[-1].told == (*notice.told, "bell/2026-01-15#1")
    world.daily(at("2026-02-08"))
    assert len(notices(world)) == 2


def test_a_crash_of_the_run_anywhere_leaves_one_notice_of_the_same_drafts() -> None:
    """Before and after each call, then run again."""
    told = []

    def run(world: Billing) -> None:
        world.daily(FIRST_RUN)
        told.append([notice.told for notice in notices(world)])

    survives_every_crash(drafted, run)
    assert told.count([("acme/2026-01-15#1",)]) == len(told)


def test_of_two_runs_at_once_one_writes_the_notice() -> None:
    """The other finds its number taken, and does not fail."""
    world = drafted()
    world.faults = Faults(only="add", at=1, error=Conflict("taken"))
    report = world.daily(FIRST_RUN)
    assert (report.failed, notices(world)) == ([], [])
    world.daily(FIRST_RUN)
    assert len(notices(world)) == 1


def test_a_notice_that_cannot_be_written_is_named_and_comes_with_the_next_run() -> None:
    """The rest of the run stands."""
    world = drafted()
    world.faults = Faults(only="add", at=1, error=RetryLater("busy"))
    report = world.daily(FIRST_RUN)
    assert (report.drafted, report.failed) == (["acme/2026-01-15"], ["all: call finance: busy"])
    world.daily(at("2026-02-07"))
    assert len(notices(world)) == 1


# The mail


@dataclass
class Desk:
    """One drafts notice and what its mail ran into."""

    faults: Faults = field(default_factory=Faults)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    memory: Memory = field(default_factory=Memory)
    counted: list[str] = field(default_factory=list)
    console: str = "https://console.tollgate.example/console/review"

    def __post_init__(self) -> None:
        world = drafted()
        world.daily(FIRST_RUN)
        self.memory.drafts = world.memory.drafts

    def ports(self) -> FinancePorts:
        return FinancePorts(
            drafts=self.faults.wrap(memory_rows(self.memory).drafts),
            mailer=self.faults.wrap(self.mailer),
            brand=Brand(support="help@tollgate.example", billing=FINANCE),
            finance=FINANCE,
            console=self.console,
            count=lambda name, _: self.counted.append(name),
        )

    def notify(self, after: timedelta = timedelta()) -> str:
        return notify_finance("00000001", ports=self.ports(), now=FIRST_RUN + after)

    def hear(self, outcome: str) -> str:
        return hear_of_finance(report(outcome), ports=self.ports())

    @property
    def status(self) -> str:
        return self.memory.drafts["00000001"][1].status


LATER = RESEND_AFTER + timedelta(seconds=1)


def report(outcome: str) -> Feedback:
    recipients = () if outcome == ACCEPTED else (FINANCE,)
    return Feedback(
        tenant="~platform", notice="00000001", to_ops=False, outcome=outcome, recipients=recipients,
        reason="" if outcome in (ACCEPTED, ARRIVED) else "Permanent/NoEmail", message_id="mail-1", sent_at=FIRST_RUN,
        to=(FINANCE,), to_finance=True,
    )  # fmt: skip


def test_finance_is_mailed_once_and_it_is_recorded() -> None:
    """One mail, however often the event comes."""
    desk = Desk()
    assert [desk.notify(), desk.notify(), desk.notify(LATER)] == ["sent", "sent", "sent"]
    [mail] = desk.mailer.sent
    assert (mail.to, mail.reference) == ((FINANCE,), {"tenant": "~platform", "drafts": "00000001"})
    assert mail.subject == "1 draft waits for review: January 2026, USD 12.34"
    assert f"Open the review: {desk.console}" in mail.text
    assert desk.counted == ["MailsSent"]


def test_without_a_console_the_mail_has_no_link() -> None:
    """And is sent all the same."""
    desk = Desk(console="")
    desk.notify()
    assert "Open the review" not in desk.mailer.sent[0].text


def test_a_crash_anywhere_ends_in_a_mail_that_is_recorded() -> None:
    """Sent again only where nobody can know whether it went out: after its claim, before it was recorded."""
    undisturbed = Desk()
    undisturbed.notify()
    for faults in every_fault(len(undisturbed.faults.calls)):
        desk = Desk(faults=faults)
        with suppress(Crash):
            desk.notify()
        sent, recorded = len(desk.mailer.sent), desk.status == "sent"
        assert desk.notify(LATER) == "sent"
        assert len(desk.mailer.sent) == (sent if recorded else sent + 1)
        assert (desk.status, desk.notify(LATER)) == ("sent", "sent")


def test_a_mail_that_is_being_sent_is_left_to_who_sends_it() -> None:
    """Until its claim is over; and a race for the claim has one winner."""
    desk = Desk(faults=Faults(only="send", at=1))
    with pytest.raises(Crash):
        desk.notify()
    with pytest.raises(RetryLater):
        desk.notify(RESEND_AFTER)
    assert desk.mailer.sent == []
    assert (desk.notify(LATER), desk.counted) == ("sent", ["MailsSentAgain", "MailsSent"])
    raced = Desk(faults=Faults(only="set_mail", at=1, error=Conflict("taken")))
    with pytest.raises(RetryLater):
        raced.notify()
    assert raced.mailer.sent == []


def test_a_report_settles_a_claim() -> None:
    """It proves that the mail was taken, so it is not sent again."""
    desk = Desk(faults=Faults(only="send", at=1, after=True))
    with pytest.raises(Crash):
        desk.notify()
    assert (desk.hear(ACCEPTED), desk.notify(LATER), len(desk.mailer.sent)) == ("sent", "sent", 1)


def test_a_delivery_is_kept_and_a_failure_rings() -> None:
    """A mail that finance did not get ends in the dead letters; one that it got after all does not."""
    desk = Desk()
    desk.notify()
    with pytest.raises(FinanceUnreachable, match="NoEmail"):
        desk.hear(DOUBTFUL)
    assert (desk.hear(ARRIVED), desk.hear(DOUBTFUL), desk.status) == ("delivered", "delivered", "delivered")
    with pytest.raises(FinanceUnreachable):
        desk.hear(FAILED)
    assert (desk.status, desk.hear(ACCEPTED)) == ("bounced", "bounced")


def test_a_refused_mail_and_an_unknown_notice_come_back() -> None:
    """Nothing is recorded as sent."""
    desk = Desk(mailer=MemoryMailer(refuses=lambda _: True))
    with pytest.raises(Refused):
        desk.notify()
    assert desk.status == "sending"
    with pytest.raises(NotFound):
        notify_finance("00000009", ports=desk.ports(), now=FIRST_RUN)


def test_a_record_that_keeps_changing_is_given_up_for_now() -> None:
    """A conflict is read again; too many are for later."""
    once = Desk()
    once.notify()
    once.faults = Faults(only="set_mail", at=1, error=Conflict("moved"))
    assert once.hear(ARRIVED) == "delivered"
    desk = Desk()
    desk.notify()
    desk.faults = Faults(only="set_mail", always=True, error=Conflict("moved"))
    with pytest.raises(RetryLater):
        desk.hear(ARRIVED)
