"""``make bench``: measures, prints the tables and writes them into ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from local.bench import page, pages, receipts, stage
from local.bench.receipts import Speed
from local.bench.tables import ROOT, TOOL, tables
from local.processes import NotReadyError
from local.steps import Steps
from tollgate.providers.registry import PROVIDERS

PAGE: Final = ROOT / "docs" / "benchmarks.md"
COMMAND: Final = "make bench"
PACKAGES: Final = ("boto3", "pydantic", "phonenumbers", "cryptography")


def main() -> int:
    """Exit status 0 once the page is written; 1 with a message when something could not be measured."""
    steps = Steps()
    setting = page.Setting(rows=list(_setting()))
    try:
        with steps.step("receipts of each provider"):
            measured = list(receipts.measure(PROVIDERS))
        with steps.step("the meter stage, batch by batch"), tables() as own:
            stages = list(stage.measure(own))
        with steps.step("pages, of a thousand tenants and a million records"), tables() as own:
            shown = pages.measure(own)
    except (NotReadyError, stage.NotCountedError, pages.NotAnsweredError) as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    speeds = [one for one in measured if isinstance(one, Speed)]
    section = page.section(setting, speeds, [one for one in measured if isinstance(one, str)], stages, shown)
    PAGE.write_text(page.merged(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "", section), encoding="utf-8")
    print(f"\n{section}\n\n{steps.summary()}\nWritten to {PAGE.relative_to(ROOT)}.")
    return 0


def _setting() -> list[tuple[str, str]]:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return [
        ("command", f"`{COMMAND}`"),
        ("date", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("version", _commit()),
        ("machine", f"{os.cpu_count()} cores, {_processor()}, {platform.system()}"),
        ("load before", f"{load} (1, 5 and 15 minutes)"),
        ("Python", platform.python_version()),
        ("packages", ", ".join(f"{name} {version(name)}" for name in PACKAGES)),
        ("local AWS", _ministack()),
    ]


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit, and whether the product's code differs from it."""
    named = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if named.returncode:
        return version("tollgate")
    changed = ["git", "status", "--porcelain", "--", "layers", "local", "template.yaml"]
    differs = subprocess.run(changed, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return f"{version('tollgate')} at {named.stdout.strip()}" + (", with changes that are not in it" if differs else "")


def _ministack() -> str:
    found = sorted(TOOL.glob("lib/python*/site-packages/ministack-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").replace("-", " ") if found else "ministack"


if __name__ == "__main__":
    sys.exit(main())
