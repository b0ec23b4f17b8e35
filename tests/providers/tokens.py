"""How Vonage, Telnyx, Infobip and Sinch prove a request, made by the recipes of their documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VONAGE_KEY, VONAGE_APPLICATION = "abcd1234", "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
VONAGE_SECRETS = {"signature_secret": "a signature secret for tests, as long as any algorithm could want it"}


def vonage_token(
    body: bytes,
    *,
    at: datetime,
    secret: str = VONAGE_SECRETS["signature_secret"],
    algorithm: str = "HS256",
    **claims: Any,
) -> str:
    """The ``Authorization`` header of a callback; a claim set to ``...`` is left out."""
    said = {
        "iat": int(at.timestamp()),
        "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(body).hexdigest(),
        "api_key": VONAGE_KEY,
        "application_id": VONAGE_APPLICATION,
        **claims,
    }
    return "Bearer " + jwt.encode({k: v for k, v in said.items() if v is not ...}, secret, algorithm=algorithm)


def ed25519(seed: int) -> Ed25519PrivateKey:
    """A key pair of Telnyx's kind."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def public_key(pair: Ed25519PrivateKey) -> str:
    return base64.b64encode(pair.public_key().public_bytes_raw()).decode()


TELNYX_SECRETS = {"public_key": public_key(ed25519(1))}


def telnyx_headers(body: bytes, *, at: datetime | str, seed: int = 1) -> Mapping[str, str]:
    sent = at if isinstance(at, str) else str(int(at.timestamp()))
    signature = ed25519(seed).sign(f"{sent}|".encode() + body)
    return {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": sent}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


INFOBIP_SECRETS = {"username": "infobip", "password": "a password for tests", "bearer_token": "a token for tests"}

SINCH_SECRETS = {
    "webhook_secret": "a webhook secret for tests",
    "username": "sinch",
    "password": "a password for tests",
}


def sinch_headers(
    body: bytes, *, at: datetime | str, secret: str = SINCH_SECRETS["webhook_secret"], nonce: str = "01FJA8B4A7BM43"
) -> Mapping[str, str]:
    sent = at if isinstance(at, str) else str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), body + f".{nonce}.{sent}".encode(), hashlib.sha256).digest()
    return {
        "x-sinch-webhook-signature": base64.b64encode(signature).decode(),
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": sent,
    }
