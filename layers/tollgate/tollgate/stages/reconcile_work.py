"""What a nightly comparison works on: a tenant on its way through the run, and what the run came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tollgate.domain.calendar import Period
from tollgate.domain.contract import Contract
from tollgate.domain.errors import TollgateError
from tollgate.domain.invoices import Invoice
from tollgate.domain.provider_bills import Used
from tollgate.domain.reconciliation import Difference, Reconciled
from tollgate.stages.provider_bills import Owned


@dataclass(slots=True)
class Report:
    """What a run came to: the tenants that were ``compared``; what ``differs``, in words, by cause; ``failed`` with
    what went wrong; and the tenants that there was no time for."""

    compared: list[str] = field(default_factory=list)
    differs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failed: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many tenants were compared, differences by cause, and how much is unfinished."""
        differing = {cause: len(words) for cause, words in self.differs.items()}
        return {"compared": len(self.compared), **differing, "failed": len(self.failed), "unread": len(self.unread)}

    def add(self, differences: Sequence[Difference]) -> None:
        """Name differences."""
        for one in differences:
            self.differs[one.cause].append(f"{one.tenant}: {one.words}")


@dataclass(slots=True, kw_only=True)
class Work:
    """A tenant on its way through a run; ``found`` has what was compared without failing, by kind."""

    tenant: str
    versions: Sequence[Contract]
    before: Reconciled
    invoices: Sequence[Invoice]
    periods: Sequence[Period]
    bills: list[Owned] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    found: dict[str, list[Difference]] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)


@contextmanager
def step(report: Report, tenant: str, what: str) -> Iterator[None]:
    """A part of a tenant's turn: what is known to go wrong in it is named, and the next part follows."""
    try:
        yield
    except TollgateError as error:
        report.failed.append(f"{tenant}: {what}: {error}")
