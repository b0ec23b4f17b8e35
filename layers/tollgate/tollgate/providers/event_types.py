"""The events that the platform sends: one model per type, from which the published schemas come too.

Types of usage say that something was used, on any channel. Types of billing repeat what a provider bills: a corrected
price, a roll-up, a line of a statement. Amounts are decimal strings or numbers, times RFC 3339 with their zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tollgate.domain.money import MINOR_DIGITS
from tollgate.providers.incoming import AMOUNT_LIMIT, DECIMAL_PLACES, EARLIEST, LATEST, PRINTABLE

NAME_LENGTH: Final = 200
MANY: Final = 1_000_000_000
LARGEST_TOTAL: Final = Decimal(MANY)
# One number may be written in ways that a Decimal reads and nobody means: 1e5, 1_000, Infinity.
_NUMBER: Final = re.compile(r"-?\d{1,12}(\.\d{1,20})?", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def moment(value: object) -> datetime:
    """A time as RFC 3339 writes it, in UTC; what is finer than a microsecond is cut off."""
    try:
        found = datetime.fromisoformat(value.upper()) if isinstance(value, str) and _TIME.fullmatch(value) else None
    except ValueError:  # a thirteenth month
        found = None
    if found is None or not EARLIEST <= found < LATEST:
        raise PydanticCustomError("time", "expected an RFC 3339 time with its zone, between 2015 and 2100")
    return found.astimezone(UTC)


def _amount(value: object, *, least: Decimal, most: Decimal) -> Decimal:
    exact = type(value) is int or isinstance(value, Decimal)
    if not exact and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise PydanticCustomError("amount", "expected an amount as a decimal string or a number")
    number = Decimal(str(value))
    if not number.is_finite() or not least <= number <= most:
        raise PydanticCustomError("amount", f"expected an amount from {least:,} to {most:,}")
    if not number:
        return Decimal(0)
    if -int(number.as_tuple().exponent) > DECIMAL_PLACES:
        raise PydanticCustomError("amount_places", "expected an amount of at most 20 decimal places")
    return number


def price(value: object) -> Decimal:
    """What one message costs."""
    return _amount(value, least=Decimal(0), most=AMOUNT_LIMIT)


def total(value: object) -> Decimal:
    """What many messages cost; less than nothing where a statement gives something back."""
    return _amount(value, least=-LARGEST_TOTAL, most=LARGEST_TOTAL)


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise PydanticCustomError("currency", "expected the code of a currency (ISO 4217)")
    return code


def _plain_account(account: str) -> str:
    if ":" in account:
        raise PydanticCustomError("provider", "expected a provider's name without a colon")
    return account


_AMOUNT_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "pattern": r"^\d{1,12}(\.\d{1,20})?$"}, {"type": "number", "minimum": 0}]
}
_TOTAL_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,20})?$"}, {"type": "number"}]
}
Moment = Annotated[
    datetime,
    PlainValidator(moment, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Price = Annotated[Decimal, PlainValidator(price), WithJsonSchema(_AMOUNT_SCHEMA)]
Total = Annotated[Decimal, PlainValidator(total), WithJsonSchema(_TOTAL_SCHEMA)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
Provider = Annotated[
    str, StringConstraints(min_length=1, max_length=32, pattern=PRINTABLE), AfterValidator(_plain_account)
]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), AfterValidator(_known_currency)]
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Recipient = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH, pattern=PRINTABLE)]
Category = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Channel = Literal["sms", "whatsapp", "mms", "rcs", "voice", "push"]


def _no_true(value: object) -> object:
    """JSON's true is no 1."""
    if isinstance(value, bool):
        raise PydanticCustomError("int", "expected a whole number")
    return value


Segments = Annotated[int, BeforeValidator(_no_true), Field(ge=1, le=255)]
Count = Annotated[int, BeforeValidator(_no_true), Field(ge=0, le=MANY)]


