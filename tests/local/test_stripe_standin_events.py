"""Events and their delivery, control routes, pages, and what survives a restart."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from local.stripe_standin import StandIn
from local.stripe_standin.delivery import put_on_bus
from local.stripe_standin.settings import Settings
from tests.local.stripe_standin_play import (
    DAY,
    SECRET,
    START,
    Play,
    Receiver,
    playing,
    receiving,
    wait_until,
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def play(receiver: Receiver) -> Iterator[Play]:
    with playing(webhook_url=receiver.url, webhook_secrets=[SECRET], bus_name="tollgate") as play:
        yield play


def test_both_delivery_forms_bring_the_same_event_and_parse_with_the_sdk(play: Play, receiver: Receiver) -> None:
    """The webhook verifies with its secret, the envelope unwraps, and both hold a typed object."""
    customer = play.customer()
    header, body = receiver.next()
    signed = play.client.construct_event(body, header, SECRET)
    on_bus = play.bus.get(timeout=10)
    envelope = play.control("GET", f"/events/{signed.id}/envelope")
    unwrapped = play.client.construct_event_without_verification(json.dumps(envelope))
    assert isinstance(signed.data.object, stripe.Customer)
    assert signed.data.object.id == customer.id
    assert signed.id == on_bus["id"] == unwrapped.id
    assert (signed.api_version, signed.created, signed.livemode) == ("2026-10-28.endive", START, False)
    assert (envelope["source"], envelope["detail-type"]) == (Settings().bus_source, "customer.created")


def test_events_name_the_request_and_are_listed_for_thirty_days(play: Play) -> None:
    """request.id and idempotency_key are those of the call; filters by type with a wildcard."""
    customer = play.client.v1.customers.create({"name": "A"}, {"idempotency_key": "k-1"})
    assert customer.last_response is not None
    event = play.client.v1.events.list({"type": "customer.*"}).data[0]
    assert event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (customer.last_response.request_id, "k-1")
    assert play.client.v1.events.list({"types": ["invoice.paid"]}).data == []
    play.advance(30 * DAY)
    assert play.client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        play.client.v1.events.retrieve(event.id)
    assert gone.value.http_status == 404


def test_an_unacknowledged_webhook_is_tried_again_and_given_up(play: Play, receiver: Receiver) -> None:
    """Two refusals and a success deliver; four refusals end it, and the event is still listed."""
    receiver.statuses = [500, 302]
    play.customer()
    ids = {json.loads(receiver.next()[1])["id"] for _ in range(3)}
    assert len(ids) == 1
    wait_until(lambda: play.standin.courier.undelivered() == 0)
    assert len(play.client.v1.events.list({"delivery_success": True}).data) == 1
    receiver.statuses = [500] * 4
    play.customer()
    for _ in range(4):
        receiver.next()
    wait_until(lambda: play.standin.courier.undelivered() == 0)
    failed = play.client.v1.events.list({"delivery_success": False}).data
    assert [(event.type, event.pending_webhooks) for event in failed] == [("customer.created", 0)]


def test_an_acknowledged_invoice_created_starts_the_hour(play: Play, receiver: Receiver) -> None:
    """webhooks_delivered_at is set, and auto_advance finalizes one hour after it."""
    invoice = play.invoice(10_000, auto_advance=True).id
    for _ in range(3):  # customer.created, invoice.created, invoice.updated
        receiver.next()
    wait_until(lambda: play.standin.courier.undelivered() == 0)
    assert play.client.v1.invoices.retrieve(invoice).webhooks_delivered_at == START
    play.advance(3_600)
    assert play.client.v1.invoices.retrieve(invoice).status == "open"


def test_events_can_come_twice_reversed_or_never(play: Play, receiver: Receiver) -> None:
    """Duplicates keep their id; held events leave in reverse; a lost event is only listed."""
    play.control("POST", "/switches/events", match="customer.created", effect="duplicate", copies=3)
    customer = play.customer().id
    assert len({json.loads(receiver.next()[1])["id"] for _ in range(3)}) == 1
    play.control("POST", "/switches/events", effect="hold", times=None)
    play.open_invoice(customer=customer)
    play.control("POST", "/events/release", reverse=True)
    assert [receiver.next_type() for _ in range(3)] == ["invoice.finalized", "invoice.updated", "invoice.created"]
    play.control("DELETE", "/switches")
    play.control("POST", "/switches/events", match="customer.updated", effect="lose")
    play.client.v1.customers.update(customer, {"name": "B"})
    lost = play.client.v1.events.list({"type": "customer.updated"}).data[0]
    play.control("POST", f"/events/{lost.id}/redeliver")
    assert json.loads(receiver.next()[1])["id"] == lost.id


@pytest.mark.parametrize("effect", ["wrong_signature", "old_timestamp"])
def test_a_forged_or_old_signature_does_not_verify(play: Play, receiver: Receiver, effect: str) -> None:
    """The SDK refuses what these switches send."""
    play.control("POST", "/switches/events", effect=effect)
    play.customer()
    header, body = receiver.next()
    with pytest.raises(stripe.SignatureVerificationError):
        play.client.construct_event(body, header, SECRET)


def test_the_webhook_can_be_named_later_and_have_two_secrets(receiver: Receiver) -> None:
    """Nothing is delivered before; during a roll either secret verifies."""
    with playing() as play:
        play.customer()
        play.control("POST", "/webhook", url=receiver.url, secrets=["whsec_old", "whsec_new"])
        play.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 21, "inclusive": False})
        header, body = receiver.next()
        assert header.count("v1=") == 2
        for secret in ("whsec_old", "whsec_new"):
            assert play.client.construct_event(body, header, secret).type == "tax_rate.created"
        assert "whsec_old" not in json.dumps(play.control("GET", "/state"))


@pytest.mark.parametrize(("unverified", "expected"), [(False, 0), (True, 1)])
def test_unverified_events_come_only_when_asked_for(unverified: bool, expected: int) -> None:
    """invoice.updated at finalize may or may not be Stripe's behaviour: the switch plays both."""
    with playing(unverified_events=unverified) as play:
        invoice = play.open_invoice()
        types = play.event_types(invoice.id)
        assert types[types.index("invoice.finalized") + 1 :].count("invoice.updated") == expected


