"""The gateway against the stand-in, every request passed through the request checker where that is to be had."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import requests
import stripe

from local.stripe_standin import StandIn
from local.stripe_standin.delivery import signature
from local.stripe_standin.switches import RequestEffect, RequestSwitch
from tests import stripe_checker
from tollgate.adapters.stripe_gateway.client import build_client
from tollgate.adapters.stripe_gateway.gateway import StripeGateway, build_gateway
from tollgate.adapters.stripe_gateway.webhooks import unwrap, verify
from tollgate.domain.errors import Refused, RetryLater
from tollgate.domain.statement import Line
from tollgate.stages.ports.stripe import Contact, Stripe, StripeInvoice

NOW = datetime(2026, 8, 3, 9, tzinfo=UTC)
DUE = datetime(2026, 8, 17, 23, 59, 59, tzinfo=UTC)
JULY = (datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 31, 23, 59, 59, tzinfo=UTC))
METADATA = {"tenant": "acme", "period": "2026-07-01", "revision": "1"}


class Impatient(stripe.RequestsClient):
    """The usual client, but it does not wait between its tries."""

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0


@dataclass
class World:
    """The gateway, the stand-in behind it, and the SDK for what other people do at Stripe."""

    standin: StandIn
    sdk: stripe.StripeClient
    gateway: Stripe
    customer: str = ""

    def create(self, *, key: str, currency: str = "USD", revision: str = "1") -> StripeInvoice:
        metadata = {**METADATA, "revision": revision}
        memo = "Messaging fees of July 2026"
        return self.gateway.create_invoice(
            self.customer, currency=currency, due_at=DUE, memo=memo, metadata=metadata, key=key
        )

    def find(self) -> StripeInvoice | None:
        return self.gateway.find_invoice(self.customer, metadata=METADATA, since=NOW - timedelta(days=1))

    def break_next(self, effect: RequestEffect, match: str, *, times: int = 1) -> None:
        self.standin.switches.add(RequestSwitch(effect=effect, match=match, times=times))

    def invoice_count(self) -> int:
        return len(list(self.sdk.v1.invoices.list({"limit": 100}).auto_paging_iter()))

    def advance(self, **time: int) -> None:
        self.standin.account.clock.advance(int(timedelta(**time).total_seconds()))


@pytest.fixture
def world() -> Iterator[World]:
    """A customer at a stand-in; afterwards everything that was asked must be what Stripe takes."""
    with StandIn(clock=NOW.timestamp) as standin, requests.Session() as session:
        http_client = Impatient(timeout=5, session=session)
        sdk = build_client("rk_test_1", base_address=standin.base_address, http_client=http_client)
        world = World(standin, sdk, StripeGateway(sdk))
        world.customer = world.gateway.create_customer(
            tenant="acme", name="Acme Retail, Inc.", email="ap@acme.example", key="acme:customer:v1"
        )
        yield world
        asked = standin.requests
    if stripe_checker.is_there():
        assert stripe_checker.problems(asked) == []


def lines(count: int) -> list[Line]:
    return [
        Line(key=f"marketing/{n:03}", description=f"Market {n}", quantity=n, amount=Decimal(n) / 100 + 1)
        for n in range(count)
    ]


def test_a_month_is_invoiced(world: World) -> None:
    """From draft to sent, with the amounts, the due date and the number that Stripe gives."""
    draft = world.create(key="k:create")
    assert (draft.status, draft.currency, draft.total, draft.number) == ("draft", "usd", Decimal("0.00"), "")
    assert draft.metadata == METADATA
    assert draft.due_at == DUE
    world.gateway.add_lines(draft.id, lines(3), currency="USD", period=JULY, key="k:lines")
    world.gateway.set_due(draft.id, due_at=DUE + timedelta(days=1), key="k:due")
    opened = world.gateway.finalize(draft.id, key="k:finalize")
    assert (opened.status, opened.total, opened.remaining) == ("open", Decimal("3.03"), Decimal("3.03"))
    assert opened.number
    assert opened.hosted_url
    assert opened.pdf_url.startswith(opened.hosted_url)
    assert opened.due_at == DUE + timedelta(days=1)
    assert world.gateway.send(draft.id, key="k:send") == opened
    assert world.gateway.invoice(draft.id) == opened


def test_every_request_passes_the_checker(world: World) -> None:
    """What the month above asks is what Stripe's description allows; said aloud when the checker is not there."""
    test_a_month_is_invoiced(world)
    world.gateway.set_standing(world.customer, metadata={"state": "active"}, key="k:standing")
    world.gateway.set_contact(world.customer, Contact(name="Acme", email="ap@acme.example"), key="k:contact")
    world.gateway.contact(world.customer)
    world.gateway.find_customer("acme", "ap@acme.example")
    world.find()
    report = stripe_checker.report(world.standin.requests)
    assert report["problems"] == []
    assert report["requests"] == 12


