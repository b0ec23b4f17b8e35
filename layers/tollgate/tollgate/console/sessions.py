"""Sessions: who a browser belongs to, in a signed cookie; and the tokens that its forms must carry.

Always true: a session ends an hour after sign-in, so that a role taken away is gone by then; a form's token fits one
session only. Nothing is kept on our side.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tollgate.console import seals
from tollgate.domain.permissions import Person, known_roles

LASTS: Final = timedelta(hours=1)
PURPOSE: Final = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person, for a while. ``id`` is what form tokens are bound to."""

    id: str
    person: Person


def begun(person: Person) -> Session:
    """A new session; every sign-in has an id of its own."""
    return Session(id=secrets.token_urlsafe(18), person=person)


def to_cookie(session: Session, *, key: bytes, now: datetime) -> str:
    """The value of the cookie of a session that begins now."""
    person = session.person
    content = {"id": session.id, "sub": person.subject, "name": person.name, "roles": sorted(person.roles)}
    return seals.sealed(content, key=key, purpose=PURPOSE, until=now + LASTS)


def from_cookie(value: str, *, key: bytes, now: datetime) -> Session | None:
    """The session of a cookie; None for one that is forged, changed or over."""
    try:
        content = seals.opened(value, key=key, purpose=PURPOSE, now=now)
    except seals.BrokenSeal:
        return None
    person = Person(subject=content["sub"], name=content["name"], roles=known_roles(content["roles"]))
    return Session(id=content["id"], person=person)


def form_token(binding: str, *, key: bytes) -> str:
    """The token of a session's forms (or of a customer's link, which is a binding too)."""
    return seals.token(binding, key=key, purpose="form")


def form_token_fits(token: str, binding: str, *, key: bytes) -> bool:
    """Whether a form came from a page of that session. Compared in constant time."""
    return hmac.compare_digest(token.encode(), form_token(binding, key=key).encode())
