"""The SDK's client: the settings that its defaults get wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from tollgate.adapters.stripe_gateway.client import RETRIES, TIMEOUT_SECONDS, build_client
from tollgate.adapters.stripe_gateway.gateway import build_gateway

LAYER = Path(__file__).parents[2] / "layers" / "tollgate"


@pytest.mark.parametrize("base_address", [None, ""])
def test_without_a_base_address_it_is_stripe(base_address: str | None) -> None:
    """An unset setting arrives as an empty string; both mean Stripe itself."""
    client = build_client("rk_live_1", base_address=base_address)
    assert client._requestor.base_addresses["api"] == "https://api.stripe.com"


def test_a_base_address_is_where_requests_go() -> None:
    """A closing slash would double in every address."""
    client = build_client("rk_test_1", base_address="http://127.0.0.1:12111/")
    assert client._requestor.base_addresses["api"] == "http://127.0.0.1:12111"


@pytest.mark.parametrize("key", ["rk_live_1", "sk_live_1"])
def test_a_live_key_is_never_sent_elsewhere(key: str) -> None:
    """A live key and a base address together are a mistake in the configuration."""
    with pytest.raises(ValueError, match="live key") as raised:
        build_gateway(key, base_address="http://127.0.0.1:1")
    assert key not in str(raised.value)


def test_a_client_needs_a_key() -> None:
    """An empty secret fails where it is read, not at the first call."""
    with pytest.raises(ValueError, match="API key"):
        build_client("")


def test_the_client_fits_a_function() -> None:
    """It tries again by itself, gives up in time for a function of a minute, and reports nothing about the machine."""
    client = build_client("rk_test_1")
    assert client._requestor._options.max_network_retries == RETRIES == 2
    assert isinstance(client._requestor._client, stripe.RequestsClient)
    assert client._requestor._client._timeout == TIMEOUT_SECONDS
    assert (1 + RETRIES) * TIMEOUT_SECONDS + 5 < 60
    assert stripe.enable_telemetry is False


def test_events_are_read_without_the_sdk() -> None:
    """The function that only checks a webhook does not pay for the SDK's import."""
    code = "import sys; import tollgate.adapters.stripe_gateway.webhooks; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=LAYER, check=False).returncode == 0
