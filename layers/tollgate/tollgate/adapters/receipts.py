"""The receipts queue: raw bodies on SQS, those over its size in the bucket with a pointer on SQS.

Always true: the body comes out as the bytes that went in. A message that `receive` did not put there is a notification
of AWS End User Messaging, a receipt whose body is the message's own: of ``aws-social`` when it looks like one of its,
else of ``aws-sms``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tollgate.adapters.aws_errors import translated
from tollgate.providers import aws_sms, aws_social
from tollgate.stages.ports.receipts import Receipt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

INLINE_BYTES: Final = 180_000  # base64 and the envelope stay well below SQS's 256 KiB
MARK: Final = "tollgate-receipt"


class SqsReceiptQueue:
    """Implements ReceiptQueue. The object in the bucket is written before the pointer is queued."""

    def __init__(self, sqs: SQSClient, s3: S3Client, *, queue_url: str, bucket: str) -> None:
        self._sqs, self._s3, self._queue_url, self._bucket = sqs, s3, queue_url, bucket

    def put(self, receipt: Receipt, *, group: str) -> None:
        """Queue a receipt. Raises RetryLater, or Refused when the queue will not have it."""
        envelope: dict[str, Any] = {
            "id": receipt.id,
            "provider": receipt.provider,
            "received_at": receipt.received_at.isoformat(),
            "headers": dict(receipt.headers),
            "source": receipt.source,
        }
        with translated("receipts queue"):
            if len(receipt.body) <= INLINE_BYTES:
                envelope["body"] = base64.b64encode(receipt.body).decode()
            else:
                key = f"{receipt.provider}/{receipt.received_at:%Y/%m/%d}/{receipt.id}"
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=receipt.body)
                envelope["object"] = key
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=json.dumps(envelope),
                MessageGroupId=group,  # on a standard queue: fairness between senders, not order
                MessageAttributes={MARK: {"DataType": "String", "StringValue": receipt.provider}},
            )


def receipt_of(record: Mapping[str, Any], *, s3: S3Client, bucket: str) -> Receipt:
    """The receipt in an SQS record of a Lambda event, under the record's message id.

    Raises ValueError for a marked message that is not an envelope, RetryLater when the bucket cannot answer, Refused
    when it has no such object.
    """
    identity, text = str(record["messageId"]), str(record["body"])
    if MARK not in record.get("messageAttributes", {}):
        sent = int(record.get("attributes", {}).get("SentTimestamp", "0"))
        arrived = datetime.fromtimestamp(sent / 1000, UTC)
        provider = aws_social.NAME if aws_social.is_its(text) else aws_sms.NAME
        return Receipt(id=identity, provider=provider, body=text.encode(), received_at=arrived)
    envelope = _opened(text)
    if "object" in envelope:
        with translated("receipts bucket"):
            body = s3.get_object(Bucket=bucket, Key=envelope["object"])["Body"].read()
    else:
        body = base64.b64decode(envelope["body"], validate=True)
    return Receipt(
        id=identity,
        provider=envelope["provider"],
        body=body,
        received_at=datetime.fromisoformat(envelope["received_at"]),
        headers=envelope["headers"],
        source=envelope["source"],
    )


def _opened(text: str) -> dict[str, Any]:
    envelope = json.loads(text)
    if not isinstance(envelope, dict) or not isinstance(envelope.get("headers"), dict):
        raise ValueError("not the envelope of a receipt")
    texts = ("provider", "received_at", "source", "object" if "object" in envelope else "body")
    if not all(isinstance(envelope.get(name), str) for name in texts) or envelope.get("object") == "":
        raise ValueError("not the envelope of a receipt")
    return envelope
