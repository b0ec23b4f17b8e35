"""The stack's queues over SQS: depths, which of them hold dead letters, and dead letters sent back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tollgate.adapters.queues import SqsQueues
from tollgate.domain.errors import NotFound, Refused, RetryLater


@pytest.fixture
def sqs() -> Iterator[Any]:
    """A stack with a queue and its dead letters, a queue without."""
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
        dead = client.create_queue(QueueName="stack-receipts-dlq")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        client.create_queue(QueueName="stack-receipts", Attributes={"RedrivePolicy": policy})
        client.create_queue(QueueName="stack-announce-dlq")
        yield client


def url(sqs: Any, name: str) -> str:
    return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])


def put(sqs: Any, name: str, *bodies: str) -> None:
    attribute = {"tollgate-receipt": {"DataType": "String", "StringValue": "meta"}}
    for body in bodies:
        sqs.send_message(QueueUrl=url(sqs, name), MessageBody=body, MessageAttributes=attribute)


def taken(sqs: Any, name: str) -> list[tuple[str, str]]:
    found = sqs.receive_message(QueueUrl=url(sqs, name), MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return sorted(
        (m["Body"], m["MessageAttributes"]["tollgate-receipt"]["StringValue"]) for m in found.get("Messages", [])
    )


def without(sqs: Any, call: str, code: str, status: int = 400) -> Any:
    """See ``Without``."""
    return Without(sqs, call, code, status)


DEAD = json.dumps({"deadLetterTargetArn": "arn:https://q/stack-x-dlq", "maxReceiveCount": 5})
URLS = [
    f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}"
    for name in ("stack-receipts", "stack-receipts-dlq", "stack-announce-dlq")
]


class Without:
    """SQS where a call answers with an error."""

    def __init__(self, sqs: Any, call: str, code: str, status: int = 400) -> None:
        self._sqs, self._call, self._code, self._status = sqs, call, code, status

    def __getattr__(self, name: str) -> Any:
        if name != self._call:
            return getattr(self._sqs, name)

        def fail(**asked: Any) -> Any:
            said: Any = {"Error": {"Code": self._code}, "ResponseMetadata": {"HTTPStatusCode": self._status}}
            raise ClientError(said, name)

        return fail


def test_depths_are_those_of_the_stacks_queues(sqs: Any) -> None:
    """By name; dead letters marked as such, and which of them another queue's are by what SQS says."""
    put(sqs, "stack-receipts-dlq", "a", "b")
    put(sqs, "stack-receipts", "c")
    taken(sqs, "stack-receipts")
    found = SqsQueues(sqs, urls=URLS).depths()
    assert [(d.name, d.waiting, d.in_flight, d.delayed, d.dead_letters, d.returnable) for d in found] == [
        ("stack-announce-dlq", 0, 0, 0, True, False),
        ("stack-receipts", 0, 1, 0, False, False),
        ("stack-receipts-dlq", 2, 0, 0, True, True),
    ]


def test_where_sqs_has_no_moving_tasks_dead_letters_are_moved_one_by_one(sqs: Any) -> None:
    """Whole, with what they are known by; none is left."""
    put(sqs, "stack-receipts-dlq", *(f"m{n}" for n in range(12)))
    queues = SqsQueues(sqs, urls=URLS, tasks=False)
    assert queues.redrive("stack-receipts-dlq", most=100) == 12
    assert [(depth.waiting, depth.in_flight) for depth in queues.depths()] == [(0, 0), (12, 0), (0, 0)]
    assert {provider for _, provider in taken(sqs, "stack-receipts")} == {"meta"}


def test_no_more_are_moved_than_asked_for(sqs: Any) -> None:
    """The rest stays for the next time."""
    put(sqs, "stack-receipts-dlq", *(f"m{n}" for n in range(12)))
    queues = SqsQueues(sqs, urls=URLS, tasks=False)
    assert queues.redrive("stack-receipts-dlq", most=11) == 11
    assert [depth.waiting for depth in queues.depths()] == [0, 11, 1]


def test_a_message_that_could_not_be_sent_stays_a_dead_letter(sqs: Any) -> None:
    """Sent first, deleted then: nothing is lost."""
    put(sqs, "stack-receipts-dlq", "m1")
    busy = without(sqs, "send_message", "ServiceUnavailable", 503)
    with pytest.raises(RetryLater):
        SqsQueues(busy, urls=URLS, tasks=False).redrive("stack-receipts-dlq", most=5)
    [_, receipts, dead] = SqsQueues(sqs, urls=URLS).depths()
    assert (receipts.waiting, dead.waiting + dead.in_flight) == (0, 1)


def test_sqs_moves_dead_letters_by_itself_where_it_can() -> None:
    """Back to the queue whose they are, as a task of its own."""
    asked: list[dict[str, str]] = []

    class Sqs:
        def get_queue_attributes(self, **given: Any) -> Any:
            policy = {} if given["QueueUrl"].endswith("-dlq") else {"RedrivePolicy": DEAD}
            return {"Attributes": {"QueueArn": f"arn:{given['QueueUrl']}", **policy}}

        def start_message_move_task(self, **given: str) -> None:
            asked.append(given)

    urls = ["https://q/stack-x-dlq", "https://q/stack-x"]
    queues = SqsQueues(Sqs(), urls=urls)  # type: ignore[arg-type]  # as much of it as is asked
    assert queues.redrive("stack-x-dlq", most=5) is None
    assert asked == [{"SourceArn": "arn:https://q/stack-x-dlq", "DestinationArn": "arn:https://q/stack-x"}]


@pytest.mark.parametrize("name", ["stack-receipts", "stack-announce-dlq", "stack-nothing", "other-receipts"])
def test_only_a_queue_of_dead_letters_is_redriven(sqs: Any, name: str) -> None:
    """Of this stack."""
    with pytest.raises(NotFound):
        SqsQueues(sqs, urls=URLS).redrive(name, most=5)


def test_what_sqs_does_not_allow_is_refused(sqs: Any) -> None:
    """A denied permission is no missing feature: nothing is moved another way."""
    put(sqs, "stack-receipts-dlq", "m1")
    queues = SqsQueues(without(sqs, "start_message_move_task", "AccessDenied", 403), urls=URLS)
    with pytest.raises(Refused):
        queues.redrive("stack-receipts-dlq", most=5)
    assert [depth.waiting for depth in queues.depths()] == [0, 0, 1]
