"""Plivo: forms that tell a status, signed over our address and a nonce only, and message details read by REST.

Sources: Plivo's reference of message status callbacks and of the message object (2026), its Python SDK 4.63.0.

The signature (V2) proves that Plivo called this address once; it says nothing of the body, so that a captured one can
be sent again with any body. Of a callback only this is taken: which message, at which of our senders, in which state,
and that under a name of its own (``unverified-delivered``) which is not billable. Units, amount, time and recipient
come from the message's details, which the poll stage reads from Plivo itself and queues under the source ``DETAILS``.

UNVERIFIED: the currency (taken to be US dollars), the time zone (UTC), and whether messages are ever signed by V3,
which covers the form and is documented for calls.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from tollgate.domain.billing_moments import UNVERIFIED
from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import (
    EARLIEST,
    LATEST,
    AmountText,
    Channel,
    Identifier,
    Incoming,
    MaybeText,
    MessageId,
    PartsText,
    Word,
    form_fields,
    json_object,
    read,
)
from tollgate.providers.proofs import same
from tollgate.providers.provider import Arrived, Parsed, Request, Secrets, Setting, Webhook, group_or
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = "plivo"
CURRENCY: Final = "USD"
NONCE: Final = "x-plivo-signature-v2-nonce"
# The second is made with the main account's token when a subaccount sends, so that one token proves all of them.
SIGNATURES: Final = ("x-plivo-signature-v2", "x-plivo-signature-ma-v2")
DETAILS: Final = "poll"

INBOUND: Final = "inbound"
NO_STATUS: Final = "message-without-status"

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d:\d\d)?", re.ASCII)


def _time(value: object) -> datetime:
    """A time such as ``2026-11-21 10:00:00.104321``, in UTC where it names no offset."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and _TIME.fullmatch(value) else None
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment is None or not EARLIEST <= moment < LATEST:
        raise PydanticCustomError("time", "expected a time such as 2026-11-21 10:00:00")
    return moment.astimezone(UTC)


class _Message(Incoming):
    MessageUUID: MessageId


class _Callback(_Message):
    From: Identifier
    Type: Channel
    Status: Word


class _Details(Incoming):
    """A message as ``GET /v1/Account/{auth_id}/Message/{message_uuid}/`` gives it."""

    message_uuid: MessageId
    message_state: Word
    message_type: Channel
    message_time: Annotated[datetime, PlainValidator(_time)]
    from_number: Identifier
    to_number: MaybeText = None
    units: PartsText = None
    total_amount: AmountText = None
    message_direction: MaybeText = None


def verify(request: Request, secrets: Secrets) -> None:
    """Check the signature over our address, without its query, and the nonce; then that a message is named.

    Raises Forged, Malformed.
    """
    token, nonce = secrets.get("auth_token", ""), request.headers.get(NONCE, "")
    if not token:  # anyone can sign with an empty key
        raise Forged(NAME, "no auth token is configured")
    given = [request.headers[name] for name in SIGNATURES if name in request.headers]
    if not given or not nonce:
        raise Forged(NAME, "the signature is missing")
    signed = (request.url.partition("?")[0] + nonce).encode(errors="replace")
    expected = base64.b64encode(hmac.digest(token.encode(), signed, hashlib.sha256)).decode()
    if not any(same(expected, signature) for signature in given):
        raise Forged(NAME, "the signature does not match")
    message = read(_Message, form_fields(request.body, provider=NAME))
    if isinstance(message, tuple):
        raise Malformed(NAME, message)


def group(body: bytes) -> str:
    """The sender; the provider's name when there is none to be found."""
    try:
        return group_or(NAME, _account(form_fields(body, provider=NAME)["From"]))
    except (Malformed, LookupError):
        return NAME


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """What a callback or, under the source ``DETAILS``, Plivo's own answer says. Raises Malformed for neither."""
    if receipt.source == DETAILS:  # no request can come in under it: theirs are paths
        return _details(json_object(receipt.body, provider=NAME), setting.hasher)
    return _callback(form_fields(receipt.body, provider=NAME), receipt.received_at)


def _callback(fields: Mapping[str, str], received_at: datetime) -> Parsed:
    """That a message is in some state, as of when the callback came: a reason to read its details, and no more."""
    callback = read(_Message if "Status" not in fields else _Callback, fields)
    if isinstance(callback, tuple):
        raise Malformed(NAME, callback)
    if not isinstance(callback, _Callback):
        return Parsed(ignored=(NO_STATUS,))
    return Parsed(
        facts=(
            Fact(
                provider=NAME,
                account=_account(callback.From),
                meter=callback.Type,
                message=callback.MessageUUID,
                status=f"{UNVERIFIED}{callback.Status}",
                at=received_at,
            ),
        )
    )


def _details(answer: Mapping[str, Any], hasher: Hasher) -> Parsed:
    found = read(_Details, answer)
    if isinstance(found, tuple):
        raise Malformed(NAME, found)
    if found.message_direction == INBOUND:
        return Parsed(ignored=(INBOUND,))
    if found.total_amount is None:
        raise Malformed(NAME, [Problem("total_amount", "expected an amount")])
    report = Report(
        at=found.message_time,
        segments=found.units or 1,
        price=found.total_amount,
        carrier_fee=None,
        currency=CURRENCY,
    )
    return Parsed(
        facts=(
            Fact(
                provider=NAME,
                account=_account(found.from_number),
                meter=found.message_type,
                message=found.message_uuid,
                status=found.message_state,
                at=found.message_time,
                requested_at=found.message_time,
                report=report,
                recipient=recipient(found.to_number or "", hasher=hasher),
            ),
        )
    )


def _account(sender: str) -> str:
    """A number, a short code or a name; the same with and without ``+``."""
    return sender.removeprefix("+")


PLIVO: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify)
