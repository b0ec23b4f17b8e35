"""Announce: the accounts table's stream in, events on the bus out."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.cloud import Cloud, Context, event
from tollgate.domain.errors import RetryLater

type Entry = Callable[[str], Any]
TOLD = {
    "tollgate.notice.created:acme:2026-01-15#sms#100": "tollgate.notice.created",
    "tollgate.hold.opened:acme:sms#limit#2026-01-15": "tollgate.hold.opened",
    "tollgate.invoice.nil:acme:2026-01-15#1": "tollgate.invoice.nil",
}


def test_each_new_row_is_told_once_and_other_rows_never(cloud: Cloud, entry: Entry) -> None:
    """A notice, a hold and an invoice each become one event; a term's totals are nobody's business."""
    answer = entry("announce").handler(event("dynamodb/accounts_stream"), Context())

    assert answer == {"batchItemFailures": []}
    assert {one.id: one.type for one in cloud.bus.published} == TOLD
    assert {one.tenant for one in cloud.bus.published} == {"acme"}


def test_the_same_batch_again_tells_the_same_ids(cloud: Cloud, entry: Entry) -> None:
    """The stream may deliver twice: whoever drops repeats sees each change once."""
    app = entry("announce")
    app.handler(event("dynamodb/accounts_stream"), Context())
    app.handler(event("dynamodb/accounts_stream"), Context())
    assert len(cloud.bus.published) == 2 * len(TOLD)
    assert cloud.bus.by_id.keys() == TOLD.keys()


def test_a_removal_tells_nothing(cloud: Cloud, entry: Entry) -> None:
    """A row that expired is no news."""
    [record, *_] = event("dynamodb/accounts_stream")["Records"]
    record["eventName"] = "REMOVE"
    record["dynamodb"]["OldImage"] = record["dynamodb"].pop("NewImage")
    entry("announce").handler({"Records": [record]}, Context())
    assert cloud.bus.published == []


def test_a_refused_event_fails_the_batch_so_that_it_comes_back(cloud: Cloud, entry: Entry) -> None:
    """When the bus does not take one event the batch is told again, after the others went out."""
    refused = next(iter(TOLD))
    cloud.bus.refused.add(refused)
    with pytest.raises(RetryLater, match="1 of 3"):
        entry("announce").handler(event("dynamodb/accounts_stream"), Context())
    assert cloud.bus.by_id.keys() == TOLD.keys() - {refused}


def test_the_log_holds_no_row(cloud: Cloud, entry: Entry) -> None:
    """How many, never what."""
    entry("announce").handler(event("dynamodb/accounts_stream"), Context())
    [line] = cloud.lines()
    assert (line["message"], line["events"], line["failed"]) == ("announced", 3, 0)
