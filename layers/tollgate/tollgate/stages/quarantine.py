"""Quarantine: the row of a fact that cannot be counted yet.

Always true: the same fact is the same row, however often it comes, and a fact that says more is another row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from datetime import date
from hashlib import sha256

from tollgate.domain.facts import Fact
from tollgate.domain.metering import Quarantined
from tollgate.stages.ports.ledger import QuarantineRow


def quarantine_row(quarantined: Quarantined) -> QuarantineRow:
    """The row of a quarantined fact. Its id is derived from all that the fact says, so that a repeat is the same row
    and a receipt that says more of the same status is another."""
    fact = quarantined.fact
    day: date = fact.moment.date()
    digest = sha256("\n".join(_said(fact)).encode()).hexdigest()
    return QuarantineRow(id=f"{day}.{digest[:24]}", reason=quarantined.reason, fact=fact)


def _said(fact: Fact) -> Iterator[str]:
    """Everything a fact says; the same text however its amounts and times were written or stored."""
    yield from (*fact.key, fact.account, fact.number, fact.meter, fact.status, fact.at.isoformat())
    yield fact.requested_at.isoformat() if fact.requested_at else ""
    yield from astuple(fact.recipient)
    yield from astuple(fact.pricing) if fact.pricing else ("",)
    if fact.report:
        yield from (fact.report.at.isoformat(), str(fact.report.segments), fact.report.currency)
        for amount in (fact.report.price, fact.report.carrier_fee):
            yield "" if amount is None else f"{amount.normalize():f}"
        if fact.report.messages != 1:
            yield f"messages {fact.report.messages}"
