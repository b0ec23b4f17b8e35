"""Notify: every notice is mailed, ops hear of a mail that did not arrive, and neither happens twice without need."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import DOCUMENT, NOON, TERM_START
from tests.fakes.faults import Crash, Faults, every_fault
from tests.fakes.outside import MemoryMailer
from tests.fakes.rows import Memory, memory_rows
from tollgate.domain.calendar import Period
from tollgate.domain.contract import Contract, parse
from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.domain.invoices import OPEN, Invoice
from tollgate.domain.invoices import notice as invoice_notice
from tollgate.domain.notices import (
    LIMIT,
    LIMIT_REACHED,
    OVERDUE,
    SETTINGS_CHANGED,
    USAGE_LINK,
    USAGE_WARNING,
    Hold,
    Notice,
)
from tollgate.domain.preferences import Change, Preferences, told
from tollgate.domain.statement import DRAFT, Statement
from tollgate.mails.brand import Brand
from tollgate.stages.notify import (
    ACCEPTED,
    ARRIVED,
    DOUBTFUL,
    FAILED,
    RESEND_AFTER,
    Feedback,
    NotifyPorts,
    OpsUnreachable,
    hear,
    heard,
    notify,
)
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.mail import Mail

OPS = "ops@tollgate.example"
ANN, BOB = "ann@acme.example", "bob@acme.example"
LATER = NOON + RESEND_AFTER + timedelta(seconds=1)
MUCH_LATER = LATER + RESEND_AFTER + timedelta(seconds=1)
WARNING = Notice(
    tenant="acme",
    kind=USAGE_WARNING,
    term=TERM_START,
    at=NOON,
    meter="sms",
    line=75,
    used=Decimal(37_500),
    included=Decimal(50_000),
)


def agreed(**changes: object) -> Contract:
    """The example's contract with two contacts for usage."""
    return parse({**DOCUMENT, "contacts": {"usage": [ANN, BOB], "billing": ["ap@acme.example"]}, **changes})


@dataclass
class World:
    """One tenant with one notice, and whatever its mails ran into."""

    notice: Notice = WARNING
    contracts: Sequence[Contract] = field(default_factory=lambda: (agreed(),))
    faults: Faults = field(default_factory=Faults)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    memory: Memory = field(default_factory=Memory)
    counted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory.contracts |= {(one.tenant, one.effective): one for one in self.contracts}
        self.memory.notices["acme", self.notice.identity] = (self.notice, MailState())

    def ports(self) -> NotifyPorts:
        rows, wrap = memory_rows(self.memory), self.faults.wrap
        return NotifyPorts(
            notices=wrap(rows.notices),
            contracts=wrap(rows.contracts),
            invoices=wrap(rows.invoices),
            holds=wrap(rows.holds),
            preferences=rows.preferences,
            mailer=wrap(self.mailer),
            brand=Brand(support="help@tollgate.example", billing="billing@tollgate.example"),
            ops=OPS,
            portal=lambda tenant, at: f"https://tollgate.example/usage/{tenant}-{at:%d}",
            count=lambda name, _value: self.counted.append(name),
        )

    def notify(self, now: datetime = NOON) -> str:
        return notify("acme", self.notice.identity, ports=self.ports(), now=now)

    def hear(self, *reports: Feedback, now: datetime = NOON) -> str:
        return [hear(report, ports=self.ports(), now=now) for report in reports][-1]

    @property
    def mail(self) -> MailState:
        return self.memory.notices["acme", self.notice.identity][1]

    @property
    def to_customer(self) -> list[Mail]:
        return [mail for mail in self.mailer.sent if mail.to != (OPS,)]

    @property
    def to_ops(self) -> list[Mail]:
        return [mail for mail in self.mailer.sent if mail.to == (OPS,)]


