"""The showroom's story holds on whatever day it is told, and its pictures are small."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.showroom import shots, story

NOW = st.integers(0, 10 * 365 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(NOW)
def test_nothing_is_sent_after_now_and_each_message_in_its_month(now: datetime) -> None:
    """Also on the first of a month, and in every time zone of the contracts."""
    for number in story.MONTHS:
        first, end = story.first_day(number, now.date()), story.first_day(number + 1, now.date())
        for message in [one for some in story.messages(number, now) for one in some]:
            assert message.at <= now - timedelta(hours=1)
            assert first <= (message.at - timedelta(hours=12)).date()
            assert (message.at + timedelta(hours=12)).date() < end


def test_the_same_day_is_the_same_story() -> None:
    """Message by message, so that pictures change with the pages alone."""
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    for number in story.MONTHS:
        assert story.messages(number, now) == story.messages(number, now)


def test_pictures_are_too_large_one_by_one_and_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named with its size; many small ones may be too many."""
    monkeypatch.setattr(shots, "MOST_BYTES", 100)
    monkeypatch.setattr(shots, "MOST_BYTES_IN_ALL", 250)
    files = [tmp_path / f"{size}.png" for size in (100, 101, 49)]
    for file in files:
        file.write_bytes(bytes(int(file.stem)))
    assert shots.too_large(files[:1]) == []
    assert shots.too_large(files) == ["101.png: 101 bytes"]
    more = tmp_path / "more.png"
    more.write_bytes(b"x")
    assert shots.too_large([*files, more]) == ["101.png: 101 bytes", "all of them: 251 bytes"]
