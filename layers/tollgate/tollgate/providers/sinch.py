"""Sinch: SMS delivery reports and the Conversation API's, at one address, told apart by their bodies.

Sources: developers.sinch.com, "callbacks" of the Conversation API and of SMS; sinch-sdk-python 2.3.0, sinch_events
(2026). Conversation signs with HMAC-SHA256 over body, nonce and time; SMS has Basic credentials, or on request the same
signature. Neither says a price anywhere: a rate card of our own prices what they report. What the reports say is read
by ``sinch_sms`` and ``sinch_conversation``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from tollgate.domain.errors import Problem
from tollgate.providers import sinch_conversation, sinch_sms
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import json_object, unix_seconds
from tollgate.providers.proofs import basic_user, has_own, is_recent, same, secret_of
from tollgate.providers.provider import Arrived, Parsed, Request, Secrets, Setting, Webhook, group_or

NAME: Final = "sinch"
SIGNATURE: Final = "x-sinch-webhook-signature"
NONCE: Final = "x-sinch-webhook-signature-nonce"
TIMESTAMP: Final = "x-sinch-webhook-signature-timestamp"

OTHER: Final = "other-conversation-event"


def verify(request: Request, secrets: Secrets) -> None:
    """Check the signature by the secret of the app that the body names, and its age; a request without one by its
    Basic credentials. Raises Forged, Malformed.

    A nonce is not remembered: what a signature within the window proves again is the same receipt, which counts once.
    """
    if SIGNATURE in request.headers:
        _check_signature(request, secrets)
    elif not basic_user(request.headers.get("authorization", ""), secrets):
        raise Forged(NAME, "neither a signature nor credentials that match")
    json_object(request.body, provider=NAME)


def _check_signature(request: Request, secrets: Secrets) -> None:
    secret = secret_of(secrets, "webhook_secret", _app(request.body))
    if not secret:
        raise Forged(NAME, "no webhook secret is configured for this app")
    nonce, sent = request.headers.get(NONCE, ""), request.headers.get(TIMESTAMP, "")
    signed = request.body + f".{nonce}.{sent}".encode(errors="replace")
    expected = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()
    if not same(expected, request.headers[SIGNATURE]):
        raise Forged(NAME, "the signature does not match")
    try:
        moment = unix_seconds(sent)
    except ValueError as error:  # also what our own limits raise
        raise Forged(NAME, "the time of the signature cannot be read") from error
    if not is_recent(moment, request.received_at):
        raise Forged(NAME, "the signature is too old, or from the future")


def _app(body: bytes) -> str:
    """The app that a body claims; what is wrong with the body is said only once it is proven."""
    try:
        app = json_object(body, provider=NAME).get("app_id")
    except Malformed:
        return ""
    return app if isinstance(app, str) else ""


def origin(request: Request, secrets: Secrets) -> Mapping[str, str]:
    """The app or the service plan whose own secret proved the request."""
    purpose, account = "webhook_secret", _app(request.body)
    if SIGNATURE not in request.headers:
        purpose, account = "password", basic_user(request.headers.get("authorization", ""), secrets)
    return {"account": account if has_own(secrets, purpose, account) else ""}


def group(body: bytes) -> str:
    """The app, or the tenant in the client's reference; the provider's name when there is neither."""
    try:
        fields = json_object(body, provider=NAME)
    except Malformed:
        return NAME
    return group_or(NAME, fields.get("app_id") or sinch_sms.tenant(fields.get("client_reference")))


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """Every message that a report tells of as a fact. Raises Malformed when the body is no callback of either API."""
    body = json_object(receipt.body, provider=NAME)
    if "message_delivery_report" in body:
        return Parsed.of(sinch_conversation.readings(body, receipt, setting, provider=NAME))
    if "app_id" in body:
        return Parsed(ignored=(OTHER,))
    if "type" in body:
        return Parsed.of(sinch_sms.readings(body, receipt, setting, provider=NAME))
    raise Malformed(NAME, [Problem("type", "expected a delivery report of SMS or of the Conversation API")])


SINCH: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify, origin=origin)
