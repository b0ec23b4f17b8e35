"""Messages that wait for a price, and the provider that is asked, in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.fakes.rows import Memory
from tollgate.domain.errors import NotFound
from tollgate.domain.price_waits import PriceWait, price_wait
from tollgate.stages.ports.ledger import MessageResource


@dataclass
class MemoryPriceWaits:
    """The port ``PriceWaits``: what was put off or given up holds for one version of the record."""

    memory: Memory

    def _waits(self) -> list[PriceWait]:
        found = []
        for (tenant, key), record in self.memory.records.items():
            wait = price_wait(tenant, record)
            version, due = self.memory.asked.get((tenant, key), (0, None))
            if wait is not None and version == record.version:
                wait = replace(wait, due=due) if due else None
            found += [wait] if wait else []
        return found

    def due(self, provider: str, *, now: datetime, most: int) -> list[PriceWait]:
        own = [wait for wait in self._waits() if wait.key.provider == provider and wait.due <= now]
        return sorted(own, key=lambda wait: (wait.due, wait.tenant, wait.key))[:most]

    def postpone(self, wait: PriceWait, *, due: datetime) -> None:
        self._set(wait, due)

    def give_up(self, wait: PriceWait) -> None:
        self._set(wait, None)

    def _set(self, wait: PriceWait, due: datetime | None) -> None:
        if wait in self._waits():
            self.memory.asked[wait.tenant, wait.key] = (self.memory.records[wait.tenant, wait.key].version, due)


@dataclass
class MemoryResources:
    """The port ``MessageResources``: what each message's resource says, or the error that reading it ends in."""

    known: Mapping[str, MessageResource | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, account: str, message: str) -> MessageResource:
        self.asked.append(message)
        found = self.known.get(message, NotFound("message", message))
        if isinstance(found, Exception):
            raise found
        return found
