"""What proofs of origin have in common: constant time, a secret per account, a replay window.

Always true: an id out of a request only chooses which secret has to match, and a missing or empty secret matches
nothing. Who replays a request within the window repeats a receipt, and metering finds that a repeat changes nothing;
so no nonce is remembered.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

REPLAY_WINDOW: Final = timedelta(seconds=300)


def same(expected: str, given: str) -> bool:
    """Compare in constant time; what is given may hold any characters."""
    return hmac.compare_digest(expected.encode(errors="replace"), given.encode(errors="replace"))


def secret_of(secrets: Mapping[str, str], purpose: str, account: str = "") -> str:
    """An account's own secret, ``<purpose>:<account>``, else the provider's one for all, ``<purpose>``; empty for none.

    An account whose own secret is listed is never let in by the one for all.
    """
    own = secrets.get(f"{purpose}:{account}") if account else None
    return secrets.get(purpose, "") if own is None else own


def has_own(secrets: Mapping[str, str], purpose: str, account: str) -> bool:
    """Whether an account has a secret of its own: then whoever knows it speaks for that account alone."""
    return bool(account) and f"{purpose}:{account}" in secrets


def is_recent(moment: datetime, received_at: datetime) -> bool:
    """Whether a request was signed no more than five minutes before or after it arrived."""
    return abs(received_at - moment) <= REPLAY_WINDOW


def credentials(header: str, scheme: str) -> str:
    """What follows the scheme of an ``Authorization`` header; empty for another scheme. The scheme's case is free."""
    named, _, value = header.partition(" ")
    return value.strip() if named.lower() == scheme.lower() else ""


def basic(header: str) -> tuple[str, str] | None:
    """User and password of a Basic ``Authorization`` header; None when it holds none."""
    try:
        decoded = base64.b64decode(credentials(header, "Basic"), validate=True).decode()
    except (binascii.Error, ValueError):  # not base64, not UTF-8
        return None
    user, separator, password = decoded.partition(":")
    return (user, password) if separator else None


def basic_user(header: str, secrets: Mapping[str, str]) -> str:
    """The user of Basic credentials that match ``password:<user>``, or ``username`` and ``password``; else empty."""
    user, password = basic(header) or ("", "")
    expected = secret_of(secrets, "password", user)
    known = has_own(secrets, "password", user) or same(secrets.get("username", ""), user)
    return user if expected and same(expected, password) and known else ""
