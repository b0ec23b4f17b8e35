"""Usage in pages: an allowance as a picture and in words, and the use of some days, for our people and for customers.

Always true: every number that a picture shows is in words beside it; an amount is said in its allowance's own measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup

from tollgate.console import charts
from tollgate.mails.usage import expectation
from tollgate.mails.wording import Wording
from tollgate.stages.tenants import Use
from tollgate.stages.used import MeterUse

FEES: Final = "fees"
METER_WIDTH: Final = 420  # of a card or a cell: half a page


@dataclass(frozen=True, slots=True)
class UseInWords:
    """What the templates of usage call, in one reader's words."""

    words: Wording

    def channel(self, meter: str) -> str:
        """A meter as people call it: ``WhatsApp``."""
        return self.words.meter(meter)

    def figure(self, amount: Decimal | int, measure: str, currency: str) -> str:
        """An amount in a measure: ``37,500 messages``, ``USD 812.40``."""
        if measure == FEES:
            return self.words.money(Decimal(amount), currency)
        return self.words.counted(f"use.{measure}", amount)

    def share(self, use: Use) -> str:
        """How much of an allowance is used, rounded down; empty where nothing is included."""
        return self.words.share(use.used, use.included) if use.included else ""

    def share_of(self, use: Use, currency: str) -> str:
        """The same, and of how much."""
        if not use.included:
            return ""
        key = "use.share-of-fees" if use.measure == FEES else "use.share-of"
        return self.words.say(key, share=self.share(use), included=self.figure(use.included, use.measure, currency))

    def expected(self, use: Use) -> str:
        """What can be said of the day of the limit."""
        if not use.included:
            return self.words.say("use.expected.none")
        on = use.pace.limit_on
        return self.words.say(f"use.expected.{expectation(use.pace)}", day=self.words.day(on) if on else "")

    def beyond(self, use: Use) -> str:
        """What happens at the limit."""
        return self.words.say(f"use.beyond.{use.beyond}")

    def allowance_chart(self, use: Use, currency: str) -> Markup:
        """An allowance with its lines, as a picture."""
        if not use.included:
            return Markup("")
        marks = [
            charts.Mark(at=(at := Decimal(line.percent) / 100), label=self.words.percent(at)) for line in use.lines
        ]
        used, included = (self.figure(one, use.measure, currency) for one in (use.used, use.included))
        name = self.words.say(
            "use.chart", meter=self.channel(use.meter), used=used, included=included, share=self.share(use)
        )
        return charts.meter(use.used / use.included, name=name, marks=marks, width=METER_WIDTH)

    def days_chart(self, use: MeterUse, measure: str, currency: str) -> Markup:
        """The days of a meter's use as bars; the first of each week has its date under it."""
        words = self.words
        bars = [
            charts.Bar(
                label=words.short_day(on) if on.weekday() == 0 else "",
                value=max(totals.measured(measure), Decimal(0)),
                title=words.say(
                    "use.chart-day",
                    day=words.day(on),
                    amount=self.figure(totals.measured(measure), measure, currency),
                ),
            )
            for on, totals in use.days
        ]
        highest = max((bar.value for bar in bars), default=Decimal(0))
        total = self.figure(use.total.measured(measure), measure, currency)
        name = words.say("use.chart-days", meter=self.channel(use.meter), total=total)
        return charts.bars(bars, name=name, scale=self.figure(highest, measure, currency))

    def measure_of(self, meter: str, uses: tuple[Use, ...]) -> str:
        """What a meter is measured in: as its allowance is, else in messages."""
        return next((use.measure for use in uses if use.meter == meter), "messages")
