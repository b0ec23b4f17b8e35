"""A letter: what is known when a notice's mail is written. The kinds of mail each read what they need of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from tollgate.domain.calendar import Term, local_day
from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.errors import NotFound
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import ALL_SERVICES, AUDIENCE, LIMIT, OVERDUE, Hold, Notice
from tollgate.mails.brand import Brand
from tollgate.mails.content import Section
from tollgate.mails.wording import Wording, one_line

# A name may have 200 characters, of which a subject line shows few.
_NAME_LONGEST: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``contract`` is the version in force when the notice was given; ``allowance`` the one the notice is about (None
    for an invoice's); ``invoice`` the one it is about (None for usage); ``open_holds`` those open at writing."""

    notice: Notice
    contract: Contract
    allowance: Allowance | None
    invoice: Invoice | None
    open_holds: Sequence[Hold]
    brand: Brand
    words: Wording

    @property
    def name(self) -> str:
        """Who it is about, short enough for a subject."""
        return one_line(self.contract.name, _NAME_LONGEST)

    @property
    def term(self) -> Term:
        """The term that the notice belongs to."""
        return self.contract.term_on(self.notice.term)

    @property
    def told_on(self) -> date:
        """The day of the notice in the contract's time zone."""
        return local_day(self.notice.at, self.contract.timezone)

    def the_allowance(self) -> Allowance:
        """The allowance of a usage notice. Raises NotFound when it was not given."""
        if self.allowance is None:
            raise NotFound("allowance", f"{self.notice.tenant} {self.notice.meter}")
        return self.allowance

    def the_invoice(self) -> Invoice:
        """The invoice of an invoice's notice. Raises NotFound when it was not given."""
        if self.invoice is None:
            raise NotFound("invoice", f"{self.notice.tenant} {self.notice.period}")
        return self.invoice


def meter_name(words: Wording, meter: str) -> str:
    """A meter as people call it: ``WhatsApp``; one the catalogue does not know keeps its own name."""
    return words.meter(meter)


def service_name(words: Wording, scope: str) -> str:
    """What a hold suspends: a meter, or all services."""
    return words.say("service.all") if scope == ALL_SERVICES else meter_name(words, scope)


def hold_paragraphs(letter: Letter, holds: Sequence[Hold]) -> tuple[str, ...]:
    """One sentence a hold: what is suspended, since when, why, and what ends it."""
    return tuple(_hold_paragraph(letter, hold) for hold in holds)


def _hold_paragraph(letter: Letter, hold: Hold) -> str:
    words, contract = letter.words, letter.contract
    service = service_name(words, hold.scope)
    since = words.day(local_day(hold.opened_at, contract.timezone))
    # A reference begins with the day that names its cause: a term's or an invoice's first.
    first = hold.reference[:10]
    if hold.cause == LIMIT:
        next_term = words.day(contract.term_on(date.fromisoformat(first)).end)
        return words.say("hold.limit", service=service, since=since, next_term=next_term)
    if hold.cause == OVERDUE:
        return words.say("hold.overdue", service=service, since=since, first=words.day(date.fromisoformat(first)))
    return words.say("hold.other", service=service, since=since, cause=one_line(hold.cause))


def questions(letter: Letter, address: str) -> Section:
    """Whom to ask."""
    words = letter.words
    return Section(words.say("ask.title"), (words.say("ask.text", address=address),))


def footer(letter: Letter) -> tuple[str, ...]:
    """Why one gets this mail, and what to quote when asking."""
    words, notice = letter.words, letter.notice
    return (
        words.say(
            words.known(f"footer.{notice.kind}", f"footer.{AUDIENCE[notice.kind]}"), name=one_line(letter.contract.name)
        ),
        words.say("footer.reference", tenant=notice.tenant, notice=notice.identity),
    )
