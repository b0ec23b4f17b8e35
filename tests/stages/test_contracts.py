"""Applying contracts: whole or not at all, again and again, and what changed limits and moved senders come to."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.domain.examples import D
from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.traffic import ACME, APPLIED, BETA, NOBODYS, NOON, World, meta, read, small, sms, status, world
from tollgate.domain.calendar import instant
from tollgate.domain.errors import Conflict, Invalid
from tollgate.domain.facts import Fact
from tollgate.domain.metering import Quarantined, route
from tollgate.stages import contracts
from tollgate.stages.contracts import MAX_ATTEMPTS
from tollgate.stages.meter import meter

APPROVED = {"by": "Jo Doe", "document": "SO-17"}
LATER = datetime(2026, 6, 1, 9, tzinfo=UTC)


def sms_limit(included: int, **changes: Any) -> dict[str, Any]:
    """acme's contract with another SMS limit, approved."""
    document = deepcopy(small("acme", ACME, approval=APPROVED))
    document["allowances"]["sms"] = {"measure": "messages", "included": included, "warn_at": [50], "beyond": "suspend"}
    return document | changes


def with_senders(tenant: str, *senders: dict[str, Any], **changes: Any) -> dict[str, Any]:
    rules = [{"provider": "meta", **sender} for sender in senders] or [{"provider": "aws-sms", "account": tenant}]
    return small(tenant, "unused", senders=rules, **changes)


def owner(rows: World, day: str, *, account: str = "waba", number: str = "") -> str:
    """Whose a message at noon UTC of a day is, or why it is nobody's."""
    fact = Fact(
        provider="meta",
        account=account,
        number=number,
        meter="whatsapp",
        message="m",
        status="sent",
        at=datetime.fromisoformat(f"{day}T12:00:00+00:00"),
    )
    routed = route(fact, rows.rows.contracts.senders({("meta", account)}))
    return routed.reason if isinstance(routed, Quarantined) else routed.tenant


def used(rows: World, messages: int, *, start: int = 0) -> None:
    rows.meter(*(sms(message=f"s{n}") for n in range(start, start + messages)))


def open_holds(rows: World) -> list[str]:
    return [hold.identity for hold in rows.memory.holds.values() if hold.is_open]


# -- whole or not at all


def test_nothing_of_any_file_is_applied_when_one_is_bad() -> None:
    """Every problem of every file is named by its path, and no row is written."""
    rows = world()
    before = deepcopy(rows.memory)
    good = small("delta", NOBODYS)
    bad = small("epsilon", "e", currency="DOGE", payment={"days_until_due": -1})
    taken = small("zeta", BETA)
    changed = small("acme", ACME, timezone="UTC")
    with pytest.raises(Invalid) as refused:
        rows.apply(good, bad, taken, changed)
    assert sorted(problem.path for problem in refused.value.problems) == [
        "f1: currency",
        "f1: payment.days_until_due",
        "f2: senders.0",
        "f3: timezone",
    ]
    assert rows.memory == before


@pytest.mark.parametrize(
    ("documents", "paths"),
    [
        ([small("delta", "d"), small("delta", "d")], ["f1"]),  # two of one tenant and day
        ([small("delta", "d"), small("epsilon", "d")], ["f1: senders.0"]),
        (
            [
                with_senders("delta", {"account": "d", "from": "2026-08-01"}),
                with_senders("epsilon", {"account": "d", "from": "2026-08-01"}),
            ],
            ["f1: senders.0"],
        ),
        # the second version is judged against the first of the same call, in whichever order they are named
        ([small("delta", "d"), {**small("delta", "d", currency="EUR"), "from": "2026-06-01"}], ["f1: currency"]),
        (
            [{**sms_limit(9), "tenant": "delta", "approval": None, "from": "2026-06-01"}, small("delta", "d")],
            ["f0: approval"],
        ),
        (["not a mapping"], ["f0"]),
    ],
)
def test_files_that_contradict_each_other_are_refused(documents: list[Any], paths: list[str]) -> None:
    """Two tenants with one account from the same day, two contracts of one day, a change nobody approved."""
    rows = world()
    before = deepcopy(rows.memory)
    with pytest.raises(Invalid) as refused:
        rows.apply(*documents)
    assert set(paths) <= {problem.path for problem in refused.value.problems}
    assert rows.memory == before


