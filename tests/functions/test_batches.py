"""Queues: whatever is in a message, exactly that message comes back, and the log says why."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud import Cloud, Context, event

type Entry = Callable[[str], Any]
STAGES = ["notify", "suspend", "invoice", "settle"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("body", "cause"), [("{", "JSONDecodeError"), ("[7]", None), ("null", None), ("{}", None)])
def test_a_lone_poison_message_is_a_partial_failure_with_its_reason_logged(
    cloud: Cloud, entry: Entry, stage: str, body: str, cause: str | None
) -> None:
    """A batch of one message that cannot be read does not fail as a whole, and is not silent."""
    [record] = event("sqs/holds")["Records"]
    answer = entry(stage).handler({"Records": [record | {"body": body}]}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    [line] = [line for line in cloud.lines() if "exception_name" in line]
    assert "unexpected keyword" not in line["exception"]
    assert cause in (None, line["exception_name"])
