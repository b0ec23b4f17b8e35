"""The meter stage case by case: what is counted where, what waits in quarantine, what comes back, who is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.domain.examples import CARD, MARKETS, D, fx
from tests.fakes.faults import Faults
from tests.fakes.rows import MemoryRates
from tests.stages.traffic import (
    ACME,
    AMERICAN,
    BETA,
    GAMMA,
    INDIAN,
    NOBODYS,
    NOON,
    World,
    assigned,
    ids,
    meta,
    post,
    read,
    small,
    sms,
    status,
    world,
)
from tollgate.domain.calendar import Term
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Conflict, Invalid, NotFound, RetryLater, TollgateError
from tollgate.domain.facts import MessageKey
from tollgate.domain.notices import Notice
from tollgate.domain.rates import PriceBook
from tollgate.domain.usage import TermRow, Totals
from tollgate.stages.meter import MAX_ATTEMPTS, meter
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.redrive import Redriven

TERM = date(2026, 1, 15)
REGULAR = "regular/marketing"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# -- what counts


@pytest.mark.parametrize(
    ("receipts", "expected"),
    [
        ([meta(status("sent", REGULAR))], (0, 0, D(0))),
        ([meta(status("delivered"))], (0, 0, D(0))),  # it waits for its pricing
        ([meta(status("delivered", REGULAR))], (1, 1, D("0.0250"))),
        ([meta(status("delivered")), meta(status("sent", REGULAR))], (1, 1, D("0.0250"))),
        ([meta(status("read", REGULAR))], (1, 1, D("0.0250"))),  # delivered was skipped
        ([meta(status("read")), meta(status("sent", REGULAR))], (1, 1, D("0.0250"))),
        ([meta(status("played")), meta(status("sent", REGULAR))], (1, 1, D("0.0250"))),
        ([meta(status("failed")), meta(status("sent", REGULAR))], (0, 0, D(0))),
        ([meta(status("delivered", "free_customer_service/service"))], (0, 0, D(0))),
        ([meta(status("delivered", "free_entry_point/marketing"))], (0, 0, D(0))),
        ([meta(status("delivered", "regular/marketing_lite"))], (1, 1, D("0.0250"))),  # its base category's price
        ([meta(status("delivered", "regular/authentication-international", to=INDIAN))], (1, 1, D("0.0280"))),
        (
            [
                meta(
                    *(
                        status("delivered", "regular/group_marketing", participant=p)
                        for p in (AMERICAN, INDIAN, AMERICAN)
                    )
                )
            ],
            (2, 2, D("0.0368")),
        ),
    ],
)
def test_a_whatsapp_message_counts_by_what_is_known_of_it(
    receipts: list[Receipt], expected: tuple[int, int, Decimal]
) -> None:
    """Delivered, read or played, and a regular pricing on any status; one a participant in a group."""
    rows = world()
    rows.meter(*receipts)
    assert rows.used("whatsapp") == expected


@pytest.mark.parametrize(
    ("receipts", "expected"),
    [
        ([sms("TEXT_QUEUED", price="0")], (0, 0, D(0))),
        ([sms("TEXT_SENT", price="0")], (1, 1, D(0))),
        ([sms("TEXT_SENT", price="0"), sms("TEXT_DELIVERED")], (1, 1, D("0.00581"))),  # zero first, then its price
        ([sms("TEXT_DELIVERED"), sms("TEXT_SENT", price="0")], (1, 1, D("0.00581"))),
        ([sms("TEXT_SUCCESSFUL", price="0.09582", carrier_fee="0.0")], (1, 1, D("0.09582"))),
        ([sms("TEXT_DELIVERED", price="0.01743", carrier_fee="0.009", parts=3)], (1, 3, D("0.02643"))),
        ([sms("TEXT_BLOCKED")], (1, 1, D("0.00581"))),  # priced, so it was sent
        ([sms("TEXT_CARRIER_BLOCKED", price="0", carrier_fee="0.003")], (1, 1, D("0.003"))),
        ([sms("TEXT_BLOCKED", price="0")], (0, 0, D(0))),
        ([sms("TEXT_INVALID", price=None)], (0, 0, D(0))),
        ([sms("TEXT_SENT"), sms("TEXT_DELIVERED"), sms("TEXT_DELIVERED")], (1, 1, D("0.00581"))),
        ([sms("TEXT_SENT", tenant=None)], (1, 1, D("0.00581"))),  # no context: the configured account
        ([sms("TEXT_SENT", to=None)], (1, 1, D("0.00581"))),  # a recipient without a number
    ],
)
def test_an_sms_counts_by_what_is_known_of_it(receipts: list[Receipt], expected: tuple[int, int, Decimal]) -> None:
    """Sent, successful or delivered; or a price above zero on whatever event. Parts are segments of one message."""
    rows = world()
    rows.meter(*receipts)
    assert rows.used("sms") == expected


def test_one_post_of_several_tenants_is_counted_for_each() -> None:
    """Accounts are told apart status by status, each in its tenant's currency."""
    rows = world()
    message = [status("delivered", REGULAR)]
    assert rows.meter(post((ACME, "n", message), (BETA, "n", message))) == set()
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))
    assert rows.used("whatsapp", "beta", date(2026, 3, 1)) == (1, 1, D("0.0200"))