def report(outcome: str, *recipients: str, reason: str = "", to_ops: bool = False) -> Feedback:
    return Feedback(
        tenant="acme",
        notice=WARNING.identity,
        to_ops=to_ops,
        outcome=outcome,
        recipients=recipients,
        reason=reason,
        message_id="mail-1",
        sent_at=NOON,
        to=(ANN, BOB),
    )


SEND = report(ACCEPTED)
ARRIVED_ANN, ARRIVED_BOB = report(ARRIVED, ANN), report(ARRIVED, BOB)
BOUNCED_BOB = report(FAILED, BOB, reason="Permanent/NoEmail")
COMPLAINT_ANN = report(FAILED, ANN, reason="complaint/abuse")
DOUBTFUL_ANN = report(DOUBTFUL, ANN, reason="Transient/General")


# Sending


def test_a_notice_is_mailed_to_its_contacts_and_recorded() -> None:
    """The mail goes to all contacts at once, names its notice, and the row keeps who got it, when and its id."""
    world = World()
    assert world.notify() == "sent"
    [mail] = world.mailer.sent
    assert mail.to == (ANN, BOB)
    assert mail.reference == {"tenant": "acme", "notice": "2026-01-15#sms#75"}
    assert "37,500" in mail.subject + mail.text
    assert world.mail == MailState(status="sent", to=(ANN, BOB), tried_at=NOON, sent_at=NOON, message_id="mail-1")
    assert world.counted == ["MailsSent"]


@pytest.mark.parametrize("now", [NOON, LATER, NOON + timedelta(days=14)])
def test_a_repeated_event_sends_nothing(now: datetime) -> None:
    """However late the repeat comes."""
    world = World()
    world.notify()
    assert world.notify(now) == "sent"
    assert len(world.mailer.sent) == 1


def calls_of(act: Callable[[World], object], prepare: Callable[[], World] = World) -> int:
    world = prepare()
    act(world)
    return len(world.faults.calls)


def test_a_crash_around_any_call_still_ends_in_a_mail() -> None:
    """Redelivered after the bound it is sent; twice only when the crash hid that the first had gone out."""
    seen = []
    for faults in every_fault(calls_of(World.notify)):
        world = World(faults=faults)
        with pytest.raises(Crash):
            world.notify()
        hidden = bool(world.mailer.sent) and world.mail.status != "sent"
        assert world.notify(LATER) == "sent"
        assert len(world.mailer.sent) == 1 + hidden
        assert len({tuple(mail.reference.items()) for mail in world.mailer.sent}) == 1
        seen.append(hidden)
    assert seen.count(True) == 2  # after sending, and before recording it


def test_a_crash_retried_within_the_bound_waits() -> None:
    """Nobody can tell a crash from a run that is still sending, so nothing is sent before the bound is over."""
    world = World(faults=Faults(at=1, after=True, only="send"))
    with pytest.raises(Crash):
        world.notify()
    for now in (NOON, NOON + RESEND_AFTER):
        with pytest.raises(RetryLater, match="is being sent"):
            world.notify(now)
    assert len(world.mailer.sent) == 1


@dataclass
class Meanwhile(MemoryMailer):
    """A mail service during whose call something else happens, once."""

    happens: Callable[[], object] = lambda: None

    def send(self, mail: Mail) -> str:
        happens, self.happens = self.happens, lambda: None
        happens()
        return super().send(mail)


def test_a_concurrent_duplicate_does_not_send_a_second_mail() -> None:
    """It comes back later instead, and finds the mail sent."""

    def duplicate() -> None:
        with pytest.raises(RetryLater, match="is being sent"):
            world.notify()

    world = World(mailer=(mailer := Meanwhile()))
    mailer.happens = duplicate
    assert world.notify() == "sent"
    assert world.notify(LATER) == "sent"
    assert len(world.mailer.sent) == 1


