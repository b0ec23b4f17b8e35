"""Genuine requests: a sample body as its provider would send it, signed with a secret of the benchmark's.

One row a provider that signs; what verifying costs is measured for those. A provider without a row is measured without.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl

from tollgate.providers.provider import Request
from tollgate.providers.twilio_signature import signature as twilio_signature

KEY: Final = "a secret for the benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The secrets that a provider's recipe is given, and the request that they make genuine."""

    secrets: Mapping[str, str]
    signed: Callable[[Request], Request]


def _with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def _meta(request: Request) -> Request:
    digest = hmac.digest(KEY.encode(), request.body, hashlib.sha256).hex()
    return _with_headers(request, {"X-Hub-Signature-256": f"sha256={digest}"})


def _twilio(request: Request) -> Request:
    if "form" not in request.headers.get("content-type", ""):
        request = replace(request, query=f"bodySHA256={hashlib.sha256(request.body).hexdigest()}")
        return _with_headers(request, {"X-Twilio-Signature": twilio_signature(request.url, (), KEY)})
    fields = parse_qsl(request.body.decode(), keep_blank_values=True)
    return _with_headers(request, {"X-Twilio-Signature": twilio_signature(request.url, fields, KEY)})


SIGNERS: Final[Mapping[str, Signer]] = {
    "meta": Signer(secrets={"app_secret": KEY}, signed=_meta),
    "twilio": Signer(secrets={"auth_token": KEY}, signed=_twilio),
}
