"""Stripe's events: whether one is Stripe's, and the little of it that is used. No SDK: its check reads the clock.

Always true: an event says that something happened and to which invoice, never what the invoice looks like now; whoever
handles one reads the invoice from Stripe. Rules of the signature: https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NoReturn

from tollgate.domain.errors import TollgateError

TOLERANCE_SECONDS: Final = 300
PARTNER_SOURCE: Final = "aws.partner/stripe.com"

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


class RejectedEvent(TollgateError):
    """A body that is not an event which can be handled; ``reason`` never quotes it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Stripe event rejected: {reason}")
        self.reason = reason


class ForgedEvent(RejectedEvent):
    """A body that Stripe did not sign, or signed at another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    """One event. ``invoice_id`` and ``metadata`` are the invoice's for ``invoice.*`` events; else None and empty.

    ``id`` is the same on every delivery. An ``invoice.upcoming`` is about no invoice yet, an ``invoice.deleted`` about
    none any more (only drafts can be deleted): None.
    """

    id: str
    type: str
    created: datetime
    invoice_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def verify(raw: bytes, signature: str, *, secrets: Sequence[str], now: datetime) -> StripeEvent:
    """The event in a webhook's body, as received, byte for byte; ``signature`` is the ``Stripe-Signature`` header.

    Any of ``secrets`` will do (two while one is rolled). Raises ForgedEvent for a wrong signature or a time more than
    300 s away from ``now`` on either side, RejectedEvent for a body that is no event, ValueError without a secret.
    """
    known = [secret for secret in secrets if secret]
    if not known:
        raise ValueError("no webhook secret is configured")
    timestamp, candidates = _parse_signature(signature)
    payload = timestamp.encode() + b"." + raw
    expected = [hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode() for secret in known]
    if not any(hmac.compare_digest(one, other) for one in expected for other in candidates):
        raise ForgedEvent("no signature matches")
    if abs(int(now.timestamp()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise ForgedEvent(f"signed at {timestamp}, more than {TOLERANCE_SECONDS} s from now")
    return _event(_parse_json(raw))


def unwrap(document: Mapping[str, object]) -> StripeEvent:
    """The event in a document from a trusted way: an EventBridge envelope of Stripe's partner source, or a bare event.

    Raises RejectedEvent for anything else.
    """
    if "detail" not in document:
        return _event(document)
    if not str(document.get("source", "")).startswith(PARTNER_SOURCE):
        raise RejectedEvent("the envelope is not from Stripe's event source")
    return _event(_mapping(document["detail"]))


def _parse_signature(header: str) -> tuple[str, list[bytes]]:
    """The timestamp and the signatures of scheme v1; other schemes are ignored."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in parts if name == "t"]
    candidates = [value.encode() for name, _, value in parts if name == "v1"]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not candidates:
        raise ForgedEvent("the signature header has no timestamp and v1 signature")
    return timestamps[0], candidates


def _parse_json(raw: bytes) -> Mapping[str, object]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return _mapping(json.loads(raw.decode(), parse_float=Decimal, parse_constant=refuse))
    except ValueError:
        raise RejectedEvent("the body is not JSON") from None


def _event(body: Mapping[str, object]) -> StripeEvent:
    if body.get("object") == "v2.core.event":
        raise RejectedEvent("a thin event: the destination must send snapshot events")
    identity, kind, created = body.get("id"), body.get("type"), body.get("created")
    if body.get("object") != "event" or not isinstance(identity, str) or not isinstance(kind, str):
        raise RejectedEvent("the body is not an event")
    if not isinstance(created, int) or isinstance(created, bool) or not 0 <= created < 10**11:
        raise RejectedEvent("the event has no time")
    invoice = _invoice(body) if kind.startswith("invoice.") else {}
    number = None if kind == "invoice.deleted" else invoice.get("id")
    return StripeEvent(
        id=identity,
        type=kind,
        created=datetime.fromtimestamp(created, UTC),
        invoice_id=number if isinstance(number, str) else None,
        metadata={name: str(value) for name, value in _mapping(invoice.get("metadata") or {}).items()},
    )


def _invoice(body: Mapping[str, object]) -> Mapping[str, object]:
    shown = _mapping(_mapping(body.get("data")).get("object"))
    if shown.get("object") != "invoice":
        raise RejectedEvent("the event of an invoice shows none")
    return shown


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RejectedEvent("the body has not the shape of an event")
    return value
