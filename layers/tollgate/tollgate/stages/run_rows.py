"""Run rows: what a run of a schedule did, as it is kept and as ops read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from tollgate.stages.ports.invoices import Run

MAX_NAMED: Final = 300
"""Of each action, in the row of a run: an item holds 400 KB."""


def run_row(schedule: str, done: Mapping[str, Sequence[str]], *, at: datetime) -> Run:
    """Of each action how often, and the first few by name."""
    return Run(
        schedule=schedule,
        at=at,
        counts={action: len(names) for action, names in done.items()},
        report={action: tuple(names[:MAX_NAMED]) for action, names in done.items() if names},
    )
