"""What SES publishes of a mail, as feedback.

Shapes: "Examples of event data that Amazon SES publishes to Amazon SNS" (developer guide). SES reports a bounce when it
has given up. One that is ``Permanent`` is final; others (``Transient``, ``Undetermined``) may also be an automatic
answer from a mailbox that got the mail, so they count for a recipient who has not arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tollgate.adapters.ses import decoded
from tollgate.domain.errors import Invalid, Problem
from tollgate.stages.notify import ACCEPTED, ARRIVED, DOUBTFUL, FAILED, Feedback

# SES publishes this, in plain text, whenever a destination of events is made.
_GREETING: Final = "Successfully validated SNS topic for Amazon SES event publishing"

# Events that tell no more than that SES has the mail.
_NO_OUTCOME: Final = frozenset({"Send", "DeliveryDelay", "Open", "Click", "Subscription"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Mail(_Part):
    timestamp: datetime
    message_id: str = Field(alias="messageId")
    destination: tuple[str, ...]
    tags: dict[str, tuple[str, ...]]


class _Recipient(_Part):
    address: str = Field(alias="emailAddress")


class _Delivery(_Part):
    recipients: tuple[str, ...]


class _Bounce(_Part):
    kind: str = Field(alias="bounceType")
    detail: str = Field(alias="bounceSubType", default="")
    recipients: tuple[_Recipient, ...] = Field(alias="bouncedRecipients")


class _Complaint(_Part):
    recipients: tuple[_Recipient, ...] = Field(alias="complainedRecipients")
    kind: str | None = Field(alias="complaintFeedbackType", default=None)


class _Event(_Part):
    type: str = Field(alias="eventType")
    mail: _Mail
    delivery: _Delivery | None = None
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


type _Outcome = tuple[str, tuple[str, ...], str]
"""Outcome, recipients and reason."""


def is_greeting(body: str) -> bool:
    """Whether SES only says that it can reach the topic."""
    return body.startswith(_GREETING)


def feedback(document: Mapping[str, Any]) -> Feedback:
    """The feedback in one published event. Raises Invalid for anything else, and for mails that are not ours."""
    try:
        event = _Event.model_validate(document)
    except ValidationError as error:
        problems = [Problem(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_input=False)]
        raise Invalid("mail event", problems) from None
    outcome, recipients, reason = _outcome(event)
    kind = next((tag for tag in ("undelivered", "drafts") if tag in event.mail.tags), "notice")
    return Feedback(
        tenant=_tag(event, "tenant"),
        notice=_tag(event, kind),
        to_ops=kind == "undelivered",
        outcome=outcome,
        recipients=recipients,
        reason=reason,
        message_id=event.mail.message_id,
        sent_at=event.mail.timestamp.astimezone(UTC),
        to=event.mail.destination,
        to_finance=kind == "drafts",
    )


def _outcome(event: _Event) -> _Outcome:
    if event.type in _NO_OUTCOME:
        return ACCEPTED, (), ""
    if event.type == "Delivery" and event.delivery:
        return ARRIVED, event.delivery.recipients, ""
    if event.type == "Bounce" and event.bounce:
        outcome = FAILED if event.bounce.kind == "Permanent" else DOUBTFUL
        return outcome, _addresses(event, event.bounce.recipients), f"{event.bounce.kind}/{event.bounce.detail}"
    if event.type == "Complaint" and event.complaint:
        return FAILED, _addresses(event, event.complaint.recipients), f"complaint/{event.complaint.kind or 'unnamed'}"
    if event.type in ("Reject", "Rendering Failure"):
        return FAILED, event.mail.destination, event.type.lower()
    raise Invalid("mail event", [Problem("eventType", f"{event.type[:40]!r} is not known, or lacks its part")])


def _addresses(event: _Event, recipients: tuple[_Recipient, ...]) -> tuple[str, ...]:
    # A complaint need not name anybody; then it may have been any of them.
    return tuple(one.address for one in recipients) or event.mail.destination


def _tag(event: _Event, name: str) -> str:
    values = event.mail.tags.get(name, ())
    try:
        value = decoded(values[0]) if len(values) == 1 else ""
    except ValueError:
        value = ""
    if not value:
        raise Invalid("mail event", [Problem(f"mail.tags.{name}", "expected the reference of a mail of ours")])
    return value