# -- which day, which term, which tenant


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-08T05:59:59", date(2026, 3, 7)),  # the last second of a day at UTC-6
        ("2026-03-08T06:00:00", date(2026, 3, 8)),  # the day that loses an hour
        ("2026-03-09T04:59:59", date(2026, 3, 8)),  # its last second, now at UTC-5
        ("2026-03-09T05:00:00", date(2026, 3, 9)),
        ("2026-11-02T05:59:59", date(2026, 11, 1)),  # the day that gains an hour
        ("2026-11-02T06:00:00", date(2026, 11, 2)),
        ("2026-01-15T06:00:00", date(2026, 1, 15)),  # the first second of the contract
    ],
)
@pytest.mark.parametrize("build", [lambda at: meta(status("delivered", REGULAR, at=at)), lambda at: sms(at=at)])
def test_usage_is_of_the_day_in_the_contracts_time_zone(
    build: Callable[[datetime], Receipt], at: str, day: date
) -> None:
    """By the clock of Chicago, whatever the season."""
    rows = world()
    rows.meter(build(utc(at)))
    assert rows.days() == {day: 1}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-03-10T04:59:00", "2026-03-10T05:01:00"),  # midnight
        ("2026-04-01T04:59:00", "2026-04-01T05:01:00"),  # the end of a month
        ("2027-01-15T05:59:00", "2027-01-15T06:01:00"),  # the end of the term
    ],
)
@pytest.mark.parametrize("batches", [1, 2])
def test_a_late_receipt_takes_usage_back_over_a_boundary(before: str, after: str, batches: int) -> None:
    """The delivery that arrives after its read moves the message to the earlier day, month and term, whole."""
    read, delivered = meta(status("read", REGULAR, at=utc(after))), meta(status("delivered", at=utc(before)))
    rows = world()
    if batches == 1:
        rows.meter(read, delivered)
    else:
        rows.meter(read)
        rows.meter(delivered)
    assert rows.days() == {utc(before).date() - timedelta(days=1): 1}
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))
    assert rows.used("whatsapp", term=date(2027, 1, 15)) == (0, 0, D(0))


def test_an_sms_is_of_the_day_of_its_request_however_late_its_delivery() -> None:
    """The request's time stands on every event, and decides day and term."""
    rows = world()
    rows.meter(sms("TEXT_SENT", at=utc("2027-01-15T06:00:30"), requested_at=utc("2027-01-15T05:59:59")))
    rows.meter(sms("TEXT_DELIVERED", at=utc("2027-01-16T06:00:00"), requested_at=utc("2027-01-15T05:59:59")))
    assert rows.days() == {date(2027, 1, 14): 1}
    assert rows.used("sms") == (1, 1, D("0.00581"))


