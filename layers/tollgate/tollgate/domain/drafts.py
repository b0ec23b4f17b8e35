"""Drafts notice: what finance is told after a daily run that left drafts to review which nobody was told of.

Always true: a draft is news once for each of its revisions; what could not be read is neither news nor forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from tollgate.domain.money import ZERO
from tollgate.domain.review import Flag, Summary

PLATFORM: Final = "~platform"
"""Whose notice it is: no tenant's. No tenant's name begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftsNotice:
    """The drafts that wait, in numbers: by ``months`` (their first days), ``totals`` by currency, how many are
    ``clean`` and how many each flag is raised on (``flags``). ``news``: how many are new or revised since the notice
    before. ``told`` names each as ``tenant/period#revision``. Numbers count up from 1.
    """

    number: int
    at: datetime
    news: int
    months: Mapping[date, int]
    totals: Mapping[str, Decimal]
    clean: int
    flags: Mapping[str, int]
    told: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many drafts wait."""
        return sum(self.months.values())

    @property
    def identity(self) -> str:
        """Its name in keys, events and the references of mails."""
        return f"{self.number:08d}"


def name_of(draft: Summary) -> str:
    """A draft at its revision."""
    return f"{draft.tenant}/{draft.period.start}#{draft.revision}"


def news(drafts: Mapping[str, Sequence[Summary]], before: DraftsNotice | None) -> list[str]:
    """The drafts, by tenant, that the notice before did not tell of."""
    told = set(before.told) if before else set()
    return [name for own in drafts.values() for draft in own if (name := name_of(draft)) not in told]


def next_notice(
    drafts: Mapping[str, Sequence[Summary]],
    *,
    before: DraftsNotice | None,
    flags: Mapping[str, Sequence[Flag]],
    at: datetime,
) -> DraftsNotice:
    """The notice after ``before`` of all drafts that wait, by tenant: those of a tenant that is not in ``drafts`` could
    not be read, so that they stay told. ``flags``: of each draft by its name."""
    waiting = [draft for own in drafts.values() for draft in own]
    unread = [name for name in before.told if name.rpartition("/")[0] not in drafts] if before else []
    totals: dict[str, Decimal] = {}
    for draft in waiting:
        totals[draft.currency] = totals.get(draft.currency, ZERO) + draft.total
    return DraftsNotice(
        number=before.number + 1 if before else 1,
        at=at,
        news=len(news(drafts, before)),
        months=dict(sorted(Counter(draft.period.start.replace(day=1) for draft in waiting).items())),
        totals=dict(sorted(totals.items())),
        clean=sum(not flags[name_of(draft)] for draft in waiting),
        flags=dict(sorted(Counter(name for own in flags.values() for name in {flag.name for flag in own}).items())),
        told=tuple(sorted([*map(name_of, waiting), *unread])),
    )
