"""What an item weighs: the bytes that DynamoDB counts for capacity and against its limit of 400 KB an item.

By its documented rule: names and strings in UTF-8; a number takes a byte for each two significant digits and one more,
and one for a sign; a list or map three, and one for each element.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from typing import Any

LIMIT_BYTES = 400 * 1024
WRITE_UNIT_BYTES = 1024


def weight(item: Mapping[str, Any]) -> int:
    """The bytes of an item."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def write_units(item: Mapping[str, Any]) -> int:
    """What writing an item costs outside a transaction."""
    return ceil(weight(item) / WRITE_UNIT_BYTES)


def _value(value: Any) -> int:
    match value:
        case bool():
            return 1
        case int() | Decimal():
            parts = Decimal(value).normalize().as_tuple()
            return ceil(len(parts.digits) / 2) + 1 + parts.sign
        case str():
            return len(value.encode())
        case list():
            return 3 + sum(1 + _value(element) for element in value)
        case dict():
            return 3 + sum(1 + len(name.encode()) + _value(element) for name, element in value.items())
    raise TypeError(f"no item holds a {type(value).__name__}")
