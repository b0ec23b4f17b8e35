"""Everything by keyboard: keys move through rows and open them, and focus is always somewhere one can see."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from local.showroom import pages, story
from tests.browser.conftest import Visit

MOST_STOPS = 200


@pytest.fixture
def table(visit: Visit, today: date) -> Page:
    """A table of everybody; what else happens to them meanwhile leaves its rows as they are."""
    return visit("frances", to="/console/tenants")


def current(page: Page) -> str:
    """The row that the keys have moved to."""
    return page.locator("tr.current a").first.inner_text()


def test_j_and_k_move_and_enter_opens(table: Page) -> None:
    """Down, down, up; then the row's own page."""
    tenants = [guest.tenant for guest in story.GUESTS]
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        table.keyboard.press(key)
        assert current(table) == tenants[at]
    with table.expect_navigation():
        table.keyboard.press("Enter")
    assert table.url.endswith(f"/console/tenants/{tenants[1]}")


def test_slash_filters_without_loading_the_page_anew(table: Page) -> None:
    """Focus goes to the filter; Enter shows what fits, in the address too."""
    table.evaluate("window.stayed = true")
    table.keyboard.press("/")
    table.keyboard.type("juniper")
    table.keyboard.press("Enter")
    expect(table.locator("tbody tr")).to_have_count(1)
    assert "q=juniper" in table.url
    assert table.evaluate("window.stayed")


def test_question_mark_shows_the_keys_and_escape_hides_them(table: Page) -> None:
    """The help is a dialog that takes the focus and gives it back."""
    table.keyboard.press("?")
    expect(table.get_by_role("dialog", name="Keys")).to_be_visible()
    table.keyboard.press("Escape")
    expect(table.get_by_role("dialog", name="Keys")).to_be_hidden()


def _tabbed(page: Page) -> tuple[str, bool] | None:
    """Where the next Tab leads and whether an outline shows it; None when it leaves the page."""
    page.keyboard.press("Tab")
    where = page.evaluate("""() => {
        const at = document.activeElement;
        if (!at || at === document.body) return null;
        const style = getComputedStyle(at);
        return [at.outerHTML.slice(0, 80), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0];
    }""")
    return (where[0], where[1]) if where else None


def test_tab_reaches_every_control_and_shows_where_it_is(table: Page) -> None:
    """The first stop skips to the content; each stop has an outline; none is a trap."""
    table.keyboard.press("Tab")
    expect(table.locator(":focus")).to_have_text("Skip to content")
    seen: list[tuple[str, bool]] = []
    while (where := _tabbed(table)) is not None:
        seen.append(where)
        assert len(seen) < MOST_STOPS
    assert [html for html, outlined in seen if not outlined] == []
    controls = table.locator("a:visible, button:visible, input:visible:not([type=hidden]), select:visible").count()
    assert len(seen) + 1 >= controls


def test_a_dialog_is_answered_by_keyboard(visit: Visit, today: date) -> None:
    """Opened by Enter on its link; Escape leaves it with nothing done."""
    page = visit("frances", to=pages.invoice(story.HOTELS, -1, today))
    page.get_by_role("link", name="Send back…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("h1 .tag")).to_have_text("draft")
