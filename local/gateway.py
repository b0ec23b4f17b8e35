"""One fixed loopback address in front of the local HTTP API, and the collector of its mails.

The local AWS serves an API under an id that changes when the stack is made anew; webhooks, browsers and the demo need
an address that stays. Every request is passed on as it came: method, path, query, headers and raw body, because
providers sign exact bytes. Only the host changes (it selects the API); the original one goes on as X-Forwarded-Host.
"""

import argparse
import http.client
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from local import mailbox
from local.ports import LOOPBACK

# Headers that describe one connection, not the message (RFC 9110, 7.6.1); they are never passed on.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host"}
)
MAIL_POLL_SECONDS = 1.0
FORWARD_TIMEOUT_SECONDS = 60


def api_host(api_id: str, aws_port: int) -> str:
    """The host that selects an API at the local AWS and leaves the path as in production."""
    return f"{api_id}.execute-api.localhost:{aws_port}"


def forwarded_headers(headers: Iterable[tuple[str, str]], *, upstream_host: str, client: str) -> list[tuple[str, str]]:
    """The headers to send on: the client's own in their order, the API's host, and where the request came from."""
    given = list(headers)
    original_host = next((value for name, value in given if name.lower() == "host"), "")
    kept = [(name, value) for name, value in given if name.lower() not in HOP_BY_HOP | {"content-length"}]
    return [
        ("Host", upstream_host),
        *kept,
        ("X-Forwarded-Host", original_host),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-For", client),
    ]


class Forwarder(BaseHTTPRequestHandler):
    """Passes each request to the API and its answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body leave in two writes; without this each answer waits 40 ms
    aws_address: ClassVar[tuple[str, int]]
    upstream_host: ClassVar[str]

    def _forward(self) -> None:
        body = self._chunked_body() if self._is_chunked() else self._sized_body()
        headers = forwarded_headers(
            self.headers.items(), upstream_host=self.upstream_host, client=self.client_address[0]
        )
        upstream = http.client.HTTPConnection(*self.aws_address, timeout=FORWARD_TIMEOUT_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                upstream.putheader(name, value)
            if body or self.command in {"POST", "PUT", "PATCH"}:
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
        except (OSError, http.client.HTTPException) as failure:
            message = f"the local API does not answer: {failure}\n".encode()
            self._answer(http.HTTPStatus.BAD_GATEWAY, [("Content-Type", "text/plain; charset=utf-8")], message)
        finally:
            upstream.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _forward  # noqa: N815

    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "").lower()

    def _sized_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunked_body(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers carry nothing the product reads
        return b"".join(parts)

    def _answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.log_request(status, len(body))
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """One line a request on stdout, which is the gateway's log."""
        print(f"{self.log_date_time_string()} {format % args}", flush=True)


def server(*, port: int, aws_port: int, api_id: str) -> ThreadingHTTPServer:
    """A server for one API; ``serve_forever()`` runs it."""
    handler = type(
        "ApiForwarder",
        (Forwarder,),
        {"aws_address": (LOOPBACK, aws_port), "upstream_host": api_host(api_id, aws_port)},
    )
    gateway = ThreadingHTTPServer((LOOPBACK, port), handler)
    gateway.daemon_threads = True
    return gateway


def collect_mails(*, aws_endpoint: str, folder: Path, stop: threading.Event) -> None:
    """Save new mails until told to stop. While the local AWS is away there is simply nothing new."""
    while not stop.is_set():
        try:
            mailbox.save_new(mailbox.fetch(aws_endpoint), folder)
        except OSError as away:
            print(f"mails: {away}", flush=True)
        stop.wait(MAIL_POLL_SECONDS)


def main(arguments: list[str] | None = None) -> None:
    """``python -m local.gateway --port P --aws URL --api-id ID --mails DIR``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--aws", required=True, help="the local AWS, such as http://127.0.0.1:4566")
    parser.add_argument("--api-id", required=True)
    parser.add_argument("--mails", type=Path, required=True, help="folder for the mails sent")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    collector = threading.Thread(
        target=collect_mails, kwargs={"aws_endpoint": given.aws, "folder": given.mails, "stop": stop}, daemon=True
    )
    collector.start()
    server(port=given.port, aws_port=urlsplit(given.aws).port or 0, api_id=given.api_id).serve_forever()


if __name__ == "__main__":
    main()
