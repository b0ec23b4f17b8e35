"""WhatsApp's statuses as Meta writes them: one ``entry`` to facts, whoever hands it on (Meta itself, or AWS over SNS).

Sources: Meta's webhook reference "messages / status" (2026-09-14) and the changelog of pricing. What matters: an entry
mixes statuses in any order; ``pricing`` can stand on any of them; ``type`` decides what is billable, never the
``billable`` flag or a rule of our own. A status that cannot be read is named without losing its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import StringConstraints, ValidationError

from tollgate.domain.billing_moments import BILLABLE_TYPE
from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Pricing, Recipient
from tollgate.domain.rates import TIERED, TierReached
from tollgate.providers.incoming import Identifier, Incoming, MaybeText, MessageId, UnixSeconds, Word, read
from tollgate.providers.provider import Ignored, Reading, Remark
from tollgate.providers.recipients import Hasher, recipient

METER: Final = "whatsapp"
ACCOUNT_UPDATE: Final = "account_update"
TIER_UPDATE: Final = "VOLUME_BASED_PRICING_TIER_UPDATE"
LEGACY_MODEL: Final = "CBP"

FLAG_DISAGREES: Final = "billable-flag-disagrees"
INBOUND: Final = "messages-without-statuses"


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


class _Statuses(Incoming):
    metadata: _Metadata
    statuses: list[_Status]


class _StatusesChange(Incoming):
    field: Literal["messages"]
    value: _Statuses


class _StatusesEntry(Incoming):
    """An entry of nothing but statuses that can all be read, as nearly every one is: checked in one go."""

    id: Identifier
    changes: list[_StatusesChange]


class _Tier(Incoming):
    """``tier``: the first and the last message of the tier; ``region``: a market of the rate card."""

    tier_update_time: UnixSeconds
    pricing_category: Word
    tier: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}:([0-9]{1,12})?$")]
    effective_month: Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
    region: Word


class _AccountUpdate(Incoming):
    volume_tier_info: _Tier


class _Sender(NamedTuple):
    provider: str
    account: str
    number: str = ""


def readings(raw: object, path: str, *, provider: str, hasher: Hasher) -> Iterator[Reading]:
    """All that one entry says, as facts of ``provider``; problems are named by their paths below ``path``."""
    try:
        whole = _StatusesEntry.model_validate(raw)
    except ValidationError:
        yield from part_by_part(raw, path, provider=provider, hasher=hasher)
        return
    for c, change in enumerate(whole.changes):
        sender = _Sender(provider, whole.id, change.value.metadata.phone_number_id)
        for s, status in enumerate(change.value.statuses):
            yield from _status(status, f"{path}.changes.{c}.value.statuses.{s}", sender=sender, hasher=hasher)


def part_by_part(raw: object, path: str, *, provider: str, hasher: Hasher) -> Iterator[Reading]:
    """An entry in which something is not a status, or cannot be read: what can be is."""
    entry = read(_Entry, raw, path)
    if isinstance(entry, tuple):
        yield from entry
        return
    for index, change in enumerate(entry.changes):
        yield from _change(change, f"{path}.changes.{index}", sender=_Sender(provider, entry.id), hasher=hasher)


def _is_tier(value: object) -> bool:
    return isinstance(value, dict) and value.get("event") == TIER_UPDATE


def _tier(raw: object, path: str, *, account: str) -> Iterator[Reading]:
    """A volume tier that the account has reached; of categories that have none, nothing."""
    update = read(_AccountUpdate, raw, path)
    if isinstance(update, tuple):
        yield from update
        return
    told = update.volume_tier_info
    category = told.pricing_category.lower()
    if category not in TIERED:
        yield Ignored(f"tier-of-{category}")
        return
    yield TierReached(
        account=account,
        month=date.fromisoformat(f"{told.effective_month}-01"),
        market=told.region,
        category=category,
        count=int(told.tier.partition(":")[0]),
        at=told.tier_update_time,
    )


def _change(raw: object, path: str, *, sender: _Sender, hasher: Hasher) -> Iterator[Reading]:
    change = read(_Change, raw, path)
    if isinstance(change, tuple):
        yield from change
    elif change.field == ACCOUNT_UPDATE and _is_tier(change.value):
        yield from _tier(change.value, f"{path}.value", account=sender.account)
    elif change.field != "messages":
        yield Ignored(change.field)
    elif isinstance(change.value, dict) and "statuses" not in change.value:
        yield Ignored(INBOUND)
    else:
        yield from _statuses(change.value, f"{path}.value", sender=sender, hasher=hasher)


def _statuses(raw: object, path: str, *, sender: _Sender, hasher: Hasher) -> Iterator[Reading]:
    value = read(_Value, raw, path)
    if isinstance(value, tuple):
        yield from value
        return
    sender = sender._replace(number=value.metadata.phone_number_id)
    for index, status in enumerate(value.statuses):
        at = f"{path}.statuses.{index}"
        read_status = read(_Status, status, at)
        if isinstance(read_status, tuple):
            yield from read_status
        else:
            yield from _status(read_status, at, sender=sender, hasher=hasher)


def _status(status: _Status, path: str, *, sender: _Sender, hasher: Hasher) -> Iterator[Reading]:
    pricing = _pricing(status.pricing, path)
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
        provider=sender.provider,
        account=sender.account,
        number=sender.number,
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
        return Problem(f"{path}.pricing.type", "expected the pricing type")
    return Pricing(type="cbp" if price.billable is True else "free_cbp", category=category, subtype=price.subtype or "")


def _flag_disagrees(price: _Price | None) -> bool:
    """Whether the flag, which Meta is retiring, says other than the type does."""
    if price is None or price.type is None or not isinstance(price.billable, bool):
        return False
    return price.billable != (price.type == BILLABLE_TYPE)