def test_of_two_that_read_the_same_row_one_claims_it() -> None:
    """The other comes back later and has sent nothing."""
    world, other = World(), World()
    other.memory = world.memory
    ports = world.ports()
    rendered_meanwhile = ports.holds.holds

    class Holds:
        def holds(self, tenant: str) -> list[Hold]:
            other.notify()
            return rendered_meanwhile(tenant)

        def open(self, hold: Hold) -> None:
            pytest.fail("telling of a hold opens none")

        def lift(self, hold: Hold, *, at: datetime) -> None:
            pytest.fail("telling of a hold lifts none")

    with pytest.raises(RetryLater, match="is being worked on"):
        notify("acme", WARNING.identity, ports=replace(ports, holds=Holds()), now=NOON)
    assert (len(world.mailer.sent), len(other.mailer.sent)) == (0, 1)


def test_a_busy_mail_service_is_tried_again() -> None:
    """The event fails and stays in the queue; after the bound the mail goes out, once."""
    world = World(faults=Faults(at=1, only="send", error=RetryLater("busy")))
    with pytest.raises(RetryLater, match="busy"):
        world.notify()
    assert world.notify(LATER) == "sent"
    assert len(world.mailer.sent) == 1


def test_a_notice_that_does_not_exist_fails() -> None:
    """The event ends in the dead-letter queue instead of being dropped."""
    with pytest.raises(NotFound):
        notify("acme", "2026-01-15#sms#76", ports=World().ports(), now=NOON)


def test_a_tenant_without_a_contract_waits_for_it() -> None:
    """Nothing is claimed, so that the mail goes out as soon as the contract is there."""
    world = World(contracts=())
    with pytest.raises(RetryLater, match="no contract yet"):
        world.notify()
    assert world.mail == MailState()


# What a mail is made of


def test_the_contacts_are_those_in_force_when_the_notice_was_given() -> None:
    """A version that holds later changes nothing."""
    moved = agreed(**{"from": date(2026, 3, 11), "contacts": {"usage": ["new@acme.example"]}})
    world = World(contracts=(agreed(), moved))
    world.notify(NOON + timedelta(days=3))
    assert world.mailer.sent[0].to == (ANN, BOB)


def test_a_meter_that_left_the_contract_is_still_warned_about() -> None:
    """Its allowance is the latest there was."""
    without = agreed(**{"from": date(2026, 3, 11), "allowances": {"sms": None}})
    world = World(contracts=(agreed(), without))
    assert world.notify() == "sent"
    assert "SMS is suspended" in world.mailer.sent[0].text


@pytest.mark.parametrize(("lifted_at", "says"), [(None, "SMS is suspended:"), (NOON, "SMS was suspended:")])
def test_a_limits_mail_says_whether_the_meter_is_still_suspended(lifted_at: datetime | None, says: str) -> None:
    """By the holds that are open when it is sent, not when the line was crossed."""
    world = World(notice=replace(WARNING, kind=LIMIT_REACHED, line=100, used=Decimal(50_000)))
    hold = Hold(tenant="acme", scope="sms", cause=LIMIT, reference=str(TERM_START), opened_at=NOON, lifted_at=lifted_at)
    world.memory.holds["acme", hold.identity] = hold
    world.notify()
    assert says in world.mailer.sent[0].text


def overdue_invoice() -> Invoice:
    amount = Decimal("12.34")
    statement = Statement(
        tenant="acme",
        period=Period(date(2026, 2, 1), date(2026, 3, 1)),
        term=TERM_START,
        currency="USD",
        kind=DRAFT,
        lines=(),
        stated=amount,
        total=amount,
        known={},
    )
    return Invoice(
        statement=statement, status=OPEN, due_date=date(2026, 3, 9), number="TG-1", suspend_on=date(2026, 3, 17)
    )


