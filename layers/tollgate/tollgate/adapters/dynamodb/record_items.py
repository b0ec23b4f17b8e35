"""Records as ledger items. Pure. An ordinary item stays under 1 KB, which is one write unit.

attribute   holds
meter, account, number, version, unpriced, expires_at (epoch seconds), month_pk and month_sk (while it has usage)
waiting_pk, waiting_sk, waiting_since (while its price has to be asked for)
requested   the provider's time of the send request
statuses    status -> time
pricings    status -> [type, category, subtype]
reports     status -> {at, n: segments, p: price, c: carrier fee, cur: currency, m: messages unless 1}
to          {p: prefix, c: country, h: keyed hash}
usage       {m: meter, at: billable moment, d: day, t: term, c: category, k: market, n: messages, s: segments,
            cur: currency, f: {component: fee}, no: the components that are not passed through}
a fee       {a: amount, src: source, o: original, oc: original currency, r: card, ra: card amount,
            x: exchange-rate reference, xr: exchange rate}; o and oc only where they are not a and cur

Whatever is empty is left out. Amounts are numbers, times ISO 8601 UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from tollgate.adapters.dynamodb import keys
from tollgate.adapters.dynamodb.store import Item
from tollgate.domain.billing_moments import COMPONENTS
from tollgate.domain.calendar import add_months
from tollgate.domain.facts import NOBODY, MessageKey, Pricing, Recipient, Report
from tollgate.domain.price_waits import price_wait
from tollgate.domain.records import Fee, Record, Usage

KEPT_MONTHS: Final = 13


def record_item(tenant: str, record: Record) -> Item:
    """A record as an item; in the month index while it has usage, in the waiting index while it waits for a price."""
    own, wait = keys.record(tenant, record.key), price_wait(tenant, record)
    return {
        "pk": own.pk,
        "sk": own.sk,
        "meter": record.meter,
        "version": record.version,
        "expires_at": expires_at(record),
        "statuses": {status: _text(at) for status, at in record.statuses.items()},
    } | _without_empty(
        {
            "account": record.account,
            "number": record.number,
            "unpriced": record.unpriced,
            "requested": _text(record.requested_at) if record.requested_at else "",
            "pricings": {status: _pricing_list(pricing) for status, pricing in record.pricings.items()},
            "reports": {status: _report_map(report) for status, report in record.reports.items()},
            "to": _without_empty({"p": record.recipient.prefix, "c": record.recipient.country})
            | _without_empty({"h": record.recipient.hash}),
            "usage": _usage_map(record.usage) if record.usage else {},
            "month_pk": keys.month_pk(tenant, record.usage.day) if record.usage else "",
            "month_sk": keys.month_sk(record.usage.day, record.key) if record.usage else "",
            "waiting_pk": keys.waiting_pk(record.key) if wait else "",
            "waiting_sk": keys.instant(wait.due) if wait else "",
            "waiting_since": _text(wait.since) if wait else "",
        }
    )


def record_of(item: Mapping[str, Any]) -> Record:
    """The record of an item."""
    to = item.get("to", {})
    return Record(
        key=key_of(item),
        meter=item["meter"],
        account=item.get("account", ""),
        number=item.get("number", ""),
        statuses={status: _time(at) for status, at in item["statuses"].items()},
        pricings={status: Pricing(*parts) for status, parts in item.get("pricings", {}).items()},
        reports={status: _report_of(report) for status, report in item.get("reports", {}).items()},
        requested_at=_time(item["requested"]) if "requested" in item else None,
        recipient=Recipient(to.get("p", ""), to.get("c", ""), to.get("h", "")) if to else NOBODY,
        usage=usage_of(item) if "usage" in item else None,
        unpriced=item.get("unpriced", ""),
        version=int(item["version"]),
    )


def key_of(item: Mapping[str, Any]) -> MessageKey:
    """The message of an item."""
    return keys.message_of(item["sk"])


def usage_of(item: Mapping[str, Any]) -> Usage:
    """The usage in an item that has some."""
    usage = item["usage"]
    return Usage(
        meter=usage["m"],
        moment=_time(usage["at"]),
        day=date.fromisoformat(usage["d"]),
        term=date.fromisoformat(usage["t"]),
        category=usage["c"],
        market=usage["k"],
        messages=int(usage["n"]),
        segments=int(usage["s"]),
        fees={component: _fee_of(fee, usage["cur"]) for component, fee in usage["f"].items()},
        passed=frozenset(COMPONENTS) - frozenset(usage.get("no", ())),
    )


def _fee_of(fee: Mapping[str, Any], currency: str) -> Fee:
    return Fee(
        amount=fee["a"],
        currency=currency,
        source=fee["src"],
        original=fee.get("o", fee["a"]),
        original_currency=fee.get("oc", currency),
        card=fee.get("r", ""),
        card_amount=fee.get("ra"),
        fx=fee.get("x", ""),
        fx_rate=fee.get("xr"),
    )


def expires_at(record: Record) -> int:
    """When a record may go, in epoch seconds: 13 whole months after the month of its usage, else of its last status.

    Whole months, so that all of a month's usage goes at once and no recount meets half of it.
    """
    last = record.usage.day if record.usage else max(record.statuses.values()).astimezone(UTC).date()
    gone = add_months(last.replace(day=1), KEPT_MONTHS + 1)
    return int(datetime(gone.year, gone.month, 1, tzinfo=UTC).timestamp())


def _usage_map(usage: Usage) -> Item:
    (currency,) = {fee.currency for fee in usage.fees.values()}
    kept_back = [component for component in COMPONENTS if component not in usage.passed]
    return {
        "m": usage.meter,
        "at": _text(usage.moment),
        "d": str(usage.day),
        "t": str(usage.term),
        "c": usage.category,
        "k": usage.market,
        "n": usage.messages,
        "s": usage.segments,
        "cur": currency,
        "f": {component: _fee_map(fee) for component, fee in usage.fees.items()},
    } | ({"no": kept_back} if kept_back else {})


def _fee_map(fee: Fee) -> Item:
    return {"a": fee.amount, "src": fee.source} | _without_empty(
        {
            "o": fee.original if fee.original != fee.amount else None,
            "oc": fee.original_currency if fee.original_currency != fee.currency else "",
            "r": fee.card,
            "ra": fee.card_amount,
            "x": fee.fx,
            "xr": fee.fx_rate,
        }
    )


def _pricing_list(pricing: Pricing) -> list[str]:
    return [pricing.type, pricing.category] + ([pricing.subtype] if pricing.subtype else [])


def _report_map(report: Report) -> Item:
    return {"at": _text(report.at), "n": report.segments, "cur": report.currency} | _without_empty(
        {"p": report.price, "c": report.carrier_fee, "m": report.messages if report.messages != 1 else None}
    )


def _report_of(report: Mapping[str, Any]) -> Report:
    return Report(
        _time(report["at"]),
        int(report["n"]),
        report.get("p"),
        report.get("c"),
        report["cur"],
        messages=int(report.get("m", 1)),
    )


def _without_empty(attributes: Mapping[str, Any]) -> Item:
    return {name: value for name, value in attributes.items() if value not in (None, "", {})}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
