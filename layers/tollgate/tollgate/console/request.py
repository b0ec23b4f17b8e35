"""Request: what a browser asked for, out of the HTTP API's event (payload format 2.0), with who asks.

Always true: header names are lower case, a body is decoded, and everything in here but ``session`` and ``customer``
is the browser's word.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from tollgate.console.links import Customer
from tollgate.console.ports import ConsolePorts
from tollgate.console.sessions import Session
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.permissions import Person

MOST_FIELDS: Final = 5_000  # a month's drafts, selected one by one


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a query or a form; each may come several times."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of a field, without the space around it."""
        return (self.values.get(name) or [otherwise])[0].strip()

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field, in order."""
        return self.values.get(name, [])

    @classmethod
    def of(cls, text: str) -> Fields:
        """Parse ``a=1&b=2``. Raises Invalid when there are too many."""
        try:
            return cls(parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except ValueError as error:
            raise Invalid("request", [Problem("", f"expected at most {MOST_FIELDS} fields")]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. A signed-in page has ``session``, a customer's page ``customer``; ``now`` is the time it came."""

    method: str
    path: str
    query: Fields
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    form: Fields
    now: datetime
    ports: ConsolePorts
    session: Session | None = None
    customer: Customer | None = None

    @property
    def person(self) -> Person:
        """Who is signed in; only routes that need nobody are reached without."""
        assert self.session is not None, "a route that is open to anyone asked who is signed in"
        return self.session.person

    @property
    def binding(self) -> str:
        """What the tokens of this page's forms are bound to; empty when nobody is known."""
        if self.session is not None:
            return self.session.id
        return self.customer.link if self.customer is not None else ""

    @property
    def fragment(self) -> str:
        """The id of the part that htmx wants to replace; empty when a whole page is wanted."""
        if self.headers.get("hx-request") != "true" or "hx-history-restore-request" in self.headers:
            return ""
        return self.headers.get("hx-target", "")


def read(event: Mapping[str, Any], *, ports: ConsolePorts, now: datetime) -> Request:
    """The request of an event. Raises Invalid for a form that cannot be read."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Request(
        method=event["requestContext"]["http"]["method"],
        path=event["rawPath"],
        query=Fields.of(event.get("rawQueryString") or ""),
        headers=headers,
        cookies=_cookies([*(event.get("cookies") or []), headers.get("cookie", "")]),
        form=_form(event, headers),
        now=now,
        ports=ports,
    )


def _form(event: Mapping[str, Any], headers: Mapping[str, str]) -> Fields:
    if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Fields()
    body = event.get("body") or ""
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Invalid("request", [Problem("body", "expected a form in UTF-8")]) from error
    return Fields.of(text)


def _cookies(texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        for pair in text.split(";"):
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(pair.strip())
            except CookieError:
                continue  # somebody else's cookie, of a kind we never set
            found |= {name: morsel.value for name, morsel in jar.items() if name not in found}
    return found
