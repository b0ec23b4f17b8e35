"""What one receipt costs in processor time: proving where it comes from, reading it, pricing what it says.

Samples are the project's own (``events/<provider>``), one a kind of receipt. Times are of the processor, the shortest
of several turns, so that what else runs on the machine adds little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from local.bench import traffic
from local.bench.prices import euro_rates, flat_card, own_card
from local.bench.signing import SIGNERS
from local.bench.tables import ROOT
from tollgate.adapters.dynamodb.rates import bundled_market_map
from tollgate.domain.billing_moments import card_suffixes
from tollgate.domain.facts import Fact
from tollgate.domain.metering import Senders, claimants, price_facts, quarantine_reason, route
from tollgate.domain.rates import PriceBook
from tollgate.domain.senders import Assignment
from tollgate.providers.errors import ReceiptError
from tollgate.providers.provider import Provider, Request, Setting, Webhook
from tollgate.providers.recipients import keyed_hasher
from tollgate.stages.ports.receipts import Receipt

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
SETTING: Final = Setting(hasher=keyed_hasher(b"a key for the benchmark"), default_account="bench")
KINDS: Final[Mapping[str, str]] = {".json": "application/json", ".form": "application/x-www-form-urlencoded"}
TURNS: Final = 5
BATCH: Final = 100
TURN_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One receipt that says something of a message, and what it says; ``request`` is None where nobody signs."""

    receipt: Receipt
    facts: tuple[Fact, ...]
    request: Request | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Means over a provider's samples, in microseconds a receipt; ``verify_us`` is None where nothing was signed."""

    provider: str
    samples: int
    facts: float
    verify_us: float | None
    parse_us: float
    price_us: float

    @property
    def receipts_per_second(self) -> float:
        """Parsed and priced, by one processor core."""
        return 1e6 / (self.parse_us + self.price_us)

    @property
    def facts_per_second(self) -> float:
        """The same, counted in statuses of messages."""
        return self.receipts_per_second * self.facts


class UnpricedError(Exception):
    """A sample waits for a price: what was measured is not what most messages take."""


def measure(providers: Mapping[str, Provider], *, events: Path = ROOT / "events") -> Iterator[Speed | str]:
    """The speed of each provider, or the name of one that has no samples."""
    for provider in providers.values():
        samples = list(read(provider, events / provider.name))
        yield _speed(provider, samples) if samples else provider.name


def read(provider: Provider, folder: Path) -> Iterator[Sample]:
    """The samples of a provider that hold facts; what it sends beside those is left out."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix not in KINDS:
            continue
        request, receipt = _arrived(provider, path)
        try:
            found = provider.parse(receipt, SETTING)
        except ReceiptError:
            continue
        if found.facts:
            yield Sample(receipt=receipt, facts=found.facts, request=request)


def _arrived(provider: Provider, path: Path) -> tuple[Request | None, Receipt]:
    body = path.read_bytes()
    if not isinstance(provider, Webhook):
        return None, Receipt(id=path.name, provider=provider.name, body=body, received_at=NOW, source=traffic.TOPIC)
    unsigned = Request(
        method="POST",
        base_url="https://bench.example",
        path=f"/webhooks/{provider.name}",
        headers={"content-type": KINDS[path.suffix]},
        body=body,
        received_at=NOW,
    )
    signer = SIGNERS.get(provider.name)
    request = signer.signed(unsigned) if signer else None
    receipt = Receipt(
        id=path.name,
        provider=provider.name,
        body=body,
        received_at=NOW,
        headers={**unsigned.headers, **(provider.origin(request, signer.secrets) if signer and request else {})},
        source=unsigned.path,
    )
    return request, receipt


def _speed(provider: Provider, samples: Sequence[Sample]) -> Speed:
    book = _book(provider.name, samples)
    return Speed(
        provider=provider.name,
        samples=len(samples),
        facts=_mean(len(sample.facts) for sample in samples),
        verify_us=_verify_us(provider, samples),
        parse_us=_mean(_us(partial(provider.parse, sample.receipt, SETTING)) for sample in samples),
        price_us=_mean(_us(_pricing(sample.facts, book)) / BATCH for sample in samples),
    )


def _verify_us(provider: Provider, samples: Sequence[Sample]) -> float | None:
    signer = SIGNERS.get(provider.name)
    if signer is None or not isinstance(provider, Webhook):
        return None
    verify, secrets = provider.verify, signer.secrets
    requests = [sample.request for sample in samples if sample.request is not None]
    return _mean(_us(partial(verify, request, secrets)) for request in requests)


def _pricing(receipt: Sequence[Fact], book: PriceBook) -> Callable[[], None]:
    """What the meter stage decides between reading and writing, of a batch of receipts like this one about as many
    messages: whose each is, whether it can be counted, its record and its price. Every batch begins with a price book
    that remembers nothing."""
    facts = [replace(fact, message=f"{fact.message}-{number}") for number in range(BATCH) for fact in receipt]
    versions = [traffic.contract("bench")]
    senders: Senders = {
        (fact.provider, fact.account): [
            Assignment(
                provider=fact.provider, account=fact.account, tenant="bench", since=SINCE, card=facts[0].provider
            )
        ]
        for fact in facts
    }

    def price() -> None:
        fresh = replace(book)
        for fact in facts:
            route(fact, senders)
            claimants(fact, senders)
            quarantine_reason(fact, versions=versions, card=fact.provider, book=fresh)
        priced = price_facts(facts, records={}, versions=versions, senders=senders, book=fresh)
        if priced.quarantined:
            raise UnpricedError(f"{receipt[0].provider}: {priced.quarantined[0].reason}")

    return price


def _book(card: str, samples: Sequence[Sample]) -> PriceBook:
    """A card in the provider's name, further ones for further fees; the exchange rates of every day in play."""
    facts = [fact for sample in samples for fact in sample.facts]
    further = {card + suffix for fact in facts for suffix in card_suffixes(fact.provider, fact.meter)}
    return PriceBook(
        cards={card: [own_card(card, {fact.meter for fact in facts})], **{name: [flat_card(name)] for name in further}},
        markets={card: [bundled_market_map()]},
        fx=euro_rates({fact.moment.date() for fact in facts} | {NOW.date()}),
    )


def _us(call: Callable[[], object]) -> float:
    """Microseconds of processor time that a call takes: of several turns of many calls the shortest."""
    started = time.process_time()
    call()
    calls = max(3, int(TURN_SECONDS / max(1e-6, time.process_time() - started)))
    turns = []
    for _ in range(TURNS):
        started = time.process_time()
        for _ in range(calls):
            call()
        turns.append((time.process_time() - started) / calls)
    return min(turns) * 1e6


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
