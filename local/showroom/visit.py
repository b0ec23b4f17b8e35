"""A browser at the showroom: Chromium, one window a person, signed in at the local identity provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright

from local import chromium

LAPTOP: Final = (1280, 800)
PHONE: Final = (390, 844)
PATIENCE_MS: Final = 60_000
"""The local AWS starts a function when it is first asked for, on a machine that may be busy."""


@contextmanager
def started(path: str) -> Iterator[Browser]:
    """The Chromium of a path, until it is left."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(chromium.ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def window(
    browser: Browser,
    site: str,
    *,
    size: tuple[int, int] = LAPTOP,
    dark: bool = False,
    scripts: bool = True,
    cookies: StorageState | None = None,
) -> BrowserContext:
    """A new window at a site, with the cookies of another one or none. The local provider lives on another port."""
    opened = browser.new_context(
        base_url=site,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        java_script_enabled=scripts,
        locale="en-US",
        storage_state=cookies,
    )
    opened.set_default_timeout(PATIENCE_MS)
    return opened


def sign_in(page: Page, user: str, *, to: str = "/console") -> None:
    """Go to a page, which leads to the identity provider, and be somebody there."""
    page.goto(to)
    with page.expect_navigation():  # through the provider and back is one navigation
        page.locator(f'button[name="user"][value="{user}"]').click()
