"""The OpenID provider over HTTP: what is asked, what is kept, and what no answer of it can make us do."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tollgate.adapters.oidc import FRESH_SECONDS, KEPT_SECONDS, LARGEST, OidcProvider
from tollgate.domain.errors import Refused, RetryLater


@dataclass
class Web:
    """A provider that answers as it is told, and writes down what it is asked."""

    address: str = ""
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    monotonic: float = 1000.0

    def say(self, path: str, document: object, status: int = 200) -> None:
        """From now on a path answers so."""
        self.answers[path] = (status, document if isinstance(document, bytes) else json.dumps(document).encode())

    def discovery(self, **changes: Any) -> None:
        """A usual discovery document, changed."""
        usual = {"issuer": self.address} | {
            name: f"{self.address}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        }
        self.say("/.well-known/openid-configuration", {k: v for k, v in (usual | changes).items() if v is not None})

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [path for _, path, _, _ in self.asked]

    def client(self, secret: str = "s/e cret") -> OidcProvider:
        """The adapter, pointed at it."""
        return OidcProvider(self.address, client_id="console", secret=lambda: secret, monotonic=lambda: self.monotonic)


@pytest.fixture
def web() -> Iterator[Web]:
    """A provider on a free port."""
    told = Web()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            told.asked.append((self.command, self.path, dict(self.headers), dict(parse_qsl(body))))
            status, content = told.answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", content.decode())
                content = b""
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_address[1]}"
    told.discovery()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_discovery_and_keys_are_kept_for_an_hour(web: Web) -> None:
    """Many sign-ins ask the provider once."""
    web.say("/jwks_uri", {"keys": [{"kid": "1"}, "odd"]})
    client = web.client()
    for _ in range(3):
        assert client.keys(fresh=False) == [{"kid": "1"}]
    assert web.paths() == ["/.well-known/openid-configuration", "/jwks_uri"]
    web.monotonic += KEPT_SECONDS + 1
    client.keys(fresh=False)
    assert len(web.paths()) == 4


def test_an_unknown_key_asks_anew_at_most_once_a_minute(web: Web) -> None:
    """A flood of tokens with made-up key ids is no flood at the provider."""
    web.say("/jwks_uri", {"keys": []})
    client = web.client()
    client.keys(fresh=False)
    for _ in range(5):
        client.keys(fresh=True)
    assert web.paths().count("/jwks_uri") == 1
    web.monotonic += FRESH_SECONDS + 1
    client.keys(fresh=True)
    assert web.paths().count("/jwks_uri") == 2


def test_a_code_is_exchanged_as_the_standard_says(web: Web) -> None:
    """Form body with the verifier; client id and secret as Basic, each percent-encoded (RFC 6749, 2.3.1)."""
    web.say("/token_endpoint", {"id_token": "a.b.c", "access_token": "x"})
    assert web.client().exchange(code="c", verifier="v", redirect_uri="https://console.example/b") == "a.b.c"
    method, _, headers, form = web.asked[-1]
    assert method == "POST"
    assert form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://console.example/b",
        "client_id": "console",
        "code_verifier": "v",
    }
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"console:s%2Fe%20cret"


def test_a_client_without_a_secret_sends_none(web: Web) -> None:
    """A public client is known by its id and the verifier."""
    web.say("/token_endpoint", {"id_token": "a.b.c"})
    web.client(secret="").exchange(code="c", verifier="v", redirect_uri="r")
    assert "Authorization" not in web.asked[-1][2]


@pytest.mark.parametrize(
    ("status", "document"),
    [(400, {"error": "invalid_grant"}), (200, {}), (200, {"id_token": 7}), (200, [1]), (401, {"id_token": "a.b.c"})],
)
def test_a_code_that_is_not_accepted_is_refused(web: Web, status: int, document: object) -> None:
    """Whatever else the answer says: no token, no sign-in."""
    web.say("/token_endpoint", document, status)
    with pytest.raises(Refused):
        web.client().exchange(code="c", verifier="v", redirect_uri="r")


FAULTS: dict[str, Callable[[Web], None]] = {
    "down": lambda web: web.say("/jwks_uri", {}, 503),
    "not found": lambda web: web.say("/jwks_uri", {}, 404),
    "no JSON": lambda web: web.say("/jwks_uri", b"<html>"),
    "too large": lambda web: web.say("/jwks_uri", b" " * (LARGEST + 1)),
    "led elsewhere": lambda web: web.say("/jwks_uri", f"{web.address}/other".encode(), 302),
    "another issuer": lambda web: web.discovery(issuer="https://evil.example"),
    "no address of keys": lambda web: web.discovery(jwks_uri=None),
    "an odd address of keys": lambda web: web.discovery(jwks_uri="file:///etc/passwd"),
    "unreachable": lambda web: web.discovery(jwks_uri="http://127.0.0.1:1/"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_provider_that_does_not_answer_well_is_asked_later(web: Web, fault: Callable[[Web], None]) -> None:
    """Down, odd, too large or leading elsewhere: nobody is signed in, and it may be better in a minute."""
    fault(web)
    with pytest.raises(RetryLater):
        web.client().keys(fresh=False)
    assert "/other" not in web.paths()


def test_an_endpoint_over_plain_http_is_not_used_for_a_provider_over_https() -> None:
    """A discovery document cannot take the encryption away."""

    class Pool:
        def request(self, *_: Any, **__: Any) -> Any:
            document = {"issuer": "https://identity.example", "jwks_uri": "http://identity.example/keys"}
            return type("Answer", (), {"status": 200, "read": lambda *_, **__: json.dumps(document).encode(),
                                       "release_conn": lambda _: None})()  # fmt: skip

    client = OidcProvider("https://identity.example", client_id="console", secret=str, pool=Pool())  # type: ignore[arg-type]  # a stand-in
    with pytest.raises(RetryLater, match="jwks_uri"):
        client.keys(fresh=False)


def test_where_to_sign_out_is_known_only_where_the_provider_says_so(web: Web) -> None:
    """Not every provider has such a page."""
    assert web.client().end_session_endpoint() == ""
    web.discovery(end_session_endpoint=f"{web.address}/bye")
    assert web.client().end_session_endpoint() == f"{web.address}/bye"
