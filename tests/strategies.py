"""Hypothesis strategies of the whole suite: days, amounts, receipts in any order, usage that arrives late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from hypothesis import strategies as st

from tests.domain.examples import AMERICAN, INDIAN, NOON, UNLISTED, sms, whatsapp
from tollgate.domain.facts import NOBODY, Fact, Recipient
from tollgate.domain.usage import Cell

CENT = Decimal("0.01")
TIMEZONES = (
    "UTC",
    "America/Chicago",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
META_STATUSES = ("sent", "delivered", "read", "played", "failed")
AWS_STATUSES = ("TEXT_QUEUED", "TEXT_SENT", "TEXT_SUCCESSFUL", "TEXT_DELIVERED", "TEXT_CARRIER_UNREACHABLE")


def days() -> st.SearchStrategy[date]:
    """Days of contracts, leap days and ends of months among them."""
    edges = [date(2024, 2, 29), date(2026, 1, 15), date(2026, 1, 29), date(2026, 1, 30), date(2026, 1, 31)]
    return st.sampled_from(edges) | st.dates(date(2020, 1, 1), date(2035, 12, 31))


def timezones() -> st.SearchStrategy[str]:
    """Zones at both ends of the day, with half hours, and with clock changes at midnight."""
    return st.sampled_from(TIMEZONES)


def fees(*, largest: int = 200) -> st.SearchStrategy[Decimal]:
    """A sum of fees, never negative, with the four decimals that rate cards have."""
    return st.integers(0, largest * 10_000).map(lambda count: Decimal(count).scaleb(-4))


@st.composite
def exact_parts(draw: st.DrawFn) -> tuple[list[Decimal], Decimal]:
    """Exact parts of either sign, and a total in whole cents that is less than one cent from their sum."""
    parts = draw(st.lists(st.decimals(-500, 500, places=5), max_size=12))
    rounding = draw(st.sampled_from([ROUND_FLOOR, ROUND_CEILING]))
    return parts, sum(parts, Decimal(0)).quantize(CENT, rounding)


def moments(*, spread_days: int = 4) -> st.SearchStrategy[datetime]:
    """Instants within some days after noon of 10 March 2026, in whole minutes."""
    return st.integers(0, spread_days * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))


@st.composite
def facts_of_one_message(draw: st.DrawFn, *, message: str = "m") -> list[Fact]:
    """Facts of one message that may contradict each other in everything but whose message it is."""
    count = draw(st.integers(1, 6))
    if draw(st.booleans()):
        return [draw(_any_whatsapp(message)) for _ in range(count)]
    return [draw(_any_sms(message)) for _ in range(count)]


@st.composite
def _any_whatsapp(draw: st.DrawFn, message: str) -> Fact:
    pricing = draw(
        st.sampled_from(["", "regular/marketing", "regular/utility", "regular/service", "free_entry_point/marketing"])
    )
    return whatsapp(
        draw(st.sampled_from(META_STATUSES)),
        pricing,
        at=draw(moments()),
        message=message,
        recipient=draw(st.sampled_from([NOBODY, AMERICAN, INDIAN, Recipient(country="US")])),
    )


@st.composite
def _any_sms(draw: st.DrawFn, message: str) -> Fact:
    return sms(
        draw(st.sampled_from(AWS_STATUSES)),
        draw(st.sampled_from([None, "0", "0.005", "0.00581"])),
        draw(st.sampled_from([None, "0", "0.003"])),
        at=draw(moments()),
        requested_at=draw(st.none() | moments()),
        message=message,
        segments=draw(st.integers(1, 3)),
    )


def contradictory_traffic() -> st.SearchStrategy[list[Fact]]:
    """Facts of some messages, each of which may contradict itself."""
    messages = st.integers(1, 4).flatmap(
        lambda count: st.tuples(*(facts_of_one_message(message=f"m{n}") for n in range(count)))
    )
    return messages.map(lambda groups: [fact for group in groups for fact in group])


def steady_traffic() -> st.SearchStrategy[list[Fact]]:
    """Facts of some messages as providers send them: each keeps its category, recipient and price.

    A message's time may still move to an earlier day, its recipient may be missing from some receipts, and its early
    events may say that it cost nothing. Its usage only ever grows.
    """
    messages = st.integers(1, 9).flatmap(
        lambda count: st.tuples(*(_steady_whatsapp(f"w{n}") | _steady_sms(f"s{n}") for n in range(count)))
    )
    return messages.map(lambda groups: [fact for group in groups for fact in group])


@st.composite
def _steady_whatsapp(draw: st.DrawFn, message: str) -> list[Fact]:
    pricing = draw(st.sampled_from(["regular/marketing", "regular/utility", "free_customer_service/utility"]))
    recipient = draw(st.sampled_from([AMERICAN, INDIAN, UNLISTED]))
    statuses = draw(st.lists(st.sampled_from(META_STATUSES), min_size=1, max_size=5))
    return [
        whatsapp(
            status,
            draw(st.sampled_from(["", pricing])),
            at=draw(moments()),
            message=message,
            recipient=draw(st.sampled_from([recipient, recipient, NOBODY])),
        )
        for status in statuses
    ]


@st.composite
def _steady_sms(draw: st.DrawFn, message: str) -> list[Fact]:
    price, segments = draw(st.sampled_from(["0.005", "0.00581"])), draw(st.integers(1, 3))
    requested_at = draw(moments())
    statuses = draw(st.lists(st.sampled_from(AWS_STATUSES), min_size=1, max_size=4))
    return [
        sms(
            status,
            "0" if status == "TEXT_QUEUED" else price,
            at=requested_at + timedelta(seconds=draw(st.integers(0, 600))),
            requested_at=requested_at,
            message=message,
            segments=segments,
        )
        for status in statuses
    ]


@st.composite
def deliveries(draw: st.DrawFn, facts: Sequence[Fact]) -> list[list[Fact]]:
    """One way in which facts may arrive: any order, any repeats, cut into batches anywhere."""
    repeats = draw(st.lists(st.sampled_from(facts), max_size=len(facts)))
    queue = draw(st.permutations([*facts, *repeats]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(queue) - 1)), max_size=len(queue))))
    return [list(queue[a:b]) for a, b in zip([0, *cuts], [*cuts, len(queue)], strict=True) if a < b]


class Moved(NamedTuple):
    """Usage that became known: on a day ``back`` days before the period's end (below zero: after it), in a cell."""

    back: int
    cell: Cell
    messages: int
    fees: Decimal