def test_every_post_carries_the_key_it_was_given(world: World) -> None:
    """Never one that the SDK has drawn."""
    test_a_month_is_invoiced(world)
    world.gateway.set_standing(world.customer, metadata={"state": "active"}, key="k:standing")
    asked = [each.headers.get("idempotency-key") for each in world.standin.requests if each.method == "POST"]
    assert asked == ["acme:customer:v1", "k:create", "k:lines", "k:due", "k:finalize", "k:send", "k:standing"]


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_post_without_a_usable_key_is_not_made(world: World, key: str) -> None:
    """The SDK would draw a random key for none, which looks safe and is not."""
    with pytest.raises(ValueError, match="idempotency key"):
        world.create(key=key)
    assert world.invoice_count() == 0


def test_a_draft_stays_a_draft_and_takes_nothing_else(world: World) -> None:
    """No automatic advance, no card, and no item that happens to be pending on the customer."""
    world.sdk.v1.invoice_items.create(
        {"customer": world.customer, "amount": 999, "currency": "usd"}, {"idempotency_key": "someone"}
    )
    draft = world.create(key="k:create")
    assert world.gateway.lines(draft.id) == []
    asked = parse_qs(world.standin.requests[-2].body)
    assert asked["auto_advance"] == ["false"]
    assert asked["collection_method"] == ["send_invoice"]
    assert asked["pending_invoice_items_behavior"] == ["exclude"]
    assert asked["due_date"] == [str(int(DUE.timestamp()))]


@pytest.mark.parametrize("count", [0, 1, 10, 11, 100, 120, 250])
def test_every_line_is_read(world: World, count: int) -> None:
    """All of them with key and amount, however many pages there are."""
    draft = world.create(key="k:create")
    world.gateway.add_lines(draft.id, lines(count), currency="USD", period=JULY, key="k:lines")
    read = world.gateway.lines(draft.id)
    assert sorted(read) == [(line.key, line.amount) for line in lines(count)]
    assert world.gateway.invoice(draft.id).total == sum((line.amount for line in lines(count)), Decimal(0))


def test_lines_below_zero_and_of_zero_are_kept(world: World) -> None:
    """What an allowance takes off is a line like any other."""
    draft = world.create(key="k:create")
    given = [
        Line(key="marketing/India", description="Marketing", quantity=9, amount=Decimal("1200.00")),
        Line(key="service/India", description="Service", quantity=9, amount=Decimal("0.00")),
        Line(key="allowance/whatsapp", description="Included", quantity=1, amount=Decimal("-1000.00")),
    ]
    world.gateway.add_lines(draft.id, given, currency="USD", period=JULY, key="k:lines")
    assert sorted(world.gateway.lines(draft.id)) == sorted((line.key, line.amount) for line in given)
    assert world.gateway.invoice(draft.id).total == Decimal("200.00")


def test_a_currency_without_decimals(world: World) -> None:
    """500 yen are 500, not 5."""
    draft = world.create(key="k:create", currency="JPY")
    yen = [Line(key="marketing/Japan", description="Marketing", quantity=5, amount=Decimal(500))]
    world.gateway.add_lines(draft.id, yen, currency="JPY", period=JULY, key="k:lines")
    assert world.gateway.lines(draft.id) == [("marketing/Japan", Decimal(500))]
    opened = world.gateway.finalize(draft.id, key="k:finalize")
    assert (opened.total, opened.currency) == (Decimal(500), "jpy")


def test_lines_are_added_once_however_often_they_are_sent(world: World) -> None:
    """The same key answers as before."""
    draft = world.create(key="k:create")
    for _ in range(2):
        world.gateway.add_lines(draft.id, lines(2), currency="USD", period=JULY, key="k:lines")
    assert len(world.gateway.lines(draft.id)) == 2


