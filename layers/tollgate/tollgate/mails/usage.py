"""Mails about an allowance: a line that warns, and the limit reached (suspended beyond it, or billed beyond it)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tollgate.domain.contract import Allowance
from tollgate.domain.money import ZERO
from tollgate.domain.notices import LIMIT, Hold
from tollgate.domain.pace import Pace, pace
from tollgate.mails.content import Bar, Content, Fact, Link, Section
from tollgate.mails.letter import Letter, footer, hold_paragraphs, meter_name, questions
from tollgate.mails.wording import last_day

SUSPEND: Final = "suspend"
LIFTED: Final = "lifted"
ENDED: Final = "ended"
REACHED: Final = "reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What both mails say of an allowance, in numbers; ``said`` are the same as text, by the catalogue's names."""

    allowance: Allowance
    used: Decimal
    included: Decimal
    pace: Pace
    said: dict[str, str]

    @property
    def share(self) -> Decimal:
        """The part of the allowance that is used; above 1 beyond it."""
        return self.used / self.included


def usage_warning(letter: Letter) -> Content:
    """A share of the allowance is used; the limit is still ahead, or was jumped over in the same moment: then what
    follows is for the limit's own mail to say."""
    words, use = letter.words, _use_of(letter)
    expected = expectation(use.pace)
    said = use.said | {"day": _day(letter, use.pace)}
    ahead = expected in ("about", "beyond-term")
    summary = "usage-warning.summary-ended" if expected == ENDED else "usage-warning.summary"
    return Content(
        subject=words.say(f"usage-warning.subject.{expected}", **said),
        heading=words.say("usage-warning.heading", **said),
        summary=(
            words.say(summary, **said),
            *((words.say("usage-warning.asked", **said),) if letter.notice.asked else ()),
            words.say(f"usage-warning.pace.{expected}", **said),
        ),
        bar=_bar(letter, use),
        facts=_facts(letter, use, expected=words.say(f"expected.{expected}", **said) if ahead else ""),
        sections=(
            *(() if expected == REACHED else _what_follows(letter, use)),
            questions(letter, letter.brand.support),
        ),
        link=_portal(letter),
        footer=footer(letter),
    )


def _what_follows(letter: Letter, use: _Use) -> tuple[Section, Section]:
    """What happens at the limit, or any more at all, and what one can do about it."""
    words = letter.words
    rule = ENDED if use.pace.ended else use.allowance.beyond
    advice = "bill" if rule == "bill-all" else rule
    title = "usage-warning.next.title-ended" if use.pace.ended else "usage-warning.next.title"
    return (
        Section(words.say(title), (words.say(f"usage-warning.next.{rule}", **use.said),)),
        Section(words.say("usage-warning.do.title"), (words.say(f"usage-warning.do.{advice}", **use.said),)),
    )


def limit_reached(letter: Letter) -> Content:
    """The allowance is used up: its meter is suspended, or what goes beyond it is billed."""
    words, use = letter.words, _use_of(letter)
    case = _case(letter, use)
    advice = {"bill-all": "bill", LIFTED: ENDED}.get(case, case)
    heading = use.allowance.beyond if case == ENDED else case
    day = words.day(last_day(letter.term) if case == ENDED else letter.told_on)
    said = use.said | {"day": day}
    title = words.say("usage-warning.heading" if case == ENDED else f"limit-reached.heading.{heading}", **said)
    what_next = (words.say(f"limit-reached.next.{case}", **said), *_also_held(letter, case))
    return Content(
        subject=words.say(f"limit-reached.subject.{case}", **said),
        heading=title,
        summary=(words.say(f"limit-reached.summary.{case}", **said),),
        bar=_bar(letter, use),
        facts=_facts(letter, use, expected=""),
        sections=(
            Section(words.say("limit-reached.next.title"), what_next),
            Section(words.say("limit-reached.do.title"), (words.say(f"limit-reached.do.{advice}", **said),)),
            questions(letter, letter.brand.support),
        ),
        link=_portal(letter),
        footer=footer(letter),
    )


