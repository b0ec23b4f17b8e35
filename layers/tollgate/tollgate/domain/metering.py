"""Metering: from facts to the difference they make to a tenant's rows.

Two pure steps, because what must be read for the second follows from the first: ``price_facts`` merges facts into
records and prices them; ``count`` adds the differences to the usage rows and finds the lines they cross.
A record that does not change is not in the result, so a receipt that changes nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, NamedTuple

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Term, local_day
from tollgate.domain.contract import Contract
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.lines import crossings
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.pricing import NO_CONTRACT, UNKNOWN_SENDER, Unpriced, market_of, rate, unpriceable
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import (
    Charge,
    Due,
    Fee,
    Record,
    Usage,
    charge,
    facts_of,
    merge_all,
    pricing_fact,
)
from tollgate.domain.senders import Assignment, assignment_at, first_assignment, holders
from tollgate.domain.usage import DayRow, TermRow, cell_of, totals_of

type Senders = Mapping[tuple[str, str], Sequence[Assignment]]
"""Assignments by (provider, account)."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A fact that cannot be counted now, and why (one of ``pricing.REASONS``)."""

    fact: Fact
    reason: str


class RecordChange(NamedTuple):
    """A record as it was read and as it is to be written."""

    before: Record
    after: Record


class Rated(NamedTuple):
    """What a record adds to the counts, and why it, or a part of it, has no price yet; empty where it has."""

    usage: Usage | None
    unpriced: str


NOT_BILLABLE: Final = Rated(None, "")


