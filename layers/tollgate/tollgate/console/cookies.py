"""Cookies: the names and rules of the few we set.

Always true: in the cloud a cookie of ours goes out over https alone and to this host alone (``__Host-``); no script
can read one; other sites' requests do not carry it, but for somebody following a link here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from tollgate.console import seals, sessions
from tollgate.console.answers import Flash
from tollgate.console.request import Request
from tollgate.console.sessions import Session
from tollgate.console.setting import Setting

SESSION: Final = "tollgate-session"
FLASH: Final = "tollgate-flash"
SIGNING_IN: Final = "tollgate-signing-in"


def name(plain: str, site: Setting) -> str:
    """A cookie's name; with the prefix that holds browsers to Secure, Path=/ and no Domain where https is spoken."""
    return f"__Host-{plain}" if site.secure else plain


def made(plain: str, value: str, *, lasts: timedelta, site: Setting) -> Cookie:
    """A cookie of ours."""
    return Cookie(
        name(plain, site), value, path="/", secure=site.secure, http_only=True, max_age=int(lasts.total_seconds()),
        same_site=SameSite.LAX_MODE,
    )  # fmt: skip


def value(plain: str, request: Request) -> str:
    """The value of a cookie of ours in a request; empty without."""
    return request.cookies.get(name(plain, request.ports.site), "")


def forgotten(plain: str, request: Request) -> Cookie:
    """A cookie that ends now."""
    return made(plain, "", lasts=timedelta(0), site=request.ports.site)


def session_of(request: Request) -> Session | None:
    """The session of a request, if it has one that holds."""
    given = value(SESSION, request)
    return sessions.from_cookie(given, key=request.ports.console_key, now=request.now) if given else None


def flashing(flash: Flash, request: Request) -> Cookie:
    """The cookie that carries a message to the next page."""
    lasts = timedelta(minutes=1)
    content = {"tone": flash.tone, "text": flash.text[:500]}
    sealed = seals.sealed(content, key=request.ports.console_key, purpose=FLASH, until=request.now + lasts)
    return made(FLASH, sealed, lasts=lasts, site=request.ports.site)


def flash_of(request: Request) -> Flash | None:
    """The message that the last answer left for this page."""
    given = value(FLASH, request)
    if not given:
        return None
    try:
        content = seals.opened(given, key=request.ports.console_key, purpose=FLASH, now=request.now)
    except seals.BrokenSeal:
        return None
    return Flash(content["tone"], content["text"])
