"""Poll: ask a provider for the prices that it tells nobody by itself, and queue what it says as a receipt.

What happens on a repeat: a price that is queued again is a receipt that metering finds to change nothing.
What happens on a crash: a message is due until it was dealt with. The receipt is queued before the message is put off,
and the row in quarantine written before it is given up, so a message that was not dealt with is asked about again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.domain.metering import Quarantined
from tollgate.domain.price_waits import PriceWait, gives_up, next_due
from tollgate.domain.pricing import NO_PRICE
from tollgate.domain.records import awaits_price, facts_of
from tollgate.providers.provider import group_or
from tollgate.stages.ports import Count
from tollgate.stages.ports.invoices import RunRows
from tollgate.stages.ports.ledger import LedgerRows, MessageResource, MessageResources, PriceWaits, Quarantine
from tollgate.stages.ports.receipts import Receipt, ReceiptQueue
from tollgate.stages.quarantine import quarantine_row
from tollgate.stages.run_rows import run_row

SCHEDULE: Final = "poll"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPorts:
    """What polling reads and writes. ``pace`` waits until the next question may be asked."""

    waits: PriceWaits
    ledger: LedgerRows
    quarantine: Quarantine
    queue: ReceiptQueue
    resources: MessageResources
    count: Count
    pace: Callable[[], None]


@dataclass(slots=True)
class Polled:
    """What a run came to, in messages: priced, put off, given up. ``cause`` says why it stopped early, if it did."""

    priced: int = 0
    put_off: int = 0
    given_up: int = 0
    cause: str = ""


def run(
    ports: Mapping[str, PollPorts],
    *,
    runs: RunRows,
    now: datetime,
    most: int,
    give_up_after: timedelta,
    has_time: Callable[[], bool],
) -> dict[str, Polled]:
    """One run over all providers that must be asked, and a row that says what it came to, by provider."""
    polled = {
        provider: poll(provider=provider, now=now, most=most, give_up_after=give_up_after, has_time=has_time, ports=own)
        for provider, own in ports.items()
    }
    stopped = [f"{provider}: {one.cause}" for provider, one in polled.items() if one.cause]
    counts = {done: sum(getattr(one, done) for one in polled.values()) for done in ("priced", "put_off", "given_up")}
    row = run_row(SCHEDULE, {"stopped": stopped}, at=now)
    runs.save(replace(row, counts={**counts, **row.counts}))
    return polled


def poll(
    *,
    provider: str,
    now: datetime,
    most: int,
    give_up_after: timedelta,
    has_time: Callable[[], bool],
    ports: PollPorts,
) -> Polled:
    """Ask about the messages that are due, the longest overdue first, at most so many and while there is time.

    When the provider cannot answer now, the run ends, and the rest stays due: nothing is given up for that.
    """
    polled = Polled()
    try:
        for wait in ports.waits.due(provider, now=now, most=most):
            if not has_time():
                polled.cause = "out of time"
                break
            _ask(wait, now=now, give_up_after=give_up_after, ports=ports, polled=polled)
    except RetryLater as error:
        polled.cause = str(error)
        ports.count("PollStopped", 1)
    return polled


def _ask(wait: PriceWait, *, now: datetime, give_up_after: timedelta, ports: PollPorts, polled: Polled) -> None:
    ports.pace()
    resource = _resource(wait, ports)
    if resource is not None and resource.priced:
        receipt = Receipt(
            id=f"price.{wait.key.message}",
            provider=wait.key.provider,
            body=resource.body,
            received_at=now,
            headers={"content-type": JSON},
            source="poll",
        )
        ports.queue.put(receipt, group=group_or(wait.key.provider, wait.account))
        polled.priced += 1
    elif gives_up(wait, now=now, after=give_up_after):
        _give_up(wait, ports)
        polled.given_up += 1
        return
    else:
        polled.put_off += 1
    # Also after a price: should it not arrive, it is asked for again.
    ports.waits.postpone(wait, due=next_due(wait, now=now))


def _resource(wait: PriceWait, ports: PollPorts) -> MessageResource | None:
    """What the provider says of a message; None when it will not say, for this account or this message."""
    try:
        return ports.resources.read(wait.account, wait.key.message)
    except (NotFound, Refused):
        ports.count("PriceRefused", 1)
        return None


def _give_up(wait: PriceWait, ports: PollPorts) -> None:
    """Quarantine what the record last said, which counts already; redriving it asks again."""
    record = ports.ledger.records(wait.tenant, {wait.key}).get(wait.key)
    if record is not None and awaits_price(record):
        last = max(facts_of(record), key=lambda fact: (fact.at, fact.status))
        ports.quarantine.put([quarantine_row(Quarantined(last, NO_PRICE))])
        ports.count("QuarantinedFacts", 1)
    ports.waits.give_up(wait)
