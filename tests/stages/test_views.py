"""Views: the JSON shapes that the command line and the API answer with. They are an interface: names and types."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.domain.examples import D
from tests.stages.test_announce import DRAFT, OPEN, OVERDUE, STATEMENT, WARNING
from tests.stages.traffic import ACME, INDIAN, NOBODYS, NOON, World, meta, small, sms, status, world
from tollgate.domain.calendar import Term
from tollgate.domain.errors import NotFound
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.preferences import Change
from tollgate.domain.statement import Line
from tollgate.domain.usage import TermRow, Totals
from tollgate.stages import views
from tollgate.stages.ports.accounts import MailState

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
TERM = date(2026, 1, 15)


def usage(rows: World, tenant: str = "acme", *, now: datetime = NOW, on: date | None = None) -> Any:
    return views.usage_view(tenant, contracts_rows=rows.rows.contracts, ledger=rows.rows.ledger, now=now, on=on)


def standing(rows: World, tenant: str = "acme", *, now: datetime = NOW, on: date | None = None) -> Any:
    ports = rows.rows
    return views.standing_view(
        tenant, contracts_rows=ports.contracts, ledger=ports.ledger, holds=ports.holds, now=now, on=on
    )


def used() -> World:
    """Two WhatsApp messages of two markets on two days, three SMS."""
    rows = world()
    rows.meter(
        meta(
            status("delivered", "regular/marketing", to=INDIAN, message="w1", at=NOON + timedelta(days=1)),
            status("delivered", "regular/marketing", message="w2"),
        ),
        *(sms(message=f"s{n}", parts=2) for n in range(3)),
    )
    return rows


def test_usage_has_the_agreed_shape() -> None:
    """Totals, shares of the allowances and days, in full."""
    assert usage(used()) == {
        "tenant": "acme",
        "term": {"start": "2026-01-15", "end": "2027-01-15"},  # the end is exclusive
        "meters": {
            "sms": {"messages": 3, "segments": 6, "fees": "0.01743"},
            "whatsapp": {"messages": 2, "segments": 2, "fees": "0.0368"},
        },
        "allowances": {
            "sms": {"measure": "messages", "used": 3, "included": 4, "share": 0.75, "beyond": "suspend"},
            "whatsapp": {"measure": "fees", "used": "0.0368", "included": "0.10", "share": 0.368, "beyond": "bill"},
        },
        "days": [
            _day("2026-03-10", "sms", "sms", "US", 3, 6, "0.01743"),
            _day("2026-03-10", "whatsapp", "marketing", "North America", 1, 1, "0.0250"),
            _day("2026-03-11", "whatsapp", "marketing", "India", 1, 1, "0.0118"),
        ],
    }


def _day(day: str, meter: str, category: str, market: str, messages: int, segments: int, fees: str) -> dict[str, Any]:
    return {
        "date": day,
        "meter": meter,
        "category": category,
        "market": market,
        "messages": messages,
        "segments": segments,
        "fees": views.amount(D(fees)),
    }


def test_usage_of_a_term_without_any_is_all_zeros() -> None:
    """Every meter of the contract is named."""
    view = usage(world())
    nothing = {"messages": 0, "segments": 0, "fees": "0.00"}
    assert view["meters"] == {"sms": nothing, "whatsapp": nothing}
    assert (view["allowances"]["sms"]["share"], view["days"]) == (0.0, [])


@pytest.mark.parametrize(
    ("now", "on", "start"),
    [
        ("2026-03-20T12:00:00", None, "2026-01-15"),
        ("2027-01-15T05:59:59", None, "2026-01-15"),  # the last second of the first year, in Chicago
        ("2027-01-15T06:00:00", None, "2027-01-15"),
        ("2027-06-01T00:00:00", "2027-01-14", "2026-01-15"),
        ("2026-03-20T12:00:00", "2027-01-15", "2027-01-15"),
        ("2025-03-20T12:00:00", None, "2026-01-15"),  # before the contract: its first
    ],
)
def test_the_term_shown_is_that_of_the_day_asked_for_else_todays(now: str, on: str | None, start: str) -> None:
    """By the contract's clock."""
    asked = date.fromisoformat(on) if on else None
    view = usage(world(), now=datetime.fromisoformat(now).replace(tzinfo=UTC), on=asked)
    assert view["term"]["start"] == start


@pytest.mark.parametrize("view", [usage, standing])
def test_an_unknown_tenant_is_not_found(view: Callable[..., Any]) -> None:
    """An error that names it, never an empty answer."""
    with pytest.raises(NotFound, match="nobody"):
        view(world(), "nobody")