def test_the_rate_card_is_the_one_of_the_billable_moment() -> None:
    """A delivery that arrives late, from before a card's first day, brings the old price back."""
    rows = world()
    dearer = replace(CARD, effective_from=date(2026, 4, 1), rates={"North America": {"marketing": D("1.00")}})
    rows.memory.cards["meta"] = [CARD, dearer]
    rows.meter(meta(status("read", REGULAR, at=utc("2026-04-01T05:00:00"))))
    assert rows.used("whatsapp") == (1, 1, D("1.00"))
    rows.meter(meta(status("delivered", at=utc("2026-04-01T04:59:59"))))
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))


def test_a_card_that_is_loaded_later_does_not_change_what_was_priced() -> None:
    """A message keeps the price it was counted at, whatever status of it still comes."""
    rows = world()
    rows.meter(meta(status("delivered", REGULAR)))
    rows.memory.cards["meta"] = [CARD, replace(CARD, version=2, rates={"North America": {"marketing": D(9)}})]
    rows.meter(meta(status("read", at=NOON + timedelta(minutes=1))))
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))


def test_a_status_that_comes_after_its_sender_changed_cards_is_priced_by_the_messages_own_card() -> None:
    """The card of the billable moment is in the book even if no fact of the batch is of that time."""
    rows = world()
    rows.memory.cards["partner"] = [replace(CARD, card="partner", rates={"North America": {"marketing": D(9)}})]
    rows.memory.maps["partner"] = [MARKETS]
    rows.memory.assignments["meta", ACME] = [
        assigned("acme", "2026-01-01"),
        assigned("acme", "2026-03-10T18:00", number="106540352242922", card="partner"),
    ]
    rows.meter(meta(status("delivered")))
    rows.meter(meta(status("read", REGULAR, at=NOON + timedelta(hours=2))))
    assert rows.quarantined() == []
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))


@pytest.mark.parametrize(
    ("at", "owner"),
    [
        ("2026-06-01T04:59:59", "acme"),
        ("2026-06-01T05:00:00", "beta"),  # midnight in Chicago, in summer
    ],
)
def test_a_sender_that_moved_is_each_tenants_in_its_time(at: str, owner: str) -> None:
    """Half-open, to the second, however late the receipt comes."""
    rows = world()
    rows.memory.assignments["meta", ACME] = [assigned("acme", "2026-01-15"), assigned("beta", "2026-06-01T05:00")]
    rows.memory.fx |= {date(2026, 6, day): fx(f"2026-06-0{day}", USD="1.25") for day in (1, 2)}
    rows.meter(meta(status("delivered", REGULAR, at=utc(at))))
    assert {tenant for (tenant, _), record in rows.memory.records.items() if record.usage} == {owner}
    assert rows.quarantined() == []


def test_a_number_of_a_shared_account_may_be_another_tenants() -> None:
    """One WABA, two phone numbers, two tenants, one POST."""
    rows = world()
    rows.memory.assignments["meta", ACME].append(assigned("beta", "2026-03-01", number="n2"))
    delivered = [status("delivered", REGULAR)]
    rows.meter(post((ACME, "n1", delivered), (ACME, "n2", delivered)))
    assert {tenant for tenant, _ in rows.memory.records} == {"acme", "beta"}


# -- lines


def sms_used(rows: World, messages: int, *, crossed: Sequence[int] = ()) -> None:
    """Set acme's term close to a line instead of sending 50,000 messages."""
    rows.memory.terms["acme", TERM] = TermRow(
        term=Term(TERM, date(2027, 1, 15)),
        meters={"sms": Totals(messages, messages, D(0))},
        crossed=frozenset(("sms", line) for line in crossed),
        version=1,
    )


