"""Values that come in from outside, and the limits within which they are believed.

Always true of what passes here: it fits the ledger's keys and numbers, and no problem that is reported holds a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import unquote_plus

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from tollgate.domain.errors import Problem
from tollgate.providers.errors import Malformed

ID_LENGTH: Final = 512
WORD_LENGTH: Final = 64
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_FIRST_SECOND: Final = int(EARLIEST.timestamp())
_END_SECOND: Final = int(LATEST.timestamp())
AMOUNT_LIMIT: Final = Decimal(1_000_000)
# The ledger's numbers hold 38 digits; sums over many messages need some of them.
DECIMAL_PLACES: Final = 20
MAX_PARTS: Final = 255
PRINTABLE: Final = r"^[\x20-\x7e]*$"
FORM_FIELDS: Final = 200
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,12}(\.\d{1,20})?", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,4}", re.ASCII)


class Incoming(BaseModel):
    """An object of a provider's: fields that we do not know are passed over, those that we do are what they claim."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def key_safe(identifier: str) -> str:
    """An id that can stand between the ``#`` of a ledger key: ``#`` becomes ``%23`` and ``%`` becomes ``%25``, so
    that two ids never become one."""
    escaped = identifier.replace("%", "%25").replace("#", "%23")
    if len(escaped) > ID_LENGTH:
        raise PydanticCustomError("id_length", "expected a shorter id")
    return escaped


def unix_seconds(value: object) -> datetime:
    """A time given as unix seconds, as an integer or in a string of digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len("4102444800"):
        value = int(value)
    if type(value) is not int or not _FIRST_SECOND <= value < _END_SECOND:
        raise PydanticCustomError("time", "expected a unix time between 2015 and 2100")
    return datetime.fromtimestamp(value, UTC)


def unix_millis(value: object) -> datetime:
    """A time given as an integer of milliseconds since 1970."""
    if type(value) is not int or not _FIRST_SECOND * 1000 <= value < _END_SECOND * 1000:
        raise PydanticCustomError("time", "expected a unix time between 2015 and 2100")
    return EPOCH + timedelta(milliseconds=value)


def rfc3339(value: object) -> datetime:
    """A time as RFC 3339 writes it, with its zone (whose colon may be missing); what is finer than a microsecond is cut
    off."""
    moment = None
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:  # a thirteenth month
            moment = None
    if moment is None or not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("time", "expected an RFC 3339 time between 2015 and 2100")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def amount_text(value: object) -> Decimal | None:
    """An amount of money as a string of decimal digits, or as JSON has it; None stays None."""
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise PydanticCustomError("amount_text", "expected an amount as a string of decimal digits")
        value = Decimal(value)
    return amount(value)


def amount(value: object) -> Decimal | None:
    """An amount of money as JSON has it: an integer or a Decimal, never a float; None stays None."""
    if value is None:
        return None
    if type(value) is int:
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= AMOUNT_LIMIT:
        raise PydanticCustomError("amount", "expected an amount from 0 to 1,000,000")
    if not value:
        return Decimal(0)
    if -int(value.as_tuple().exponent) > DECIMAL_PLACES:
        raise PydanticCustomError("amount_places", "expected an amount of at most 20 decimal places")
    return value


def parts_text(value: object) -> int | None:
    """The number of parts of one message as a string of digits, or as JSON has it; None stays None."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    return parts(value)


def parts(value: object) -> int | None:
    """The number of parts of one message; None stays None."""
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MAX_PARTS:
        raise PydanticCustomError("parts", "expected a whole number from 1 to 255")
    return value


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]
MessageId = Annotated[Identifier, AfterValidator(key_safe)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=WORD_LENGTH, pattern=PRINTABLE)]
# For what may be missing: a provider that has nothing to say leaves it out, says null or sends an empty string.
MaybeText = Annotated[str, StringConstraints(max_length=ID_LENGTH, pattern=PRINTABLE)] | None
UnixSeconds = Annotated[datetime, PlainValidator(unix_seconds)]
UnixMillis = Annotated[datetime, PlainValidator(unix_millis)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# A channel that may name a meter: it becomes part of keys.
Channel = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Amount = Annotated[Decimal | None, PlainValidator(amount)]
Rfc3339 = Annotated[datetime, PlainValidator(rfc3339)]
AmountText = Annotated[Decimal | None, PlainValidator(amount_text)]
Parts = Annotated[int | None, PlainValidator(parts)]
PartsText = Annotated[int | None, PlainValidator(parts_text)]


def json_value(text: bytes | str) -> Any:
    """A JSON value whose fractions are Decimals, digit by digit as sent; None for what is no JSON."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        return _EXACT.decode(decoded)
    except (ValueError, ArithmeticError, RecursionError):  # not UTF-8, not JSON, beyond Decimal, nested too deep
        return None


def json_object(text: bytes | str, *, provider: str, path: str = "") -> dict[str, Any]:
    """A JSON object, read as ``json_value`` reads it. Raises Malformed for anything else."""
    value = json_value(text)
    if not isinstance(value, dict):
        raise Malformed(provider, [Problem(path, "expected a JSON object")])
    return value


def _refuse(_constant: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


# Built once: ``json.loads`` with settings builds a decoder for every call, which costs as much as a small body does.
_EXACT: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)


def form_fields(body: bytes, *, provider: str) -> Mapping[str, str]:
    """The fields of a form. One that is given twice says nothing that can be relied on, and is left out.

    Raises Malformed for what is no form.
    """
    try:
        fields = [field.partition("=") for field in body.decode().split("&") if field]
    except UnicodeDecodeError:
        fields = []
    if not 0 < len(fields) <= FORM_FIELDS:
        raise Malformed(provider, [Problem("", "expected a form")])
    values: dict[str, str] = {}
    twice: set[str] = set()
    for name, _, value in fields:
        key = _unquoted(name)
        if key in values:
            twice.add(key)
        values[key] = _unquoted(value)
    return {name: value for name, value in values.items() if name not in twice} if twice else values


def _unquoted(text: str) -> str:
    """A name or value of a form, decoded. Most are as they are, and the library takes its time for each."""
    return unquote_plus(text) if "%" in text or "+" in text else text


def tenant_in(metadata: object) -> str:
    """``tenant_id`` of the JSON object that a message was sent with and that comes back as a string; empty without."""
    try:
        named = json.loads(metadata).get("tenant_id") if isinstance(metadata, str) else None
    except (ValueError, AttributeError, RecursionError):  # not JSON, not an object, nested too deep
        return ""
    return named if isinstance(named, str) and re.fullmatch(PRINTABLE, named) and len(named) <= ID_LENGTH else ""


def read[M: BaseModel](model: type[M], value: object, path: str = "") -> M | tuple[Problem, ...]:
    """An object read as a model, or everything that is wrong with it, each with its dotted path below ``path``."""
    try:
        return model.model_validate(value)
    except ValidationError as refused:
        errors = refused.errors(include_url=False, include_context=False, include_input=False)
    return tuple(
        Problem(
            ".".join(filter(None, (path, *map(str, error["loc"])))),
            "expected an object" if error["type"] == "model_type" else error["msg"],
        )
        for error in errors
    )
