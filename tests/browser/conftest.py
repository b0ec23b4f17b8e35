"""A real Chromium at the deployed system, which holds the showroom: small, with one of everything.

``visit("frances")`` is a page of somebody who signed in. Each page is watched to its end: an error on its console, an
uncaught exception or a request to another host fails the test, whatever else it asserts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from local import chromium as chromium_of_machine
from local.demo.place import Place
from local.showroom import visit as visits
from local.showroom.fill import fill
from local.steps import StepError

HOST = "127.0.0.1"
EXPECTED_ON_CONSOLE = "Failed to load resource: the server responded with a status of"
"""What Chromium writes about an answer of 400 and above; a test that asks for one asserts its status by itself."""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium of this machine; without one these tests are skipped, but in CI, where they fail."""
    found = chromium_of_machine.find()
    if found is None:
        said = "no Chromium on this machine (Debian: apt-get install chromium), or name one in CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for all tests; each has windows of its own."""
    with visits.started(chromium) as started:
        yield started


@pytest.fixture(scope="session")
def now() -> datetime:
    """When the showroom was filled: its months are counted from there."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def today(now: datetime) -> date:
    """The day of it."""
    return now.date()


@pytest.fixture(scope="session")
def showroom(chromium: str, place: Place, now: datetime) -> Place:
    """The deployed system with the showroom in it. Nothing is deployed where there is no Chromium."""
    try:
        fill(place, now)
    except StepError as failure:
        pytest.fail(str(failure), pytrace=False)
    return place


@dataclass
class Watch:
    """What went wrong on the pages of a test, by itself."""

    wrong: list[str] = field(default_factory=list)

    def over(self, window: BrowserContext) -> BrowserContext:
        """Watch every page of a window."""
        window.on("request", self._request)
        window.on("console", self._console)
        window.on("weberror", lambda error: self.wrong.append(f"uncaught: {error.error}"))
        return window

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in (HOST, None):
            self.wrong.append(f"another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(EXPECTED_ON_CONSOLE):
            self.wrong.append(f"{message.type} on the console of {message.page and message.page.url}: {message.text}")


type Windows = Callable[..., BrowserContext]
type Visit = Callable[..., Page]


@pytest.fixture
def windows(browser: Browser, stack: dict[str, Any]) -> Iterator[Windows]:
    """``windows(dark=True)``: new windows at the deployed system, watched and closed."""
    opened: list[BrowserContext] = []
    watch = Watch()

    def window(**how: Any) -> BrowserContext:
        opened.append(watch.over(visits.window(browser, stack["api"], **how)))
        return opened[-1]

    yield window
    for one in opened:
        one.close()
    assert watch.wrong == []


@pytest.fixture
def visit(windows: Windows, showroom: Place) -> Visit:
    """``visit("frances", to="/console/review")``: a page of somebody who signed in; ``visit("")``: of a stranger."""

    def visited(user: str, *, to: str = "/console", **how: Any) -> Page:
        page = windows(**how).new_page()
        if user:
            visits.sign_in(page, user, to=to)
        else:
            page.goto(to)
        return page

    return visited