def test_the_same_files_again_change_nothing_but_the_audit_trail() -> None:
    """Rows and versions as they were; who applied it when is remembered."""
    rows = world()
    used(rows, 5)
    before = deepcopy(rows.memory)
    rows.apply(small("acme", ACME), at=LATER)
    assert rows.memory.audit[:-1] == before.audit
    assert rows.memory.audit[-1]["by"] == "jo"
    rows.memory.audit = before.audit
    assert rows.memory == before


def test_what_a_contract_assigns_holds_from_the_terms_start_in_its_time_zone() -> None:
    """Midnight of Chicago, on the card named like the provider."""
    rows = world()
    (held,) = rows.memory.assignments["meta", ACME]
    assert (held.tenant, held.since, held.card) == ("acme", datetime(2026, 1, 15, 6, tzinfo=UTC), "meta")


# -- limits


class Interrupted:
    """A ledger during whose ``at``-th call of ``name``, or right before it, a contract is applied."""

    def __init__(self, rows: World, name: str, document: dict[str, Any]) -> None:
        self._rows, self._name, self._document = rows, name, document

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._rows.rows.ledger, name)

        def interrupted(*args: Any, **kwargs: Any) -> Any:
            if name == self._name:
                self._name = ""
                self._rows.apply(self._document, at=LATER)
            return call(*args, **kwargs)

        return interrupted


@pytest.mark.parametrize("step", ["records", "usage_rows", "commit"])
def test_a_batch_under_way_holds_nobody_by_a_limit_that_was_raised_meanwhile(step: str) -> None:
    """Whenever between its first reading and its commit: the fourth of now eight SMS is counted and holds nothing."""
    rows = world()
    used(rows, 3)
    told = rows.notices()
    ports = replace(rows.ports(), ledger=Interrupted(rows, step, sms_limit(8)))
    assert meter([sms(message="fourth")], parse=read, ports=ports, now=NOON) == set()
    assert (rows.used("sms")[0], open_holds(rows)) == (4, [])
    assert set(rows.notices()) - set(told) == {"2026-01-15#sms#50#8"}


def test_a_batch_under_way_misses_no_line_of_a_limit_that_was_lowered_meanwhile() -> None:
    """The third SMS reaches the limit of three that came in while it was counted."""
    rows = world()
    used(rows, 2)
    ports = replace(rows.ports(), ledger=Interrupted(rows, "commit", sms_limit(3)))
    assert meter([sms(message="third")], parse=read, ports=ports, now=NOON) == set()
    assert open_holds(rows) == ["sms#limit#2026-01-15"]


def test_a_raised_limit_lifts_the_hold_and_its_lines_fire_again_once() -> None:
    """From four to eight SMS: the hold goes at once, the eighth message brings a new notice and a new hold."""
    rows = world()
    used(rows, 4)
    assert open_holds(rows) == ["sms#limit#2026-01-15"]
    rows.apply(sms_limit(8), at=LATER)
    assert open_holds(rows) == []
    assert rows.memory.holds["acme", "sms#limit#2026-01-15"].lifted_at == LATER
    told = set(rows.notices())
    used(rows, 6, start=4)
    assert set(rows.notices()) - told == {"2026-01-15#sms#100#8"}
    assert open_holds(rows) == ["sms#limit#2026-01-15/8"]


def test_a_limit_that_is_raised_but_still_reached_keeps_its_hold() -> None:
    """Nobody is told the same thing twice."""
    rows = world()
    used(rows, 6)
    told = rows.notices()
    rows.apply(sms_limit(5), at=LATER)
    assert (rows.notices(), open_holds(rows)) == (told, ["sms#limit#2026-01-15"])


