"""Telnyx: an event per step of a message, signed with Ed25519 over its time and the raw bytes.

Sources: developers.telnyx.com, "receiving webhooks"; telnyx-python 4.189, ``OutboundMessagePayload`` and
``webhook_verification`` (2026). What matters: the cost is final on ``message.finalized`` and may be null at any time;
it is one total for all recipients and parts; duplicates and reordering are documented.
"""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field

from tollgate.domain.facts import Fact, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import (
    AmountText,
    Currency,
    Incoming,
    MaybeText,
    MessageId,
    Parts,
    Rfc3339,
    Word,
    json_object,
    read,
    unix_seconds,
)
from tollgate.providers.proofs import is_recent, secret_of
from tollgate.providers.provider import Arrived, Parsed, Request, Secrets, Setting, Webhook, group_or
from tollgate.providers.recipients import recipient

NAME: Final = "telnyx"
SIGNATURE: Final = "telnyx-signature-ed25519"
TIMESTAMP: Final = "telnyx-timestamp"
KINDS: Final = ("SMS", "MMS", "RCS", "WHATSAPP")
FINAL_EVENT: Final = "message.finalized"
FAILED: Final = frozenset({"sending_failed", "delivery_failed", "expired"})
# Telnyx charges in the account's currency, which only a cost names. Where there is no cost, it converts nothing.
NO_COST_CURRENCY: Final = "USD"

BREAKDOWN_DISAGREES: Final = "cost-breakdown-disagrees"


class _Money(Incoming):
    amount: AmountText
    currency: Currency


class _Breakdown(Incoming):
    carrier_fee: _Money | None = None
    rate: _Money | None = None


class _Recipient(Incoming):
    phone_number: MaybeText = None
    status: MaybeText = None


class _Message(Incoming):
    id: MessageId
    type: Word
    direction: Word
    to: list[_Recipient] = Field(default_factory=list)
    cc: list[_Recipient] | None = None
    parts: Parts = None
    cost: _Money | None = None
    cost_breakdown: _Breakdown | None = None
    messaging_profile_id: MaybeText = None
    organization_id: MaybeText = None
    received_at: Rfc3339 | None = None


class _Event(Incoming):
    event_type: Word
    occurred_at: Rfc3339
    payload: Any = None


class _Body(Incoming):
    data: _Event


def verify(request: Request, secrets: Secrets) -> None:
    """Check the signature by the public key of the organization that the body names, and its age.

    Raises Forged, Malformed.
    """
    signature, sent = request.headers.get(SIGNATURE, ""), request.headers.get(TIMESTAMP, "")
    if not signature or not sent:
        raise Forged(NAME, "the signature or its time is missing")
    key = secret_of(secrets, "public_key", _organization(request.body))
    if not key:
        raise Forged(NAME, "no public key is configured for this organization")
    _prove(key, signature, f"{sent}|".encode(errors="replace") + request.body)
    try:
        moment = unix_seconds(sent)
    except ValueError as error:  # PydanticCustomError is one
        raise Forged(NAME, "the time of the signature cannot be read") from error
    if not is_recent(moment, request.received_at):
        raise Forged(NAME, "the signature is too old, or from the future")
    json_object(request.body, provider=NAME)


def _organization(body: bytes) -> str:
    """The organization that a body claims; what is wrong with the body is said only once it is proven."""
    try:
        named = json_object(body, provider=NAME)["data"]["payload"]["organization_id"]
    except (Malformed, LookupError, TypeError):
        return ""
    return named if isinstance(named, str) else ""


def _prove(key: str, signature: str, message: bytes) -> None:
    """Raises Forged, also for a configured key that is none."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Forged(NAME, "the signature does not match") from error


def group(body: bytes) -> str:
    """The messaging profile; the provider's name when there is none to be found."""
    try:
        profile = json_object(body, provider=NAME)["data"]["payload"]["messaging_profile_id"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, profile)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """The one fact of an event about an outbound message. Raises Malformed when it cannot be read."""
    body = read(_Body, json_object(receipt.body, provider=NAME))
    if isinstance(body, tuple):
        raise Malformed(NAME, body)
    event = body.data
    if not event.event_type.startswith("message.") or _is_inbound(event.payload):
        return Parsed(ignored=(event.event_type,))
    message = read(_Message, event.payload, "data.payload")
    if isinstance(message, tuple):
        raise Malformed(NAME, message)
    whom = message.to[0].phone_number if message.to else None
    fact = Fact(
        provider=NAME,
        account=message.messaging_profile_id or message.organization_id or "",
        meter=_meter(message.type),
        message=message.id,
        status=_status(event.event_type, message),
        at=event.occurred_at,
        requested_at=message.received_at,
        report=_report(event, message),
        recipient=recipient(whom or "", hasher=setting.hasher),
    )
    disagrees = message.cost and message.cost_breakdown and _carrier_fee(message) is None
    return Parsed(facts=(fact,), remarks=(BREAKDOWN_DISAGREES,) if disagrees else ())


def _is_inbound(payload: object) -> bool:
    return isinstance(payload, dict) and payload.get("direction") == "inbound"


def _meter(kind: str) -> str:
    """A kind that nobody has heard of is a meter of its own, never counted as another."""
    return kind.lower() if kind in KINDS else "other"


def _status(event_type: str, message: _Message) -> str:
    """The event; the final one of a message that reached nobody is told apart."""
    statuses = {whom.status for whom in (*message.to, *(message.cc or ())) if whom.status}
    failed = bool(statuses) and statuses <= FAILED
    return f"{FINAL_EVENT}/failed" if event_type == FINAL_EVENT and failed else event_type


def _report(event: _Event, message: _Message) -> Report | None:
    """Parts and cost, which is always the total; the carrier's fee is kept apart where the breakdown adds up to it."""
    if message.parts is None and message.cost is None:
        return None
    price, carrier_fee = message.cost.amount if message.cost else None, _carrier_fee(message)
    return Report(
        at=event.occurred_at,
        segments=message.parts or 1,
        price=price if price is None or carrier_fee is None else price - carrier_fee,
        carrier_fee=carrier_fee,
        currency=message.cost.currency if message.cost else NO_COST_CURRENCY,
    )


def _carrier_fee(message: _Message) -> Decimal | None:
    cost, breakdown = message.cost, message.cost_breakdown
    if cost is None or breakdown is None or breakdown.carrier_fee is None or breakdown.rate is None:
        return None
    shares = (breakdown.carrier_fee, breakdown.rate)
    if {share.currency for share in shares} != {cost.currency}:
        return None
    fee, rate = breakdown.carrier_fee.amount, breakdown.rate.amount
    return fee if fee is not None and rate is not None and fee + rate == cost.amount else None


TELNYX: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify)
