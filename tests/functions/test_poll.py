"""Poll: the schedule's run through the real composition root, against a local Twilio."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud, Context, event
from tests.domain.examples import DOCUMENT
from tollgate import runtime
from tollgate.domain.contract import parse
from tollgate.domain.errors import Invalid

type Entry = Callable[[str], Any]
EVENTS = Path(__file__).parents[2] / "events"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"
LATER = "2026-11-21T11:00:00Z"


class InTime(Context):
    """A context with all the time in the world."""

    def get_remaining_time_in_millis(self) -> int:
        return 200_000


@pytest.fixture
def twilio(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Answers with the sample Message resource; gives the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = (EVENTS / "twilio" / "message_resource.json").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("TWILIO_API_BASE", f"http://127.0.0.1:{server.server_address[1]}")
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()


def count_one(cloud: Cloud, entry: Entry) -> None:
    """Acme's Twilio account, and one delivered message of it."""
    cloud.sign_on(parse(DOCUMENT | {"senders": [{"provider": "twilio", "account": ACCOUNT}]}))
    body = (EVENTS / "twilio" / "status_sms_delivered.form").read_bytes()
    meter(entry, "twilio", body, {"content-type": "application/x-www-form-urlencoded"})


def meter(entry: Entry, provider: str, body: bytes, headers: dict[str, str]) -> None:
    envelope = {"id": "1", "provider": provider, "received_at": "2026-11-21T10:00:05+00:00", "headers": headers,
                "source": "/webhooks/twilio", "body": base64.b64encode(body).decode()}  # fmt: skip
    attributes = {"tollgate-receipt": {"dataType": "String", "stringValue": provider}}
    record = {"messageId": "m1", "body": json.dumps(envelope), "messageAttributes": attributes, "attributes": {}}
    assert entry("meter").handler({"Records": [record]}, Context()) == {"batchItemFailures": []}


def test_a_run_queues_the_prices_it_finds(cloud: Cloud, twilio: list[str], entry: Entry) -> None:
    """From the index to Twilio to the queue, from where metering takes it; the next run has nothing to ask."""
    count_one(cloud, entry)
    report = entry("poll").handler({"schedule": "poll", "time": LATER}, InTime())
    assert report["twilio"] == {"priced": 1, "put_off": 0, "given_up": 0, "cause": ""}
    assert len(twilio) == 1
    [queued] = cloud.queued("receipts")
    envelope = json.loads(queued["Body"])
    assert envelope["provider"] == "twilio"
    meter(entry, "twilio", base64.b64decode(envelope["body"]), envelope["headers"])
    report = entry("poll").handler({"schedule": "poll", "time": "2026-12-21T11:00:00Z"}, InTime())
    assert (report["twilio"]["priced"], report["twilio"]["put_off"], len(twilio)) == (0, 0, 1)


def test_a_stack_without_twilio_asks_for_no_secret(cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing waits, an empty secret is no error that would ring every five minutes."""
    monkeypatch.setenv("TWILIO_REST_SECRET", "a-secret-nobody-made")
    report = entry("poll").handler({"schedule": "poll", "time": LATER}, InTime())
    assert report["twilio"] == {"priced": 0, "put_off": 0, "given_up": 0, "cause": ""}


def test_an_unfilled_time_is_refused(cloud: Cloud, entry: Entry) -> None:
    """A placeholder that the scheduler did not fill in is not a time."""
    with pytest.raises(Invalid):
        entry("poll").handler(event("scheduler/unfilled"), InTime())


def test_both_providers_are_asked_where_the_template_says(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """At themselves, unless a stand-in is named for each."""

    def asked() -> dict[str, str]:
        runtime.from_environment.cache_clear()
        ports = cloud.runtime().poll_ports()
        return {provider: own.resources._address for provider, own in ports.items()}  # type: ignore[attr-defined]

    assert asked() == {"twilio": "https://api.twilio.com", "plivo": "https://api.plivo.com"}
    for name in ("TWILIO_API_BASE", "PLIVO_API_BASE"):
        monkeypatch.setenv(name, f"http://{name}")
    assert asked() == {"twilio": "http://TWILIO_API_BASE", "plivo": "http://PLIVO_API_BASE"}
