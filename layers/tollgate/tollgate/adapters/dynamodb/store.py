"""The wire to both tables: items are plain Python values, pages are followed to the end, errors are ours.

A read is consistent unless it goes through the index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import batched, islice
from random import random
from time import sleep
from typing import TYPE_CHECKING, Any, Final, Literal

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer, TypeSerializer

from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.translate import translated
from tollgate.domain.errors import RetryLater

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
"""An item as plain values: str, int or Decimal, bool, and lists and maps of them."""
type Write = dict[str, Any]
"""One element of a transaction, as the API takes it."""

TRANSACTION_ITEMS: Final = 100
BATCH_GET_KEYS: Final = 100
BATCH_WRITE_ITEMS: Final = 25
ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS: Final = 0.05

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def packed(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as the API takes it. Raises for floats, and for numbers beyond 38 digits rather than rounding them."""
    return {name: _packed(value) for name, value in item.items()}


def _packed(value: Any) -> Any:
    """Strings, maps and lists are most of an item, and the SDK asks ten questions of each value before it packs it;
    what is neither (numbers, whose digits it guards) stays with the SDK."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is dict:
        return {"M": {name: _packed(inner) for name, inner in value.items()}}
    if kind is list:
        return {"L": [_packed(inner) for inner in value]}
    return _serializer.serialize(value)


def unpacked(attributes: Mapping[str, Any]) -> Item:
    """Attributes as the API or the stream gives them, as plain values; numbers are Decimal."""
    return {name: _unpacked(value) for name, value in attributes.items()}


def _unpacked(value: Mapping[str, Any]) -> Any:
    """The same shortcut on the way in: a page that reads thousands of rows spends most of its time here."""
    ((kind, inner),) = value.items()
    if kind == "S":
        return inner
    if kind == "N":
        return DYNAMODB_CONTEXT.create_decimal(inner)
    if kind == "M":
        return {name: _unpacked(one) for name, one in inner.items()}
    if kind == "L":
        return [_unpacked(one) for one in inner]
    return _deserializer.deserialize(value)  # type: ignore[arg-type]  # an attribute as the API gives it


class Store:
    """Both tables. ``pause`` waits some seconds and ``jitter`` draws from [0, 1): passed in, so that tests need not."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        ledger: str,
        accounts: str,
        pause: Callable[[float], None] = sleep,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._client = client
        self.ledger, self.accounts = ledger, accounts
        self._pause, self._jitter = pause, jitter

    def get(self, table: str, key: Key) -> Item | None:
        """One item; None when it does not exist."""
        with translated():
            answer = self._client.get_item(TableName=table, Key=packed(key._asdict()), ConsistentRead=True)
        return unpacked(answer["Item"]) if "Item" in answer else None

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items that exist, by key. Raises RetryLater when the table does not give all of them in time."""
        found: dict[Key, Item] = {}
        for chunk in batched(dict.fromkeys(keys), BATCH_GET_KEYS, strict=False):
            pending: Any = {table: {"Keys": [packed(key._asdict()) for key in chunk], "ConsistentRead": True}}
            for _ in self._attempts("read"):
                with translated():
                    answer = self._client.batch_get_item(RequestItems=pending)
                for attributes in answer.get("Responses", {}).get(table, []):
                    item = unpacked(attributes)
                    found[Key(item["pk"], item["sk"])] = item
                pending = answer.get("UnprocessedKeys")
                if not pending:
                    break
        return found

    def write_many(self, table: str, *, puts: Iterable[Item] = (), deletes: Iterable[Key] = ()) -> None:
        """Put and delete without conditions; each row by itself, no key twice. Raises RetryLater for what is left."""
        requests: list[Any] = [{"PutRequest": {"Item": packed(item)}} for item in puts]
        requests += [{"DeleteRequest": {"Key": packed(key._asdict())}} for key in deletes]
        for chunk in batched(requests, BATCH_WRITE_ITEMS, strict=False):
            pending: Any = {table: list(chunk)}
            for _ in self._attempts("write"):
                with translated():
                    pending = self._client.batch_write_item(RequestItems=pending).get("UnprocessedItems")
                if not pending:
                    break

    def latest(self, table: str, pk: str, *, count: int) -> list[Item]:
        """The last items of a partition, the last one first."""
        request = {"TableName": table, "ConsistentRead": True, "ScanIndexForward": False, "Limit": count}
        return list(islice(self._pages(request, "pk = :pk", {":pk": pk}), count))

    def query(self, table: str, pk: str, *, prefix: str = "", between: tuple[str, str] | None = None) -> Iterator[Item]:
        """The items of a partition in order of their sort keys, all or those with a prefix or in inclusive bounds."""
        condition, values = "pk = :pk", {":pk": pk}
        if between is not None:
            condition += " AND sk BETWEEN :first AND :last"
            values |= {":first": between[0], ":last": between[1]}
        elif prefix:
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = prefix
        return self._pages({"TableName": table, "ConsistentRead": True}, condition, values)

    def query_index(
        self, table: str, index: str, *, pk: str, between: tuple[str, str], most: int | None = None
    ) -> Iterator[Item]:
        """The items of a partition of the month index in inclusive bounds, all or the first so many; eventually
        consistent."""
        values = {":pk": pk, ":first": between[0], ":last": between[1]}
        condition = "month_pk = :pk AND month_sk BETWEEN :first AND :last"
        request = {"TableName": table, "IndexName": index} | ({"Limit": most} if most else {})
        return islice(self._pages(request, condition, values), most)

    def query_due(self, table: str, index: str, *, pk: str, until: str, most: int) -> list[Item]:
        """The first items of a partition of the waiting index up to a time; eventually consistent."""
        request = {"TableName": table, "IndexName": index, "Limit": most}
        condition = "waiting_pk = :pk AND waiting_sk <= :until"
        return list(islice(self._pages(request, condition, {":pk": pk, ":until": until}), most))

    def _pages(self, request: dict[str, Any], condition: str, values: Mapping[str, Any]) -> Iterator[Item]:
        request = {**request, "KeyConditionExpression": condition, "ExpressionAttributeValues": packed(values)}
        while True:
            with translated():
                answer = self._client.query(**request)
            yield from map(unpacked, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put(self, table: str, item: Item) -> None:
        """Put one item without a condition."""
        with translated():
            self._client.put_item(TableName=table, Item=packed(item))

    def update(self, write: Write, *, returning: Literal["NONE", "ALL_NEW"] = "NONE") -> Item:
        """One update by itself (the ``Update`` of a transaction's element); the attributes asked for with ALL_NEW.

        Raises Conflict when its condition fails.
        """
        with translated():
            answer = self._client.update_item(**write["Update"], ReturnValues=returning)
        return unpacked(answer.get("Attributes", {}))

    def delete(self, write: Write) -> None:
        """One delete by itself. Raises Conflict when its condition fails."""
        with translated():
            self._client.delete_item(**write["Delete"])

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or nothing. Raises Conflict, RetryLater, or ValueError for more than one transaction holds."""
        if len(writes) > TRANSACTION_ITEMS:
            raise ValueError(f"{len(writes)} rows do not fit one transaction of {TRANSACTION_ITEMS}")
        if writes:
            with translated():
                self._client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type]  # built as dicts

    def _attempts(self, what: str) -> Iterator[None]:
        """As many turns as there are attempts, pausing longer and longer between them; RetryLater after the last."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(FIRST_PAUSE_SECONDS * 2**attempt * self._jitter())
            yield
        raise RetryLater(f"DynamoDB did not {what} everything in {ATTEMPTS} attempts")
