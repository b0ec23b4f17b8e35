"""When a message becomes billable, as a table by (provider, meter) and fee component: a rule of each provider, kept out
of the code.

What a message costs has up to four components: the provider's own price (``message``), what the carrier takes
(``carrier``), what a reseller takes for handing over to WhatsApp (``platform``), and Meta's fee (``meta``). Each has
its own moment; a message counts once, at the earliest of them.

Sources: the providers' documentation of status webhooks and charging (2026). Where a provider does not say, the rule
errs to counting and the row says UNVERIFIED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from tollgate.domain.facts import Pricing

MESSAGE: Final = "message"
CARRIER: Final = "carrier"
PLATFORM: Final = "platform"
META: Final = "meta"
COMPONENTS: Final = (MESSAGE, CARRIER, PLATFORM, META)

PLATFORM_CARD: Final = "-platform"
"""What the card of platform fees is called beyond the sender's: ``aws-social`` and ``aws-social-platform``."""


@dataclass(frozen=True, slots=True)
class BillingMoment:
    """What must be known of a message before a component of its fee is due, and where its amount comes from.

    ``statuses``: any one of them suffices. ``needs_pricing``: a pricing of a billable type must have been seen too.
    ``priced_suffices``: any status counts once the provider reports a price above zero for it.
    ``never``: any one of them, and it is not due whatever else was seen.
    ``priced_later``: the provider tells a price only when it is asked, after sending; until then it costs nothing.
    ``reported``: the field of a report that holds the amount, which beats any card. ``if_reported``: due only where a
    report has it. ``if_listed``: due only where the card has a price for it. ``card`` goes after the name of the
    sender's card; ``category`` is what is looked up on it instead of the message's own.
    """

    statuses: frozenset[str]
    needs_pricing: bool = False
    priced_suffices: bool = False
    never: frozenset[str] = frozenset()
    priced_later: bool = False
    reported: str = "price"
    if_reported: bool = False
    if_listed: bool = False
    card: str = ""
    category: str = ""


type Components = Mapping[str, BillingMoment]
"""A moment for each component."""

ANY_METER: Final = "*"

SEEN: Final = frozenset({"delivered", "read", "played"})

# Meta charges on delivery; `delivered` is skipped when the chat is open, and `played` implies it.
ON_DELIVERY: Final = BillingMoment(SEEN, needs_pricing=True, reported="")

# What a message was when it has left Twilio.
LEFT_TWILIO: Final = frozenset({"sent", "delivered", "undelivered", "partially_delivered", "read"})

