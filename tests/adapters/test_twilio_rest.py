"""Reading Message resources: what is asked, what is handed on, and what each answer means, against a local server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tollgate.adapters.twilio_rest import TwilioMessages
from tollgate.domain.errors import NotFound, Refused, RetryLater, TollgateError

ACCOUNT, MESSAGE = "AC0123456789abcdef0123456789abcdef", "SM89e0c3f1d2b4a5968778695a4b3c2d1e"
RESOURCE = (Path(__file__).parents[2] / "events" / "twilio" / "message_resource.json").read_bytes()
LOGINS = {ACCOUNT: "SK1:its secret"}


@dataclass
class Server:
    """Answers every request alike, and remembers path and headers of each."""

    status: int = 200
    body: bytes = RESOURCE
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    address: str = ""

    def messages(self, logins: Mapping[str, str] = LOGINS) -> TwilioMessages:
        return TwilioMessages(lambda: logins, address=self.address)


@pytest.fixture
def server() -> Iterator[Server]:
    played = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            played.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(played.status)
            for name, value in played.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(played.body)))
            self.end_headers()
            self.wfile.write(played.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    played.address = f"http://127.0.0.1:{listening.server_address[1]}"
    yield played
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_a_message_is_asked_for_with_its_accounts_credentials(server: Server) -> None:
    """At Twilio's path of the account and the message, as an API key."""
    server.messages().read(ACCOUNT, MESSAGE)
    [(path, headers)] = server.asked
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}.json"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"SK1:its secret"


@pytest.mark.parametrize(
    ("logins", "user"),
    [
        ({"*": "SK0:s"}, "SK0"),
        ({"*": "SK0:s", ACCOUNT: "SK1:s"}, "SK1"),
        ({"*": "SK0:s", "AC2": "SK2:s"}, "SK0"),
    ],
)
def test_an_account_without_credentials_of_its_own_uses_those_for_all(
    server: Server, logins: dict[str, str], user: str
) -> None:
    """One key of the main account reads its subaccounts."""
    server.messages(logins).read(ACCOUNT, MESSAGE)
    given = base64.b64decode(server.asked[0][1]["authorization"].removeprefix("Basic "))
    assert given.decode().partition(":")[0] == user


@pytest.mark.parametrize("logins", [{}, {"AC2": "SK2:s"}, {ACCOUNT: "", "*": "SK0:s"}])
def test_without_credentials_nobody_is_asked(server: Server, logins: dict[str, str]) -> None:
    """An account whose field is empty has none."""
    with pytest.raises(Refused):
        server.messages(logins).read(ACCOUNT, MESSAGE)
    assert server.asked == []


def test_what_is_handed_on_has_no_text(server: Server) -> None:
    """Only what counts is kept, digit by digit; the message's text stays at Twilio."""
    found = server.messages().read(ACCOUNT, MESSAGE)
    said = json.loads(found.body)
    assert found.priced
    assert (said["price"], said["num_segments"], said["sid"]) == ("-0.01660", "2", MESSAGE)
    assert not {"body", "uri", "subresource_uris"} & said.keys()


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(RESOURCE) | changes).encode()


def test_a_null_price_is_no_price_yet(server: Server) -> None:
    """Null and absent are not zero."""
    server.body = changed(price=None)
    assert not server.messages().read(ACCOUNT, MESSAGE).priced
    server.body = changed(price="0.00000")
    assert server.messages().read(ACCOUNT, MESSAGE).priced


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, Refused),
        (403, Refused),
        (400, Refused),
        (301, Refused),
        (404, NotFound),
        (429, RetryLater),
        (500, RetryLater),
        (503, RetryLater),
    ],
)
def test_each_status_has_one_meaning(server: Server, status: int, error: type[TollgateError]) -> None:
    """For this account or message no; not there; or not now. A redirect is not followed with our credentials."""
    server.status, server.body, server.headers = status, b"+14155550123", {"Location": f"{server.address}/elsewhere"}
    with pytest.raises(error) as refused:
        server.messages().read(ACCOUNT, MESSAGE)
    assert len(server.asked) == 1
    assert "4155550123" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        RESOURCE[:-9],
        changed(sid="SM1"),
        changed(account_sid="AC1"),
        b" " * 100_001 + RESOURCE,
    ],
)
def test_an_answer_that_is_not_the_message_is_asked_for_again(server: Server, body: bytes) -> None:
    """A proxy's page or another message's price is nothing to go by."""
    server.body = body
    with pytest.raises(RetryLater):
        server.messages().read(ACCOUNT, MESSAGE)


def test_an_id_stays_one_part_of_the_path(server: Server) -> None:
    """No id reaches another resource."""
    with pytest.raises(RetryLater):
        server.messages({"*": "SK0:s"}).read("../x", "y/../../z?a=b#c")
    assert server.asked[0][0] == "/2010-04-01/Accounts/..%2Fx/Messages/y%2F..%2F..%2Fz%3Fa%3Db%23c.json"


def test_nobody_at_the_address_is_no_answer_now(server: Server) -> None:
    """Connection refused is trouble on the way."""
    with pytest.raises(RetryLater):
        TwilioMessages(lambda: LOGINS, address="http://127.0.0.1:1").read(ACCOUNT, MESSAGE)
