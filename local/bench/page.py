"""What was measured, as Markdown: the same text on the terminal and in ``docs/benchmarks.md``. Pure.

Of the page, the benchmark writes the part between its two marks and leaves the rest as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from local.bench.counting import Cost
from local.bench.pages import Measured as Shown
from local.bench.receipts import Speed
from local.bench.stage import Measured

BEGIN: Final = "<!-- written by `make bench`: from here -->"
END: Final = "<!-- written by `make bench`: to here -->"
TITLE: Final = "# Benchmarks"

RECEIPTS_A_SECOND: Final = 20_000
WRITE_UNITS_A_MESSAGE: Final = Decimal("3.5")
CALLS_A_MESSAGE: Final = Decimal("0.1")
LARGE_BATCH: Final = 100
PAGE_BYTES: Final = 150_000

# On demand, standard tables, US East (N. Virginia), since November 2024.
USD_A_MILLION_WRITE_UNITS: Final = Decimal("0.625")
USD_A_MILLION_READ_UNITS: Final = Decimal("0.125")

ABOUT_RECEIPTS: Final = """\
Means over each provider's samples in `events/` that say something of a message, in microseconds of one core.
*verify*: the proof of a request's origin (–: the benchmark signs none, or the queue's policy is the proof). *parse*:
body to facts. *price*: whose message it is, whether it can be counted, its record, its fee; in batches of a hundred
messages that are new, with prices that were not looked up before. A fact is one status of one message. The figures move
with the machine and with what else it does; how providers compare hardly does."""
ABOUT_PAGES: Final = """\
What a page asks of DynamoDB and how many bytes it is, by the console's own handler; *all* is the answer with the styles
and scripts that it names, which browsers keep. A usual tenant sends 360 messages a day in twelve cells; there are 1,000
of them, each with twelve statements, and every second one's latest draft has a flag. The *large* tenant has 1,000,000
records in its term, 50,000 of them on the day on which its limit is exceeded.