def test_more_lines_than_an_invoice_holds_are_refused_unasked(world: World) -> None:
    """Nothing is sent, so nothing is half added."""
    draft = world.create(key="k:create")
    with pytest.raises(ValueError, match="251 lines"):
        world.gateway.add_lines(draft.id, lines(251), currency="USD", period=JULY, key="k:lines")
    assert world.gateway.lines(draft.id) == []


def test_a_server_error_after_the_fact_makes_no_second_invoice(world: World) -> None:
    """Stripe has made the invoice, says it failed, and says so again under that key: finding comes before creating."""
    world.break_next("fail_after_commit", r"POST /v1/invoices$")
    for _ in range(2):
        with pytest.raises(RetryLater) as raised:
            world.create(key="k:create")
        assert raised.value.stored
    found = world.find()
    assert found is not None
    assert (found.status, found.metadata) == ("draft", METADATA)
    assert world.invoice_count() == 1


def test_a_server_error_before_the_fact_needs_another_key(world: World) -> None:
    """Nothing was made and the old key keeps failing; a find that comes back empty allows the next attempt."""
    world.break_next("fail_before_commit", r"POST /v1/invoices$")
    for _ in range(2):
        with pytest.raises(RetryLater) as raised:
            world.create(key="k:create:0")
        assert raised.value.stored
    assert world.find() is None
    created = world.create(key="k:create:1")
    assert world.find() == created
    assert world.invoice_count() == 1


def test_a_lost_answer_is_got_by_asking_again(world: World) -> None:
    """The connection breaks after Stripe has acted: the client's next try gets the answer that was lost."""
    world.break_next("drop_after_commit", r"POST /v1/invoices$")
    created = world.create(key="k:create")
    assert world.find() == created
    assert world.invoice_count() == 1


def test_when_no_answer_comes_through_the_same_key_gets_it_later(world: World) -> None:
    """Not stored as a failure, so the key is kept, and the invoice is the one already made."""
    world.break_next("drop_after_commit", r"POST /v1/invoices$")
    with requests.Session() as session:
        http_client = Impatient(timeout=5, session=session)
        without_retries = stripe.StripeClient(
            "rk_test_1", http_client=http_client, base_addresses={"api": world.standin.base_address}
        )
        once = StripeGateway(without_retries)
        with pytest.raises(RetryLater, match="did not answer") as raised:
            replace(world, gateway=once).create(key="k:create")
    assert not raised.value.stored
    assert world.create(key="k:create") == world.find()
    assert world.invoice_count() == 1


@pytest.mark.parametrize("effect", ["rate_limit", "in_flight"])
def test_a_busy_stripe_is_asked_again_under_the_same_key(world: World, effect: RequestEffect) -> None:
    """Nothing was executed and nothing stored."""
    world.break_next(effect, r"POST /v1/invoices$", times=3)
    with pytest.raises(RetryLater) as raised:
        world.create(key="k:create")
    assert not raised.value.stored
    world.standin.switches.clear()
    assert world.create(key="k:create") == world.find()


def test_a_key_that_may_not_write_is_refused(world: World) -> None:
    """A restricted key without the right does not get it by asking again."""
    world.break_next("forbid", r"POST /v1/invoices$")
    with pytest.raises(Refused, match="403"):
        world.create(key="k:create")


def test_a_step_out_of_order_is_refused(world: World) -> None:
    """A draft cannot be sent, an unknown invoice cannot be read, and an empty id is never asked for."""
    draft = world.create(key="k:create")
    with pytest.raises(Refused, match="send"):
        world.gateway.send(draft.id, key="k:send")
    with pytest.raises(Refused, match="404"):
        world.gateway.invoice("in_unknown")
    with pytest.raises(ValueError, match="without an id"):
        world.gateway.invoice("")


def test_an_invoice_is_found_behind_more_than_a_page_of_others(world: World) -> None:
    """The list is read to its end; what it shows first is what is newest."""
    first = world.create(key="k:first")
    for number in range(101):
        world.create(key=f"k:{number}", revision=f"other-{number}")
    assert world.find() == first


