"""Views of one invoice, as JSON: how it came to be, what happened to it, its messages, and all about one message."""

from __future__ import annotations

from collections.abc import Iterable

from tollgate.domain.explanation import Crossing, DayPoint, Explanation, MeterPart, TermPart
from tollgate.domain.facts import MessageKey, Pricing, Report
from tollgate.domain.invoices import Invoice
from tollgate.domain.records import Fee, Record, Usage
from tollgate.domain.usage import totals_of
from tollgate.mails.explanation import sentences
from tollgate.mails.wording import STAFF_LOCALE, wording
from tollgate.stages.drilldown import Page, currency_of
from tollgate.stages.explanation import Explained
from tollgate.stages.timeline import Happening
from tollgate.stages.views import Json, amount, invoice_view, timestamp


def explained_view(found: Explained) -> Json:
    """An invoice with its explanation, the days of its period and the messages that exceeded a limit."""
    return {
        "invoice": finance_view(found.invoice),
        "explanation": explanation_view(found.explanation),
        "days": {meter: [_point(point) for point in points] for meter, points in found.days.items()},
        "crossings": {meter: _crossing(crossing) for meter, crossing in found.crossings.items()},
    }


def finance_view(invoice: Invoice) -> Json:
    """An invoice as the command line shows it, and what only finance sees of it."""
    back = invoice.sent_back
    return invoice_view(invoice) | {
        "remaining": None if invoice.remaining is None else f"{invoice.remaining:f}",
        "approved_at": timestamp(invoice.approved_at),
        "first_approved_by": invoice.first_approved_by or None,
        "first_approved_at": timestamp(invoice.first_approved_at),
        "sent_back": None if back is None else {"note": back.text, "by": back.by, "at": timestamp(back.at)},
        "hosted_url": invoice.hosted_url or None,
        "pdf_url": invoice.pdf_url or None,
        "credits": [
            {
                "reference": one.reference,
                "amount": f"{one.amount:f}",
                "reason": one.reason,
                "by": one.by,
                "at": timestamp(one.at),
                "number": one.number or None,
                "refused": one.refused or None,
            }
            for one in invoice.credits
        ],
    }


def explanation_view(explanation: Explanation) -> Json:
    """Every step, and the sentences, which are English whatever the customer reads."""
    return {
        "currency": explanation.currency,
        "sentences": list(sentences(explanation, wording(STAFF_LOCALE))),
        "terms": [_term(part) for part in explanation.terms],
        "stated": amount(explanation.stated),
        "brought_forward": amount(explanation.brought),
        "carried_forward": amount(explanation.carried),
        "total": amount(explanation.total),
    }


def _term(part: TermPart) -> Json:
    return {
        "term": str(part.term),
        "meters": [_meter(meter) for meter in part.meters],
        "withdrawn": {meter: amount(billed) for meter, billed in part.withdrawn.items()},
        "exact": amount(part.exact),
        "rounded": amount(part.rounded),
        "rounding": amount(part.rounding),
        "before": amount(part.before),
        "now": amount(part.now),
    }


def _meter(part: MeterPart) -> Json:
    return {
        "meter": part.meter,
        "messages": part.messages,
        "fees": amount(part.fees),
        "this_period": {"messages": part.this_period.messages, "fees": amount(part.this_period.fees)},
        "free": amount(part.free),
        "billable": amount(part.billable),
        "included": None if part.included is None else amount(part.included),
        "adjustments": [
            {"period": str(one.period), "messages": one.messages, "fees": amount(one.fees)} for one in part.adjustments
        ],
    }


def _point(point: DayPoint) -> Json:
    return {
        "date": str(point.day),
        "messages": point.messages,
        "fees": amount(point.fees),
        "to_date": amount(point.to_date),
    }


def _crossing(crossing: Crossing) -> Json:
    return {
        "message": _key(crossing.message),
        "at": timestamp(crossing.at),
        "included": amount(crossing.included),
        "before": amount(crossing.before),
        "after": amount(crossing.after),
        "free": amount(crossing.free),
        "paid": amount(crossing.paid),
    }


def timeline_view(happenings: Iterable[Happening]) -> list[Json]:
    """Everything that happened, oldest first."""
    return [
        {
            "at": timestamp(one.at),
            "by": one.by,
            "what": one.what,
            "note": one.note or None,
            "revision": one.revision or None,
        }
        for one in happenings
    ]


def messages_view(page: Page) -> Json:
    """A page of messages; ``cursor`` null at the end."""
    return {"messages": [_usage(key, usage) for key, usage in page.rows], "cursor": page.cursor or None}


def _key(key: MessageKey) -> Json:
    return {"provider": key.provider, "message": key.message, "participant": key.participant or None}


def _usage(key: MessageKey, usage: Usage) -> Json:
    totals = totals_of(usage)
    return _key(key) | {
        "date": str(usage.day),
        "at": timestamp(usage.moment),
        "meter": usage.meter,
        "category": usage.category,
        "market": usage.market,
        "messages": totals.messages,
        "segments": totals.segments,
        "fee": amount(totals.fees),
        "currency": currency_of(usage) or None,
    }


def message_view(record: Record) -> Json:
    """All that is known of a message; of its recipient the country."""
    usage = record.usage
    return _key(record.key) | {
        "meter": record.meter,
        "account": record.account,
        "number": record.number or None,
        "country": record.recipient.country or None,
        "requested_at": timestamp(record.requested_at),
        "statuses": [
            {"status": status, "at": timestamp(at)}
            for status, at in sorted(record.statuses.items(), key=lambda item: (item[1], item[0]))
        ],
        "pricings": {status: _pricing(pricing) for status, pricing in sorted(record.pricings.items())},
        "reports": {status: _report(report) for status, report in sorted(record.reports.items())},
        "usage": None if usage is None else _usage(record.key, usage) | {"term": str(usage.term)},
        "fees": {} if usage is None else {name: _fee(fee, usage, name) for name, fee in sorted(usage.fees.items())},
        "unpriced": record.unpriced or None,
    }


def _pricing(pricing: Pricing) -> Json:
    return {"type": pricing.type, "category": pricing.category, "subtype": pricing.subtype or None}


def _report(report: Report) -> Json:
    return {
        "at": timestamp(report.at),
        "segments": report.segments,
        "price": None if report.price is None else f"{report.price:f}",
        "carrier_fee": None if report.carrier_fee is None else f"{report.carrier_fee:f}",
        "currency": report.currency,
    }


def _fee(fee: Fee, usage: Usage, component: str) -> Json:
    """A component of the fee and where it came from; ``charged``: whether the contract passes it on."""
    return {
        "amount": amount(fee.amount),
        "currency": fee.currency,
        "charged": component in usage.passed,
        "source": fee.source,
        "original": amount(fee.original),
        "original_currency": fee.original_currency,
        "card": fee.card or None,
        "card_amount": None if fee.card_amount is None else amount(fee.card_amount),
        "exchange_rate": None if fee.fx_rate is None else f"{fee.fx_rate:f}",
        "exchange_rate_of": fee.fx or None,
    }
