"""Notify: the mail of a notice goes out, and what became of it is kept.

Two things are sent here, the mail to the customer and, when it bounced, one to ops. Each is claimed in the notice's row
before it is sent and recorded after. A claim is another's for ``RESEND_AFTER``; an older one was left by a crash, and
nobody can know whether the mail service took the mail. It is sent again then, on purpose: a customer warned twice beats
one never warned. Any report of the mail service about the mail proves that it was taken, and settles the claim.

Always true: what is reported of a mail ends in the same state in any order and with any repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.errors import Conflict, Refused, RetryLater
from tollgate.domain.notices import USAGE_LINK, Notice
from tollgate.domain.preferences import told
from tollgate.mails.brand import Brand
from tollgate.mails.render import render, render_undelivered
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows, HoldRows, MailState, NoticeRows, PreferenceRows
from tollgate.stages.ports.invoices import InvoiceRows
from tollgate.stages.ports.mail import Mail, Mailer

# Longer than a run of the function can last, shorter than the queue hides a message whose run has crashed.
RESEND_AFTER: Final = timedelta(minutes=2)
MAX_ROUNDS: Final = 5

QUEUED: Final = "queued"
SENDING: Final = "sending"
SENT: Final = "sent"
DELIVERED: Final = "delivered"
BOUNCED: Final = "bounced"
_NOT_SENT: Final = frozenset({QUEUED, SENDING})

ACCEPTED: Final = "accepted"
ARRIVED: Final = "arrived"
FAILED: Final = "failed"
DOUBTFUL: Final = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPorts:
    """What notifying reads and writes. ``ops`` is the address that hears of mails that did not arrive;
    ``portal`` makes the address under which a tenant sees its usage, for a mail written then; it may be empty."""

    notices: NoticeRows
    contracts: ContractRows
    invoices: InvoiceRows
    holds: HoldRows
    preferences: PreferenceRows
    mailer: Mailer
    brand: Brand
    ops: str
    portal: Callable[[str, datetime], str]
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the mail service reports of one mail: its ``recipients`` have ``arrived``, ``failed`` for good or are
    ``doubtful`` (given up, or answered by a machine after all); ``accepted`` says no more than that it was taken.

    ``to_ops``: the mail was the one that tells ops about the notice; ``to_finance``: it was a drafts notice's.
    ``reason`` names no address.
    """

    tenant: str
    notice: str
    to_ops: bool
    outcome: str
    recipients: tuple[str, ...]
    reason: str
    message_id: str
    sent_at: datetime
    to: tuple[str, ...]
    to_finance: bool = False


class OpsUnreachable(Refused):
    """The mail that tells ops of an undelivered mail did not arrive either: nobody has been told."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__(
            f"the mail to ops about notice {feedback.notice} of {feedback.tenant} failed: {feedback.reason}"
        )


def notify(tenant: str, identity: str, *, ports: NotifyPorts, now: datetime) -> str:
    """Send the mail of a notice unless that is done. Returns how the mail stands.

    Raises RetryLater while another run may be sending it, and for whatever may succeed later.
    """
    notice, mail = ports.notices.notice(tenant, identity)
    if mail.status in _NOT_SENT:
        mail = _send(notice, mail, ports=ports, now=now)
    return _escalate(notice, mail, ports=ports, now=now).status


def hear(feedback: Feedback, *, ports: NotifyPorts, now: datetime) -> str:
    """Keep what became of a mail, and tell ops, once, when it did not arrive. Returns how the mail stands.

    Raises NotFound for a notice that does not exist, OpsUnreachable when it was ops' own mail that failed.
    """
    if feedback.to_ops:
        if feedback.outcome == FAILED:
            raise OpsUnreachable(feedback)
        return feedback.outcome
    notice, mail = ports.notices.notice(feedback.tenant, feedback.notice)
    mail = _update(notice, mail, lambda known: heard(known, feedback), ports=ports)
    return _escalate(notice, mail, ports=ports, now=now).status


def heard(mail: MailState, feedback: Feedback) -> MailState:
    """A mail's state with one report added; a report that is known already changes nothing."""
    reported = {feedback.outcome: feedback.recipients}
    known = replace(
        accepted(mail, message_id=feedback.message_id, at=feedback.sent_at, to=feedback.to),
        arrived=_joined(mail.arrived, reported.get(ARRIVED, ())),
        failed=_joined(mail.failed, reported.get(FAILED, ())),
        doubtful=_joined(mail.doubtful, reported.get(DOUBTFUL, ())),
        reasons=tuple(sorted({*mail.reasons, *filter(None, [feedback.reason])})),
    )
    return replace(known, status=_status(known))


def accepted(mail: MailState, *, message_id: str, at: datetime, to: Sequence[str]) -> MailState:
    """A mail that the mail service has taken; the first one it took stands."""
    if mail.status not in _NOT_SENT:
        return mail
    return replace(mail, status=SENT, message_id=message_id, sent_at=at, to=tuple(to))


