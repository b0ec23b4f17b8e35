"""A month through the deployed system, held against the plainest model of it: receipts in, mails and an invoice out.

Receipts are shuffled, repeated and batched anyhow. Everything is read by commands, as people and programs do. The month
is the current one: due dates and limits are counted from the real clock once an invoice is issued.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from itertools import batched
from typing import Any

import pytest

from local.demo.place import Place
from tests import stripe_checker
from tests.pipeline import naive
from tests.pipeline.naive import Month
from tollgate.adapters.aws import local_clients
from tollgate.domain.calendar import add_months
from tollgate.runtime import Runtime
from tollgate.settings import Settings
from tollgate.stages.preferences import PreferencePorts, choose

INCLUDED = Decimal("2.00")
TEXTS = 40
FIRST = datetime.now(UTC).date().replace(day=1)
AFTER = add_months(FIRST, 1)
CLOSED_AT = f"{AFTER.replace(day=4)}T12:00:00Z"
MIDDLE = str(FIRST.replace(day=15))
ASKED = {"sms": (25, 50), "whatsapp": (10, 75, 99)}
"""Further shares that both customers ask for; the contract has the 75 %."""


def contract(month: Month) -> str:
    return json.dumps(
        {
            "tenant": month.tenant,
            "name": f"{month.tenant} and sons",
            "timezone": month.timezone,
            "term": {"start": str(FIRST)},
            "contacts": {"usage": [f"usage@{month.tenant}.example"], "billing": [f"billing@{month.tenant}.example"]},
            "senders": [
                {"provider": "meta", "account": month.waba},
                {"provider": "aws-sms", "account": month.tenant},
            ],
            "allowances": {
                "whatsapp": {"measure": "fees", "included": str(INCLUDED), "beyond": "bill"},
                "sms": {"measure": "messages", "included": TEXTS, "beyond": "suspend"},
            },
        }
    )


def posts(months: list[Month], draw: random.Random) -> list[bytes]:
    """All statuses of both accounts, shuffled into webhooks that mix them."""
    statuses = [(month.waba, status) for month in months for status in month.statuses]
    draw.shuffle(statuses)
    bodies = []
    for some in batched(statuses, 37, strict=False):
        entries = [
            {
                "id": waba,
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15550100", "phone_number_id": f"9{waba}"},
                            "statuses": [status],
                        },
                    }
                ],
            }
            for waba, status in some
        ]
        bodies.append(json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode())
    return bodies


@pytest.fixture(scope="module")
def months(place: Place, tmp_path_factory: pytest.TempPathFactory) -> list[Month]:
    """Two tenants' month, sent and metered."""
    when: Any = {"first_day": FIRST, "days": (AFTER - FIRST).days}
    made = [
        naive.month(tenant="month-a", waba="501", timezone="America/Chicago", seed=14, whatsapp=160, texts=70, **when),
        naive.month(tenant="month-b", waba="502", timezone="Asia/Kolkata", seed=12, whatsapp=210, texts=25, **when),
    ]
    folder = tmp_path_factory.mktemp("contracts")
    files = [folder / f"{month.tenant}.yaml" for month in made]
    for file, month in zip(files, made, strict=True):
        file.write_text(contract(month), encoding="utf-8")
    place.command("rates", "load", naive.CARD, "--card", "meta", "--from", "2026-10-01")
    place.command("contract", "apply", *files)
    ask(place, made)
    draw = random.Random(99)
    events = [json.dumps(event) for month in made for event in month.events]
    draw.shuffle(events)
    place.post_meta(posts(made, draw), sent=lambda _: None)
    place.publish_sms((list(some) for some in batched(events, 10, strict=False)), sent=lambda _: None)
    place.drain()
    return made


def ask(place: Place, months: list[Month]) -> None:
    """What the customers' pages do, before anything is counted."""
    document = place.document
    runtime = Runtime(
        Settings(ledger_table=document["tables"]["ledger"], accounts_table=document["tables"]["accounts"]),
        count=lambda _name, _value: None,
        client=local_clients(document["aws"], document["region"]),
    )
    ports = PreferencePorts(
        contracts=runtime.contracts, ledger=runtime.ledger, notices=runtime.notices, preferences=runtime.preferences
    )
    for month in months:
        choose(
            month.tenant,
            addresses=(),
            shares={meter: ", ".join(map(str, own)) for meter, own in ASKED.items()},
            version=0,
            by=f"customer:{month.tenant}",
            ports=ports,
            now=datetime.combine(FIRST, time(6), UTC),
        )


@dataclass(frozen=True)
class Issued:
    """What the closed month came to."""

    invoices: dict[str, dict[str, Any]]
    expected: dict[str, Decimal]


@pytest.fixture(scope="module")
def issued(place: Place, months: list[Month]) -> Issued:
    """The month closed, and what is to pay approved and issued."""
    report = place.command("run", "invoice", "--at", CLOSED_AT, "--json")
    # Named as ``tenant/period`` and ``tenant: cause``; other tests' tenants are none of this one's business.
    ours = {month.tenant for month in months}
    assert [one for one in (*report["blocked"], *report["failed"]) if re.split("[/:]", one)[0] in ours] == []
    expected = {month.tenant: naive.cents(max(Decimal(0), month.total - INCLUDED)) for month in months}
    for tenant, total in expected.items():
        (draft,) = place.command("invoices", "--tenant", tenant, "--json")
        assert (draft["status"], draft["total"]) == ("draft", f"{total}")
        place.command("invoice", "approve", tenant, str(FIRST), "--revision", "1", "--by", "frances@finance.example")
    place.until(lambda: not place.command("invoices", "--status", "approved", "--json"), what="Stripe")
    found = {tenant: place.command("invoices", "--tenant", tenant, "--json")[0] for tenant in expected}
    return Issued(found, expected)


