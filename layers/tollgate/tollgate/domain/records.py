"""Records: all that is known of one message, as the merge of its facts.

Always true: merging is commutative, associative and idempotent, so neither the order nor the number of receipts, nor
how they were batched, can be seen in a record. Each attribute is therefore a minimum, a maximum or a union.

What is made for every receipt is a named tuple: it takes a third of the time that a frozen dataclass does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tollgate.domain.billing_moments import (
    BILLABLE_TYPE,
    COMPONENTS,
    CORRECTED,
    STATUS_RANK,
    UNVERIFIED,
    BillingMoment,
    billing_moments,
    is_priced_later,
)
from tollgate.domain.facts import NOBODY, Fact, MessageKey, Pricing, Recipient, Report
from tollgate.domain.money import ZERO, exact_sum

_ABSENT: Final = Decimal(-1)
NONE_YET: Final[Mapping[str, Any]] = {}
NO_CURRENCY: Final = "XXX"  # ISO 4217's own word for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """One component of what a message costs, in the contract's currency, and where that amount comes from.

    ``source`` is ``reported`` (by the provider), ``card`` (a rate card) or ``none`` (nothing was charged or known).
    ``card`` names the rate used or, for a reported fee, the rate that would have been: ``meta/2026-10-01/1``.
    ``original`` and ``original_currency`` are what was reported or on the card, before ``fx`` (``ecb/2026-10-01``).
    """

    amount: Decimal
    currency: str
    source: str
    original: Decimal
    original_currency: str
    card: str = ""
    card_amount: Decimal | None = None
    fx: str = ""
    fx_rate: Decimal | None = None


class Usage(NamedTuple):
    """What a record adds to the counts. ``moment`` is the billable one, ``day`` and ``term`` are the contract's.

    ``fees`` has every component that is due and has a price; ``passed`` names those that the contract passes through
    to the tenant, which alone are counted.
    """

    meter: str
    moment: datetime
    day: date
    term: date
    category: str
    market: str
    messages: int
    segments: int
    fees: Mapping[str, Fee]
    passed: frozenset[str] = frozenset(COMPONENTS)

    @property
    def amount(self) -> Decimal:
        """What the message costs the tenant, in the contract's currency: the sum of what is passed through."""
        return exact_sum(fee.amount for component, fee in self.fees.items() if component in self.passed)


class Record(NamedTuple):
    """One message. ``usage`` is None until it is billable; ``unpriced`` says why a billable one has no usage yet.

    ``version`` is 0 for a record that has never been written.
    """

    key: MessageKey
    meter: str
    account: str = ""
    number: str = ""
    statuses: Mapping[str, datetime] = NONE_YET
    pricings: Mapping[str, Pricing] = NONE_YET
    reports: Mapping[str, Report] = NONE_YET
    requested_at: datetime | None = None
    recipient: Recipient = NOBODY
    usage: Usage | None = None
    unpriced: str = ""
    version: int = 0


class Due(NamedTuple):
    """One component of a message's fee that is due: everything about it alone that its price follows from.

    ``card`` goes after the name of the sender's card. ``reported`` is the amount that the provider reports, None where
    it reports none; ``costs_nothing``: then it has cost nothing so far, if no card has a price for it. ``if_listed``:
    then it is not due after all.
    """

    moment: datetime
    component: str
    category: str
    card: str
    reported: Decimal | None
    currency: str
    costs_nothing: bool
    if_listed: bool


class Charge(NamedTuple):
    """The inputs of a price: everything about a billable message that pricing looks at, and nothing else.

    ``moment`` is that of the earliest component. ``account`` and ``number`` are among them because the sender's
    assignment names the rate card.
    """

    moment: datetime
    account: str
    number: str
    category: str
    recipient: Recipient
    segments: int
    components: tuple[Due, ...]
    messages: int = 1

    def same_for(self, other: Charge) -> bool:
        """Whether all that the components have in common is the same in another."""
        return self._replace(moment=other.moment, category=other.category, components=other.components) == other


def _comparable(report: Report) -> tuple[object, ...]:
    """An order for reports, whose amounts may be None: one without a price sorts below one with it."""
    price = _ABSENT if report.price is None else report.price
    fee = _ABSENT if report.carrier_fee is None else report.carrier_fee
    return (report.at, report.messages, report.segments, price, fee, report.currency)


def merge(record: Record, fact: Fact) -> Record:
    """Add one fact to a record of the same message. Usage is left as it was: pricing is a later step."""
    return merge_all(record, (fact,))


def new_record(fact: Fact) -> Record:
    """An empty record for the message of a fact."""
    return Record(key=fact.key, meter=fact.meter)


