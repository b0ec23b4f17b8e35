"""A DynamoDB client that counts what its calls cost, as far as the meter stage and the pages make any.

Always true: a call that the rules do not cover is refused rather than left out of the count, and so is an answer that
leaves something undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from threading import Lock
from typing import Any, Self

from local.bench.capacity import (
    IN_A_TRANSACTION,
    Index,
    batch_read_units,
    query_read_units,
    read_units,
    weight,
    write_units,
)
from tollgate.adapters.dynamodb.store import Item, unpacked

type ItemKey = tuple[str, str, str]
"""Table, partition and sort key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some calls cost; ``table_units`` and ``index_units`` are write units."""

    calls: int = 0
    transactions: int = 0
    read_units: Fraction = Fraction()
    table_units: int = 0
    index_units: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def write_units(self) -> int:
        """Those of tables and indexes."""
        return self.table_units + self.index_units


class CountingClient:
    """The calls that ``tollgate.adapters.dynamodb.store`` makes for metering and for pages, passed on and counted
    in ``cost``."""

    def __init__(self, client: Any, *, indexes: Mapping[str, Sequence[Index]]) -> None:
        self._client, self._indexes = client, indexes
        self._adding = Lock()
        self.cost = Cost()

    def _add(self, cost: Cost) -> None:
        """Threads may read at the same time."""
        with self._adding:
            self.cost += cost

    def get_item(self, **request: Any) -> Any:
        answer = self._client.get_item(**request)
        size = weight(unpacked(answer.get("Item", {})))
        self._add(Cost(calls=1, read_units=read_units(size, consistent=_consistent(request))))
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        answer = self._client.batch_get_item(**request)
        if answer.get("UnprocessedKeys"):
            raise AssertionError("the local AWS left keys unread: the count would be of another run")
        units = Fraction()
        for table, asked in request["RequestItems"].items():
            found = map(unpacked, answer["Responses"].get(table, []))
            units += batch_read_units(found, asked=len(asked["Keys"]), consistent=_consistent(asked))
        self._add(Cost(calls=1, read_units=units))
        return answer

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        units = query_read_units(map(unpacked, answer["Items"]), consistent=_consistent(request))
        self._add(Cost(calls=1, read_units=units))
        return answer

    def transact_write_items(self, **request: Any) -> Any:
        elements = request["TransactItems"]
        puts = [element["Put"] for element in elements if "Put" in element]
        checks = [element["ConditionCheck"] for element in elements if "Put" not in element]
        items = [(put["TableName"], unpacked(put["Item"])) for put in puts]
        checked = [(check["TableName"], *unpacked(check["Key"]).values()) for check in checks]
        before = self._stored([*((table, item["pk"], item["sk"]) for table, item in items), *checked])
        answer = self._client.transact_write_items(**request)
        cost = Cost(calls=1, transactions=1)
        for table, item in items:
            cost += self._write(table, before.get((table, item["pk"], item["sk"])), item)
        for key in checked:  # charged like the write of what is there
            cost += Cost(table_units=IN_A_TRANSACTION * write_units(before.get(key)))
        self._add(cost)
        return answer

    def _write(self, table: str, before: Item | None, after: Item) -> Cost:
        return Cost(
            table_units=IN_A_TRANSACTION * write_units(before, after),
            index_units=sum(index.write_units(before, after) for index in self._indexes.get(table, ())),
        )

    def _stored(self, keys: Sequence[ItemKey]) -> dict[ItemKey, Item]:
        """What is there now; reading it is no part of what is counted."""
        wanted: dict[str, Any] = {}
        for table, pk, sk in keys:
            asked = wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})
            asked["Keys"].append({"pk": {"S": pk}, "sk": {"S": sk}})
        answer = self._client.batch_get_item(RequestItems=wanted)
        found = ((table, unpacked(one)) for table, some in answer["Responses"].items() for one in some)
        return {(table, item["pk"], item["sk"]): item for table, item in found}


def _consistent(request: Mapping[str, Any]) -> bool:
    return bool(request.get("ConsistentRead", False))
