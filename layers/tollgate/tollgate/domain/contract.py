"""Contracts: what a tenant agreed to, as dated versions. Parsing collects every problem with its path.

Always true of a valid contract: exactly one version is in force on any day from its first term on; currency, time zone
and term are the same in all versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tollgate.domain.billing_moments import BILLING_MOMENTS, COMPONENTS
from tollgate.domain.calendar import Term, term_on, zone
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.money import MINOR_DIGITS
from tollgate.domain.rollups import twice_counted

PROVIDERS: Final = frozenset(provider for provider, _ in BILLING_MOMENTS)
MOST_CONTACTS: Final = 30
"""Of a kind. One mail may tell them and everybody whom a customer chose: fifty in all, the most that SES takes."""


def _no_float(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("write amounts in quotes (a bare 1000.10 is read as an inexact number)")
    return value


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("expected an IANA time zone such as America/Chicago") from error
    return name


def _known_currency(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError(f"expected one of {', '.join(sorted(MINOR_DIGITS))}")
    return code


def _known_provider(name: str) -> str:
    if name not in PROVIDERS:
        raise ValueError(f"expected one of {', '.join(sorted(PROVIDERS))}")
    return name


def _few(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if len(addresses) > MOST_CONTACTS:
        raise ValueError(
            f"expected at most {MOST_CONTACTS} addresses, not {len(addresses)}; use a mailing list for more"
        )
    return addresses


def _ascending(shares: tuple[int, ...]) -> tuple[int, ...]:
    if list(shares) != sorted(set(shares)):
        raise ValueError("expected ascending percentages without repeats")
    return shares


# A day outside of these is a slip of the pen, and near the calendar's ends no term can be worked out at all.
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
Exact = Annotated[Decimal, BeforeValidator(_no_float)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$", max_length=254)]
Addresses = Annotated[tuple[Address, ...], AfterValidator(_few)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TermRule(_Model):
    """A contract year: renews by itself every ``months``."""

    start: Day
    months: int = Field(default=12, ge=1, le=60)


class Payment(_Model):
    """When an invoice is due after approval, and how many days after the past-due notice services are suspended."""

    days_until_due: int = Field(default=14, ge=0, le=90)
    suspend_after_days: int = Field(default=7, ge=1, le=90)


class Contacts(_Model):
    """Who gets which mails. Either list may be left out when the other is given."""

    usage: Addresses = ()
    billing: Addresses = ()

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if not self.usage and not self.billing:
            raise ValueError("expected at least one address under usage or billing")
        return self

    def of(self, kind: Literal["usage", "billing"]) -> tuple[str, ...]:
        """The addresses for a kind of mail."""
        return (self.usage or self.billing) if kind == "usage" else (self.billing or self.usage)


class SenderRule(_Model):
    """An account at a provider whose messages are this tenant's, from a day on (default: the term's start).

    ``number`` narrows a Meta account to one phone number id; ``card`` names the rate card (default: the provider's).
    """

    provider: Annotated[str, AfterValidator(_known_provider)]
    account: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
    number: Annotated[str, StringConstraints(max_length=64)] = Field(default="", alias="phone_number_id")
    since: Day | None = Field(default=None, alias="from")
    card: Identifier | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)


class Allowance(_Model):
    """How much of a meter a term includes, where it warns, and what happens beyond it."""

    measure: Literal["fees", "messages", "segments"]
    included: Exact = Field(ge=0, le=Decimal(10) ** 12, decimal_places=12)
    warn_at: Annotated[tuple[Annotated[int, Field(ge=1, le=99)], ...], AfterValidator(_ascending)] = (75,)
    beyond: Literal["bill", "bill-all", "suspend"]

    @field_validator("included")
    @classmethod
    def _whole_count(cls, included: Decimal, info: ValidationInfo) -> Decimal:
        measure = info.data.get("measure", "fees")
        if measure != "fees" and included != included.to_integral_value():
            raise ValueError(f"a count of {measure} is a whole number")
        return included

    @field_validator("beyond")
    @classmethod
    def _possible(cls, beyond: str, info: ValidationInfo) -> str:
        measure = info.data.get("measure", "fees")
        if measure != "fees" and beyond != "suspend":
            raise ValueError(f"{beyond} needs measure: fees (there is no price for {measure})")
        if info.data.get("included") == 0 and beyond == "suspend":
            raise ValueError("nothing included and suspended beyond it would never let a message pass")
        return beyond


class Approval(_Model):
    """Who approved a change of limits, and the document that says so."""

    by: Text
    document: Text


class Review(_Model):
    """How drafts are reviewed, in the contract's currency. ``max_jump``: the change against the months before, in
    percent, beyond which somebody must look. Below ``auto_below`` a clean draft is approved by rule; above
    ``second_approver_above`` two people approve. Left out: nothing is approved by rule, one person suffices."""

    max_jump: int = Field(default=30, ge=1, le=10_000)
    auto_below: Exact | None = Field(default=None, gt=0, le=Decimal(10) ** 12)
    second_approver_above: Exact | None = Field(default=None, ge=0, le=Decimal(10) ** 12)

    @model_validator(mode="after")
    def _rule_below_people(self) -> Self:
        rule, people = self.auto_below, self.second_approver_above
        if rule is not None and people is not None and rule > people:
            raise ValueError("expected auto_below at most second_approver_above: a rule is not one of two people")
        return self


DEFAULT_ALLOWANCES: Final[Mapping[str, Mapping[str, Any]]] = {
    "whatsapp": {"measure": "fees", "included": "1000.00", "warn_at": [75], "beyond": "bill"},
    "sms": {"measure": "messages", "included": 50_000, "warn_at": [75], "beyond": "suspend"},
}


def _with_defaults(given: object) -> object:
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        return given
    filled: dict[str, object] = {meter: dict(rule) for meter, rule in DEFAULT_ALLOWANCES.items()}
    for meter, rule in given.items():
        default = DEFAULT_ALLOWANCES.get(meter, {})
        filled[meter] = {**default, **rule} if isinstance(rule, Mapping) else rule
    return {meter: rule for meter, rule in filled.items() if rule is not None}


def _in_order(components: tuple[str, ...]) -> tuple[str, ...]:
    if not components or len(components) != len(set(components)):
        raise ValueError(f"expected some of {', '.join(COMPONENTS)}, each once")
    return tuple(component for component in COMPONENTS if component in components)


class Contract(_Model):
    """One version of a tenant's contract. ``effective`` (``from:``) is the day it takes effect: the term's start by
    default. An allowance set to null means that the meter has none. ``pass_through`` names the components of a
    message's fee that the tenant is charged; a message is of the version in force on its day."""

    tenant: Identifier
    name: Text
    currency: Annotated[str, AfterValidator(_known_currency)] = "USD"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "en_US"
    term: TermRule
    payment: Payment = Payment()
    contacts: Contacts
    senders: tuple[SenderRule, ...]
    allowances: Annotated[dict[Identifier, Allowance], BeforeValidator(_with_defaults)] = Field(
        default_factory=dict, validate_default=True
    )
    review: Review = Review()
    pass_through: Annotated[
        tuple[Literal["message", "carrier", "platform", "meta"], ...], AfterValidator(_in_order)
    ] = COMPONENTS
    since: Day | None = Field(default=None, alias="from")
    approval: Approval | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("senders")
    @classmethod
    def _some_and_distinct(cls, senders: tuple[SenderRule, ...]) -> tuple[SenderRule, ...]:
        # Not a minimum length of the field: that would be reported of a list whose only sender is wrong.
        if not senders:
            raise ValueError("expected at least one sender")
        seen = [(sender.provider, sender.account, sender.number) for sender in senders]
        if len(seen) != len(set(seen)):
            raise ValueError("the same account is listed twice")
        if twice := twice_counted((sender.provider, sender.account) for sender in senders):
            named = ", ".join(" ".join(account) for account in twice)
            raise ValueError(f"counted in two ways, by receipts, roll-ups or statements: {named}")
        return senders

    @field_validator("since")
    @classmethod
    def _within_the_term(cls, since: date | None, info: ValidationInfo) -> date | None:
        term: TermRule | None = info.data.get("term")
        if since is not None and term is not None and since < term.start:
            raise ValueError(f"{since} is before the term's start {term.start}")
        return since

    @property
    def effective(self) -> date:
        """The first day on which this version holds."""
        return self.since or self.term.start

    def term_on(self, day: date) -> Term:
        """The term in which a day falls. Raises ValueError before the first."""
        term = term_on(day, start=self.term.start, months=self.term.months)
        if term is None:
            raise ValueError(f"{day} is before the first term of {self.tenant}, which starts on {self.term.start}")
        return term

    def document(self) -> dict[str, Any]:
        """The contract as plain JSON-ready data, in the shape that ``parse`` takes."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True) | {
            "allowances": {
                **{meter: None for meter in DEFAULT_ALLOWANCES if meter not in self.allowances},
                **{meter: rule.model_dump(mode="json") for meter, rule in self.allowances.items()},
            }
        }


def parse(document: object) -> Contract:
    """A contract from parsed YAML or JSON. Raises Invalid, which names every problem with its path."""
    try:
        return Contract.model_validate(document)
    except ValidationError as error:
        raise Invalid("contract", [_problem(detail) for detail in error.errors(include_url=False)]) from error


def _problem(detail: Any) -> Problem:
    return Problem(".".join(str(part) for part in detail["loc"]), detail["msg"].removeprefix("Value error, "))


def in_force(versions: Sequence[Contract], day: date) -> Contract | None:
    """The version in force on a day; None before the first term."""
    eligible = [version for version in versions if version.effective <= day]
    return max(eligible, key=lambda version: version.effective, default=None)


def for_term(versions: Sequence[Contract], term: Term) -> Contract:
    """The version whose limits and terms of payment hold for a whole term: the last to take effect before it ends.

    One rule for the whole term keeps the counting free of arrival order: a limit that is changed within a term is
    changed for that term.
    """
    contract = in_force([version for version in versions if version.effective < term.end], term.end)
    if contract is None:
        raise ValueError(f"no contract holds in the term from {term.start}")
    return contract


def change_problems(old: Sequence[Contract], new: Contract) -> list[Problem]:
    """Why ``new`` may not be added to the versions of a tenant; empty when it may."""
    if not old:
        return []
    others = [version for version in old if version.effective != new.effective]
    # A version may also be put before the first; what a tenant keeps, it keeps then too.
    first = min(old, key=lambda version: version.effective)
    current = in_force(others, new.effective) or in_force(old, new.effective) or first
    problems = [
        Problem(name, f"cannot change from {before} to {after}: a tenant keeps it; open a new tenant instead")
        for name, before, after in (
            ("term.start", current.term.start, new.term.start),
            ("term.months", current.term.months, new.term.months),
            ("currency", current.currency, new.currency),
            ("timezone", current.timezone, new.timezone),
        )
        if before != after
    ]
    before = in_force(old, new.effective) or current
    changed = [f"the limits of {', '.join(meters)} change"] if (meters := changed_limits(before, new)) else []
    if before.pass_through != new.pass_through:
        changed.append(f"what is passed through changes from {', '.join(before.pass_through)}")
    if changed and new.approval is None:
        expected = "name who approved it (by) and the document that says so (document)"
        problems += [Problem("approval", f"{change}: {expected}") for change in changed]
    return problems


def changed_limits(old: Contract, new: Contract) -> list[str]:
    """The meters whose allowance differs between two versions."""
    meters = sorted(old.allowances.keys() | new.allowances.keys())
    return [meter for meter in meters if old.allowances.get(meter) != new.allowances.get(meter)]
