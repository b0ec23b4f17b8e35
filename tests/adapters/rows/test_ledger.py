"""LedgerRows, in memory and in the real tables."""

from copy import replace
from datetime import date, timedelta

import pytest

from tests.adapters.rows.samples import (
    MAY,
    TERM,
    change,
    day_row,
    digits,
    hold,
    key,
    new,
    record,
    term_row,
    text_message,
    usage,
    warning,
)
from tests.domain.examples import D
from tests.fakes.rows import Rows
from tollgate.domain.errors import Conflict
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.usage import DayRow, TermRow

NOTHING = UsageChange()


def everything(rows: Rows, tenant: str) -> tuple[object, ...]:
    """All that one tenant's commit could have touched."""
    found_terms, found_days = rows.ledger.usage_rows(tenant, {TERM.start: TERM}, [MAY])
    messages = [key(name) for name in ("a", "b", "c")]
    return (
        rows.ledger.records(tenant, messages),
        found_terms,
        found_days,
        rows.notices.notices(tenant),
        rows.holds.holds(tenant),
    )


def test_a_record_reads_back_as_it_was_written(rows: Rows, tenant: str) -> None:
    """Every attribute of a record survives, its times to the microsecond."""
    written = [record("a", day=MAY), record("b"), text_message()]
    rows.ledger.commit(tenant, new(*written), NOTHING)
    assert rows.ledger.records(tenant, [one.key for one in written]) == {one.key: one for one in written}


def test_records_that_do_not_exist_are_left_out(rows: Rows, tenant: str) -> None:
    """Asking for unknown messages, or for none, is no error."""
    rows.ledger.commit(tenant, new(record("a")), NOTHING)
    assert list(rows.ledger.records(tenant, [key("a"), key("nobody")])) == [key("a")]
    assert rows.ledger.records(tenant, []) == {}


def test_ids_that_look_like_keys_stay_apart(rows: Rows, tenant: str) -> None:
    """Separators and escapes inside an id never make two messages one, nor a group's participant another's message."""
    messages = [
        record("a#b"),
        record("a", participant="b"),
        record("a"),
        record("a%23b"),
        record("a%2523b"),
        record("a%25", participant="#"),
        record("a%", participant="25#"),
        record("a", participant="b%23"),
    ]
    written = [replace(one, usage=usage(MAY)) for one in messages]
    rows.ledger.commit(tenant, new(*written), NOTHING)
    assert rows.ledger.records(tenant, [one.key for one in written]) == {one.key: one for one in written}
    found = rows.ledger.month(tenant, MAY, date(2026, 6, 1))
    assert {one for one, _ in found} == {one.key for one in written}


def test_a_tenant_never_sees_anothers_records(rows: Rows, tenant: str) -> None:
    """The same message id of two tenants is two records, also where one tenant's name begins with the other's."""
    rows.ledger.commit(tenant, new(record("a", day=MAY)), change(term_row(), day_row(MAY), warning(tenant)))
    for other in (f"{tenant}-x", tenant[:-1]):
        assert rows.ledger.records(other, [key("a")]) == {}
        assert list(rows.ledger.month(other, MAY, date(2026, 6, 1))) == []
        assert (rows.ledger.terms(other), rows.ledger.days(other, MAY, date(2026, 6, 1))) == ([], [])
        assert rows.notices.notices(other) == []


def test_more_keys_than_one_call_takes_are_read(rows: Rows, tenant: str) -> None:
    """More than 100 records are read whole, each once however often it is asked for."""
    written = [record(f"m{number:03}") for number in range(230)]
    for start in range(0, 230, 100):
        rows.ledger.commit(tenant, new(*written[start : start + 100]), NOTHING)
    asked = [one.key for one in written] + [written[0].key, key("nobody")]
    assert rows.ledger.records(tenant, asked) == {one.key: one for one in written}


def test_usage_rows_that_were_never_written_are_empty_at_version_0(rows: Rows, tenant: str) -> None:
    """What is not there yet reads as an empty row, which can be written at version 1."""
    terms, days = rows.ledger.usage_rows(tenant, {TERM.start: TERM}, [MAY])
    assert terms == {TERM.start: TermRow(term=TERM)}
    assert days == {MAY: DayRow(day=MAY)}


def test_usage_rows_keep_exact_totals(rows: Rows, tenant: str) -> None:
    """Totals are exact decimals, a cell below zero and lines crossed among them."""
    day = day_row(MAY, -3, "-0.12345678901234567890123456")
    term = replace(
        term_row(123_456_789, "98765.000000000001"),
        crossed=frozenset({("sms", 75), ("whatsapp", 100)}),
        rearmed=frozenset({("sms", 75)}),
    )
    rows.ledger.commit(tenant, (), change(term, day))
    assert rows.ledger.usage_rows(tenant, {TERM.start: TERM}, [MAY]) == ({TERM.start: term}, {MAY: day})