def test_an_invoices_mail_goes_to_the_billing_contacts_with_its_number() -> None:
    """The invoice is read for it."""
    invoice = overdue_invoice()
    world = World(notice=invoice_notice(invoice, OVERDUE, at=NOON))
    world.memory.invoices["acme", date(2026, 2, 1)] = invoice
    world.notify()
    [mail] = world.mailer.sent
    assert mail.to == ("ap@acme.example",)
    assert "TG-1" in mail.text
    assert "USD 12.34" in mail.text


# Refused


def refusing() -> World:
    return World(mailer=MemoryMailer(refuses=lambda mail: mail.to != (OPS,)))


def test_a_refused_mail_is_bounced_and_ops_are_told_once() -> None:
    """Repeats tell nobody again; the mail to ops names no address."""
    world = refusing()
    assert world.notify() == "bounced"
    assert world.notify(LATER) == "bounced"
    [mail] = world.mailer.sent
    assert mail.to == (OPS,)
    assert ANN not in mail.text
    assert "(address)" in mail.text
    assert mail.reference == {"tenant": "acme", "undelivered": WARNING.identity}
    assert world.mail.escalated_at == NOON
    assert world.counted == ["MailsUndelivered"]


def test_a_crash_around_any_call_of_a_refused_mail_still_tells_ops() -> None:
    """Once, or twice when the crash hid that ops had been told."""
    for faults in every_fault(calls_of(World.notify, refusing)):
        world = refusing()
        world.faults = faults
        with suppress(Crash):  # a crash after the refusal itself is none: the call has not answered
            world.notify()
        hidden = bool(world.mailer.sent) and world.mail.escalated_at is None
        assert world.notify(LATER) == "bounced"
        assert len(world.to_ops) == 1 + hidden
        assert world.mail.escalated_at is not None


def test_when_ops_cannot_be_mailed_either_it_is_not_forgotten() -> None:
    """The event fails until ops' mail is taken."""
    world = World(mailer=MemoryMailer(refuses=lambda _: True))
    for now in (NOON, LATER):
        with pytest.raises(Refused):
            world.notify(now)
    world.mailer.refuses = lambda _: False
    assert world.notify(MUCH_LATER) == "bounced"
    assert len(world.to_ops) == 1
    assert not world.to_customer


# Feedback


@pytest.mark.parametrize(
    ("reports", "status", "told"),
    [
        ([SEND], "sent", 0),
        ([ARRIVED_ANN], "delivered", 0),
        ([ARRIVED_ANN, ARRIVED_BOB], "delivered", 0),
        ([BOUNCED_BOB], "bounced", 1),
        ([ARRIVED_ANN, BOUNCED_BOB], "bounced", 1),
        ([BOUNCED_BOB, ARRIVED_ANN], "bounced", 1),
        ([ARRIVED_ANN, COMPLAINT_ANN], "bounced", 1),
        ([BOUNCED_BOB, COMPLAINT_ANN], "bounced", 1),
        ([DOUBTFUL_ANN], "bounced", 1),
        ([ARRIVED_ANN, DOUBTFUL_ANN], "delivered", 0),
        ([ARRIVED_BOB, DOUBTFUL_ANN], "bounced", 1),
        ([DOUBTFUL_ANN, ARRIVED_ANN], "delivered", 1),
        ([report(ARRIVED, ANN.upper()), DOUBTFUL_ANN], "delivered", 0),
    ],
)
def test_what_is_reported_decides_how_a_mail_stands(reports: list[Feedback], status: str, told: int) -> None:
    """One contact who was not reached is a bounce; an automatic answer of one who was is none. Ops hear once."""
    world = World()
    world.notify()
    assert world.hear(*reports) == status == world.mail.status
    assert len(world.to_ops) == told
    state = world.mail
    world.hear(*reports, *reports, now=MUCH_LATER)
    assert (world.mail, len(world.to_ops)) == (state, told)
    assert len(world.to_customer) == 1


REPORTS = [SEND, ARRIVED_ANN, ARRIVED_BOB, BOUNCED_BOB, COMPLAINT_ANN, DOUBTFUL_ANN]
SENT = MailState(status="sent", to=(ANN, BOB), tried_at=NOON, sent_at=NOON, message_id="mail-1")


