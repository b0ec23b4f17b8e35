"""Preferences: who is told of usage and at which further shares; one write with all that follows, beside the meter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import D
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.test_meter_laws import counts_equal_the_ledger
from tests.stages.traffic import ACME, APPLIED, World, small, sms, world
from tests.stages.traffic import read as read_receipt
from tollgate.domain.errors import Conflict, Invalid, NotFound
from tollgate.domain.notices import Notice
from tollgate.domain.preferences import Change, Preferences
from tollgate.domain.usage import TermRow
from tollgate.stages import preferences
from tollgate.stages.meter import meter
from tollgate.stages.preferences import MAX_ATTEMPTS, MOST_CHANGES, Chosen, PreferencePorts

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
TERM = date(2026, 1, 15)
OPS = ("ops@acme.example",)


def ports(rows: World, faults: Faults | None = None) -> PreferencePorts:
    own, wrap = rows.rows, (faults or Faults()).wrap
    return PreferencePorts(
        contracts=wrap(own.contracts),
        ledger=wrap(own.ledger),
        notices=wrap(own.notices),
        preferences=wrap(own.preferences),
    )


def choose(rows: World, *addresses: str, faults: Faults | None = None, shares: Any = None, **changes: Any) -> Chosen:
    """Choose, as acme's customer does, over what is there."""
    given_: dict[str, Any] = {
        "version": rows.rows.preferences.of("acme").version,
        "by": "customer:acme",
        "now": NOW,
        "tenant": "acme",
        "ports": ports(rows, faults),
    } | changes
    return preferences.choose(given_.pop("tenant"), addresses=addresses, shares=shares or {}, **given_)


def ten(**changes: Any) -> World:
    """acme with ten SMS a term, warned at 80 %."""
    rows = world()
    allowance = {"measure": "messages", "included": 10, "warn_at": [80], "beyond": "suspend"}
    document = small("acme", ACME, approval={"by": "Jo", "document": "SO-1"})
    rows.apply(document | {"allowances": {**document["allowances"], "sms": allowance}} | changes)
    return rows


def use(rows: World, messages: int, *, start: int = 0) -> None:
    assert rows.meter(*(sms(message=f"s{n}") for n in range(start, start + messages))) == set()


def warned(rows: World) -> list[tuple[int | None, int, bool]]:
    """(line, use, whether it was asked for) of each usage notice."""
    notices = (notice for notice, _ in rows.memory.notices.values() if notice.meter)
    return sorted((notice.line, int(notice.used), notice.asked) for notice in notices)


def changes_told(rows: World) -> list[Notice]:
    return [notice for notice, _ in rows.memory.notices.values() if notice.change]


def test_a_choice_is_kept_with_who_made_it_and_told_to_those_of_before_and_after() -> None:
    """One notice for each; the same again writes nothing; the contract's own list is no choice."""
    rows = ten()
    first = choose(rows, "jo@acme.example", shares={"sms": "50"})
    assert first == Chosen(
        preferences=Preferences(recipients=("jo@acme.example",), shares={"sms": (50,)}, version=1),
        passed={},
        is_new=True,
    )
    assert rows.rows.preferences.of("acme") == first.preferences
    again = choose(rows, "jo@acme.example", shares={"sms": "50%", "whatsapp": ""}, version=0)
    assert again == replace(first, is_new=False)
    back = choose(rows, *OPS, now=NOW + timedelta(days=1))
    assert back.preferences == Preferences(version=2)
    one, other = changes_told(rows)
    assert (one.identity, other.identity) == ("2026-01-15#settings-changed#1", "2026-01-15#settings-changed#2")
    assert one.change == Change(
        recipients_before=OPS,
        recipients=("jo@acme.example",),
        shares_before={},
        shares={"sms": (50,)},
        passed={},
    )
    assert other.change is not None
    assert other.change.told == ("jo@acme.example", "ops@acme.example")
    said = [(one.by, one.action, one.note) for one in rows.rows.audit.entries("acme") if one.subject == "usage"]
    assert said == [
        ("customer:acme", "recipients", "jo@acme.example"),
        ("customer:acme", "shares", "sms 50%"),
        ("customer:acme", "recipients", "ops@acme.example"),
        ("customer:acme", "shares", ""),
    ]


def test_a_link_sends_no_end_of_mails() -> None:
    """Ten changes within a day; the same again is none, another tenant's count by themselves, and a day later it goes
    on."""
    rows = ten()
    for number in range(MOST_CHANGES):
        choose(rows, f"a{number}@x.example", now=NOW + timedelta(minutes=number))
    last = f"a{MOST_CHANGES - 1}@x.example"
    assert not choose(rows, last, now=NOW + timedelta(hours=1)).is_new
    with pytest.raises(Invalid, match="at most 10 changes within a day"):
        choose(rows, "more@x.example", now=NOW + timedelta(hours=1))
    assert len(changes_told(rows)) == MOST_CHANGES
    assert choose(rows, "b@x.example", tenant="beta", version=0).is_new
    assert choose(rows, "more@x.example", now=NOW + timedelta(days=1)).is_new


