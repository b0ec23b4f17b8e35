"""The archive of receipts, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from hashlib import sha256

from tollgate.domain.errors import NotFound
from tollgate.domain.facts import MessageKey
from tollgate.stages.ports.archive import Kept, KeptReceipt, Said
from tollgate.stages.ports.receipts import Receipt


@dataclass
class MemoryArchive:
    """The port ``Archive``. Receipts whose ids are in ``missed`` are not kept."""

    kept: dict[MessageKey, dict[str, KeptReceipt]] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)

    def keep(self, receipts: Sequence[Said]) -> set[str]:
        for receipt, messages in receipts:
            if receipt.id not in self.missed:
                for message in messages:
                    one = _kept(receipt)
                    self.kept.setdefault(message, {})[one.kept.name] = one
        return {receipt.id for receipt, _ in receipts} & self.missed

    def receipts(self, message: MessageKey, *, most: int) -> list[Kept]:
        return [one.kept for _, one in sorted(self.kept.get(message, {}).items())][:most]

    def receipt(self, message: MessageKey, name: str) -> KeptReceipt:
        found = self.kept.get(message, {}).get(name)
        if found is None:
            raise NotFound("receipt", name)
        return found


def _kept(receipt: Receipt) -> KeptReceipt:
    at = receipt.received_at.astimezone(UTC)
    name = f"{at.isoformat()}/{receipt.provider}/{sha256(receipt.body).hexdigest()}"
    kept = Kept(name=name, provider=receipt.provider, received_at=at, size_bytes=len(receipt.body))
    return KeptReceipt(kept=kept, body=receipt.body, source=receipt.source)