@given(st.lists(st.sampled_from(REPORTS)), st.randoms(use_true_random=False), st.sampled_from([SENT, MailState()]))
def test_order_and_repeats_of_reports_do_not_matter(reports: list[Feedback], random: object, before: MailState) -> None:
    """The same set of reports ends in the same state, whatever was known before."""

    def told(order: Sequence[Feedback]) -> MailState:
        state = before
        for one in order:
            state = heard(state, one)
        return state

    shuffled = [*reports, *reports]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random of Hypothesis
    assert told(shuffled) == told(reports)


def test_feedback_in_any_order_tells_ops_once() -> None:
    """Every order of a mail of two contacts, one reached and one not."""
    for order in permutations([SEND, ARRIVED_ANN, BOUNCED_BOB, BOUNCED_BOB]):
        world = World()
        world.notify()
        assert world.hear(*order) == "bounced"
        assert len(world.to_ops) == 1
        assert "Permanent/NoEmail" in world.to_ops[0].text


def test_a_report_settles_what_a_crash_left_open() -> None:
    """The mail service says it has the mail, so the redelivered event sends no second one."""
    world = World(faults=Faults(at=1, after=True, only="send"))
    with pytest.raises(Crash):
        world.notify()
    assert world.hear(SEND) == "sent"
    assert world.notify(LATER) == "sent"
    assert len(world.mailer.sent) == 1
    assert (world.mail.message_id, world.mail.sent_at) == ("mail-1", NOON)


@pytest.mark.parametrize(("early", "status"), [(SEND, "sent"), (ARRIVED_ANN, "delivered"), (BOUNCED_BOB, "bounced")])
def test_a_report_that_overtakes_the_recording_stands(early: Feedback, status: str) -> None:
    """The run that sent the mail finds the row moved, and leaves what was reported."""
    world = World(mailer=(mailer := Meanwhile()))
    mailer.happens = lambda: world.hear(early)
    assert world.notify() == status == world.mail.status


def test_a_crash_around_any_call_of_a_bounce_still_tells_ops() -> None:
    """Once, or twice when the crash hid that ops had been told; the state is that of no crash."""

    def sent() -> World:
        world = World()
        world.notify()
        world.faults = Faults()
        return world

    for faults in every_fault(calls_of(lambda world: world.hear(BOUNCED_BOB), sent)):
        world = sent()
        world.faults = faults
        with pytest.raises(Crash):
            world.hear(BOUNCED_BOB)
        hidden = bool(world.to_ops) and world.mail.escalated_at is None
        assert world.hear(BOUNCED_BOB, now=LATER) == "bounced"
        assert len(world.to_ops) == 1 + hidden
        assert world.mail.escalated_at is not None
        assert world.mail.failed == (BOB,)


def test_two_bounces_at_once_tell_ops_once() -> None:
    """The second is kept at once, and waits while the first tells ops."""

    def second() -> None:
        with pytest.raises(RetryLater, match="ops are being told"):
            world.hear(COMPLAINT_ANN)

    world = World(mailer=(mailer := Meanwhile()))
    world.notify()
    mailer.happens = second
    assert world.hear(BOUNCED_BOB) == "bounced"
    assert world.hear(COMPLAINT_ANN, now=LATER) == "bounced"
    assert len(world.to_ops) == 1
    assert world.mail.failed == (ANN, BOB)


def test_what_becomes_of_ops_own_mail_is_not_taken_for_the_customers() -> None:
    """Delivered: nothing to do. Bounced: nobody has been told, which must not be dropped."""
    world = World()
    world.notify()
    state = world.mail
    assert world.hear(report(ARRIVED, OPS, to_ops=True)) == ARRIVED
    with pytest.raises(OpsUnreachable, match=r"2026-01-15#sms#75 of acme failed: Permanent/NoEmail"):
        world.hear(report(FAILED, OPS, to_ops=True, reason="Permanent/NoEmail"))
    assert (world.mail, len(world.mailer.sent)) == (state, 1)


