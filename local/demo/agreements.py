"""The demo's contracts, dated: the year begins with the month in which it is first played.

Due dates and limits are counted from the real clock once an invoice is issued, so a year in the past would tell another
story. Always true: the year of an instance keeps its dates until the instance is wiped, whenever it is played again.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from string import Template
from typing import Final

import yaml

from local.demo import story

TEMPLATES: Final = Path(__file__).parent / "contracts"
TENANTS: Final = ("corner-bakery", "northwind", "pulse-alerts", "lakeside-clinics")
CORRECTION: Final = "northwind-second-number"
OF_THE_YEAR: Final = "northwind"
"""The contract that begins with the year."""


def begin(folder: Path, *, today: date) -> date:
    """The first day of the year: that of the contracts in ``folder``, else of the month of ``today``."""
    written = folder / f"{OF_THE_YEAR}.yaml"
    if not written.exists():
        return today.replace(day=1)
    first: date = yaml.safe_load(written.read_text(encoding="utf-8"))["term"]["start"]
    return first


def write(folder: Path, *, start: date) -> dict[str, Path]:
    """Every contract with its dates, as a file in ``folder``, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    days = {"first_day": start, "middle": start.replace(day=story.MIDDLE)}
    files = {}
    for name in (*TENANTS, CORRECTION):
        files[name] = folder / f"{name}.yaml"
        text = (TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8")
        files[name].write_text(Template(text).substitute(days), encoding="utf-8")
    return files
