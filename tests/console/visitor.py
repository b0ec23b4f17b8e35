"""A browser for tests of pages: keeps cookies, sends what browsers send, follows redirects, and reads pages as text.

``visitor.sign_in("finance")`` goes the whole way through the provider in memory; ``visitor.submit(path, {…})`` posts a
form with the token of the page that was shown last.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.fakes.issuer import MemoryIssuer

SITE = "https://console.example"


@dataclass(frozen=True)
class Seen:
    """An answer as a browser has it: header names lower case, the body decoded."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def words(self) -> str:
        """The page's text without its tags, spaces folded."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.text))


@dataclass
class Visitor:
    """One browser. ``answer`` is the site; ``jar`` its cookies by name."""

    answer: Callable[[dict[str, Any]], dict[str, Any]]
    identity: MemoryIssuer
    jar: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def get(self, address: str, **headers: str) -> Seen:
        """Load an address, such as ``/console/review?sort=-total``; redirects are not followed."""
        return self._ask("GET", address, headers=headers)

    def submit(self, address: str, fields: Mapping[str, Any] | None = None, **headers: str) -> Seen:
        """Post a form the way our pages do: with the token of the page last seen, from our own address."""
        given = {"csrf": self.csrf, **(fields or {})}
        return self.post(address, given, origin=headers.pop("origin", SITE), **headers)

    def post(self, address: str, fields: Mapping[str, Any], **headers: str) -> Seen:
        """Post fields and nothing else; a header named ``origin`` is the browser's word on where the form was."""
        body = base64.b64encode(urlencode(fields, doseq=True).encode()).decode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self._ask("POST", address, headers={**kind, **headers}, body=body)

    def sign_in(self, *groups: str, subject: str = "7f3a-ada", name: str = "Ada Finance", to: str = "") -> Seen:
        """Sign in with groups at the provider; returns the answer that sets the session."""
        begun = self.get("/console/sign-in" + (f"?{urlencode({'to': to})}" if to else ""))
        asked = dict(parse_qsl(urlsplit(begun.location).query))
        self.identity.codes["code-1"] = asked
        self.identity.claims |= {"sub": subject, "name": name, "cognito:groups": list(groups)}
        return self.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state']})}")

    def _ask(self, method: str, address: str, *, headers: Mapping[str, str], body: str | None = None) -> Seen:
        event = event_of(method, address, headers=headers, cookies=self.jar, body=body)
        seen = seen_of(self.answer(event))
        for cookie in seen.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        if found := re.search(r'name="csrf-token" content="([^"]*)"', seen.text):
            self.csrf = found[1]
        return seen


def event_of(
    method: str, address: str, *, headers: Mapping[str, str], cookies: Mapping[str, str], body: str | None
) -> dict[str, Any]:  # fmt: skip
    """The HTTP API's event (payload format 2.0) of a request."""
    parts = urlsplit(address)
    sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"ANY {parts.path}",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {"host": "console.example", "accept-encoding": "gzip, br", **sent},
        "requestContext": {
            "http": {"method": method, "path": parts.path, "sourceIp": "192.0.2.10", "userAgent": "test"},
            "requestId": "request-1",
            "domainName": "console.example",
            "stage": "$default",
        },
        "isBase64Encoded": body is not None,
    }
    if parts.query:
        event["queryStringParameters"] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if cookies:
        event["cookies"] = [f"{name}={value}" for name, value in cookies.items()]
    if body is not None:
        event["body"] = body
    return event


def seen_of(answer: Mapping[str, Any]) -> Seen:
    """What a browser makes of the function's answer."""
    headers = {name.lower(): str(value) for name, value in answer["headers"].items()}
    body = answer.get("body") or ""
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    if headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    return Seen(answer["statusCode"], headers, tuple(answer.get("cookies", ())), raw.decode())
