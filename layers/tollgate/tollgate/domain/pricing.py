"""Pricing: from what is billable about a message to a fee in the contract's currency.

A fee that the provider reported beats a fee from a rate card; both are kept. Fees are never rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from tollgate.domain.billing_moments import BILLABLE_TYPE, is_free
from tollgate.domain.facts import Fact
from tollgate.domain.money import ZERO
from tollgate.domain.rates import PriceBook
from tollgate.domain.records import Charge, Fee

UNKNOWN_SENDER: Final = "unknown-sender"
NO_CONTRACT: Final = "no-contract"
NO_RATE: Final = "no-rate"
NO_FX: Final = "no-fx"
REASONS: Final = (UNKNOWN_SENDER, NO_CONTRACT, NO_RATE, NO_FX)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why a billable message has no fee: ``no-rate`` or ``no-fx``."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rated:
    """A fee together with the market it was rated in."""

    fee: Fee
    market: str


def rate(charge: Charge, *, day: date, card: str, currency: str, book: PriceBook) -> Rated | Unpriced:
    """The fee of a billable message on its day, in ``currency``. A card's price is for each part of the message."""
    market_map, rate_card = book.market_map(card, day), book.card(card, day)
    market = market_map.market(charge.recipient) if market_map else None
    price = rate_card.rate(market, charge.category) if rate_card and market else None
    listed = None if price is None else price * charge.segments
    reported = charge.report.total if charge.report else None
    if reported is not None and charge.report is not None:
        source, amount, original_currency = "reported", reported, charge.report.currency
    elif listed is not None and rate_card is not None:
        source, amount, original_currency = "card", listed, rate_card.currency
    elif charge.report is not None and charge.report.currency:
        # A provider that reports costs has reported none: the message counts, and has cost nothing so far.
        source, amount, original_currency = "none", ZERO, currency
    else:
        return Unpriced(NO_RATE)
    fx = convert(amount, original_currency, currency, day=day, book=book)
    if fx is None:
        return Unpriced(NO_FX)
    fee = Fee(
        amount=fx.amount,
        currency=currency,
        source=source,
        original=amount,
        original_currency=original_currency,
        card=rate_card.reference if rate_card and listed is not None else "",
        card_amount=listed,
        fx=fx.reference,
        fx_rate=fx.rate,
    )
    return Rated(fee, market or charge.recipient.country or "unknown")


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in the contract's currency, with the rate and its source; both empty where none was needed."""

    amount: Decimal
    reference: str = ""
    rate: Decimal | None = None


def convert(amount: Decimal, source: str, target: str, *, day: date, book: PriceBook) -> Converted | None:
    """Convert at the rate of a day; None when no rate holds for it. Zero needs no rate."""
    if source == target or amount == 0:
        return Converted(amount)
    published = book.fx_day(day)
    factor = published.between(source, target) if published else None
    if published is None or factor is None:
        return None
    return Converted(amount * factor, f"{published.source}/{published.day}", factor)


def unknown_type(fact: Fact) -> str | None:
    """``no-rate`` for a fact with a pricing type that says neither that the message is billable nor that it is free."""
    known = fact.pricing is None or fact.pricing.type == BILLABLE_TYPE or is_free(fact.pricing)
    return None if known else NO_RATE


def unpriceable(fact: Fact, *, day: date, card: str, currency: str, book: PriceBook) -> str | None:
    """Why a fact cannot be priced, judged by what it says alone; None when it can, or says nothing of a price.

    Judging each fact by itself, never by what arrived before it, keeps quarantine free of order.
    """
    if unknown_type(fact):
        return NO_RATE
    if fact.pricing is not None and not is_free(fact.pricing):
        rate_card, market_map = book.card(card, day), book.market_map(card, day)
        market = market_map.market(fact.recipient) if market_map else None
        if rate_card is None:
            return NO_RATE
        if market is None and not rate_card.knows(fact.pricing.category):
            return NO_RATE
        if market is not None and rate_card.rate(market, fact.pricing.category) is None:
            return NO_RATE
        if convert(Decimal(1), rate_card.currency, currency, day=day, book=book) is None:
            return NO_FX
    reported = fact.report
    if reported and reported.total and convert(reported.total, reported.currency, currency, day=day, book=book) is None:
        return NO_FX
    return None