def agreed() -> World:
    """acme under the seeds' own limits."""
    rows = World()
    rows.memory.cards, rows.memory.maps = {"meta": [CARD]}, {"meta": [MARKETS]}
    document = small("acme", ACME)
    del document["allowances"]
    rows.apply(document)
    return rows


def test_a_chunk_that_a_new_term_makes_too_large_is_halved() -> None:
    """Ninety messages on nine days, the term's first row and the customer's choices are one row too many."""
    rows = agreed()
    sent = [sms(message=f"s{n}", at=NOON + timedelta(days=n % 9)) for n in range(90)]
    assert rows.meter(*sent) == set()
    assert (rows.used("sms")[0], rows.memory.commits) == (90, 2)


@pytest.mark.parametrize(
    ("used", "crossed", "lines", "held"),
    [
        (37_498, [], [], False),  # the 37,499th
        (37_499, [], [75], False),  # the 37,500th warns
        (37_500, [75], [], False),
        (49_998, [75], [], False),  # the 49,999th
        (49_999, [75], [100], True),  # the 50,000th suspends
        (50_000, [75, 100], [], False),
    ],
)
def test_the_default_sms_lines_fire_at_exactly_their_message(
    used: int, crossed: list[int], lines: list[int], held: bool
) -> None:
    """One more message, sent three times over: its notice, and at the limit its hold, once."""
    rows = agreed()
    sms_used(rows, used, crossed=crossed)
    rows.meter(sms("TEXT_SENT"), sms("TEXT_SENT"))
    rows.meter(sms("TEXT_DELIVERED"))
    assert rows.notices() == [f"2026-01-15#sms#{line}" for line in lines]
    assert [(hold.scope, hold.cause, hold.reference) for hold in rows.memory.holds.values()] == (
        [("sms", "limit", "2026-01-15")] if held else []
    )
    for notice, _ in rows.memory.notices.values():
        assert (notice.used, notice.included, notice.at) == (D(used + 1), D(50_000), NOON)


def test_a_batch_that_jumps_over_two_lines_fires_both_once_each_at_its_own_count() -> None:
    """Six messages where four are the limit: the count and the time at each crossing are told, and one hold opens."""
    rows = world()
    rows.meter(*(sms(message=f"s{n}", at=NOON + timedelta(minutes=n)) for n in range(6)))
    told = {identity: notice for (_, identity), (notice, _) in rows.memory.notices.items()}
    expected = {(50, 2), (75, 3), (100, 4)}
    assert {(notice.line, notice.used, notice.at) for notice in told.values()} == {
        (line, D(used), NOON + timedelta(minutes=used - 1)) for line, used in expected
    }
    assert len(rows.memory.holds) == 1


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_a_notice_tells_the_same_however_messages_in_order_are_batched(size: int) -> None:
    """``used`` and ``at`` are those of the message that crossed, in batches of any size."""

    def told(size: int) -> list[Notice]:
        rows = world()
        receipts = [sms(message=f"s{n}", at=NOON + timedelta(minutes=n)) for n in range(6)]
        for start in range(0, 6, size):
            rows.meter(*receipts[start : start + size])
        return [notice for notice, _ in rows.memory.notices.values()]

    assert told(size) == told(1)


def test_one_message_over_two_lines_fires_both() -> None:
    """A dear message: the warning and the limit, with the same use."""
    rows = world()
    rows.meter(meta(status("delivered", REGULAR)))
    rows.memory.cards["meta"] = [replace(CARD, rates={"North America": {"marketing": D(5)}})]
    rows.meter(meta(status("delivered", REGULAR, message="dear")))
    used = {(notice.line, notice.used) for notice, _ in rows.memory.notices.values()}
    assert used == {(50, D("5.0250")), (75, D("5.0250")), (100, D("5.0250"))}