@pytest.mark.parametrize("stale", ["record", "new record", "term", "day", "notice", "hold"])
def test_one_row_that_moved_stops_the_whole_commit(rows: Rows, tenant: str, stale: str) -> None:
    """A commit is all or nothing: each condition alone keeps every other row as it was."""
    first = record("a", day=MAY)
    rows.ledger.commit(
        tenant, new(first), change(term_row(), day_row(MAY), warning(tenant), hold(tenant, scope="whatsapp"))
    )
    before = everything(rows, tenant)
    moved = replace(first, version=3, number="1") if stale == "record" else replace(first, version=2, number="1")
    changes = [RecordChange(replace(moved, version=moved.version - 1), moved), *new(record("b", day=MAY))]
    if stale == "new record":
        changes = new(record("c"), first)
    parts: list[TermRow | DayRow | Notice | Hold] = [
        term_row(2, "0.05", version=3 if stale == "term" else 2),
        day_row(MAY, 2, "0.05", version=3 if stale == "day" else 2),
        warning(tenant, line=75 if stale == "notice" else 100),
        hold(tenant, scope="whatsapp" if stale == "hold" else "sms"),
    ]
    with pytest.raises(Conflict):
        rows.ledger.commit(tenant, changes, change(*parts))
    assert everything(rows, tenant) == before


@pytest.mark.parametrize("row", [term_row(), day_row(MAY)])
def test_a_row_of_usage_is_new_only_once(rows: Rows, tenant: str, row: TermRow | DayRow) -> None:
    """Two writers that both read an empty row cannot both write it."""
    rows.ledger.commit(tenant, (), change(row))
    with pytest.raises(Conflict):
        rows.ledger.commit(tenant, (), change(row))


def test_a_commit_of_everything_is_read_back_whole(rows: Rows, tenant: str) -> None:
    """Records, totals, notice and hold of one commit are all there, the notice's mail queued and the hold open."""
    written = record("a", day=MAY)
    notice, held = warning(tenant), hold(tenant)
    rows.ledger.commit(tenant, new(written), change(term_row(), day_row(MAY), notice, held))
    assert rows.ledger.records(tenant, [written.key]) == {written.key: written}
    [(told, mail)] = rows.notices.notices(tenant)
    assert (told, mail.status, mail.to) == (notice, "queued", ())
    assert rows.holds.holds(tenant) == [replace(held, version=1)]


def test_a_full_transaction_commits_and_one_more_row_is_refused(rows: Rows, tenant: str) -> None:
    """A hundred rows go in one commit, a new term's with the choices that it rests on; a hundred and one are the
    caller's fault, and nothing is written."""
    with pytest.raises(ValueError, match="transaction"):
        rows.ledger.commit(tenant, new(*(record(f"m{n}") for n in range(98))), change(term_row(), day_row(MAY)))
    rows.ledger.commit(tenant, new(*(record(f"m{n}") for n in range(97))), change(term_row(), day_row(MAY)))
    more = new(*(record(f"n{n}") for n in range(100)))
    with pytest.raises(ValueError, match="transaction"):
        rows.ledger.commit(tenant, more, change(term_row(2, "1", version=2)))
    assert rows.ledger.records(tenant, [key("n0")]) == {}


def test_a_commit_of_nothing_writes_nothing(rows: Rows, tenant: str) -> None:
    """An empty commit is no error."""
    rows.ledger.commit(tenant, (), NOTHING)
    assert rows.ledger.terms(tenant) == []


@pytest.mark.parametrize(
    ("first", "end", "days"),
    [
        ("2026-05-01", "2026-06-01", [1, 2, 9, 10, 30, 31]),
        ("2026-05-02", "2026-05-10", [2, 9]),
        ("2026-05-10", "2026-05-11", [10]),
        ("2026-05-31", "2026-06-01", [31]),
        ("2026-05-03", "2026-05-09", []),
        ("2026-05-10", "2026-05-10", []),
        ("2026-06-01", "2026-07-01", [1]),
    ],
)
def test_a_months_usage_is_half_open(rows: Rows, tenant: str, first: str, end: str, days: list[int]) -> None:
    """The first day is in and the end is not, for records as for day rows; other months' usage stays out."""
    on = [date(2026, 5, day) for day in (1, 2, 9, 10, 30, 31)]
    on += [date(2026, 4, 30), date(2026, 6, 1), date(2025, 5, 10)]
    rows.ledger.commit(tenant, new(*(record(f"m{day}", day=day) for day in on)), change(*map(day_row, on)))
    rows.ledger.commit(tenant, new(record("no-usage")), NOTHING)
    span = (date.fromisoformat(first), date.fromisoformat(end))
    assert sorted(one.day.day for _, one in rows.ledger.month(tenant, *span)) == days
    assert [row.day.day for row in rows.ledger.days(tenant, *span)] == days


