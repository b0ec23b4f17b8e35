"""The gateway passes requests on as they came."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local import gateway
from local.ports import free_port


@dataclass
class Upstream:
    """What the API behind the gateway saw."""

    port: int
    seen: list[tuple[str, str, list[tuple[str, str]], bytes]] = field(default_factory=list)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Run a server in a thread for the length of a block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An API that notes each request and answers 202 with two cookies and a body."""
    noted = Upstream(port=free_port())

    class Api(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            noted.seen.append((self.command, self.path, list(self.headers.items()), body))
            self.send_response(HTTPStatus.ACCEPTED)
            self.send_header("Set-Cookie", "a=1")
            self.send_header("Set-Cookie", "b=2")
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"ok")

        do_GET = do_POST = do_HEAD = _answer  # noqa: N815 - the base class looks them up by these names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", noted.port), Api)):
        yield noted


@pytest.fixture
def address(upstream: Upstream) -> Iterator[int]:
    """The port of a gateway in front of the API named abcd1234."""
    port = free_port()
    with serving(gateway.server(port=port, aws_port=upstream.port, api_id="abcd1234")):
        yield port


def send(port: int, *arguments: object, **options: object) -> tuple[int, list[tuple[str, str]], bytes]:
    """One request; its status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(*arguments, **options)  # type: ignore[arg-type]  # passed through as the test wrote them
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheaders(), body


def test_method_path_query_and_raw_body_arrive_unchanged(upstream: Upstream, address: int) -> None:
    """A signature over exact bytes still holds behind the gateway."""
    raw = b'{"a": "\\u00fc",  "b": 1}\r\n\x00\xff'

    status, _, body = send(address, "POST", "/webhooks/meta?b=2&a=%20x&a=", body=raw)

    assert (status, body) == (HTTPStatus.ACCEPTED, b"ok")
    method, path, _, received = upstream.seen[0]
    assert (method, path, received) == ("POST", "/webhooks/meta?b=2&a=%20x&a=", raw)


def test_a_body_in_chunks_arrives_whole(upstream: Upstream, address: int) -> None:
    """A sender that streams is served like any other."""
    send(address, "POST", "/events", body=iter([b"one ", b"two"]), encode_chunked=True)

    assert upstream.seen[0][3] == b"one two"


def test_headers_are_kept_and_only_the_host_selects_the_api(upstream: Upstream, address: int) -> None:
    """The client's headers go on; the original host is kept beside the one that selects the API."""
    send(address, "GET", "/console/", headers={"X-Hub-Signature-256": "sha256=00", "Cookie": "a=b; c=d"})

    headers = dict(upstream.seen[0][2])
    assert headers["Host"] == f"abcd1234.execute-api.localhost:{upstream.port}"
    assert headers["X-Forwarded-Host"] == f"127.0.0.1:{address}"
    assert headers["X-Hub-Signature-256"] == "sha256=00"
    assert headers["Cookie"] == "a=b; c=d"


def test_every_header_of_the_answer_comes_back(upstream: Upstream, address: int) -> None:
    """Two cookies stay two cookies."""
    _, headers, _ = send(address, "GET", "/console/")

    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_an_api_that_does_not_answer_is_a_502() -> None:
    """A provider sees a fault it will retry, never a success."""
    port = free_port()
    with serving(gateway.server(port=port, aws_port=free_port(), api_id="abcd1234")):
        status, _, _ = send(port, "POST", "/webhooks/meta", body=b"{}")

    assert status == HTTPStatus.BAD_GATEWAY
