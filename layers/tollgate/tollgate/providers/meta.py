"""Meta's WhatsApp Cloud API: webhooks signed with the app's secret, batches of message statuses.

Sources: Meta's webhook reference "messages / status" (2026-09-14), the Graph webhooks guide (signature, subscription)
and the changelog of pricing. What matters: a batch mixes accounts and orders; ``pricing`` can stand on any status;
``type`` decides what is billable, never the ``billable`` flag or a rule of our own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any, Final

from tollgate.domain.billing_moments import BILLABLE_TYPE
from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Pricing, Recipient
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import Identifier, Incoming, MaybeText, MessageId, UnixSeconds, Word, json_object, read
from tollgate.providers.provider import (
    Arrived,
    Ignored,
    Parsed,
    Reading,
    Remark,
    Request,
    Secrets,
    Setting,
    Webhook,
    group_or,
)
from tollgate.providers.recipients import Hasher, recipient

NAME: Final = "meta"
METER: Final = "whatsapp"
OBJECT: Final = "whatsapp_business_account"
SIGNATURE: Final = "x-hub-signature-256"
LEGACY_MODEL: Final = "CBP"
CHALLENGE_LENGTH: Final = 512

FLAG_DISAGREES: Final = "billable-flag-disagrees"
INBOUND: Final = "messages-without-statuses"
OTHER_OBJECT: Final = "other-object"


class _Price(Incoming):
    type: Word | None = None
    category: Word
    subtype: MaybeText = None
    pricing_model: MaybeText = None
    billable: Any = None  # on its way out: whatever it holds, it must not stand in the way


class _Status(Incoming):
    id: MessageId
    status: Word
    timestamp: UnixSeconds
    recipient_type: MaybeText = None
    recipient_id: MaybeText = None
    recipient_participant_id: MaybeText = None
    recipient_user_id: MaybeText = None
    recipient_parent_user_id: MaybeText = None
    pricing: _Price | None = None


class _Metadata(Incoming):
    phone_number_id: Identifier


class _Value(Incoming):
    metadata: _Metadata
    statuses: list[Any]


class _Change(Incoming):
    field: Word
    value: Any = None


class _Entry(Incoming):
    id: Identifier
    changes: list[Any]


class _Body(Incoming):
    entry: list[Any]


def verify(request: Request, secrets: Secrets) -> None:
    """Check the signature over the raw bytes, then that they are a JSON object. Raises Forged, Malformed."""
    secret = secrets.get("app_secret", "")
    if not secret:  # anyone can sign with an empty key
        raise Forged(NAME, "no app secret is configured")
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise Forged(NAME, "the signature is missing")
    expected = "sha256=" + hmac.digest(secret.encode(), request.body, hashlib.sha256).hex()
    if not _same(expected, given):
        raise Forged(NAME, "the signature does not match")
    json_object(request.body, provider=NAME)


def handshake(request: Request, secrets: Secrets) -> str | None:
    """Answer Meta's subscription request (GET) with its challenge, as plain text. Raises Forged for another token."""
    if request.method.upper() != "GET":
        return None
    token, challenge = secrets.get("verify_token", ""), _only(request, "hub.challenge")
    if not token or not _same(token, _only(request, "hub.verify_token")):
        raise Forged(NAME, "the verify token does not match")
    if _only(request, "hub.mode") != "subscribe" or not 0 < len(challenge) <= CHALLENGE_LENGTH:
        raise Forged(NAME, "this is no subscription")
    return challenge


def _only(request: Request, name: str) -> str:
    values = request.parameters(name)
    return values[0] if len(values) == 1 else ""


def _same(expected: str, given: str) -> bool:
    """Compare in constant time; what is given may hold any characters."""
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def group(body: bytes) -> str:
    """The first WABA of the batch; the provider's name when there is none to be found."""
    try:
        account = json_object(body, provider=NAME)["entry"][0]["id"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, account)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """Every status of a batch as a fact; a status that cannot be read is named without losing its neighbours.

    Raises Malformed when the body is no JSON object or has no list of entries.
    """
    body = json_object(receipt.body, provider=NAME)
    if body.get("object", OBJECT) != OBJECT:
        return Parsed(ignored=(OTHER_OBJECT,))
    batch = read(_Body, body)
    if isinstance(batch, tuple):
        raise Malformed(NAME, batch)
    return Parsed.of(
        reading
        for index, entry in enumerate(batch.entry)
        for reading in _entry(entry, f"entry.{index}", setting.hasher)
    )


