"""Lines that a customer asked for: they fire like the contract's, but not for what was behind them when they came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import NOON, D, contract, sms
from tests.domain.tiny_meter import TinyMeter
from tollgate.domain.calendar import Term
from tollgate.domain.contract import Contract
from tollgate.domain.lines import asking, crossings, lines_in, rearm
from tollgate.domain.usage import TermRow, Totals

TERM = Term(date(2026, 1, 15), date(2027, 1, 15))


def limits(included: int = 10, warn_at: tuple[int, ...] = (75,), **allowances: Any) -> Contract:
    rule = {"measure": "messages", "included": included, "warn_at": list(warn_at), "beyond": "suspend"}
    return contract(allowances={"sms": rule, **allowances})


def row(messages: int = 0, *asked: int, crossed: tuple[int, ...] = (), passed: tuple[int, ...] = ()) -> TermRow:
    def lines(shares: tuple[int, ...]) -> frozenset[tuple[str, int]]:
        return frozenset(("sms", share) for share in shares)

    return TermRow(
        term=TERM,
        meters={"sms": Totals(messages)},
        crossed=lines(crossed),
        asked=lines(asked),
        passed=lines(passed),
    )


def fired(version: Contract, totals: TermRow) -> list[tuple[int | None, bool]]:
    """(line, whether it was asked for) of each crossing."""
    found = crossings(totals, contract=version, meter="sms", at=NOON)
    return [(one.notice.line, one.notice.asked) for one in found]


def ask(totals: TermRow, *shares: int, version: Contract | None = None) -> TermRow:
    return asking(totals, contract=version or limits(), asked=[("sms", share) for share in shares])


def test_an_asked_line_fires_at_exactly_its_share_beside_the_contracts() -> None:
    """In order, and it says that it was asked for; one that the contract has too is the contract's."""
    assert fired(limits(), row(4, 50, 90)) == []
    assert fired(limits(), row(5, 50, 90)) == [(50, True)]
    assert fired(limits(), row(10, 50, 90)) == [(50, True), (75, False), (90, True), (100, False)]
    assert fired(limits(), row(8, 75)) == [(75, False)]


def test_an_asked_line_is_its_meters_alone() -> None:
    """And a meter without an allowance, or with nothing included, has none."""
    other = TermRow(term=TERM, meters={"sms": Totals(9), "mms": Totals(9)}, asked=frozenset({("mms", 50)}))
    assert fired(limits(), other) == [(75, False)]
    assert list(crossings(other, contract=limits(), meter="mms", at=NOON)) == []
    free = contract(allowances={"whatsapp": {"measure": "fees", "included": "0", "beyond": "bill"}})
    asked = replace(other, asked=frozenset({("whatsapp", 50)}))
    assert lines_in(asked, free.allowances["whatsapp"], "whatsapp") == ()


@pytest.mark.parametrize(
    ("used", "crossed", "passed"),
    [
        (4, (), ()),
        (5, (), (50,)),  # reached exactly: it is behind
        (9, (75,), (50, 90)),
        (9, (50, 75), (90,)),  # one that fired, was taken away and comes back has been told
    ],
)
def test_a_line_asked_for_too_late_is_passed(used: int, crossed: tuple[int, ...], passed: tuple[int, ...]) -> None:
    """It is not told as if it had just been crossed, now or with the next message."""
    after = ask(row(used, crossed=crossed), 50, 90)
    assert after.passed == {("sms", share) for share in passed}
    for more in (after, after.adding("sms", Totals(1))):
        assert not {line for line, _ in fired(limits(warn_at=()), more)} & set(passed)


def test_a_passed_line_never_takes_a_warning_of_the_contracts() -> None:
    """Whoever asks for 75 % at 80 % does not switch off a contract that warns there."""
    late = ask(row(8), 75, version=limits(warn_at=(90,)))
    assert fired(limits(warn_at=(90,)), late) == []
    assert fired(limits(warn_at=(75, 90)), late) == [(75, False)]


def test_a_line_that_stays_asked_for_stays_passed() -> None:
    """A correction below it and a second saving bring no warning; taking it away and asking anew below it does."""
    passed = ask(row(5), 50)
    corrected = passed.adding("sms", Totals(-1))
    again = ask(corrected, 50, 90)
    assert again.passed == {("sms", 50)}
    assert fired(limits(), again.adding("sms", Totals(1))) == []
    anew = ask(ask(corrected), 50)
    assert anew.passed == frozenset()
    assert fired(limits(), anew.adding("sms", Totals(1))) == [(50, True)]


def test_a_raised_limit_puts_a_passed_line_ahead_again() -> None:
    """Then it is crossed for the first time; one that is still behind stays passed, also without an allowance."""
    passed = row(8, 50, 70, passed=(50, 70))
    raised = rearm(passed, contract=limits(12), held=())
    assert raised.passed == {("sms", 50)}
    assert raised.rearmed == frozenset()
    assert fired(limits(12), raised.adding("sms", Totals(1))) == [(70, True), (75, False)]
    assert rearm(passed, contract=limits(sms=None), held=()).passed == passed.passed


@given(
    st.lists(
        st.one_of(
            st.integers(1, 3).map(lambda n: ("use", n)),
            st.frozensets(st.sampled_from([25, 50, 60, 75, 90]), max_size=4).map(lambda own: ("ask", own)),
        ),
        max_size=14,
    )
)
def test_however_choices_and_messages_mix_each_line_is_told_once_and_truly(steps: list[tuple[str, Any]]) -> None:
    """Against the naive reading: a share is told by the message that reaches it while it is asked for, once."""
    rows = TinyMeter(versions=[limits()])
    rows.terms[TERM.start] = TermRow(term=TERM)
    told: list[tuple[int, int]] = []
    asked: frozenset[int] = frozenset()
    used = sent = 0
    for what, given_ in steps:
        if what == "ask":
            asked = given_
            rows.terms[TERM.start] = ask(rows.terms[TERM.start], *asked)
            continue
        for _ in range(given_):
            used += 1
            share, before = used * 10, (used - 1) * 10
            told += [(line, used) for line in sorted({*asked, 75, 100}) if before < line <= share]
        rows.receive(*(sms("TEXT_SENT", "0.01", message=f"s{sent + n}") for n in range(given_)))
        sent += given_
    found = [(notice.line, int(notice.used)) for notice in rows.notices.values()]
    assert found == told
    assert all(notice.included == D(10) for notice in rows.notices.values())
