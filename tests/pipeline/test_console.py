"""The console on the deployed system: people sign in over HTTP at the local provider, as a browser would."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
import urllib3


@dataclass
class Browser:
    """Keeps the console's cookies, follows redirects, submits forms. ``at`` is where it is."""

    origin: str
    pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager)
    jar: dict[str, str] = field(default_factory=dict)
    at: str = ""

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        """Load an address, whole way through its redirects."""
        return self._ask("GET", urljoin(self.origin, url))

    def post(self, url: str, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Submit a form and see the page it leads to."""
        return self._ask("POST", urljoin(self.origin, url), fields)

    def _ask(self, method: str, url: str, fields: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        for _ in range(6):
            headers = (
                {"Cookie": "; ".join(f"{n}={v}" for n, v in self.jar.items())} if url.startswith(self.origin) else {}
            )
            body = urlencode(fields).encode() if fields else None
            if body is not None:
                headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
            answer = self.pool.request(method, url, body=body, headers=headers, redirect=False, timeout=60)
            for cookie in answer.headers.getlist("Set-Cookie"):
                name, _, value = cookie.partition(";")[0].partition("=")
                self.jar = {**self.jar, name: value}
            self.at = url
            if answer.status not in (302, 303):
                return answer
            method, url, fields = "GET", urljoin(url, answer.headers["Location"]), None
        raise AssertionError("too many redirects")

    def sign_in(self, user: str) -> urllib3.BaseHTTPResponse:
        """Choose who to be at the local provider."""
        page = self.get("/console")
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.data.decode()))
        return self.post(urljoin(self.at, "/authorize"), {**hidden, "user": user})


@pytest.fixture
def browser(stack: dict[str, Any]) -> Callable[[], Browser]:
    """New browsers at the deployed system."""
    return lambda: Browser(stack["api"])


def test_somebody_signs_in_works_and_signs_out(browser: Callable[[], Browser]) -> None:
    """Through the real gateway, function, secrets and provider: a page, its files, and out again."""
    one = browser()
    page = one.sign_in("frances")
    assert page.status == 200
    text = page.data.decode()
    assert "Frances Meyer" in text
    for path in re.findall(r'(?:src|href)="(/console/static/[^"]+)"', text):
        found = one.get(path)
        assert (found.status, found.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert found.data
    token = re.search(r'name="csrf" value="([^"]+)"', text)
    assert token is not None
    assert "You are signed out" in one.post("/console/sign-out", {"csrf": token[1]}).data.decode()
    assert "Who do you want to be?" in one.get("/console").data.decode()


def test_who_has_no_role_stays_outside(browser: Callable[[], Browser]) -> None:
    """Known to the provider, in no group: no session."""
    one = browser()
    assert one.sign_in("nora").status == 403
    assert "Who do you want to be?" in one.get("/console").data.decode()


def test_the_deployed_console_says_what_browsers_must_know(browser: Callable[[], Browser]) -> None:
    """The headers arrive through the HTTP API, and a stranger's POST is refused."""
    answer = browser().get("/console/signed-out")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert browser().post("/console/sign-out", {"csrf": "x"}).status == 401


def test_addresses_below_the_pages_reach_the_console(browser: Callable[[], Browser], stack: dict[str, Any]) -> None:
    """The address that `make up` prints, a page that is not there, and a customer's broken link."""
    assert browser().get(stack["console"]).status == 200
    assert browser().get("/console/no/such/page").status == 404
    assert browser().get("/usage/broken").status == 404
