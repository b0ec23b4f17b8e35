"""NoticeRows and HoldRows, in memory and in the real tables."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.adapters.rows.samples import MAY, change, hold, warning
from tests.domain.examples import NOON, D
from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.notices import Hold, Notice
from tollgate.stages.ports.accounts import MailState

SENDING = MailState(status="sending", to=("a@acme.example", "b@acme.example"), tried_at=NOON)
SENT = replace(SENDING, status="sent", sent_at=NOON + timedelta(microseconds=5), message_id="0100-ses")


def written(rows: Rows, tenant: str, *parts: Notice | Hold) -> None:
    rows.ledger.commit(tenant, (), change(*parts))


def test_notices_come_oldest_first(rows: Rows, tenant: str) -> None:
    """By their time, then by identity, whatever their keys."""
    later, early = warning(tenant, line=50, at=NOON + timedelta(hours=1)), warning(tenant, line=75)
    other = warning(tenant, line=100)
    written(rows, tenant, later, early, other)
    assert [notice.line for notice, _ in rows.notices.notices(tenant)] == [100, 75, 50]


def test_identities_that_begin_alike_are_different_notices(rows: Rows, tenant: str) -> None:
    """Lines, re-armed lines, meters and invoices of one term each have their own notice and mail."""
    told = [
        warning(tenant, line=1),
        warning(tenant, line=10),
        warning(tenant, line=100),
        replace(warning(tenant, line=100), rearmed=True),
        replace(warning(tenant, line=100), rearmed=True, included=D("50000")),
        replace(warning(tenant), kind="overdue", meter=None, line=None, period=MAY, suspend_on=MAY),
        replace(warning(tenant), kind="suspended", meter=None, line=None, included=None, period=MAY),
    ]
    written(rows, tenant, *told)
    assert len(rows.notices.notices(tenant)) == len(told)
    for notice in told:
        assert rows.notices.notice(tenant, notice.identity) == (notice, MailState())


def test_a_notice_that_was_never_given_is_not_found(rows: Rows, tenant: str) -> None:
    """Reading it and setting its mail say the same; nothing comes to be by it."""
    with pytest.raises(NotFound):
        rows.notices.notice(tenant, "2026-01-15#sms#75")
    with pytest.raises(NotFound):
        rows.notices.set_mail(tenant, "2026-01-15#sms#75", expected=MailState(), mail=SENDING)
    assert rows.notices.notices(tenant) == []


def test_a_mail_goes_its_way_step_by_step(rows: Rows, tenant: str) -> None:
    """Each state replaces the one that was read, whole; what is left out of it is gone."""
    told = warning(tenant)
    written(rows, tenant, told)
    steps = [MailState(), SENDING, SENT, replace(SENT, status="bounced"), MailState()]
    for before, after in pairwise(steps):
        read = rows.notices.notice(tenant, told.identity)[1]
        assert read == before
        rows.notices.set_mail(tenant, told.identity, expected=read, mail=after)
    assert rows.notices.notices(tenant) == [(told, MailState())]


@pytest.mark.parametrize(
    "expected",
    [
        MailState(),
        replace(SENDING, to=SENDING.to[::-1]),
        replace(SENDING, to=()),
        replace(SENDING, tried_at=NOON + timedelta(microseconds=1)),
        replace(SENDING, tried_at=None),
        replace(SENDING, message_id="x"),
        SENT,
    ],
)
def test_a_mail_that_moved_on_is_not_set(rows: Rows, tenant: str, expected: MailState) -> None:
    """Whatever differs from what was read, the second writer is stopped and the mail stays as it is."""
    told = warning(tenant)
    written(rows, tenant, told)
    rows.notices.set_mail(tenant, told.identity, expected=MailState(), mail=SENDING)
    with pytest.raises(Conflict):
        rows.notices.set_mail(tenant, told.identity, expected=expected, mail=SENT)
    assert rows.notices.notice(tenant, told.identity)[1] == SENDING


def test_holds_come_oldest_first_and_by_identity(rows: Rows, tenant: str) -> None:
    """Open and lifted ones alike."""
    later = hold(tenant, scope="all", at=NOON + timedelta(seconds=1))
    first, second = hold(tenant, scope="sms", reference="2026-01-15#1"), hold(tenant, scope="whatsapp")
    written(rows, tenant, later, second, first)
    assert [held.identity for held in rows.holds.holds(tenant)] == [first.identity, second.identity, later.identity]
    assert all(held.is_open and held.version == 1 for held in rows.holds.holds(tenant))


def test_a_lifting_stands_as_it_was_first(rows: Rows, tenant: str) -> None:
    """Lifting again changes nothing; other holds stay open, also where an identity begins alike."""
    held, other = hold(tenant), hold(tenant, reference="2026-01-15#60000")
    written(rows, tenant, held, other)
    rows.holds.lift(held, at=NOON + timedelta(days=1))
    rows.holds.lift(held, at=NOON + timedelta(days=2))
    lifted = replace(held, lifted_at=NOON + timedelta(days=1), version=2)
    assert rows.holds.holds(tenant) == [lifted, replace(other, version=1)]


def test_a_lifted_hold_is_not_opened_again(rows: Rows, tenant: str) -> None:
    """The same cause suspends once: whoever opens it again is told of the conflict."""
    held = hold(tenant)
    written(rows, tenant, held)
    rows.holds.lift(held, at=NOON)
    with pytest.raises(Conflict):
        written(rows, tenant, held)
    assert not rows.holds.holds(tenant)[0].is_open


def test_a_hold_that_was_never_opened_is_not_found(rows: Rows, tenant: str) -> None:
    """Lifting it makes no row."""
    with pytest.raises(NotFound):
        rows.holds.lift(hold(tenant), at=NOON)
    assert rows.holds.holds(tenant) == []


def test_a_manual_hold_is_opened_once(rows: Rows, tenant: str) -> None:
    """With whose it is and why; open or lifted, the same is not opened again."""
    own = replace(hold(tenant, scope="all"), cause="manual", reference="fraud", by="mia", note="stolen card")
    rows.holds.open(own)
    assert rows.holds.holds(tenant) == [replace(own, version=1)]
    for lifts in (False, True):
        if lifts:
            rows.holds.lift(own, at=NOON)
        with pytest.raises(Conflict):
            rows.holds.open(own)