def _joined(known: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *(address.lower() for address in more)}))


def _status(mail: MailState) -> str:
    """One recipient who was not reached makes a mail bounced: somebody whom the contract names does not know."""
    if mail.failed or set(mail.doubtful) - set(mail.arrived):
        return BOUNCED
    return DELIVERED if mail.arrived else mail.status


def _send(notice: Notice, mail: MailState, *, ports: NotifyPorts, now: datetime) -> MailState:
    if mail.status == SENDING:
        if _is_claimed(mail.tried_at, now):
            raise RetryLater(f"the mail of notice {notice.identity} of {notice.tenant} is being sent")
        ports.count("MailsSentAgain", 1)
    letter = _letter(notice, ports, now)
    claimed = replace(mail, status=SENDING, tried_at=now, to=letter.to)
    _claim(notice, mail, claimed, ports=ports)
    try:
        message_id = ports.mailer.send(letter)
    except Refused as refused:
        reason = str(refused)
        return _update(notice, claimed, lambda known: _refused(known, letter.to, reason), ports=ports)
    ports.count("MailsSent", 1)
    return _update(
        notice, claimed, lambda known: accepted(known, message_id=message_id, at=now, to=letter.to), ports=ports
    )


def _refused(mail: MailState, to: Sequence[str], reason: str) -> MailState:
    """The mail service will never take it; what it took at an earlier try stands."""
    if mail.status not in _NOT_SENT:
        return mail
    return replace(mail, status=BOUNCED, failed=_joined(mail.failed, to), reasons=(reason,))


def _escalate(notice: Notice, mail: MailState, *, ports: NotifyPorts, now: datetime) -> MailState:
    """Tell ops of a mail that bounced, unless they were told. Raises Refused when that mail cannot be sent either."""
    if mail.status != BOUNCED or mail.escalated_at is not None:
        return mail
    if _is_claimed(mail.escalating_at, now):
        raise RetryLater(f"ops are being told of notice {notice.identity} of {notice.tenant}")
    claimed = replace(mail, escalating_at=now)
    _claim(notice, mail, claimed, ports=ports)
    reason = ", ".join(mail.reasons)
    ports.mailer.send(render_undelivered(notice, reason=reason, to=(ports.ops,), brand=ports.brand))
    ports.count("MailsUndelivered", 1)
    return _update(notice, claimed, lambda known: replace(known, escalated_at=known.escalated_at or now), ports=ports)


def _is_claimed(since: datetime | None, now: datetime) -> bool:
    return since is not None and now - since <= RESEND_AFTER


def _claim(notice: Notice, mail: MailState, claimed: MailState, *, ports: NotifyPorts) -> None:
    try:
        ports.notices.set_mail(notice.tenant, notice.identity, expected=mail, mail=claimed)
    except Conflict as error:
        raise RetryLater(f"notice {notice.identity} of {notice.tenant} is being worked on") from error


def _update(
    notice: Notice, mail: MailState, change: Callable[[MailState], MailState], *, ports: NotifyPorts
) -> MailState:
    """Apply a change to the state as it is now, read as ``mail``. Returns the state after it."""
    for _ in range(MAX_ROUNDS):
        changed = change(mail)
        if changed == mail:
            return mail
        try:
            ports.notices.set_mail(notice.tenant, notice.identity, expected=mail, mail=changed)
        except Conflict:
            _, mail = ports.notices.notice(notice.tenant, notice.identity)
        else:
            return changed
    raise RetryLater(f"the mail of notice {notice.identity} of {notice.tenant} keeps changing")


def _letter(notice: Notice, ports: NotifyPorts, now: datetime) -> Mail:
    """The rendered mail of a notice, to the contacts in force when it was given, or to whom the customer chose.

    A link that was asked for goes to the contract's own contacts: a choice may be just what it is to undo.
    """
    versions = ports.contracts.versions(notice.tenant)
    if not versions:
        raise RetryLater(f"{notice.tenant} has no contract yet")
    told_on = local_day(notice.at, versions[-1].timezone)
    contract = contracts.in_force(versions, told_on) or versions[0]
    return render(
        notice,
        contract if notice.kind == USAGE_LINK else told(contract, ports.preferences.of(notice.tenant)),
        allowance=_allowance(versions, notice.term, notice.meter) if notice.meter else None,
        invoice=ports.invoices.invoice(notice.tenant, notice.period) if notice.period else None,
        open_holds=[hold for hold in ports.holds.holds(notice.tenant) if hold.is_open],
        brand=replace(ports.brand, portal_url=ports.portal(notice.tenant, now)),
    )


def _allowance(versions: Sequence[Contract], start: date, meter: str) -> Allowance | None:
    """The allowance that holds for a term, or the latest there was where the contract has dropped the meter since."""
    holds = contracts.for_term(versions, versions[-1].term_on(start))
    found = (version.allowances.get(meter) for version in (holds, *reversed(versions)))
    return next((allowance for allowance in found if allowance), None)
