"""The receipts queue, on SQS and S3 in process: the body comes out as the bytes that went in."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tollgate.adapters.receipts import INLINE_BYTES, MARK, SqsReceiptQueue, receipt_of
from tollgate.domain.errors import Refused, RetryLater
from tollgate.stages.ports.receipts import Receipt

EVENTS = Path(__file__).parents[2] / "events"
BUCKET = "receipts"
SQS_BYTES = 256 * 1024
ALL_BYTES = bytes(range(256))

RECEIPT = Receipt(
    id="JKJaXmPLvHcESHA=",
    provider="meta",
    body=b'{"object": "whatsapp_business_account"}',
    received_at=datetime(2026, 3, 10, 17, 0, 0, 123456, tzinfo=UTC),
    headers={"content-type": "application/json", "user-agent": "facebookexternalua"},
    source="/webhooks/meta",
)


@dataclass(frozen=True)
class Cloud:
    """A queue, a bucket, and what is in them."""

    sqs: Any
    s3: Any
    url: str

    @property
    def queue(self) -> SqsReceiptQueue:
        return SqsReceiptQueue(self.sqs, self.s3, queue_url=self.url, bucket=BUCKET)

    def record(self) -> dict[str, Any]:
        """The one message in the queue, in the shape that Lambda hands over."""
        [message] = self.sqs.receive_message(
            QueueUrl=self.url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
        )["Messages"]
        return {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                for name, value in message.get("MessageAttributes", {}).items()
            },
        }

    def read(self, record: dict[str, Any]) -> Receipt:
        return receipt_of(record, s3=self.s3, bucket=BUCKET)

    def objects(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """AWS in process."""
    with mock_aws():
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        sqs, s3 = session.client("sqs"), session.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield Cloud(sqs, s3, sqs.create_queue(QueueName="receipts")["QueueUrl"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        ALL_BYTES,
        b"\xff\xfe not UTF-8 \x00",
        'ü€𐍈 "\\" \r\n'.encode(),
        ALL_BYTES * (INLINE_BYTES // 256),
        b"x" * INLINE_BYTES,
        b"x" * (INLINE_BYTES + 1),
        ALL_BYTES * 8 * 1024,
    ],
    ids=lambda body: f"{len(body)} bytes, {body[:4]!r}",
)
def test_a_body_comes_out_as_the_bytes_that_went_in(cloud: Cloud, body: bytes) -> None:
    """Of any content and of any size that the front door lets through: a signature could be checked again."""
    sent = replace(RECEIPT, body=body)
    cloud.queue.put(sent, group="102290129340398")
    record = cloud.record()
    assert cloud.read(record) == replace(sent, id=record["messageId"])


@pytest.mark.parametrize(("size", "objects"), [(INLINE_BYTES, 0), (INLINE_BYTES + 1, 1)])
def test_only_what_the_queue_cannot_hold_goes_to_the_bucket(cloud: Cloud, size: int, objects: int) -> None:
    """A body at the limit is inline with headers of any size; one byte more is in the bucket, its message small."""
    cloud.queue.put(replace(RECEIPT, body=b"x" * size, headers={"user-agent": "x" * 10_240}), group="g")
    message = cloud.record()["body"]
    assert len(message.encode()) < SQS_BYTES - 1024
    assert len(cloud.objects()) == objects
    assert not objects or len(message) < 12_000


def test_receipts_of_one_moment_have_objects_of_their_own(cloud: Cloud) -> None:
    """An object's key names provider, day and request, so that none is overwritten by another."""
    for identity in ("one", "two"):
        cloud.queue.put(replace(RECEIPT, id=identity, body=b"x" * (INLINE_BYTES + 1)), group="g")
    assert cloud.objects() == ["meta/2026/03/10/one", "meta/2026/03/10/two"]


def test_a_receipt_is_fair_to_other_senders(cloud: Cloud) -> None:
    """Its group is on the message, and its provider in the mark."""
    cloud.queue.put(RECEIPT, group="102290129340398")
    record = cloud.record()
    assert record["attributes"]["MessageGroupId"] == "102290129340398"
    assert record["messageAttributes"][MARK] == {"stringValue": "meta", "dataType": "String"}


class Failing:
    """A client of which one call fails."""

    def __init__(self, client: Any, name: str, error: Exception) -> None:
        self._client, self._name, self._error = client, name, error
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.made.append(name)
            if name == self._name:
                raise self._error
            return getattr(self._client, name)(**arguments)

        return call


def failure(code: str, operation: str, *, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]  # the parts that matter


def test_no_pointer_is_queued_to_an_object_that_is_not_there(cloud: Cloud) -> None:
    """The object is written first: when that fails, the provider is told to send again and nothing is queued."""
    s3 = Failing(cloud.s3, "put_object", failure("SlowDown", "PutObject", status=503))
    queue = SqsReceiptQueue(cloud.sqs, s3, queue_url=cloud.url, bucket=BUCKET)  # type: ignore[arg-type]
    with pytest.raises(RetryLater):
        queue.put(replace(RECEIPT, body=b"x" * (INLINE_BYTES + 1)), group="g")
    assert "Messages" not in cloud.sqs.receive_message(QueueUrl=cloud.url)


def test_an_unreachable_queue_is_no_silent_loss(cloud: Cloud) -> None:
    """Throttling is told as retry later; a queue that is not there as refused."""
    sqs = Failing(cloud.sqs, "send_message", failure("RequestThrottled", "SendMessage"))
    with pytest.raises(RetryLater):
        SqsReceiptQueue(sqs, cloud.s3, queue_url=cloud.url, bucket=BUCKET).put(RECEIPT, group="g")  # type: ignore[arg-type]
    with pytest.raises(Refused):
        SqsReceiptQueue(cloud.sqs, cloud.s3, queue_url=f"{cloud.url}-x", bucket=BUCKET).put(RECEIPT, group="g")