def test_a_lowered_limit_fires_the_lines_it_puts_behind_the_usage() -> None:
    """At once, with the time of the change, and not again by the next message."""
    rows = world()
    used(rows, 3)
    rows.apply(sms_limit(3), at=LATER)
    notice, _ = rows.memory.notices["acme", "2026-01-15#sms#100"]
    assert (notice.at, notice.used, notice.included) == (LATER, D(3), D(3))
    assert open_holds(rows) == ["sms#limit#2026-01-15"]
    told = rows.notices()
    used(rows, 1, start=3)
    assert rows.notices() == told


def test_a_limit_may_go_up_and_down_to_what_it_was_any_number_of_times() -> None:
    """Each time it is reached anew there is one notice and one hold of its own, and metering goes on."""
    rows = world()
    used(rows, 4)
    for change in range(3):
        rows.apply(sms_limit(8), at=LATER)
        assert open_holds(rows) == []
        rows.apply(sms_limit(4), at=LATER)
        assert len(open_holds(rows)) == 1
        assert rows.meter(sms(message=f"t{change}")) == set()
    assert rows.used("sms")[0] == 7
    identities = [identity for identity in rows.notices() if "#sms#100" in identity]
    assert identities == [
        "2026-01-15#sms#100",
        "2026-01-15#sms#100#4",
        "2026-01-15#sms#100#4#2",
        "2026-01-15#sms#100#4#3",
    ]
    assert len(rows.memory.holds) == 4


def test_a_limit_that_does_not_suspend_any_more_lifts_its_hold() -> None:
    """The allowance is gone, and with it the reason."""
    rows = world()
    used(rows, 4)
    rows.apply(small("acme", ACME, approval=APPROVED, allowances={"sms": None}), at=LATER)
    assert open_holds(rows) == []


def test_a_limit_that_is_billed_from_now_on_lifts_its_hold() -> None:
    """From ``suspend`` to ``bill`` at the same amount: nothing suspends any more."""
    rows = world()
    fees = {"measure": "fees", "included": "0.02", "warn_at": []}
    for beyond in ("suspend", "bill"):
        rows.apply(small("acme", ACME, approval=APPROVED, allowances={"whatsapp": {**fees, "beyond": beyond}}))
        rows.meter(meta(status("delivered", "regular/marketing")))
        assert open_holds(rows) == (["whatsapp#limit#2026-01-15"] if beyond == "suspend" else [])


def fees_limit(beyond: str, *, included: str = "0.02") -> dict[str, Any]:
    limit = {"measure": "fees", "included": included, "warn_at": [], "beyond": beyond}
    return small("acme", ACME, approval=APPROVED, allowances={"whatsapp": limit})


def test_a_limit_that_suspends_from_now_on_holds_what_has_reached_it() -> None:
    """From ``bill`` to ``suspend`` after its line fired: one hold, and a notice that says what is new."""
    rows = world()
    rows.apply(fees_limit("bill"))
    rows.meter(meta(status("delivered", "regular/marketing")))
    assert (rows.notices(), open_holds(rows)) == (["2026-01-15#whatsapp#100"], [])
    for change in range(1, 3):
        for _ in range(2):
            rows.apply(fees_limit("suspend"), at=LATER)
            assert len(open_holds(rows)) == 1
        assert len(rows.notices()) == 1 + change
        rows.apply(fees_limit("bill"), at=LATER)
        assert open_holds(rows) == []


def test_a_limit_that_suspends_from_now_on_and_is_not_reached_holds_nothing() -> None:
    """The line that fired under the old limit may fire again, once it is reached."""
    rows = world()
    rows.apply(fees_limit("bill"))
    rows.meter(meta(status("delivered", "regular/marketing")))
    rows.apply(fees_limit("suspend", included="0.06"), at=LATER)
    assert open_holds(rows) == []
    rows.meter(*(meta(status("delivered", "regular/marketing", message=f"w{n}")) for n in range(2)))
    assert len(open_holds(rows)) == 1