*What is real:* one usual tenant and the large one are written into a local AWS by the product (contract, statements;
term and day rows as so many messages leave them), with 300 of the large one's records. *What is made:* the other 999
tenants are copies of the first under other names, and the records of a month are made while they are read, each as long
as one that metering wrote; a client over memory gives them out in DynamoDB's pages of 1 MB. Every page is first
measured on the real rows in the local AWS and on the same rows out of memory: unless calls, units and bytes are equal,
the run fails. Queues, archive and secrets answer from memory, and are not counted."""
ABOUT_STAGE: Final = """\
The whole `meter` stage over the template's tables on a local AWS: what its calls write and read, counted by DynamoDB's
published rules from the items themselves. Writes to tables are transactional, two units a KB. *Index* is what the
ledger's indexes take, one unit an entry that changes; that a transaction does not double it is UNVERIFIED, and would
add as much again. The rows of the day exist and the rate card is in memory, as in all but the first minute of a day.
All figures are per message. *Again* is a second delivery of the same receipts, which writes nothing (or the run
fails). *Processor* is the function's own time for a first delivery, the SDK's share included."""
ABOUT_MONEY: Final = f"""\
Those units at DynamoDB's on-demand prices in US East (N. Virginia), as published since November 2024:
USD {USD_A_MILLION_WRITE_UNITS} a million write units, {USD_A_MILLION_READ_UNITS} a million read units.
Storage, queues and functions are not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how it was measured, as rows of name and value."""

    rows: Sequence[tuple[str, str]]


def usd_a_million(cost: Cost, messages: int) -> Decimal:
    """What a million messages cost at DynamoDB, in US dollars, at this rate of units."""
    reads = Decimal(cost.read_units.numerator) / cost.read_units.denominator
    return (cost.write_units * USD_A_MILLION_WRITE_UNITS + reads * USD_A_MILLION_READ_UNITS) / messages


def section(
    setting: Setting,
    speeds: Sequence[Speed],
    unsampled: Sequence[str],
    stages: Sequence[Measured],
    shown: Sequence[Shown],
) -> str:
    """Everything that was measured."""
    parts = [_setting(setting), *_receipts(speeds, unsampled), *_stage(stages), *_money(stages), *_pages(shown)]
    return "\n\n".join(parts)


def merged(page: str, section: str) -> str:
    """The page with its measured part replaced; an empty page gets a title. Raises ValueError without the marks."""
    marked = f"{BEGIN}\n\n{section}\n\n{END}"
    if not page.strip():
        return f"{TITLE}\n\n{marked}\n"
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has lost the marks between which measurements stand")
    return before + marked + after


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned; all but the first to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    top, *cells = (
        [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        for row in (head, *rows)
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in (top, rule, *cells))


def _setting(setting: Setting) -> str:
    return table(("measured", "with"), setting.rows)


def _receipts(speeds: Sequence[Speed], unsampled: Sequence[str]) -> Iterator[str]:
    yield "## A receipt in processor time"
    yield ABOUT_RECEIPTS
    head = ("provider", "samples", "facts a receipt", "verify µs", "parse µs", "price µs", "receipts/s", "facts/s")
    rows = [
        (
            speed.provider,
            str(speed.samples),
            f"{speed.facts:.1f}",
            "–" if speed.verify_us is None else f"{speed.verify_us:.0f}",
            f"{speed.parse_us:.0f}",
            f"{speed.price_us:.0f}",
            f"{speed.receipts_per_second:,.0f}",
            f"{speed.facts_per_second:,.0f}",
        )
        for speed in speeds
    ]
    yield table(head, rows)
    verdict = _verdict(speed.provider for speed in speeds if speed.facts_per_second < RECEIPTS_A_SECOND)
    yield f"Aim: {RECEIPTS_A_SECOND:,} receipts of one status each a second and core for parse and price: {verdict}."
    verdict = _verdict(speed.provider for speed in speeds if speed.receipts_per_second < RECEIPTS_A_SECOND)
    yield f"By whole receipts, which may hold any number of statuses: {verdict}."
    if unsampled:
        yield f"Without samples of messages, so not measured: {', '.join(unsampled)}."


def _verdict(slow: Iterable[str]) -> str:
    names = ", ".join(slow)
    return f"missed by {names}" if names else "met by all"


def _stage(stages: Sequence[Measured]) -> Iterator[str]:
    yield "## A message in DynamoDB's units"
    yield ABOUT_STAGE
    head = (
        *("traffic", "batch", "calls", "transactions", "write units", "of these index", "read units"),
        *("calls again", "read units again", "processor µs"),
    )
    yield table(head, [_stage_row(one) for one in stages])
    large = [one for one in stages if one.size >= LARGE_BATCH]
    aim = f"at most {WRITE_UNITS_A_MESSAGE} write units and {CALLS_A_MESSAGE} calls a message"
    yield f"Aim: {aim} in batches of {LARGE_BATCH} and more. {_missed(large)}"


def _stage_row(one: Measured) -> tuple[str, ...]:
    return (
        one.scenario,
        f"{one.size:,}",
        _per(one.first.calls, one),
        _per(one.first.transactions, one),
        _per(one.first.write_units, one),
        _per(one.first.index_units, one),
        _per(one.first.read_units, one),
        _per(one.repeat.calls, one),
        _per(one.repeat.read_units, one),
        f"{one.cpu_seconds * 1e6 / one.messages:,.0f}",
    )


def _per(amount: int | Fraction, one: Measured) -> str:
    return f"{float(Fraction(amount) / one.messages):.3f}"


def _missed(stages: Sequence[Measured]) -> str:
    missed = [
        f"{one.scenario} in batches of {one.size:,} ({' and '.join(what)})"
        for one in stages
        if (what := list(_too_many(one)))
    ]
    return f"Missed by: {'; '.join(missed)}." if missed else "Met by all."


def _too_many(one: Measured) -> Iterator[str]:
    if one.first.write_units > WRITE_UNITS_A_MESSAGE * one.messages:
        yield "write units"
    if one.first.calls > CALLS_A_MESSAGE * one.messages:
        yield "calls"


def _money(stages: Sequence[Measured]) -> Iterator[str]:
    yield "## A million messages in dollars"
    yield ABOUT_MONEY
    sizes = sorted({one.size for one in stages})
    by_name: dict[str, Mapping[int, Measured]] = {}
    for one in stages:
        by_name[one.scenario] = {**by_name.get(one.scenario, {}), one.size: one}
    rows = [
        (name, *(f"{usd_a_million(own[size].first, own[size].messages):.2f}" for size in sizes))
        for name, own in by_name.items()
    ]
    yield table(("USD a million messages, in batches of", *(f"{size:,}" for size in sizes)), rows)
    again = [usd_a_million(one.repeat, one.messages) for one in stages if one.size >= LARGE_BATCH]
    cost = f"USD {min(again):.2f} to {max(again):.2f}"
    yield f"A repeat in batches of {LARGE_BATCH} or more only reads, and costs {cost} a million messages."


def _pages(shown: Sequence[Shown]) -> Iterator[str]:
    yield "## A page in DynamoDB's units"
    yield ABOUT_PAGES
    head = ("page", "calls", "read units", "bytes", "all")
    yield table(head, [_page_row(one) for one in shown])
    over = ", ".join(one.name for one in shown if one.size_bytes + one.assets_bytes > PAGE_BYTES)
    yield f"Aim: at most {PAGE_BYTES:,} bytes in all. {f'Missed by: {over}.' if over else 'Met by all.'}"


def _page_row(one: Shown) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.cost.calls:,}",
        f"{float(one.cost.read_units):,.1f}",
        f"{one.size_bytes:,}",
        f"{one.size_bytes + one.assets_bytes:,}",
    )
