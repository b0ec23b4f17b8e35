"""`python -m local.stripe_standin --port 12111 --state DIR --webhook-url URL --webhook-secret whsec_…`"""

import argparse
import signal
import threading
from pathlib import Path
from typing import Any

from .server import HOST, StandIn


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line; an option that is not given leaves what the state directory says."""
    parser = argparse.ArgumentParser(prog="python -m local.stripe_standin", description=__doc__)
    parser.add_argument("--port", type=int, default=12111, help="0 picks a free port")
    parser.add_argument("--state", default=":memory:", help="directory of the state, or :memory:")
    parser.add_argument("--webhook-url")
    parser.add_argument("--webhook-secret", action="append", help="given twice while a secret is rolled")
    parser.add_argument("--bus", help="name of an EventBridge bus")
    parser.add_argument("--bus-source", help="the events' source, where the bus refuses Stripe's")
    parser.add_argument("--aws-endpoint", help="endpoint of the local AWS")
    parser.add_argument("--region")
    parser.add_argument("--public-address", help="base of hosted_invoice_url, when it is not this server's own")
    parser.add_argument("--search-lag", type=int, metavar="SECONDS")
    return parser.parse_args(given)


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line gives."""
    named = {
        "webhook_url": options.webhook_url,
        "webhook_secrets": options.webhook_secret,
        "bus_name": options.bus,
        "bus_source": options.bus_source,
        "bus_endpoint_url": options.aws_endpoint,
        "bus_region": options.region,
        "public_address": options.public_address,
        "search_lag_seconds": options.search_lag,
    }
    return {name: value for name, value in named.items() if value is not None}


def main() -> None:
    """Serves until SIGINT or SIGTERM."""
    options = arguments()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    state = None if options.state == ":memory:" else Path(options.state)
    with StandIn(port=options.port, state=state, **settings_of(options)) as standin:
        print(f"listening on {HOST}:{standin.port}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
