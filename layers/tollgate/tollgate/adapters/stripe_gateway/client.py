"""The SDK's client, with the settings that its defaults get wrong for a short-lived function."""

from __future__ import annotations

import logging
from typing import Final

import stripe

RETRIES: Final = 2
TIMEOUT_SECONDS: Final = 10
"""For one try: (1 + RETRIES) tries and the pauses between them (under 2 s each) end before a function's 60 s do."""

_LIVE_KEYS: Final = ("sk_live_", "rk_live_")


def build_client(
    api_key: str, *, base_address: str | None = None, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """A client for Stripe itself, or for whatever answers at ``base_address`` (``http://127.0.0.1:12111``).

    Raises ValueError without a key, and for a live key together with a base address: such a key would be sent to a
    program that is not Stripe.
    """
    if not api_key:
        raise ValueError("Stripe needs an API key")
    if base_address and api_key.startswith(_LIVE_KEYS):
        raise ValueError("a live key is for Stripe itself: no base address may be set with it")
    # Telemetry writes a file into the home directory, which a function does not have.
    stripe.enable_telemetry = False
    # At DEBUG the SDK logs request bodies, and those hold names and mail addresses.
    logging.getLogger("stripe").setLevel(logging.WARNING)
    return stripe.StripeClient(
        api_key,
        max_network_retries=RETRIES,  # the client's own default is none
        http_client=http_client or stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        base_addresses={"api": base_address.rstrip("/")} if base_address else {},
    )