class _Data(BaseModel):
    """The ``data`` of an event. A field that is not known is refused: a misspelt one would be missing from a bill."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Priced(_Data):
    """What one message or call cost, where the platform knows it."""

    price: Price | None = Field(default=None, description="What the provider charged, carrier fee excluded.")
    carrier_fee: Price | None = Field(default=None, description="What the carrier charged on top.")
    currency: Currency | None = Field(default=None, description="Currency of both, ISO 4217.")

    @model_validator(mode="after")
    def _with_currency(self) -> Self:
        if (self.price is not None or self.carrier_fee is not None) and self.currency is None:
            raise PydanticCustomError("currency", "expected a currency beside the amount")
        return self

    @property
    def is_priced(self) -> bool:
        """Whether it says what was charged."""
        return self.price is not None or self.carrier_fee is not None


class MessageSent(_Priced):
    """One message that the platform sent. Counts as one message, and as its segments."""

    channel: Literal["sms", "whatsapp", "mms", "rcs"]
    segments: Segments = Field(default=1, description="Parts of an SMS; 1 on other channels.")
    category: Category | None = Field(
        default=None,
        description="WhatsApp only: what it is counted under; without a price, what a card prices it by.",
    )
    recipient: Recipient | None = Field(default=None, description="The number; kept as country and keyed hash.")
    country: Country | None = Field(default=None, description="ISO 3166 code, where it is known better.")

    @model_validator(mode="after")
    def _priceable(self) -> Self:
        if self.channel != "whatsapp" and self.category is not None:
            raise PydanticCustomError("category", "expected no category: only WhatsApp messages have one")
        if self.channel == "whatsapp" and self.category is None and not self.is_priced:
            raise PydanticCustomError("price", "expected a price, or the category that a rate card prices")
        return self


class CallCompleted(_Priced):
    """One voice call that was answered and has ended. Counts as one message, and each minute begun as one segment."""

    seconds: Annotated[int, BeforeValidator(_no_true), Field(ge=1, le=86_400)] = Field(
        description="How long it was connected."
    )
    recipient: Recipient | None = Field(default=None, description="The number; kept as country and keyed hash.")
    country: Country | None = Field(default=None, description="ISO 3166 code, where it is known better.")


class PushSent(_Priced):
    """Push notifications of one sending. Counts as ``quantity`` messages; the price is that of all of them."""

    quantity: Annotated[int, BeforeValidator(_no_true), Field(ge=1, le=10_000_000)] = Field(
        default=1, description="How many devices it went to."
    )


class PriceCorrected(_Data):
    """A provider's correction of what one message cost. It replaces whatever was reported before, in any order."""

    provider: Provider = Field(description="Whose message it is; platform for an event of the same source.")
    account: Name = Field(description="The sender account, as the contract names it.")
    channel: Channel
    message: Name = Field(description="The provider's id of the message; of an event of the platform, its id.")
    sent_at: Moment = Field(description="When the message was sent.")
    segments: Annotated[int, BeforeValidator(_no_true), Field(ge=1, le=MANY)] = Field(
        description="The segments that the price is for."
    )
    messages: Annotated[int, BeforeValidator(_no_true), Field(ge=1, le=MANY)] = Field(
        default=1, description="The messages that the price is for: of push notifications, their quantity."
    )
    price: Price
    carrier_fee: Price | None = None
    currency: Currency


class _AddedUp(_Data):
    """What a provider bills for a time. The time is half-open: ``end`` is the first moment that is not in it."""

    provider: Provider = Field(description="Whose bill it is.")
    account: Name = Field(description="The account at the provider.")
    start: Moment
    end: Moment
    messages: Count
    segments: Count | None = Field(default=None, description="As many as messages, unless it is said.")
    amount: Total
    currency: Currency

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("end", "expected an end after the start")
        return self


class UsageRolledUp(_AddedUp):
    """A provider's own sum over a day or another time. A later one of the same time, channel, country and category
    replaces an earlier one. Kept for comparison; counted where the contract names the account as
    ``rollup:<provider>:<account>``."""

    channel: Channel
    country: Country | None = None
    category: Category | None = None


class StatementLine(_AddedUp):
    """A line of a provider's statement. A later one of the same statement and line replaces an earlier one. Kept for
    comparison; counted where the contract names the account as ``statement:<provider>:<account>`` and the line is of a
    channel."""

    statement: Name = Field(description="The statement's number.")
    line: Name = Field(description="What tells the line apart within the statement.")
    channel: Channel | None = Field(default=None, description="Left out for what is no usage, such as a rent.")
    description: Annotated[str, StringConstraints(max_length=500)] | None = None


type Data = MessageSent | CallCompleted | PushSent | PriceCorrected | UsageRolledUp | StatementLine

TYPES: Final[Mapping[str, type[Data]]] = {
    "tollgate.message.sent": MessageSent,
    "tollgate.call.completed": CallCompleted,
    "tollgate.push.sent": PushSent,
    "tollgate.price.corrected": PriceCorrected,
    "tollgate.usage.rolled-up": UsageRolledUp,
    "tollgate.statement.line": StatementLine,
}


def schema(type_: str) -> dict[str, Any] | None:
    """The JSON Schema of a type's ``data``; None for a type that is not known."""
    model = TYPES.get(type_)
    if model is None:
        return None
    written = model.model_json_schema()
    return {"$schema": _SCHEMA_DIALECT, "$id": f"/events/schemas/{type_}", **written, "title": type_}


def schema_index() -> dict[str, Any]:
    """Every type with where its schema is."""
    return {
        "schemas": [
            {
                "type": type_,
                "description": " ".join((model.__doc__ or "").split()),
                "schema": f"/events/schemas/{type_}",
            }
            for type_, model in TYPES.items()
        ]
    }
