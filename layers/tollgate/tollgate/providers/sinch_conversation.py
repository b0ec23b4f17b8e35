"""What Sinch's Conversation API says of a message's delivery, on each channel that it was tried on.

A message that falls back to another channel keeps its id, so a message here is an id and a channel: each channel counts
when its own delivery does. The vendor's own example names no channel; a delivery on an unknown channel is unreadable,
because it would be counted as something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact
from tollgate.providers.incoming import (
    Channel,
    Identifier,
    Incoming,
    MaybeText,
    MessageId,
    Rfc3339,
    Word,
    read,
    tenant_in,
)
from tollgate.providers.provider import Arrived, Ignored, Reading, Setting
from tollgate.providers.recipients import recipient

METERS: Final[Mapping[str, str]] = {"viberbm": "viber"}
NOT_DELIVERED: Final = frozenset({"QUEUED_ON_CHANNEL", "FAILED", "SWITCHING_CHANNEL"})
UNKNOWN_CHANNEL: Final = "not-delivered-on-unknown-channel"


class _Identity(Incoming):
    channel: Word
    identity: MaybeText = None


class _Delivery(Incoming):
    message_id: MessageId
    status: Word
    channel_identity: _Identity | None = None


class _Callback(Incoming):
    app_id: Identifier
    accepted_time: Rfc3339 | None = None
    event_time: Rfc3339 | None = None
    message_metadata: Any = None
    message_delivery_report: _Delivery


class _Meter(Incoming):
    channel: Channel


def readings(body: Mapping[str, Any], receipt: Arrived, setting: Setting, *, provider: str) -> Iterator[Reading]:
    """The one message of a delivery report, for the tenant in its metadata, else for the app."""
    callback = read(_Callback, body)
    if isinstance(callback, tuple):
        yield from callback
        return
    delivery = callback.message_delivery_report
    identity, path = delivery.channel_identity, "message_delivery_report.channel_identity"
    if identity is None:
        if delivery.status in NOT_DELIVERED:
            yield Ignored(UNKNOWN_CHANNEL)
        else:
            yield Problem(path, "expected the channel of a delivery")
        return
    channel = identity.channel.lower()
    meter = read(_Meter, {"channel": METERS.get(channel, channel)}, path)
    if isinstance(meter, tuple):
        yield from meter
        return
    yield Fact(
        provider=provider,
        account=receipt.headers.get("account") or tenant_in(callback.message_metadata) or callback.app_id,
        meter=meter.channel,
        message=delivery.message_id,
        participant=meter.channel,
        status=delivery.status,
        at=callback.event_time or callback.accepted_time or receipt.received_at,
        recipient=recipient(identity.identity or "", hasher=setting.hasher),
    )
