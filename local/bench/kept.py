"""A DynamoDB that only reads, over rows in memory: for tables too large to be written before every benchmark.

Always true: a query gives the rows, their order and the pages that DynamoDB would (1 MB or ``Limit`` a page); a request
that it does not know how to answer is refused.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from local.bench.capacity import weight
from tollgate.adapters.dynamodb.store import unpacked

type Packed = Mapping[str, Any]
"""An item as the API gives it."""
type Rows = Sequence[Packed]
"""The items of a partition, in order of their sort keys; made while they are read, where there are many."""
type Find = Callable[[str, str, str], Rows]
"""The rows of a table's (or, with its name, of an index's) partition: table, index or nothing, partition key."""

PAGE_BYTES: Final = 1024 * 1024
SORTED_BY: Final = {"": "sk", "by-month": "month_sk"}
ANSWERED: Final = frozenset(
    {"TableName", "IndexName", "KeyConditionExpression", "ExpressionAttributeValues", "ConsistentRead", "Limit",
     "ScanIndexForward", "ExclusiveStartKey"}
)  # fmt: skip
AFTER_ANY: Final = "\U0010ffff"


class UnansweredError(Exception):
    """A page asks what the rows in memory cannot tell: its figure would not be the real one."""


class KeptClient:
    """The reading calls of a DynamoDB client."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def query(self, **request: Any) -> dict[str, Any]:
        if unknown := request.keys() - ANSWERED:
            raise UnansweredError(f"a query with {', '.join(sorted(unknown))}")
        index = request.get("IndexName", "")
        by = SORTED_BY[index]
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        rows = self._find(request["TableName"], index, values.pop(":pk"))
        first, end = _bounds(rows, by, values)
        if start := request.get("ExclusiveStartKey"):
            first = max(first, bisect_right(rows, start[by]["S"], key=_named(by)))
        numbers = range(first, end) if request.get("ScanIndexForward", True) else reversed(range(first, end))
        found = list(_page((rows[n] for n in numbers), request.get("Limit")))
        more = {"LastEvaluatedKey": found[-1]} if found and len(found) < end - first else {}
        return {"Items": found, **more}

    def get_item(self, **request: Any) -> dict[str, Any]:
        found = self._one(request["TableName"], request["Key"])
        return {"Item": found} if found else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        answered = {
            table: [found for key in asked["Keys"] if (found := self._one(table, key))]
            for table, asked in request["RequestItems"].items()
        }
        return {"Responses": answered, "UnprocessedKeys": {}}

    def _one(self, table: str, key: Packed) -> Packed | None:
        rows = self._find(table, "", key["pk"]["S"])
        at = bisect_left(rows, key["sk"]["S"], key=_named("sk"))
        return rows[at] if at < len(rows) and rows[at]["sk"] == key["sk"] else None


def _named(by: str) -> Callable[[Packed], str]:
    return lambda item: str(item[by]["S"])


def _bounds(rows: Rows, by: str, values: Mapping[str, str]) -> tuple[int, int]:
    """Which rows a condition takes: all, those with a prefix, or those in inclusive bounds."""
    match dict(values):
        case {":prefix": prefix}:
            first, last = prefix, prefix + AFTER_ANY
        case {":first": first, ":last": last}:
            pass
        case rest if not rest:
            return 0, len(rows)
        case rest:
            raise UnansweredError(f"a condition on {', '.join(sorted(rest))}")
    return bisect_left(rows, first, key=_named(by)), bisect_right(rows, last, key=_named(by))


def _page(rows: Iterator[Packed], most: int | None) -> Iterator[Packed]:
    """The first rows, up to and including the one with which a page is full."""
    size = 0
    for number, row in enumerate(rows, start=1):
        yield row
        size += weight(unpacked(row))
        if number == most or size >= PAGE_BYTES:
            return
