"""Mails about an invoice: overdue, suspended over it, and reinstated once it is settled."""

from __future__ import annotations

from typing import Final

from tollgate.domain.invoices import PAID, SETTLED, VOID, overdue_hold
from tollgate.domain.notices import ALL_SERVICES, OVERDUE
from tollgate.mails.brand import web_address
from tollgate.mails.content import Content, Fact, Link, Section
from tollgate.mails.letter import Letter, footer, hold_paragraphs, questions, service_name
from tollgate.mails.wording import one_line

_SETTLED_AS: Final = {PAID: "paid", VOID: "void"}


def overdue(letter: Letter) -> Content:
    """An invoice is past its due date: what is owed, and the day on which services stop unless it is paid. Threatens
    nothing when it has been settled meanwhile."""
    words, said = letter.words, _said(letter)
    settled = letter.the_invoice().status in SETTLED
    tense = "-settled" if settled else ""
    rows = ("invoice-total", "due-date") if settled else ("amount-due", "due-date", "suspension")
    what_follows = (
        Section(words.say("overdue.next.title"), (words.say("overdue.next.text", **said),)),
        Section(words.say("overdue.do.title"), (_how_to_pay(letter),)),
    )
    return Content(
        subject=words.say(f"overdue.subject{tense}", **said),
        heading=words.say(f"overdue.heading{tense}", **said),
        summary=(words.say(f"overdue.summary{tense}", **said),),
        facts=_facts(letter, "invoice", "covers", *rows),
        sections=(*(() if settled else what_follows), questions(letter, letter.brand.billing)),
        link=None if settled else _pay(letter),
        footer=footer(letter),
    )


def suspended(letter: Letter) -> Content:
    """An overdue invoice has suspended all services; says so in the past when it has been settled meanwhile."""
    words, said = letter.words, _said(letter)
    own = overdue_hold(letter.the_invoice(), at=letter.notice.at).identity
    others = [hold for hold in letter.open_holds if hold.identity != own]
    still = len(others) < len(letter.open_holds)
    tense = "" if still else "-lifted"
    rows = ("amount-due", "due-date", "suspended-since") if still else ("invoice-total", "due-date")
    also = (words.say("suspended.also-held"), *hold_paragraphs(letter, others)) if others else ()
    what_next = (*((words.say("suspended.next.text"),) if still else ()), *also)
    to_do = words.say("reinstated.do.some" if others else "reinstated.do.all")
    sections = (
        Section(words.say("suspended.next.title"), what_next),
        Section(words.say("suspended.do.title"), (_how_to_pay(letter) if still else to_do,)),
        questions(letter, letter.brand.billing),
    )
    return Content(
        subject=words.say(f"suspended.subject{tense}", **said),
        heading=words.say(f"suspended.heading{tense}"),
        summary=(words.say(f"suspended.summary{tense}", **said),),
        facts=_facts(letter, "invoice", "covers", *rows),
        sections=tuple(section for section in sections if section.paragraphs),
        link=_pay(letter) if still else None,
        footer=footer(letter),
    )


def reinstated(letter: Letter) -> Content:
    """What an invoice had suspended is suspended by it no more; names whatever else still suspends something."""
    words, held = letter.words, letter.open_holds
    extent = "some" if held else "all"
    said = _said(letter) | {"services": _services(letter)}
    usable = "none" if any(hold.scope == ALL_SERVICES for hold in held) else extent
    settled_as = _SETTLED_AS.get(letter.the_invoice().status, "settled")
    sections = (
        Section(words.say("reinstated.held.title"), hold_paragraphs(letter, held)),
        Section(words.say("reinstated.next.title"), (words.say(f"reinstated.next.{usable}"),)),
        Section(words.say("reinstated.do.title"), (words.say(f"reinstated.do.{extent}"),)),
        questions(letter, letter.brand.billing),
    )
    return Content(
        subject=words.say(f"reinstated.subject.{extent}", **said),
        heading=words.say(f"reinstated.heading.{extent}"),
        summary=(
            words.say(f"reinstated.summary.{settled_as}", **said),
            words.say(f"reinstated.lifted.{extent}", **said),
        ),
        facts=_facts(letter, "invoice", "covers", "invoice-total", "reinstated"),
        sections=tuple(section for section in sections if section.paragraphs),
        link=None,
        footer=footer(letter),
    )


def _services(letter: Letter) -> str:
    scopes = {hold.scope for hold in letter.open_holds}
    named = [ALL_SERVICES] if ALL_SERVICES in scopes else sorted(scopes)
    return letter.words.listed(service_name(letter.words, scope) for scope in named) if named else ""


def _said(letter: Letter) -> dict[str, str]:
    words, notice, invoice, timezone = letter.words, letter.notice, letter.the_invoice(), letter.contract.timezone
    stops_on = notice.suspend_on or letter.told_on
    moment = words.moment(notice.at, timezone)
    return {
        "name": letter.name,
        "invoice": _invoice_name(letter, "invoice."),
        "amount": words.money(notice.used, invoice.statement.currency),
        "due": words.day(invoice.due_date) if invoice.due_date else "",
        "day": words.day(stops_on if notice.kind == OVERDUE else letter.told_on),
        "moment": moment,
        "as_of": moment,
    }


def _invoice_name(letter: Letter, prefix: str) -> str:
    words, invoice = letter.words, letter.the_invoice()
    if invoice.number:
        return words.say(f"{prefix}numbered", number=one_line(invoice.number))
    return words.say(f"{prefix}unnumbered", span=words.span(invoice.statement.period))


def _facts(letter: Letter, *keys: str) -> tuple[Fact, ...]:
    words, invoice, said = letter.words, letter.the_invoice(), _said(letter)
    values = {
        "invoice": _invoice_name(letter, "invoice.row."),
        "covers": words.span(invoice.statement.period),
        "amount-due": said["amount"],
        "due-date": said["due"],
        "suspension": said["day"],
        "suspended-since": said["moment"],
        "invoice-total": words.money(invoice.statement.total, invoice.statement.currency),
        "reinstated": said["moment"],
    }
    return tuple(Fact(words.say(f"fact.{key}"), values[key]) for key in keys if values[key])


def _how_to_pay(letter: Letter) -> str:
    url = web_address(letter.the_invoice().hosted_url)
    return letter.words.say("overdue.do.pay", url=url) if url else letter.words.say("overdue.do.ask")


def _pay(letter: Letter) -> Link | None:
    url = web_address(letter.the_invoice().hosted_url)
    return Link(letter.words.say("overdue.label"), url) if url else None