@dataclass(frozen=True, slots=True)
class Priced:
    """What some facts come to: the records that change, and the billable ones that have no price yet."""

    changes: tuple[RecordChange, ...]
    quarantined: tuple[Quarantined, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageChange:
    """What one transaction writes beside the records: rows, notices and holds."""

    terms: Mapping[date, TermRow] = field(default_factory=dict)
    days: Mapping[date, DayRow] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    holds: tuple[Hold, ...] = ()


def route(fact: Fact, senders: Senders) -> Assignment | Quarantined:
    """Whose message a fact is about, at the fact's own time."""
    assignments = senders.get((fact.provider, fact.account), ())
    held = assignment_at(assignments, number=fact.number, moment=fact.moment)
    if held is not None:
        return held
    first = first_assignment(assignments, number=fact.number)
    if first is not None and fact.moment < first.since:
        return Quarantined(fact, NO_CONTRACT)
    return Quarantined(fact, UNKNOWN_SENDER)


def claimants(fact: Fact, senders: Senders) -> list[str]:
    """Every tenant that gets a fact: whoever holds its account around its time. Which of them counts the message is
    settled by the message's billable moment, so that one that spans a handover counts once. A fact that knows the send
    request's time knows the billable moment too, and goes to its holder alone."""
    if fact.requested_at is not None:
        routed = route(fact, senders)
        return [routed.tenant] if isinstance(routed, Assignment) else []
    return holders(senders.get((fact.provider, fact.account), ()), number=fact.number, moment=fact.moment)


def known_to(record: Record, *, tenant: str, senders: Senders) -> list[Fact]:
    """Of what another tenant's record of a message says, the facts that are a tenant's to have too: those that it
    would have got by itself, had it been known to hold the account when they came."""
    return [fact for fact in facts_of(record) if tenant in claimants(fact, senders)]


def quarantine_reason(fact: Fact, *, versions: Sequence[Contract], card: str, book: PriceBook) -> str | None:
    """Why a routed fact cannot be counted; None when it can."""
    located = locate(fact, versions)
    if located is None:
        return NO_CONTRACT
    contract, day = located
    return unpriceable(fact, day=day, card=card, currency=contract.currency, book=book)


def locate(fact: Fact, versions: Sequence[Contract]) -> tuple[Contract, date] | None:
    """The contract in force at a fact's time and the contract's day of it; None before any contract."""
    return _contract_on(fact.moment, versions)


def _contract_on(moment: datetime, versions: Sequence[Contract]) -> tuple[Contract, date] | None:
    found = None
    for contract in versions:
        day = local_day(moment, contract.timezone)
        if day >= contract.effective and (found is None or contract.effective > found[0].effective):
            found = contract, day
    return found


def price_facts(
    facts: Iterable[Fact],
    *,
    records: Mapping[MessageKey, Record],
    versions: Sequence[Contract],
    senders: Senders,
    book: PriceBook,
) -> Priced:
    """Merge one tenant's facts into its records and price what became billable; only what changed, in fact order."""
    by_message: dict[MessageKey, list[Fact]] = {}
    for fact in facts:
        by_message.setdefault(fact.key, []).append(fact)
    changes: list[RecordChange] = []
    quarantined: list[Quarantined] = []
    for key, own in by_message.items():
        before = records.get(key) or Record(key=key, meter=own[0].meter)
        merged = merge_all(before, own)
        usage, unpriced = _usage(merged, before=before, versions=versions, senders=senders, book=book)
        after = merged._replace(usage=usage, unpriced=unpriced, version=before.version + 1)
        if merged != before or usage != before.usage or unpriced != before.unpriced:
            changes.append(RecordChange(before, after))
        if unpriced:
            quarantined.append(waiting(after, tenant=versions[0].tenant, senders=senders))
    return Priced(tuple(changes), tuple(quarantined))


def waiting(record: Record, *, tenant: str, senders: Senders) -> Quarantined:
    """What stands in quarantine for a billable record that waits for a price: the fact that the price hangs on, unless
    the account was not the tenant's at that fact's time. The fact of the billable moment always is the tenant's."""
    facts = [pricing_fact(record), *sorted(facts_of(record), key=lambda fact: (fact.moment, fact.status))]
    routed = ((fact, route(fact, senders)) for fact in facts)
    own = (fact for fact, held in routed if isinstance(held, Assignment) and held.tenant == tenant)
    return Quarantined(next(own, facts[0]), record.unpriced)


def _usage(record: Record, *, before: Record, versions: Sequence[Contract], senders: Senders, book: PriceBook) -> Rated:
    """The usage that follows from a record's facts: it counts once a component of its fee is due and priced.

    A component that has none yet is what the record waits for; the others are counted.

    A message counts only for the tenant that holds its account at its billable moment. When nothing that pricing looks
    at has changed, the usage stays as it was priced, so that a late status never moves a message to a rate that was
    loaded in the meantime.
    """
    due = charge(record)
    held = holder(record, due.moment, senders) if due else None
    if due is None or held is None or held.tenant not in [version.tenant for version in versions]:
        return NOT_BILLABLE
    if before.usage is None:
        return usage_of(record, due, card=held.card, known={}, versions=versions, book=book)
    priced = charge(before)
    if due == priced and not before.unpriced:
        return Rated(before.usage, "")
    known = _known_fees(due, priced, before.usage)
    return usage_of(record, due, card=held.card, known=known, versions=versions, book=book)


def usage_of(
    record: Record,
    due: Charge,
    *,
    card: str,
    known: Mapping[Due, Fee],
    versions: Sequence[Contract],
    book: PriceBook,
) -> Rated:
    """The usage that follows from what is due of a record; ``known`` has the components that stay as they are,
    ``card`` is the sender's."""
    located = _contract_on(due.moment, versions)
    if located is None:
        return Rated(None, NO_CONTRACT)
    contract, day = located
    fees: dict[str, Fee] = {}
    reasons: list[str] = []
    for part in due.components:
        on = day if part.moment == due.moment else local_day(part.moment, contract.timezone)
        rated = (known and known.get(part)) or rate(part, due, day=on, card=card, currency=contract.currency, book=book)
        if isinstance(rated, Unpriced):
            reasons.append(rated.reason)
        elif rated is not None:
            fees[part.component] = rated
    if not fees:
        return Rated(None, reasons[0] if reasons else "")
    usage = Usage(
        meter=record.meter,
        moment=due.moment,
        day=day,
        term=contract.term_on(day).start,
        category=due.category,
        market=market_of(due, day=day, card=card, book=book),
        messages=due.messages,
        segments=due.segments,
        fees=fees,
        passed=frozenset(contract.pass_through),
    )
    return Rated(usage, reasons[0] if reasons else "")


def _known_fees(due: Charge, priced: Charge | None, usage: Usage) -> Mapping[Due, Fee]:
    """The components that have been priced before, of which nothing that their price follows from has changed."""
    if priced is None or not due.same_for(priced):
        return {}
    return {part: usage.fees[part.component] for part in priced.components if part.component in usage.fees}


def holder(record: Record, moment: datetime, senders: Senders) -> Assignment | None:
    """The assignment of a record's account at a moment."""
    assignments = senders.get((record.key.provider, record.account), ())
    return assignment_at(assignments, number=record.number, moment=moment)


def terms_and_days(changes: Iterable[RecordChange], versions: Sequence[Contract]) -> tuple[dict[date, Term], set[date]]:
    """The rows that counting some changes needs: terms by their start, and days."""
    terms: dict[date, Term] = {}
    days: set[date] = set()
    for change in changes:
        for usage in (change.before.usage, change.after.usage):
            if usage is None:
                continue
            days.add(usage.day)
            terms.setdefault(usage.term, _term_of(usage, versions))
    return terms, days


def _term_of(usage: Usage, versions: Sequence[Contract]) -> Term:
    contract = contracts.in_force(versions, usage.day)
    if contract is None:
        raise ValueError(f"usage on {usage.day} lies before every contract")
    return contract.term_on(usage.day)


def count(
    changes: Iterable[RecordChange],
    *,
    terms: Mapping[date, TermRow],
    days: Mapping[date, DayRow],
    versions: Sequence[Contract],
    now: datetime,
) -> UsageChange:
    """Add the differences of some records to the rows they fall into. Rows that come out unchanged are left out.

    ``terms`` and ``days`` must hold every row that ``terms_and_days`` names. Lines are looked at after every record,
    so that a notice tells the count at its crossing however the records were batched. A term that has ended by ``now``
    suspends nobody any more, however late its usage is told.
    """
    new_terms, new_days = dict(terms), dict(days)
    notices: list[Notice] = []
    holds: list[Hold] = []
    for change in changes:
        before, after = change.before.usage, change.after.usage
        if before == after:
            continue
        for usage, sign in ((before, -1), (after, 1)):
            if usage is None:
                continue
            totals = totals_of(usage) if sign > 0 else -totals_of(usage)
            new_terms[usage.term] = new_terms[usage.term].adding(usage.meter, totals)
            new_days[usage.day] = new_days[usage.day].adding(cell_of(usage), totals)
        if after is None:
            continue
        row = new_terms[after.term]
        contract = contracts.for_term(versions, row.term)
        ended = local_day(now, contract.timezone) >= row.term.end
        for crossing in crossings(row, contract=contract, meter=after.meter, at=after.moment):
            notices.append(crossing.notice)
            holds.extend([crossing.hold] if crossing.hold and not ended else [])
            row = row.crossing(after.meter, crossing.notice.line or 0)
        new_terms[after.term] = row
    return UsageChange(
        terms={s: replace(r, version=r.version + 1) for s, r in new_terms.items() if r != terms[s]},
        days={d: replace(r, version=r.version + 1) for d, r in new_days.items() if r != days[d]},
        notices=tuple(notices),
        holds=tuple(holds),
    )