def test_a_choice_of_one_kind_has_one_entry() -> None:
    """What did not change is in no trail."""
    rows = ten()
    choose(rows, shares={"sms": "50"})
    choose(rows, "jo@acme.example", shares={"sms": "50"}, now=NOW + timedelta(days=1))
    assert [e.action for e in rows.rows.audit.entries("acme") if e.subject == "usage"] == ["shares", "recipients"]


def test_a_choice_over_one_that_was_not_seen_is_refused() -> None:
    """Two people with the same link do not undo each other."""
    rows = ten()
    choose(rows, "jo@acme.example")
    with pytest.raises(Conflict):
        choose(rows, "li@acme.example", version=0)
    assert rows.rows.preferences.of("acme").recipients == ("jo@acme.example",)


@pytest.mark.parametrize(
    ("addresses", "changes", "error"),
    [
        (["x"], {}, Invalid),
        ([], {"shares": {"sms": "0"}}, Invalid),
        ([], {"shares": {"mms": "50"}}, Invalid),  # of what has no limit
        (["a@b.example"], {"by": " "}, Invalid),
        (["a@b.example"], {"tenant": "no"}, NotFound),
    ],
)
def test_what_cannot_be_chosen_is_refused(
    addresses: list[str], changes: dict[str, Any], error: type[Exception]
) -> None:
    """And nothing is written."""
    rows = ten()
    with pytest.raises(error):
        choose(rows, *addresses, **changes)
    assert (rows.memory.preferences, rows.memory.notices) == ({}, {})


def test_all_that_is_wrong_is_named_at_once() -> None:
    """Addresses and shares."""
    with pytest.raises(Invalid) as error:
        choose(ten(), "x", shares={"sms": "0"})
    assert [problem.path for problem in error.value.problems] == ["", "sms"]


def test_a_share_warns_once_when_it_is_crossed() -> None:
    """Set before the term has a row, and while it runs; whatever is sent again; afresh in the next term."""
    rows = ten()
    choose(rows, shares={"sms": "20"})
    use(rows, 3)
    choose(rows, shares={"sms": "20, 50"}, now=NOW + timedelta(hours=1))
    use(rows, 3, start=3)
    use(rows, 6)
    assert warned(rows) == [(20, 2, True), (50, 5, True)]
    year = sms(message="t1", at=NOW.replace(year=2027)), sms(message="t2", at=NOW.replace(year=2027))
    rows.meter(*year)
    assert rows.notices()[-1] == "2027-01-15#sms#20"


def test_a_share_that_is_behind_is_marked_and_said_so() -> None:
    """No notice that something has just been crossed; the contract's warnings come all the same."""
    rows = ten()
    use(rows, 6)
    chosen = choose(rows, shares={"sms": "50, 70"})
    assert chosen.passed == {"sms": (50,)}
    [told] = changes_told(rows)
    assert told.change is not None
    assert told.change.passed == {"sms": (50,)}
    use(rows, 4, start=6)
    assert warned(rows) == [(70, 7, True), (80, 8, False), (100, 10, False)]


def test_a_term_that_is_over_keeps_the_shares_it_ended_with() -> None:
    """A late report of last year is not measured by what was chosen since."""
    rows = ten()
    choose(rows, shares={"sms": "20"})
    use(rows, 1)
    choose(rows, shares={"sms": "90"}, now=NOW.replace(year=2027))
    assert rows.memory.terms["acme", TERM].asked == {("sms", 20)}
    use(rows, 1, start=1)
    assert warned(rows) == [(20, 2, True)]


@pytest.mark.parametrize("share", [10, 30, 50])
@pytest.mark.parametrize("already", [0, 2])
def test_a_choice_between_the_meters_reading_and_its_commit_is_counted_in(already: int, share: int) -> None:
    """The commit meets a conflict, of a term's first row too, and is decided again: the share fires once, or had been
    passed before."""
    rows = ten()
    use(rows, already)
    ledger, chosen = rows.rows.ledger, [False]

    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

        def commit(self, *args: Any) -> None:
            if not chosen[0]:
                chosen[0] = True
                choose(rows, shares={"sms": str(share)})
            ledger.commit(*args)

    batch = [sms(message=f"s{n}") for n in range(already, already + 4)]
    interrupted = replace(rows.ports(), ledger=Interrupted())
    assert meter(batch, parse=read_receipt, ports=interrupted, now=NOW) == set()
    assert rows.counts["MeterConflicts"] == 1
    reached = share // 10
    expected = [(share, reached, True)] if already < reached <= already + 4 else []
    assert warned(rows) == expected
    assert counts_equal_the_ledger(rows)


@pytest.mark.parametrize("conflicts", [1, MAX_ATTEMPTS])
def test_a_meter_that_is_faster_is_read_again(conflicts: int) -> None:
    """What it has counted meanwhile decides which shares are passed; who loses every time is told so."""
    rows = ten()
    use(rows, 4)
    real = rows.rows.preferences
    sent = [4]

    class Beaten:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def save(self, *args: Any, **kwargs: Any) -> None:
            if sent[0] < 4 + conflicts:
                use(rows, 1, start=sent[0])
                sent[0] += 1
            real.save(*args, **kwargs)

    beaten = replace(ports(rows), preferences=Beaten())
    if conflicts == MAX_ATTEMPTS:
        with pytest.raises(Conflict):
            choose(rows, shares={"sms": "50"}, ports=beaten)
        assert rows.memory.preferences == {}
        return
    assert choose(rows, shares={"sms": "50"}, ports=beaten).passed == {"sms": (50,)}
    assert warned(rows) == []


