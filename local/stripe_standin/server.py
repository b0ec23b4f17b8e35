"""The HTTP server: HTTP/1.1 with keep-alive on 127.0.0.1, one thread per connection.

/v1/… is Stripe's API, /_standin/… are control routes, /_standin/ and /_standin/invoices/{id} are pages.
"""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import pages
from .account import Account
from .api import Answer, Api, Request
from .clock import Clock
from .control import Control, saved_state
from .delivery import BACKOFF_SECONDS, Courier, put_on_bus
from .errors import StripeError
from .settings import Settings
from .store import Record, Store
from .switches import Switches

HOST = "127.0.0.1"
CONTROL = "/_standin"


class StandIn:
    """A stand-in that listens, in this process. `with StandIn() as stripe: ... stripe.base_address`."""

    def __init__(
        self,
        *,
        port: int = 0,
        state: Path | None = None,
        clock: Callable[[], float] = time.time,
        real_time: Callable[[], float] = time.time,
        put: Callable[[Settings, Record], None] = put_on_bus,
        backoff_seconds: tuple[float, ...] = BACKOFF_SECONDS,
        **settings: Any,
    ) -> None:
        """`clock` and `real_time` return unix seconds; `put` hands an event to the bus; `settings` override saved ones.

        Port 0 picks a free port. `state` is a directory; None forgets everything at the end.
        """
        self.account = Account(Store(state), Clock(clock), Settings())
        saved, saved_clock = saved_state(self.account)
        self.account.settings = Settings.model_validate({**saved.model_dump(), **settings})
        if saved_clock:
            self.account.clock.offset_seconds = saved_clock["offset_seconds"]
            self.account.clock.frozen_at = saved_clock["frozen_at"]
        self.switches = Switches()
        self.courier = Courier(
            self.account, self.switches, real_time=real_time, put=put, backoff_seconds=backoff_seconds
        )
        self.api = Api(self.account, self.switches, self.courier.dispatch)
        self.control = Control(self.account, self.api, self.switches, self.courier)
        self._server = _Server((HOST, port), self)
        self.account.base_address = self.base_address
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="stripe-standin")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_address(self) -> str:
        """What StripeClient takes as base_addresses["api"]."""
        return f"http://{HOST}:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """The /v1 requests seen, as they arrived."""
        return list(self.api.log)

    def start(self) -> None:
        self.courier.start()
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        self.courier.stop()
        with self.account.store.lock:
            self.account.store.close()

    def __enter__(self) -> "StandIn":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], standin: StandIn) -> None:
        self.standin = standin
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Ends kept-alive connections, so that no client talks to a stand-in that has stopped."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; everything else is shown as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write per answer: headers and body in one packet
    timeout = 300
    server_version = "stripe-standin"
    server: _Server

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        path = urlsplit(self.path).path
        standin = self.server.standin
        if path in ("/", CONTROL):
            self._send(303, b"", "text/plain", {"Location": f"{CONTROL}/"})
        elif self.command == "GET" and (page := _page(standin.account, path)) is not None:
            self._send(page[0], page[1].encode(), "text/html; charset=utf-8", {})
        elif path.startswith(CONTROL):
            self._answer(standin.control.answer(request, path.removeprefix(CONTROL)))
        else:
            self._answer(standin.api.answer(request))

    def _answer(self, answer: Answer) -> None:
        if answer.dropped:
            time.sleep(answer.hold_seconds)
            self.close_connection = True
            return
        self._send(answer.status, json.dumps(answer.body).encode(), "application/json", answer.headers)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Requests are in the log that /_standin/requests shows."""


def _page(account: Account, path: str) -> tuple[int, str] | None:
    """Status and HTML of a page, or None when the path is none."""
    parts = path.removeprefix(f"{CONTROL}/").split("/")
    if path == f"{CONTROL}/":
        with account.store.lock:
            return 200, pages.overview(account)
    if path.startswith(f"{CONTROL}/invoices/") and len(parts) == 2:
        try:
            with account.store.lock:
                return 200, pages.invoice(account, parts[1])
        except StripeError as error:
            return error.status, pages.not_found(error)
    return None
