"""``make screenshots``: every page of the showroom in light, dark and on a phone, as pictures in docs/screenshots.

It deploys a system of its own into a temporary folder, on free ports, and stops it again; `make up` may run beside it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from local import chromium, ports
from local.demo.place import Place
from local.showroom import pages, visit
from local.showroom.fill import fill
from local.stack import PROJECT, LocalStack
from local.steps import StepError, Steps

FOLDER: Final = PROJECT / "docs" / "screenshots"
MOST_BYTES: Final = 200_000
TALLEST: Final = 1250
"""Pixels: what is further down on a long page is more of the same."""


@dataclass(frozen=True, slots=True)
class Look:
    """A way to look at a page."""

    name: str
    size: tuple[int, int] = visit.LAPTOP
    dark: bool = False


LOOKS: Final = (Look("light"), Look("dark", dark=True), Look("phone", size=visit.PHONE))


def take(browser: Browser, place: Place, now: datetime, folder: Path) -> list[Path]:
    """Take every picture; returns their files. Raises StepError for a page that is not what it should be."""
    folder.mkdir(parents=True, exist_ok=True)
    views = pages.console(now.date()) + pages.archived(place) + pages.customer(dict(place.document))
    return [file for look in LOOKS for file in _looked(browser, place, views, look, folder)]


def _looked(browser: Browser, place: Place, views: tuple[pages.View, ...], look: Look, folder: Path) -> list[Path]:
    taken = []
    for user in sorted({view.by for view in views}):
        window = visit.window(browser, place.document["api"], size=look.size, dark=look.dark)
        page = window.new_page()
        if user:
            visit.sign_in(page, user)
        for view in (one for one in views if one.by == user):
            answer = page.goto(view.path)
            if answer is None or answer.status != view.status:
                raise StepError(f"{view.path} answered {answer and answer.status}, not {view.status}")
            tall = min(TALLEST, int(page.evaluate("document.documentElement.scrollHeight")))
            clip = {"x": 0, "y": 0, "width": look.size[0], "height": max(tall, look.size[1])}
            file = folder / f"{view.name}-{look.name}.png"
            page.screenshot(path=file, full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
            taken.append(file)
        window.close()
    return taken


def too_large(files: list[Path]) -> list[str]:
    """Pictures that do not belong into a repository."""
    return [f"{file.name}: {size:,} bytes" for file in files if (size := file.stat().st_size) > MOST_BYTES]


def main() -> int:
    """Exit status 0 when every picture was taken and is small."""
    found = chromium.find()
    if found is None:
        print("No Chromium on this machine: install one (Debian: apt-get install chromium), or name it in CHROMIUM.")
        return 1
    now = datetime.now(UTC).replace(microsecond=0)
    steps = Steps()
    with tempfile.TemporaryDirectory() as folder:
        stack = LocalStack(root=Path(folder), ports=ports.ANY, persist=False)
        try:
            place = Place(stack.endpoints_file, stack.up(steps))
            with steps.step("fill the showroom"):
                fill(place, now)
            with steps.step("take pictures"), visit.started(found) as browser:
                files = take(browser, place, now, FOLDER)
        except StepError as failure:
            print(f"\n{failure}", file=sys.stderr)
            return 1
        finally:
            stack.down()
    print(f"{len(files)} pictures, {sum(file.stat().st_size for file in files):,} bytes: {FOLDER}")
    for one in (large := too_large(files)):
        print(f"too large: {one}", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