def test_a_new_term_starts_afresh() -> None:
    """The lines of the second year fire again, under its own name."""
    rows = world()
    rows.meter(*(sms(message=f"s{n}") for n in range(4)))
    rows.meter(*(sms(message=f"t{n}", at=NOON.replace(year=2027)) for n in range(2)))
    assert rows.notices() == [f"{TERM}#sms#{line}" for line in (100, 50, 75)] + ["2027-01-15#sms#50"]


@pytest.mark.parametrize(
    ("told_at", "held"),
    [
        ("2027-01-15T05:59:59", True),  # in Chicago the last day has a second left
        ("2027-01-15T06:00:00", False),
        ("2027-03-01T00:00:00", False),
    ],
)
def test_usage_told_after_its_term_suspends_nobody(told_at: str, held: bool) -> None:
    """The line is crossed and told, but a limit holds for its own term only: nobody is suspended for a year that is
    over, not for an hour."""
    rows = world()
    rows.now = utc(told_at)
    rows.meter(*(sms(message=f"s{n}") for n in range(4)))
    assert f"{TERM}#sms#100" in rows.notices()
    assert [hold.scope for hold in rows.memory.holds.values()] == (["sms"] if held else [])


def test_suspended_traffic_is_still_counted() -> None:
    """What was sent was sent."""
    rows = world()
    rows.meter(*(sms(message=f"s{n}") for n in range(4)))
    rows.meter(sms(message="s5"))
    assert rows.used("sms")[0] == 5


# -- quarantine


NO_RATE = meta(status("delivered", "regular/unlisted"))
NO_FX = meta(status("delivered", REGULAR), waba=GAMMA)
EARLY = sms(at=utc("2026-01-15T05:59:59"))
STRAY = meta(status("sent"), waba=NOBODYS)


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [(STRAY, "unknown-sender"), (EARLY, "no-contract"), (NO_RATE, "no-rate"), (NO_FX, "no-fx")],
)
def test_a_fact_that_cannot_be_counted_waits_with_its_reason(receipt: Receipt, reason: str) -> None:
    """One row a fact, however often it comes; the receipt is done with, and the alarm's metric counts."""
    rows = world()
    for _ in range(3):
        assert rows.meter(receipt, receipt) == set()
    assert [why for _, _, why in rows.quarantined()] == [reason]
    assert rows.counts["QuarantinedFacts"] == 3
    assert rows.memory.records == {}
    assert rows.memory.commits == 0


def test_each_fact_of_a_message_has_a_row_of_its_own() -> None:
    """Also one that says more of the same status at the same time: nothing of either is lost."""
    bare, priced = status("delivered"), status("delivered", REGULAR)
    for order in ([bare, priced], [priced, bare]):
        rows = world()
        for one in order:
            rows.meter(meta(one, status("sent"), waba=NOBODYS))
        assert [name for _, name, _ in rows.quarantined()] == ["delivered", "delivered", "sent"]
        rows.memory.assignments["meta", NOBODYS] = [assigned("acme", "2026-01-15", account=NOBODYS)]
        assert rows.redrive() == Redriven(3, 0)
        assert rows.used("whatsapp") == (1, 1, D("0.0250"))


def test_a_status_whose_category_has_no_rate_waits_even_before_it_is_billable() -> None:
    """A fact whose category has no rate is quarantined for what it says, whatever its status: a rate that is missing
    is found out as early as possible. Nothing is counted when the delivery never comes."""
    rows = world()
    rows.meter(meta(status("sent", "regular/unlisted"), status("failed")))
    assert rows.quarantined() == [("wamid.1", "sent", "no-rate")]
    rows.memory.cards["meta"] = [replace(CARD, rates={"North America": {"unlisted": D(1)}})]
    assert rows.redrive() == Redriven(1, 0)
    assert (rows.used("whatsapp"), rows.quarantined()) == ((0, 0, D(0)), [])


