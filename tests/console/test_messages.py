"""From a line of an invoice to its messages, and from a message to its facts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from copy import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from tests.console.conftest import World
from tests.console.visitor import Seen, Visitor
from tests.domain.examples import D, contract
from tests.fakes.faults import Faults
from tests.stages.billing import FREE, INDIA, JANUARY, Billing, at
from tollgate.console import messages
from tollgate.domain.errors import RetryLater
from tollgate.domain.facts import MessageKey, Pricing, Recipient, Report
from tollgate.domain.records import Fee
from tollgate.stages import drilldown
from tollgate.stages.ports.receipts import Receipt

INVOICE = "/console/invoices/acme/2026-02-01"
NORTH_LINE = quote("marketing/North America")
NOW = at("2026-03-06", "13:00")


@pytest.fixture
def billing() -> Billing:
    """January with late usage that February adjusts; February with 120 messages of one line and two of another."""
    world = Billing(contract=contract(allowances=FREE))
    world.use("2026-01-20", "5.00")
    world.close(at("2026-02-05"))
    world.approve(JANUARY, at("2026-02-05"))
    world.use("2026-01-21", "2.00")
    for number in range(120):
        world.use(f"2026-02-{1 + number % 28:02}", "0.0131")
    world.use("2026-02-03", "0.50", cell=INDIA)
    world.use("2026-02-04", "0.75", cell=INDIA)
    world.close(at("2026-03-05"))
    return world


@pytest.fixture
def world(billing: Billing) -> World:
    """The site over them."""
    return World(memory=billing.memory, stripe=billing.stripe, now=NOW)


def ids(seen: Seen) -> list[str]:
    """The messages that a page lists."""
    return re.findall(r'<tr data-href="[^"]*message=(\w+)', seen.text)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("line=utility/India", 2),
        ("line=utility/India&day=2026-02-04", 1),
        ("line=adjustment/whatsapp/2026-01-15", 2),
        ("day=2026-02-03", 6),
        ("day=2026-02-03&category=utility", 1),
        ("market=India", 2),
        ("category=utility&market=North+America", 0),
    ],
)
def test_a_line_leads_to_its_messages(signed_in: Callable[..., Visitor], query: str, count: int) -> None:
    """Narrowed by line, day, category and market; an adjustment's are those of its period."""
    assert len(ids(signed_in("read-only").get(f"{INVOICE}/messages?{query}"))) == count


def test_a_page_says_what_it_shows(signed_in: Callable[..., Visitor]) -> None:
    """The line, its count and amount, the message's exact fee, and a way back."""
    seen = signed_in("finance").get(f"{INVOICE}/messages?line={NORTH_LINE}&day=2026-02-03")
    assert "the line counts 120 messages and comes to USD 1.57, rounded" in seen.words
    assert "USD 0.0131" in seen.words
    assert f'href="{INVOICE}"' in seen.text
    assert f'<option value="{"marketing/North America"}" selected>' in seen.text


def test_pages_follow_each_other_to_the_end(signed_in: Callable[..., Visitor]) -> None:
    """A hundred at a time, each message once."""
    visitor = signed_in("finance")
    first = visitor.get(f"{INVOICE}/messages?line={NORTH_LINE}")
    [more] = re.findall(r'rel="next" href="([^"]*)"', first.text)
    second = visitor.get(more.replace("&amp;", "&"))
    assert (len(ids(first)), len(ids(second))) == (100, 20)
    assert len({*ids(first), *ids(second)}) == 120
    assert 'rel="next"' not in second.text
    assert "From the start" in second.words
    assert len(first.text.encode()) + 66_000 < 150_000


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("day=2026-03-01", 400, "expected a day from 2026-02-01 to 2026-02-28"),
        ("day=soon", 400, "expected a day from 2026-02-01 to 2026-02-28"),
        ("line=adjustment/whatsapp/2026-01-15&day=2026-02-01", 400, "from 2026-01-15 to 2026-01-31"),
        ("cursor=x", 400, "expected the cursor of the page before"),
        ("line=nothing/there", 404, "does not exist"),
        ("line=allowance/whatsapp", 404, "does not exist"),
    ],
)
def test_what_cannot_be_shown_is_refused(signed_in: Callable[..., Visitor], query: str, status: int, said: str) -> None:
    """And never answered with other messages."""
    seen = signed_in("finance").get(f"{INVOICE}/messages?{query}")
    assert (seen.status, said in seen.words) == (status, True)