# A lone moment is that of the provider's own price and, where it reports one, of the carrier's fee.
BILLING_MOMENTS: Final[Mapping[tuple[str, str], BillingMoment | Components]] = {
    # The platform's own events say that something was used, or billed: there is nothing to wait for.
    ("platform", ANY_METER): BillingMoment(frozenset({"sent", "completed", "rolled-up", "stated"})),
    ("meta", "whatsapp"): {META: ON_DELIVERY},
    # AWS passes Meta's fee on as Meta charges it, from another card, and takes a fee of its own for every message it
    # sends, free ones of Meta's among them. The moments of the two are inferred (UNVERIFIED).
    ("aws-social", "whatsapp"): {
        META: ON_DELIVERY,
        PLATFORM: BillingMoment(SEEN | {"sent"}, reported="", card=PLATFORM_CARD, category=MESSAGE),
    },
    # AWS charges every part it sent, delivered or not. Which failures come before sending is not stated (UNVERIFIED):
    # a failure counts when it reports a price.
    ("aws-sms", "sms"): BillingMoment(
        frozenset({"TEXT_SENT", "TEXT_SUCCESSFUL", "TEXT_DELIVERED"}), priced_suffices=True
    ),
    # Vonage charges texts on submission, other channels on delivery. Whether it tells of a delivery that WhatsApp skips
    # because the chat is open is UNVERIFIED: `read` implies it.
    ("vonage", "sms"): BillingMoment(frozenset({"submitted"})),
    ("vonage", "mms"): BillingMoment(frozenset({"submitted"})),
    ("vonage", "whatsapp"): BillingMoment(frozenset({"delivered", "read"})),
    ("vonage", "viber"): BillingMoment(frozenset({"delivered"})),
    ("vonage", "messenger"): BillingMoment(frozenset({"delivered"})),
    ("vonage", "rcs"): BillingMoment(frozenset({"delivered"})),
    # Telnyx's cost is final on the last event of a message; one that failed counts when it cost something all the same.
    ("telnyx", ANY_METER): BillingMoment(frozenset({"message.finalized"}), priced_suffices=True),
    # Infobip and Sinch do not say when they charge (UNVERIFIED): what has left for the handset counts. Infobip prices
    # what it rejects too, so a price proves nothing.
    ("infobip", ANY_METER): BillingMoment(frozenset({"DELIVERED_TO_OPERATOR", "DELIVERED_TO_HANDSET", "DELIVERED"})),
    ("sinch", ANY_METER): BillingMoment(frozenset({"Dispatched", "Delivered", "DELIVERED", "READ"})),
    # Twilio charges what has left it, delivered or not (inferred, UNVERIFIED), and prices it later. A read receipt may
    # come alone.
    ("twilio", ANY_METER): BillingMoment(LEFT_TWILIO, priced_suffices=True, priced_later=True),
    # Whether the price of a WhatsApp message holds Meta's fee beside Twilio's own is UNVERIFIED: Meta's is due only for
    # those who load a card that lists it. No receipt names a category, so the card's is the channel.
    ("twilio", "whatsapp"): {
        PLATFORM: BillingMoment(
            LEFT_TWILIO, priced_suffices=True, priced_later=True, card=PLATFORM_CARD, category=MESSAGE
        ),
        META: BillingMoment(SEEN, reported="", if_listed=True),
    },
    # Plivo does not say which states it charges (UNVERIFIED): what was sent counts, and whatever has a price. Only what
    # it answers when it is asked is a state here: see ``UNVERIFIED``.
    ("plivo", ANY_METER): BillingMoment(
        frozenset({"sent", "delivered", "read"}), priced_suffices=True, priced_later=True
    ),
    # When Bird charges a text is not stated (UNVERIFIED): a delivery counts, and whatever has a price. It charges
    # WhatsApp on acceptance, and a group by the participants it reached. What it rejects is never charged.
    ("bird", "sms"): BillingMoment(frozenset({"delivered"}), priced_suffices=True, never=frozenset({"rejected"})),
    ("bird", "whatsapp"): BillingMoment(
        frozenset({"accepted", "group-delivered", "group-read"}), never=frozenset({"rejected"})
    ),
}

# For a meter without a row of its own or of its provider's for any: counted when a price is reported, which cannot
# overcharge.
PRICED_ONLY: Final = BillingMoment(frozenset(), priced_suffices=True)

# The providers whose accounts are Meta's own (WABAs), with Meta's volume tiers.
METAS: Final = ("aws-social", "meta")

# Later statuses know more; used to choose between pricings that disagree, never to decide by arrival.
STATUS_RANK: Final[Mapping[str, int]] = {"sent": 1, "delivered": 2, "read": 3, "played": 4}

# A provider's own correction of what a message cost. It holds whatever was reported before, also when it is zero.
CORRECTED: Final = "price-corrected"

# Stands as a status for a price that the provider was asked for; see ``priced_later``.
PRICE_READ: Final = "price-read"

# Begins a status that a request tells and does not prove: the provider must be asked, and nothing is due by it.
UNVERIFIED: Final = "unverified-"

BILLABLE_TYPE: Final = "regular"
FREE_PREFIX: Final = "free_"


@cache
def billing_moments(provider: str, meter: str) -> Components:
    """The components of a provider's channel: its own row, else the provider's for any meter."""
    row = BILLING_MOMENTS.get((provider, meter)) or BILLING_MOMENTS.get((provider, ANY_METER), PRICED_ONLY)
    if isinstance(row, BillingMoment):
        return {MESSAGE: row, CARRIER: replace(row, reported="carrier_fee", if_reported=True)}
    return row


def card_suffixes(provider: str, meter: str) -> set[str]:
    """What the names of further cards, beyond the sender's, end with."""
    return {moment.card for moment in billing_moments(provider, meter).values() if moment.card}


def is_priced_later(provider: str, meter: str) -> bool:
    """Whether a provider must be asked what a message cost."""
    return any(moment.priced_later for moment in billing_moments(provider, meter).values())


def is_free(pricing: Pricing) -> bool:
    """Whether a pricing says that the message costs nothing (``free_customer_service`` and its like)."""
    return pricing.type.startswith(FREE_PREFIX)
