"""The project's sample payloads, signed requests for them, and recipes set up for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.providers import tokens
from tollgate.domain.facts import Fact
from tollgate.providers.provider import Parsed, Request, Setting
from tollgate.providers.recipients import keyed_hasher
from tollgate.providers.registry import provider
from tollgate.stages.ports.receipts import Receipt

EVENTS = Path(__file__).parents[2] / "events"
BASE_URL = "https://hooks.example.com"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HASHER = keyed_hasher(b"a key for tests")
SETTING = Setting(hasher=HASHER)
ACME, BOLT = "102290129340398", "205581934027716"


def sample(provider_name: str, name: str) -> bytes:
    """The bytes of one sample payload."""
    return (EVENTS / provider_name / name).read_bytes()


def samples(provider_name: str) -> list[str]:
    """The names of a provider's readable sample payloads."""
    return sorted(path.name for path in (EVENTS / provider_name).iterdir() if path.suffix in (".json", ".form"))


def receipt(provider_name: str, body: bytes, *, source: str = "") -> Receipt:
    return Receipt(id="1", provider=provider_name, body=body, received_at=NOW, source=source)


def parsed(provider_name: str, body: bytes | object, setting: Setting = SETTING, *, source: str = "") -> Parsed:
    """What a body (bytes, or a JSON tree) says."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return provider(provider_name).parse(receipt(provider_name, raw, source=source), setting)


def tree(provider_name: str, name: str) -> Any:
    """A sample as a JSON tree (a form as one of strings), to be changed."""
    body = sample(provider_name, name)
    return dict(parse_qsl(body.decode(), keep_blank_values=True)) if is_form(name) else json.loads(body)


def is_form(name: str) -> bool:
    return name.endswith(".form")


def wire(name: str, body: Any) -> bytes:
    """A changed tree as the bytes of its sample's kind: a form or JSON."""
    if not is_form(name):
        return json.dumps(body).encode()
    fields = body if isinstance(body, dict) else {"": body}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
    return urlencode(texts, errors="replace").encode()


def meta_status(name: str, **changes: Any) -> Any:
    """A Meta sample with its first status changed; a field set to ``...`` is taken out."""
    body = tree("meta", name)
    change(body["entry"][0]["changes"][0]["value"]["statuses"][0], changes)
    return body


def aws_event(name: str = "text_delivered.json", **changes: Any) -> Any:
    """A bare AWS SMS sample with fields changed; a field set to ``...`` is taken out."""
    body = tree("aws-sms", name)
    change(body, changes)
    return body


def change(fields: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if value is ...:
            del fields[name]
        else:
            fields[name] = value


def only(found: Parsed) -> Fact:
    """The one fact of a receipt that says nothing else."""
    assert not found.unreadable
    assert len(found.facts) == 1
    return found.facts[0]


@dataclass(frozen=True, kw_only=True)
class Signed:
    """How a provider signs: what the contract suite needs to know of one that calls over HTTP.

    ``headers`` and ``query`` are needed beside the signature; ``covers_body``: whether it is over the body;
    ``covers_time``: whether it says when it was made (at NOW), and is believed for five minutes.
    """

    secrets: Mapping[str, str]
    wrong_secrets: Mapping[str, str]
    body: bytes
    signature_header: str
    sign: Callable[[bytes], str]
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    covers_body: bool = True
    covers_time: bool = False

    def genuine(self, body: bytes | None = None) -> dict[str, str]:
        """The headers of a genuine request."""
        return {**self.headers, self.signature_header: self.sign(self.body if body is None else body)}

    def request(
        self, *, body: bytes | None = None, headers: Mapping[str, str] | None = None, received_at: datetime = NOW
    ) -> Request:
        """A genuine request for the sample body, or one whose body or headers were changed on the way."""
        return Request(
            method="POST",
            base_url=BASE_URL,
            path="/webhooks/x",
            query=self.query,
            headers=self.genuine() if headers is None else headers,
            body=self.body if body is None else body,
            received_at=received_at,
        )


META_SECRETS = {"app_secret": "an app secret for tests", "verify_token": "a verify token for tests"}


def meta_signature(body: bytes, secret: str = META_SECRETS["app_secret"]) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


TWILIO_ACCOUNT = "AC0123456789abcdef0123456789abcdef"
TWILIO_SECRETS = {"auth_token": "an auth token for tests"}


def twilio_signature(
    url: str,
    fields: Mapping[str, str] | None = None,
    *,
    algorithm: str = "sha1",
    secret: str = TWILIO_SECRETS["auth_token"],
) -> str:
    signed = url + "".join(key + value for key, value in sorted((fields or {}).items()))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), algorithm).digest()).decode()