def test_a_crash_anywhere_and_the_same_again_is_one_choice() -> None:
    """One notice, one version, one row of the term."""
    counted = Faults()
    rows = ten()
    use(rows, 6)
    choose(rows, "jo@acme.example", shares={"sms": "50, 70"}, faults=counted)
    assert len(counted.calls) >= 4
    for faults in every_fault(len(counted.calls)):
        rows = ten()
        use(rows, 6)
        with pytest.raises(Crash):
            choose(rows, "jo@acme.example", shares={"sms": "50, 70"}, faults=faults)
        choose(rows, "jo@acme.example", shares={"sms": "50, 70"}, version=0)
        assert rows.rows.preferences.of("acme").version == 1
        assert len(changes_told(rows)) == 1
        assert rows.memory.terms["acme", TERM].passed == {("sms", 50)}


def test_a_changed_limit_moves_the_customers_shares_too() -> None:
    """A raised one puts a share ahead again, which then fires under another name; a lowered one fires it at once."""
    rows = ten()
    choose(rows, shares={"sms": "50"})
    use(rows, 5)
    rows.apply(limited(20), at=NOW)
    use(rows, 5, start=5)
    assert warned(rows) == [(50, 5, True), (50, 10, True)]
    lower = ten()
    choose(lower, shares={"sms": "50"})
    use(lower, 4)
    lower.apply(limited(8), at=NOW)
    assert warned(lower) == [(50, 4, True)]


def limited(included: int) -> dict[str, Any]:
    document = small("acme", ACME, approval={"by": "Jo", "document": "SO-2"})
    allowance = {"measure": "messages", "included": included, "warn_at": [80], "beyond": "suspend"}
    return document | {"allowances": {**document["allowances"], "sms": allowance}}


def test_counting_asks_no_more_than_before_once_a_term_has_its_row() -> None:
    """The shares are in the row that is read anyway."""
    rows = ten()
    use(rows, 1)
    plain, chosen = Faults(), Faults()
    rows.meter(sms(message="a"), faults=plain)
    choose(rows, shares={"sms": "50"})
    rows.meter(sms(message="b"), faults=chosen)
    assert plain.calls == chosen.calls


@given(st.data())
def test_in_whatever_order_and_batches_messages_come_a_share_is_told_once(data: st.DataObject) -> None:
    """Messages repeated, shuffled and cut anywhere, choices in between: each share that a message reached while it was
    asked for has one notice, at its own count."""
    rows = ten()
    sent = data.draw(st.permutations([n % 9 for n in range(data.draw(st.integers(1, 16)))]))
    seen: set[int] = set()
    asked: frozenset[int] = frozenset()
    told: list[tuple[int, int, bool]] = []
    for number, batch in enumerate(_cut(data, sent)):
        if data.draw(st.booleans()):
            asked = data.draw(st.frozensets(st.sampled_from([10, 30, 50, 70]), max_size=3))
            choose(rows, shares={"sms": " ".join(map(str, asked))}, now=NOW + timedelta(minutes=number))
        for message in batch:
            before = len(seen)
            seen.add(message)
            told += [
                (line, len(seen), line in asked)
                for line in sorted({*asked, 80})
                if before * 10 < line <= len(seen) * 10
            ]
        assert rows.meter(*(sms(message=f"s{message}") for message in batch)) == set()
    assert warned(rows) == sorted(told)
    assert counts_equal_the_ledger(rows)


def _cut(data: st.DataObject, sent: list[int]) -> list[list[int]]:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent)), max_size=4)))
    return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True) if a < b]


def test_a_choice_before_the_contract_starts_holds_from_its_first_term() -> None:
    """Nothing has been counted, so nothing is passed."""
    rows = ten()
    choose(rows, shares={"sms": "10"}, now=APPLIED)
    use(rows, 1)
    assert warned(rows) == [(10, 1, True)]


def test_a_terms_first_row_needs_the_choices_it_was_read_with() -> None:
    """A row that says other shares than the customer's can never be written."""
    rows = ten()
    term = rows.rows.contracts.versions("acme")[0].term_on(TERM)
    read, _ = rows.rows.ledger.usage_rows("acme", {TERM: term}, [])
    choose(rows, shares={"sms": "50"})
    with pytest.raises(Conflict):
        rows.rows.ledger.save_term("acme", replace(read[TERM], version=1), notices=[], holds=[])
    again, _ = rows.rows.ledger.usage_rows("acme", {TERM: term}, [])
    assert again == {TERM: TermRow(term=term, asked=frozenset({("sms", 50)}))}
    rows.rows.ledger.save_term("acme", replace(again[TERM], version=1), notices=[], holds=[])
    assert rows.memory.terms["acme", TERM].of("sms").fees == D(0)
