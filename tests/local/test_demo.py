"""The demo's story is the same whatever month it begins in."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from local.demo import agreements, story
from local.demo.story import Message
from tests.pipeline import naive
from tollgate.domain.calendar import add_months
from tollgate.domain.contract import Contract, parse

STARTS = [date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1), date(2028, 2, 1)]
"""December, January, a February without and one with a leap day."""


def contracts(folder: Path, start: date) -> dict[str, Contract]:
    files = agreements.write(folder, start=start)
    return {name: parse(yaml.safe_load(file.read_text(encoding="utf-8"))) for name, file in files.items()}


@cache
def months(start: date) -> list[list[Message]]:
    """Every message of the year, month by month."""
    return [[m for some in story.messages(number, start=start) for m in some] for number in range(story.MONTHS)]


def told(start: date) -> list[list[tuple[object, ...]]]:
    """Every message of the year without its time, month by month."""
    return [sorted((m.tenant, m.id, m.to, m.category, m.shown, m.parts) for m in month) for month in months(start)]


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_only_the_dates_move(start: date) -> None:
    """Month by month the same messages, so the same fees and the same lines crossed in the same month."""
    assert told(start) == told(date(2026, 10, 1))


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_each_message_is_of_its_month_and_of_the_first_term_of_its_tenant(start: date, tmp_path: Path) -> None:
    """In the contract's own time zone, so that no month's close finds a message of another one."""
    signed = contracts(tmp_path, start)
    for number, messages in enumerate(months(start)):
        first, end = story.month(number, start=start)
        for message in messages:
            contract = signed[message.tenant]
            day = message.at.astimezone(ZoneInfo(contract.timezone)).date()
            assert max(first, contract.term.start) <= day < end


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_nothing_is_due_before_it_is_issued(start: date, tmp_path: Path) -> None:
    """On every day of the month in which the year is first played, the first close and what is due lie ahead, and so
    does the end of the term: dates that have gone by are counted anew from the real clock."""
    for played in (start, add_months(start, 1) - timedelta(days=1)):
        signed = contracts(tmp_path / str(played), agreements.begin(tmp_path / "nothing", today=played))
        closes = datetime.combine(add_months(start, 1).replace(day=4), time(6), UTC)
        for contract in signed.values():
            due = closes.date() + timedelta(days=contract.payment.days_until_due)
            assert due > played
            assert add_months(contract.term.start, contract.term.months) > played


def test_the_late_payer_is_suspended_and_pays_before_the_next_close() -> None:
    """Due on the 18th, past due on the 19th, suspended on the 26th: also in a February."""
    closed = date(2027, 2, 4)
    due = closed + timedelta(days=14)
    assert due + timedelta(days=8) == date(2027, 2, 26)
    assert due + timedelta(days=12) < add_months(closed, 1)


def test_the_year_goes_beyond_what_is_included() -> None:
    """By the rate card: northwind passes 75 % in the eighth month and all of it in the tenth."""
    fees = Decimal(0)
    passed: dict[int, int] = {}
    for number, messages in enumerate(months(STARTS[0])):
        mine = [m for m in messages if m.tenant == "northwind" and m.category]
        arrived = [m for m in mine if {"delivered", "read"} & set(m.shown)]
        fees += sum((naive.price_of(m.category, naive.market_of(m.to)) for m in arrived), Decimal(0))
        passed |= {line: number for line in (750, 1000) if fees >= line and line not in passed}
    assert passed == {750: 7, 1000: 9}


def test_a_year_keeps_its_dates_when_it_is_played_again(tmp_path: Path) -> None:
    """The same receipts at other times would be other days of the same messages."""
    start = agreements.begin(tmp_path, today=date(2026, 11, 24))
    assert start == date(2026, 11, 1)
    agreements.write(tmp_path, start=start)
    assert agreements.begin(tmp_path, today=date(2027, 2, 3)) == start
