"""What DynamoDB charges: bytes of an item, units of a write, of a read, and of keeping an index. Pure.

By the developer guide's rules (2026). A write unit is up to 1 KB of the larger of the item before and after, a
transaction takes two; a read unit is up to 4 KB read consistently, and half a unit otherwise. An item that is not there
costs what a smallest one does. An index takes one write for an entry that appears, changes or goes, two for an entry
whose key moves, none for an entry that stays as it is. That a transaction does not double the index's writes (the index
follows after the commit) is UNVERIFIED.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, Final

type Item = Mapping[str, Any]
"""An item as plain values."""

LIMIT_BYTES: Final = 400 * 1024
WRITE_UNIT_BYTES: Final = 1024
READ_UNIT_BYTES: Final = 4096
IN_A_TRANSACTION: Final = 2
TABLE_KEYS: Final = ("pk", "sk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A global secondary index: its key attributes, and what else of an item it holds beside all keys (None: all)."""

    name: str
    keys: tuple[str, ...]
    included: frozenset[str] | None = None

    def entry(self, item: Item | None) -> Item | None:
        """The item as it stands in the index; None when it has no key there."""
        if item is None or not all(key in item for key in self.keys):
            return None
        if self.included is None:
            return item
        held = {*TABLE_KEYS, *self.keys, *self.included}
        return {name: value for name, value in item.items() if name in held}

    def write_units(self, before: Item | None, after: Item | None) -> int:
        """What it costs to have the index follow a write of its table."""
        old, new = self.entry(before), self.entry(after)
        if old == new:
            return 0
        if old is None or new is None or all(old[key] == new[key] for key in self.keys):
            return write_units(old, new)
        return write_units(old) + write_units(new)


def weight(item: Item) -> int:
    """The bytes of an item: names and strings in UTF-8; a number takes a byte for each two significant digits and one
    more, and one for a sign; a list or map three, and one for each element."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: object) -> int:
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


def write_units(*versions: Item | None) -> int:
    """What writing an item costs outside a transaction; of an item before and after, the larger one counts."""
    sizes = (weight(version) for version in versions if version is not None)
    return max(1, ceil(max(sizes, default=0) / WRITE_UNIT_BYTES))


def read_units(size_bytes: int, *, consistent: bool) -> Fraction:
    """What reading so many bytes costs."""
    units = max(1, ceil(size_bytes / READ_UNIT_BYTES))
    return Fraction(units) if consistent else Fraction(units, 2)


def batch_read_units(items: Iterable[Item], *, asked: int, consistent: bool) -> Fraction:
    """A BatchGet: each item by itself, and those that are not there as the smallest."""
    sizes = [weight(item) for item in items]
    sizes += [0] * (asked - len(sizes))
    return sum((read_units(size, consistent=consistent) for size in sizes), Fraction())


def query_read_units(items: Iterable[Item], *, consistent: bool) -> Fraction:
    """A page of a Query: all its items together."""
    return read_units(sum(map(weight, items)), consistent=consistent)
