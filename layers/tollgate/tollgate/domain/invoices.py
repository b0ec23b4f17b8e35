"""Invoices: a statement with its revision, what finance decided, and what Stripe says of it.

Always true: only a draft changes its content, and each change is a new revision; an approval names the revision that
was read; a payment in full lifts the hold of this invoice and of no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from tollgate.domain.errors import Conflict, Invalid, Problem, RevisionChanged
from tollgate.domain.money import ZERO
from tollgate.domain.notices import ALL_SERVICES, OVERDUE, REINSTATED, SUSPENDED, Hold, Notice
from tollgate.domain.statement import DRAFT, Earlier, Line, Statement

APPROVED: Final = "approved"
OPEN: Final = "open"
PAID: Final = "paid"
VOID: Final = "void"
UNCOLLECTIBLE: Final = "uncollectible"
SETTLED: Final = frozenset({PAID, VOID})
LONGEST_NOTE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """How sending an approved invoice to Stripe went so far.

    ``flagged``: somebody must look. It is tried once a day from then on, by the daily run, until the cause is gone.
    ``key_attempt`` numbers the idempotency keys: it moves on only when Stripe has stored a failure under one.
    """

    attempts: int = 0
    key_attempt: int = 0
    error: str = ""
    flagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What finance wrote beside a draft that it sent back."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A credit note. ``reference`` names it before Stripe does; ``number`` is Stripe's, empty until it is issued.

    ``refused``: why Stripe did not take it; such a one credits nothing.
    """

    reference: str
    amount: Decimal
    reason: str
    by: str
    at: datetime
    number: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A statement and everything that has happened to it. ``version`` 0: not written yet.

    ``status``: draft, nil, carried, approved, open, paid, void, uncollectible. ``remaining``: what Stripe says is still
    owed, once issued. ``overdue_on``: the day the past-due notice was given; ``suspend_on``: what it announced;
    ``suspended_on``: the day it came to that. ``first_approved_by``: of two people, the first; ``sent_back``: why a
    draft waits for a new revision. ``issued_again``: how often it was voided and made a draft again.
    """

    statement: Statement
    status: str
    revision: int = 1
    flags: tuple[str, ...] = ()
    first_approved_by: str = ""
    first_approved_at: datetime | None = None
    sent_back: Remark | None = None
    approved_by: str = ""
    approved_at: datetime | None = None
    due_date: date | None = None
    stripe_invoice: str = ""
    number: str = ""
    hosted_url: str = ""
    pdf_url: str = ""
    remaining: Decimal | None = None
    overdue_on: date | None = None
    suspend_on: date | None = None
    suspended_on: date | None = None
    push: Push = field(default_factory=Push)
    credits: tuple[Credit, ...] = ()
    issued_again: int = 0
    version: int = 0

    @property
    def tenant(self) -> str:
        return self.statement.tenant

    @property
    def name(self) -> str:
        """The period's first day, by which an invoice of a tenant is named."""
        return str(self.statement.period.start)


def draft(statement: Statement, *, flags: Sequence[str] = ()) -> Invoice:
    """The invoice of a period that is stated for the first time."""
    return Invoice(statement=statement, status=statement.kind, flags=tuple(flags))


def refreshed(invoice: Invoice, statement: Statement, *, flags: Sequence[str] = ()) -> Invoice:
    """A draft brought up to date: a new revision when its content moved, else the same invoice."""
    if invoice.status != DRAFT:
        raise Conflict(f"invoice {invoice.name} of {invoice.tenant} is {invoice.status} and cannot change")
    if statement == invoice.statement and tuple(flags) == invoice.flags:
        return invoice
    if statement == invoice.statement:
        return replace(invoice, flags=tuple(flags))
    return as_new_revision(replace(invoice, statement=statement, status=statement.kind, flags=tuple(flags)))


def as_new_revision(invoice: Invoice) -> Invoice:
    """With the next number, and without what was said of the one before."""
    return replace(invoice, revision=invoice.revision + 1, first_approved_by="", first_approved_at=None, sent_back=None)


def approve(
    invoice: Invoice,
    *,
    revision: int,
    read: Statement | None,
    by: str,
    at: datetime,
    due_date: date,
    second_above: Decimal | None = None,
) -> Invoice:
    """Approve the revision that was read. ``read`` is the content of the named revision, where it is still known.

    A total above ``second_above`` takes two different people: it stays a draft until the second has approved the same
    revision. Raises RevisionChanged when it is no longer the current one, Conflict when the invoice is not a draft,
    Invalid when nobody is named. Approving again what the same person approved at the same revision changes nothing.
    """
    named("approval", by, "approves")
    _current(invoice, revision, read)
    if invoice.status != DRAFT and by in (invoice.approved_by, invoice.first_approved_by):
        return invoice
    _only_draft(invoice)
    two = second_above is not None and invoice.statement.total > second_above
    if two and not invoice.first_approved_by:
        return replace(invoice, first_approved_by=by, first_approved_at=at, sent_back=None)
    if two and _same_person(invoice.first_approved_by, by):
        return invoice
    return replace(
        invoice, status=APPROVED, approved_by=by, approved_at=at, due_date=due_date, remaining=None, sent_back=None
    )


