"""Notify finance: the mail of a drafts notice goes out once, claimed before and recorded after like any notice's.

A mail that does not reach finance has nobody to go to instead: its report fails, and the dead letter rings ops' alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tollgate.domain.errors import Conflict, Refused, RetryLater
from tollgate.mails.brand import Brand
from tollgate.mails.drafts import render_drafts
from tollgate.stages.notify import (
    BOUNCED,
    DOUBTFUL,
    FAILED,
    MAX_ROUNDS,
    QUEUED,
    RESEND_AFTER,
    SENDING,
    Feedback,
    accepted,
    heard,
)
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.invoices import DraftsNoticeRows
from tollgate.stages.ports.mail import Mailer


@dataclass(frozen=True, slots=True, kw_only=True)
class FinancePorts:
    """What telling finance reads and writes. ``console``: the address of its review, empty where there is none."""

    drafts: DraftsNoticeRows
    mailer: Mailer
    brand: Brand
    finance: str
    console: str
    count: Count


class FinanceUnreachable(Refused):
    """The mail that calls finance to review did not arrive: the drafts wait and nobody knows."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__(f"the mail to finance about drafts {feedback.notice} failed: {feedback.reason}")


def notify_finance(identity: str, *, ports: FinancePorts, now: datetime) -> str:
    """Send the mail of a drafts notice unless that is done. Returns how the mail stands.

    Raises NotFound, Refused, RetryLater: also while another run may be sending it.
    """
    notice, mail = ports.drafts.notice(identity)
    if mail.status not in (QUEUED, SENDING):
        return mail.status
    if mail.status == SENDING:
        if mail.tried_at is not None and now - mail.tried_at <= RESEND_AFTER:
            raise RetryLater(f"the mail of drafts {identity} is being sent")
        ports.count("MailsSentAgain", 1)
    letter = render_drafts(notice, to=(ports.finance,), console=ports.console, brand=ports.brand)
    claimed = replace(mail, status=SENDING, tried_at=now, to=letter.to)
    try:
        ports.drafts.set_mail(identity, expected=mail, mail=claimed)
    except Conflict as error:
        raise RetryLater(f"drafts {identity} are being worked on") from error
    message_id = ports.mailer.send(letter)
    ports.count("MailsSent", 1)
    return _update(identity, lambda known: accepted(known, message_id=message_id, at=now, to=letter.to), ports).status


def hear_of_finance(feedback: Feedback, *, ports: FinancePorts) -> str:
    """Keep what became of the mail. Raises FinanceUnreachable when it did not arrive, NotFound."""
    mail = _update(feedback.notice, lambda known: heard(known, feedback), ports)
    if mail.status == BOUNCED and feedback.outcome in (FAILED, DOUBTFUL):
        raise FinanceUnreachable(feedback)
    return mail.status


def _update(identity: str, change: Callable[[MailState], MailState], ports: FinancePorts) -> MailState:
    for _ in range(MAX_ROUNDS):
        _, mail = ports.drafts.notice(identity)
        changed = change(mail)
        if changed == mail:
            return mail
        try:
            ports.drafts.set_mail(identity, expected=mail, mail=changed)
        except Conflict:
            continue
        return changed
    raise RetryLater(f"the mail of drafts {identity} keeps changing")
