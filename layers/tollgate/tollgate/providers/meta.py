"""Meta's WhatsApp Cloud API: webhooks signed with the app's secret, batches of message statuses.

Source: the Graph webhooks guide (signature, subscription). What matters: a batch mixes accounts and orders. What an
entry of a batch says is read by ``whatsapp``.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from tollgate.providers import whatsapp
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import Incoming, json_object, read
from tollgate.providers.proofs import same
from tollgate.providers.provider import (
    Arrived,
    Parsed,
    Request,
    Secrets,
    Setting,
    Webhook,
    group_or,
)

NAME: Final = "meta"
OBJECT: Final = "whatsapp_business_account"
SIGNATURE: Final = "x-hub-signature-256"
CHALLENGE_LENGTH: Final = 512

OTHER_OBJECT: Final = "other-object"


class _Body(Incoming):
    entry: list[Any]


def verify(request: Request, secrets: Secrets) -> None:
    """Check the signature over the raw bytes, then that they are a JSON object. Raises Forged, Malformed."""
    secret = secrets.get("app_secret", "")
    if not secret:  # anyone can sign with an empty key
        raise Forged(NAME, "no app secret is configured")
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise Forged(NAME, "the signature is missing")
    expected = "sha256=" + hmac.digest(secret.encode(), request.body, hashlib.sha256).hex()
    if not same(expected, given):
        raise Forged(NAME, "the signature does not match")
    json_object(request.body, provider=NAME)


def handshake(request: Request, secrets: Secrets) -> str | None:
    """Answer Meta's subscription request (GET) with its challenge, as plain text. Raises Forged for another token."""
    if request.method.upper() != "GET":
        return None
    token, challenge = secrets.get("verify_token", ""), _only(request, "hub.challenge")
    if not token or not same(token, _only(request, "hub.verify_token")):
        raise Forged(NAME, "the verify token does not match")
    if _only(request, "hub.mode") != "subscribe" or not 0 < len(challenge) <= CHALLENGE_LENGTH:
        raise Forged(NAME, "this is no subscription")
    return challenge


def _only(request: Request, name: str) -> str:
    values = request.parameters(name)
    return values[0] if len(values) == 1 else ""


def group(body: bytes) -> str:
    """The first WABA of the batch; the provider's name when there is none to be found."""
    try:
        account = json_object(body, provider=NAME)["entry"][0]["id"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, account)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """Every status of a batch as a fact; a status that cannot be read is named without losing its neighbours.

    Raises Malformed when the body is no JSON object or has no list of entries.
    """
    body = json_object(receipt.body, provider=NAME)
    if body.get("object", OBJECT) != OBJECT:
        return Parsed(ignored=(OTHER_OBJECT,))
    batch = read(_Body, body)
    if isinstance(batch, tuple):
        raise Malformed(NAME, batch)
    return Parsed.of(
        reading
        for index, entry in enumerate(batch.entry)
        for reading in whatsapp.readings(entry, f"entry.{index}", provider=NAME, hasher=setting.hasher)
    )


META: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify, handshake=handshake)