class Month(NamedTuple):
    """What happens between two statements, and to the invoice that follows.

    ``undone``: how many of the usages known so far turn out to be none. ``limits``: what each meter's allowance is from
    now on (None: none), or no change.
    """

    moved: list[Moved]
    undone: int
    limits: Mapping[str, Mapping[str, object] | None] | None
    status: str | None


CELLS = (
    Cell("whatsapp", "marketing", "North America"),
    Cell("whatsapp", "utility", "India"),
    Cell("sms", "sms", "North America"),
)


def late_usage(*, reach_days: int = 130) -> st.SearchStrategy[list[Moved]]:
    """What becomes known between two statements: of the last days mostly, of long ago or of the next days at times."""
    back = st.integers(1, 28) | st.integers(-9, reach_days)
    moved = st.builds(Moved, back=back, cell=st.sampled_from(CELLS), messages=st.integers(1, 9), fees=fees(largest=4))
    return st.lists(moved, max_size=4)


def limits() -> st.SearchStrategy[Mapping[str, Mapping[str, object] | None]]:
    """Allowances of both meters, small enough to be exceeded and returned to, of every kind."""
    included = st.sampled_from(["0.005", "1.00", "3.3333", "8"])
    rule = st.fixed_dictionaries(
        {
            "measure": st.just("fees"),
            "included": included,
            "beyond": st.sampled_from(["bill", "bill", "bill-all", "suspend"]),
        }
    )
    return st.fixed_dictionaries({"whatsapp": rule, "sms": st.none() | rule})


def months() -> st.SearchStrategy[list[Month]]:
    """Some months of late, corrected and ordinary usage, changed limits, and invoices that are void or never paid."""
    month = st.builds(
        Month,
        moved=late_usage(),
        undone=st.sampled_from([0, 0, 0, 1, 2, 9]),
        limits=st.none() | st.none() | limits(),
        status=st.sampled_from([None, None, "void", "uncollectible"]),
    )
    return st.lists(month, min_size=1, max_size=10)