def test_a_free_category_needs_no_rate() -> None:
    """Free pricing types add no usage, so there is nothing to price."""
    rows = world()
    rows.meter(meta(status("delivered", "free_entry_point/unlisted")))
    assert rows.quarantined() == []


def give_sender(rows: World) -> None:
    rows.apply(small("delta", NOBODYS))


def give_contract(rows: World) -> None:
    rows.memory.assignments["aws-sms", "acme"] = [
        replace(assigned("acme", "2026-01-01", account="acme", card="aws-sms"), provider="aws-sms")
    ]
    earlier = {"start": "2026-01-01", "months": 12}
    rows.memory.contracts = {}
    rows.apply(small("acme", ACME, term=earlier))


def give_rate(rows: World) -> None:
    rows.memory.cards["meta"] = [CARD, replace(CARD, version=2, rates={"North America": {"unlisted": D("0.5")}})]


def give_fx(rows: World) -> None:
    rows.memory.fx[date(2026, 3, 10)] = fx("2026-03-10", USD="1.25", GBP="0.80")


@pytest.mark.parametrize(
    ("receipt", "fix", "tenant", "day"),
    [
        (meta(status("delivered", REGULAR), waba=NOBODYS), give_sender, "delta", date(2026, 3, 10)),
        (EARLY, give_contract, "acme", date(2026, 1, 14)),
        (NO_RATE, give_rate, "acme", date(2026, 3, 10)),
        (NO_FX, give_fx, "gamma", date(2026, 3, 10)),
    ],
)
def test_a_redrive_after_the_fix_counts_on_the_messages_own_day(
    receipt: Receipt, fix: Callable[[World], None], tenant: str, day: date
) -> None:
    """Before the fix nothing moves; after it the row is gone; a second redrive has nothing to do."""
    rows = world()
    rows.meter(receipt)
    assert rows.redrive() == Redriven(0, 1)
    fix(rows)
    assert rows.redrive() == Redriven(1, 0)
    assert rows.days(tenant) == {day: 1}
    assert rows.memory.quarantine == {}
    assert rows.redrive() == Redriven(0, 0)
    rows.meter(receipt)
    assert rows.days(tenant) == {day: 1}


def test_a_redrive_may_be_narrowed_to_one_reason() -> None:
    """The others stay as they are."""
    rows = world()
    rows.meter(STRAY, NO_RATE)
    give_rate(rows)
    assert rows.redrive("unknown-sender") == Redriven(0, 1)
    assert rows.redrive("no-rate") == Redriven(1, 0)
    assert [why for _, _, why in rows.quarantined()] == ["unknown-sender"]


def test_a_row_changes_its_reason_when_the_next_cause_is_found() -> None:
    """Known now, but without a rate: the same one row."""
    rows = world()
    rows.meter(meta(status("delivered", "regular/unlisted"), waba=NOBODYS))
    give_sender(rows)
    assert rows.redrive() == Redriven(0, 1)
    assert rows.quarantined() == [("wamid.1", "delivered", "no-rate")]


def test_a_message_that_got_its_price_from_a_sibling_waits_no_more() -> None:
    """Its row goes with what the sibling told, in whatever order they come."""
    silent, telling = meta(status("delivered", REGULAR, to=None)), meta(status("read", at=NOON + timedelta(hours=1)))
    rows = world()
    rows.meter(silent)
    assert rows.quarantined() == [("wamid.1", "delivered", "no-rate")]
    rows.meter(telling)
    assert (rows.quarantined(), rows.used("whatsapp")) == ([], (1, 1, D("0.0250")))


# -- what comes back


def test_one_bad_status_leaves_the_good_ones_counted_and_brings_the_receipt_back() -> None:
    """Again and again, until it lies in the dead-letter queue: nothing counts twice, nothing is written again."""
    rows = world()
    bad = {"id": "wamid.bad", "status": "delivered", "timestamp": "yesterday"}
    receipt = meta(status("delivered", REGULAR), bad, status("delivered", REGULAR, message="wamid.2"))
    for _ in range(5):
        assert rows.meter(receipt) == {receipt.id}
    assert rows.used("whatsapp") == (2, 2, D("0.0500"))
    assert rows.memory.commits == 1
    assert rows.counts["UnreadableReceipts"] == 5


