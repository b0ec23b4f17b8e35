"""Rendering: a notice's content, laid out as text and as HTML from the same words.

Always true: HTML is escaped by the template engine, never by hand; a subject has no line break in it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import (
    AUDIENCE,
    LIMIT_REACHED,
    OVERDUE,
    REINSTATED,
    SETTINGS_CHANGED,
    SUSPENDED,
    USAGE_LINK,
    USAGE_WARNING,
    Hold,
    Notice,
)
from tollgate.mails import payment, portal, usage
from tollgate.mails.brand import Brand
from tollgate.mails.content import Content, Fact, Section
from tollgate.mails.letter import Letter
from tollgate.mails.wording import STAFF_LOCALE, Wording, one_line, wording
from tollgate.stages.ports.mail import Mail

TEMPLATES: Final = Path(__file__).parent / "templates"
OPS_LOCALE: Final = STAFF_LOCALE

KINDS: Final[Mapping[str, Callable[[Letter], Content]]] = {
    USAGE_WARNING: usage.usage_warning,
    LIMIT_REACHED: usage.limit_reached,
    OVERDUE: payment.overdue,
    SUSPENDED: payment.suspended,
    REINSTATED: payment.reinstated,
    SETTINGS_CHANGED: portal.settings_changed,
    USAGE_LINK: portal.usage_link,
}
"""What each kind of notice says."""

_LINE_LONGEST: Final = 76
_ADDRESS: Final = re.compile(r"\S+@\S+")


def render(
    notice: Notice,
    contract: Contract,
    *,
    allowance: Allowance | None = None,
    invoice: Invoice | None = None,
    open_holds: Sequence[Hold] = (),
    brand: Brand,
) -> Mail:
    """The mail of a notice, to the contacts of ``contract``, the version in force when the notice was given; of a
    change, to everybody whom that concerns.

    ``allowance``: the one a usage notice is about, from the version that holds for its term. ``invoice``: the one an
    invoice's notice is about. ``open_holds``: the tenant's open holds, so that nothing is called usable that is not.
    Raises NotFound when what the kind needs was not given, KeyError for a kind that has no mail.
    """
    letter = Letter(
        notice=notice,
        contract=contract,
        allowance=allowance,
        invoice=invoice,
        open_holds=tuple(hold for hold in open_holds if hold.is_open),
        brand=brand,
        words=wording(contract.locale),
    )
    return laid_out(
        KINDS[notice.kind](letter),
        to=notice.change.told
        if notice.change
        else contract.contacts.of("usage" if AUDIENCE[notice.kind] == "usage" else "billing"),
        reference={"tenant": notice.tenant, "notice": notice.identity},
        words=letter.words,
        brand=brand,
    )


def render_undelivered(notice: Notice, *, reason: str, to: Sequence[str], brand: Brand) -> Mail:
    """The mail that tells ops that a notice's mail did not arrive; it names no customer's address.

    Its reference differs from the notice's, so that what becomes of it is never taken for what became of the notice.
    """
    words = wording(OPS_LOCALE)
    said = {"tenant": notice.tenant, "kind": notice.kind, "reason": one_line(_ADDRESS.sub("(address)", reason))}
    rows = [*said.items(), ("notice", notice.identity)]
    content = Content(
        subject=words.say("undelivered.subject", **said),
        heading=words.say("undelivered.heading"),
        summary=(words.say("undelivered.summary"),),
        facts=tuple(Fact(words.say(f"fact.{key}"), value) for key, value in rows),
        sections=(
            Section(words.say("undelivered.next.title"), (words.say("undelivered.next.text"),)),
            Section(words.say("undelivered.do.title"), (words.say("undelivered.do.text", **said),)),
        ),
        footer=(words.say("undelivered.footer", brand=brand.name),),
    )
    reference = {"tenant": notice.tenant, "undelivered": notice.identity}
    return laid_out(content, to=tuple(to), reference=reference, words=words, brand=brand)


def laid_out(
    content: Content, *, to: tuple[str, ...], reference: Mapping[str, str], words: Wording, brand: Brand
) -> Mail:
    """A content as a mail."""
    values = {"content": content, "brand": brand, "language": words.locale.language}
    return Mail(
        to=to,
        subject=one_line(content.subject, longest=300),
        text=environment().get_template("mail.txt.j2").render(values),
        html=environment().get_template("mail.html.j2").render(values),
        reference=reference,
    )


@lru_cache
def environment() -> Environment:
    """The template engine: HTML templates escape by themselves, and an unknown name is an error."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    engine.filters["wrapped"] = wrapped
    return engine


def wrapped(text: str) -> str:
    """A paragraph in lines that any mail program shows; an address to follow is never broken."""
    return textwrap.fill(text, _LINE_LONGEST, break_long_words=False, break_on_hyphens=False)
