"""A stand-in with a clock under the test's hand, the real SDK pointed at it, and a receiver for its webhooks.

When the play ends, every request that was not sent through `raw` is passed through the request checker.
"""

import http.client
import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import stripe

from local.stripe_standin import StandIn
from tests import stripe_checker

stripe.enable_telemetry = False

START = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400
DELIBERATE = "x-deliberately-wrong"
DEADLINE_SECONDS = 10
SECRET = "whsec_play"


@dataclass
class Play:
    """`now` is the stand-in's clock in unix seconds; `bus` collects what it put on the event bus."""

    standin: StandIn
    client: stripe.StripeClient
    bus: "queue.Queue[dict[str, Any]]"
    time: list[int]

    @property
    def now(self) -> int:
        return self.time[0]

    def advance(self, seconds: int) -> None:
        self.time[0] += seconds

    def customer(self, **given: Any) -> stripe.Customer:
        params: Any = {"name": "Acme", "email": "ap@acme.example", **given}
        return self.client.v1.customers.create(params)

    def draft(self, customer: str, **given: Any) -> stripe.Invoice:
        due: dict[str, Any] = {} if "due_date" in given else {"days_until_due": 14}
        params: Any = {
            "customer": customer,
            "currency": "usd",
            "collection_method": "send_invoice",
            "auto_advance": False,
            "pending_invoice_items_behavior": "exclude",
            **due,
            **given,
        }
        return self.client.v1.invoices.create(params)

    def invoice(self, *amounts: int, customer: str | None = None, **given: Any) -> stripe.Invoice:
        """A draft with one line per amount, in cents."""
        draft = self.draft(customer or self.customer().id, **given)
        if not amounts:
            return draft
        lines: list[Any] = [{"amount": amount, "description": f"line {n}"} for n, amount in enumerate(amounts)]
        return self.client.v1.invoices.add_lines(draft.id, {"lines": lines})

    def open_invoice(self, amount: int = 10_000, **given: Any) -> stripe.Invoice:
        return self.client.v1.invoices.finalize_invoice(self.invoice(amount, **given).id)

    def event_types(self, about: str | None = None) -> list[str]:
        """Types of the events about an object, oldest first."""
        events = list(self.client.v1.events.list({"limit": 100}).auto_paging_iter())
        return [event.type for event in reversed(events) if about in (None, event.data.object["id"])]

    def control(self, method: str, path: str, **given: Any) -> Any:
        """The result of a control route."""
        status, _, body = _request(self.standin, method, f"/_standin{path}", json.dumps(given), {})
        assert status == 200, body
        return json.loads(body)["result"]

    def raw(
        self,
        method: str,
        path: str,
        *pairs: tuple[str, str],
        key: str | None = None,
        authorization: str = "Bearer sk_test_play",
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """A request that the SDK would not send; the checker does not see it. (status, headers, JSON)"""
        headers = {"Authorization": authorization, DELIBERATE: "1"} | ({"Idempotency-Key": key} if key else {})
        body = urlencode(pairs)
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body:
            path, body = f"{path}?{body}", ""
        status, answered, text = _request(self.standin, method, path, body, headers)
        return status, answered, json.loads(text)

    def page(self, path: str) -> tuple[int, str]:
        status, _, text = _request(self.standin, "GET", path, "", {})
        return status, text


def _request(
    standin: StandIn, method: str, path: str, body: str, headers: dict[str, str]
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", standin.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request(method, path, body.encode() or None, headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


@contextmanager
def playing(**settings: Any) -> Iterator[Play]:
    """A stand-in that forgets everything at the end; `settings` are those of the stand-in."""
    time, bus = [START], queue.Queue[dict[str, Any]]()
    given: dict[str, Any] = {
        "clock": lambda: time[0],
        "put": lambda _settings, event: bus.put(event),
        "backoff_seconds": (0.01, 0.01, 0.01),
        **settings,
    }
    with StandIn(**given) as standin:
        http_client = stripe.RequestsClient(timeout=DEADLINE_SECONDS)
        client = stripe.StripeClient(
            "rk_test_play", base_addresses={"api": standin.base_address}, http_client=http_client
        )
        try:
            yield Play(standin, client, bus, time)
        finally:
            http_client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        if stripe_checker.is_there():
            correct = [request for request in standin.requests if DELIBERATE not in request.headers]
            assert stripe_checker.problems(correct) == []


@dataclass
class Receiver:
    """A webhook endpoint: what arrived, and which statuses to answer first."""

    url: str = ""
    arrived: "queue.Queue[tuple[str, bytes]]" = field(default_factory=queue.Queue)
    statuses: list[int] = field(default_factory=list)

    def next(self) -> tuple[str, bytes]:
        """The next delivery: signature header and raw body. Fails after a deadline."""
        return self.arrived.get(timeout=DEADLINE_SECONDS)

    def next_type(self) -> str:
        return str(json.loads(self.next()[1])["type"])


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            receiver.arrived.put((self.headers["stripe-signature"], body))

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_until(holds: Callable[[], bool]) -> None:
    """Polls a condition to a deadline."""
    pause = threading.Event()
    for _ in range(int(DEADLINE_SECONDS / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("the condition did not come true in time")