def test_standing_has_the_agreed_shape() -> None:
    """Each service: its state, what remains in its measure, the open holds."""
    rows = used()
    assert standing(rows) == {
        "tenant": "acme",
        "services": {
            "sms": {"state": "active", "remaining": 1, "holds": []},
            "whatsapp": {"state": "active", "remaining": "0.0632", "holds": []},
        },
    }
    rows.meter(sms(message="s4"), sms(message="s5", at=NOON + timedelta(minutes=1)))
    assert standing(rows)["services"]["sms"] == {
        "state": "suspended",
        "remaining": 0,
        "holds": [
            {
                "scope": "sms",
                "cause": "limit",
                "reference": "2026-01-15",
                "opened_at": "2026-03-10T17:00:00Z",
                "lifted_at": None,
            }
        ],
    }


def test_a_hold_on_all_services_suspends_each_of_them_while_it_is_open() -> None:
    """And only while it is."""
    rows = world()
    hold = Hold(tenant="acme", scope="all", cause="overdue", reference="2026-02-01", opened_at=NOON)
    rows.memory.holds["acme", hold.identity] = hold
    assert {one["state"] for one in standing(rows)["services"].values()} == {"suspended"}
    rows.memory.holds["acme", hold.identity] = hold.lifted(NOW)
    assert {one["state"] for one in standing(rows)["services"].values()} == {"active"}


def test_a_notice_has_the_agreed_shape() -> None:
    """Counts are numbers, the line is the percent."""
    (version,) = world().rows.contracts.versions("acme")
    mail = MailState(status="sent", to=("ops@acme.example",), sent_at=NOON + timedelta(seconds=2), message_id="m")
    assert views.notice_view(WARNING, mail, version) == {
        "kind": "usage-warning",
        "term": "2026-01-15",
        "meter": "sms",
        "line": 75,
        "used": 37500,
        "included": 50000,
        "at": "2026-03-10T17:00:00Z",
        "period": None,
        "mail": {"status": "sent", "to": ["ops@acme.example"], "sent_at": "2026-03-10T17:00:02Z"},
    }


def test_a_notice_says_what_a_customer_chose() -> None:
    """That the line is one they asked for, and what their link changed; other notices keep their shape."""
    (version,) = world().rows.contracts.versions("acme")
    assert views.notice_view(replace(WARNING, asked=True), MailState(), version)["asked"] is True
    change = Change(
        recipients_before=("ops@acme.example",),
        recipients=("jo@acme.example",),
        shares_before={},
        shares={"sms": (50, 90)},
        passed={"sms": (50,)},
    )
    changed = Notice(
        tenant="acme", kind="settings-changed", term=TERM, at=NOON, used=D(0), change=change, reference="1"
    )
    view = views.notice_view(changed, MailState(), version)
    assert (view["kind"], view["meter"], view["line"], view["period"]) == ("settings-changed", None, None, None)
    assert view["change"] == {
        "before": {"recipients": ["ops@acme.example"], "shares": {}},
        "after": {"recipients": ["jo@acme.example"], "shares": {"sms": [50, 90]}},
        "passed": {"sms": [50]},
    }


def test_a_notice_of_fees_tells_amounts_as_strings() -> None:
    """Of a meter measured in fees, and of an invoice."""
    (version,) = world().rows.contracts.versions("acme")
    fees = replace(WARNING, meter="whatsapp", used=D("750.0034"), included=D("1E+3"))
    view = views.notice_view(fees, MailState(), version)
    assert (view["used"], view["included"], view["line"]) == ("750.0034", "1000.00", 75)
    owed = views.notice_view(OVERDUE, MailState(), version)
    assert (owed["used"], owed["included"], owed["meter"], owed["line"]) == ("12.50", None, None, None)
    assert owed["period"] == "2026-03-01"


@pytest.mark.parametrize(
    ("status_", "shown"),
    [("queued", "queued"), ("sending", "queued"), ("sent", "sent"), ("delivered", "delivered"), ("bounced", "bounced")],
)
def test_a_mail_has_one_of_four_statuses(status_: str, shown: str) -> None:
    """One that is being sent is still queued for whoever asks."""
    (version,) = world().rows.contracts.versions("acme")
    view = views.notice_view(WARNING, MailState(status=status_), version)
    assert view["mail"] == {"status": shown, "to": [], "sent_at": None}


