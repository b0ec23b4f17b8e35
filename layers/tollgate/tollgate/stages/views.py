"""Views: the rows as the shapes that the command line and the API answer with. Amounts are decimal strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tollgate.domain import contract as contracts
from tollgate.domain.calendar import Term, local_day
from tollgate.domain.contract import Allowance, Contract
from tollgate.domain.errors import NotFound
from tollgate.domain.invoices import Invoice
from tollgate.domain.money import ZERO
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.preferences import Change, Shares
from tollgate.domain.standing import standing
from tollgate.domain.usage import DayRow, TermRow, Totals
from tollgate.stages.ports.accounts import ContractRows, HoldRows, MailState
from tollgate.stages.ports.ledger import LedgerRows, QuarantineRow
from tollgate.stages.rates import Loaded
from tollgate.stages.reprice import MonthChange

type Json = dict[str, Any]


def amount(value: Decimal) -> str:
    """A decimal string without exponent or trailing zeros beyond two decimals: ``12.50``, ``0.0225``."""
    text = f"{value.normalize():f}"
    decimals = len(text.partition(".")[2])
    return f"{value:.2f}" if decimals < 2 else text


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with a Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def current_contract(versions: Sequence[Contract], tenant: str, day: date | None = None) -> Contract:
    """The version in force on a day, else the first to come. Raises NotFound for an unknown tenant."""
    if not versions:
        raise NotFound("tenant", tenant)
    return (contracts.in_force(versions, day) if day else None) or (versions[0] if day else versions[-1])


def term_to_show(
    versions: Sequence[Contract], rows: Sequence[TermRow], *, tenant: str, now: datetime, on: date | None
) -> Term:
    """The term of a day. Without one: today's, or a later one that has usage already."""
    contract = current_contract(versions, tenant, on)
    if on is not None:
        return contract.term_on(max(on, contract.term.start))
    today = contract.term_on(max(local_day(now, contract.timezone), contract.term.start))
    return max([today, *(row.term for row in rows)], key=lambda term: term.start)


def usage_view(
    tenant: str, *, contracts_rows: ContractRows, ledger: LedgerRows, now: datetime, on: date | None
) -> Json:
    """Usage of a term against its allowances, with its days. Raises NotFound."""
    versions, rows = contracts_rows.versions(tenant), ledger.terms(tenant)
    term = term_to_show(versions, rows, tenant=tenant, now=now, on=on)
    row = next((row for row in rows if row.term == term), TermRow(term=term))
    contract = contracts.for_term(versions, term)
    meters = sorted(contract.allowances.keys() | row.meters.keys())
    return {
        "tenant": tenant,
        "term": {"start": str(term.start), "end": str(term.end)},
        "meters": {meter: _totals(row.of(meter)) for meter in meters},
        "allowances": {meter: _allowance(rule, row.of(meter)) for meter, rule in sorted(contract.allowances.items())},
        "days": [entry for day in ledger.days(tenant, term.start, term.end) for entry in _day(day)],
    }


def _totals(totals: Totals) -> Json:
    return {"messages": totals.messages, "segments": totals.segments, "fees": amount(totals.fees)}


def quantity(measure: str, value: Decimal) -> str | int:
    """A measured quantity: fees as a decimal string, counts as an integer."""
    return amount(value) if measure == "fees" else int(value)


def _allowance(rule: Allowance, totals: Totals) -> Json:
    used = totals.measured(rule.measure)
    share = float(round(used / rule.included, 6)) if rule.included else None
    return {
        "measure": rule.measure,
        "used": quantity(rule.measure, used),
        "included": quantity(rule.measure, rule.included),
        "share": share,
        "beyond": rule.beyond,
    }


def _day(row: DayRow) -> Iterable[Json]:
    for cell, totals in sorted(row.cells.items()):
        yield {
            "date": str(row.day),
            "meter": cell.meter,
            "category": cell.category,
            "market": cell.market,
            **_totals(totals),
        }


def standing_view(
    tenant: str, *, contracts_rows: ContractRows, ledger: LedgerRows, holds: HoldRows, now: datetime, on: date | None
) -> Json:
    """Whether each service may be used now. Raises NotFound."""
    versions, rows = contracts_rows.versions(tenant), ledger.terms(tenant)
    term = term_to_show(versions, rows, tenant=tenant, now=now, on=on)
    row = next((row for row in rows if row.term == term), None)
    contract = contracts.for_term(versions, term)
    services = standing(contract, row, holds.holds(tenant))
    return {
        "tenant": tenant,
        "services": {
            meter: {
                "state": one.state,
                "remaining": quantity(contract.allowances[meter].measure, one.remaining or ZERO),
                "holds": [hold_view(hold) for hold in one.holds],
            }
            for meter, one in services.items()
        },
    }