def test_a_term_that_has_ended_is_suspended_no_more() -> None:
    """Its hold ended with it; that the same contract is applied again opens none."""
    rows = world()
    used(rows, 4)
    hold = rows.memory.holds["acme", "sms#limit#2026-01-15"]
    rows.rows.holds.lift(hold, at=instant(date(2027, 1, 15), "America/Chicago"))
    before = rows.snapshot()
    rows.apply(sms_limit(4), at=instant(date(2027, 1, 15), "America/Chicago"))
    assert rows.snapshot() == before


def test_a_change_within_a_term_leaves_the_terms_before_alone() -> None:
    """A limit raised from the second year on gives the first year nothing back."""
    rows = world()
    used(rows, 4)
    rows.apply({**sms_limit(8), "from": "2027-01-15"}, at=LATER)
    assert open_holds(rows) == ["sms#limit#2026-01-15"]


def test_a_change_of_limits_needs_who_approved_it() -> None:
    """Without a name and a document the limits stay."""
    rows = world()
    with pytest.raises(Invalid, match="the limits of sms change"):
        rows.apply(sms_limit(8, approval=None))


def test_an_overdue_invoices_hold_is_not_lifted_by_a_raised_limit() -> None:
    """Only what caused a hold lifts it."""
    rows = world()
    used(rows, 4)
    overdue = replace(
        rows.memory.holds["acme", "sms#limit#2026-01-15"], scope="all", cause="overdue", reference="2026-01-15"
    )
    rows.memory.holds["acme", overdue.identity] = overdue
    rows.apply(sms_limit(8), at=LATER)
    assert open_holds(rows) == [overdue.identity]


def test_a_crash_between_any_two_calls_is_healed_by_applying_again() -> None:
    """A contract that is stored without its limits in effect: the same command again puts them into effect."""

    def started() -> World:
        rows = world()
        used(rows, 4)
        return rows

    def apply(rows: World, faults: Faults | None = None) -> None:
        contracts.apply({"f": sms_limit(8)}, ports=rows.contract_ports(faults), by="jo", at=LATER)

    whole, counted = started(), Faults()
    apply(whole, counted)
    for faults in every_fault(len(counted.calls)):
        rows = started()
        with pytest.raises(Crash):
            apply(rows, faults)
        apply(rows)
        assert rows.memory.terms == whole.memory.terms
        assert rows.snapshot() == whole.snapshot()
        assert open_holds(rows) == []


@pytest.mark.parametrize("conflicts", [1, MAX_ATTEMPTS])
def test_limits_take_effect_beside_the_meter(conflicts: int) -> None:
    """A term row that the meter has just written is read again; who loses every time is told so."""
    rows = world()
    used(rows, 4)
    ports = rows.contract_ports()
    ledger = ports.ledger

    class Contested:
        left = conflicts

        def __getattr__(self, name: str) -> Any:
            return getattr(ledger, name)

        def save_term(self, *args: Any, **kwargs: Any) -> None:
            if self.left:
                self.left -= 1
                raise Conflict("moved")
            ledger.save_term(*args, **kwargs)

    contested = replace(ports, ledger=Contested())
    if conflicts == MAX_ATTEMPTS:
        with pytest.raises(Conflict):
            contracts.apply({"f": sms_limit(8)}, ports=contested, by="jo", at=LATER)
        return
    contracts.apply({"f": sms_limit(8)}, ports=contested, by="jo", at=LATER)
    assert open_holds(rows) == []


# -- senders that move between tenants

WABA = {"account": "waba"}
AUGUST, OCTOBER = {"account": "waba", "from": "2026-08-01"}, {"account": "waba", "from": "2026-10-01"}


def moves(*documents: dict[str, Any]) -> World:
    """The documents, applied one after the other."""
    rows = World()
    for document in documents:
        rows.apply(document)
    return rows


def owners(rows: World, **where: str) -> list[str]:
    """Whose the account is in February, July, September and November."""
    return [owner(rows, f"2026-{month}-15", **where) for month in ("02", "07", "09", "11")]


