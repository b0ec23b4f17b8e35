"""Receive: an HTTP API's event in, a verified receipt on the queue or a refusal that queues nothing out."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest

from tests.cloud import APP_SECRET, EVENTS, TWILIO_TOKEN, Cloud, Context, event, failing
from tollgate.adapters.receipts import SqsReceiptQueue
from tollgate.stages.receive import MAX_BODY_BYTES

type Entry = Callable[[str], Any]
DELIVERED = (EVENTS / "meta" / "status_delivered.json").read_bytes()


def webhook(body: bytes, *, secret: str = APP_SECRET, signature: str | None = None) -> dict[str, Any]:
    """The event file of Meta's webhook with another body, signed with a secret."""
    signed = "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    changed: dict[str, Any] = event("apigateway/webhook_meta_base64")
    changed["headers"]["X-Hub-Signature-256"] = signed if signature is None else signature
    changed["body"] = base64.b64encode(body).decode()
    return changed


def body_of(message: dict[str, Any]) -> bytes:
    """The body that a queued receipt carries."""
    return base64.b64decode(json.loads(message["Body"])["body"])


@pytest.mark.parametrize("name", ["webhook_meta", "webhook_meta_base64"])
def test_a_signed_webhook_is_queued_as_it_was_sent(cloud: Cloud, entry: Entry, name: str) -> None:
    """Base64 is undone before the signature, header names have any case, and the bytes on the queue are Meta's."""
    answer = entry("receive").handler(event(f"apigateway/{name}"), Context())

    assert answer["statusCode"] == 200
    [queued] = cloud.queued("receipts")
    assert body_of(queued) == DELIVERED
    assert queued["MessageAttributes"]["tollgate-receipt"]["StringValue"] == "meta"


def test_the_handshake_is_answered_with_its_challenge(cloud: Cloud, entry: Entry) -> None:
    """Meta's subscription gets its challenge back as plain text, and nothing is queued."""
    answer = entry("receive").handler(event("apigateway/webhook_meta_handshake"), Context())

    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"] == "text/plain"
    assert cloud.queued("receipts") == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (webhook(DELIVERED, secret="somebody else's"), 401),
        (webhook(DELIVERED, signature=""), 401),
        (webhook((EVENTS / "meta" / "status_truncated.raw").read_bytes()), 400),
        (webhook(b"x" * (MAX_BODY_BYTES + 1)), 413),
        (webhook(DELIVERED) | {"pathParameters": {"provider": "nobody"}}, 404),
        (webhook(DELIVERED) | {"pathParameters": {"provider": "aws-sms"}}, 404),
        (webhook(DELIVERED) | {"pathParameters": {}}, 404),
    ],
    ids=["forged", "unsigned", "truncated", "too large", "unknown provider", "no webhook of that provider", "no name"],
)
def test_a_refusal_queues_nothing(cloud: Cloud, entry: Entry, request_: dict[str, Any], status: int) -> None:
    """What is not a provider's own words has its status, and leaves no trace on the queue."""
    answer = entry("receive").handler(request_, Context())

    assert answer["statusCode"] == status
    assert cloud.queued("receipts") == []


def test_a_refusal_repeats_nothing_of_the_request(entry: Entry) -> None:
    """Whoever asks for a provider that is none is not echoed."""
    asked = webhook(DELIVERED) | {"pathParameters": {"provider": "<script>"}}
    assert "script" not in entry("receive").handler(asked, Context())["body"]


def test_a_wrong_verify_token_is_forbidden(entry: Entry) -> None:
    """A handshake that does not know our token learns nothing."""
    asked = event("apigateway/webhook_meta_handshake")
    asked["rawQueryString"] = asked["rawQueryString"].replace("verify-token", "another-token")
    assert entry("receive").handler(asked, Context())["statusCode"] == 403