def twilio_query(body: bytes) -> str:
    return f"bodySHA256={hashlib.sha256(body).hexdigest()}"


PLIVO_SECRETS = {"auth_token": "a plivo token for tests"}


def plivo_signature(url: str, nonce: str = "12345", secret: str = PLIVO_SECRETS["auth_token"]) -> str:
    return base64.b64encode(hmac.new(secret.encode(), (url + nonce).encode(), hashlib.sha256).digest()).decode()


BIRD_KEY = b"a bird key for tests"
BIRD_SECRETS = {"webhook_secret": "whsec_" + base64.b64encode(BIRD_KEY).decode()}


def bird_signature(body: bytes, *, at: datetime = NOW, key: bytes = BIRD_KEY, identity: str = "whe_1") -> str:
    signed = f"{identity}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


SIGNED: Mapping[str, Signed] = {
    "plivo": Signed(
        secrets=PLIVO_SECRETS,
        wrong_secrets={"auth_token": "another account's token"},
        body=sample("plivo", "status_delivered.form"),
        signature_header="X-Plivo-Signature-V2",
        sign=lambda _body: plivo_signature(f"{BASE_URL}/webhooks/x"),
        headers={"X-Plivo-Signature-V2-Nonce": "12345"},
        covers_body=False,
    ),
    "bird": Signed(
        secrets=BIRD_SECRETS,
        wrong_secrets={"webhook_secret": "whsec_" + base64.b64encode(b"another key").decode()},
        body=sample("bird", "sms_delivered.json"),
        signature_header="webhook-signature",
        sign=bird_signature,
        headers={"webhook-id": "whe_1", "webhook-timestamp": str(int(NOW.timestamp()))},
        covers_time=True,
    ),
    "meta": Signed(
        secrets=META_SECRETS,
        wrong_secrets={**META_SECRETS, "app_secret": "another app's secret"},
        body=sample("meta", "status_delivered.json"),
        signature_header="X-Hub-Signature-256",
        sign=meta_signature,
    ),
    "twilio": Signed(
        secrets=TWILIO_SECRETS,
        wrong_secrets={"auth_token": "another account's token"},
        body=sample("twilio", "eventstreams_batch.json"),
        signature_header="X-Twilio-Signature",
        sign=lambda body: twilio_signature(f"{BASE_URL}/webhooks/x?{twilio_query(body)}"),
        query=twilio_query(sample("twilio", "eventstreams_batch.json")),
    ),
    "vonage": Signed(
        secrets=tokens.VONAGE_SECRETS,
        wrong_secrets={"signature_secret": "another account's signature secret"},
        body=sample("vonage", "sms_submitted.json"),
        signature_header="Authorization",
        sign=lambda body: tokens.vonage_token(body, at=NOW),
        covers_time=True,
    ),
    "telnyx": Signed(
        secrets=tokens.TELNYX_SECRETS,
        wrong_secrets={"public_key": tokens.public_key(tokens.ed25519(2))},
        body=sample("telnyx", "message_finalized.json"),
        signature_header="Telnyx-Signature-Ed25519",
        sign=lambda body: tokens.telnyx_headers(body, at=NOW)["telnyx-signature-ed25519"],
        headers={"Telnyx-Timestamp": str(int(NOW.timestamp()))},
        covers_time=True,
    ),
    "infobip": Signed(
        secrets=tokens.INFOBIP_SECRETS,
        wrong_secrets={**tokens.INFOBIP_SECRETS, "password": "another profile's password"},
        body=sample("infobip", "sms_delivery_reports.json"),
        signature_header="Authorization",
        sign=lambda _body: tokens.basic("infobip", tokens.INFOBIP_SECRETS["password"]),
        covers_body=False,
    ),
    "sinch": Signed(
        secrets=tokens.SINCH_SECRETS,
        wrong_secrets={**tokens.SINCH_SECRETS, "webhook_secret": "another app's secret"},
        body=sample("sinch", "conversation_delivered.json"),
        signature_header="X-Sinch-Webhook-Signature",
        sign=lambda body: tokens.sinch_headers(body, at=NOW)["x-sinch-webhook-signature"],
        headers={
            "X-Sinch-Webhook-Signature-Nonce": "01FJA8B4A7BM43",
            "X-Sinch-Webhook-Signature-Timestamp": str(int(NOW.timestamp())),
        },
        covers_time=True,
    ),
}


def nodes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a JSON tree, its root left out."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*path, key)
        yield from nodes(child, (*path, key))


def put(body: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Replace the value at a path of a JSON tree."""
    for key in path[:-1]:
        body = body[key]
    body[path[-1]] = value
