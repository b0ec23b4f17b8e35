"""Values as Stripe wants them in a request, and Stripe's invoices as the stages know them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import stripe
from stripe.params import InvoiceAddLinesParamsLine

from tollgate.domain.money import from_minor_units, minor_units
from tollgate.domain.statement import Line
from tollgate.stages.ports.stripe import Contact, StripeInvoice

MOST_LINES: Final = 250
"""Lines of one invoice, by Stripe's limit."""
LONGEST_LINE: Final = 500
"""Characters of a line's description: the lower of two published figures."""
LONGEST_MEMO: Final = 1500
LINE_KEY: Final = "key"
"""The name in a line's metadata that holds the line's own key."""

_MOST_METADATA: Final = 50
_LONGEST_NAME: Final = 40
_LONGEST_VALUE: Final = 500

# Later is further. Of two invoices for the same thing the further one has more that cannot be undone.
_PROGRESS: Final = {"void": 0, "draft": 1, "open": 2, "uncollectible": 3, "paid": 4}


def seconds(at: datetime) -> int:
    """Unix seconds, the fraction cut off. Raises ValueError for a time without a zone: the machine's would be taken."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return int(at.timestamp())


def clipped(text: str, longest: int) -> str:
    """A text in at most ``longest`` characters, a cut marked by an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata within Stripe's limits, or ValueError. An empty value removes its name from an existing object."""
    if len(metadata) > _MOST_METADATA:
        raise ValueError(f"{len(metadata)} metadata entries; Stripe takes {_MOST_METADATA}")
    for name, value in metadata.items():
        if not 1 <= len(name) <= _LONGEST_NAME or "[" in name or "]" in name:
            raise ValueError(f"metadata name {name!r} is not 1 to {_LONGEST_NAME} characters without brackets")
        if len(value) > _LONGEST_VALUE:
            raise ValueError(f"metadata {name} has {len(value)} characters; Stripe takes {_LONGEST_VALUE}")
    return dict(metadata)


def line_params(
    lines: Sequence[Line], *, currency: str, period: tuple[datetime, datetime]
) -> list[InvoiceAddLinesParamsLine]:
    """Lines for one request. ``period`` is from its first to its last instant, as Stripe prints it.

    The amount is the line's own and no quantity goes with it: Stripe takes one or the other, and would multiply and
    round again. Raises ValueError for more than 250 lines or an amount that is not whole minor units.
    """
    if len(lines) > MOST_LINES:
        raise ValueError(f"{len(lines)} lines; one invoice holds {MOST_LINES}")
    start, end = seconds(period[0]), seconds(period[1])
    return [
        {
            "amount": minor_units(line.amount, currency.upper()),
            "description": clipped(line.description, LONGEST_LINE),
            "discountable": False,
            "metadata": checked_metadata({LINE_KEY: line.key, "quantity": str(line.quantity)}),
            "period": {"start": start, "end": end},
        }
        for line in lines
    ]


def matches(metadata: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether an object's metadata says all that is wanted; an empty value and an absent one are the same."""
    return all(metadata.get(name, "") == value for name, value in wanted.items())


def metadata_of(
    answer: stripe.Customer | stripe.Invoice | stripe.InvoiceLineItem | stripe.CreditNote,
) -> dict[str, str]:
    """An object's metadata as a plain dict: the SDK's own has no ``get``."""
    return {**(answer.to_dict().get("metadata") or {})}


def contact_of(answer: stripe.Customer) -> Contact:
    """A customer's name and address; of one that was deleted Stripe gives neither."""
    fields: dict[str, Any] = answer.to_dict()
    return Contact(name=fields.get("name") or "", email=fields.get("email") or "")


def furthest(invoices: Iterable[stripe.Invoice]) -> stripe.Invoice | None:
    """Of several invoices for one thing: the one that has gone furthest, a void one last; of equals the oldest."""
    return min(invoices, key=lambda each: (-_PROGRESS.get(each.status or "", 0), each.created, each.id), default=None)


def invoice_of(answer: stripe.Invoice) -> StripeInvoice:
    """Stripe's invoice in the port's words. Fields that a draft does not have yet are empty."""
    fields: dict[str, Any] = answer.to_dict()
    currency: str = fields["currency"]
    moved = fields.get("status_transitions") or {}
    return StripeInvoice(
        id=fields["id"],
        status=fields["status"],
        currency=currency,
        total=_amount(fields["total"], currency),
        remaining=_amount(fields["amount_remaining"], currency),
        number=fields.get("number") or "",
        hosted_url=fields.get("hosted_invoice_url") or "",
        pdf_url=fields.get("invoice_pdf") or "",
        due_at=_time(fields.get("due_date")),
        metadata=metadata_of(answer),
        settled_at=_time(moved.get("voided_at") or moved.get("paid_at")),
    )


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def line_of(answer: stripe.InvoiceLineItem) -> tuple[str, Decimal]:
    """A line's key (empty for a line that somebody added by hand) and amount."""
    return metadata_of(answer).get(LINE_KEY, ""), _amount(answer.amount, answer.currency)


def _amount(count: int, currency: str) -> Decimal:
    return from_minor_units(count, currency.upper())
