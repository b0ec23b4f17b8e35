"""Usage in pages: an allowance as a picture and in words, and the use of some days, for our people and for customers.

Always true: every number that a picture shows is in words beside it; an amount is said in its allowance's own measure.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from markupsafe import Markup

from tollgate.console import charts
from tollgate.console.render import WORDS, count, day, money
from tollgate.mails.letter import meter_name
from tollgate.mails.usage import expectation
from tollgate.stages.tenants import Use
from tollgate.stages.used import MeterUse

FEES: Final = "fees"
METER_WIDTH: Final = 420  # of a card or a cell: half a page


def channel(meter: str) -> str:
    """A meter as people call it: ``WhatsApp``."""
    return meter_name(WORDS, meter)


def figure(amount: Decimal, measure: str, currency: str) -> str:
    """An amount in a measure: ``37,500 messages``, ``USD 812.40``."""
    return money(amount, currency) if measure == FEES else f"{count(amount)} {measure}"


def share(use: Use) -> str:
    """How much of an allowance is used, rounded down; empty where nothing is included."""
    return WORDS.share(use.used, use.included) if use.included else ""


def expected(use: Use) -> str:
    """What can be said of the day of the limit."""
    if not use.included:
        return "Nothing is included: all of it is billed."
    said = {"ended": "The term has ended.", "reached": "The limit is reached.", "beyond-term": "Not in this term."}
    found = expectation(use.pace)
    on = use.pace.limit_on
    return f"About {day(on)}." if on is not None else said[found]


def beyond(use: Use) -> str:
    """What happens at the limit."""
    return {
        "suspend": "Suspended at the limit",
        "bill": "Billed beyond it",
        "bill-all": "Billed in full once exceeded",
    }[use.beyond]


def allowance_chart(use: Use, currency: str) -> Markup:
    """An allowance with its lines, as a picture."""
    if not use.included:
        return Markup("")
    marks = [charts.Mark(at=Decimal(line.percent) / 100, label=f"{line.percent} %") for line in use.lines]
    said = figure(use.used, use.measure, currency), figure(use.included, use.measure, currency)
    return charts.meter(
        use.used / use.included,
        name=f"{channel(use.meter)}: {said[0]} of {said[1]}, {share(use)}",
        marks=marks,
        width=METER_WIDTH,
    )


def days_chart(use: MeterUse, measure: str, currency: str) -> Markup:
    """The days of a meter's use as bars; the first of each week has its date under it."""
    bars = [
        charts.Bar(
            label=f"{on:%b} {on.day}" if on.weekday() == 0 else "",
            value=max(totals.measured(measure), Decimal(0)),
            title=f"{day(on)}: {figure(totals.measured(measure), measure, currency)}",
        )
        for on, totals in use.days
    ]
    highest = max((bar.value for bar in bars), default=Decimal(0))
    name = f"{channel(use.meter)} by day, {figure(use.total.measured(measure), measure, currency)} in all"
    return charts.bars(bars, name=name, scale=figure(highest, measure, currency))


def measure_of(meter: str, uses: tuple[Use, ...]) -> str:
    """What a meter is measured in: as its allowance is, else in messages."""
    return next((use.measure for use in uses if use.meter == meter), "messages")


WORDS_OF: Final = {
    "channel": channel,
    "figure": figure,
    "share": share,
    "expected": expected,
    "beyond": beyond,
    "allowance_chart": allowance_chart,
    "days_chart": days_chart,
    "measure_of": measure_of,
}
"""What the templates of usage call."""