A1, B1 = with_senders("a", WABA), with_senders("b", AUGUST)
A2_OCT, A2_AUG = ({**with_senders("a"), "from": f"2026-{month}-01"} for month in ("10", "08"))
NOBODY = "unknown-sender"


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ([A1], ["a", "a", "a", "a"]),
        ([A1, B1], ["a", "a", "b", "b"]),
        ([A1, B1, A1], ["a", "a", "b", "b"]),  # a's own file again: it is still a's until August
        ([A1, A2_AUG], ["a", "a", NOBODY, NOBODY]),  # given up
        ([A1, A2_AUG, B1], ["a", "a", "b", "b"]),  # given up and taken over on one day
        ([A1, B1, A2_AUG], ["a", "a", "b", "b"]),
        ([A1, B1, A2_OCT], ["a", "a", "b", "b"]),  # what b has by then stays b's
        ([A1, A2_AUG, A1], ["a", "a", NOBODY, NOBODY]),  # an older version again takes nothing back
        ([A1, A2_AUG, {**A1, "from": "2026-08-01"}], ["a", "a", "a", "a"]),  # given up by mistake
        ([A1, A2_AUG, {**with_senders("a", OCTOBER), "from": "2026-10-01"}], ["a", "a", NOBODY, "a"]),
        ([A1, B1, {**with_senders("a", OCTOBER), "from": "2026-10-01"}], ["a", "a", "b", "a"]),  # and back
        ([A2_OCT, {**with_senders("a", WABA), "from": "2026-08-01"}], ["a", "a", "a", NOBODY]),  # in any order
        ([with_senders("a"), {**A1, "from": "2026-08-01"}, with_senders("a")], ["a", "a", "a", "a"]),
        ([A1, with_senders("a")], [NOBODY] * 4),  # the first version was a mistake
    ],
)
def test_an_account_is_whose_the_contracts_say_in_each_of_its_times(
    documents: list[dict[str, Any]], expected: list[str]
) -> None:
    """However often and in whichever order the versions were applied; messages until a move stay the old tenant's."""
    assert owners(moves(*documents)) == expected


@pytest.mark.parametrize(
    "document",
    [
        with_senders("b", WABA),  # without a day
        with_senders("b", {"account": "waba", "from": "2026-01-15"}),  # from the same day
        with_senders("b", {"account": "waba", "from": "2026-01-10"}, term={"start": "2026-01-01", "months": 12}),
    ],
)
def test_another_tenants_account_passes_on_to_a_named_later_day_only(document: dict[str, Any]) -> None:
    """Everything else is refused, and the account stays where it is."""
    rows = moves(A1)
    with pytest.raises(Invalid, match="belongs to a from an overlapping day"):
        rows.apply(document)
    assert owners(rows) == ["a"] * 4


def test_an_account_that_another_has_by_now_is_not_taken_back_in_silence() -> None:
    """A version that takes effect after the move, and still names the account without a day, is refused."""
    rows = moves(A1, B1)
    with pytest.raises(Invalid, match="belongs to b"):
        rows.apply({**A1, "from": "2026-10-01"})


def test_both_sides_of_a_move_may_come_in_one_call() -> None:
    """One tenant gives up, the other takes over, on the same day."""
    rows = moves(A1)
    rows.apply(A2_AUG, with_senders("b", AUGUST))
    assert owners(rows) == ["a", "a", "b", "b"]


def test_an_account_may_be_narrowed_to_a_number_and_widened_again() -> None:
    """What is given up of it ends with the version that gives it up, and nothing before."""
    narrow = {**with_senders("a", {"account": "waba", "phone_number_id": "n1"}), "from": "2026-08-01"}
    rows = moves(A1, narrow)
    assert owners(rows, number="n1") == ["a"] * 4
    assert owners(rows, number="n2") == ["a", "a", NOBODY, NOBODY]
    rows.apply({**A1, "from": "2026-10-01"})
    assert owners(rows, number="n1") == owners(rows, number="n2") == ["a"] * 4


