"""Pricing: from what is billable about a message to its fees in the contract's currency.

A fee that the provider reported beats a fee from a rate card; both are kept. The one rounding of a fee is to twelve
decimals, where a conversion or a report has more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from tollgate.domain.billing_moments import BILLABLE_TYPE, META, is_free
from tollgate.domain.facts import Fact, Recipient
from tollgate.domain.money import ZERO, fee_amount
from tollgate.domain.rates import ECB, PriceBook, RateCard
from tollgate.domain.records import Charge, Due, Fee

UNKNOWN_SENDER: Final = "unknown-sender"
NO_CONTRACT: Final = "no-contract"
NO_RATE: Final = "no-rate"
NO_FX: Final = "no-fx"
NO_PRICE: Final = "no-price"
REPORTED: Final = "reported"
LISTED: Final = "card"
NOTHING: Final = "none"

REASONS: Final = (UNKNOWN_SENDER, NO_CONTRACT, NO_RATE, NO_FX, NO_PRICE)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Why a billable message has no fee: ``no-rate`` or ``no-fx``."""

    reason: str


def rate(due: Due, charge: Charge, *, day: date, card: str, currency: str, book: PriceBook) -> Fee | Unpriced | None:
    """The fee of one component on its day, in ``currency``; None for one that is due only where a card lists it, and
    none does. ``card`` is the sender's. A card's price is for each part of the message."""
    name, recipient = card + due.card, charge.recipient
    # The moment itself matters to a volume tier only, which also goes by the account.
    tiered = (due.moment, charge.account) if book.tiers else ()
    question = (due[1:], charge.segments, recipient.prefix, recipient.country, name, currency, day, tiered)
    return book.once(question, lambda: _rate(due, charge, day=day, name=name, currency=currency, book=book))


def _rate(due: Due, charge: Charge, *, day: date, name: str, currency: str, book: PriceBook) -> Fee | Unpriced | None:
    rate_card, market = book.card(name, day), book.market(name, charge.recipient, day)
    count = _tier(due, charge, market or "", day=day, book=book)
    price = rate_card.rate(market or "", due.category, count=count) if rate_card else None
    listed = None if price is None else fee_amount(price, charge.segments)
    if due.reported is not None:
        source, amount, original_currency = REPORTED, fee_amount(due.reported), due.currency
    elif listed is not None and rate_card is not None:
        source, amount, original_currency = LISTED, listed, rate_card.currency
    elif due.if_listed:
        return None
    elif due.costs_nothing:
        # A provider that reports costs has reported none: the message counts, and has cost nothing so far.
        source, amount, original_currency = NOTHING, ZERO, currency
    else:
        return Unpriced(NO_RATE)
    seller = rate_card if source == LISTED else None
    fx = convert(amount, original_currency, currency, day=day, book=book, seller=seller)
    if fx is None:
        return Unpriced(NO_FX)
    return Fee(
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


def _tier(due: Due, charge: Charge, market: str, *, day: date, book: PriceBook) -> int:
    """The volume tier of Meta's fee. Its month is taken in the contract's time zone; Meta's is the account's."""
    if due.component != META or not book.tiers:
        return 0
    return book.tier(account=charge.account, market=market, category=due.category, moment=due.moment, day=day)


def market_of(charge: Charge, *, day: date, card: str, book: PriceBook) -> str:
    """The market that a message is counted in: by the map of its sender's card, else its recipient's country."""
    return book.market(card, charge.recipient, day) or charge.recipient.country or "unknown"


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in the contract's currency, with the rate and its source; both empty where none was needed."""

    amount: Decimal
    reference: str = ""
    rate: Decimal | None = None


def convert(
    amount: Decimal, source: str, target: str, *, day: date, book: PriceBook, seller: RateCard | None = None
) -> Converted | None:
    """Convert at the rate of a day; None when no rate holds for it. Zero needs no rate.

    A price of a ``seller`` that charges in another currency than its card's becomes that one at its own rate first; the
    reference then names both rates, and the rate is their product.
    """
    if seller is None or not seller.fx_source:
        return _at(ECB, amount, source, target, day=day, book=book)
    charged = _at(seller.fx_source, amount, source, seller.charged_in, day=day, book=book)
    if charged is None:
        return None
    wanted = _at(ECB, charged.amount, seller.charged_in, target, day=day, book=book)
    if wanted is None or charged.rate is None or wanted.rate is None:
        return wanted and replace(charged, amount=wanted.amount)
    return Converted(wanted.amount, f"{charged.reference} {wanted.reference}", charged.rate * wanted.rate)


def _at(fx_source: str, amount: Decimal, source: str, target: str, *, day: date, book: PriceBook) -> Converted | None:
    if source == target or amount == 0:
        return Converted(amount)
    published = book.fx_day(day, fx_source)
    factor = published.between(source, target) if published else None
    if published is None or factor is None:
        return None
    return Converted(fee_amount(amount, factor), f"{published.source}/{published.day}", factor)


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
    reported, pricing = fact.report, fact.pricing
    is_priced = reported is not None and reported.price is not None
    if pricing is not None and not is_free(pricing) and not is_priced:
        whom, category = fact.recipient, pricing.category
        question = ("unlisted", category, whom.prefix, whom.country, card, currency, day)
        unlisted = book.once(
            question, lambda: _unlisted(category, whom, day=day, card=card, currency=currency, book=book)
        )
        if unlisted:
            return unlisted
    if reported is None or reported.currency == currency or not reported.total:
        return None
    return None if _convertible(reported.currency, currency, day=day, book=book) else NO_FX


def _convertible(source: str, target: str, *, day: date, book: PriceBook) -> bool:
    """Whether there is a rate for a day that carries any amount into another currency."""
    question = ("convertible", source, target, day)
    return book.once(question, lambda: convert(Decimal(1), source, target, day=day, book=book) is not None)


def _unlisted(category: str, whom: Recipient, *, day: date, card: str, currency: str, book: PriceBook) -> str | None:
    """Why a card has no price for a category, or none in ``currency``; None when it has one."""
    rate_card, market = book.card(card, day), book.market(card, whom, day)
    if rate_card is None:
        return NO_RATE
    if market is None and not rate_card.knows(category):
        return NO_RATE
    if market is not None and rate_card.rate(market, category) is None:
        return NO_RATE
    return (
        NO_FX
        if convert(Decimal(1), rate_card.currency, currency, day=day, book=book, seller=rate_card) is None
        else None
    )