def expectation(found: Pace) -> str:
    """What may be said of the day of the limit: ``ended``, ``reached``, ``about`` (a day) or ``beyond-term``."""
    if found.ended:
        return ENDED
    if found.reached:
        return REACHED
    return "about" if found.limit_on else "beyond-term"


def _case(letter: Letter, use: _Use) -> str:
    if use.pace.ended:
        return ENDED
    if use.allowance.beyond != SUSPEND:
        return use.allowance.beyond
    return SUSPEND if any(_is_own(letter, hold) for hold in letter.open_holds) else LIFTED


def _is_own(letter: Letter, hold: Hold) -> bool:
    # Whatever the limit was when the hold opened, it is this meter's limit in this term that suspends.
    return (
        hold.scope == letter.notice.meter and hold.cause == LIMIT and hold.reference.startswith(str(letter.notice.term))
    )


def _also_held(letter: Letter, case: str) -> tuple[str, ...]:
    others = [hold for hold in letter.open_holds if not (case == SUSPEND and _is_own(letter, hold))]
    return (letter.words.say("limit-reached.also-held"), *hold_paragraphs(letter, others)) if others else ()


def _use_of(letter: Letter) -> _Use:
    notice, allowance, words = letter.notice, letter.the_allowance(), letter.words
    included = allowance.included if notice.included is None else notice.included
    meter = notice.meter or ""
    found = pace(used=notice.used, included=included, term=letter.term, at=notice.at, timezone=letter.contract.timezone)
    said = {
        "name": letter.name,
        "meter": meter_name(words, meter),
        "used": quantity(letter, notice.used),
        "figure": _figure(letter, notice.used),
        "included": quantity(letter, included),
        "share": words.share(notice.used, included),
        "line": words.percent(Decimal(notice.line or 0) / 100),
        "next_term": words.day(letter.term.end),
        "moment": words.moment(notice.at, letter.contract.timezone),
        "days": str(letter.contract.payment.days_until_due),
    }
    return _Use(allowance=allowance, used=notice.used, included=included, pace=found, said=said)


def quantity(letter: Letter, amount: Decimal) -> str:
    """An amount in the allowance's measure, with what it counts: ``50,000 SMS``, ``USD 1,000.00 in WhatsApp fees``."""
    words, measure, meter = letter.words, letter.the_allowance().measure, letter.notice.meter or ""
    key = words.known(f"quantity.{measure}.{meter}", f"quantity.{measure}.other")
    return words.say(key, count=_figure(letter, amount), meter=meter_name(words, meter))


def _figure(letter: Letter, amount: Decimal) -> str:
    if letter.the_allowance().measure == "fees":
        return letter.words.money(amount, letter.contract.currency)
    return letter.words.count(amount)


def _facts(letter: Letter, use: _Use, *, expected: str) -> tuple[Fact, ...]:
    words, contract = letter.words, letter.contract
    left = use.included - use.used
    period = words.say("format.period", span=words.span(letter.term), timezone=contract.timezone.replace("_", " "))
    rows = [
        ("used", quantity(letter, use.used)),
        ("included", quantity(letter, use.included)),
        ("share", use.said["share"]),
        ("remaining", quantity(letter, max(left, ZERO))),
        ("beyond", quantity(letter, -left) if left < ZERO else ""),
        ("term", period),
        ("as-of", use.said["moment"]),
        ("per-day", quantity(letter, use.pace.per_day)),
        ("limit-expected", expected),
    ]
    return tuple(Fact(words.say(f"fact.{key}"), value) for key, value in rows if value)


def _bar(letter: Letter, use: _Use) -> Bar:
    return Bar(use.share, letter.words.say("bar.label", share=use.said["share"]))


def _day(letter: Letter, found: Pace) -> str:
    return letter.words.day(found.limit_on or last_day(letter.term))


def _portal(letter: Letter) -> Link | None:
    url = letter.brand.portal_url
    return Link(letter.words.say("link.portal"), url) if url else None