def test_of_two_invoices_the_finalized_one_is_found(world: World) -> None:
    """Keys are forgotten after a day, so a repeat may have made a second one; a void one counts least."""
    older = world.create(key="k:create")
    world.advance(days=2)
    newer = world.create(key="k:create")
    assert newer.id != older.id
    found = world.find()
    assert found is not None
    assert found.id == older.id
    world.gateway.add_lines(newer.id, lines(1), currency="USD", period=JULY, key="k:lines")
    opened = world.gateway.finalize(newer.id, key="k:finalize")
    assert world.find() == opened
    world.sdk.v1.invoices.void_invoice(newer.id, {}, {"idempotency_key": "k:void"})
    found = world.find()
    assert found is not None
    assert found.id == older.id


def test_an_invoice_is_not_found_by_another_customer_time_or_metadata(world: World) -> None:
    """All of what is wanted must hold."""
    world.create(key="k:create")
    find, since = world.gateway.find_invoice, NOW - timedelta(days=1)
    other = world.gateway.create_customer(tenant="other", name="Other", email="ap@other.example", key="other")
    assert find(other, metadata=METADATA, since=since) is None
    assert find(world.customer, metadata={**METADATA, "revision": "2"}, since=since) is None
    assert find(world.customer, metadata=METADATA, since=NOW + timedelta(seconds=1)) is None
    assert find(world.customer, metadata=METADATA, since=NOW) is not None


def test_a_customer_is_found_by_tenant_and_mail_address(world: World) -> None:
    """The oldest of the tenant's own; another tenant may share the address."""
    world.advance(days=2)
    world.gateway.create_customer(tenant="acme", name="Acme again", email="ap@acme.example", key="acme:customer:v2")
    world.gateway.create_customer(tenant="twin", name="Twin", email="ap@acme.example", key="twin")
    assert world.gateway.find_customer("acme", "ap@acme.example") == world.customer
    assert world.gateway.find_customer("nobody", "ap@acme.example") == ""
    assert world.gateway.find_customer("acme", "new@acme.example") == ""


def test_a_customer_needs_a_mail_address(world: World) -> None:
    """Stripe could send its invoices nowhere; and asking for none would list every customer."""
    with pytest.raises(Refused, match="tenant blank has no mail address"):
        world.gateway.find_customer("blank", "")
    with pytest.raises(Refused, match="tenant blank has no mail address"):
        world.gateway.create_customer(tenant="blank", name="Blank", email="", key="blank")
    with pytest.raises(Refused, match="mail address"):
        world.gateway.set_contact(world.customer, Contact(name="Blank", email=""), key="blank")


def test_a_contact_is_read_and_changed_and_nothing_else_of_the_customer_is(world: World) -> None:
    """Name and address; the metadata by which it is found stays."""
    new = Contact(name="Acme Holdings, Inc.", email="payables@acme.example")
    assert world.gateway.contact(world.customer) == Contact(name="Acme Retail, Inc.", email="ap@acme.example")
    world.gateway.set_contact(world.customer, new, key="k:contact")
    assert world.gateway.contact(world.customer) == new
    assert world.gateway.find_customer("acme", new.email) == world.customer
    assert world.gateway.find_customer("acme", "ap@acme.example") == ""


def test_a_draft_follows_a_changed_contact_and_a_finalized_invoice_does_not(world: World) -> None:
    """Whom an invoice is for is frozen when it is finalized."""
    invoices = [world.create(key=f"k:{n}", revision=str(n)).id for n in (1, 2)]
    for invoice in invoices:
        world.gateway.add_lines(invoice, lines(1), currency="USD", period=JULY, key=f"{invoice}:lines")
    world.gateway.finalize(invoices[0], key="k:finalize-1")
    new = Contact(name="Acme Holdings, Inc.", email="payables@acme.example")
    world.gateway.set_contact(world.customer, new, key="k:contact")
    world.gateway.finalize(invoices[1], key="k:finalize-2")
    shown = [world.sdk.v1.invoices.retrieve(invoice) for invoice in invoices]
    assert [one.customer_email for one in shown] == ["ap@acme.example", "payables@acme.example"]


def test_a_customer_that_is_not_there_is_refused(world: World) -> None:
    """Somebody deleted it, or the id is of another account."""
    with pytest.raises(Refused):
        world.gateway.contact("cus_nobody")
    with pytest.raises(ValueError, match="without an id"):
        world.gateway.contact("")


