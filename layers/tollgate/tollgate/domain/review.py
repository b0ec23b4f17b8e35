"""Review: what finance must look at before a draft is issued, and which drafts need nobody's eyes.

Always true: a draft is clean only when no check raised a flag, and each flag names its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from tollgate.domain.calendar import Period
from tollgate.domain.contract import Contract
from tollgate.domain.invoices import Invoice
from tollgate.domain.money import ZERO
from tollgate.domain.statement import BROUGHT_FORWARD, DRAFT, Statement

FIRST: Final = "first-invoice"
ADJUSTS: Final = "adjusts-earlier-months"
BRINGS: Final = "brings-forward"
JUMP: Final = "jump"
CONTRACT_CHANGED: Final = "contract-changed"
NEGATIVE: Final = "negative"
QUARANTINED: Final = "quarantined"
COUNTERS: Final = "counters-differ"
PROVIDER: Final = "provider-differs"
SENT_BACK: Final = "sent-back"

TRAILING: Final = 3
"""How many statements before a draft its amount is compared with."""
RULE: Final = "rule"
"""Who approved, when nobody did but the contract's rule."""

REASONS: Final[Mapping[str, str]] = {
    FIRST: "the first statement of this tenant",
    ADJUSTS: "late or corrected usage changes earlier months",
    BRINGS: "an amount of earlier statements is brought forward",
    JUMP: "the month differs from those before by more than the contract's share",
    CONTRACT_CHANGED: "a version of the contract took effect within the period",
    NEGATIVE: "the month by itself comes to less than nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An invoice as the review of a month lists it: everything but its lines and the usage it knew."""

    tenant: str
    period: Period
    status: str
    revision: int
    currency: str
    total: Decimal
    stated: Decimal
    flags: tuple[str, ...] = ()
    first_approved_by: str = ""
    sent_back: str = ""
    approved_by: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """A check that a draft did not pass, and why."""

    name: str
    reason: str


def summary_of(invoice: Invoice) -> Summary:
    """The summary of an invoice."""
    statement = invoice.statement
    return Summary(
        tenant=invoice.tenant,
        period=statement.period,
        status=invoice.status,
        revision=invoice.revision,
        currency=statement.currency,
        total=statement.total,
        stated=statement.stated,
        flags=invoice.flags,
        first_approved_by=invoice.first_approved_by,
        sent_back=invoice.sent_back.text if invoice.sent_back else "",
        approved_by=invoice.approved_by,
        refused=invoice.push.error if invoice.push.flagged else "",
    )


def draft_flags(statement: Statement, *, before: Sequence[Decimal], versions: Sequence[Contract]) -> tuple[str, ...]:
    """What a statement shows by itself. ``before``: what each earlier statement came to, oldest first."""
    keys = {line.key for line in statement.lines}
    raised = (
        (FIRST, not before),
        (ADJUSTS, any(key.startswith("adjustment/") for key in keys)),
        (BRINGS, BROUGHT_FORWARD in keys),
        (JUMP, _jumps(statement.stated, before, _max_jump(versions, statement.period.end))),
        (CONTRACT_CHANGED, any(_within(version.effective, statement.period) for version in versions[1:])),
        (NEGATIVE, statement.stated < 0),
    )
    return tuple(name for name, holds in raised if holds)


def _max_jump(versions: Sequence[Contract], end: date) -> int:
    return [version for version in versions if version.effective < end or version is versions[0]][-1].review.max_jump


def _within(day: date, period: Period) -> bool:
    return period.start <= day < period.end


def trailing_mean(before: Sequence[Decimal]) -> Decimal | None:
    """The mean of the last few amounts, oldest first; None where there are none."""
    last = before[-TRAILING:]
    return sum(last, ZERO) / len(last) if last else None


def change(amount: Decimal, before: Sequence[Decimal]) -> Decimal | None:
    """An amount against the trailing mean, in percent with one decimal; None where there is nothing to compare with."""
    mean = trailing_mean(before)
    if not mean:
        return None
    return ((amount - mean) / abs(mean) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _jumps(amount: Decimal, before: Sequence[Decimal], max_jump: int) -> bool:
    """Up or down: a fall may be receipts that were lost. After months of nothing, any amount is a jump."""
    mean = trailing_mean(before)
    if mean is None:
        return False
    return abs(amount - mean) * 100 > abs(mean) * max_jump


def flags(
    summary: Summary,
    *,
    before: Sequence[Decimal],
    quarantined: int,
    counters_differ: bool,
    provider_differs: Sequence[str],
) -> list[Flag]:
    """Every flag of a draft. ``quarantined``: facts that wait and would add to it; ``provider_differs``: what
    providers billed otherwise, in words."""
    found = [Flag(name, _reason(name, summary, before)) for name in summary.flags]
    if quarantined:
        found.append(Flag(QUARANTINED, f"usage of this tenant waits in quarantine, uncounted ({quarantined} facts)"))
    if counters_differ:
        found.append(Flag(COUNTERS, "the records of the period do not add up to its counters"))
    if provider_differs:
        found.append(Flag(PROVIDER, _first(provider_differs)))
    if summary.sent_back:
        found.append(Flag(SENT_BACK, summary.sent_back))
    return found


def _first(reasons: Sequence[str]) -> str:
    """The first of some reasons, and how many more there are."""
    more = len(reasons) - 1
    return reasons[0] + (f" (and {more} more)" if more else "")


def _reason(name: str, summary: Summary, before: Sequence[Decimal]) -> str:
    mean = trailing_mean(before)
    if name != JUMP or mean is None:
        return REASONS.get(name, name)
    moved = change(summary.stated, before)
    by = "from nothing" if moved is None else f"by {moved:+}%"
    count = len(before[-TRAILING:])
    before_it = "the statement before" if count == 1 else f"the mean of {count} statements before"
    return f"{by} against {before_it}, {summary.currency} {mean:.2f}"


def approved_by_rule(summary: Summary, found: Sequence[Flag], contract: Contract) -> bool:
    """Whether the contract's rule approves a draft: below its amount, and clean."""
    rule = contract.review
    return summary.status == DRAFT and rule.auto_below is not None and summary.total < rule.auto_below and not found
