"""Redrive: count what is in quarantine again, once its cause is fixed.

What happens on a crash: rows whose facts are counted already may be left; the next redrive changes nothing but them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tollgate.domain.facts import Fact
from tollgate.domain.metering import claimants
from tollgate.domain.pricing import NO_PRICE
from tollgate.stages.meter import MeterPorts, Sourced, meter_facts


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a redrive came to: rows that are counted now, and rows that cannot be counted yet."""

    counted: int
    kept: int


def redrive(*, reason: str | None, ports: MeterPorts, now: datetime) -> Redriven:
    """Count the quarantined facts again, each on its own day; those that still cannot be counted stay. A fact that has
    joined its message's record, which waits for a price, makes room for the one row of that message.

    A fact whose message was given up without a price counts already; its provider is asked once more.

    A crash before the removal leaves rows whose facts are counted already: the next redrive changes nothing and
    removes them.
    """
    rows = ports.quarantine.rows(reason)
    outcome = meter_facts([Sourced(row.id, row.fact) for row in rows], ports=ports, now=now)
    _ask_again([row.fact for row in rows if row.reason == NO_PRICE and row.id not in outcome.failed], ports)
    ports.quarantine.remove([row for row in rows if row.id not in outcome.failed | outcome.rows])
    kept = sum(row.id in outcome.failed | outcome.quarantined for row in rows)
    return Redriven(len(rows) - kept, kept)


def _ask_again(facts: Sequence[Fact], ports: MeterPorts) -> None:
    senders = ports.contracts.senders({(fact.provider, fact.account) for fact in facts}) if facts else {}
    for fact in facts:
        for tenant in claimants(fact, senders):
            ports.ledger.ask_again(tenant, fact.key)