def test_the_whole_records_of_a_month_come_with_their_usage(rows: Rows, tenant: str) -> None:
    """Half-open in days, of this tenant alone, as they were written; what has no usage is none of them."""
    written = [record("a", day=MAY), record("b", day=date(2026, 5, 2)), record("c", day=date(2026, 5, 31)), record("d")]
    changes = [RecordChange(before=replace(one, version=0), after=one) for one in written]
    rows.ledger.commit(tenant, changes, UsageChange(terms={}, days={}))
    assert sorted(rows.ledger.counted(tenant, MAY, date(2026, 5, 31)), key=lambda one: one.key) == written[:2]
    assert len(list(rows.ledger.counted(tenant, MAY, date(2026, 6, 1)))) == 3
    assert list(rows.ledger.counted(tenant, MAY, MAY)) == []
    assert list(rows.ledger.counted(f"{tenant}-x", MAY, date(2026, 6, 1))) == []


def test_day_rows_span_months_in_order(rows: Rows, tenant: str) -> None:
    """A whole term's days come in order, each as it was written."""
    days = [day_row(MAY + timedelta(days=33 * n), n + 1) for n in range(8)]
    rows.ledger.commit(tenant, (), change(*reversed(days)))
    assert rows.ledger.days(tenant, TERM.start, TERM.end) == days


def test_usage_that_moves_or_goes_leaves_no_trace_where_it_was(rows: Rows, tenant: str) -> None:
    """A record that moves to another day or month is found there only; one that loses its usage is found nowhere."""
    june = date(2026, 6, 1)
    first, moved = record("a", day=MAY), record("a", day=june, version=2)
    gone = record("a", version=3)
    rows.ledger.commit(tenant, new(first), NOTHING)
    rows.ledger.commit(tenant, [RecordChange(first, moved)], NOTHING)
    assert list(rows.ledger.month(tenant, MAY, june)) == []
    assert list(rows.ledger.month(tenant, june, date(2026, 7, 1))) == [(key("a"), moved.usage)]
    rows.ledger.commit(tenant, [RecordChange(moved, gone)], NOTHING)
    assert list(rows.ledger.month(tenant, june, date(2026, 7, 1))) == []
    assert rows.ledger.records(tenant, [key("a")]) == {key("a"): gone}


def test_terms_come_oldest_first(rows: Rows, tenant: str) -> None:
    """Every term of a tenant is there, in order."""
    earlier = replace(term_row(), term=type(TERM)(date(2025, 1, 15), date(2026, 1, 15)))
    rows.ledger.commit(tenant, (), change(term_row(), earlier))
    assert rows.ledger.terms(tenant) == [earlier, term_row()]


def test_save_term_is_all_or_nothing(rows: Rows, tenant: str) -> None:
    """A term that moved, or a notice or hold that is there, stops the term, the notices and the holds."""
    rows.ledger.save_term(tenant, term_row(), notices=[warning(tenant)], holds=[hold(tenant)])
    again = term_row(2, "1", version=2)
    for stale in (
        {"row": term_row(2, "1", version=3), "notices": [warning(tenant, line=100)], "holds": []},
        {"row": again, "notices": [warning(tenant, line=100), warning(tenant)], "holds": []},
        {"row": again, "notices": [warning(tenant, line=100)], "holds": [hold(tenant)]},
    ):
        with pytest.raises(Conflict):
            rows.ledger.save_term(tenant, **stale)  # type: ignore[arg-type]  # a table of keyword arguments
    assert rows.ledger.terms(tenant) == [term_row()]
    assert [notice.line for notice, _ in rows.notices.notices(tenant)] == [75]


def test_amounts_of_a_notice_keep_their_zeros(rows: Rows, tenant: str) -> None:
    """A notice's amounts are read as they are written, zeros and all: mails and identities show them."""
    told = replace(warning(tenant), rearmed=True, used=D("75000.00"), included=D("1E+5"))
    rows.ledger.commit(tenant, (), change(told))
    [(read, _)] = rows.notices.notices(tenant)
    assert [digits(one or D(0)) for one in (read.used, read.included)] == ["75000.00", "1E+5"]
    assert read.identity == told.identity
    assert rows.notices.notice(tenant, told.identity)[0] == told