@pytest.mark.parametrize("code", ["ThrottlingException", "AWS.SimpleQueueService.NonExistentQueue", "AccessDenied"])
def test_a_queue_that_is_down_asks_for_another_sending(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Whatever keeps a receipt off the queue, the provider is told to send it again: 503, without the reason."""
    app = entry("receive")
    failing(monkeypatch, "SendMessage", code)
    answer = app.handler(event("apigateway/webhook_meta"), Context())

    assert answer["statusCode"] == 503
    assert code not in answer["body"]
    assert "arn:" not in answer["body"]


@pytest.mark.parametrize("content", [None, "not json", '["a list"]'], ids=["not filled", "no JSON", "no object"])
def test_a_secret_that_is_not_ready_asks_for_another_sending(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """Until ops has filled the secret in, nothing is let in and nothing is lost: 503."""
    manager = boto3.client("secretsmanager")
    manager.create_secret(Name="fresh", **({} if content is None else {"SecretString": content}))  # type: ignore[arg-type]  # one keyword
    monkeypatch.setenv("META_SECRET", "fresh")
    answer = entry("receive").handler(event("apigateway/webhook_meta"), Context())

    assert answer["statusCode"] == 503
    assert "fresh" not in answer["body"]
    assert content is None or content not in cloud.log.getvalue()
    assert cloud.queued("receipts") == []


def test_a_setting_that_is_missing_is_not_told_to_callers(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the template is a 503 without its name; the log says what it is."""
    monkeypatch.delenv("META_SECRET")
    answer = entry("receive").handler(event("apigateway/webhook_meta"), Context())

    assert answer["statusCode"] == 503
    assert "META_SECRET" not in answer["body"]
    assert "META_SECRET" in cloud.log.getvalue()


def test_a_large_body_goes_by_the_bucket_and_comes_back_whole(cloud: Cloud, entry: Entry) -> None:
    """A body over the queue's size is queued as a pointer to the very bytes."""
    body = json.dumps({"object": "whatsapp_business_account", "entry": [], "padding": "x" * 300_000}).encode()
    assert entry("receive").handler(webhook(body), Context())["statusCode"] == 200

    [queued] = cloud.queued("receipts")
    key = json.loads(queued["Body"])["object"]
    assert boto3.client("s3").get_object(Bucket="receipts", Key=key)["Body"].read() == body


def test_rejections_are_counted_for_the_alarm(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """A forged webhook is one RejectedReceipts in the namespace and dimension that the alarm watches."""
    entry("receive").handler(webhook(DELIVERED, secret="somebody else's"), Context())

    [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert metric["RejectedReceipts"] == [1.0]
    assert metric["service"] == "tollgate"
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Tollgate"


def test_the_log_holds_nothing_of_the_request(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither number, message id, signature nor secret is logged, whether a webhook is taken, refused or failing."""
    app = entry("receive")
    for asked in (webhook(DELIVERED), webhook(DELIVERED, secret="another"), event("apigateway/webhook_meta_handshake")):
        app.handler(asked, Context())

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("cannot queue for 254712345678")

    monkeypatch.setattr(SqsReceiptQueue, "put", crash)
    assert app.handler(webhook(DELIVERED), Context())["statusCode"] == 500

    said = cloud.log.getvalue() + capsys.readouterr().out
    assert [line["message"] for line in cloud.lines()][:3] == ["answered"] * 3
    for private in ("254712345678", "15550783881", "wamid.", APP_SECRET, "verify-token", "1158201444", "sha256="):
        assert private not in said


@pytest.mark.parametrize("path", ["webhooks", "events"])
def test_an_error_that_nothing_foresaw_asks_for_another_sending(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    """A problem without our insides; the log knows its kind and its place, not its words; and the alarm's metric."""
    app = entry("receive")

    def crash(*_: Any, **__: Any) -> None:
        raise KeyError("+254712345678")

    monkeypatch.setattr(app, "request_of", crash)
    asked = webhook(DELIVERED) if path == "webhooks" else event("apigateway/events_batch")
    answer = app.handler(asked, Context())

    assert (answer["statusCode"], answer["headers"]) == (500, {"content-type": "application/problem+json"})
    assert json.loads(answer["body"]) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "a fault of ours, send it again",
    }
    [line] = [line for line in cloud.lines() if line["message"] == "fault"]
    assert line["kind"] == "KeyError"
    assert line["at"].startswith("test_receive.py:")
    assert "254712345678" not in cloud.log.getvalue()
    [metric] = [json.loads(said) for said in capsys.readouterr().out.splitlines() if "_aws" in said]
    assert metric["UnforeseenFaults"] == [1.0]


def twilio(**headers: str) -> dict[str, Any]:
    """The event file of Twilio's callback, signed for the API's own address."""
    given: dict[str, Any] = event("apigateway/webhook_twilio")
    given["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    return given


def signed_for(address: str) -> str:
    """Twilio's signature of the event file's form, for another address."""
    fields = parse_qsl(base64.b64decode(twilio()["body"]).decode())
    text = address + "".join(name + value for name, value in sorted(fields))
    return base64.b64encode(hmac.digest(TWILIO_TOKEN.encode(), text.encode(), hashlib.sha1)).decode()


def test_a_callback_signed_for_the_apis_address_is_queued(cloud: Cloud, entry: Entry) -> None:
    """The gateway says what domain was called; the form's kind goes on with it, for parsing needs it."""
    assert entry("receive").handler(twilio(), Context())["statusCode"] == 200
    [queued] = cloud.queued("receipts")
    assert json.loads(queued["Body"])["headers"]["content-type"].startswith("application/x-www-form-urlencoded")


PUBLIC = "https://hooks.example.com/billing"


@pytest.mark.parametrize(
    ("public_url", "signed", "status"),
    [
        (PUBLIC, f"{PUBLIC}/webhooks/twilio", 200),
        (PUBLIC, "https://abcde12345.execute-api.eu-west-1.amazonaws.com/webhooks/twilio", 401),
        ("", "https://elsewhere.example/webhooks/twilio", 401),
    ],
)
def test_the_signed_address_is_the_configured_one_and_never_a_headers(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, public_url: str, signed: str, status: int
) -> None:
    """A callback that Twilio made for somebody else's address cannot be passed on to us."""
    monkeypatch.setenv("PUBLIC_URL", public_url)
    forwarded = {"host": "elsewhere.example", "x_forwarded_host": "elsewhere.example", "x_forwarded_proto": "https"}
    request = twilio(x_twilio_signature=signed_for(signed), **forwarded)
    assert entry("receive").handler(request, Context())["statusCode"] == status
    assert len(cloud.queued("receipts")) == (status == 200)