def test_every_count_and_fee_is_what_the_model_says(place: Place, months: list[Month]) -> None:
    """Day by day, by meter, category and market, to the last decimal."""
    for month in months:
        days = place.command("usage", month.tenant, "--on", MIDDLE, "--json")["days"]
        counted = {
            (row["date"], row["meter"], row["category"], row["market"]): [row["messages"], Decimal(row["fees"])]
            for row in days
        }
        assert counted == dict(month.cells)


def test_lines_fire_once_with_the_use_at_their_crossing(place: Place, months: list[Month]) -> None:
    """One notice a line that was reached and none for the others, the customer's own lines among them; the SMS limit
    opens one hold, WhatsApp's none. The choice itself is told once."""
    for month in months:
        notices = place.command("notices", month.tenant, "--json")
        told = [one for one in notices if one["kind"] == "settings-changed"]
        assert [one["change"]["after"]["shares"] for one in told] == [{m: list(own) for m, own in ASKED.items()}]
        lines = {(one["meter"], one["line"]): one for one in notices if one not in told}
        assert len(lines) == len(notices) - 1
        reached = {("sms", line) for line in (*ASKED["sms"], 75, 100) if len(month.texts) >= TEXTS * line / 100}
        reached |= {("whatsapp", line) for line in (*ASKED["whatsapp"], 100) if month.total >= INCLUDED * line / 100}
        assert lines.keys() == reached
        assert {line for line, one in lines.items() if one.get("asked")} == reached - {
            (meter, line) for meter in ASKED for line in (75, 100)
        }
        assert all(one["used"] == TEXTS * line / 100 for (meter, line), one in lines.items() if meter == "sms")
        holds = place.command("holds", month.tenant, "--json")
        assert [(hold["scope"], hold["cause"], hold["lifted_at"]) for hold in holds] == (
            [("sms", "limit", None)] if ("sms", 100) in reached else []
        )
        standing = place.command("standing", month.tenant, "--json")["services"]
        assert standing["sms"]["state"] == ("suspended" if ("sms", 100) in reached else "active")
        assert standing["whatsapp"]["state"] == "active"


def test_every_notice_is_mailed_once(place: Place, months: list[Month]) -> None:
    """To the usage contacts, with the notice's state saying so."""
    for month in months:
        address = f"usage@{month.tenant}.example"
        place.until(lambda tenant=month.tenant: all_sent(place, tenant), what="the mails")  # type: ignore[misc]
        notices = place.command("notices", month.tenant, "--json")
        assert all(one["mail"]["to"] == [address] for one in notices)


def all_sent(place: Place, tenant: str) -> bool:
    notices = place.command("notices", tenant, "--json")
    return all(one["mail"]["status"] in ("sent", "delivered") for one in notices)


def test_the_invoice_is_the_models_to_the_cent(months: list[Month], issued: Issued) -> None:
    """Its lines count what the model counts, and add up to what Stripe asks for."""
    for month in months:
        invoice = issued.invoices[month.tenant]
        lines = {line["key"]: line for line in invoice["lines"]}
        counted = {key: line["quantity"] for key, line in lines.items() if not key.startswith("allowance/")}
        assert counted == month.lines()
        assert sum(Decimal(line["amount"]) for line in invoice["lines"]) == issued.expected[month.tenant]
        assert invoice["status"] == "open"
        assert invoice["stripe_invoice"]


def test_payment_settles_the_row(place: Place, issued: Issued) -> None:
    """The customer pays at Stripe, and the signed webhook makes the row paid."""
    for invoice in issued.invoices.values():
        place.pay(invoice["stripe_invoice"])
    tenants = list(issued.invoices)
    paid: Callable[[], bool] = lambda: all(  # noqa: E731 - a condition to wait for
        place.command("invoices", "--tenant", tenant, "--json")[0]["status"] == "paid" for tenant in tenants
    )
    place.until(paid, what="the payments to be settled")


def test_the_same_month_again_changes_nothing(place: Place, months: list[Month]) -> None:
    """Every receipt sent once more, in another order and other batches, leaves every row as it was."""
    before = [place.command("usage", month.tenant, "--on", MIDDLE, "--json") for month in months]
    draw = random.Random(7)
    events = [json.dumps(event) for month in months for event in month.events]
    draw.shuffle(events)
    place.post_meta(posts(months, draw), sent=lambda _: None)
    place.publish_sms((list(some) for some in batched(events, 10, strict=False)), sent=lambda _: None)
    place.drain()
    assert [place.command("usage", month.tenant, "--on", MIDDLE, "--json") for month in months] == before
    assert place.dead_letters() == {}


def test_every_request_to_stripe_is_one_that_stripe_takes(place: Place, issued: Issued) -> None:
    """What the deployed functions sent, by the checker of Stripe's requests."""
    assert issued.invoices
    recorded = [stripe_checker.Recorded(**request) for request in place.stripe_requests()]
    assert len(recorded) > 10
    assert stripe_checker.problems(recorded) == []
