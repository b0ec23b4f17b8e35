"""The platform's events, in memory, under the same contract suite as the real rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from tollgate.domain.errors import Conflict
from tollgate.stages.ports.events import Claim, EventKey, KeptEvent


@dataclass
class MemoryEvents:
    """The port ``EventRows``."""

    claimed: dict[EventKey, Claim] = field(default_factory=dict)
    billed: dict[EventKey, KeptEvent] = field(default_factory=dict)

    def claims(self, keys: Collection[EventKey]) -> dict[EventKey, Claim]:
        return {key: self.claimed[key] for key in keys if key in self.claimed}

    def claim(self, claims: Sequence[tuple[Claim, KeptEvent | None]]) -> None:
        if any(claim.key in self.claimed for claim, _ in claims):
            raise Conflict("an event is claimed already")
        self.claimed |= {claim.key: claim for claim, _ in claims}
        self.billed |= {kept.key: kept for _, kept in claims if kept}

    def kept(self, provider: str, first: date, end: date) -> list[KeptEvent]:
        of_it = [one for one in self.billed.values() if one.provider == provider and first <= one.start.date() < end]
        return sorted(of_it, key=lambda one: (one.start.date(), one.account, one.key))