def test_a_filter_that_hides_everything_says_so(signed_in: Callable[..., Visitor]) -> None:
    """Not an empty table."""
    assert "No message fits." in signed_in("finance").get(f"{INVOICE}/messages?market=Nowhere").words


def test_the_csv_has_every_message_of_the_line(signed_in: Callable[..., Visitor]) -> None:
    """All pages of it, with exact fees, under a name that says what it is."""
    seen = signed_in("read-only").get(f"{INVOICE}/messages.csv?line={NORTH_LINE}")
    rows = list(csv.DictReader(io.StringIO(seen.text, newline="")))
    assert (len(rows), sum(D(row["fee"]) for row in rows)) == (120, D("1.5720"))
    assert seen.headers["content-type"].startswith("text/csv")
    assert "acme-2026-02-01-marketing-North%20America.csv" in seen.headers["content-disposition"]


@pytest.mark.parametrize(("most", "status"), [(2, 400), (3, 200)])
def test_a_csv_is_whole_or_had_as_a_file(
    signed_in: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch, most: int, status: int
) -> None:
    """What does not fit leads to the form for a file of the same messages; who may not ask is told whom to."""
    monkeypatch.setattr(messages, "MOST_PAGES", most)
    monkeypatch.setattr(drilldown, "EXPORT_PAGE", 50)
    visitor = signed_in("finance")
    seen = visitor.get(f"{INVOICE}/messages.csv?line={NORTH_LINE}")
    assert seen.status == status
    if status == 200:
        return
    assert "Have it made as a file here" in seen.words
    fields = dict(re.findall(r'name="(first|last|line)"[^>]* value="([^"]*)"', seen.text))
    assert fields == {"first": "2026-02-01", "last": "2026-02-28", "line": "marketing/North America"}
    assert visitor.submit("/console/exports/acme", fields).status == 303
    seen = signed_in("read-only").get(f"{INVOICE}/messages.csv?line={NORTH_LINE}")
    assert ("ask finance for a file of it" in seen.words, '<button class="primary">' in seen.text) == (True, False)


def test_a_page_is_in_order_of_time_and_says_so(billing: Billing, signed_in: Callable[..., Visitor]) -> None:
    """The index is by the message's id within a day."""
    for name, hour in (("m3", 9), ("m31", 7), ("m59", 8)):
        record = billing.memory.records["acme", MessageKey("meta", name, "")]
        assert record.usage is not None
        usage = replace(record.usage, moment=record.usage.moment + timedelta(hours=hour))
        billing.memory.records["acme", record.key] = replace(record, usage=usage)
    days = {record.usage.day for record in billing.memory.records.values() if record.key.message in ("m3", "m31", "m59")
            and record.usage}  # fmt: skip
    assert len(days) == 1
    seen = signed_in("finance").get(f"{INVOICE}/messages?day={days.pop()}")
    assert [name for name in ids(seen) if name in ("m3", "m31", "m59")] == ["m31", "m59", "m3"]
    assert "the messages of one page are then shown in order of time" in seen.words


