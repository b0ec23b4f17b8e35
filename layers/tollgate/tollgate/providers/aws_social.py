"""AWS End User Messaging Social: WhatsApp's statuses over SNS, straight to the queue, in three layers of JSON.

Sources: the AWS End User Messaging Social user guide, "event destinations" and "billing and usage reports" (2026). In
SNS's envelope stands a message, in the message ``whatsAppWebhookEntry``, and in that string one entry as Meta writes
it. Proof of origin is the queue's policy, so there is no webhook. No event says a price: AWS charges Meta's fee from
Meta's INR card, converted at a rate that it sets for a quarter, and a fee of its own.

Events of the same name on EventBridge are best effort and have no pricing: they are passed over, with a remark.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from tollgate.providers import whatsapp
from tollgate.providers.errors import Malformed
from tollgate.providers.incoming import Incoming, json_object, read
from tollgate.providers.provider import Arrived, Parsed, Provider, Setting, group_or

NAME: Final = "aws-social"
BUS_SOURCE: Final = "aws.social-messaging"
ENTRY: Final = "whatsAppWebhookEntry"

BUS_EVENT: Final = "bus-event"
BEST_EFFORT: Final = "best-effort-event"


class _Notification(Incoming):
    """SNS's envelope; ``Message`` is JSON in a string."""

    message: str = Field(alias="Message")


class _Message(Incoming):
    """What AWS puts around the entry also names the account and the time (to the nanosecond) of the notification; the
    entry itself has both for each message, so neither is read here."""

    entry: str = Field(alias=ENTRY)


def group(body: bytes) -> str:
    """The WABA of the entry; the provider's name when there is none to be found."""
    try:
        account = _entry(_message(json_object(body, provider=NAME)))["id"]
    except (Malformed, LookupError):
        return NAME
    return group_or(NAME, account)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """Every status of the entry as a fact, with or without SNS's envelope. Raises Malformed when it has no entry."""
    body = _message(json_object(receipt.body, provider=NAME))
    if body.get("source") == BUS_SOURCE:
        return Parsed(ignored=(BUS_EVENT,), remarks=(BEST_EFFORT,))
    return Parsed.of(whatsapp.readings(_entry(body), ENTRY, provider=NAME, hasher=setting.hasher))


def is_its(text: str) -> bool:
    """Whether a notification, in SNS's envelope or not, is this service's: by its shape, since raw delivery leaves out
    the topic. One that is cut off is told by what is left of it."""
    if ENTRY not in text and BUS_SOURCE not in text:  # spares the others a second reading
        return False
    try:
        body = _message(json_object(text, provider=NAME))
    except Malformed:
        return True
    return ENTRY in body or body.get("source") == BUS_SOURCE


def _message(body: dict[str, Any]) -> dict[str, Any]:
    """The message, taken out of SNS's envelope where it is in one."""
    if "Message" not in body:
        return body
    envelope = read(_Notification, body)
    if isinstance(envelope, tuple):
        raise Malformed(NAME, envelope)
    return json_object(envelope.message, provider=NAME, path="Message")


def _entry(body: dict[str, Any]) -> dict[str, Any]:
    message = read(_Message, body)
    if isinstance(message, tuple):
        raise Malformed(NAME, message)
    return json_object(message.entry, provider=NAME, path=ENTRY)


AWS_SOCIAL: Final = Provider(name=NAME, parse=parse, group=group)
