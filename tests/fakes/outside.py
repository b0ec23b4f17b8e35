"""The queues, the event bus, the mail service and the meter's function, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tollgate.domain.errors import NotFound, Refused
from tollgate.stages.ports.events import DomainEvent
from tollgate.stages.ports.mail import Mail
from tollgate.stages.ports.queues import QueueDepth
from tollgate.stages.ports.receipts import Receipt


@dataclass
class MemoryQueue:
    """The port ``ReceiptQueue``: receipts with their groups, in the order they came."""

    queued: list[tuple[str, Receipt]] = field(default_factory=list)

    def put(self, receipt: Receipt, *, group: str) -> None:
        self.queued.append((group, receipt))

    @property
    def receipts(self) -> list[Receipt]:
        return [receipt for _, receipt in self.queued]


@dataclass
class MemoryQueues:
    """The port ``Queues``: dead letters are moved at once, or ``by_itself``, when nobody knows how many."""

    known: list[QueueDepth] = field(default_factory=list)
    by_itself: bool = False

    def depths(self) -> list[QueueDepth]:
        return self.known

    def redrive(self, name: str, *, most: int) -> int | None:
        found = next((one for one in self.known if one.name == name and one.returnable), None)
        if found is None:
            raise NotFound("dead-letter queue", name)
        moved = min(found.waiting, most)
        self.known[self.known.index(found)] = replace(found, waiting=found.waiting - moved)
        return None if self.by_itself else moved


@dataclass
class MemoryRecounting:
    """The port ``Recounting``: the reasons for which it was asked."""

    begun: list[str] = field(default_factory=list)

    def begin(self, reason: str) -> None:
        self.begun.append(reason)


@dataclass
class MemoryBus:
    """The port ``Bus``: everything published, repeats included. Ids in ``refused`` are not accepted."""

    published: list[DomainEvent] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def publish(self, events: Sequence[DomainEvent]) -> list[str]:
        self.published += [event for event in events if event.id not in self.refused]
        return [event.id for event in events if event.id in self.refused]

    @property
    def by_id(self) -> dict[str, DomainEvent]:
        """What a consumer that drops repeats has seen."""
        return {event.id: event for event in self.published}


@dataclass
class MemoryMailer:
    """The port ``Mailer``: every mail sent. A mail for which ``refuses`` says true is Refused."""

    sent: list[Mail] = field(default_factory=list)
    refuses: Callable[[Mail], bool] = lambda _: False

    def send(self, mail: Mail) -> str:
        if self.refuses(mail):
            raise Refused(f"no mail to {', '.join(mail.to)}")
        self.sent.append(mail)
        return f"mail-{len(self.sent)}"
