"""Elements of a transaction, built from named parts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.store import Item, Write, packed

NEW = "attribute_not_exists(pk)"
EXISTS = "attribute_exists(pk)"


def put(table: str, item: Item) -> Write:
    """Put, whatever is there."""
    return {"Put": {"TableName": table, "Item": packed(item)}}


def put_new(table: str, item: Item) -> Write:
    """Put only where nothing is."""
    return {"Put": {**put(table, item)["Put"], "ConditionExpression": NEW}}


def put_at(table: str, item: Item, *, read: int) -> Write:
    """Put over the version that was read; 0 means that there was none."""
    return {"Put": {**put(table, item)["Put"], **_version_is(read)}}


def check_at(table: str, key: Key, *, read: int) -> Write:
    """Write nothing, but fail unless the row is at the version that was read."""
    return {"ConditionCheck": {"TableName": table, "Key": packed(key._asdict()), **_version_is(read)}}


def _version_is(read: int) -> dict[str, Any]:
    if read == 0:
        return {"ConditionExpression": NEW}
    return {
        "ConditionExpression": "#version = :read",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": packed({":read": read}),
    }


def update(
    table: str,
    key: Key,
    expression: str,
    *,
    names: Mapping[str, str],
    values: Mapping[str, Any],
    condition: str = "",
) -> Write:
    """Update by an expression, on a condition where one is given."""
    change: dict[str, Any] = {
        "TableName": table,
        "Key": packed(key._asdict()),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": dict(names),
        "ExpressionAttributeValues": packed(values),
    }
    return {"Update": change | ({"ConditionExpression": condition} if condition else {})}


def delete_where(table: str, key: Key, *, attribute: str, equals: str) -> Write:
    """Delete only while an attribute has a value."""
    return {
        "Delete": {
            "TableName": table,
            "Key": packed(key._asdict()),
            "ConditionExpression": "#attribute = :value",
            "ExpressionAttributeNames": {"#attribute": attribute},
            "ExpressionAttributeValues": packed({":value": equals}),
        }
    }
