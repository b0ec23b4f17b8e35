"""Stripe's events: only what Stripe signed, lately, gets in."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from tollgate.adapters.stripe_gateway.webhooks import ForgedEvent, RejectedEvent, StripeEvent, unwrap, verify

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "whsec_one"

INVOICE: dict[str, Any] = {"id": "in_1", "object": "invoice", "metadata": {"tenant": "acme"}, "tax_percent": 1.1}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "invoice.paid",
    "api_version": "2026-10-28.endive",
    "created": 1_795_255_200,
    "livemode": False,
    "data": {"object": INVOICE},
}
PAID = StripeEvent(
    id="evt_1",
    type="invoice.paid",
    created=datetime(2026, 11, 21, 10, tzinfo=UTC),
    invoice_id="in_1",
    metadata={"tenant": "acme"},
)
ENVELOPE = {
    "version": "0",
    "id": "another",
    "detail-type": "invoice.paid",
    "source": "aws.partner/stripe.com/ed_test_1",
    "detail": EVENT,
}


def raw(event: object = EVENT) -> bytes:
    return json.dumps(event, indent=2).encode()


def signed(body: bytes, *secrets: str, at: datetime = NOW) -> str:
    """A header as Stripe makes it: one v1 per secret."""
    t = str(int(at.timestamp()))
    macs = [hmac.new(s.encode(), t.encode() + b"." + body, hashlib.sha256).hexdigest() for s in secrets or (SECRET,)]
    return ",".join([f"t={t}", *(f"v1={mac}" for mac in macs)])


def test_a_signed_event_is_read() -> None:
    """Its id, what happened, when, and to which invoice."""
    assert verify(raw(), signed(raw()), secrets=[SECRET], now=NOW) == PAID


def test_the_sdks_own_signature_is_accepted() -> None:
    """The recipe is Stripe's, not just this test's."""
    header = stripe.WebhookSignature.generate_signature_header(raw().decode(), SECRET, timestamp=int(NOW.timestamp()))
    assert verify(raw(), header, secrets=[SECRET], now=NOW) == PAID


@pytest.mark.parametrize(
    ("signers", "secrets"),
    [(["old", "new"], ["new"]), (["old"], ["new", "old"]), (["new", "old"], ["old", "new"]), (["new"], ["", "new"])],
)
def test_a_secret_can_be_rolled(signers: list[str], secrets: list[str]) -> None:
    """Any signature by any configured secret is enough."""
    assert verify(raw(), signed(raw(), *signers), secrets=secrets, now=NOW) == PAID


@pytest.mark.parametrize("seconds", [-300, -1, 0, 300])
def test_five_minutes_either_way_pass(seconds: int) -> None:
    """Clocks differ and deliveries take a moment."""
    assert verify(raw(), signed(raw(), at=NOW + timedelta(seconds=seconds)), secrets=[SECRET], now=NOW) == PAID


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_an_old_or_future_signature_is_refused(seconds: int) -> None:
    """A captured request cannot be replayed later, nor one be prepared for then."""
    with pytest.raises(ForgedEvent, match="more than 300 s from now"):
        verify(raw(), signed(raw(), at=NOW + timedelta(seconds=seconds)), secrets=[SECRET], now=NOW)


TIMESTAMP = int(NOW.timestamp())
MAC = signed(raw()).partition("v1=")[2]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        f"t={TIMESTAMP}",
        f"v1={MAC}",
        f"t={TIMESTAMP},v0={MAC}",
        f"t={TIMESTAMP},v1={MAC[:-1]}0f",
        f"t={TIMESTAMP},v1=",
        f"t={TIMESTAMP},v1=\u00e9",
        f"t={TIMESTAMP},t={TIMESTAMP + 1},v1={MAC}",
        f"t={TIMESTAMP + 1},v1={MAC}",
        f"t=+{TIMESTAMP},v1={MAC}",
        f"t={'9' * 5000},v1={MAC}",
        f"t={TIMESTAMP}.0,v1={MAC}",
        f"{TIMESTAMP},{MAC}",
    ],
)
def test_a_header_that_proves_nothing_is_refused(header: str) -> None:
    """Missing, partial, doubled and other-scheme signatures are forgeries."""
    with pytest.raises(ForgedEvent):
        verify(raw(), header, secrets=[SECRET], now=NOW)


@given(header=st.text(max_size=200), body=st.binary(max_size=200))
def test_no_unsigned_body_passes(header: str, body: bytes) -> None:
    """Whatever is sent, without the secret it is a forgery and nothing else."""
    with pytest.raises(ForgedEvent):
        verify(body, header, secrets=[SECRET], now=NOW)


def test_a_body_written_anew_is_refused() -> None:
    """The signature is over the bytes, not over what they mean."""
    with pytest.raises(ForgedEvent):
        verify(json.dumps(EVENT).encode(), signed(raw()), secrets=[SECRET], now=NOW)


@pytest.mark.parametrize("secrets", [[], [""]])
def test_no_secret_lets_nothing_in(secrets: list[str]) -> None:
    """An empty secret signs for everyone; a configuration without one is the operator's error, not the sender's."""
    with pytest.raises(ValueError, match="no webhook secret"):
        verify(raw(), signed(raw(), ""), secrets=secrets, now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"event"',
        b'{"object": NaN}',
        raw({**EVENT, "object": "invoice"}),
        raw({**EVENT, "object": "v2.core.event"}),
        raw({**EVENT, "id": None}),
        raw({**EVENT, "type": 3}),
        raw({**EVENT, "created": "yesterday"}),
        raw({**EVENT, "created": True}),
        raw({**EVENT, "created": 10**30}),
        raw({**EVENT, "data": None}),
        raw({**EVENT, "data": {"object": {"id": "cus_1", "object": "customer"}}}),
    ],
)
def test_a_signed_body_that_is_no_event_is_rejected(body: bytes) -> None:
    """Malformed, thin and incomplete events are named as such, never half read."""
    with pytest.raises(RejectedEvent) as raised:
        verify(body, signed(body), secrets=[SECRET], now=NOW)
    assert not isinstance(raised.value, ForgedEvent)


def test_an_event_about_something_else_names_no_invoice() -> None:
    """A customer's event passes and is ignored by whoever asks for an invoice."""
    other = {**EVENT, "type": "customer.updated", "data": {"object": {"id": "cus_1", "object": "customer"}}}
    event = unwrap(other)
    assert (event.type, event.invoice_id, dict(event.metadata)) == ("customer.updated", None, {})


def test_an_upcoming_invoice_has_no_id() -> None:
    """Stripe tells of an invoice that it has not made."""
    event = {**EVENT, "type": "invoice.upcoming", "data": {"object": {"object": "invoice", "metadata": None}}}
    assert unwrap(event).invoice_id is None


def test_a_deleted_draft_has_no_id() -> None:
    """There is nothing left to read at Stripe, and reading it would fail for ever."""
    event = {**EVENT, "type": "invoice.deleted"}
    assert unwrap(event).invoice_id is None


def test_the_envelope_of_the_partner_source_is_opened() -> None:
    """The event's own id counts, not the envelope's, which differs on every delivery."""
    assert unwrap(ENVELOPE) == PAID


def test_a_bare_event_needs_no_envelope() -> None:
    """The queue behind the webhook carries the event as it was."""
    assert unwrap(EVENT) == PAID


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"detail": None, "source": "aws.partner/stripe.com/ed_1"},
        {**ENVELOPE, "source": "tollgate"},
        {"detail": EVENT},
    ],
)
def test_an_envelope_from_elsewhere_is_rejected(document: dict[str, object]) -> None:
    """Only Stripe's partner source speaks for Stripe on a bus."""
    with pytest.raises(RejectedEvent):
        unwrap(document)
