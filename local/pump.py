"""Feeds functions from their queues in batches of the size that the template asks for.

Lambda's pollers gather up to ``BatchSize`` messages; the local AWS's own hands over ten at most, which costs a busy
queue most of its time and hides what large batches do. So its poller is switched off for a queue with larger batches,
and this program keeps Lambda's rules instead: a message is deleted once the function has taken it; those named in
``batchItemFailures`` stay, and so does a whole batch that ended in an error or an answer that cannot be read.
Unlike Lambda it does not wait for a batch to fill (an empty queue ends it), and works one batch at a time: a second
one would only compete for the same two processors. Against a real account this never runs.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.ministack import LocalAws

CALL_MESSAGES: Final = 10  # of one call to SQS
PAYLOAD_BYTES: Final = 4_500_000  # an invocation takes 6 MB, and JSON escapes what it quotes
IDLE_SECONDS: Final = 0.2
BACK_OFF_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A queue and the function that works it, as the stack's event source mapping has them.

    ``polled``: whether the local AWS itself still works it.
    """

    mapping: str
    polled: bool
    queue_arn: str
    function: str
    batch_size: int

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self.queue_arn.rpartition(":")[2]


def sources(functions: Any) -> list[Source]:
    """The queues with batches larger than the local AWS hands over; ``functions``: a Lambda client."""
    pages = functions.get_paginator("list_event_source_mappings").paginate()
    return [
        Source(
            mapping=row["UUID"],
            polled=row["State"] == "Enabled",
            queue_arn=row["EventSourceArn"],
            function=row["FunctionArn"],
            batch_size=int(row["BatchSize"]),
        )
        for page in pages
        for row in page["EventSourceMappings"]
        if ":sqs:" in row["EventSourceArn"] and int(row["BatchSize"]) > CALL_MESSAGES
    ]


def take_over(functions: Any) -> list[Source]:
    """Switch off the local AWS's own polling of those queues; returns them."""
    found = sources(functions)
    for source in found:
        functions.update_event_source_mapping(UUID=source.mapping, Enabled=False)
    return found


def has_taken_over(functions: Any) -> bool:
    """Whether no such queue is worked by the local AWS itself any more."""
    return not any(source.polled for source in sources(functions))


def record(message: Mapping[str, Any], source: Source, region: str) -> dict[str, Any]:
    """A received message as a record of Lambda's SQS event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: value for key, value in attribute.items()}
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": source.queue_arn,
        "awsRegion": region,
    }


def taken(answer: Any, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages that a function's answer says are done; none when it names one that was not in the batch."""
    failures = (answer or {}).get("batchItemFailures") or []
    failed = {failure.get("itemIdentifier") for failure in failures}
    if not failed <= {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]


class Pump:
    """Works one queue until told to stop."""

    def __init__(self, source: Source, *, sqs: Any, functions: Any, region: str, stop: threading.Event) -> None:
        self._sqs, self._functions = sqs, functions
        self._url = sqs.get_queue_url(QueueName=source.queue)["QueueUrl"]
        self._region, self._source, self._stop = region, source, stop

    def run(self) -> None:
        """Batch after batch, the next one gathered while the function works. While the local AWS is away there is
        nothing to do; a failed batch comes back in time."""
        with ThreadPoolExecutor(1) as ahead:
            gathered = ahead.submit(self.gather)
            while not self._stop.is_set():
                messages = self._unless_away(gathered.result) or []
                gathered = ahead.submit(self.gather)
                self._unless_away(partial(self.work, messages))
                if not messages:
                    self._stop.wait(IDLE_SECONDS)

    def _unless_away[T](self, call: Callable[[], T]) -> T | None:
        """What a call gives; None, after a while, when the local AWS did not answer it."""
        try:
            return call()
        except (BotoCoreError, ClientError) as away:
            print(f"{self._source.queue}: {away}", flush=True)
            self._stop.wait(BACK_OFF_SECONDS)
            return None

    def work(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Hand a batch to the function, and delete what it has taken."""
        if not messages:
            return
        event = {"Records": [record(message, self._source, self._region) for message in messages]}
        answer = self._functions.invoke(FunctionName=self._source.function, Payload=json.dumps(event))
        said = answer["Payload"].read()
        if answer.get("FunctionError"):
            print(f"{self._source.queue}: {len(messages)} messages: {said[:500]!r}", flush=True)
            self._stop.wait(BACK_OFF_SECONDS)
            return
        done = taken(json.loads(said or b"null"), messages)
        for some in batched(done, CALL_MESSAGES, strict=False):
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(some)]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def gather(self) -> list[Mapping[str, Any]]:
        """Up to a batch of messages, until the queue is empty or the payload full."""
        gathered: list[Mapping[str, Any]] = []
        size = 0
        while len(gathered) < self._source.batch_size and size < PAYLOAD_BYTES:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(CALL_MESSAGES, self._source.batch_size - len(gathered)),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            if not received:
                break
            gathered += received
            size += sum(len(message["Body"]) for message in received)
        return gathered


def main(arguments: list[str] | None = None) -> None:
    """``python -m local.pump --aws URL``: works every such queue until it is stopped."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--aws", required=True, help="the local AWS, such as http://127.0.0.1:4566")
    aws = LocalAws(endpoint=parser.parse_args(arguments).aws)
    stop = threading.Event()
    sqs, functions = (aws.session().client(service, endpoint_url=aws.endpoint) for service in ("sqs", "lambda"))
    for source in take_over(functions):
        print(f"{source.queue}: up to {source.batch_size} at a time", flush=True)
        pump = Pump(source, sqs=sqs, functions=functions, region=aws.region, stop=stop)
        threading.Thread(target=pump.run, daemon=True).start()
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
