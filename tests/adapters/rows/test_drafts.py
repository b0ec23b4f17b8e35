"""DraftsNoticeRows, in memory and in the real tables. The rows are nobody's, so each test counts on from the last."""

from dataclasses import replace
from datetime import date

import pytest

from tests.domain.examples import NOON, D
from tests.fakes.rows import Rows
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.errors import Conflict, NotFound
from tollgate.stages.ports.accounts import MailState

SENDING = MailState(status="sending", to=("finance@tollgate.example",), tried_at=NOON)


def following(rows: Rows) -> DraftsNotice:
    last = rows.drafts.last()
    return DraftsNotice(
        number=last.number + 1 if last else 1,
        at=NOON,
        news=1,
        months={date(2026, 1, 1): 1, date(2026, 2, 1): 9_999},
        totals={"EUR": D("1.10"), "USD": D("2500.00")},
        clean=9_999,
        flags={"jump": 1},
        told=tuple(f"tenant-{n:05d}/2026-02-01#1" for n in range(10_000)),
    )


def test_a_notice_is_read_as_it_was_written(rows: Rows) -> None:
    """Amounts to the digit, ten thousand drafts in one item, its mail queued; the last is the one written last."""
    for notice in (first := following(rows), replace(first, number=first.number + 1, told=())):
        rows.drafts.add(notice)
        assert rows.drafts.notice(notice.identity) == (notice, MailState())
        assert rows.drafts.last() == notice


def test_a_number_is_given_once(rows: Rows) -> None:
    """The second one fails and leaves the first as it is."""
    notice = following(rows)
    rows.drafts.add(notice)
    with pytest.raises(Conflict):
        rows.drafts.add(replace(notice, news=7))
    assert rows.drafts.notice(notice.identity) == (notice, MailState())


def test_the_mail_moves_only_from_where_it_was_read(rows: Rows) -> None:
    """And nothing comes to be by it."""
    notice = following(rows)
    rows.drafts.add(notice)
    rows.drafts.set_mail(notice.identity, expected=MailState(), mail=SENDING)
    with pytest.raises(Conflict):
        rows.drafts.set_mail(notice.identity, expected=MailState(), mail=SENDING)
    assert rows.drafts.notice(notice.identity) == (notice, SENDING)
    with pytest.raises(Conflict):
        rows.drafts.set_mail("99999999", expected=MailState(), mail=SENDING)
    with pytest.raises(NotFound):
        rows.drafts.notice("99999999")