def hold_view(hold: Hold) -> Json:
    """One hold."""
    return {
        "scope": hold.scope,
        "cause": hold.cause,
        "reference": hold.reference,
        "opened_at": timestamp(hold.opened_at),
        "lifted_at": timestamp(hold.lifted_at),
    }


def notice_view(notice: Notice, mail: MailState, contract: Contract) -> Json:
    """One notice with the state of its mail. ``used`` of an invoice's notice is the amount owed. ``asked`` is there for
    a line that the customer asked for, ``change`` for what a customer's link changed."""
    rule = contract.allowances.get(notice.meter or "")
    measure = rule.measure if rule else "fees"
    return {
        "kind": notice.kind,
        "term": str(notice.term),
        "meter": notice.meter,
        "line": notice.line,
        "used": quantity(measure, notice.used),
        "included": None if notice.included is None else quantity(measure, notice.included),
        "at": timestamp(notice.at),
        "period": None if notice.period is None else str(notice.period),
        **({"asked": True} if notice.asked else {}),
        **({"change": _change(notice.change)} if notice.change else {}),
        "mail": {"status": _mail_status(mail), "to": list(mail.to), "sent_at": timestamp(mail.sent_at)},
    }


def _change(change: Change) -> Json:
    def told(recipients: Sequence[str], shares: Shares) -> Json:
        return {"recipients": list(recipients), "shares": {meter: list(own) for meter, own in shares.items()}}

    return {
        "before": told(change.recipients_before, change.shares_before),
        "after": told(change.recipients, change.shares),
        "passed": {meter: list(own) for meter, own in change.passed.items()},
    }


def _mail_status(mail: MailState) -> str:
    return "queued" if mail.status == "sending" else mail.status


def invoice_view(invoice: Invoice) -> Json:
    """One invoice with its lines."""
    statement = invoice.statement
    return {
        "tenant": invoice.tenant,
        "period": invoice.name,
        "revision": invoice.revision,
        "status": invoice.status,
        "currency": statement.currency,
        "total": f"{statement.total:f}",
        "lines": [
            {"key": line.key, "description": line.description, "quantity": line.quantity, "amount": f"{line.amount:f}"}
            for line in statement.lines
        ],
        "stripe_invoice": invoice.stripe_invoice or None,
        "due_date": None if invoice.due_date is None else str(invoice.due_date),
        "number": invoice.number or None,
        "flags": list(invoice.flags),
        "approved_by": invoice.approved_by or None,
        "error": invoice.push.error or None,
        "flagged": invoice.push.flagged,
    }


def loaded_view(loaded: Loaded, months: Sequence[MonthChange], *, dry_run: bool) -> Json:
    """What a rates file was, and what it makes of messages that are counted already."""
    return {
        "kind": loaded.kind,
        "reference": loaded.reference,
        "dry_run": dry_run,
        "changes": list(loaded.changes),
        "repriced": [
            {
                "tenant": change.tenant,
                "month": f"{change.month:%Y-%m}",
                "messages": change.messages,
                "before": amount(change.before),
                "after": amount(change.after),
                "difference": amount(change.difference),
                "currency": change.currency,
            }
            for change in months
        ],
    }


def quarantine_view(row: QuarantineRow) -> Json:
    """One quarantined fact, without anything of the recipient but the country."""
    fact = row.fact
    facts: Json = {"account": fact.account, "meter": fact.meter, "status": fact.status}
    if fact.number:
        facts["phone_number_id"] = fact.number
    if fact.pricing:
        facts["pricing"] = {"type": fact.pricing.type, "category": fact.pricing.category}
    if fact.report:
        facts["report"] = {
            "segments": fact.report.segments,
            "price": None if fact.report.price is None else f"{fact.report.price:f}",
            "carrier_fee": None if fact.report.carrier_fee is None else f"{fact.report.carrier_fee:f}",
            "currency": fact.report.currency,
        }
    if fact.recipient.country:
        facts["country"] = fact.recipient.country
    return {
        "id": row.id,
        "reason": row.reason,
        "provider": fact.provider,
        "message": fact.message,
        "facts": facts,
        "at": timestamp(fact.at),
    }
