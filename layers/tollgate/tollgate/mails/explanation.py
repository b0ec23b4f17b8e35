"""Explanation in words: how the amount of an invoice came to be, and its lines, in the reader's language.

Owns the sentences; the numbers are ``domain.explanation``'s and the statement's own. Always true: amounts in sentences
have every decimal they have, those of lines are the invoice's cents.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from tollgate.domain.explanation import Crossing, Explanation, MeterPart, TermPart
from tollgate.domain.statement import BROUGHT_FORWARD, CARRIED_FORWARD, Line, Statement
from tollgate.mails.wording import Wording


def sentences(explanation: Explanation, words: Wording) -> tuple[str, ...]:
    """Every step, from the fees to what is to be paid."""
    return tuple(_Teller(explanation, words).told())


def crossing_sentence(crossing: Crossing, meter: str, *, currency: str, timezone: str, words: Wording) -> str:
    """The message with which the fees went beyond what is included."""
    amounts = {name: getattr(crossing, name) for name in ("before", "after", "free", "paid")}
    return words.say(
        "explained.crossing",
        included=words.money(crossing.included, currency),
        meter=words.meter(meter),
        moment=words.moment(crossing.at, timezone),
        message=crossing.message.message,
        **{name: words.exact(amount, currency) for name, amount in amounts.items()},
    )


class _Teller:
    """Says the sentences of one explanation."""

    def __init__(self, explanation: Explanation, words: Wording) -> None:
        self._told, self._words = explanation, words

    def told(self) -> Iterable[str]:
        say, told = self._words.say, self._told
        for part in told.terms:
            for meter in part.meters:
                yield from self._meter(meter)
            yield from self._term(part)
        if told.brought:
            yield say("explained.brought", amount=self._money(told.brought))
        if told.carried:
            yield say("explained.carried", amount=self._money(-told.carried))
        yield say("explained.total", amount=self._money(told.total))

    def _money(self, amount: Decimal) -> str:
        return self._words.exact(amount, self._told.currency)

    def _meter(self, part: MeterPart) -> Iterable[str]:
        words, period = self._words, self._told.period
        named = {"meter": words.meter(part.meter), "first": words.day(part.term), "fees": self._money(part.fees)}
        if part.term == self._told.term:
            own, last = part.this_period.fees, words.day(period.end - timedelta(days=1))
            if own == part.fees:
                yield words.say("explained.fees-own", **named, last=last)
            else:
                yield words.say("explained.fees", **named, last=last, own=self._money(own))
        else:
            yield words.say("explained.fees-ended", **named)
        for one in part.adjustments:
            month, fees = words.month(one.period), self._money(one.fees)
            yield words.counted("explained.late", one.messages, signed=True, month=month, fees=fees)
        yield self._allowance(part)

    def _allowance(self, part: MeterPart) -> str:
        say, billed = self._words.say, self._money(part.billable)
        if part.billable and part.free:
            return say("explained.beyond", free=self._money(part.free), billed=billed)
        rule = "all" if part.billable else "within"
        if part.included is None:
            return say(f"explained.{rule}-then", billed=billed)
        return say(f"explained.{rule}", included=self._money(part.included), billed=billed)

    def _term(self, part: TermPart) -> Iterable[str]:
        say = self._words.say
        for meter, billed in part.withdrawn.items():
            yield say("explained.withdrawn", meter=self._words.meter(meter), billed=self._money(billed))
        if part.rounding:
            rounding = self._words.exact(part.rounding, self._told.currency, signed=True)
            yield say("explained.rounded", rounded=self._money(part.rounded), rounding=rounding)
        if part.before:
            yield say("explained.before", amount=self._money(part.before))
        yield say("explained.adds", amount=self._money(part.now))


def line_text(line: Line, statement: Statement, explanation: Explanation, words: Wording) -> str:
    """A statement's line in words, by its key; one of a kind that is not known keeps the words it was written with."""
    if line.key in (BROUGHT_FORWARD, CARRIED_FORWARD):
        return words.say(f"line.{line.key}")
    match line.key.split("/"):
        case ["allowance", meter, *term]:
            return _allowance_line(line, meter, _day(term, statement.term), statement, explanation, words)
        case ["adjustment", meter, period]:
            return words.say("line.late", meter=words.meter(meter), month=words.month(date.fromisoformat(period)))
        case ["adjustment", meter, term, "withdrawn"]:
            return words.say("line.withdrawn", meter=words.meter(meter), day=words.day(date.fromisoformat(term)))
        case [category, *market] if market:
            label = words.category(category)
            return words.say(
                "line.usage", category=label[:1].upper() + label[1:], market=words.market("/".join(market))
            )
    return line.description


def _day(named: list[str], otherwise: date) -> date:
    return date.fromisoformat(named[0]) if named else otherwise


def _allowance_line(
    line: Line, meter: str, term: date, statement: Statement, explanation: Explanation, words: Wording
) -> str:
    """What the allowance takes off or gives back. Its size is named where it is the one that the statement knew."""
    known = statement.known.get(term, {}).get(meter)
    exceeded = known is not None and known.billable > 0
    kind = "included" if line.amount < 0 else "exceeded" if exceeded else "less"
    parts = (part for one in explanation.terms if one.term == term for part in one.meters if part.meter == meter)
    included = next((part.included for part in parts), None)
    if included is None:
        return words.say(f"line.{kind}-then")
    return words.say(f"line.{kind}", included=words.money(included, statement.currency))
