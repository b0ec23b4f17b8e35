"""Facts: what one receipt says about one message. Never the recipient's number, never the message's text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple


class MessageKey(NamedTuple):
    """Identity of a record: provider, the provider's message id and, in groups, the participant's keyed hash."""

    provider: str
    message: str
    participant: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Recipient:
    """All that is kept of a recipient.

    ``prefix``: at most the first four digits of the number, which is what rate markets are looked up by;
    ``country``: ISO 3166 alpha-2 where known; ``hash``: keyed hash of the number or user id.
    """

    prefix: str = ""
    country: str = ""
    hash: str = ""


NOBODY: Final = Recipient()


@dataclass(frozen=True, slots=True, order=True)
class Pricing:
    """Meta's pricing object: ``type`` decides whether the message is billable, ``category`` what it costs."""

    type: str
    category: str
    subtype: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Report:
    """What the provider itself says a message cost: totals over all its segments, fee components kept apart.

    An empty ``currency`` says that this provider reports no cost, only segments: a rate card alone prices its messages.
    ``messages`` is above 1 where one report stands for many (a day's roll-up); ``segments`` are those of all of them.
    """

    at: datetime
    segments: int
    price: Decimal | None
    carrier_fee: Decimal | None
    currency: str
    messages: int = 1

    @property
    def total(self) -> Decimal | None:
        """Price plus carrier fee, in ``currency``; None when the provider reported neither."""
        if self.price is None and self.carrier_fee is None:
            return None
        return (self.price or Decimal(0)) + (self.carrier_fee or Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One status of one message, with whatever else its receipt said.

    ``account`` and ``number`` name the sender at the provider (Meta: WABA and phone number id); ``at`` is the
    provider's time of the status, ``requested_at`` its time of the send request where receipts carry one. UTC.
    """

    provider: str
    account: str
    number: str = ""
    meter: str
    message: str
    participant: str = ""
    status: str
    at: datetime
    requested_at: datetime | None = None
    pricing: Pricing | None = None
    report: Report | None = None
    recipient: Recipient = NOBODY

    @property
    def key(self) -> MessageKey:
        return MessageKey(self.provider, self.message, self.participant)

    @property
    def moment(self) -> datetime:
        """The time that decides whose message it is and which contract holds: the send request's where known."""
        return self.requested_at or self.at
