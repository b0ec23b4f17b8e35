"""Values for tests of the domain: one tenant as the seeds have it, a small rate card, and facts of both providers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tollgate.domain.contract import Contract, parse
from tollgate.domain.facts import Fact, Pricing, Recipient, Report
from tollgate.domain.metering import Senders
from tollgate.domain.rates import FxDay, MarketMap, PriceBook, RateCard
from tollgate.domain.senders import Assignment

D = Decimal

DOCUMENT: dict[str, Any] = {
    "tenant": "acme",
    "name": "Acme Retail, Inc.",
    "currency": "USD",
    "timezone": "America/Chicago",
    "term": {"start": "2026-01-15", "months": 12},
    "payment": {"days_until_due": 14, "suspend_after_days": 7},
    "contacts": {"usage": ["ops@acme.example"], "billing": ["ap@acme.example"]},
    "senders": [{"provider": "meta", "account": "102290129340398"}, {"provider": "aws-sms", "account": "acme"}],
    "allowances": {
        "whatsapp": {"measure": "fees", "included": "1000.00", "warn_at": [75], "beyond": "bill"},
        "sms": {"measure": "messages", "included": 50000, "warn_at": [75], "beyond": "suspend"},
    },
}
"""The contract of DESIGN.md: a year from 15 January 2026 in Chicago."""

TERM_START = date(2026, 1, 15)
NOON = datetime(2026, 3, 10, 17, tzinfo=UTC)
"""Noon of 10 March 2026 in Chicago."""

AMERICAN = Recipient(prefix="1415", country="US", hash="h1")
INDIAN = Recipient(prefix="9198", country="IN", hash="h2")
NOBODY_KNOWN = Recipient()
UNLISTED = Recipient(prefix="2999", country="AQ", hash="h3")

CARD = RateCard(
    card="meta",
    effective_from=date(2026, 1, 1),
    version=1,
    currency="USD",
    rates={
        "North America": {"marketing": D("0.0250"), "utility": D("0.0034"), "service": D("0.0034")},
        "India": {"marketing": D("0.0118"), "utility": D("0.0014"), "authentication_international": D("0.0280")},
        "Other": {"marketing": D("0.0604"), "utility": D("0.0077"), "group_utility": D("0.0099")},
    },
)
MARKETS = MarketMap(
    effective_from=date(2026, 1, 1),
    version=1,
    by_prefix={"1": "North America", "1787": "Other", "91": "India"},
    by_country={"US": "North America", "IN": "India"},
    default="Other",
)
BOOK = PriceBook(cards={"meta": [CARD]}, markets={"meta": [MARKETS]})


def contract(**changes: Any) -> Contract:
    """The contract of ``DOCUMENT`` with some top-level keys replaced."""
    return parse(DOCUMENT | changes)


def small_contract() -> Contract:
    """A contract whose lines a handful of messages cross: 0.10 of fees, four SMS."""
    return contract(
        timezone="UTC",
        allowances={
            "whatsapp": {"measure": "fees", "included": "0.10", "warn_at": [50, 75], "beyond": "bill"},
            "sms": {"measure": "messages", "included": 4, "warn_at": [50, 75], "beyond": "suspend"},
        },
    )


def senders(*, tenant: str = "acme", since: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Senders:
    """Both accounts of the contract assigned to it."""
    return {
        (provider, account): [Assignment(provider=provider, account=account, tenant=tenant, since=since, card=provider)]
        for provider, account in (("meta", "102290129340398"), ("aws-sms", "acme"))
    }


def whatsapp(
    status: str,
    pricing: str = "",
    *,
    at: datetime = NOON,
    message: str = "wamid.1",
    participant: str = "",
    recipient: Recipient = AMERICAN,
) -> Fact:
    """A fact of Meta. ``pricing``: ``type/category``, empty for a status without pricing."""
    kind, _, category = pricing.partition("/")
    return Fact(
        provider="meta",
        account="102290129340398",
        number="106540352242922",
        meter="whatsapp",
        message=message,
        participant=participant,
        status=status,
        at=at,
        pricing=Pricing(kind, category) if pricing else None,
        recipient=recipient,
    )


def sms(
    status: str,
    price: str | None = None,
    carrier_fee: str | None = None,
    *,
    at: datetime = NOON,
    requested_at: datetime | None = NOON,
    message: str = "sms-1",
    segments: int = 1,
    currency: str = "USD",
    recipient: Recipient = AMERICAN,
) -> Fact:
    """A fact of AWS. ``price`` and ``carrier_fee`` are totals over the segments."""
    return Fact(
        provider="aws-sms",
        account="acme",
        meter="sms",
        message=message,
        status=status,
        at=at,
        requested_at=requested_at,
        report=Report(
            at=at,
            segments=segments,
            price=None if price is None else D(price),
            carrier_fee=None if carrier_fee is None else D(carrier_fee),
            currency=currency,
        ),
        recipient=recipient,
    )


def fx(day: str, **per_euro: str) -> FxDay:
    """One day's publication: ``fx("2026-03-10", USD="1.25")``."""
    return FxDay(date.fromisoformat(day), "ecb", {code: D(rate) for code, rate in per_euro.items()})