def test_an_invoice_has_the_agreed_shape() -> None:
    """The interface's fields, and what the pages show beside them."""
    lines = (
        Line(key="marketing/North America", description="Marketing, North America", quantity=500, amount=D("12.50")),
    )
    invoice = replace(
        OPEN, statement=replace(STATEMENT, lines=lines), number="ACME-1", due_date=date(2026, 4, 17), revision=3
    )
    view = views.invoice_view(invoice)
    assert {name: view.pop(name) for name in ("number", "flags", "approved_by", "error", "flagged")} == {
        "number": "ACME-1",
        "flags": [],
        "approved_by": "jo",
        "error": None,
        "flagged": False,
    }
    assert view == {
        "tenant": "acme",
        "period": "2026-03-01",
        "revision": 3,
        "status": "open",
        "currency": "USD",
        "total": "12.50",
        "lines": [
            {
                "key": "marketing/North America",
                "description": "Marketing, North America",
                "quantity": 500,
                "amount": "12.50",
            }
        ],
        "stripe_invoice": "in_1",
        "due_date": "2026-04-17",
    }


def test_what_an_invoice_has_not_yet_is_null() -> None:
    """Never an empty string."""
    view = views.invoice_view(DRAFT)
    assert [view[name] for name in ("stripe_invoice", "due_date", "number", "approved_by", "error")] == [None] * 5


def test_a_quarantined_fact_shows_what_it_says_and_nobody() -> None:
    """One row a fact, with its reason; of the recipient the country alone."""
    rows = world()
    rows.meter(meta(status("delivered", "regular/marketing"), waba=NOBODYS), sms(tenant="gamma", carrier_fee="0.003"))
    text, whatsapp = sorted(
        (views.quarantine_view(row) for row in rows.memory.quarantine.values()), key=lambda v: v["provider"]
    )
    assert whatsapp == {
        "id": whatsapp["id"],
        "reason": "unknown-sender",
        "provider": "meta",
        "message": "wamid.1",
        "facts": {
            "account": NOBODYS,
            "meter": "whatsapp",
            "status": "delivered",
            "phone_number_id": "106540352242922",
            "pricing": {"type": "regular", "category": "marketing"},
            "country": "US",
        },
        "at": "2026-03-10T17:00:00Z",
    }
    assert (text["reason"], text["facts"]["report"]) == (
        "no-fx",
        {"segments": 1, "price": "0.00581", "carrier_fee": "0.003", "currency": "USD"},
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00"),
        ("1E+3", "1000.00"),
        ("0.0225", "0.0225"),
        ("0.02250", "0.0225"),
        ("12.5", "12.50"),
        ("12.500", "12.50"),
        ("0.00581", "0.00581"),
        ("-3", "-3.00"),
        ("1234567.10", "1234567.10"),
        ("0E-9", "0.00"),
    ],
)
def test_an_amount_is_a_decimal_string(value: str, text: str) -> None:
    """At least two decimals, no exponent, nothing rounded."""
    assert views.amount(D(value)) == text


def test_a_time_is_utc_with_a_z() -> None:
    """Whatever zone it was known in."""
    chicago = datetime(2026, 3, 10, 12, tzinfo=timezone(timedelta(hours=-5)))
    assert (views.timestamp(chicago), views.timestamp(None)) == ("2026-03-10T17:00:00Z", None)


def test_a_share_is_a_fraction_of_what_is_included() -> None:
    """0.75 at the warning, 1 at the limit, above it beyond; none where nothing is included."""
    rows = world()
    rows.apply(
        small(
            "acme",
            ACME,
            approval={"by": "Jo", "document": "SO-1"},
            allowances={
                "sms": {"measure": "messages", "included": 50_000, "beyond": "suspend"},
                "whatsapp": {"measure": "fees", "included": "0", "beyond": "bill"},
            },
        )
    )
    for messages, share in ((37_500, 0.75), (50_000, 1.0), (60_000, 1.2)):
        meters = {"sms": Totals(messages), "whatsapp": Totals(1, 1, D("0.1"))}
        rows.memory.terms["acme", TERM] = TermRow(term=Term(TERM, date(2027, 1, 15)), meters=meters, version=1)
        allowances = usage(rows)["allowances"]
        assert (allowances["sms"]["share"], allowances["whatsapp"]["share"]) == (share, None)


def test_every_view_is_json() -> None:
    """No Decimal, no date and no tuple is left in them."""
    rows = used()
    for view in (
        usage(rows),
        standing(rows),
        views.invoice_view(OPEN),
        views.hold_view(Hold(tenant="acme", scope="sms", cause="limit", reference="r", opened_at=NOON)),
    ):
        assert json.loads(json.dumps(view)) == view
