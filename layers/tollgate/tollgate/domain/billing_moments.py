"""When a message becomes billable, as a table by (provider, meter): a rule of each provider, kept out of the code.

Sources: the providers' documentation of status webhooks and charging (2026). Where a provider does not say, the rule
errs to counting and the row says UNVERIFIED.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tollgate.domain.facts import Pricing


@dataclass(frozen=True, slots=True)
class BillingMoment:
    """What must be known of a message before it counts.

    ``statuses``: any one of them suffices. ``needs_pricing``: a pricing of a billable type must have been seen too.
    ``priced_suffices``: any status counts once the provider reports a price above zero for it.
    """

    statuses: frozenset[str]
    needs_pricing: bool = False
    priced_suffices: bool = False


ANY_METER: Final = "*"

BILLING_MOMENTS: Final[Mapping[tuple[str, str], BillingMoment]] = {
    # Meta charges on delivery; `delivered` is skipped when the chat is open, and `played` implies it.
    ("meta", "whatsapp"): BillingMoment(frozenset({"delivered", "read", "played"}), needs_pricing=True),
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
}

# For a meter without a row, neither its own nor its provider's for any: counted when a price is reported, which cannot overcharge.
PRICED_ONLY: Final = BillingMoment(frozenset(), priced_suffices=True)

# Later statuses know more; used to choose between pricings that disagree, never to decide by arrival.
STATUS_RANK: Final[Mapping[str, int]] = {"sent": 1, "delivered": 2, "read": 3, "played": 4}

# A provider's own correction of what a message cost. It holds whatever was reported before, also when it is zero.
CORRECTED: Final = "price-corrected"

BILLABLE_TYPE: Final = "regular"
FREE_PREFIX: Final = "free_"


def billing_moment(provider: str, meter: str) -> BillingMoment:
    """The rule for a provider's channel: its own row, else the provider's for any meter."""
    any_meter = BILLING_MOMENTS.get((provider, ANY_METER), PRICED_ONLY)
    return BILLING_MOMENTS.get((provider, meter), any_meter)


def is_free(pricing: Pricing) -> bool:
    """Whether a pricing says that the message costs nothing (``free_customer_service`` and its like)."""
    return pricing.type.startswith(FREE_PREFIX)
