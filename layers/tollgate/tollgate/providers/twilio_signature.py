"""Twilio's two signatures: over the public URL and the form's parameters, or over a URL that carries the body's hash.

Sources: Twilio's "Webhook security" (2026-10-30) and "Webhook shared keys" (2026-09-07).

The secret's fields. An account that has a field of its own is never let in by a field for all:

``auth_token``                       signs with HMAC-SHA1, of every account without fields of its own
``auth_token:<AccountSid>``          the same, of one account
``shared_key:<key id>``              a SharedKey, signs with HMAC-SHA256, of every account without fields of its own
``shared_key:<AccountSid>:<key id>`` the same, of one account

Always true: the stored field says which algorithm is right, a header only chooses among the fields; so where no auth
token is stored, nobody can go back to HMAC-SHA1. The account and the key come out of the request, and only choose which
secret has to match. A JSON body counts only under its hash in the signed URL. There is no time in what is signed: who
replays a request repeats a receipt, and a repeat changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from tollgate.providers.errors import Forged
from tollgate.providers.incoming import FORM_FIELDS
from tollgate.providers.proofs import same
from tollgate.providers.provider import Request, Secrets

NAME: Final = "twilio"
SIGNATURE: Final = "x-twilio-signature"
SETTINGS: Final = "x-twilio-webhooks-signature-settings"
BODY_HASH: Final = "bodySHA256"
SHARED_KEY_ALGORITHM: Final = "HMAC_SHA256"
FORM: Final = "application/x-www-form-urlencoded"

_ACCOUNT: Final = re.compile(r"AC[0-9A-Za-z]{32}")
_DEFAULT_PORTS: Final = {"https": "443", "http": "80"}

type Parameters = Sequence[tuple[str, str]]


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether a body is a form; only a form's parameters are signed with the URL."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


def parameters(body: bytes) -> Parameters:
    """The parameters of a form, blank ones included. Raises Forged for what is no form."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except ValueError:
        raise Forged(NAME, "the body is no form") from None


def check(request: Request, *, accounts: Collection[str], signed: Parameters, secrets: Secrets) -> None:
    """Check a request's signature. ``accounts`` are those its body speaks of, ``signed`` the form's parameters.

    Raises Forged, also when one secret does not speak for all of the accounts.
    """
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise Forged(NAME, "the signature is missing")
    if not is_form(request.headers):
        _check_hash(request)
    field, algorithm = _chosen(request.headers.get(SETTINGS, ""))
    found = {_secret(secrets, account, field) for account in accounts or (None,)}
    secret = found.pop() if len(found) == 1 else ""
    if not secret:  # anyone can sign with an empty key
        raise Forged(NAME, "no secret is configured for this account and key")
    # Twilio signs with or without the port, whatever was called; both are looked at, whichever matches.
    matches = [same(signature(url, signed, secret, algorithm), given) for url in _spellings(request)]
    if not any(matches):
        raise Forged(NAME, "the signature does not match")


def signature(url: str, signed: Parameters, secret: str, algorithm: str = "sha1") -> str:
    """The signature over a URL and a form's parameters: keys in order, of each key its distinct values in order."""
    text = url + "".join(name + value for name, value in sorted(set(signed)))
    digest = hmac.digest(secret.encode(), text.encode(errors="replace"), getattr(hashlib, algorithm))
    return base64.b64encode(digest).decode()


def _check_hash(request: Request) -> None:
    hashes = request.parameters(BODY_HASH)
    if len(hashes) != 1:
        raise Forged(NAME, "a body that is no form needs its hash in the signed address")
    if not same(hashlib.sha256(request.body).hexdigest(), hashes[0]):
        raise Forged(NAME, "the body is not the one that was signed")


def _chosen(settings: str) -> tuple[str, str]:
    """The field and algorithm that the settings header asks for: without one, the auth token's."""
    if not settings.strip():
        return "auth_token", "sha1"
    pairs = [part.partition("=") for part in settings.split(",")]
    said = {name.strip(): value.strip() for name, _, value in pairs}
    if len(said) != len(pairs) or said.get("algorithm") != SHARED_KEY_ALGORITHM or ":" in said.get("key", ":"):
        raise Forged(NAME, "the signature's settings are not those of a shared key")
    return f"shared_key:{said['key']}", "sha256"


def _secret(secrets: Secrets, account: str | None, field: str) -> str:
    """The secret in a field of an account's own, or of all accounts; empty for none, and for what is no account."""
    if account is not None and not _ACCOUNT.fullmatch(account):
        return ""
    purpose, _, key = field.partition(":")
    if account is not None and any(account in name.split(":")[1:] for name in secrets):
        return secrets.get(":".join(filter(None, (purpose, account, key))), "")
    return "" if _ACCOUNT.fullmatch(key) else secrets.get(field, "")


def _spellings(request: Request) -> tuple[str, str]:
    """The public URL as it is configured, and the other way about its port."""
    scheme, _, rest = request.base_url.partition("://")
    host = rest.partition("/")[0]
    name, colon, port = host.rpartition(":")
    other = name if colon and port.isdigit() else f"{host}:{_DEFAULT_PORTS.get(scheme, '')}"
    return request.url, request.url.replace(f"{scheme}://{host}", f"{scheme}://{other}", 1)
