"""The secrets of a local instance: made up once, kept in its folder, never changed by a second `make up`.

``{purpose: fields or text}``: each is the JSON, or the text, of the stack's secret ``<stack>/<purpose>``, where it has
one. What a real Stripe test account must know comes from the environment and is never written to the instance's folder.
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.endpoints import Resource
from tollgate.providers.provider import Webhook
from tollgate.providers.registry import PROVIDERS

type Purposes = dict[str, dict[str, str]]

STAND_IN_KEY = "sk_test_standin"
# Secrets that are one text, not a JSON object; kept here as the only field of their purpose.
PLAIN = "text"
# Providers whose requests must prove where they come from.
WEBHOOKS = tuple(name for name, provider in PROVIDERS.items() if isinstance(provider, Webhook))


def generated() -> Purposes:
    """Fresh values for every purpose that somebody outside the stack must share."""
    return {
        "meta": {"app_secret": secrets.token_hex(16), "verify_token": secrets.token_urlsafe(18)},
        "plivo": {"auth_id": f"MA{secrets.token_hex(9).upper()}", "auth_token": secrets.token_hex(16)},
        "bird": {"webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()},
        "vonage": {"signature_secret": secrets.token_urlsafe(36)},
        "telnyx": _key_pair(),
        "infobip": {
            "username": "infobip",
            "password": secrets.token_urlsafe(18),
            "bearer_token": secrets.token_urlsafe(36),
        },
        "sinch": {
            "webhook_secret": secrets.token_urlsafe(18),
            "username": "sinch",
            "password": secrets.token_urlsafe(18),
        },
        "twilio": {"auth_token": secrets.token_hex(16)},
        "twilio-rest": {"*": f"SK{secrets.token_hex(16)}:{secrets.token_hex(16)}"},
        "stripe": {"api_key": STAND_IN_KEY, "webhook_secret": f"whsec_{secrets.token_hex(16)}"},
        "platform-key": {PLAIN: secrets.token_urlsafe(36)},
        "recipient-key": {PLAIN: secrets.token_hex(32)},
        "console-key": {PLAIN: secrets.token_hex(32)},
        "oidc-client": {"client_secret": secrets.token_urlsafe(24)},
    }


def _key_pair() -> dict[str, str]:
    """Telnyx's keys. The private one only Telnyx would have; here, whoever plays Telnyx needs it."""
    pair = Ed25519PrivateKey.generate()
    private, public = pair.private_bytes_raw(), pair.public_key().public_bytes_raw()
    return {"private_key": base64.b64encode(private).decode(), "public_key": base64.b64encode(public).decode()}


def load(kept: Path) -> Purposes:
    """The instance's values, made at first use; a purpose or field new to the program is added to the old ones."""
    old: Purposes = json.loads(kept.read_text()) if kept.exists() else {}
    values = {purpose: fields | old.get(purpose, {}) for purpose, fields in generated().items()}
    if values != old:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(values, indent=2))
    return values


def uses_real_stripe(environment: Mapping[str, str]) -> bool:
    """Whether the environment names a key of Stripe's own test mode. A live key is refused: ValueError."""
    key = environment.get("STRIPE_API_KEY", "")
    if key.startswith(("sk_live_", "rk_live_")):
        raise ValueError("STRIPE_API_KEY is a live key; the local system only ever talks to Stripe's test mode")
    return key.startswith(("sk_test_", "rk_test_")) and key != STAND_IN_KEY


def with_stripe_of(values: Purposes, environment: Mapping[str, str]) -> Purposes:
    """The values with the real test account's key, and its webhook secret where STRIPE_WEBHOOK_SECRET is set."""
    if not uses_real_stripe(environment):
        return values
    webhook = environment.get("STRIPE_WEBHOOK_SECRET", values["stripe"]["webhook_secret"])
    return values | {"stripe": {"api_key": environment["STRIPE_API_KEY"], "webhook_secret": webhook}}


def by_purpose(client: Any, found: Sequence[Resource], stack: str) -> dict[str, str]:
    """The ARN of each secret of the stack, by purpose: the last part of its name ``<stack>/<purpose>``."""
    ids = [resource.physical for resource in found if resource.kind == "AWS::SecretsManager::Secret"]
    described = [client.describe_secret(SecretId=identifier) for identifier in ids]
    return {secret["Name"].removeprefix(f"{stack}/"): secret["ARN"] for secret in described}


def put(client: Any, arns: Mapping[str, str], values: Purposes) -> list[str]:
    """Give the stack's secrets their values; returns the purposes that changed. ``client``: Secrets Manager."""
    changed = []
    for purpose in sorted(arns.keys() & values.keys()):
        wanted = values[purpose].get(PLAIN) or json.dumps(values[purpose], sort_keys=True)
        if client.get_secret_value(SecretId=arns[purpose]).get("SecretString") != wanted:
            client.put_secret_value(SecretId=arns[purpose], SecretString=wanted)
            changed.append(purpose)
    return changed


def published(arns: Mapping[str, str], values: Purposes) -> dict[str, Any]:
    """What ``endpoints.json`` says: what a sender must know to be believed. The API key of Stripe is not in it."""
    providers = {name: values[name] for name in WEBHOOKS if name in arns}
    return providers | {
        "stripe_webhook": values["stripe"]["webhook_secret"],
        "events_key": values["platform-key"][PLAIN],
    }