def test_a_message_shows_all_that_is_known_of_it(billing: Billing, signed_in: Callable[..., Visitor]) -> None:
    """Statuses with their times, pricing, what the provider reports, where each part of the fee comes from; of the
    recipient the country alone."""
    key = MessageKey("meta", "m2", "")
    stored = billing.memory.records["acme", key]
    assert stored.usage is not None
    fee = Fee(
        amount=D("0.0131"), currency="USD", source="reported", original=D("0.0120"), original_currency="EUR",
        card="meta/2026-10-01/1", card_amount=D("0.0140"), fx="ecb/2026-02-03", fx_rate=D("1.0917"),
    )  # fmt: skip
    noon = datetime(2026, 2, 3, 12, tzinfo=UTC)
    billing.memory.records["acme", key] = replace(
        stored,
        account="waba-1",
        statuses={"sent": noon, "delivered": noon.replace(minute=1)},
        pricings={"sent": Pricing(type="regular", category="marketing")},
        reports={"sent": Report(at=noon, segments=1, price=D("0.0120"), carrier_fee=D("0.003"), currency="EUR")},
        recipient=Recipient(prefix="1555", country="US", hash="hash-of-somebody"),
        usage=replace(stored.usage, fees={"meta": fee, "carrier": fee}, passed=frozenset({"meta"})),
    )
    seen = signed_in("read-only").get("/console/messages/acme?provider=meta&message=m2&participant=")
    for said in (
        "Recipient's country US",
        "Meta fee USD 0.0131 reported by the provider meta/2026-10-01/1, which says USD 0.014 EUR 0.012 1.0917",
        "Carrier fee not passed on",
        "sent February 3, 2026, 6:00 AM CST (2026-02-03 12:00:00 UTC) delivered",
        "with sent: regular, marketing",
        "with sent: 1 segment, price EUR 0.012, carrier fee EUR 0.003",
    ):
        assert said in seen.words
    assert "hash-of-somebody" not in seen.text
    assert "1555" not in seen.text
    assert f'href="{INVOICE}/messages?day=2026-02-01"' in seen.text


@pytest.mark.parametrize(("unpriced", "said"), [("no-rate", "Waits for a price no rate"), ("", "Not billable")])
def test_a_message_that_is_not_counted_says_why(
    billing: Billing, signed_in: Callable[..., Visitor], unpriced: str, said: str
) -> None:
    """It has no invoice to go back to."""
    key = MessageKey("meta", "m2", "")
    billing.withdraw(key)
    billing.memory.records["acme", key] = replace(billing.memory.records["acme", key], unpriced=unpriced)
    seen = signed_in("finance").get("/console/messages/acme?provider=meta&message=m2")
    assert said in seen.words
    assert "The invoice of its period" not in seen.words


def test_a_message_of_a_month_that_is_not_stated_leads_to_no_invoice(
    billing: Billing, signed_in: Callable[..., Visitor]
) -> None:
    """There is none yet."""
    key = billing.use("2026-03-05", "1.00")
    seen = signed_in("finance").get(f"/console/messages/acme?provider=meta&message={key.message}")
    assert (seen.status, "The invoice of its period" in seen.words) == (200, False)


# --- receipts ---------------------------------------------------------------------------------------------------------


MESSAGE = "/console/messages/acme?provider=meta&message=m2&participant="


@pytest.fixture
def received(world: World) -> Receipt:
    """A receipt about a message of acme's, and about one of somebody else's."""
    statuses = [
        {"id": "m2", "status": "delivered", "timestamp": "1770120000", "recipient_id": "14155550101"},
        {"id": "rivals", "status": "failed", "timestamp": "1770120000", "recipient_id": "919876543210"},
    ]
    body = {"entry": [{"id": "waba-1", "changes": [{"field": "messages", "value": {"statuses": statuses}}]}]}
    receipt = Receipt(
        id="r1", provider="meta", body=json.dumps(body).encode(), received_at=NOW, source="/webhooks/<meta>"
    )
    messages = {MessageKey("meta", "m2"), MessageKey("meta", "rivals")}
    world.ports.archive.keep([(receipt, messages), (replace(receipt, received_at=NOW + timedelta(hours=1)), messages)])
    return receipt


def links(seen: Seen) -> list[str]:
    """The receipts that a message's page leads to."""
    return [
        href.replace("&amp;", "&") for href in re.findall(r'href="(/console/messages/acme/receipt[^"]*)"', seen.text)
    ]


