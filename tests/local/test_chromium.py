"""Which Chromium is driven: the one that is named, else the first of the usual names."""

from pathlib import Path

import pytest

from local import chromium


def program(folder: Path, name: str) -> str:
    file = folder / name
    file.touch(mode=0o755)
    return str(file)


def test_the_first_of_the_usual_names_is_taken(tmp_path: Path) -> None:
    """Chromium before Chrome, wherever the path has them."""
    program(tmp_path, "google-chrome")
    wanted = program(tmp_path, "chromium")
    assert chromium.find({"PATH": str(tmp_path)}) == wanted


def test_the_one_that_is_named_is_taken(tmp_path: Path) -> None:
    """By its path; a name that is no program is no reason to take another."""
    program(tmp_path, "chromium")
    wanted = program(tmp_path, "my-browser")
    assert chromium.find({"PATH": str(tmp_path), "CHROMIUM": wanted}) == wanted
    assert chromium.find({"PATH": str(tmp_path), "CHROMIUM": str(tmp_path / "gone")}) is None


def test_a_machine_may_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is nothing to drive, and nothing is downloaded."""
    monkeypatch.setattr(chromium, "MACOS", tmp_path / "Google Chrome")
    assert chromium.find({"PATH": str(tmp_path)}) is None
