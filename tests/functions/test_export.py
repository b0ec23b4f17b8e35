"""Export: a turn of an export in; its file in the bucket out, or the row that says what is left to do."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.cloud import NOW, Cloud, Context, event
from tollgate.domain.exports import CUSTOMER, READY, RUNNING, Export, Selection

type Entry = Callable[[str], Any]


@dataclass(frozen=True)
class Timed(Context):
    """A context with some time left."""

    millis: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.millis


def asked(cloud: Cloud) -> Export:
    """What a customer asked for."""
    selection = Selection(first=date(2026, 3, 1), last=date(2026, 3, 10))
    wanted = Export(tenant="acme", number=1, selection=selection, side=CUSTOMER, by="customer:acme", requested_at=NOW)
    return cloud.runtime().exports.add(wanted)


def test_an_export_becomes_a_file(cloud: Cloud, entry: Entry) -> None:
    """Packed, under its key, with a line for each message; its row says that it is ready, and its log how large."""
    cloud.sign_on()
    cloud.use(texts=3)
    row = asked(cloud)
    assert entry("export").handler(event("sqs/exports"), Timed()) == {"batchItemFailures": []}

    runtime = cloud.runtime()
    done = runtime.exports.export("acme", 1)
    assert (done.status, done.rows, done.finished_at) == (READY, 3, NOW)
    lines = gzip.decompress(runtime.export_files.kept(row.key)).decode().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("day,time,provider,message")
    logged = [json.loads(line) for line in cloud.log.getvalue().splitlines()]
    assert [(one["status"], one["rows"], one["export"]) for one in logged if one["message"] == "exported"] == [
        ("ready", 3, 1)
    ]


def test_when_time_is_short_the_rest_is_left_to_the_next_turn(cloud: Cloud, entry: Entry) -> None:
    """A page is read in any case; the message is done with, for the row announces what is left."""
    cloud.sign_on()
    cloud.use(texts=3)
    asked(cloud)
    handler = entry("export").handler
    assert handler(event("sqs/exports"), Timed(millis=39_000)) == {"batchItemFailures": []}
    left = cloud.runtime().exports.export("acme", 1)
    assert (left.status, left.turn, left.place.rows) == (RUNNING, 1, 3)
    assert handler(event("sqs/exports"), Timed()) == {"batchItemFailures": []}
    assert cloud.runtime().exports.export("acme", 1) == left


@pytest.mark.parametrize("body", ["{}", "not json"])
def test_what_cannot_be_read_comes_back(cloud: Cloud, entry: Entry, body: str) -> None:
    """And ends among the dead letters, as does an export that is not there."""
    [record] = event("sqs/exports")["Records"]
    failed = {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    handler = entry("export").handler
    assert handler({"Records": [record | {"body": body}]}, Timed()) == failed
    assert handler({"Records": [record]}, Timed()) == failed
