"""Reading Plivo's messages: what is asked, what is handed on, and what each answer means, against a local server."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tollgate.adapters.plivo_rest import PlivoMessages
from tollgate.domain.errors import NotFound, Refused, RetryLater, TollgateError
from tollgate.providers.plivo import DETAILS, PLIVO
from tollgate.providers.provider import Setting
from tollgate.stages.ports.receipts import Receipt

MESSAGE = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"
DOCUMENT = json.loads((Path(__file__).parents[2] / "events" / "plivo" / "rest" / "message.json").read_bytes())
SECRET = {"auth_id": "MA1", "auth_token": "its token"}


@dataclass
class Server:
    """Answers every request alike, and remembers path and headers of each."""

    status: int = 200
    body: bytes = json.dumps(DOCUMENT).encode()
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    address: str = ""

    def messages(self, secret: Mapping[str, str] = SECRET) -> PlivoMessages:
        return PlivoMessages(lambda: secret, address=self.address)

    def says(self, **changes: Any) -> bool:
        """Whether an answer with fields changed has a price."""
        self.body = json.dumps(DOCUMENT | changes).encode()
        return self.messages().read("18445550001", MESSAGE).priced


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


def test_a_message_is_asked_for_with_the_accounts_credentials(server: Server) -> None:
    """At the path of the account and the message, whoever sent it; an id cannot leave its place in the path."""
    server.messages().read("18445550001", MESSAGE)
    with pytest.raises(TollgateError):
        server.messages().read("18445550001", "../x?y")
    [(path, headers), (escaped, _)] = server.asked
    assert path == f"/v1/Account/MA1/Message/{MESSAGE}/"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"MA1:its token"
    assert escaped == "/v1/Account/MA1/Message/..%2Fx%3Fy/"


def test_a_sender_of_another_account_has_credentials_of_its_own(server: Server) -> None:
    """A subaccount's messages are read as that subaccount, the others' as before."""
    secret = {**SECRET, "18445550001": "SA2:of the subaccount"}
    for sender in ("18445550001", "18445550002"):
        server.messages(secret).read(sender, MESSAGE)
    assert [path.split("/")[3] for path, _ in server.asked] == ["SA2", "MA1"]


@pytest.mark.parametrize("secret", [{}, {"auth_token": "t"}, {"auth_id": "MA1"}, {"auth_id": "", "auth_token": ""}])
def test_without_credentials_nobody_is_asked(server: Server, secret: dict[str, str]) -> None:
    """It is refused, not retried for ever."""
    with pytest.raises(Refused):
        server.messages(secret).read("18445550001", MESSAGE)
    assert server.asked == []


def test_what_is_handed_on_is_what_the_provider_reads(server: Server) -> None:
    """As a receipt of the poll it becomes the message's facts; its text, if there is one, does not come along."""
    server.body = json.dumps(DOCUMENT | {"text": "secret words"}).encode()
    resource = server.messages().read("18445550001", MESSAGE)
    assert b"secret words" not in resource.body
    receipt = Receipt(
        id="1",
        provider="plivo",
        body=resource.body,
        received_at=datetime(2026, 11, 21, tzinfo=UTC),
        source=DETAILS,
    )
    [fact] = PLIVO.parse(receipt, Setting(hasher=lambda text: text)).facts
    assert (fact.message, fact.status) == (MESSAGE, "delivered")
    assert fact.report is not None
    assert fact.report.segments == 2


@pytest.mark.parametrize(
    ("changes", "priced"),
    [
        ({}, True),
        ({"message_state": "sent"}, True),
        ({"message_state": "sent", "total_amount": "0.00000"}, False),  # may still be priced
        ({"message_state": "queued", "total_amount": "0.00000"}, False),
        ({"message_state": "delivered", "total_amount": "0.00000"}, True),  # nothing more will come
        ({"message_state": "failed", "total_amount": "0"}, True),
        ({"total_amount": None}, False),
        ({"total_amount": "soon"}, False),
        ({"total_amount": "NaN"}, False),
    ],
)
def test_a_zero_is_a_price_once_nothing_more_can_come(server: Server, changes: dict[str, Any], priced: bool) -> None:
    """Until then it is what stands there before there is one."""
    assert server.says(**changes) is priced


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (401, Refused),
        (403, Refused),
        (302, Refused),
        (429, RetryLater),
        (500, RetryLater),
        (503, RetryLater),
    ],
)
def test_every_answer_has_a_meaning(server: Server, status: int, error: type[TollgateError]) -> None:
    """No such message, not for us, or later; and a redirect leads nowhere."""
    server.status, server.headers = status, {"Location": "/elsewhere"}
    with pytest.raises(error) as raised:
        server.messages().read("18445550001", MESSAGE)
    assert len(server.asked) == 1
    assert "token" not in str(raised.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", json.dumps(DOCUMENT | {"message_uuid": "another"}).encode(), b"x" * 200_000]
)
def test_an_answer_about_something_else_is_none(server: Server, body: bytes) -> None:
    """It is asked again, and nothing is handed on."""
    server.body = body
    with pytest.raises(RetryLater):
        server.messages().read("18445550001", MESSAGE)


def test_who_cannot_be_reached_is_asked_later() -> None:
    """A refused connection is no answer."""
    with pytest.raises(RetryLater):
        PlivoMessages(lambda: SECRET, address="http://127.0.0.1:1").read("18445550001", MESSAGE)