def test_an_unreadable_receipt_comes_back_alone() -> None:
    """Its neighbours in the batch are counted."""
    rows = world()
    broken = replace(sms(), body=b"{", id="broken")
    assert rows.meter(broken, sms()) == {"broken"}
    assert rows.used("sms")[0] == 1


def test_what_is_odd_is_counted_by_its_kind_and_metered_all_the_same() -> None:
    """The flag that Meta is retiring disagrees with the type: the type decides."""
    rows = world()
    odd = status("delivered", REGULAR)
    odd["pricing"]["billable"] = False
    assert rows.meter(meta(odd)) == set()
    assert rows.used("whatsapp")[0] == 1
    assert rows.counts == {"billable-flag-disagrees": 1}


def test_a_batch_without_facts_asks_nobody() -> None:
    """Notifications that are no statuses touch no row."""
    rows, faults = world(), Faults()
    assert rows.meter(meta(), faults=faults) == set()
    assert faults.calls == []


def test_a_tenant_that_fails_takes_no_other_down() -> None:
    """Only the receipts with something of the failing tenant come back; the rest is committed."""
    shared = post(*((waba, "n", [status("delivered", REGULAR)]) for waba in (ACME, BETA)))
    own = meta(status("delivered", REGULAR, message="b2"), waba=BETA)
    rows, faults = world(), Faults(at=1, error=RetryLater("busy"), only="commit")
    assert rows.meter(shared, own, faults=faults) == {shared.id}
    assert {tenant for tenant, _ in rows.memory.records} == {"beta"}
    assert rows.meter(shared) == set()
    assert rows.used("whatsapp") == (1, 1, D("0.0250"))
    assert rows.used("whatsapp", "beta", date(2026, 3, 1))[0] == 2


class Unreadable:
    """Contracts, of which one tenant's cannot be read."""

    def __init__(self, rows: World, tenant: str, error: TollgateError) -> None:
        self._contracts, self._tenant, self._error = rows.rows.contracts, tenant, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._contracts, name)

    def versions(self, tenant: str) -> list[Contract]:
        if tenant == self._tenant:
            raise self._error
        return self._contracts.versions(tenant)


@pytest.mark.parametrize("error", [RetryLater("busy"), Invalid("contract", []), NotFound("contract", "acme")])
def test_a_tenant_whose_contract_cannot_be_read_takes_no_other_down(error: TollgateError) -> None:
    """Whatever is wrong with it: its receipts come back, everybody else's are committed, and nothing is in between."""
    shared = post(*((waba, "n", [status("delivered", REGULAR)]) for waba in (ACME, BETA)))
    own, text = meta(status("delivered", REGULAR, message="b2"), waba=BETA), sms()
    rows = world()
    unreadable = Unreadable(rows, "acme", error)
    ports = replace(rows.ports(), contracts=unreadable)  # type: ignore[arg-type]  # stands in for it
    assert meter([shared, own, text], parse=read, ports=ports, now=NOON) == {shared.id, text.id}
    assert {tenant for tenant, _ in rows.memory.records} == {"beta"}
    assert rows.used("whatsapp", "beta", date(2026, 3, 1))[0] == 2
    assert rows.counts["MeterTenantFailed"] == 1
    assert rows.meter(shared, text) == set()
    assert (rows.used("whatsapp")[0], rows.used("sms")[0]) == (1, 1)


class Contested:
    """A ledger that another writer is always faster on, for some time."""

    def __init__(self, rows: World, times: int) -> None:
        self._ledger, self._times = rows.rows.ledger, times

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    def commit(self, *args: object) -> None:
        if self._times:
            self._times -= 1
            raise Conflict("moved")
        self._ledger.commit(*args)  # type: ignore[arg-type]  # whatever it was given


