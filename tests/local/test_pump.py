"""The pump keeps the rules of Lambda's queue pollers."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from local.pump import Pump, Source, has_taken_over, sources, taken

SOURCE = Source(
    mapping="m-1", polled=True, queue_arn="arn:aws:sqs:eu-west-1:0:receipts", function="meter", batch_size=25
)


class Queue:
    """A queue of bodies, as the SDK shows it. What is received is in flight until it is deleted."""

    def __init__(self, *bodies: str) -> None:
        self.waiting = [
            {
                "MessageId": f"id-{n}",
                "ReceiptHandle": f"handle-{n}",
                "Body": body,
                "Attributes": {"SentTimestamp": "1795255200000"},
                "MessageAttributes": {"mark": {"StringValue": "x", "DataType": "String"}},
            }
            for n, body in enumerate(bodies)
        ]
        self.deleted: list[str] = []

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": f"http://sqs/{QueueName}"}

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        given, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        return {"Messages": given}

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        assert len(Entries) <= 10, QueueUrl
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]
        return {}


class Functions:
    """A function that gives one answer to every batch."""

    def __init__(self, answer: Any, *, failed: bool = False) -> None:
        self.answer, self.failed = answer, failed
        self.events: list[dict[str, Any]] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:
        assert FunctionName == "meter"
        self.events.append(json.loads(Payload))
        error = {"FunctionError": "Unhandled"} if self.failed else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **error}


def pumped(queue: Queue, functions: Functions) -> None:
    """One batch gathered and worked."""
    stop = threading.Event()
    stop.set()  # nothing waits
    pump = Pump(SOURCE, sqs=queue, functions=functions, region="eu-west-1", stop=stop)
    pump.work(pump.gather())


def test_a_batch_holds_what_the_template_asks_for_and_is_deleted_once_taken() -> None:
    """Twenty-five at most go out together, and all of them are deleted when none is named as failed."""
    queue, functions = Queue(*map(str, range(30))), Functions({"batchItemFailures": []})
    pumped(queue, functions)
    assert [record["body"] for record in functions.events[0]["Records"]] == [str(n) for n in range(25)]
    assert queue.deleted == [f"handle-{n}" for n in range(25)]


def test_a_record_has_the_shape_of_lambdas_event() -> None:
    """Attributes keep their names, message attributes have theirs in lower camel case."""
    queue, functions = Queue("{}"), Functions(None)
    pumped(queue, functions)
    (record,) = functions.events[0]["Records"]
    assert record["messageAttributes"] == {"mark": {"stringValue": "x", "dataType": "String"}}
    assert record["attributes"] == {"SentTimestamp": "1795255200000"}
    assert (record["eventSource"], record["awsRegion"], record["messageId"]) == ("aws:sqs", "eu-west-1", "id-0")


def test_only_the_named_failures_stay() -> None:
    """A partial failure leaves exactly those messages in the queue."""
    queue = Queue("a", "b", "c")
    pumped(queue, Functions({"batchItemFailures": [{"itemIdentifier": "id-1"}]}))
    assert queue.deleted == ["handle-0", "handle-2"]


def test_an_error_leaves_the_whole_batch() -> None:
    """A function that ends in an error has taken nothing."""
    queue = Queue("a", "b")
    pumped(queue, Functions({"errorMessage": "no"}, failed=True))
    assert queue.deleted == []


def test_an_empty_queue_invokes_nothing() -> None:
    """There is no batch of nothing."""
    functions = Functions(None)
    pumped(Queue(), functions)
    assert functions.events == []


@pytest.mark.parametrize("named", ["", None, "id-of-no-message"])
def test_a_failure_that_names_no_message_of_the_batch_leaves_all(named: str | None) -> None:
    """Lambda treats an answer that it cannot match as a failure of the whole batch."""
    messages = [{"MessageId": "id-0"}, {"MessageId": "id-1"}]
    assert taken({"batchItemFailures": [{"itemIdentifier": named}]}, messages) == []


def test_a_running_pump_works_all_there_is_until_it_is_stopped() -> None:
    """Batch after batch, the next one gathered meanwhile, and none twice."""
    stop, queue = threading.Event(), Queue(*map(str, range(60)))

    class Stopping(Functions):
        def invoke(self, **given: Any) -> dict[str, Any]:
            answer = super().invoke(**given)
            if sum(len(event["Records"]) for event in self.events) == 60:
                stop.set()
            return answer

    functions = Stopping({"batchItemFailures": []})
    Pump(SOURCE, sqs=queue, functions=functions, region="eu-west-1", stop=stop).run()
    assert [len(event["Records"]) for event in functions.events] == [25, 25, 10]
    assert sorted(queue.deleted) == sorted(f"handle-{n}" for n in range(60))


class Mappings:
    """The event source mappings of an account."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"EventSourceMappings": list(self.rows)}]


def test_only_queues_with_large_batches_are_taken_over() -> None:
    """A stream, and a queue whose batches the local AWS can make itself, stay with it."""
    row = {
        "UUID": "m",
        "FunctionArn": "f",
        "State": "Enabled",
        "EventSourceArn": "arn:aws:sqs:r:0:q",
        "BatchSize": 1000,
    }
    stream = row | {"EventSourceArn": "arn:aws:dynamodb:r:0:table/t/stream/s"}
    assert [source.queue for source in sources(Mappings(row, stream, row | {"BatchSize": 10}))] == ["q"]
    assert not has_taken_over(Mappings(row))
    assert has_taken_over(Mappings(row | {"State": "Disabled"}, stream))
