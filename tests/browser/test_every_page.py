"""What holds for every page: it is there, small, usable by everybody, in both themes, on a phone and without scripts.

The list of pages is the showroom's; a page that is not listed there is found by ``test_every_page_is_listed``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Response, StorageState

from local.demo.place import Place
from local.showroom import pages
from local.showroom import visit as visits
from local.showroom.pages import View
from local.showroom.visit import PHONE
from tests.browser.conftest import Windows
from tollgate.console.site import ROUTES

MOST_BYTES = 150_000
"""Of a page with its styles, scripts and pictures."""
GRAVE = ("serious", "critical")
NOT_A_PAGE = re.compile(r"/static/|/sign-in$|/signed-in$|\.csv$|/schemas/|/<number>$")


def everything(place: Place, today: date) -> tuple[View, ...]:
    """Every page of the console and of a customer."""
    return pages.console(today) + pages.archived(place) + pages.customer(dict(place.document))


NAMES = tuple(view.name for view in pages.console(date(2026, 11, 24))) + pages.ARCHIVED + pages.CUSTOMERS


@pytest.fixture(scope="session")
def views(showroom: Place, today: date) -> dict[str, View]:
    """The pages by name."""
    return {view.name: view for view in everything(showroom, today)}


type Show = Callable[..., tuple[Page, Response]]


@pytest.fixture(scope="session")
def signed_in(browser: Browser, showroom: Place, views: dict[str, View]) -> dict[str, StorageState]:
    """The cookies of everybody who looks at a page."""
    found: dict[str, StorageState] = {}
    for user in {view.by for view in views.values()}:
        window = visits.window(browser, showroom.document["api"])
        if user:
            visits.sign_in(window.new_page(), user)
        found[user] = window.storage_state()
        window.close()
    return found


@pytest.fixture
def show(windows: Windows, views: dict[str, View], signed_in: dict[str, StorageState]) -> Show:
    """``show("review", dark=True)``: the page of that name, loaded, and the answer it came with."""

    def shown(name: str, **how: Any) -> tuple[Page, Response]:
        view = views[name]
        page = windows(cookies=signed_in[view.by], **how).new_page()
        answer = page.goto(view.path)
        assert answer is not None
        assert answer.status == view.status
        return page, answer

    return shown


def violations(page: Page) -> list[str]:
    """What axe finds on a page that keeps somebody from using it, each with where it is."""
    page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
    )
    return [
        f"{one['id']} at {node['target']}: {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("look", [{}, {"dark": True}, {"size": PHONE}], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_grave(show: Show, name: str, look: dict[str, Any]) -> None:
    """No serious or critical violation, contrast among them."""
    page, _ = show(name, **look)
    assert violations(page) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_small(show: Show, name: str) -> None:
    """With everything it loads, unpacked, as the browser counts it."""
    page, _ = show(name)
    sizes: dict[str, int] = page.evaluate("""() => Object.fromEntries(
        [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .map((entry) => [entry.name, entry.decodedBodySize]))""")
    assert len(sizes) > 1
    assert all(sizes.values())
    assert sum(sizes.values()) <= MOST_BYTES, sizes


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_shows_it_without_scrolling_sideways(show: Show, name: str) -> None:
    """Wide tables scroll by themselves; the page does not."""
    page, _ = show(name, size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("name", NAMES)
def test_it_says_the_same_without_scripts(show: Show, name: str) -> None:
    """The words of its main part are those that a browser without JavaScript shows."""
    with_scripts, _ = show(name)
    without, _ = show(name, scripts=False)
    assert without.locator("main").inner_text() == with_scripts.locator("main").inner_text()


def test_every_page_is_listed(views: dict[str, View]) -> None:
    """Each address that shows a page has one in the showroom, so that nothing above overlooks it."""
    shown = [view.path.partition("?")[0] for view in views.values()]
    patterns = {
        route.path: re.compile("^" + re.sub(r"<[^>]+>", "[^/]+", route.path) + "$")
        for route in ROUTES
        if route.method == "GET" and not NOT_A_PAGE.search(route.path)
    }
    assert [path for path, known in patterns.items() if not any(known.match(one) for one in shown)] == []
