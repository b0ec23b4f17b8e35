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

from playwright.sync_api import Browser, FloatRect, Page

from local import chromium, ports
from local.demo.place import Place
from local.showroom import pages, visit
from local.showroom.fill import fill
from local.stack import PROJECT, LocalStack
from local.steps import StepError, Steps

FOLDER: Final = PROJECT / "docs" / "screenshots"
MOST_BYTES: Final = 200_000
MOST_BYTES_IN_ALL: Final = 6_000_000
TOP: Final = "part => document.getElementById(part).getBoundingClientRect().top + window.scrollY"
MARGIN: Final = 16


@dataclass(frozen=True, slots=True)
class Look:
    """A way to look at a page. What is beyond ``size`` is more of the same, or a picture of its own."""

    name: str
    size: tuple[int, int] = (visit.LAPTOP[0], 700)
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
            file = folder / f"{view.name}-{look.name}.png"
            page.screenshot(path=file, full_page=True, clip=_clip(page, view.part, look), animations="disabled")
            taken.append(file)
        window.close()
    return taken


def _clip(page: Page, part: str, look: Look) -> FloatRect:
    """What of a page is on its picture: as much as a window shows, from the top or from a part of it."""
    width, height = look.size
    long = int(page.evaluate("document.documentElement.scrollHeight"))
    top = int(page.evaluate(TOP, part)) - MARGIN if part else 0
    return {"x": 0, "y": max(0, min(top, long - height)), "width": width, "height": height}


def too_large(files: list[Path]) -> list[str]:
    """Pictures, or all of them, that do not belong into a repository."""
    sizes = {file.name: file.stat().st_size for file in files}
    found = [f"{name}: {size:,} bytes" for name, size in sizes.items() if size > MOST_BYTES]
    total = sum(sizes.values())
    return [*found, f"all of them: {total:,} bytes"] if total > MOST_BYTES_IN_ALL else found


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
