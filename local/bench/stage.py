"""The whole meter stage over real tables: calls, transactions and units per message, the first time and again.

Always true: a run in which anything but counting happened (a receipt that failed, was quarantined or conflicted) and a
repeat that wrote are errors, not figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from local.bench import traffic
from local.bench.counting import Cost
from local.bench.prices import meta_card
from local.bench.tables import Tables
from tollgate.adapters.dynamodb import DynamoContracts, DynamoHolds, DynamoLedger, DynamoQuarantine, DynamoRates, Store
from tollgate.providers import registry
from tollgate.providers.provider import Parsed, Setting
from tollgate.providers.recipients import keyed_hasher
from tollgate.stages import contracts
from tollgate.stages.meter import MeterPorts, meter
from tollgate.stages.ports.receipts import Receipt

APPLIED_AT: Final = datetime(2026, 1, 2, tzinfo=UTC)
SETTING: Final = Setting(hasher=keyed_hasher(b"a key for the benchmark"))
WARM_UP: Final = 10  # messages, of which nothing is measured
# Messages of a batch, and how many batches of it are measured.
BATCHES: Final = {1: 5, 10: 2, 100: 1, 1000: 1}

type Batch = Sequence[Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Some traffic: ``batches(first, size)`` are the batches in which the receipts of ``size`` messages arrive,
    numbered from ``first``; ``tenants`` are those that they are of."""

    name: str
    tenants: Sequence[str]
    batches: Callable[[int, int], Iterator[Batch]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What some messages cost at one batch size; ``cpu_seconds`` are of as many others whose calls nobody counted."""

    scenario: str
    size: int
    messages: int
    first: Cost
    repeat: Cost
    cpu_seconds: float


class NotCountedError(Exception):
    """The stage did something else than to count the messages once."""


def _texts(first: int, size: int) -> Iterator[Batch]:
    yield [traffic.text("bench-sms", first + n) for n in range(size)]


def _texts_of_ten(first: int, size: int) -> Iterator[Batch]:
    yield [traffic.text(f"bench-{n % 10}", first + n) for n in range(size)]


def _whatsapp(first: int, size: int) -> Iterator[Batch]:
    yield [traffic.whatsapp("bench-wa", first + n) for n in range(size)]


def _whatsapp_apart(first: int, size: int) -> Iterator[Batch]:
    for status in traffic.STATUSES:
        yield [traffic.whatsapp("bench-apart", first + n, (status,)) for n in range(size)]


SCENARIOS: Final = (
    Scenario(name="SMS, one receipt a message", tenants=("bench-sms",), batches=_texts),
    Scenario(name="SMS, of ten tenants by turns", tenants=[f"bench-{n}" for n in range(10)], batches=_texts_of_ten),
    Scenario(name="WhatsApp, three statuses in one receipt", tenants=("bench-wa",), batches=_whatsapp),
    Scenario(name="WhatsApp, each status in a batch of its own", tenants=("bench-apart",), batches=_whatsapp_apart),
)


def measure(tables: Tables) -> Iterator[Measured]:
    """Every scenario at every batch size, on tables that hold its contracts and a rate card already."""
    _prepare(tables)
    ports, uncounted = _ports(tables.counted()), _ports(tables.uncounted())
    for scenario in SCENARIOS:
        # Rows of the term and the day exist and the card is in memory, as in all but the first minute of a day.
        for each in (ports, uncounted):
            run(scenario.batches(0, WARM_UP), each)
        first = WARM_UP
        for size, rounds in BATCHES.items():
            batches = [batch for n in range(2 * rounds) for batch in scenario.batches(first + n * size, size)]
            first += 2 * rounds * size
            measured, timed = batches[: len(batches) // 2], batches[len(batches) // 2 :]
            cost = _counted(measured, tables, ports)
            repeat = _counted(measured, tables, ports)
            if repeat.write_units or repeat.transactions:
                raise NotCountedError(f"{scenario.name}: the repeat of a batch of {size} wrote")
            started = time.process_time()
            run(timed, uncounted)
            yield Measured(
                scenario=scenario.name,
                size=size,
                messages=rounds * size,
                first=cost,
                repeat=repeat,
                cpu_seconds=time.process_time() - started,
            )


def _counted(batches: Iterable[Batch], tables: Tables, ports: MeterPorts) -> Cost:
    tables.counting.cost = Cost()
    run(batches, ports)
    return tables.counting.cost


def run(batches: Iterable[Batch], ports: MeterPorts) -> None:
    """Meter some batches. Raises NotCountedError unless each receipt was counted, at once."""
    for batch in batches:
        if failed := meter(batch, parse=parse, ports=ports, now=traffic.START):
            raise NotCountedError(f"{len(failed)} receipts were not counted")


def parse(receipt: Receipt) -> Parsed:
    """A receipt read by its provider's recipe."""
    return registry.provider(receipt.provider).parse(receipt, SETTING)


def refuse(name: str, _value: int) -> None:
    """Instead of a metric: the stage has none for a message that it simply counts."""
    raise NotCountedError(f"the stage counted {name}")


def _ports(store: Store) -> MeterPorts:
    return MeterPorts(
        ledger=DynamoLedger(store),
        contracts=DynamoContracts(store),
        rates=DynamoRates(store),
        quarantine=DynamoQuarantine(store),
        count=refuse,
        pause=lambda attempt: refuse("a conflict", attempt),
    )


def _prepare(tables: Tables) -> None:
    store = tables.uncounted()
    DynamoRates(store).add_card(meta_card("meta"))
    own = contracts.ContractPorts(
        contracts=DynamoContracts(store), ledger=DynamoLedger(store), holds=DynamoHolds(store)
    )
    for scenario in SCENARIOS:
        documents: dict[str, object] = {one: traffic.contract(one).document() for one in scenario.tenants}
        contracts.apply(documents, ports=own, by="bench", at=APPLIED_AT)