@pytest.mark.parametrize(
    ("conflicts", "failed", "pauses"),
    [
        (0, False, []),
        (2, False, [1, 2]),
        (MAX_ATTEMPTS - 1, False, list(range(1, MAX_ATTEMPTS))),
        (MAX_ATTEMPTS, True, list(range(1, MAX_ATTEMPTS))),
    ],
)
def test_conflicts_are_retried_with_pauses_and_then_left_to_the_queue(
    conflicts: int, failed: bool, pauses: list[int]
) -> None:
    """Each attempt reads again; one that loses every time goes back, and counts when it comes again."""
    rows, receipt = world(), sms()
    ports = replace(rows.ports(), ledger=Contested(rows, conflicts))  # type: ignore[arg-type]  # stands in for it
    assert meter([receipt], parse=read, ports=ports, now=NOON) == ({receipt.id} if failed else set())
    assert rows.pauses == pauses
    assert rows.counts["MeterConflicts"] == conflicts
    rows.meter(receipt)
    assert rows.used("sms")[0] == 1


def test_what_does_not_fit_one_transaction_is_committed_in_several() -> None:
    """Ninety messages of as many days make 181 rows; the fake refuses more than 100 in one commit."""
    rows = world()
    receipts = [sms(message=f"s{n}", at=NOON + timedelta(days=n)) for n in range(90)]
    assert rows.meter(*receipts) == set()
    assert rows.used("sms")[0] == 90
    assert rows.days() == {date(2026, 3, 10) + timedelta(days=n): 1 for n in range(90)}
    assert rows.memory.commits > 1
    assert len(rows.notices()) == 3


def test_many_messages_of_one_day_are_committed_in_chunks() -> None:
    """A batch of any size; the line fires in whichever chunk crosses it."""
    rows = agreed()
    sms_used(rows, 37_350)
    assert rows.meter(*(sms(message=f"s{n}") for n in range(200))) == set()
    assert rows.used("sms")[0] == 37_550
    assert rows.notices() == ["2026-01-15#sms#75"]


def test_a_chunk_that_fails_brings_back_its_own_receipts_only() -> None:
    """The chunks after it are committed."""
    rows = world()
    receipts = [sms(message=f"s{n:03}") for n in range(100)]
    failed = rows.meter(*receipts, faults=Faults(at=1, error=RetryLater("busy"), only="commit"))
    assert failed == ids(receipts[:90])
    assert rows.used("sms")[0] == 10
    assert rows.meter(*(receipt for receipt in receipts if receipt.id in failed)) == set()
    assert rows.used("sms")[0] == 100


def test_no_row_holds_a_number() -> None:
    """Of a recipient a record keeps the prefix, the country and a keyed hash."""
    rows = world()
    rows.meter(meta(status("delivered", REGULAR)), sms(), STRAY)
    assert rows.memory.records["acme", MessageKey("meta", "wamid.1")].recipient.prefix == "1415"
    assert AMERICAN not in repr(rows.memory)


def test_tenants_of_one_batch_share_what_they_are_priced_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card is looked up once a batch, however many tenants' messages it prices; the next batch looks again."""
    asked: list[frozenset[str]] = []

    class Asked(MemoryRates):
        def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
            asked.append(frozenset(cards))
            return super().book(cards, fx=fx)

    rows = world()
    rows.apply(small("delta", "delta-waba"))
    counted = replace(rows.ports(), rates=Asked(rows.memory))
    both = [
        meta(status("delivered", REGULAR)),
        meta(status("delivered", REGULAR, message="wamid.2"), waba="delta-waba"),
    ]
    for batch in (both, both):
        assert not meter(batch, parse=read, ports=counted, now=NOON)
    assert asked == [frozenset({"meta"})] * 2
