"""Notices and holds: their identities, by which each exists once, and the lifting of a hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.domain.examples import NOON, TERM_START, D
from tollgate.domain.notices import AUDIENCE, Hold, Notice

WARNING = Notice(
    tenant="acme",
    kind="usage-warning",
    term=TERM_START,
    at=NOON,
    meter="sms",
    line=75,
    used=D(37_500),
    included=D(50_000),
)
OVERDUE = Notice(tenant="acme", kind="overdue", term=TERM_START, at=NOON, used=D("10.00"), period=date(2026, 2, 1))
CHANGED = Notice(tenant="acme", kind="settings-changed", term=TERM_START, at=NOON, used=D(0), reference="3")
HOLD = Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=NOON)


@pytest.mark.parametrize(
    ("notice", "identity"),
    [
        (WARNING, "2026-01-15#sms#75"),
        (replace(WARNING, meter="whatsapp"), "2026-01-15#whatsapp#75"),
        (replace(WARNING, kind="limit-reached", line=100), "2026-01-15#sms#100"),
        (replace(WARNING, term=date(2027, 1, 15)), "2027-01-15#sms#75"),
        (replace(WARNING, rearmed=1), "2026-01-15#sms#75#50000"),
        (OVERDUE, "2026-01-15#invoice#2026-02-01#overdue"),
        (replace(OVERDUE, kind="suspended"), "2026-01-15#invoice#2026-02-01#suspended"),
        (replace(OVERDUE, period=date(2026, 3, 1)), "2026-01-15#invoice#2026-03-01#overdue"),
        (replace(OVERDUE, issued_again=1), "2026-01-15#invoice#2026-02-01#overdue#1"),
        (replace(WARNING, asked=True), "2026-01-15#sms#75"),
        (CHANGED, "2026-01-15#settings-changed#3"),
    ],
)
def test_a_notice_is_named_by_what_it_is_about(notice: Notice, identity: str) -> None:
    """Term, meter and line; or term, period and kind: the row that holds a notice can be written once."""
    assert notice.identity == identity


def test_the_same_crossing_has_the_same_identity_whatever_was_counted() -> None:
    """A retry that sees another count or another time writes no second notice."""
    assert replace(WARNING, used=D(37_501), at=NOON + timedelta(hours=1)).identity == WARNING.identity


def test_every_kind_of_notice_has_its_readers() -> None:
    """Those who send are told of usage, those who pay of invoices."""
    assert AUDIENCE == {
        "usage-warning": "usage",
        "limit-reached": "usage",
        "overdue": "billing",
        "suspended": "billing",
        "reinstated": "billing",
        "settings-changed": "usage",
        "usage-link": "usage",
    }


@pytest.mark.parametrize(
    ("hold", "identity"),
    [
        (HOLD, "sms#limit#2026-01-15"),
        (replace(HOLD, scope="all", cause="overdue", reference="2026-02-01"), "all#overdue#2026-02-01"),
    ],
)
def test_a_hold_is_named_by_scope_cause_and_reference(hold: Hold, identity: str) -> None:
    """Two causes of a suspension are two holds."""
    assert hold.identity == identity


def test_a_hold_suspends_until_it_is_lifted_once() -> None:
    """The first lifting stands: a repeat neither moves its time nor opens it again."""
    lifted = HOLD.lifted(NOON + timedelta(days=1))
    assert (HOLD.is_open, lifted.is_open, lifted.lifted_at) == (True, False, NOON + timedelta(days=1))
    assert lifted.lifted(NOON + timedelta(days=2)) is lifted
    assert replace(lifted, lifted_at=None) == HOLD
