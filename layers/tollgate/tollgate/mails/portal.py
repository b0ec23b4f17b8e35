"""Mails about the customer's own page: what a link changed there, and a new link to it.

Always true: the mail of a change holds no link. It goes to people who may just have been taken off the list, and to
people whom whoever changed it put there: neither is handed the page anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from tollgate.domain.calendar import local_day
from tollgate.domain.errors import NotFound
from tollgate.domain.portal_links import LINK_DAYS
from tollgate.domain.preferences import Change, Shares
from tollgate.mails.content import Content, Fact, Link, Section
from tollgate.mails.letter import Letter, footer, meter_name, questions
from tollgate.mails.wording import one_line


def settings_changed(letter: Letter) -> Content:
    """Who is told of usage, or at which further shares, was changed with a customer's link."""
    words, change = letter.words, _change(letter)
    said = {
        "name": letter.name,
        "moment": words.moment(letter.notice.at, letter.contract.timezone),
        "next_term": words.day(letter.term.end),
        "shares": _shares(letter, change.passed),
    }
    changed = [
        part
        for part, differs in (
            ("recipients", change.recipients != change.recipients_before),
            ("shares", change.shares != change.shares_before),
        )
        if differs
    ]
    case = changed[0] if len(changed) == 1 else "both"
    passed = (words.say("settings-changed.passed", **said),) if change.passed else ()
    return Content(
        subject=words.say(f"settings-changed.subject.{case}", **said),
        heading=words.say("settings-changed.heading"),
        summary=(words.say("settings-changed.summary", **said), words.say("settings-changed.told"), *passed),
        facts=tuple(_facts(letter, change)),
        sections=(
            Section(words.say("settings-changed.next.title"), (words.say("settings-changed.next.text"),)),
            Section(words.say("settings-changed.do.title"), (words.say("settings-changed.do.text"),)),
            questions(letter, letter.brand.support),
        ),
        footer=footer(letter),
    )


def usage_link(letter: Letter) -> Content:
    """A new link to the customer's page."""
    words, brand = letter.words, letter.brand
    until = local_day(letter.notice.at + timedelta(days=LINK_DAYS), letter.contract.timezone)
    said = {"name": letter.name, "day": words.day(until)}
    return Content(
        subject=words.say("usage-link.subject", **said),
        heading=words.say("usage-link.heading"),
        summary=(words.say("usage-link.summary", **said),),
        facts=(Fact(words.say("fact.link-until"), said["day"]),),
        sections=(
            Section(words.say("usage-link.next.title"), (words.say("usage-link.next.text"),)),
            questions(letter, brand.support),
        ),
        link=Link(words.say("link.portal"), brand.portal_url) if brand.portal_url else None,
        footer=footer(letter),
    )


def _change(letter: Letter) -> Change:
    if letter.notice.change is None:
        raise NotFound("change", f"{letter.notice.tenant} {letter.notice.identity}")
    return letter.notice.change


def _facts(letter: Letter, change: Change) -> Iterable[Fact]:
    words = letter.words
    if change.recipients == change.recipients_before:
        yield Fact(words.say("fact.recipients"), _listed(letter, change.recipients))
    else:
        yield Fact(words.say("fact.recipients-before"), _listed(letter, change.recipients_before))
        yield Fact(words.say("fact.recipients-now"), _listed(letter, change.recipients))
    if change.shares == change.shares_before:
        yield Fact(words.say("fact.shares"), _shares(letter, change.shares))
    else:
        yield Fact(words.say("fact.shares-before"), _shares(letter, change.shares_before))
        yield Fact(words.say("fact.shares-now"), _shares(letter, change.shares))


def _listed(letter: Letter, addresses: Iterable[str]) -> str:
    return letter.words.listed(one_line(address) for address in addresses)


def _shares(letter: Letter, shares: Shares) -> str:
    """``SMS 50% and 90%; WhatsApp 25%``."""
    words = letter.words
    return "; ".join(
        f"{meter_name(words, meter)} {words.listed(words.percent(Decimal(share) / 100) for share in own)}"
        for meter, own in sorted(shares.items())
    ) or words.say("settings-changed.none")