def test_the_standing_is_merged_into_the_customer(world: World) -> None:
    """The tenant's name stays; an empty value takes its entry away."""
    world.gateway.set_standing(world.customer, metadata={"state": "suspended", "since": "2026-08-25"}, key="k:1")
    world.gateway.set_standing(world.customer, metadata={"state": "active", "since": ""}, key="k:2")
    shown = world.sdk.v1.customers.retrieve(world.customer)
    assert shown.to_dict()["metadata"] == {"tenant": "acme", "state": "active"}


def test_the_stand_ins_events_are_understood_in_both_forms(world: World) -> None:
    """As a signed webhook and in the envelope of the partner bus: the same event about the same invoice."""
    draft = world.create(key="k:create")
    (sent,) = [each for each in world.sdk.v1.events.list({}).data if each.type == "invoice.created"]
    enveloped = unwrap(world.standin.control.envelope(sent.id))
    body = json.dumps(world.standin.control.envelope(sent.id)["detail"])
    header = signature(body, ["whsec_1"], at=int(NOW.timestamp()))
    assert verify(body.encode(), header, secrets=["whsec_1"], now=NOW) == enveloped
    assert (enveloped.id, enveloped.invoice_id, enveloped.created) == (sent.id, draft.id, NOW)
    assert enveloped.metadata == METADATA


def opened(world: World, *, key: str = "k") -> StripeInvoice:
    """An open invoice of 10.00."""
    draft = world.create(key=f"{key}:create")
    line = Line(key="marketing/India", description="Marketing", quantity=1, amount=Decimal("10.00"))
    world.gateway.add_lines(draft.id, [line], currency="USD", period=JULY, key=f"{key}:lines")
    return world.gateway.finalize(draft.id, key=f"{key}:finalize")


def credit(world: World, invoice: str, amount: str, *, to_balance: str = "0", key: str, name: str = "c1") -> str:
    return world.gateway.credit_note(
        invoice,
        amount=Decimal(amount),
        to_balance=Decimal(to_balance),
        currency="USD",
        memo="Goodwill",
        metadata={**METADATA, "credit": name},
        key=key,
    )


def test_an_open_invoice_is_voided_for_good(world: World) -> None:
    """The same key again is the same answer; a draft is refused."""
    invoice = opened(world)
    said = world.gateway.void(invoice.id, key="k:void")
    assert (said.status, said.settled_at) == ("void", NOW)
    assert world.gateway.void(invoice.id, key="k:void") == said
    with pytest.raises(Refused):
        world.gateway.void(world.create(key="k2:create", revision="2").id, key="k2:void")


def test_a_credit_note_is_found_by_what_it_carries(world: World) -> None:
    """Of its own invoice, by all of the metadata; a note that was voided is none."""
    invoice, find = opened(world), world.gateway.find_credit_note
    wanted = {**METADATA, "credit": "c1"}
    assert find(invoice.id, metadata=wanted) == ""
    number = credit(world, invoice.id, "4.00", key="k:credit")
    assert (find(invoice.id, metadata=wanted), find(invoice.id, metadata=wanted | {"credit": "c2"})) == (number, "")
    assert world.gateway.invoice(invoice.id).remaining == Decimal("6.00")
    (note,) = world.sdk.v1.credit_notes.list({"invoice": invoice.id}).data
    assert (note.memo, note.amount) == ("Goodwill", 400)
    world.sdk.v1.credit_notes.void_credit_note(note.id)
    assert find(invoice.id, metadata=wanted) == ""


def test_what_was_paid_is_credited_to_the_balance(world: World) -> None:
    """Both parts must be named rightly, or Stripe refuses."""
    invoice = opened(world)
    world.sdk.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    with pytest.raises(Refused):
        credit(world, invoice.id, "4.00", key="k:credit")
    assert credit(world, invoice.id, "4.00", to_balance="4.00", key="k:credit:2")
    assert world.sdk.v1.customers.retrieve(world.customer).balance == -400


def test_the_gateway_is_built_from_a_key_and_an_address() -> None:
    """What the composition root needs of this room."""
    gateway: Stripe = build_gateway("rk_test_1", base_address="http://127.0.0.1:1")
    assert isinstance(gateway, StripeGateway)