def test_a_report_about_an_unknown_notice_fails() -> None:
    """It ends in the dead-letter queue."""
    with pytest.raises(NotFound):
        World().hear(replace(SEND, notice="2020-01-15#sms#75"))


def test_a_row_that_never_stops_moving_is_given_back() -> None:
    """The report comes again later instead of looping."""
    world = World()
    world.notify()
    ports = world.ports()

    class Restless:
        def notices(self, tenant: str) -> list[tuple[Notice, MailState]]:
            return ports.notices.notices(tenant)

        def notice(self, tenant: str, identity: str) -> tuple[Notice, MailState]:
            notice, mail = ports.notices.notice(tenant, identity)
            world.memory.notices[tenant, identity] = (notice, replace(mail, message_id=mail.message_id + "'"))
            return notice, mail

        def set_mail(self, tenant: str, identity: str, *, expected: MailState, mail: MailState) -> None:
            ports.notices.set_mail(tenant, identity, expected=expected, mail=mail)

    with pytest.raises(RetryLater, match="keeps changing"):
        hear(ARRIVED_ANN, ports=replace(ports, notices=Restless()), now=NOON)


def test_a_mail_carries_the_way_to_the_customers_own_page() -> None:
    """Made for its tenant when the mail is written, in text and in HTML."""
    world = World()
    world.notify()
    [mail] = world.mailer.sent
    address = f"https://tollgate.example/usage/acme-{NOON:%d}"
    assert f"See your usage: {address}" in mail.text
    assert f'href="{address}"' in mail.html


def test_a_change_of_a_customers_link_is_told_to_those_of_before_and_after() -> None:
    """Once, whatever is chosen by the time the mail is written; without a link."""
    change = Change(
        recipients_before=("ops@acme.example",),
        recipients=("jo@acme.example",),
        shares_before={},
        shares={"sms": (50,)},
        passed={},
    )
    changed = Notice(
        tenant="acme",
        kind=SETTINGS_CHANGED,
        term=WARNING.term,
        at=NOON,
        used=Decimal(0),
        change=change,
        reference="1",
    )
    world = World(notice=changed)
    world.memory.preferences["acme"] = Preferences(recipients=("third@acme.example",), version=2)
    assert [world.notify(), world.notify()] == ["sent", "sent"]
    [mail] = world.mailer.sent
    assert mail.to == ("ops@acme.example", "jo@acme.example")
    assert "https://tollgate.example/usage" not in mail.text


def test_a_link_that_was_asked_for_goes_to_the_contracts_contacts() -> None:
    """Not to whom somebody with an older link chose."""
    link = Notice(tenant="acme", kind=USAGE_LINK, term=WARNING.term, at=NOON, used=Decimal(0), reference="1")
    world = World(notice=link)
    world.memory.preferences["acme"] = Preferences(recipients=("eve@evil.example",), version=1)
    world.notify()
    [mail] = world.mailer.sent
    assert mail.to == agreed().contacts.of("usage")
    assert f"https://tollgate.example/usage/acme-{NOON:%d}" in mail.text


def test_whom_the_customer_chose_is_told_of_usage() -> None:
    """Instead of the contract's contacts; of an invoice those of the contract are told all the same."""
    world = World()
    world.memory.preferences["acme"] = Preferences(recipients=("jo@acme.example",), version=1)
    world.notify()
    [mail] = world.mailer.sent
    assert mail.to == ("jo@acme.example",)
    assert world.memory.notices["acme", WARNING.identity][1].to == ("jo@acme.example",)
    chosen = told(agreed(), world.memory.preferences["acme"])
    assert chosen.contacts.of("billing") == ("ap@acme.example",)
