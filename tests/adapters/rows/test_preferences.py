"""What customers chose, under both stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict
from tollgate.domain.preferences import Preferences

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def test_a_choice_is_read_as_it_was_written(processes: Callable[[], Rows]) -> None:
    """By another process too, with an entry of the trail; before any choice there is none."""
    rows = processes()
    tenant = "preferring"
    assert rows.preferences.of(tenant) == Preferences()
    rows.preferences.save(tenant, Preferences(recipients=("a@x.example", "b@x.example")), by="customer:x", at=NOW)
    assert processes().preferences.of(tenant) == Preferences(recipients=("a@x.example", "b@x.example"), version=1)
    rows.preferences.save(tenant, Preferences(version=1), by="customer:x", at=NOW + timedelta(seconds=1))
    assert processes().preferences.of(tenant) == Preferences(version=2)
    entries = processes().audit.entries(tenant)
    assert [(e.action, e.by, e.note) for e in entries] == [
        ("recipients", "customer:x", "a@x.example, b@x.example"),
        ("recipients", "customer:x", ""),
    ]


def test_a_choice_over_another_is_refused(processes: Callable[[], Rows]) -> None:
    """Nothing of it is written, nor its entry."""
    rows = processes()
    tenant = "preferring-twice"
    rows.preferences.save(tenant, Preferences(recipients=("a@x.example",)), by="customer:x", at=NOW)
    with pytest.raises(Conflict):
        rows.preferences.save(tenant, Preferences(), by="customer:y", at=NOW + timedelta(seconds=1))
    assert rows.preferences.of(tenant).recipients == ("a@x.example",)
    assert [entry.by for entry in rows.audit.entries(tenant)] == ["customer:x"]