def _entry(raw: object, path: str, hasher: Hasher) -> Iterator[Reading]:
    entry = read(_Entry, raw, path)
    if isinstance(entry, tuple):
        yield from entry
        return
    for index, change in enumerate(entry.changes):
        yield from _change(change, f"{path}.changes.{index}", account=entry.id, hasher=hasher)


def _change(raw: object, path: str, *, account: str, hasher: Hasher) -> Iterator[Reading]:
    change = read(_Change, raw, path)
    if isinstance(change, tuple):
        yield from change
    elif change.field != "messages":
        yield Ignored(change.field)
    elif isinstance(change.value, dict) and "statuses" not in change.value:
        yield Ignored(INBOUND)
    else:
        yield from _statuses(change.value, f"{path}.value", account=account, hasher=hasher)


def _statuses(raw: object, path: str, *, account: str, hasher: Hasher) -> Iterator[Reading]:
    value = read(_Value, raw, path)
    if isinstance(value, tuple):
        yield from value
        return
    number = value.metadata.phone_number_id
    for index, status in enumerate(value.statuses):
        at = f"{path}.statuses.{index}"
        read_status = read(_Status, status, at)
        if isinstance(read_status, tuple):
            yield from read_status
        else:
            yield from _status(read_status, at, account=account, number=number, hasher=hasher)


def _status(status: _Status, path: str, *, account: str, number: str, hasher: Hasher) -> Iterator[Reading]:
    pricing = _pricing(status.pricing, f"{path}.pricing")
    if isinstance(pricing, Problem):
        yield pricing
        return
    in_group = _in_group(status)
    if in_group and not (status.recipient_participant_id or status.recipient_user_id):
        # Without it, a group's messages would be counted as one.
        yield Problem(f"{path}.recipient_participant_id", "expected the participant of a group's message")
        return
    if _flag_disagrees(status.pricing):
        yield Remark(FLAG_DISAGREES)
    whom = _recipient(status, hasher)
    yield Fact(
        provider=NAME,
        account=account,
        number=number,
        meter=METER,
        message=status.id,
        participant=whom.hash if in_group else "",
        status=status.status,
        at=status.timestamp,
        pricing=pricing,
        recipient=whom,
    )


def _in_group(status: _Status) -> bool:
    return status.recipient_type == "group" or bool(status.recipient_participant_id)


def _recipient(status: _Status, hasher: Hasher) -> Recipient:
    """The person: in a group the participant, never the group; by number, or by user id where there is none."""
    number = status.recipient_participant_id if _in_group(status) else status.recipient_id
    users = (status.recipient_user_id or "", status.recipient_parent_user_id or "")
    return recipient(number or "", user_ids=users, hasher=hasher)


def _pricing(price: _Price | None, path: str) -> Pricing | Problem | None:
    """Conversation-based pricing (before 2025-07-01) had no type: it gets one that is not a price per message."""
    if price is None:
        return None
    category = price.category.replace("-", "_")
    if price.type is not None:
        return Pricing(type=price.type, category=category, subtype=price.subtype or "")
    if price.pricing_model != LEGACY_MODEL:  # guessing here would be free of charge for somebody
        return Problem(f"{path}.type", "expected the pricing type")
    return Pricing(type="cbp" if price.billable is True else "free_cbp", category=category, subtype=price.subtype or "")


def _flag_disagrees(price: _Price | None) -> bool:
    """Whether the flag, which Meta is retiring, says other than the type does."""
    if price is None or price.type is None or not isinstance(price.billable, bool):
        return False
    return price.billable != (price.type == BILLABLE_TYPE)


META: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify, handshake=handshake)