def send_back(invoice: Invoice, *, revision: int, read: Statement | None, note: str, by: str, at: datetime) -> Invoice:
    """The draft with a note why it is not approved as it is; a first approval of it is withdrawn.

    Raises as ``approve`` does, and Invalid without a note.
    """
    named("sending back", by, "sends it back")
    written("sending back", "note", note)
    _current(invoice, revision, read)
    _only_draft(invoice)
    if invoice.sent_back is not None and (invoice.sent_back.text, invoice.sent_back.by) == (note, by):
        return invoice
    return replace(invoice, sent_back=Remark(text=note, by=by, at=at), first_approved_by="", first_approved_at=None)


def named(what: str, by: str, does: str) -> None:
    """Nothing is done by nobody. Raises Invalid."""
    if not by.strip():
        raise Invalid(what, [Problem("by", f"expected the name of who {does}")])


def written(what: str, field_name: str, text: str) -> None:
    """A reason or note that says something. Raises Invalid."""
    if not 0 < len(text.strip()) <= LONGEST_NOTE:
        raise Invalid(what, [Problem(field_name, f"expected 1 to {LONGEST_NOTE} characters")])


def _same_person(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _current(invoice: Invoice, revision: int, read: Statement | None) -> None:
    if revision != invoice.revision:
        raise RevisionChanged(
            tenant=invoice.tenant,
            period=invoice.name,
            named=revision,
            current=invoice.revision,
            differences=differences(read, invoice.statement),
        )


def _only_draft(invoice: Invoice) -> None:
    if invoice.status != DRAFT:
        raise Conflict(f"invoice {invoice.name} of {invoice.tenant} is {invoice.status}, not draft")


def differences(old: Statement | None, new: Statement) -> list[str]:
    """What moved between two revisions, in words, line by line."""
    if old is None:
        return ["that revision never existed"]
    before, after = ({line.key: line for line in statement.lines} for statement in (old, new))
    moved = [
        f"{key}: {_brief(before.get(key))} -> {_brief(after.get(key))}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    return [f"total: {old.total} -> {new.total}", *moved]


def _brief(line: Line | None) -> str:
    return f"{line.quantity} messages {line.amount}" if line else "none"


def as_earlier(invoice: Invoice) -> Earlier:
    """What the next statement needs of this one. What is on a void invoice has been stated but not invoiced."""
    invoiced = ZERO if invoice.status == VOID else invoice.statement.total
    return Earlier(stated=invoice.statement.stated, invoiced=invoiced, known=invoice.statement.known)


def may_refresh(invoice: Invoice, later: Sequence[Invoice]) -> bool:
    """Whether a draft may still follow its usage: not once a later period has been stated for good."""
    return invoice.status == DRAFT and all(other.status == DRAFT for other in later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunning:
    """One step of the ladder from overdue to suspended: the invoice after it, and what it writes beside."""

    invoice: Invoice
    notice: Notice
    hold: Hold | None = None


def dun(invoice: Invoice, *, today: date, at: datetime, suspend_after_days: int) -> Dunning | None:
    """The next step for an open invoice on a day of the contract's time zone; None when there is nothing to do.

    Due through the whole of its due date. The first step is always the notice, which names the day of suspension,
    ``suspend_after_days`` after it; nobody is suspended who was not told before.
    """
    if invoice.status != OPEN or invoice.due_date is None or today <= invoice.due_date:
        return None
    if invoice.overdue_on is None:
        suspend_on = today + timedelta(days=suspend_after_days)
        told = replace(invoice, overdue_on=today, suspend_on=suspend_on)
        return Dunning(invoice=told, notice=notice(told, OVERDUE, at=at))
    if invoice.suspended_on is not None or invoice.suspend_on is None or today < invoice.suspend_on:
        return None
    held = replace(invoice, suspended_on=today)
    return Dunning(invoice=held, notice=notice(held, SUSPENDED, at=at), hold=overdue_hold(held, at=at))


def overdue_hold(invoice: Invoice, *, at: datetime) -> Hold:
    """The hold of an unpaid invoice: on all services, named after the invoice; another each time it is issued."""
    reference = invoice.name + (f"/{invoice.issued_again}" if invoice.issued_again else "")
    return Hold(tenant=invoice.tenant, scope=ALL_SERVICES, cause=OVERDUE, reference=reference, opened_at=at)


def notice(invoice: Invoice, kind: str, *, at: datetime) -> Notice:
    """A notice about an invoice, with the amount still owed."""
    owed = invoice.statement.total if invoice.remaining is None else invoice.remaining
    return Notice(
        tenant=invoice.tenant,
        kind=kind,
        term=invoice.statement.term,
        at=at,
        used=owed,
        period=invoice.statement.period.start,
        suspend_on=invoice.suspend_on,
        issued_again=invoice.issued_again,
    )


def settled(
    invoice: Invoice,
    *,
    status: str,
    remaining: Decimal,
    stripe_invoice: str,
    number: str,
    hosted_url: str,
    pdf_url: str,
) -> Invoice:
    """The invoice as Stripe says it is now. ``status`` is Stripe's: open, paid, void or uncollectible.

    Nothing owed any more counts as paid, whatever the status says.
    """
    if status in (OPEN, UNCOLLECTIBLE) and remaining <= 0:
        status = PAID
    return replace(
        invoice,
        status=status,
        remaining=remaining,
        stripe_invoice=stripe_invoice,
        number=number or invoice.number,
        hosted_url=hosted_url or invoice.hosted_url,
        pdf_url=pdf_url or invoice.pdf_url,
        push=replace(invoice.push, error="", flagged=False),
    )


def reinstatement(invoice: Invoice, *, at: datetime) -> Notice:
    """The notice that what an invoice had suspended is suspended by it no more."""
    return notice(invoice, REINSTATED, at=at)
