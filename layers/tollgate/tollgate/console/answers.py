"""Answers: what a page's function returns (a page, a redirect, a file), and how each leaves as HTTP.

Always true: a page is never stored by a cache, and neither it nor an error of ours names a fault's details.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie

from tollgate.mails.wording import STAFF_LOCALE, wording

HTML: Final = "text/html; charset=utf-8"
HEADERS: Final[Mapping[str, str]] = {
    # Scripts, styles and pictures come from here and from files alone; nothing may frame a page or post to elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",  # "no-referrer" would make browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Strict-Transport-Security": "max-age=31536000",  # browsers ignore it over plain http
}
"""On every answer, of pages and of the API, of errors too."""


@dataclass(frozen=True, slots=True)
class Flash:
    """A message for the next page. ``tone``: ``good``, ``bad`` or ``note``."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template with its values, in the words of a locale. When htmx asks for the part with the id of a block, that
    block alone is rendered."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    locale: str = STAFF_LOCALE
    status: int = HTTPStatus.OK


def refused(key: str, *, status: int, locale: str, is_customers: bool, own: str = "", **values: str) -> Page:
    """The page that says why not, by its name in the catalogues. On our own pages ``own`` words replace those."""
    words = wording(locale)
    said = own if own and not is_customers else words.say(f"refused.{key}.text", **values)
    title = words.say(f"refused.{key}.title")
    return Page(template="error.html.j2", values={"title": title, "said": said}, status=status, locale=locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Go on elsewhere with GET: what every form that changed something answers, so that a reload repeats nothing."""

    to: str
    flash: Flash | None = None
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something to save, such as a CSV."""

    name: str
    content: str | bytes
    type: str = "text/csv; charset=utf-8"


type Answer = Page | Redirect | File


def redirect(to: str, *, htmx: bool, cookies: tuple[Cookie, ...] = ()) -> Response[str]:
    """303, or for htmx a header: it would follow a 303 by itself and put the whole page into a part of this one."""
    headers = {"Cache-Control": "no-store", **({"HX-Redirect": to} if htmx else {"Location": to})}
    status = HTTPStatus.NO_CONTENT if htmx else HTTPStatus.SEE_OTHER
    return Response(status_code=status, content_type=HTML, body="", headers=headers, cookies=list(cookies))


def html(text: str, *, status: int, cookies: tuple[Cookie, ...] = ()) -> Response[str]:
    """A page, compressed for who takes it."""
    headers = {"Cache-Control": "no-store", "Vary": "HX-Request, HX-Target"}
    return Response(
        status_code=status, content_type=HTML, body=text, headers=headers, cookies=list(cookies), compress=True
    )


def download(file: File) -> Response[str | bytes]:
    """A file under its name; browsers save it and do not show it."""
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in file.name if c.isascii())
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(file.name)}",
    }
    return Response(status_code=200, content_type=file.type, body=file.content, headers=headers, compress=True)


def secured(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with the headers that every one has."""
    return {**answer, "headers": {**answer.get("headers", {}), **HEADERS}}
