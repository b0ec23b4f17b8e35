"""Genuine requests: a sample body as its provider would send it, signed with a secret of the benchmark's.

One row a provider that signs; what verifying costs is measured for those. A provider without a row is measured without.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tollgate.providers.provider import Request
from tollgate.providers.twilio_signature import signature as twilio_signature

KEY: Final = "a secret for the benchmark, as long as any algorithm could want it"
NONCE: Final = "01FJA8B4A7BM43"
PAIR: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The secrets that a provider's recipe is given, and the request that they make genuine."""

    secrets: Mapping[str, str]
    signed: Callable[[Request], Request]


def _with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def _at(request: Request) -> str:
    return str(int(request.received_at.timestamp()))


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _sha256(text: bytes) -> bytes:
    return hmac.digest(KEY.encode(), text, hashlib.sha256)


def _meta(request: Request) -> Request:
    return _with_headers(request, {"X-Hub-Signature-256": f"sha256={_sha256(request.body).hex()}"})


def _twilio(request: Request) -> Request:
    if "form" not in request.headers.get("content-type", ""):
        request = replace(request, query=f"bodySHA256={hashlib.sha256(request.body).hexdigest()}")
        return _with_headers(request, {"X-Twilio-Signature": twilio_signature(request.url, (), KEY)})
    fields = parse_qsl(request.body.decode(), keep_blank_values=True)
    return _with_headers(request, {"X-Twilio-Signature": twilio_signature(request.url, fields, KEY)})


def _plivo(request: Request) -> Request:
    signature = _base64(_sha256((request.url + NONCE).encode()))
    return _with_headers(request, {"X-Plivo-Signature-V2": signature, "X-Plivo-Signature-V2-Nonce": NONCE})


def _bird(request: Request) -> Request:
    signature = _base64(_sha256(f"{NONCE}.{_at(request)}.".encode() + request.body))
    headers = {"webhook-id": NONCE, "webhook-timestamp": _at(request), "webhook-signature": f"v1,{signature}"}
    return _with_headers(request, headers)


def _vonage(request: Request) -> Request:
    claims = {
        "iat": int(request.received_at.timestamp()),
        "jti": NONCE,
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(request.body).hexdigest(),
        "api_key": "abcd1234",
        "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    }
    return _with_headers(request, {"Authorization": f"Bearer {jwt.encode(claims, KEY, algorithm='HS256')}"})


def _telnyx(request: Request) -> Request:
    signature = _base64(PAIR.sign(f"{_at(request)}|".encode() + request.body))
    return _with_headers(request, {"Telnyx-Signature-Ed25519": signature, "Telnyx-Timestamp": _at(request)})


def _infobip(request: Request) -> Request:
    return _with_headers(request, {"Authorization": f"Basic {_base64(f'bench:{KEY}'.encode())}"})


def _sinch(request: Request) -> Request:
    signature = _base64(_sha256(request.body + f".{NONCE}.{_at(request)}".encode()))
    headers = {
        "X-Sinch-Webhook-Signature": signature,
        "X-Sinch-Webhook-Signature-Nonce": NONCE,
        "X-Sinch-Webhook-Signature-Timestamp": _at(request),
    }
    return _with_headers(request, headers)


SIGNERS: Final[Mapping[str, Signer]] = {
    "meta": Signer(secrets={"app_secret": KEY}, signed=_meta),
    "twilio": Signer(secrets={"auth_token": KEY}, signed=_twilio),
    "vonage": Signer(secrets={"signature_secret": KEY}, signed=_vonage),
    "telnyx": Signer(secrets={"public_key": _base64(PAIR.public_key().public_bytes_raw())}, signed=_telnyx),
    "infobip": Signer(secrets={"username": "bench", "password": KEY}, signed=_infobip),
    "sinch": Signer(secrets={"webhook_secret": KEY, "username": "bench", "password": KEY}, signed=_sinch),
    "plivo": Signer(secrets={"auth_token": KEY}, signed=_plivo),
    "bird": Signer(secrets={"webhook_secret": f"whsec_{_base64(KEY.encode())}"}, signed=_bird),
}
