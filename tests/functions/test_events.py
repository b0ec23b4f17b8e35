"""Receive, for the platform's own events: the SDK that senders use as a client, and what is published about events."""

import base64
import json
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.cloud import PLATFORM_KEY, Cloud, Context, event, failing
from tests.domain.examples import contract
from tollgate.adapters.receipts import SqsReceiptQueue
from tollgate.providers.event_types import TYPES

type Entry = Callable[[str], Any]

SOURCE = "https://platform.example/messaging"
SMS = {"channel": "sms", "segments": 2, "price": "0.01", "currency": "USD", "recipient": "+14255550156"}


def posted(body: bytes, headers: dict[str, str], *, key: str = PLATFORM_KEY, encoded: bool = False) -> dict[str, Any]:
    """An HTTP API's event of a request with a body, as text or as base64."""
    changed: dict[str, Any] = event("apigateway/events_batch")
    own = {name: value for name, value in changed["headers"].items() if name != "content-type"}
    changed["headers"] = {**own, **headers, "authorization": f"Bearer {key}"}
    changed["body"] = base64.b64encode(body).decode() if encoded else body.decode()
    changed["isBase64Encoded"] = encoded
    return changed


def sdk_event(name: str, **more: Any) -> CloudEvent:
    """An event as a sender makes it."""
    attributes = {
        "type": "tollgate.message.sent",
        "source": SOURCE,
        "id": name,
        "subject": "acme",
        "specversion": "1.0",
    }
    attributes |= {"datacontenttype": "application/json"}
    return CloudEvent(attributes={**attributes, **more}, data=SMS)


def sent_by_sdk(message: HTTPMessage) -> dict[str, Any]:
    return posted(message.body, {name.lower(): value for name, value in message.headers.items()})


def queued_ids(cloud: Cloud) -> list[str]:
    bodies = [base64.b64decode(json.loads(message["Body"])["body"]) for message in cloud.queued("receipts")]
    return [one["id"] for body in bodies for one in json.loads(body)]


def schema_request(path: str) -> dict[str, Any]:
    asked: dict[str, Any] = event("apigateway/events_batch")
    asked["requestContext"]["http"]["method"] = "GET"
    return asked | {"rawPath": path, "body": None, "headers": {}}


def test_the_sdk_sends_an_event_whole(cloud: Cloud, entry: Entry) -> None:
    """Structured mode: attributes and data in one JSON object."""
    answer = entry("receive").handler(sent_by_sdk(to_structured_event(sdk_event("a"))), Context())
    assert (answer["statusCode"], json.loads(answer["body"])) == (202, {"accepted": 1})
    assert answer["headers"]["content-type"] == "application/json"
    assert queued_ids(cloud) == ["a"]


def test_the_sdk_sends_attributes_as_headers(cloud: Cloud, entry: Entry) -> None:
    """Binary mode, with header values that are escaped; it is the same event as in structured mode."""
    app = entry("receive")
    one = sdk_event("a message/1%")
    assert app.handler(sent_by_sdk(to_binary_event(one)), Context())["statusCode"] == 202
    assert app.handler(sent_by_sdk(to_structured_event(one)), Context())["statusCode"] == 202
    assert queued_ids(cloud) == ["a message/1%"] * 2


def test_the_sdks_events_make_a_batch(cloud: Cloud, entry: Entry) -> None:
    """A list of what structured mode makes is the batch format."""
    bodies = [json.loads(to_structured_event(sdk_event(name)).body) for name in "abc"]
    for media in ("application/cloudevents-batch+json", "application/json"):
        request = posted(json.dumps(bodies).encode(), {"content-type": f"{media}; charset=UTF-8"}, encoded=True)
        assert entry("receive").handler(request, Context())["statusCode"] == 202
    assert queued_ids(cloud) == ["a", "b", "c"] * 2


def test_the_sdk_of_the_first_version_works_too(cloud: Cloud, entry: Entry) -> None:
    """Its structured and binary modes, which many senders still use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from cloudevents.v1.conversion import to_binary, to_structured
        from cloudevents.v1.http import CloudEvent as FirstCloudEvent

        attributes = {"type": "tollgate.message.sent", "source": SOURCE, "subject": "acme"}
        app = entry("receive")
        for number, mode in enumerate((to_structured, to_binary)):
            headers, body = mode(FirstCloudEvent({**attributes, "id": f"v1-{number}"}, SMS))
            lowered = {name.lower(): value for name, value in headers.items()}
            assert app.handler(posted(body, lowered), Context())["statusCode"] == 202
    assert queued_ids(cloud) == ["v1-0", "v1-1"]


def test_one_event_is_taken_with_and_without_a_charset(cloud: Cloud, entry: Entry) -> None:
    """As clients of metering APIs write it."""
    body = to_structured_event(sdk_event("a")).body
    app = entry("receive")
    for media in ("application/cloudevents+json", "application/json"):
        for charset in ("", ";charset=utf-8", "; charset=UTF-8", '; charset="utf-8"'):
            request = posted(body, {"content-type": media + charset})
            assert app.handler(request, Context())["statusCode"] == 202, media + charset
    assert queued_ids(cloud) == ["a"] * 8


def test_the_event_file_is_metered(cloud: Cloud, entry: Entry) -> None:
    """From the request to the tenant's usage: an SMS, an MMS and a call of half an hour."""
    cloud.sign_on(contract(senders=[{"provider": "platform", "account": "acme"}]))
    assert entry("receive").handler(event("apigateway/events_batch"), Context())["statusCode"] == 202
    records = [
        {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "attributes": {},
            "messageAttributes": {"tollgate-receipt": {}},
        }
        for message in cloud.queued("receipts")
    ]
    assert entry("meter").handler({"Records": records}, Context()) == {"batchItemFailures": []}
    [row] = cloud.runtime().ledger.terms("acme")
    counted = {meter: (totals.messages, totals.segments, str(totals.fees)) for meter, totals in row.meters.items()}
    assert counted == {"sms": (1, 1, "0.00783"), "mms": (1, 1, "0"), "voice": (1, 30, "0")}