def test_a_sender_that_changes_its_card_from_a_day_keeps_the_old_one_before() -> None:
    """A late receipt is priced by the card of its own day."""
    on_partner = {"account": "waba", "from": "2026-08-01", "card": "partner"}
    rows = moves(A1, {**with_senders("a", on_partner), "from": "2026-08-01"})
    assert [held.card for held in rows.memory.assignments["meta", "waba"]] == ["meta", "partner"]
    assert owners(rows) == ["a"] * 4


def test_messages_of_a_moved_account_are_counted_where_they_belong() -> None:
    """Through the whole meter, a day before and a day after, in one late batch."""
    rows = world()
    rows.apply(
        small("delta", "unused", senders=[{"provider": "meta", "account": ACME, "from": "2026-03-11"}], timezone="UTC")
    )
    rows.apply({**with_senders("acme", approval=None), "from": "2026-03-11"}, at=APPLIED)
    rows.meter(
        meta(status("delivered", "regular/marketing")),
        meta(status("delivered", "regular/marketing", message="w2", at=NOON.replace(day=11))),
    )
    assert (rows.days("acme"), rows.days("delta")) == ({date(2026, 3, 10): 1}, {date(2026, 3, 11): 1})


def test_two_that_want_one_account_at_once_cannot_both_have_it() -> None:
    """Assignments that moved since they were read are refused, never overwritten."""
    rows = moves(with_senders("a"))
    ports = rows.contract_ports()
    real = ports.contracts

    class Raced:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def apply(self, *args: Any, **kwargs: Any) -> None:
            rows.memory.assignments.setdefault(("meta", "waba"), []).extend(contracts.assignments_of(contract_b))
            real.apply(*args, **kwargs)

    (contract_b,) = moves(B1).memory.contracts.values()
    raced = replace(ports, contracts=Raced())
    with pytest.raises(Conflict):
        contracts.apply({"f": A1}, ports=raced, by="jo", at=APPLIED)
    assert owners(rows)[2:] == ["b", "b"]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("AC1", "rollup:twilio:AC1"),
        ("AC1", "statement:twilio:AC1"),
        ("rollup:twilio:AC1", "statement:twilio:AC1"),
        ("rollup:twilio:AC1", "AC1"),
    ],
)
def test_usage_is_not_counted_for_two_tenants_in_two_ways(mine: str, theirs: str) -> None:
    """What one tenant is billed by receipts, another must not be billed by roll-ups or statements: neither from an
    overlapping day, nor when both come at once; from the day on which the first has given the account up, it may."""

    def sender(account: str, **more: str) -> dict[str, Any]:
        return {"provider": "platform" if ":" in account else "twilio", "account": account, **more}

    def of(tenant: str, *senders: dict[str, Any], **changes: Any) -> dict[str, Any]:
        return small(tenant, "unused", senders=[{"provider": "meta", "account": f"waba-{tenant}"}, *senders], **changes)

    rows = World()
    refused = "is counted for a as "
    with pytest.raises(Invalid, match=refused):
        rows.apply(of("a", sender(mine)), of("b", sender(theirs)))
    rows.apply(of("a", sender(mine)))
    with pytest.raises(Invalid, match=refused):
        rows.apply(of("b", sender(theirs, **{"from": "2026-07-01"})))
    rows.apply(of("a", **{"from": "2026-06-01"}), at=LATER)
    with pytest.raises(Invalid, match=refused):
        rows.apply(of("b", sender(theirs, **{"from": "2026-05-31"})))
    rows.apply(of("b", sender(theirs, **{"from": "2026-06-01"})))


def test_a_tenant_may_change_the_way_in_which_it_is_counted() -> None:
    """Its own earlier way, which ends with the new version, stands in nobody's way."""
    rows = World()
    rows.apply(small("a", "unused", senders=[{"provider": "twilio", "account": "AC1"}]))
    by_rollup = {"provider": "platform", "account": "rollup:twilio:AC1", "from": "2026-06-01"}
    rows.apply(small("a", "unused", senders=[by_rollup], **{"from": "2026-06-01"}), at=LATER)
