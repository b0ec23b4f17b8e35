"""Bird: events of text messages and WhatsApp, signed as Standard Webhooks.

Sources: the Standard Webhooks specification; the types of Bird's Python SDK 0.106.0 (2026). What matters: the segments
stand on ``sms.accepted`` and the cost on whichever event comes after pricing, so that they are joined in the record;
``cost.amount`` is the sum of its two parts; what is rejected is never charged; WhatsApp is charged when it is accepted,
and its events carry no cost. A message to a WhatsApp group is reported once per participant.

The library of Standard Webhooks is not used: it asks the clock of the machine, where a receipt's own time decides.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Recipient, Report
from tollgate.domain.records import NO_CURRENCY
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import (
    AmountText,
    Currency,
    Identifier,
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
from tollgate.providers.proofs import is_recent, same
from tollgate.providers.provider import Arrived, Parsed, Request, Secrets, Setting, Webhook, group_or
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = "bird"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
KEY_PREFIX: Final = "whsec_"
SMS: Final = "sms"
WHATSAPP: Final = "whatsapp"
REJECTED: Final = "rejected"
GROUP: Final = "group-"

INBOUND: Final = "inbound"
_LIFECYCLE: Final = re.compile(r"(sms|whatsapp)\.([a-z_]+)")
_NO_STATUS: Final = frozenset({"received", "reacted"})


class _Cost(Incoming):
    amount: AmountText
    currency_code: Currency
    transaction_amount: AmountText = None
    passthrough_amount: AmountText = None


class _Segments(Incoming):
    count: Parts = None


class _Address(Incoming):
    phone_number: MaybeText = None
    bsuid: MaybeText = None
    group_id: MaybeText = None


class _Message(Incoming):
    workspace_id: Identifier


class _Text(_Message):
    sms_id: MessageId
    to: MaybeText = None
    country_code: MaybeText = None
    segments: _Segments | None = None
    cost: _Cost | None = None


class _WhatsApp(_Message):
    whatsapp_id: MessageId
    direction: MaybeText = None
    to: _Address = _Address()
    recipient: _Address | None = None


class _Event(Incoming):
    type: Word
    timestamp: Rfc3339
    data: dict[str, Any] = Field(default_factory=dict)


def verify(request: Request, secrets: Secrets) -> None:
    """Check one of the signatures over id, time and raw bytes, then the time, then that the bytes are a JSON object.

    Raises Forged, Malformed.
    """
    key = _key(secrets.get("webhook_secret", ""))
    if not key:  # anyone can sign with an empty key
        raise Forged(NAME, "no webhook secret is configured")
    identity, timestamp, given = (request.headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (identity and timestamp and given):
        raise Forged(NAME, "the signature is missing")
    signed = f"{identity}.{timestamp}.".encode(errors="replace") + request.body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    if not any(same(expected, signature) for signature in given.split(" ")):  # two while a secret is being rolled
        raise Forged(NAME, "the signature does not match")
    try:
        signed_at = unix_seconds(timestamp)
    except ValueError:
        raise Forged(NAME, "the time of the signature is none") from None
    if not is_recent(signed_at, request.received_at):
        raise Forged(NAME, "the signature is too old")
    json_object(request.body, provider=NAME)


def _key(secret: str) -> bytes:
    """The key in a secret such as ``whsec_…``; empty for what is no secret."""
    try:
        return base64.b64decode(secret.removeprefix(KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def group(body: bytes) -> str:
    """The workspace; the provider's name when there is none to be found."""
    try:
        account = json_object(body, provider=NAME)["data"]["workspace_id"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, account)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """The one fact of an event; none of an event that is no state of a message. Raises Malformed."""
    event = _expected(_Event, json_object(receipt.body, provider=NAME))
    named = _LIFECYCLE.fullmatch(event.type)
    if named is None or named[2] in _NO_STATUS:
        return Parsed(ignored=(event.type,))
    if named[1] == SMS:
        return Parsed(facts=(_text(event, named[2], setting.hasher),))
    message = _expected(_WhatsApp, event.data, "data")
    if message.direction == INBOUND:
        return Parsed(ignored=(INBOUND,))
    return Parsed(facts=(_whatsapp(event, named[2], message, setting.hasher),))


def _expected[M: Incoming](model: type[M], value: Mapping[str, Any], path: str = "") -> M:
    found = read(model, value, path)
    if isinstance(found, tuple):
        raise Malformed(NAME, found)
    return found


def _text(event: _Event, status: str, hasher: Hasher) -> Fact:
    message = _expected(_Text, event.data, "data")
    return Fact(
        provider=NAME,
        account=message.workspace_id,
        number=_tenant(event.data),
        meter=SMS,
        message=message.sms_id,
        status=status,
        at=event.timestamp,
        report=None if status == REJECTED else _report(event, message),
        recipient=recipient(message.to or "", country=message.country_code or "", hasher=hasher),
    )


def _report(event: _Event, message: _Text) -> Report | None:
    """Segments, cost or both. The cost is kept in its two parts where they are its sum, else whole."""
    cost, segments = message.cost, message.segments.count if message.segments else None
    if cost is None and segments is None:
        return None
    price, carrier_fee = _parts(cost) if cost else (None, None)
    return Report(
        at=event.timestamp,
        segments=segments or 0,
        price=price,
        carrier_fee=carrier_fee,
        currency=cost.currency_code if cost else NO_CURRENCY,
    )


def _parts(cost: _Cost) -> tuple[Decimal | None, Decimal | None]:
    price, carrier_fee = cost.transaction_amount, cost.passthrough_amount
    if price is None or carrier_fee is None or price + carrier_fee != cost.amount:
        return cost.amount, None
    return price, carrier_fee


def _whatsapp(event: _Event, status: str, message: _WhatsApp, hasher: Hasher) -> Fact:
    """A status of a message or, in a group, of one participant's. The states of a group's message are named apart:
    as a whole it is accepted once, and what counts is to whom it was delivered."""
    in_group = bool(message.to.group_id) or message.recipient is not None
    whom = _person(message.recipient or message.to, hasher)
    if message.recipient is not None and not whom.hash:  # without it, a group's deliveries would be counted as one
        raise Malformed(NAME, [Problem("data.recipient", "expected the participant of a group's message")])
    return Fact(
        provider=NAME,
        account=message.workspace_id,
        number=_tenant(event.data),
        meter=WHATSAPP,
        message=message.whatsapp_id,
        participant=whom.hash if message.recipient is not None else "",
        status=f"{GROUP}{status}" if in_group else status,
        at=event.timestamp,
        recipient=whom,
    )


def _person(address: _Address, hasher: Hasher) -> Recipient:
    return recipient(address.phone_number or "", user_ids=(address.bsuid or "",), hasher=hasher)


def _tenant(data: Mapping[str, Any]) -> str:
    """What the platform wrote beside the message when it sent it: ``metadata.tenant_id``, which a contract may narrow a
    workspace to. Empty for anything but a short text."""
    metadata = data.get("metadata")
    tenant = metadata.get("tenant_id") if isinstance(metadata, Mapping) else None
    return tenant if isinstance(tenant, str) and re.fullmatch(r"[\x21-\x7e]{1,64}", tenant) else ""


BIRD: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify)
