"""The parameter language: what a route accepts, and how a decoded form becomes typed values.

`read(value, where)` turns a string, dict or list into its value or raises ParameterError. An empty string unsets a
parameter (reads as None) where `unset` allows it and is refused elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from .errors import (
    ParameterError,
    invalid_integer,
    invalid_value,
    missing_parameter,
    not_implemented,
    unknown_parameter,
)

INTEGER = re.compile(r"^-?\d{1,18}$")
PLAIN_DECIMAL = re.compile(r"^-?\d{1,20}(\.\d{1,12})?$")
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500  # [U], but long-standing
RANGE_WORDS = frozenset({"gt", "gte", "lt", "lte"})


class Parameter(Protocol):
    """What one parameter accepts."""

    def read(self, value: Any, where: str, /) -> Any:
        """The typed value; raises ParameterError."""


def _empty(where: str) -> ParameterError:
    return ParameterError(
        f"You passed an empty string for '{where}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{where}' cannot be unset.",
        code="parameter_invalid_empty",
        param=where,
    )


def _scalar(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise invalid_value(where, f"Invalid value for {where}: a single value is expected")
    return value


@dataclass(frozen=True)
class Text:
    """A string, optionally limited in length or to a pattern."""

    longest: int | None = None
    unset: bool = False
    pattern: str | None = None

    def read(self, value: Any, where: str) -> str | None:
        text = _scalar(value, where)
        if text == "":
            if self.unset:
                return None
            raise _empty(where)
        if self.longest is not None and len(text) > self.longest:
            raise invalid_value(where, f"Invalid string: {where} must be at most {self.longest} characters")
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            raise invalid_value(where, f"Invalid value for {where}: {text}")
        return text


@dataclass(frozen=True)
class Integer:
    """A whole number within optional bounds (inclusive)."""

    least: int | None = None
    most: int | None = None
    unset: bool = False

    def read(self, value: Any, where: str) -> int | None:
        text = _scalar(value, where)
        if text == "":
            if self.unset:
                return None
            raise _empty(where)
        if not INTEGER.match(text):
            raise invalid_integer(where, text)
        number = int(text)
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise invalid_value(where, f"Invalid value for {where}: {number} is out of range")
        return number


@dataclass(frozen=True)
class Number:
    """A plain decimal with at most twelve decimals."""

    def read(self, value: Any, where: str) -> Decimal:
        text = _scalar(value, where)
        if text == "":
            raise _empty(where)
        if not PLAIN_DECIMAL.match(text):
            raise invalid_value(where, f"Invalid decimal: {text}")
        return Decimal(text)


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""

    def read(self, value: Any, where: str) -> bool:
        text = _scalar(value, where)
        if text == "":
            raise _empty(where)
        if text not in ("true", "false"):
            raise invalid_value(where, f"Invalid boolean: {text}")
        return text == "true"


@dataclass(frozen=True)
class OnlyFalse:
    """A flag whose `true` is a Stripe feature that the stand-in lacks."""

    def read(self, value: Any, where: str) -> bool:
        if Flag().read(value, where):
            raise not_implemented(f"{where}=true")
        return False


@dataclass(frozen=True)
class Choice:
    """One of a closed set of words."""

    words: tuple[str, ...]
    unset: bool = False

    def read(self, value: Any, where: str) -> str | None:
        text = _scalar(value, where)
        if text == "" and self.unset:
            return None
        if text not in self.words:
            raise invalid_value(where, f"Invalid {where}: must be one of {', '.join(self.words)}")
        return text


@dataclass(frozen=True)
class Refused:
    """Known to Stripe, not implemented here."""

    def read(self, _value: Any, where: str, /) -> Any:
        raise not_implemented(where)


@dataclass(frozen=True)
class Items:
    """A list."""

    item: Parameter
    most: int | None = None
    unset: bool = False

    def read(self, value: Any, where: str) -> list[Any] | None:
        if value == "" and self.unset:
            return None
        if not isinstance(value, list):
            raise invalid_value(where, f"Invalid array: {where}")
        if self.most is not None and len(value) > self.most:
            raise invalid_value(where, f"Array {where} exceeded maximum {self.most} allowed elements")
        return [self.item.read(item, f"{where}[{index}]") for index, item in enumerate(value)]


@dataclass(frozen=True)
class Fields:
    """An object with named parameters; unknown names are refused, required ones must be there."""

    known: Mapping[str, Parameter]
    required: tuple[str, ...] = ()
    unset: bool = False

    def read(self, value: Any, where: str) -> dict[str, Any] | None:
        if value == "" and self.unset:
            return None
        if not isinstance(value, dict):
            raise invalid_value(where, f"Invalid object: {where}")
        for name in value:
            if name not in self.known:
                raise unknown_parameter(_inside(where, name))
        read = {name: self.known[name].read(given, _inside(where, name)) for name, given in value.items()}
        for name in self.required:
            if name not in read:
                raise missing_parameter(_inside(where, name))
        return read


@dataclass(frozen=True)
class Metadata:
    """A map of strings; '' removes a key, and '' for the whole map (None here) removes all."""

    def read(self, value: Any, where: str) -> dict[str, str] | None:
        if value == "":
            return None
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}
        if not isinstance(value, dict):
            raise invalid_value(where, f"Invalid hash: {where}")
        if len(value) > METADATA_KEYS:
            raise invalid_value(where, f"You can only set up to {METADATA_KEYS} metadata keys")
        for key, text in value.items():
            if len(key) > METADATA_KEY_LENGTH:
                raise invalid_value(f"{where}[{key}]", f"Metadata keys have at most {METADATA_KEY_LENGTH} characters")
            if len(_scalar(text, f"{where}[{key}]")) > METADATA_VALUE_LENGTH:
                raise invalid_value(
                    f"{where}[{key}]", f"Metadata values have at most {METADATA_VALUE_LENGTH} characters"
                )
        return dict(value)


@dataclass(frozen=True)
class Range:
    """A number of unix seconds, or bounds `[gt|gte|lt|lte]`; reads as a dict of bounds."""

    def read(self, value: Any, where: str) -> dict[str, int]:
        if isinstance(value, str):
            number = Integer().read(value, where)
            assert number is not None
            return {"gte": number, "lte": number}
        bounds = Fields(dict.fromkeys(RANGE_WORDS, Integer())).read(value, where)
        assert bounds is not None
        return bounds


@dataclass(frozen=True)
class Form:
    """All parameters of one operation."""

    known: Mapping[str, Parameter] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def read(self, given: dict[str, Any]) -> dict[str, Any]:
        read = Fields(self.known, self.required).read(given, "")
        assert read is not None
        return read


def _inside(where: str, name: str) -> str:
    return f"{where}[{name}]" if where else name
