"""Exports: which days may be asked for, when a question is the same one, how many there may be, and how time tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.calendar import Span
from tollgate.domain.errors import Invalid
from tollgate.domain.exports import (
    CUSTOMER,
    EXPIRED,
    FAILED,
    LASTS,
    LATE,
    MOST_KNOWN,
    READY,
    REQUESTED,
    ROOM,
    RUNNING,
    STAFF,
    Export,
    Selection,
    asked_for,
    checked,
)

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
TODAY = date(2026, 3, 10)
ALL = Selection(first=date(2026, 1, 20), last=date(2026, 3, 9))
WANTED = Export(tenant="acme", selection=ALL, side=CUSTOMER, by="customer:acme", requested_at=NOW)


def known(*, ago: timedelta = timedelta(), number: int = 1, **other: object) -> Export:
    """An export that was asked for some time ago."""
    export = replace(WANTED, number=number, requested_at=NOW - ago, version=1)
    return replace(export, **other)  # type: ignore[arg-type]  # its own fields


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        ("2026-03-10", "2026-03-10", []),
        ("2025-03-01", "2026-03-10", []),
        ("2025-02-28", "2026-03-10", ["first"]),
        ("2026-03-11", "2026-03-11", ["first", "last"]),
        ("2026-03-01", "2026-03-11", ["last"]),
        ("2026-03-02", "2026-03-01", ["last"]),
        ("2024-01-01", "2027-01-01", ["first", "last"]),
    ],
)
def test_days_are_those_that_records_are_kept_for(first: str, last: str, wrong: list[str]) -> None:
    """The month that runs and the twelve before it, up to today; every problem is named."""
    selection = Selection(first=date.fromisoformat(first), last=date.fromisoformat(last))
    if not wrong:
        assert checked(selection, today=TODAY) is selection
        return
    with pytest.raises(Invalid) as refused:
        checked(selection, today=TODAY)
    assert [problem.path for problem in refused.value.problems] == wrong


@pytest.mark.parametrize("name", ["meter", "category", "market", "line"])
def test_what_narrows_it_is_of_a_sane_length(name: str) -> None:
    """It is kept in the row."""
    text = "x" * 200
    assert checked(replace(ALL, **{name: text}), today=TODAY).narrowed == text  # type: ignore[arg-type]  # by its name
    with pytest.raises(Invalid, match=f"{name}: expected at most 200 characters"):
        checked(replace(ALL, **{name: text + "x"}), today=TODAY)  # type: ignore[arg-type]  # by its name


def test_days_come_month_by_month() -> None:
    """The index is by month."""
    assert list(ALL.months()) == [
        Span(date(2026, 1, 20), date(2026, 2, 1)),
        Span(date(2026, 2, 1), date(2026, 3, 1)),
        Span(date(2026, 3, 1), date(2026, 3, 10)),
    ]


@given(st.dates(date(2024, 12, 1), TODAY), st.integers(0, 500))
def test_months_tile_the_days(first: date, more: int) -> None:
    """Each day is in one of them."""
    last = first + timedelta(days=more)
    months = list(Selection(first=first, last=last).months())
    days = [month.start + timedelta(days=n) for month in months for n in range((month.end - month.start).days)]
    assert days == [first + timedelta(days=n) for n in range(more + 1)]


@pytest.mark.parametrize(
    ("before", "is_same"),
    [
        (known(ago=timedelta(minutes=59)), True),
        (known(ago=timedelta(hours=23), status=RUNNING), True),
        (known(ago=timedelta(hours=24), status=RUNNING), False),
        (known(ago=timedelta(minutes=59), status=READY, finished_at=NOW), True),
        (known(ago=timedelta(minutes=60), status=READY, finished_at=NOW), False),
        (known(status=FAILED), False),
        (known(side=STAFF), False),
        (known(selection=replace(ALL, line="utility/India")), False),
        (known(selection=replace(ALL, last=TODAY)), False),
    ],
)
def test_the_same_question_within_the_hour_is_the_same_export(before: Export, is_same: bool) -> None:
    """And while it is made; unless it failed. Staff's is no answer to a customer."""
    answer = asked_for(WANTED, [before], now=NOW)
    assert (answer == before) == is_same
    if not is_same:
        assert (answer.number, answer.version, answer.requested_at, answer.status) == (2, 0, NOW, REQUESTED)


def others(count: int, side: str, **more: object) -> list[Export]:
    """Exports of other days."""
    return [
        known(number=n, side=side, selection=replace(ALL, last=TODAY - timedelta(days=n + 3)), **more)  # type: ignore[arg-type]  # its own fields
        for n in range(count, 0, -1)
    ]


@pytest.mark.parametrize("side", [CUSTOMER, STAFF])
def test_only_so_many_are_made_at_once_and_asked_for_in_a_day(side: str) -> None:
    """For each side apart; one that took more than a day stands in nobody's way."""
    wanted, room = replace(WANTED, side=side), ROOM[side]
    other = STAFF if side == CUSTOMER else CUSTOMER
    with pytest.raises(Invalid, match=f"{room.at_once} files are being made already"):
        asked_for(wanted, others(room.at_once, side), now=NOW)
    asked = others(room.a_day, side, status=READY, finished_at=NOW)
    with pytest.raises(Invalid, match=f"at most {room.a_day} files a day"):
        asked_for(wanted, asked, now=NOW)
    assert asked_for(wanted, others(room.at_once, other), now=NOW).number == room.at_once + 1
    day = timedelta(days=1)
    assert asked_for(wanted, others(room.a_day, side, ago=day), now=NOW).number == room.a_day + 1


def test_a_decision_sees_all_that_it_has_to_count() -> None:
    """What both sides may ask for in a day, twice over."""
    assert sum(room.a_day for room in ROOM.values()) * 2 <= MOST_KNOWN


@pytest.mark.parametrize(
    ("export", "state"),
    [
        (known(), REQUESTED),
        (known(ago=timedelta(hours=23), status=RUNNING), RUNNING),
        (known(ago=timedelta(hours=24), status=RUNNING), FAILED),
        (known(ago=timedelta(hours=24)), FAILED),
        (known(status=READY, finished_at=NOW), READY),
        (known(status=READY, finished_at=NOW - LASTS + timedelta(seconds=1)), READY),
        (known(status=READY, finished_at=NOW - LASTS), EXPIRED),
        (known(status=FAILED, ago=timedelta(days=30)), FAILED),
    ],
)
def test_time_tells_what_nobody_wrote(export: Export, state: str) -> None:
    """A file goes after a week, and an export that never came to its end has failed."""
    assert export.state(NOW) == state


def test_an_export_names_its_file_and_what_it_keeps() -> None:
    """Under its tenant and number; bytes that wait, under the claim too."""
    export = known(number=7, claims=3)
    assert export.name == "acme-2026-01-20-2026-03-09-7.csv.gz"
    assert (export.key, export.tail_key()) == ("exports/acme/00000007.csv.gz", "unfinished/acme/00000007-3")
    assert (ALL.narrowed, replace(ALL, meter="sms", line="sms/x").narrowed) == ("", "sms, sms/x")
    assert (export.lasts_until, known(finished_at=NOW).lasts_until) == (NOW + LASTS, NOW + LASTS)
    assert (known(failure="forgotten").why, known().why) == ("forgotten", LATE)