@pytest.mark.parametrize("role", ["finance", "ops", "read-only"])
def test_a_message_leads_to_its_receipts(
    world: World, received: Receipt, signed_in: Callable[..., Visitor], role: str
) -> None:
    """When each came, from whom, how large; opened it shows what is about the message, in the trail with who did it."""
    visitor = signed_in(role)
    seen = visitor.get(MESSAGE)
    assert f"March 6, 2026, 7:00 AM CST 2026-03-06 13:00:00 UTC meta {len(received.body)}" in seen.words
    assert "receipt" not in {entry.action for entry in world.ports.audit.entries("acme")}
    first, second = links(seen)
    assert first < second
    opened = visitor.get(first)
    assert (opened.status, "Came in at /webhooks/&lt;meta&gt;" in opened.words) == (200, True)
    assert "&#34;status&#34;: &#34;delivered&#34;" in opened.text
    for hidden in ("14155550101", "919876543210", "rivals", "failed"):
        assert hidden not in opened.text
    entry = world.ports.audit.entries("acme")[-1]
    assert (entry.action, entry.subject, entry.what) == ("receipt", "meta#m2", "opened")
    assert entry.by.startswith("7f3a-")
    assert "14155550101" not in world.log.getvalue()


@pytest.mark.usefixtures("received")
def test_who_is_not_signed_in_opens_no_receipt(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Nor does somebody without a role; nothing is in the trail."""
    [first, _] = links(signed_in("finance").get(MESSAGE))
    before = world.ports.audit.entries("acme")
    assert world.visitor().get(first).status == 303
    assert signed_in("somebody").get(first).status == 303
    assert world.ports.audit.entries("acme") == before


@pytest.mark.usefixtures("received")
def test_a_receipt_is_opened_from_its_own_message_alone(signed_in: Callable[..., Visitor]) -> None:
    """Not under another tenant, another message or another name."""
    visitor = signed_in("finance")
    [first, _] = links(visitor.get(MESSAGE))
    for other in (
        first.replace("/acme/", "/nobody/"),
        first.replace("message=m2", "message=m3"),
        first.replace("message=m2", "message=rivals"),
        first.partition("&receipt=")[0],
    ):
        assert visitor.get(other).status == 404


def test_a_receipt_that_shows_nothing_says_so(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Rather than what cannot be told apart."""
    receipt = Receipt(id="r1", provider="meta", body=b"{}", received_at=NOW)
    world.ports.archive.keep([(receipt, {MessageKey("meta", "m2")})])
    visitor = signed_in("finance")
    [only] = links(visitor.get(MESSAGE))
    assert "Nothing of it can be shown." in visitor.get(only).words


def test_a_message_without_receipts_says_so(signed_in: Callable[..., Visitor]) -> None:
    """It is older than the archive, or there is none."""
    assert "No receipt is kept of it" in signed_in("finance").get(MESSAGE).words


def test_a_message_is_shown_while_the_archive_does_not_answer(world: World, signed_in: Callable[..., Visitor]) -> None:
    """All but its receipts."""
    world.ports.archive = Faults(at=1, error=RetryLater("busy")).wrap(world.ports.archive)
    seen = signed_in("finance").get(MESSAGE)
    assert (seen.status, "does not answer" in seen.words, "Counted on" in seen.words) == (200, True, True)


def test_a_page_says_when_there_are_more_receipts(world: World, signed_in: Callable[..., Visitor]) -> None:
    """The first hundred are listed."""
    receipt, one = Receipt(id="r1", provider="meta", body=b"{}", received_at=NOW), MessageKey("meta", "m2")
    world.ports.archive.keep([(replace(receipt, received_at=NOW + timedelta(seconds=n)), {one}) for n in range(101)])
    seen = signed_in("finance").get(MESSAGE)
    assert (len(links(seen)), "There are more; these came first." in seen.words) == (100, True)


@pytest.mark.parametrize("address", ["acme?provider=meta&message=m9999", "nobody?provider=meta&message=m2", "acme"])
def test_a_message_of_somebody_else_is_not_found(signed_in: Callable[..., Visitor], address: str) -> None:
    """Nor one that is not there."""
    assert signed_in("finance").get(f"/console/messages/{address}").status == 404
