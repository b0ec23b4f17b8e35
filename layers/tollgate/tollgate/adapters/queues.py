"""The stack's queues, as ops sees them: how much is in them, and dead letters back to where they came from.

The queues are those that the template names. Which is whose dead-letter queue is what SQS itself says; one that another
service fills (a stream that could not be delivered) is known by its name alone, and nothing can be sent back from it.
Of a message nothing is read but to send it again: bodies hold numbers of people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import NotFound
from tollgate.stages.ports.queues import QueueDepth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DEPTHS: Final = (
    "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
)  # fmt: skip
AT_ONCE: Final = 10  # of one ReceiveMessage
HIDDEN_SECONDS: Final = 60
DEAD_LETTERS: Final = "-dlq"
"""How the name of every queue of dead letters ends."""


class SqsQueues:
    """The port ``Queues``. ``urls``: every queue of the stack. ``tasks``: whether SQS moves dead letters by itself, as
    AWS's does; what stands in for it on one machine may not."""

    def __init__(self, sqs: SQSClient, *, urls: Sequence[str], tasks: bool = True) -> None:
        self._sqs, self._urls, self._tasks = sqs, urls, tasks

    def depths(self) -> list[QueueDepth]:
        """By name."""
        with translated("queues"):
            known = {_name(url): self._attributes(url) for url in self._urls}
        dead = {_dead_letters_go_to(own) for own in known.values()}
        return [
            QueueDepth(
                name=name,
                waiting=int(own[DEPTHS[0]]),
                in_flight=int(own[DEPTHS[1]]),
                delayed=int(own[DEPTHS[2]]),
                dead_letters=own["QueueArn"] in dead or name.endswith(DEAD_LETTERS),
                returnable=own["QueueArn"] in dead,
            )
            for name, own in sorted(known.items())
        ]

    def redrive(self, name: str, *, most: int) -> int | None:
        """Send the dead letters of a queue back to the queue that they came from.

        Returns how many were moved; None where SQS moves them by itself from now on. Raises NotFound for no such queue
        of dead letters, Refused, RetryLater.
        """
        with translated(f"dead letters of {name}"):
            known = {url: self._attributes(url) for url in self._urls}
            url = next((url for url in known if _name(url) == name), "")
            arn = known[url]["QueueArn"] if url else ""
            # Of several the first: none of ours shares one.
            source = next((other for other, own in known.items() if arn and _dead_letters_go_to(own) == arn), "")
            if not source:
                raise NotFound("dead-letter queue", name)
            if not self._tasks:
                return self._moved(url, source, most)
            self._sqs.start_message_move_task(SourceArn=arn, DestinationArn=known[source]["QueueArn"])
            return None

    def _attributes(self, url: str) -> dict[str, str]:
        asked = ["QueueArn", "RedrivePolicy", *DEPTHS]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)  # type: ignore[arg-type]  # literals
        return {str(name): value for name, value in answer.get("Attributes", {}).items()}

    def _moved(self, url: str, source: str, most: int) -> int:
        """One by one: sent, then deleted. A crash in between sends a message twice, which every consumer bears."""
        moved = 0
        while moved < most:
            messages: Any = self._sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(AT_ONCE, most - moved),
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=0,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["MessageGroupId"],
            ).get("Messages", [])
            if not messages:
                return moved
            for message in messages:
                self._sqs.send_message(QueueUrl=source, MessageBody=message["Body"], **_attributes_of(message))
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        return moved


def _dead_letters_go_to(attributes: Mapping[str, str]) -> str:
    policy = attributes.get("RedrivePolicy")
    return str(json.loads(policy)["deadLetterTargetArn"]) if policy else ""


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _attributes_of(message: dict[str, Any]) -> dict[str, Any]:
    """What a receipt is known by, and the group that keeps one busy sender from delaying the others."""
    group = message.get("Attributes", {}).get("MessageGroupId")
    kept = {
        name: {key: value for key, value in attribute.items() if key in ("DataType", "StringValue", "BinaryValue")}
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    return ({"MessageAttributes": kept} if kept else {}) | ({"MessageGroupId": group} if group else {})
