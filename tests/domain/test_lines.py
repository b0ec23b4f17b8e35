"""Lines of an allowance: where they fire, what they write, and what happens to them when a limit changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.domain.examples import NOON, D, contract, sms, whatsapp
from tests.domain.tiny_meter import TinyMeter
from tollgate.domain.calendar import Term
from tollgate.domain.contract import Contract
from tollgate.domain.lines import crossings, lines_of, rearm, threshold
from tollgate.domain.notices import AUDIENCE, Hold, Notice
from tollgate.domain.usage import TermRow, Totals

TERM = Term(date(2026, 1, 15), date(2027, 1, 15))
APPROVED = {"by": "Jo Doe", "document": "SO-17"}


def limits(**allowances: Any) -> Contract:
    return contract(allowances=allowances)


def row(*, messages: int = 0, segments: int = 0, fees: str = "0", meter: str = "sms", **changes: Any) -> TermRow:
    return TermRow(term=TERM, meters={meter: Totals(messages, segments, D(fees))}, **changes)


def fired(version: Contract, totals: TermRow, meter: str) -> list[tuple[str, int | None, bool]]:
    """(kind, line, whether a hold opens) of each crossing."""
    found = crossings(totals, contract=version, meter=meter, at=NOON)
    return [(c.notice.kind, c.notice.line, c.hold is not None) for c in found]


WARNED, LIMIT, HELD = ("usage-warning", 75, False), ("limit-reached", 100, False), ("limit-reached", 100, True)


@pytest.mark.parametrize(
    ("messages", "crossed", "expected"),
    [
        (0, [], []),
        (37_499, [], []),
        (37_500, [], [WARNED]),  # the 37,500th SMS warns
        (37_501, [75], []),
        (49_999, [75], []),
        (50_000, [75], [HELD]),  # the 50,000th suspends
        (50_001, [75, 100], []),
        (50_000, [], [WARNED, HELD]),  # a jump over two lines
    ],
)
def test_sms_lines_fire_at_exactly_their_share(
    messages: int, crossed: list[int], expected: list[tuple[str, int, bool]]
) -> None:
    """Of 50,000 SMS a year: a warning at three quarters, suspension at the last."""
    totals = row(messages=messages, crossed=frozenset(("sms", line) for line in crossed))
    assert fired(contract(), totals, "sms") == expected


@pytest.mark.parametrize(
    ("fees", "expected"),
    [
        ("749.9999", []),
        ("750.00", [WARNED]),
        ("999.9999", [WARNED]),
        ("1000.00", [WARNED, LIMIT]),  # reached, though still free; billed, not suspended
    ],
)
def test_whatsapp_lines_fire_on_fees(fees: str, expected: list[tuple[str, int, bool]]) -> None:
    """Of USD 1,000 of fees: what is beyond is billed, so nothing is held."""
    assert fired(contract(), row(fees=fees, meter="whatsapp"), "whatsapp") == expected


@pytest.mark.parametrize(
    ("allowance", "lines"),
    [
        ({"measure": "messages", "included": 10, "warn_at": [50, 90], "beyond": "suspend"}, (50, 90, 100)),
        ({"measure": "messages", "included": 10, "warn_at": [], "beyond": "suspend"}, (100,)),
        ({"measure": "fees", "included": 0, "beyond": "bill"}, ()),  # nothing included: nothing to warn about
    ],
)
def test_an_allowance_has_its_warnings_and_its_end(allowance: dict[str, Any], lines: tuple[int, ...]) -> None:
    """The lines ascend, and the last is the whole of what is included."""
    assert lines_of(limits(sms=allowance).allowances["sms"]) == lines


def test_a_share_of_an_odd_allowance_is_exact() -> None:
    """75 % of ten segments is seven and a half: the eighth reaches it."""
    version = limits(sms={"measure": "segments", "included": 10, "beyond": "suspend"})
    assert threshold(version.allowances["sms"], 75) == D("7.5")
    assert fired(version, row(messages=3, segments=7), "sms") == []
    assert fired(version, row(messages=3, segments=8), "sms") == [WARNED]


def test_a_meter_without_an_allowance_has_no_lines() -> None:
    """Nothing was agreed, so nothing is warned of."""
    assert fired(contract(), row(messages=10**9, meter="mms"), "mms") == []


def test_a_crossing_tells_what_was_used_of_what() -> None:
    """The notice and hold of the 50,000th SMS, in full."""
    totals = row(messages=50_000, crossed=frozenset({("sms", 75)}))
    crossing = next(crossings(totals, contract=contract(), meter="sms", at=NOON))
    assert crossing.notice == Notice(
        tenant="acme",
        kind="limit-reached",
        term=TERM.start,
        at=NOON,
        meter="sms",
        line=100,
        used=D(50_000),
        included=D(50_000),
    )
    assert crossing.hold == Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=NOON)
    assert crossing.notice.identity == "2026-01-15#sms#100"
    assert crossing.hold.identity == "sms#limit#2026-01-15"
    assert AUDIENCE[crossing.notice.kind] == "usage"


def test_a_hold_is_lifted_once() -> None:
    """The first lifting stands, whatever is repeated."""
    hold = Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=NOON)
    lifted = hold.lifted(NOON + timedelta(hours=1))
    assert (hold.is_open, lifted.is_open) == (True, False)
    assert lifted.lifted(NOON + timedelta(hours=2)) == lifted


RAISED = {"measure": "messages", "included": 60_000, "beyond": "suspend"}


def test_a_raised_limit_lets_its_lines_fire_again_under_another_name() -> None:
    """What the new allowance puts out of reach may fire again; its notice and hold are new ones."""
    used_up = row(messages=50_000, crossed=frozenset({("sms", 75), ("sms", 100)}))
    raised = rearm(used_up, contract=limits(sms=RAISED), held={"sms"})
    assert (raised.crossed, raised.rearmed) == (frozenset({("sms", 75)}), frozenset({("sms", 100)}))  # 45,000 is passed
    assert fired(limits(sms=RAISED), raised, "sms") == []
    again = replace(raised, meters={"sms": Totals(60_000)})
    crossing = next(crossings(again, contract=limits(sms=RAISED), meter="sms", at=NOON))
    assert crossing.notice.identity == "2026-01-15#sms#100#60000"
    assert crossing.hold is not None
    assert crossing.hold.identity == "sms#limit#2026-01-15/60000"


def test_a_lowered_limit_rearms_nothing() -> None:
    """A line that is still reached stays fired: nobody is told the same thing twice."""
    used = row(messages=40_000, crossed=frozenset({("sms", 75)}))
    lowered = limits(sms={"measure": "messages", "included": 40_000, "beyond": "suspend"})
    assert rearm(used, contract=lowered, held={"sms"}) == used
    assert fired(lowered, used, "sms") == [HELD]


def test_a_line_that_suspends_from_now_on_fires_again_unless_it_holds_already() -> None:
    """What was billed beyond its limit and is suspended from now on is told, and held, once."""
    used = row(messages=50_000, crossed=frozenset({("sms", 75), ("sms", 100)}))
    assert rearm(used, contract=limits(), held={"sms"}) == used
    again = rearm(used, contract=limits(), held=())
    assert (again.crossed, again.rearmed) == (frozenset({("sms", 75)}), frozenset({("sms", 100)}))


def test_a_meter_whose_allowance_is_gone_keeps_its_lines_fired() -> None:
    """Taking an allowance away makes nothing fire again."""
    used = row(messages=40_000, crossed=frozenset({("sms", 75)}))
    assert rearm(used, contract=limits(sms=None), held=()) == used


SMALL: dict[str, dict[str, Any]] = {
    "sms": {"measure": "messages", "included": 4, "warn_at": [50, 75], "beyond": "suspend"},
    "whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"},
}


def test_each_line_fires_once_a_term_and_afresh_in_the_next() -> None:
    """Message after message: a notice at the second, the third and the fourth SMS, then silence until the new term."""
    rows = TinyMeter(versions=[limits(**SMALL)])
    lines = [
        [notice.line for notice in rows.receive(sms("TEXT_SENT", "0.01", message=f"s{n}")).notices] for n in range(6)
    ]
    assert lines == [[], [50], [75], [100], [], []]
    assert list(rows.holds) == ["sms#limit#2026-01-15"]
    next_year = NOON.replace(year=2027)
    later = [
        [notice.identity for notice in change.notices]
        for change in (
            rows.receive(sms("TEXT_SENT", "0.01", message=f"t{n}", at=next_year, requested_at=next_year))
            for n in range(3)
        )
    ]
    assert later == [[], ["2027-01-15#sms#50"], ["2027-01-15#sms#75"]]


def test_a_batch_tells_the_count_at_each_crossing() -> None:
    """However many messages a batch has, a notice tells the use at its own crossing."""
    rows = TinyMeter(versions=[limits(**SMALL)])
    change = rows.receive(*(sms("TEXT_SENT", "0.01", message=f"s{n}") for n in range(6)))
    assert [(notice.line, notice.used) for notice in change.notices] == [(50, D(2)), (75, D(3)), (100, D(4))]
    assert len(change.holds) == 1


def test_one_message_may_jump_over_two_lines() -> None:
    """A dear message crosses the warning and the limit at once: both notices, with the same use."""
    rows = TinyMeter(
        versions=[limits(**{**SMALL, "whatsapp": {"measure": "fees", "included": "0.02", "beyond": "bill"}})]
    )
    change = rows.receive(whatsapp("delivered", "regular/marketing"))
    assert [(n.kind, n.line, n.used) for n in change.notices] == [
        ("usage-warning", 75, D("0.0250")),
        ("limit-reached", 100, D("0.0250")),
    ]
    assert change.holds == ()


def test_a_fired_line_stays_fired_when_usage_falls_back() -> None:
    """A correction below a line takes no notice back, and reaching it again writes no second one."""
    rows = TinyMeter(
        versions=[limits(**{**SMALL, "whatsapp": {"measure": "fees", "included": "0.02", "beyond": "bill"}})]
    )
    rows.receive(whatsapp("sent", "regular/marketing"), whatsapp("delivered"))
    assert len(rows.notices) == 2
    rows.receive(whatsapp("read", "regular/utility", at=NOON + timedelta(minutes=1)))
    assert rows.terms[TERM.start].of("whatsapp").fees == D("0.0034")
    assert rows.receive(whatsapp("delivered", "regular/marketing", message="wamid.2")).notices == ()
    assert rows.terms[TERM.start].crossed == {("whatsapp", 75), ("whatsapp", 100)}


def test_a_limit_changed_within_a_term_holds_for_all_of_it() -> None:
    """Usage on a day before the change is measured by the limit that the term ends with."""
    raised = contract(
        **{"from": "2026-06-01"},
        approval=APPROVED,
        allowances={"sms": {**SMALL["sms"], "included": 8, "warn_at": [50]}},
    )
    rows = TinyMeter(versions=[limits(**SMALL), raised])
    change = rows.receive(*(sms("TEXT_SENT", "0.01", message=f"s{n}") for n in range(4)))
    assert [(notice.line, notice.included) for notice in change.notices] == [(50, D(8))]
