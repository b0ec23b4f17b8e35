"""The stand-in's state: immutable records in memory, written through to SQLite once per request.

Invariant: between `commit`s memory and file say the same; `rollback` puts back every record touched since then. A
record is a JSON object that is replaced, never edited. Records of a kind keep the order in which they were first put.
"""

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_SCHEMA = "CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, id))"


class Store:
    """Records by kind and id. Not thread-safe by itself: callers hold `lock`."""

    def __init__(self, state: Path | None = None) -> None:
        """`state` is the directory of the database file; None keeps everything in memory."""
        if state is not None:
            state.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        path = ":memory:" if state is None else str(state / "stripe_standin.sqlite3")
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A stand-in may lose its last moments when the machine dies, not when its process does.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_SCHEMA)
        self._records: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._before: dict[tuple[str, str], Record | None] = {}
        for kind, identity, body in self._database.execute("SELECT kind, id, body FROM records ORDER BY rowid"):
            self._records[kind][identity] = json.loads(body)

    def get(self, kind: str, identity: str) -> Record | None:
        return self._records[kind].get(identity)

    def put(self, kind: str, identity: str, record: Record) -> Record:
        self._before.setdefault((kind, identity), self._records[kind].get(identity))
        self._records[kind][identity] = record
        return record

    def delete(self, kind: str, identity: str) -> None:
        self._before.setdefault((kind, identity), self._records[kind].get(identity))
        self._records[kind].pop(identity, None)

    def all(self, kind: str) -> list[Record]:
        """Oldest first."""
        return list(self._records[kind].values())

    def newest_first(self, kind: str) -> Iterator[Record]:
        return reversed(self._records[kind].values())

    def oldest(self, kind: str) -> Record | None:
        return next(iter(self._records[kind].values()), None)

    def touched(self, kind: str) -> list[Record]:
        """Records of a kind put since the last commit."""
        records = self._records[kind]
        return [records[identity] for k, identity in self._before if k == kind and identity in records]

    def commit(self) -> None:
        if not self._before:
            return
        self._database.execute("BEGIN")
        for kind, identity in self._before:
            record = self._records[kind].get(identity)
            if record is None:
                self._database.execute("DELETE FROM records WHERE kind = ? AND id = ?", (kind, identity))
            else:
                self._database.execute(
                    "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                    (kind, identity, json.dumps(record, separators=(",", ":"))),
                )
        self._database.execute("COMMIT")
        self._before.clear()

    def rollback(self) -> None:
        for (kind, identity), record in self._before.items():
            if record is None:
                self._records[kind].pop(identity, None)
            else:
                # A deleted record comes back at the end of the order; no operation deletes and then fails.
                self._records[kind][identity] = record
        self._before.clear()

    def clear(self, *kinds: str) -> None:
        """Forgets all records of these kinds, in memory and on disk."""
        for kind in kinds:
            for identity in list(self._records[kind]):
                self.delete(kind, identity)
        self.commit()

    def close(self) -> None:
        self._database.close()