def test_a_refusal_is_a_problem_that_names_the_fields(cloud: Cloud, entry: Entry) -> None:
    """400 as problem+json with index and path; nothing is queued or claimed, so the mended batch is taken."""
    app = entry("receive")
    good, bad = (json.loads(to_structured_event(sdk_event(name)).body) for name in "ab")
    bad["data"] = {**SMS, "segments": "two"}
    headers = {"content-type": "application/cloudevents-batch+json"}
    answer = app.handler(posted(json.dumps([good, bad]).encode(), headers), Context())
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (400, "application/problem+json")
    [error] = json.loads(answer["body"])["errors"]
    assert (error["index"], error["path"]) == (1, "data.segments")
    assert queued_ids(cloud) == []
    bad["data"], good["data"] = SMS, {**SMS, "segments": 1}
    assert app.handler(posted(json.dumps([good, bad]).encode(), headers), Context())["statusCode"] == 202


def test_a_conflict_is_a_problem_that_names_the_events(cloud: Cloud, entry: Entry) -> None:
    """409 on the real rows too."""
    app = entry("receive")
    first = json.loads(to_structured_event(sdk_event("a")).body)
    headers = {"content-type": "application/cloudevents+json"}
    app.handler(posted(json.dumps(first).encode(), headers), Context())
    second = {**first, "data": {**SMS, "segments": 3}}
    answer = app.handler(posted(json.dumps(second).encode(), headers), Context())
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (409, "application/problem+json")
    assert json.loads(answer["body"])["events"] == [{"index": 0, "source": SOURCE, "id": "a"}]
    assert queued_ids(cloud) == ["a"]


@pytest.mark.parametrize("key", ["", "another key", PLATFORM_KEY.upper()])
def test_without_the_platforms_key_nothing_is_taken(cloud: Cloud, entry: Entry, key: str) -> None:
    """401, and nothing on the queue."""
    body = to_structured_event(sdk_event("a")).body
    request = posted(body, {"content-type": "application/json"}, key=key)
    assert entry("receive").handler(request, Context())["statusCode"] == 401
    assert queued_ids(cloud) == []


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("SendMessage", "AccessDenied"),
        ("BatchGetItem", "ProvisionedThroughputExceededException"),
        ("TransactWriteItems", "InternalServerError"),
        ("GetSecretValue", "InternalServiceError"),
    ],
)
def test_what_is_down_asks_for_another_sending(
    entry: Entry, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    """503 as a problem, without the reason."""
    app = entry("receive")
    failing(monkeypatch, operation, code)
    monkeypatch.setattr("tollgate.adapters.dynamodb.store.ATTEMPTS", 1)
    answer = app.handler(event("apigateway/events_batch"), Context())
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (503, "application/problem+json")
    assert code not in answer["body"]
    assert "arn:" not in answer["body"]


def test_the_log_holds_nothing_of_the_events(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither numbers, ids, subjects nor the key, whether events are taken, refused or the function fails."""
    app = entry("receive")
    taken, refused = event("apigateway/events_batch"), event("apigateway/events_batch")
    refused["body"] = refused["body"].replace("tollgate.message.sent", "tollgate.message.snet")
    for request in (taken, refused):
        app.handler(request, Context())

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("cannot queue for 14255550157")

    monkeypatch.setattr(SqsReceiptQueue, "put", crash)
    assert app.handler(taken, Context())["statusCode"] == 500
    said = cloud.log.getvalue() + capsys.readouterr().out
    for private in ("14255550157", "33612345678", "msg-0004", "acme", PLATFORM_KEY):
        assert private not in said


def test_the_schemas_are_published_by_type(entry: Entry) -> None:
    """Without a key, because whoever writes a sender may read what to send: an index, and a closed schema for each."""
    app = entry("receive")
    for path in ("/events/schemas/", "/events/schemas"):
        answer = app.handler(schema_request(path), Context())
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json")
        listed = json.loads(answer["body"])["schemas"]
        assert {one["type"]: one["schema"] for one in listed} == {name: f"/events/schemas/{name}" for name in TYPES}
        assert all(one["description"] for one in listed)
    for name in TYPES:
        answer = app.handler(schema_request(f"/events/schemas/{name}"), Context())
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/schema+json")
        written = json.loads(answer["body"])
        assert (written["$id"], written["title"]) == (f"/events/schemas/{name}", name)
        assert written["additionalProperties"] is False
        assert written["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name in ("tollgate.message.snet", "../secrets", "tollgate.message.sent/more"):
        answer = app.handler(schema_request(f"/events/schemas/{name}"), Context())
        assert (answer["statusCode"], answer["body"]) == (404, "no such type")
