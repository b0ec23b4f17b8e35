"""Vonage's Messages API: a status per callback, proven by a signed token that holds the body's hash.

Sources: developer.vonage.com, "message status callbacks", "WhatsApp status callbacks" and "signed webhooks" (2026), and
the Java SDK's MessageStatus. What matters: the account stands in the token, not in the body; the price repeats on every
status, and the total is a string; each message of a failover workflow has an id and a price of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import jwt

from tollgate.domain.billing_moments import BILLABLE_TYPE
from tollgate.domain.facts import Fact, Pricing, Recipient, Report
from tollgate.providers.errors import Forged, Malformed, Unsigned
from tollgate.providers.incoming import (
    AmountText,
    Channel,
    Currency,
    Identifier,
    Incoming,
    MaybeText,
    MessageId,
    PartsText,
    Rfc3339,
    UnixSeconds,
    Word,
    json_object,
    read,
)
from tollgate.providers.proofs import credentials, is_recent, same, secret_of
from tollgate.providers.provider import Arrived, Parsed, Request, Secrets, Setting, Webhook
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = "vonage"
METERS: Final[Mapping[str, str]] = {"viber_service": "viber"}
INBOUND: Final = "inbound-message"
TOKEN_LENGTH: Final = 4096

# The clock that PyJWT would read is not ours: times are held against the receipt's. `exp` and `aud` are not documented.
_OPTIONS: Final[Any] = {
    "require": ["iat", "jti", "payload_hash"],
    **dict.fromkeys(("verify_iat", "verify_exp", "verify_nbf", "verify_aud", "verify_sub"), False),
}


class _Claims(Incoming):
    api_key: Identifier
    application_id: MaybeText = None
    iat: UnixSeconds
    payload_hash: str


class _Usage(Incoming):
    price: AmountText
    currency: Currency


class _Sms(Incoming):
    count_total: PartsText = None


class _Pricing(Incoming):
    type: Word
    category: Word


class _WhatsAppRecipient(Incoming):
    user_id: MaybeText = None
    parent_user_id: MaybeText = None


class _WhatsApp(Incoming):
    pricing: _Pricing | None = None
    recipient: _WhatsAppRecipient | None = None


class _Status(Incoming):
    message_uuid: MessageId
    status: Word
    channel: Channel
    timestamp: Rfc3339
    to: Any = None  # a number, or on some channels an object; the recipient is not what makes a message count
    usage: _Usage | None = None
    sms: _Sms | None = None
    whatsapp: _WhatsApp | None = None


def verify(request: Request, secrets: Secrets) -> None:
    """Check the token by the account's signature secret, its age, and the hash of the raw bytes.

    Raises Forged, Malformed. A token within the window may come again (``jti`` is not remembered): what it proves is
    the same receipt, which counts once.
    """
    token = _token(request)
    if not token:
        raise Unsigned(NAME, "the token is missing")
    secret = secret_of(secrets, "signature_secret", _claimed(token).api_key)
    if not secret:
        raise Forged(NAME, "no signature secret is configured for this account")
    claims = _proven(token, secret)
    if not is_recent(claims.iat, request.received_at):
        raise Forged(NAME, "the token is too old, or from the future")
    if not same(hashlib.sha256(request.body).hexdigest(), claims.payload_hash):
        raise Forged(NAME, "the body is not the one that was signed")
    json_object(request.body, provider=NAME)


def _token(request: Request) -> str:
    return credentials(request.headers.get("authorization", ""), "Bearer")


def _claimed(token: str) -> _Claims:
    """What an unproven token says: enough to choose the secret that it must match."""
    if len(token) > TOKEN_LENGTH or not token.isascii():
        raise Forged(NAME, "the token cannot be read")
    try:
        payload: object = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        payload = None
    return _claims(payload)


def _proven(token: str, secret: str) -> _Claims:
    """The claims of a token that was signed by the secret, with the one algorithm."""
    try:
        payload = jwt.decode(token, secret, algorithms=["HS256"], issuer="Vonage", options=_OPTIONS)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Forged(NAME, "the token does not hold") from error
    return _claims(payload)


def _claims(payload: object) -> _Claims:
    claims = read(_Claims, payload)
    if isinstance(claims, tuple):
        raise Forged(NAME, "the token does not say what it must")
    return claims


def origin(request: Request, _secrets: Secrets) -> Mapping[str, str]:
    """The account and the application that the proven token names."""
    claims = _claimed(_token(request))
    return {"account": claims.api_key, "number": claims.application_id or ""}


def group(_body: bytes) -> str:
    """One for all: the body names no account."""
    return NAME


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """The one fact of a status. Raises Malformed when it cannot be read."""
    body = json_object(receipt.body, provider=NAME)
    if "message_type" in body and "status" not in body:
        return Parsed(ignored=(INBOUND,))
    status = read(_Status, body)
    if isinstance(status, tuple):
        raise Malformed(NAME, status)
    return Parsed(
        facts=(
            Fact(
                provider=NAME,
                account=receipt.headers.get("account", ""),
                number=receipt.headers.get("number", ""),
                meter=METERS.get(status.channel, status.channel),
                message=status.message_uuid,
                status=status.status,
                at=status.timestamp,
                pricing=_pricing(status),
                report=_report(status),
                recipient=_recipient(status, setting.hasher),
            ),
        )
    )


def _recipient(status: _Status, hasher: Hasher) -> Recipient:
    """By number; where WhatsApp names a user, the country is the user's own, and so is the hash where there is none."""
    user = (status.whatsapp and status.whatsapp.recipient) or _WhatsAppRecipient()
    users = (user.user_id or "", user.parent_user_id or "")
    return recipient(status.to if isinstance(status.to, str) else "", user_ids=users, hasher=hasher)


def _report(status: _Status) -> Report | None:
    """What the status says of parts and cost; its price is the message's total [inferred], over all parts. Where none
    is told, a rate card has to price it."""
    parts = status.sms.count_total if status.sms else None
    price = status.usage.price if status.usage else None
    if parts is None and price is None:
        return None
    return Report(
        at=status.timestamp,
        segments=parts or 1,
        price=price,
        carrier_fee=None,
        currency=status.usage.currency if status.usage and price is not None else "",
    )


def _pricing(status: _Status) -> Pricing | None:
    """Meta's category, for what is charged and has its price here; no card needs to know it then."""
    pricing = status.whatsapp.pricing if status.whatsapp else None
    if pricing is None or pricing.type != BILLABLE_TYPE or status.usage is None or status.usage.price is None:
        return None
    return Pricing(type=pricing.type, category=pricing.category.replace("-", "_"))


VONAGE: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify, origin=origin)
