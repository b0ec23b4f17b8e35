"""Continuity: whether a statement still follows from the earlier ones.

A statement is the difference to what earlier ones stated. While those can still move (a draft is refreshed, an invoice
is voided or issued again), approving one that was computed before would bill the same usage on two invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tollgate.domain.invoices import VOID, Invoice, as_earlier
from tollgate.domain.money import ZERO, round_half_up
from tollgate.domain.statement import BROUGHT_FORWARD, DRAFT, billable_sum, last_known

MOVABLE: Final = frozenset({DRAFT, VOID})
"""Statuses in which what a statement says, or whether it counts as invoiced, may still change."""


def follows(invoice: Invoice, earlier: Sequence[Invoice]) -> bool:
    """Whether what an invoice states, and brings forward, is what its predecessors, oldest first, leave to it.

    It may bring forward less than they leave by now (one was voided since): the next statement brings the rest.
    """
    statement, past = invoice.statement, [as_earlier(one) for one in earlier]
    left = sum((one.stated - one.invoiced for one in past), ZERO)
    brought = sum((line.amount for line in statement.lines if line.key == BROUGHT_FORWARD), ZERO)
    stated = sum(
        (
            round_half_up(billable_sum(now), statement.currency)
            - round_half_up(billable_sum(last_known(past, term)), statement.currency)
            for term, now in statement.known.items()
        ),
        ZERO,
    )
    return brought <= left and statement.stated == stated


def resting_on(earlier: Sequence[Invoice]) -> list[Invoice]:
    """Those of some invoices that may still move: an approval is made only if they have not."""
    return [one for one in earlier if one.status in MOVABLE]