def test_put_on_bus_sends_a_partner_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source, detail type, bus and the event itself as Detail."""
    sent: list[dict[str, Any]] = []

    class Client:
        def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
            sent.extend(Entries)
            return {"FailedEntryCount": 0, "Entries": [{}]}

    monkeypatch.setattr("local.stripe_standin.delivery._bus_client", lambda *_: Client())
    event = {"id": "evt_1", "type": "invoice.paid", "created": START}
    put_on_bus(Settings(bus_name="tollgate"), event)
    assert [(entry["Source"], entry["DetailType"], entry["EventBusName"]) for entry in sent] == [
        ("aws.partner/stripe.com/ed_test_local", "invoice.paid", "tollgate")
    ]
    assert json.loads(sent[0]["Detail"]) == event


# ---- restart, control, pages -----------------------------------------------------------------------------------------
def test_state_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    """Objects, keys, clock, settings and undelivered events are there again; reset forgets the objects."""
    receiver.statuses = [500]
    slow = {"state": tmp_path, "webhook_url": receiver.url, "webhook_secrets": [SECRET], "backoff_seconds": (60.0,)}
    with playing(**slow) as play:
        customer = play.client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).id
        receiver.next()
        play.control("POST", "/clock", advance_seconds=1_000)
        play.control("POST", "/settings", due_from="finalized")
    with playing(state=tmp_path) as play:
        assert receiver.next_type() == "customer.created"
        assert play.client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).id == customer
        state = play.control("GET", "/state")
        assert (state["now"], state["settings"]["due_from"], state["counts"]["customer"]) == (
            START + 1_000,
            "finalized",
            1,
        )
        assert play.control("POST", "/reset")["counts"]["customer"] == 0
    with playing(state=tmp_path) as play:
        assert play.client.v1.customers.list().data == []


def test_the_clock_can_be_set_frozen_and_released(play: Play) -> None:
    """A frozen clock does not follow its source; release goes back to it."""
    play.control("POST", "/clock", now=START + DAY, frozen=True)
    play.advance(5)
    assert play.control("GET", "/clock") == {"now": START + DAY, "offset_seconds": DAY, "frozen": True}
    assert play.customer().created == START + DAY
    assert play.control("POST", "/clock", release=True)["now"] == START + 5


@pytest.mark.parametrize(
    ("path", "given"),
    [("/settings", {"nosuch": 1}), ("/switches/requests", {"effect": "x"}), ("/webhook", {"url": "http://x", "no": 1})],
)
def test_a_wrong_control_request_is_a_400(play: Play, path: str, given: dict[str, Any]) -> None:
    """Unknown names and words are refused, and nothing changes."""
    before = play.control("GET", "/state")
    with pytest.raises(AssertionError, match="error"):
        play.control("POST", path, **given)
    assert play.control("GET", "/state") == before


def test_the_invoice_page_shows_what_is_to_pay_and_escapes_what_customers_write(play: Play) -> None:
    """Lines, total, due date, status, memo and footer; the overview links to it."""
    customer = play.customer(name="<b>Acme</b>", metadata={"service_state": "suspended"}).id
    draft = play.invoice(123_450, customer=customer, description="Usage of January", footer="Pay by wire")
    invoice = play.client.v1.invoices.finalize_invoice(draft.id)
    assert invoice.hosted_invoice_url is not None
    status, page = play.page(invoice.hosted_invoice_url.removeprefix(play.standin.base_address))
    assert status == 200
    expected = ["1,234.50 USD", "15 January 2026", "Open", "Usage of January", "Pay by wire", "line 0", "stand-in"]
    assert [text for text in [*expected, "&lt;b&gt;Acme"] if text not in page] == []
    assert "<b>Acme" not in page
    overview = play.page("/_standin/")[1]
    assert [text for text in ("service_state", f"/_standin/invoices/{invoice.id}") if text not in overview] == []
    play.advance(15 * DAY)
    assert "Overdue" in play.page(f"/_standin/invoices/{invoice.id}")[1]
    assert play.page("/_standin/invoices/in_none")[0] == 404


def test_the_program_says_where_it_listens(tmp_path: Path) -> None:
    """Port 0 picks a free one; SIGTERM ends the program in order."""
    command = [sys.executable, "-m", "local.stripe_standin", "--port", "0", "--state", str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as program:
        assert program.stdout is not None
        address = program.stdout.readline().strip().removeprefix("listening on ")
        try:
            http_client = stripe.RequestsClient(timeout=10)
            base = {"api": f"http://{address}"}
            client = stripe.StripeClient("sk_test_1", base_addresses=base, http_client=http_client)  # type: ignore[arg-type]
            assert client.v1.customers.create({"name": "A"}).name == "A"
            http_client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        finally:
            program.terminate()
        assert program.wait(timeout=10) == 0
    with StandIn(state=tmp_path) as again:
        assert len(again.account.store.all("customer")) == 1
