"""The shapes of the API, for its description and its checks. Amounts are decimal strings, times ISO 8601 in UTC.

An answer may hold more than is named here; what is named here stays.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

type Amount = Annotated[str, Field(json_schema_extra={"format": "decimal"}, examples=["12.50"])]
type Day = Annotated[str, Field(json_schema_extra={"format": "date"}, examples=["2026-03-01"])]
type Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-10T17:00:00Z"])]


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="allow")


class Hold(Shape):
    """A reason why a service is suspended; open while ``lifted_at`` is null."""

    scope: str
    cause: str
    reference: str
    opened_at: Moment | None
    lifted_at: Moment | None


class Service(Shape):
    """Whether a service may be used now, and how much of its allowance is left, in the allowance's measure."""

    state: Literal["active", "suspended"]
    remaining: int | Amount
    holds: list[Hold]


class Span(Shape):
    """From the first day to the day after the last."""

    start: Day
    end: Day


class Totals(Shape):
    """What was used."""

    messages: int
    segments: int
    fees: Amount


class Allowance(Shape):
    """What a term includes of a meter; ``share`` is a fraction."""

    measure: str
    used: int | Amount
    included: int | Amount
    share: float | None
    beyond: str


class UsageDay(Totals):
    """The usage of a day by meter, category and market."""

    date: Day
    meter: str
    category: str
    market: str


class Usage(Shape):
    """Usage of a term against its allowances."""

    tenant: str
    term: Span
    meters: dict[str, Totals]
    allowances: dict[str, Allowance]
    days: list[UsageDay]


class InvoiceLine(Shape):
    """A line; its key is stable and names category and market."""

    key: str
    description: str
    quantity: int
    amount: Amount


class Invoice(Shape):
    """A statement at its current revision, and what became of it."""

    tenant: str
    period: Day
    revision: int
    status: str
    currency: str
    total: Amount
    lines: list[InvoiceLine]
    stripe_invoice: str | None
    due_date: Day | None
    number: str | None
    flags: list[str]
    approved_by: str | None
    error: str | None
    flagged: bool


class Approval(BaseModel):
    """Which revision was read, and who approves it: a script names the person, a person is named by their token."""

    model_config = ConfigDict(extra="forbid")
    revision: int = Field(ge=1)
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None


class Export(Shape):
    """A file of records, and how it stands. ``rows`` so far while it is made; ``download`` lasts a minute."""

    tenant: str
    number: int
    first: Day
    last: Day
    meter: str | None
    category: str | None
    market: str | None
    line: str | None
    side: Literal["customer", "staff"]
    by: str
    requested_at: Moment | None
    state: Literal["requested", "running", "ready", "failed", "expired"]
    days_done_to: Day | None
    rows: int
    size: int | None
    failure: str | None
    lasts_until: Moment | None
    download: str | None


type Narrowing = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class ExportQuestion(BaseModel):
    """Which records: days of the last 13 months, both included, narrowed where given; and who asks (see Approval)."""

    model_config = ConfigDict(extra="forbid")
    first: date
    last: date
    meter: Narrowing = ""
    category: Narrowing = ""
    market: Narrowing = ""
    line: Narrowing = ""
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None


class Wrong(Shape):
    """One field that is not as expected."""

    field: str
    expected: str


class Problem(Shape):
    """A refusal (RFC 9457, application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Wrong] | None = None
    differences: list[str] | None = None
