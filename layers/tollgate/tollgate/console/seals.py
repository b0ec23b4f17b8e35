"""Seals: small signed documents that expire, for cookies and links.

Always true: a document opens only with the key and the purpose it was sealed for, before its end; its content can be
read by whoever holds it, but not changed. Keys of different purposes are unrelated.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tollgate.domain.errors import TollgateError

LONGEST: Final = 4096  # a cookie's limit in browsers


class BrokenSeal(TollgateError):
    """A document was not sealed by us for this purpose, was changed, or has expired. The message says nothing more."""

    def __init__(self) -> None:
        super().__init__("the seal is broken or has expired")


def sealed(content: Mapping[str, Any], *, key: bytes, purpose: str, until: datetime) -> str:
    """A document in the alphabet of addresses and cookies. ``content`` is JSON; ``exp`` in it is ours."""
    body = _text(json.dumps({**content, "exp": int(until.timestamp())}, separators=(",", ":")).encode())
    return f"{body}.{_text(mark(body, key=key, purpose=purpose))}"


def opened(document: str, *, key: bytes, purpose: str, now: datetime) -> dict[str, Any]:
    """The content of a document, without its end. Raises BrokenSeal."""
    body, _, seal = document.partition(".")
    if len(document) > LONGEST or not hmac.compare_digest(
        seal.encode(), _text(mark(body, key=key, purpose=purpose)).encode()
    ):
        raise BrokenSeal
    try:
        content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError) as error:  # only our own key can lead here
        raise BrokenSeal from error
    if now.timestamp() >= content.pop("exp"):
        raise BrokenSeal
    return content


def mark(text: str, *, key: bytes, purpose: str) -> bytes:
    """The mark of a text under the key of a purpose."""
    derived = hmac.digest(key, purpose.encode(), hashlib.sha256)
    return hmac.digest(derived, text.encode(), hashlib.sha256)


def token(text: str, *, key: bytes, purpose: str) -> str:
    """The mark of a text, as text."""
    return _text(mark(text, key=key, purpose=purpose))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
