"""Meter: a batch of the receipts queue in, the ids of those that must come back out."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from tests.cloud import EVENTS, RECIPIENT_KEY, Cloud, Context, event, failing
from tollgate.domain.facts import MessageKey

type Entry = Callable[[str], Any]
BATCH: dict[str, Any] = event("sqs/receipts")
FROM_META, WRAPPED, RAW = (record["messageId"] for record in BATCH["Records"])


def failed(answer: dict[str, Any]) -> list[str]:
    """The message ids of a partial failure."""
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def spoiled(**changes: Any) -> dict[str, Any]:
    """The first record of the batch with its envelope changed; a key set to ``...`` is taken out."""
    record = dict(BATCH["Records"][0], messageId="poison")
    envelope = json.loads(record["body"]) | changes
    return record | {"body": json.dumps({k: v for k, v in envelope.items() if v is not ...})}


POISON: dict[str, dict[str, Any]] = {
    "no JSON": dict(BATCH["Records"][0], messageId="poison", body="{"),
    "no envelope": dict(BATCH["Records"][0], messageId="poison", body="[]"),
    "no body": spoiled(body=...),
    "a body that is no text": spoiled(body=7),
    "no base64": spoiled(body="%"),
    "no time": spoiled(received_at="yesterday"),
    "a provider that is none": spoiled(provider="nobody"),
    "an object that is gone": spoiled(body=..., object="meta/2026/03/10/gone"),
    "a truncated receipt": spoiled(
        body=base64.b64encode((EVENTS / "meta" / "status_truncated.raw").read_bytes()).decode()
    ),
}


def test_a_batch_of_every_way_in_is_counted(cloud: Cloud, entry: Entry) -> None:
    """A webhook's envelope, an SNS notification and a raw SMS event each become a record of their tenant."""
    cloud.sign_on()
    answer = entry("meter").handler(BATCH, Context())

    assert failed(answer) == []
    wamid = "wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgSQkZCMzcyMzE5RjhDNTYxNEE0AA=="
    assert cloud.runtime().ledger.records("acme", {MessageKey("meta", wamid)})
    [term] = [row for row in cloud.runtime().ledger.terms("acme") if row.of("whatsapp").messages]
    assert term.of("whatsapp").messages == 1


@pytest.mark.parametrize("bucket", ["archive", "", "one-that-is-not-there"])
def test_receipts_are_kept_where_the_environment_says(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, bucket: str
) -> None:
    """Empty keeps none; whether or not they could be kept, all are counted."""
    boto3.client("s3").create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("ARCHIVE_BUCKET", bucket)
    cloud.sign_on()
    assert failed(entry("meter").handler(BATCH, Context())) == []
    assert [row for row in cloud.runtime().ledger.terms("acme") if row.of("whatsapp").messages]
    kept = boto3.client("s3").list_objects_v2(Bucket="archive").get("Contents", [])
    assert len([one for one in kept if one["Key"].startswith("messages/")]) == (3 if bucket == "archive" else 0)
    wamid = "wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgSQkZCMzcyMzE5RjhDNTYxNEE0AA=="
    if bucket == "archive":
        [receipt] = cloud.runtime().archive.receipts(MessageKey("meta", wamid), most=9)
        assert receipt.provider == "meta"


def test_the_same_batch_twice_counts_once(cloud: Cloud, entry: Entry) -> None:
    """SQS may deliver a message again: the totals do not move."""
    cloud.sign_on()
    app = entry("meter")
    app.handler(BATCH, Context())
    once = cloud.runtime().ledger.terms("acme")
    app.handler(BATCH, Context())
    assert cloud.runtime().ledger.terms("acme") == once


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_poison_message_comes_back_alone(cloud: Cloud, entry: Entry, poison: dict[str, Any]) -> None:
    """Exactly the message that cannot be read is named, and its neighbours are counted."""
    cloud.sign_on()
    answer = entry("meter").handler({"Records": [poison, *BATCH["Records"]]}, Context())

    assert failed(answer) == ["poison"]
    assert any(row.of("whatsapp").messages == 1 for row in cloud.runtime().ledger.terms("acme"))


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_lone_poison_message_is_a_partial_failure(entry: Entry, poison: dict[str, Any]) -> None:
    """A batch of nothing else does not fail as a whole."""
    assert failed(entry("meter").handler({"Records": [poison]}, Context())) == ["poison"]


def test_a_receipt_in_the_bucket_is_counted(cloud: Cloud, entry: Entry) -> None:
    """A pointer on the queue is followed to the bytes."""
    cloud.sign_on()
    boto3.client("s3").put_object(Bucket="receipts", Key="k", Body=(EVENTS / "meta/status_delivered.json").read_bytes())
    pointer = spoiled(body=..., object="k")

    assert failed(entry("meter").handler({"Records": [pointer]}, Context())) == []
    assert cloud.runtime().ledger.terms("acme")


def test_what_cannot_be_written_comes_back(cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the ledger cannot be written, every message of the tenant returns to the queue."""
    cloud.sign_on()
    failing(monkeypatch, "TransactWriteItems")
    assert FROM_META in failed(entry("meter").handler(BATCH, Context()))


def test_quarantined_facts_are_counted_for_the_alarm(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Receipts of senders that nobody has are kept, not returned, and ring the quarantine alarm."""
    assert failed(entry("meter").handler(BATCH, Context())) == []

    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert sum(sum(metric.get("QuarantinedFacts", [])) for metric in emitted) == len(cloud.runtime().quarantine.rows())
    assert cloud.runtime().quarantine.rows()


def test_the_log_holds_nothing_of_the_receipts(cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither number, message id nor key is logged, for good receipts and for poison."""
    cloud.sign_on()
    entry("meter").handler({"Records": [*POISON.values(), *BATCH["Records"]]}, Context())

    said = cloud.log.getvalue() + capsys.readouterr().out
    assert cloud.lines()[-1]["failed"] == 1  # all poison has one id here
    for private in ("254712345678", "15550783881", "wamid.", RECIPIENT_KEY, "+1206"):
        assert private not in said


def test_arrival_is_when_sqs_took_a_notification(cloud: Cloud, entry: Entry) -> None:
    """An SMS notification has no envelope of ours: its time of arrival is the queue's own."""
    app = entry("meter")
    read = app.receipt_of(BATCH["Records"][1], s3=cloud.runtime().s3, bucket="receipts")
    assert (read.id, read.provider, read.received_at) == (WRAPPED, "aws-sms", datetime(2026, 3, 10, 18, tzinfo=UTC))


def test_what_is_in_quarantine_is_counted_again_when_asked(cloud: Cloud, entry: Entry) -> None:
    """The console asks; what has an owner now is counted, and the rest stays."""
    handler = entry("meter").handler
    assert failed(handler(BATCH, Context())) == []
    rows = cloud.runtime().quarantine
    waiting = len(rows.rows("unknown-sender"))
    assert waiting
    cloud.sign_on()
    assert handler({"redrive": "unknown-sender"}, Context()) == {"counted": waiting - 1, "kept": 1}
    assert [row.fact.account for row in rows.rows()] == ["tnt_01JD3Y7R4Q"]
