"""RunRows: what each run of a schedule did, kept for a year and a bit."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tollgate.adapters.dynamodb import codec, keys
from tollgate.adapters.dynamodb.store import Store
from tollgate.stages.ports.invoices import Run

KEPT: Final = timedelta(days=400)


class DynamoRuns:
    """The port ``RunRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, run: Run) -> None:
        key = keys.run(run.schedule, run.at)
        expires_at = int((run.at + KEPT).timestamp())
        self._store.put(self._store.accounts, {**key._asdict(), "expires_at": expires_at, "run": codec.RUN.json(run)})

    def last(self, schedule: str, count: int = 1) -> list[Run]:
        items = self._store.latest(self._store.accounts, keys.runs(schedule), count=count)
        return [codec.RUN.read_json(item["run"]) for item in items]