def merge_all(record: Record, facts: Iterable[Fact]) -> Record:
    """Add several facts to a record. One record is made, whatever their number: this is done for every receipt."""
    account, number, requested_at, recipient = record.account, record.number, record.requested_at, record.recipient
    statuses, pricings, reports = dict(record.statuses), dict(record.pricings), dict(record.reports)
    for fact in facts:
        status, at, asked_at = fact.status, fact.at, fact.requested_at
        if fact.account != account or fact.number != number:
            account, number = max(account, fact.account), max(number, fact.number)
        statuses[status] = min(statuses[status], at) if status in statuses else at
        if (pricing := fact.pricing) is not None:
            pricings[status] = max(pricings[status], pricing) if status in pricings else pricing
        if (report := fact.report) is not None:
            reports[status] = max(reports[status], report, key=_comparable) if status in reports else report
        if asked_at is not None:
            requested_at = asked_at if requested_at is None else min(requested_at, asked_at)
        if fact.recipient is not recipient:
            recipient = max(recipient, fact.recipient)
    return Record(
        key=record.key,
        meter=record.meter,
        account=account,
        number=number,
        statuses=statuses,
        pricings=pricings,
        reports=reports,
        requested_at=requested_at,
        recipient=recipient,
        usage=record.usage,
        unpriced=record.unpriced,
        version=record.version,
    )


def billable_pricing(record: Record) -> Pricing | None:
    """The pricing that makes a message billable: of the billable ones, the one seen with the latest status."""
    billable = [(STATUS_RANK.get(s, 0), p) for s, p in record.pricings.items() if p.type == BILLABLE_TYPE]
    return max(billable)[1] if billable else None


def decisive_report(record: Record) -> Report | None:
    """The cost report that holds: a correction, else the latest one with a cost above zero, else the latest one.

    The same amounts repeat on every event of a message, but an early event may still say zero.
    """
    if len(record.reports) < 2:
        return next(iter(record.reports.values()), None)
    if CORRECTED in record.reports:
        return record.reports[CORRECTED]
    return max(record.reports.values(), key=lambda r: ((r.total or ZERO) > 0, _comparable(r)))


def known_pricing(record: Record) -> Pricing | None:
    """The pricing that names a message's category: the billable one, else the one seen with the latest status."""
    if not record.pricings:
        return None
    other = [(STATUS_RANK.get(status, 0), pricing) for status, pricing in record.pricings.items()]
    return billable_pricing(record) or max(other)[1]


def charge(record: Record) -> Charge | None:
    """What there is to price in a record; None while it is not billable."""
    rules = billing_moments(record.key.provider, record.meter)
    report, billable = decisive_report(record), billable_pricing(record)
    found = [_due(component, rule, record, report, billable) for component, rule in rules.items()]
    dues = tuple([due for due in found if due is not None])
    if not dues:
        return None
    pricing = billable or known_pricing(record)
    return Charge(
        moment=min([due.moment for due in dues]),
        account=record.account,
        number=record.number,
        category=pricing.category if pricing else record.meter,
        recipient=record.recipient,
        segments=_segments(record, report),
        components=dues,
        messages=report.messages if report else 1,
    )


def _segments(record: Record, decisive: Report | None) -> int:
    """Those of the report that holds; where it says none (0), the most that another one says."""
    said = decisive.segments if decisive else 0
    return said or max([report.segments for report in record.reports.values()], default=0) or 1


def _due(
    component: str, rule: BillingMoment, record: Record, report: Report | None, pricing: Pricing | None
) -> Due | None:
    """A component of a message's fee; None while it is not due. ``pricing`` is the billable one."""
    reported: Decimal | None = getattr(report, rule.reported) if report is not None and rule.reported else None
    if (rule.needs_pricing and pricing is None) or (rule.if_reported and reported is None):
        return None
    if rule.never and not rule.never.isdisjoint(record.statuses):
        return None
    times = [at for status, at in record.statuses.items() if status in rule.statuses]
    if not times and rule.priced_suffices and report is not None and (report.total or ZERO) > 0:
        times = list(record.statuses.values())
    if not times:
        return None
    return Due(
        component=component,
        moment=record.requested_at or min(times),
        category=rule.category or (pricing.category if pricing else record.meter),
        card=rule.card,
        reported=reported,
        currency=report.currency if report and reported is not None else "",
        costs_nothing=rule.priced_later or bool(rule.reported and report and report.currency),
        if_listed=rule.if_listed,
    )


def awaits_price(record: Record) -> bool:
    """Whether a message counts already, or may do so, and its provider has yet to be asked what it cost."""
    priced = any(report.total is not None for report in record.reports.values())
    told = record.usage is not None or any(status.startswith(UNVERIFIED) for status in record.statuses)
    return is_priced_later(record.key.provider, record.meter) and told and not priced


def facts_of(record: Record) -> list[Fact]:
    """The facts that a record is the merge of, one a status; merging them again changes nothing."""
    return [_fact_of(record, status) for status in record.statuses]


def pricing_fact(record: Record) -> Fact:
    """The fact of a billable record that its price hangs on, rebuilt; merging it again changes nothing."""
    pricing, report = billable_pricing(record), decisive_report(record)
    status = next(
        (s for s, p in record.pricings.items() if p is pricing),
        next((s for s, r in record.reports.items() if r is report), min(record.statuses)),
    )
    return _fact_of(record, status)


def _fact_of(record: Record, status: str) -> Fact:
    return Fact(
        provider=record.key.provider,
        account=record.account,
        number=record.number,
        meter=record.meter,
        message=record.key.message,
        participant=record.key.participant,
        status=status,
        at=record.statuses[status],
        requested_at=record.requested_at,
        pricing=record.pricings.get(status),
        report=record.reports.get(status),
        recipient=record.recipient,
    )
