"""What customers chose, under both stores: with the rows that follow from it, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.adapters.rows.samples import MAY, TERM, change, day_row, new, record, term_row, warning
from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict
from tollgate.domain.notices import Notice
from tollgate.domain.preferences import Change, Preferences
from tollgate.domain.usage import TermRow
from tollgate.stages.ports.accounts import AuditEntry

NOW = datetime(2026, 3, 10, tzinfo=UTC)
CHOSEN = Preferences(recipients=("a@x.example", "b@x.example"), shares={"sms": (50, 90), "whatsapp": (25,)})


def entry(tenant: str, *, by: str = "customer:x", note: str = "", at: datetime = NOW) -> AuditEntry:
    return AuditEntry(tenant=tenant, at=at, by=by, action="recipients", subject="usage", what="set", note=note)


def told(tenant: str, reference: str = "1") -> Notice:
    changed = Change(
        recipients_before=("ops@x.example",),
        recipients=CHOSEN.recipients,
        shares_before={},
        shares=CHOSEN.shares,
        passed={"sms": (50,)},
    )
    return replace(
        warning(tenant),
        kind="settings-changed",
        meter=None,
        line=None,
        included=None,
        change=changed,
        reference=reference,
    )


def save(
    rows: Rows,
    tenant: str,
    preferences: Preferences = CHOSEN,
    *,
    terms: Sequence[TermRow] = (),
    notices: Sequence[Notice] = (),
    entries: Sequence[AuditEntry] = (),
) -> None:
    rows.preferences.save(tenant, preferences, terms=terms, notices=notices, entries=entries)


def test_a_choice_is_read_as_it_was_written(processes: Callable[[], Rows], tenant: str) -> None:
    """By another process too, with its notice and the entries of the trail; before any choice there is none."""
    rows = processes()
    assert rows.preferences.of(tenant) == Preferences()
    save(rows, tenant, notices=[told(tenant)], entries=[entry(tenant, note="a@x.example")])
    assert processes().preferences.of(tenant) == replace(CHOSEN, version=1)
    later = entry(tenant, at=NOW + timedelta(seconds=1))
    save(rows, tenant, Preferences(version=1), entries=[later])
    assert processes().preferences.of(tenant) == Preferences(version=2)
    assert [(e.action, e.by, e.note) for e in processes().audit.entries(tenant)] == [
        ("recipients", "customer:x", "a@x.example"),
        ("recipients", "customer:x", ""),
    ]
    [(notice, mail)] = processes().notices.notices(tenant)
    assert (notice, mail.status) == (told(tenant), "queued")


@pytest.mark.parametrize("stale", ["preferences", "term", "notice"])
def test_a_choice_over_what_has_moved_is_refused_whole(rows: Rows, tenant: str, stale: str) -> None:
    """Neither the choice nor the term's row, the notice or the entry is written."""
    rows.ledger.commit(tenant, new(record("a", day=MAY)), change(term_row(), day_row(MAY)))
    save(rows, tenant, notices=[told(tenant)], entries=[entry(tenant)])
    asked = replace(term_row(version=2), asked=frozenset({("sms", 50)}), passed=frozenset({("sms", 50)}))
    with pytest.raises(Conflict):
        save(
            rows,
            tenant,
            Preferences(version=0 if stale == "preferences" else 1),
            terms=[replace(asked, version=3) if stale == "term" else asked],
            notices=[told(tenant, "1" if stale == "notice" else "2")],
            entries=[entry(tenant, by="customer:y", at=NOW + timedelta(seconds=1))],
        )
    assert rows.preferences.of(tenant) == replace(CHOSEN, version=1)
    assert rows.ledger.terms(tenant) == [term_row()]
    assert [notice.reference for notice, _ in rows.notices.notices(tenant)] == ["1"]
    assert [entry.by for entry in rows.audit.entries(tenant)] == ["customer:x"]
    save(rows, tenant, Preferences(version=1), terms=[asked], notices=[told(tenant, "2")])
    assert rows.ledger.terms(tenant) == [asked]


def test_a_new_terms_row_has_what_was_asked_for(processes: Callable[[], Rows], tenant: str) -> None:
    """It is read with the choices, and refused once those have moved; a row that is there rests on itself alone."""
    rows = processes()
    read, _ = rows.ledger.usage_rows(tenant, {TERM.start: TERM}, [])
    assert read == {TERM.start: TermRow(term=TERM)}
    save(rows, tenant)
    with pytest.raises(Conflict):
        rows.ledger.commit(tenant, new(record("a")), change(replace(read[TERM.start], version=1)))
    assert (rows.ledger.terms(tenant), rows.ledger.records(tenant, [record("a").key])) == ([], {})
    again, _ = processes().ledger.usage_rows(tenant, {TERM.start: TERM}, [])
    lines = {("sms", 50), ("sms", 90), ("whatsapp", 25)}
    assert again == {TERM.start: TermRow(term=TERM, asked=frozenset(lines))}
    written = replace(again[TERM.start], version=1)
    rows.ledger.commit(tenant, (), change(written))
    save(rows, tenant, Preferences(version=1))
    rows.ledger.commit(tenant, (), change(replace(written, version=2)))
    assert processes().ledger.terms(tenant) == [replace(written, version=2)]
