"""When a message becomes billable, and at which moment."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from tests.domain.examples import NOON, sms, whatsapp
from tollgate.domain.billing_moments import MESSAGE, PRICED_ONLY, billing_moments, card_suffixes
from tollgate.domain.facts import Fact, Report
from tollgate.domain.records import charge, merge_all, new_record

MINUTE = timedelta(minutes=1)
REGULAR = "regular/marketing"


def told(*facts: Fact) -> int | None:
    """Minutes from noon of the billable moment, the same in any order of the facts; None when not billable."""
    outcomes = {charge(merge_all(new_record(order[0]), order)) for order in permutations(facts)}
    assert len(outcomes) == 1
    due = outcomes.pop()
    return None if due is None else int((due.moment - NOON) / MINUTE)


@pytest.mark.parametrize(
    ("statuses", "minute"),
    [
        # (status, minute, type/category), in any order                              -> billable at minute
        ([("sent", 0, REGULAR)], None),
        ([("delivered", 1, REGULAR)], 1),
        ([("sent", 0, ""), ("delivered", 1, REGULAR)], 1),
        ([("sent", 0, REGULAR), ("delivered", 1, "")], 1),  # pricing on sent only
        ([("sent", 0, REGULAR), ("read", 2, "")], 2),  # delivered skipped
        ([("read", 2, REGULAR)], 2),
        ([("delivered", 1, ""), ("read", 2, REGULAR)], 1),  # pricing on read only
        ([("delivered", 5, REGULAR), ("read", 2, REGULAR)], 2),  # the earliest known time
        ([("sent", 0, REGULAR), ("played", 3, "")], 3),
        ([("delivered", 1, "")], None),  # pricing not seen yet
        ([("sent", 0, REGULAR), ("failed", 1, "")], None),
        ([("failed", 1, REGULAR)], None),
        ([("delivered", 1, "free_customer_service/utility")], None),
        ([("delivered", 1, "free_entry_point/marketing")], None),
        ([("delivered", 1, "free_group_customer_service/group_service")], None),
        ([("sent", 0, "free_customer_service/service"), ("delivered", 1, REGULAR)], 1),  # regular on any
        ([("sent", 0, REGULAR), ("delivered", 1, "free_customer_service/service")], 1),
        ([("delivered", 4, REGULAR), ("delivered", 1, REGULAR)], 1),  # the same status twice
    ],
)
def test_meta_charges_a_delivery_with_regular_pricing(statuses: list[tuple[str, int, str]], minute: int | None) -> None:
    """Billable: delivered, read or played seen, and pricing type regular seen on any status, in any order."""
    facts = [whatsapp(status, pricing, at=NOON + at * MINUTE) for status, at, pricing in statuses]
    assert told(*facts) == minute


@pytest.mark.parametrize(
    ("events", "billable"),
    [
        # (event type, price, carrier fee)                                           -> billable
        ([("TEXT_QUEUED", "0", None)], False),
        ([("TEXT_PENDING", "0", "0")], False),
        ([("TEXT_SENT", "0.00581", "0.003")], True),
        ([("TEXT_SENT", "0", "0")], True),  # sent is sent, whatever it cost
        ([("TEXT_SENT", None, None)], True),
        ([("TEXT_SUCCESSFUL", "0.00581", None)], True),
        ([("TEXT_DELIVERED", "0.00581", None)], True),
        ([("TEXT_INVALID", "0", None)], False),
        ([("TEXT_INVALID", None, None)], False),
        ([("TEXT_CARRIER_BLOCKED", "0.00581", "0")], True),  # a failure that reports a price
        ([("TEXT_BLOCKED", "0", "0.003")], True),
        ([("TEXT_QUEUED", "0", None), ("TEXT_CARRIER_UNREACHABLE", "0.00581", "0.003")], True),
        ([("TEXT_QUEUED", "0", None), ("TEXT_SENT", "0.00581", None), ("TEXT_DELIVERED", "0.00581", None)], True),
    ],
)
def test_aws_charges_what_it_sent_or_priced(events: list[tuple[str, str | None, str | None]], billable: bool) -> None:
    """Billable: sent, successful or delivered seen, or any event with a price; at the time of the send request."""
    facts = [sms(status, price, fee, at=NOON + 9 * MINUTE) for status, price, fee in events]
    assert told(*facts) == (0 if billable else None)


def test_without_a_request_time_the_earliest_sent_status_is_the_moment() -> None:
    """A queue time is not a billable moment when a sent one is known."""
    queued = sms("TEXT_QUEUED", "0", at=NOON, requested_at=None)
    delivered = sms("TEXT_DELIVERED", "0.01", at=NOON + 9 * MINUTE, requested_at=None)
    sent = sms("TEXT_SENT", "0.01", at=NOON + 2 * MINUTE, requested_at=None)
    blocked = sms("TEXT_BLOCKED", "0.01", at=NOON + 7 * MINUTE, requested_at=None)
    assert told(queued, delivered, sent) == 2
    assert told(queued, blocked) == 0  # nothing but the price makes it billable, so its first trace does


def test_the_earliest_request_time_is_the_moment() -> None:
    """Receipts that disagree about the request do not make the moment depend on which came first."""
    early, late = (sms("TEXT_SENT", "0.01", requested_at=NOON + m * MINUTE) for m in (1, 3))
    assert told(early, late) == 1


@pytest.mark.parametrize(
    ("provider", "meter", "suffixes"),
    [
        ("meta", "whatsapp", set()),
        ("aws-social", "whatsapp", {"-platform"}),
        ("twilio", "whatsapp", {"-platform"}),
        ("twilio", "sms", set()),
        ("aws-sms", "mms", set()),  # no row of its own
    ],
)
def test_a_channel_names_the_further_cards_it_is_priced_by(provider: str, meter: str, suffixes: set[str]) -> None:
    """Where a reseller takes a fee beside Meta's, its card is looked up too; elsewhere the sender's suffices."""
    assert card_suffixes(provider, meter) == suffixes


def test_a_channel_without_a_rule_counts_only_with_a_price() -> None:
    """An unlisted channel never overcharges: it counts when the provider reports a price above zero."""
    assert billing_moments("aws-sms", "mms")[MESSAGE] is PRICED_ONLY

    def mms(price: str | None) -> Fact:
        like = sms("MEDIA_DELIVERED", price)
        assert isinstance(like.report, Report)
        return Fact(
            provider="aws-sms",
            account="acme",
            meter="mms",
            message="mms-1",
            status=like.status,
            at=NOON,
            report=like.report,
        )

    assert told(mms("0.02")) == 0
    assert told(mms("0")) is None
    assert told(mms(None)) is None


@pytest.mark.parametrize(
    ("provider", "meter", "status", "price", "billable"),
    [
        ("vonage", "sms", "submitted", "0.0666", True),
        ("vonage", "sms", "delivered", "0.0666", False),  # the price repeats on every status
        ("vonage", "sms", "rejected", None, False),
        ("vonage", "mms", "submitted", "0.0666", True),
        ("vonage", "whatsapp", "submitted", "0.01", False),
        ("vonage", "whatsapp", "delivered", "0.01", True),
        ("vonage", "whatsapp", "read", "0.01", True),
        ("vonage", "rcs", "submitted", "0.01", False),
        ("vonage", "rcs", "delivered", "0.01", True),
        ("vonage", "fax", "submitted", "0.01", True),  # a channel without a row: what is priced counts
        ("vonage", "fax", "submitted", None, False),
        ("telnyx", "sms", "message.sent", None, False),
        ("telnyx", "sms", "message.finalized", None, True),
        ("telnyx", "rcs", "message.finalized", "0.01", True),
        ("telnyx", "sms", "message.finalized/failed", None, False),
        ("telnyx", "sms", "message.finalized/failed", "0.0041", True),
        ("infobip", "sms", "DELIVERED_TO_OPERATOR", "0.01", True),
        ("infobip", "whatsapp", "DELIVERED_TO_HANDSET", "0.01", True),
        ("infobip", "sms", "DELIVERED", "0.01", True),
        ("infobip", "sms", "PENDING_ENROUTE", "0.01", False),
        ("infobip", "sms", "REJECTED_NETWORK", "0.01", False),  # priced, and never sent
        ("sinch", "sms", "Queued", None, False),
        ("sinch", "sms", "Dispatched", None, True),
        ("sinch", "sms", "Delivered", None, True),
        ("sinch", "sms", "Aborted", None, False),
        ("sinch", "whatsapp", "QUEUED_ON_CHANNEL", None, False),
        ("sinch", "whatsapp", "DELIVERED", None, True),
        ("sinch", "viber", "READ", None, True),
        ("sinch", "whatsapp", "FAILED", None, False),
    ],
)
def test_each_provider_and_channel_has_its_moment(
    provider: str, meter: str, status: str, price: str | None, billable: bool
) -> None:
    """One status, with or without a price above zero, makes a message billable or does not, by provider and channel."""
    report = Report(NOON, 1, Decimal(price) if price else None, None, "EUR")
    fact = Fact(provider=provider, account="acme", meter=meter, message="m-1", status=status, at=NOON, report=report)
    assert told(fact) == (0 if billable else None)
