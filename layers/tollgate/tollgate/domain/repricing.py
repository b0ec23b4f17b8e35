"""Repricing: what a corrected card, or a volume tier, makes of records that are counted already.

Always true: only the fees that a card gave (or would have, where nothing was known) change, never one that a provider
reported; day, term and category stay, so that a correction is a difference on the message's own day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import replace
from datetime import date
from decimal import Decimal

from tollgate.domain.billing_moments import META
from tollgate.domain.calendar import local_day
from tollgate.domain.contract import Contract
from tollgate.domain.metering import Senders, holder, usage_of
from tollgate.domain.pricing import LISTED, NOTHING, REPORTED
from tollgate.domain.rates import PriceBook, RateCard, TierReached
from tollgate.domain.records import Charge, Due, Record, Usage, charge

type Again = Callable[[Charge, Due, str, date], bool]
"""Whether a component that is due of a message is priced again: by the name of its card, on its day."""


def corrected(card: str, since: date) -> Again:
    """What a card that was corrected from a day on prices again."""
    return lambda _charge, _due, name, day: name == card and day >= since


def may_come_from(usage: Usage, card: str) -> bool:
    """Whether a fee of some usage came from a card, or would have, had the card had a price."""
    fees = usage.fees.values()
    return any(fee.source != REPORTED and (fee.card.split("/")[0] == card or fee.source == NOTHING) for fee in fees)


def in_tier(tier: TierReached) -> Again:
    """What a volume tier prices again: Meta's fee of the messages that are in it."""
    return lambda charge, due, _name, day: (
        due.component == META
        and (charge.account, due.category) == (tier.account, tier.category)
        and due.moment >= tier.at
        and day.replace(day=1) == tier.month
    )


def may_be_in(usage: Usage, tier: TierReached) -> bool:
    """Whether some usage can be in a volume tier, by its market and category."""
    listed = (fee for name, fee in usage.fees.items() if name == META and fee.source == LISTED)
    return (usage.market, usage.category) == (tier.market, tier.category) and any(listed)


def with_card(book: PriceBook, card: RateCard) -> PriceBook:
    """A book as it will be once a card is loaded."""
    others = book.cards.get(card.card, ())
    version = 1 + max((one.version for one in others if one.effective_from == card.effective_from), default=0)
    return replace(book, cards={**book.cards, card.card: [*others, replace(card, version=version)]})


def price_again(
    record: Record, *, again: Again, versions: Sequence[Contract], senders: Senders, book: PriceBook
) -> Record:
    """A record with some of its fees worked out anew; the same record where none comes out another.

    A component that has no price any more keeps the one it had, and one that never had a price is for quarantine's
    redrive to find.
    """
    due, usage = charge(record), record.usage
    held = holder(record, due.moment, senders) if due else None
    if due is None or usage is None or held is None:
        return record
    due = due._replace(components=tuple(part for part in due.components if part.component in usage.fees))
    known = {}
    for part in due.components:
        fee, day = usage.fees[part.component], local_day(part.moment, versions[0].timezone)
        if fee.source == REPORTED or not again(due, part, held.card + part.card, day):
            known[part] = fee
    after = usage_of(record, due, card=held.card, known=known, versions=versions, book=book).usage
    if after is None:
        return record
    changed = replace(usage, market=after.market, fees={**usage.fees, **after.fees})
    return record if _costs(changed) == _costs(usage) else replace(record, usage=changed)


def _costs(usage: Usage) -> dict[str, tuple[Decimal, Decimal, str]]:
    """What each component costs, whichever version of a card says so."""
    return {name: (fee.amount, fee.original, fee.original_currency) for name, fee in usage.fees.items()}