def notification(body: str, **attributes: Any) -> dict[str, Any]:
    """A message that came to the queue from the SMS topic, not through `receive`."""
    return {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "body": body,
        "attributes": {"SentTimestamp": "1773162000250"},
        "messageAttributes": attributes,
    }


@pytest.mark.parametrize("name", ["sns_text_delivered.json", "text_delivered.json", "text_truncated.raw"])
def test_a_notification_of_the_topic_is_a_receipt_of_aws_sms(cloud: Cloud, name: str) -> None:
    """In SNS's envelope or raw, whole or cut off: its body is the message's own, and it arrived when it was sent."""
    text = (EVENTS / "aws-sms" / name).read_text(encoding="utf-8")
    receipt = cloud.read(notification(text))
    assert (receipt.provider, receipt.body, receipt.headers) == ("aws-sms", text.encode(), {})
    assert receipt.id == "059f36b4-87a3-44ab-83d2-661975830a7d"
    assert receipt.received_at == datetime(2026, 3, 10, 17, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("aws-social/sns_delivered.json", "aws-social"),
        ("aws-social/message_delivered.json", "aws-social"),
        ("aws-social/message_inbound.json", "aws-social"),
        ("aws-social/eventbridge_delivered.json", "aws-social"),
        ("aws-sms/eventbridge.json", "aws-sms"),
    ],
)
def test_a_notification_is_a_receipt_of_the_service_whose_shape_it_has(cloud: Cloud, name: str, provider: str) -> None:
    """Both services' topics lead to the one queue, and raw delivery leaves the topic's name out."""
    text = (EVENTS / name).read_text(encoding="utf-8")
    receipt = cloud.read(notification(text))
    assert (receipt.provider, receipt.body) == (provider, text.encode())


def test_what_is_left_of_a_notification_tells_whose_it_was(cloud: Cloud) -> None:
    """One that is cut off cannot be read, but is named after its service where it got so far as to say it."""
    text = (EVENTS / "aws-social" / "message_delivered.json").read_text(encoding="utf-8")
    assert cloud.read(notification(text[:-9])).provider == "aws-social"
    assert cloud.read(notification(text[:9])).provider == "aws-sms"


@pytest.mark.parametrize("word", ["whatsAppWebhookEntry", "aws.social-messaging"])
def test_a_word_of_the_platforms_makes_no_text_message_another_services(cloud: Cloud, word: str) -> None:
    """The context of an SMS is the platform's own, and may say anything."""
    event = json.loads((EVENTS / "aws-sms" / "text_delivered.json").read_text(encoding="utf-8"))
    event["context"][word] = word
    assert cloud.read(notification(json.dumps(event))).provider == "aws-sms"
    assert cloud.read(notification(json.dumps({"Message": json.dumps(event)}))).provider == "aws-sms"


def test_a_message_without_the_mark_never_reads_the_bucket(cloud: Cloud) -> None:
    """An envelope that somebody published on the topic is the body of a message, not a pointer into our bucket."""
    forged = json.dumps({"provider": "meta", "object": "meta/2026/03/10/one", "headers": {}, "received_at": "x"})
    s3 = Failing(cloud.s3, "none", RuntimeError())
    receipt = receipt_of(notification(forged), s3=s3, bucket=BUCKET)  # type: ignore[arg-type]
    assert (receipt.provider, receipt.body) == ("aws-sms", forged.encode())
    assert s3.made == []


def enveloped(**changes: Any) -> dict[str, Any]:
    """A message with the mark, whose envelope is changed; None leaves a part out."""
    whole = {
        "provider": "meta",
        "received_at": "2026-03-10T17:00:00+00:00",
        "headers": {},
        "source": "/webhooks/meta",
        "body": base64.b64encode(b"{}").decode(),
    } | changes
    envelope = {name: part for name, part in whole.items() if part is not None}
    return notification(json.dumps(envelope), **{MARK: {"stringValue": "meta", "dataType": "String"}})


@pytest.mark.parametrize(
    "record",
    [
        notification("not JSON", **{MARK: {}}),
        notification("[]", **{MARK: {}}),
        notification("null", **{MARK: {}}),
        enveloped(body=None),
        enveloped(body=1),
        enveloped(body="e30"),
        enveloped(body="e3\n0=!"),
        enveloped(body="é"),
        enveloped(object=7),
        enveloped(object=""),
        enveloped(provider=None),
        enveloped(headers=None),
        enveloped(headers=[]),
        enveloped(received_at="yesterday"),
    ],
)
def test_a_marked_message_that_is_no_envelope_is_named_as_such(cloud: Cloud, record: dict[str, Any]) -> None:
    """It is one bad message, never bytes that nobody sent and never an error that takes its batch with it."""
    with pytest.raises(ValueError):  # noqa: PT011 - the claim is the kind of error: the handler catches this one
        cloud.read(record)


def test_a_pointer_to_nothing_is_refused(cloud: Cloud) -> None:
    """What is not in the bucket will not come: the message goes to the dead-letter queue by itself."""
    with pytest.raises(Refused):
        cloud.read(enveloped(body=None, object="meta/2026/03/10/gone"))


def test_a_bucket_that_is_busy_is_asked_again(cloud: Cloud) -> None:
    """A message whose object cannot be read now comes back."""
    s3 = Failing(cloud.s3, "get_object", failure("SlowDown", "GetObject", status=503))
    with pytest.raises(RetryLater):
        receipt_of(enveloped(body=None, object="x"), s3=s3, bucket=BUCKET)  # type: ignore[arg-type]
