"""Who gets in, and who gets to do what, in a real browser."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from local.demo.place import Place
from local.showroom import pages, story
from tests.browser.conftest import Visit, Windows

NAMES = {"frances": "Frances Meyer", "felix": "Felix Okafor", "olga": "Olga Brandt", "ravi": "Ravi Shah"}
SESSION = "tollgate-session"


def posted(page: Page, path: str, fields: dict[str, str | float | bool], origin: str) -> int:
    """The status of a form that is sent with the page's cookies, but not from one of our pages."""
    answer = page.context.request.post(path, form=fields, headers={"Origin": origin}, max_redirects=0)
    return answer.status


def token_of(page: Page) -> str:
    """The token in the forms of a page."""
    value = page.locator('input[name="csrf"]').first.get_attribute("value")
    assert value
    return value


@pytest.mark.parametrize("user", NAMES)
def test_every_role_gets_in_and_out(visit: Visit, user: str) -> None:
    """Signed in by name, then out, and the console asks again."""
    page = visit(user)
    expect(page.locator(".who .name")).to_have_text(NAMES[user])
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    page.goto("/console")
    expect(page.get_by_role("heading", name="Who do you want to be?")).to_be_visible()


def test_who_has_no_role_stays_outside(visit: Visit) -> None:
    """Known to the provider, in none of the groups."""
    page = visit("nora")
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    page.goto("/console/review")
    expect(page.get_by_role("heading", name="Who do you want to be?")).to_be_visible()


def test_one_comes_back_to_the_page_one_wanted(visit: Visit, today: date) -> None:
    """Signing in leads to the address that was asked for, not to the start."""
    wanted = pages.invoice(story.TRAVEL, -1, today)
    page = visit("ravi", to=wanted)
    assert page.url.endswith(wanted)


def test_a_reader_is_offered_no_action_and_refused_one(visit: Visit, showroom: Place, today: date) -> None:
    """No button to approve; the form sent all the same, with the page's own token, is refused and changes nothing."""
    page = visit("ravi", to=(address := pages.invoice(story.TRAVEL, -1, today)))
    expect(page.get_by_role("heading", name=story.TRAVEL.name)).to_be_visible()
    assert page.get_by_text("Approve…").count() == 0
    assert (
        posted(page, f"{address}/approve", {"csrf": token_of(page), "revision": "1"}, showroom.document["api"]) == 403
    )
    page.reload()
    expect(page.locator("h1 .tag")).to_have_text("draft")


def test_ops_may_suspend_but_not_approve(visit: Visit, today: date) -> None:
    """Each role has its own actions."""
    page = visit("olga", to=f"/console/tenants/{story.BAKERY.tenant}")
    expect(page.get_by_role("link", name="Suspend a service…")).to_be_visible()
    page.goto(pages.invoice(story.TRAVEL, -1, today))
    assert page.get_by_text("Approve…").count() == 0


def test_a_form_from_elsewhere_is_refused(visit: Visit, showroom: Place, today: date) -> None:
    """With the right cookies: without the token, with another one, and from another site."""
    page = visit("frances", to=(address := pages.invoice(story.TRAVEL, -1, today)))
    right, path = token_of(page), f"{address}/approve"
    assert posted(page, path, {"revision": "1"}, showroom.document["api"]) == 403
    assert posted(page, path, {"revision": "1", "csrf": right[:-1] + "x"}, showroom.document["api"]) == 403
    assert posted(page, path, {"revision": "1", "csrf": right}, "https://elsewhere.example") == 403
    page.reload()
    expect(page.locator("h1 .tag")).to_have_text("draft")


def test_a_forged_session_is_no_session(visit: Visit, windows: Windows) -> None:
    """A cookie that was changed anywhere, or made up, leads to signing in; the real one still holds."""
    page = visit("frances")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == SESSION]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    value = cookie["value"]
    middle = len(value) // 2
    swapped = value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
    for forged in (swapped, value[:-2], "e30.e30", "frances"):
        window = windows()
        window.add_cookies([{"name": SESSION, "value": forged, "url": page.url}])
        other = window.new_page()
        other.goto("/console")
        expect(other.get_by_role("heading", name="Who do you want to be?")).to_be_visible()
    page.reload()
    expect(page.locator(".who .name")).to_have_text("Frances Meyer")


def test_scripts_cannot_read_the_session(visit: Visit) -> None:
    """What runs in the page sees none of our cookies."""
    page = visit("frances")
    assert SESSION not in page.evaluate("document.cookie")
