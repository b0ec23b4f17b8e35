"""The mail to finance that drafts wait for review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tollgate.domain.calendar import Span, add_months
from tollgate.domain.drafts import PLATFORM, DraftsNotice
from tollgate.mails.brand import Brand, web_address
from tollgate.mails.content import Content, Fact, Link, Section
from tollgate.mails.render import OPS_LOCALE, laid_out
from tollgate.mails.wording import Wording, wording
from tollgate.stages.ports.mail import Mail

FINANCE_LOCALE: Final = OPS_LOCALE


def render_drafts(notice: DraftsNotice, *, to: Sequence[str], console: str, brand: Brand) -> Mail:
    """The mail of a drafts notice. ``console``: the address of the review; empty leaves the link out."""
    words = wording(FINANCE_LOCALE)
    months = words.listed(words.span(Span(month, add_months(month, 1))) for month in notice.months)
    totals = words.listed(words.money(amount, currency) for currency, amount in notice.totals.items())
    said = {
        "count": _drafts(words, notice.count), "months": months, "totals": totals,
        "news": words.whole(notice.news), "brand": brand.name,
    }  # fmt: skip
    flagged = notice.count - notice.clean
    raised = [
        Fact(words.say(words.known(f"flag.{name}", "flag.other"), name=name), words.whole(count))
        for name, count in notice.flags.items()
    ]
    content = Content(
        subject=words.say("drafts.subject", **said),
        heading=words.say("drafts.heading", **said),
        summary=(words.say("drafts.summary", **said),),
        facts=(
            Fact(words.say("fact.months"), months),
            Fact(words.say("fact.total"), totals),
            Fact(words.say("fact.news"), said["news"]),
            Fact(words.say("fact.clean"), words.whole(notice.clean)),
            Fact(words.say("fact.flagged"), words.whole(flagged)),
            *raised,
        ),
        sections=(
            Section(words.say("drafts.next.title"), (words.say("drafts.next.text"),)),
            Section(words.say("drafts.do.title"), _to_do(words, clean=notice.clean, flagged=flagged)),
        ),
        link=Link(words.say("link.review"), console) if web_address(console) else None,
        footer=(words.say("drafts.footer", **said), words.say("drafts.reference", notice=notice.identity)),
    )
    return laid_out(
        content, to=tuple(to), reference={"tenant": PLATFORM, "drafts": notice.identity}, words=words, brand=brand
    )


def _to_do(words: Wording, *, clean: int, flagged: int) -> tuple[str, ...]:
    kinds = (("drafts.do.clean", clean), ("drafts.do.flagged", flagged))
    return tuple(words.say(key) for key, count in kinds if count)


def _drafts(words: Wording, count: int) -> str:
    return words.say("drafts.one" if count == 1 else "drafts.many", count=words.whole(count))
