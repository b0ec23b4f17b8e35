"""Bird: Standard Webhooks, segments and costs that come apart, and what is counted of WhatsApp."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from tests.providers.samples import BIRD_KEY, HASHER, NOW, SIGNED, bird_signature, only, parsed, sample, tree
from tollgate.domain.facts import Recipient, Report
from tollgate.domain.records import charge, merge_all, new_record
from tollgate.providers.bird import BIRD, INBOUND
from tollgate.providers.errors import Forged, Malformed

VECTOR = SIGNED["bird"]
WORKSPACE = "ws_01krdgeqcxet5s7t44vh8rt9mg"
ACCEPTED_AT = datetime(2026, 11, 21, 10, 0, 0, 123_000, tzinfo=UTC)
DELIVERED_AT = datetime(2026, 11, 21, 10, 0, 3, 456_000, tzinfo=UTC)


def event(file: str, kind: str = "", **changes: Any) -> dict[str, Any]:
    """A sample of another type, with fields of its data changed; ``...`` leaves one out."""
    body: dict[str, Any] = tree("bird", file)
    body["type"] = kind or body["type"]
    body["data"] = {name: value for name, value in {**body["data"], **changes}.items() if value is not ...}
    return body


def signed(*signatures: str, at: str | None = None) -> dict[str, str]:
    headers = {**VECTOR.headers, "webhook-signature": " ".join(signatures)}
    return headers if at is None else {**headers, "webhook-timestamp": at}


def test_the_signature_is_the_one_of_the_specification() -> None:
    """A vector made with standardwebhooks 1.1.0: the key is the secret's base64, the text is id, time and body."""
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    call = replace(VECTOR.request(body=body, headers=headers), received_at=datetime.fromtimestamp(1614265330, UTC))
    BIRD.verify(call, {"webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})


@pytest.mark.parametrize("position", [0, 1, 2])
def test_any_one_of_several_signatures_suffices(position: int) -> None:
    """While a secret is being rolled, both sign; schemes of other versions stand beside them."""
    others = [bird_signature(VECTOR.body, key=b"the old key"), "v1a,c2lnbmF0dXJl"]
    others.insert(position, bird_signature(VECTOR.body))
    BIRD.verify(VECTOR.request(headers=signed(*others)), VECTOR.secrets)


@pytest.mark.parametrize("version", ["v2", "v1a", "V1", ""])
def test_a_signature_counts_under_its_version_only(version: str) -> None:
    """The right bytes under another name prove nothing."""
    text = bird_signature(VECTOR.body).replace("v1,", f"{version},")
    with pytest.raises(Forged):
        BIRD.verify(VECTOR.request(headers=signed(text)), VECTOR.secrets)


@pytest.mark.parametrize("timestamp", ["soon", "", "1e9", "-5", "9" * 400, "1795262400.5", " 1795262400"])
def test_a_time_that_is_none_is_forged(timestamp: str) -> None:
    """Also when it is signed: nothing but digits is a time."""
    digest = hmac.new(BIRD_KEY, f"whe_1.{timestamp}.".encode() + VECTOR.body, hashlib.sha256).digest()
    headers = signed(f"v1,{base64.b64encode(digest).decode()}", at=timestamp)
    with pytest.raises(Forged):
        BIRD.verify(VECTOR.request(headers=headers), VECTOR.secrets)


def test_the_time_is_signed() -> None:
    """An old signature under a new time is forged."""
    later = NOW + timedelta(hours=1)
    headers = signed(bird_signature(VECTOR.body), at=str(int(later.timestamp())))
    with pytest.raises(Forged):
        BIRD.verify(VECTOR.request(headers=headers, received_at=later), VECTOR.secrets)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_ü", ""])
def test_a_secret_that_is_none_lets_nobody_in(secret: str) -> None:
    """An empty or broken secret is no key that somebody could sign with."""
    with pytest.raises(Forged):
        BIRD.verify(VECTOR.request(headers=signed(bird_signature(VECTOR.body, key=b""))), {"webhook_secret": secret})


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{"])
def test_a_genuine_request_of_no_event_is_malformed(body: bytes) -> None:
    """It is refused at the door."""
    with pytest.raises(Malformed):
        BIRD.verify(VECTOR.request(body=body, headers=signed(bird_signature(body))), VECTOR.secrets)


def test_an_accepted_text_says_its_segments() -> None:
    """No cost yet; the sender is the workspace, narrowed by what the platform wrote beside the message."""
    fact = only(parsed("bird", sample("bird", "sms_accepted.json")))
    assert (fact.account, fact.number, fact.meter) == (WORKSPACE, "tnt_01JD3Y7R4Q", "sms")
    assert (fact.message, fact.status, fact.at) == ("sms_01krdgeqcxet5s7t44vh8rt9mg", "accepted", ACCEPTED_AT)
    assert fact.recipient == Recipient("1555", "US", HASHER("15551234567"))
    assert fact.report == Report(ACCEPTED_AT, 2, None, None, "XXX")


def test_a_delivered_text_says_its_cost_in_two_parts() -> None:
    """What Bird charged and what it passed on, to the last digit; of segments it says nothing."""
    fact = only(parsed("bird", sample("bird", "sms_delivered.json")))
    assert fact.report == Report(DELIVERED_AT, 0, Decimal("0.01580"), Decimal("0.00400"), "EUR")
    assert fact.report.total == Decimal("0.01980")


@pytest.mark.parametrize(
    ("transaction", "passthrough"), [(None, None), ("0.01980", None), (None, "0.00400"), ("0.01", "0.004")]
)
def test_parts_that_do_not_add_up_give_way_to_the_whole(transaction: str | None, passthrough: str | None) -> None:
    """A part that is not priced, or a third one that nobody has heard of, is never lost nor counted twice."""
    cost = {
        "amount": "0.01980",
        "currency_code": "EUR",
        "transaction_amount": transaction,
        "passthrough_amount": passthrough,
    }
    fact = only(parsed("bird", event("sms_delivered.json", cost=cost)))
    assert fact.report == Report(DELIVERED_AT, 0, Decimal("0.01980"), None, "EUR")


def test_segments_and_cost_are_joined_in_any_order() -> None:
    """The cost's event says nothing of segments and the segments' one nothing of a cost: the message has both."""
    facts = [only(parsed("bird", sample("bird", f"sms_{name}.json"))) for name in ("accepted", "delivered")]
    for order in permutations(facts):
        due = charge(merge_all(new_record(order[0]), order))
        assert due is not None
        reported = {component.component: component.reported for component in due.components}
        assert reported == {"message": Decimal("0.01580"), "carrier": Decimal("0.00400")}
        assert (due.segments, due.moment) == (2, DELIVERED_AT)


def test_a_cost_on_any_event_makes_a_text_count() -> None:
    """When Bird charges is not stated: a price is proof, whatever the status, and a delivery is one without it."""
    priced = tree("bird", "sms_delivered.json")["data"]["cost"]
    for kind, cost, counts in [
        ("sms.accepted", None, False),
        ("sms.sent", None, False),
        ("sms.sent", priced, True),
        ("sms.undelivered", priced, True),
        ("sms.failed", None, False),
        ("sms.delivered", None, True),
        ("sms.of_next_year", priced, True),
    ]:
        fact = only(parsed("bird", event("sms_delivered.json", kind, cost=cost)))
        assert (charge(merge_all(new_record(fact), [fact])) is not None) is counts, kind


def test_a_rejected_text_is_never_charged() -> None:
    """Not by a cost that stands on the rejection, and not by one on any event before or after it."""
    priced = tree("bird", "sms_delivered.json")["data"]["cost"]
    rejected = only(parsed("bird", event("sms_rejected.json", sms_id="sms_01krdgeqcxet5s7t44vh8rt9mg", cost=priced)))
    assert rejected.report is None
    facts = [rejected, *(only(parsed("bird", sample("bird", f"sms_{n}.json"))) for n in ("accepted", "delivered"))]
    for order in permutations(facts):
        assert charge(merge_all(new_record(order[0]), order)) is None


def test_whatsapp_counts_when_it_is_accepted() -> None:
    """Bird charges on acceptance: a delivery adds nothing, and a rejection takes it back."""
    accepted, delivered = (
        only(parsed("bird", sample("bird", f"whatsapp_{n}.json"))) for n in ("accepted", "delivered")
    )
    assert accepted.recipient == Recipient("2547", "KE", HASHER("254712345678"))
    assert accepted.key == delivered.key
    for order in permutations((accepted, delivered)):
        due = charge(merge_all(new_record(order[0]), order))
        assert due is not None
        assert due.moment == ACCEPTED_AT
    assert charge(merge_all(new_record(delivered), [delivered])) is None
    rejected = replace(delivered, status="rejected")
    assert charge(merge_all(new_record(accepted), [accepted, rejected])) is None


def test_a_group_counts_once_for_each_to_whom_it_was_delivered() -> None:
    """The group's own states count nothing, a participant's delivery and reading one message together."""
    accepted = only(parsed("bird", sample("bird", "whatsapp_group_accepted.json")))
    delivered = only(parsed("bird", sample("bird", "whatsapp_group_delivered.json")))
    read = only(parsed("bird", event("whatsapp_group_delivered.json", "whatsapp.read")))
    other = only(
        parsed("bird", event("whatsapp_group_delivered.json", recipient={"bsuid": "IN.91", "phone_number": None}))
    )
    assert charge(merge_all(new_record(accepted), [accepted])) is None
    assert delivered.participant == HASHER("254733000111")
    assert delivered.key == read.key
    assert len({accepted.key, delivered.key, other.key}) == 3
    for fact in (delivered, read, other):
        assert charge(merge_all(new_record(fact), [fact])) is not None


def test_a_participant_that_nobody_knows_is_malformed() -> None:
    """Without number and user id, two deliveries would be one."""
    with pytest.raises(Malformed):
        parsed("bird", event("whatsapp_group_delivered.json", recipient={}))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (tree("bird", "whatsapp_received.json"), "whatsapp.received"),
        (event("whatsapp_accepted.json", "whatsapp.reacted"), "whatsapp.reacted"),
        (event("whatsapp_accepted.json", direction="inbound"), INBOUND),
        (event("sms_accepted.json", "sms.received"), "sms.received"),
        (event("sms_accepted.json", "email.delivered"), "email.delivered"),
        (event("sms_accepted.json", "whatsapp.group.join_request_created"), "whatsapp.group.join_request_created"),
        ({"type": "domain.verified", "timestamp": "2026-11-21T10:00:00Z"}, "domain.verified"),
    ],
)
def test_what_is_no_state_of_a_message_of_ours_is_passed_over(body: Any, reason: str) -> None:
    """Messages to us, reactions, other channels and events of other things."""
    found = parsed("bird", body)
    assert (found.facts, found.ignored, found.unreadable) == ((), (reason,), ())


@pytest.mark.parametrize(
    ("metadata", "number"),
    [
        ({"tenant_id": "acme"}, "acme"),
        ({"tenant_id": ""}, ""),
        ({"tenant_id": 7}, ""),
        ({"tenant_id": "a b"}, ""),
        ({"tenant_id": "a" * 65}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        (..., ""),
    ],
)
def test_a_workspace_is_narrowed_by_the_metadata_of_the_send_request(metadata: object, number: str) -> None:
    """What is no short text narrows nothing, and stands in the way of nothing."""
    assert only(parsed("bird", event("sms_accepted.json", metadata=metadata))).number == number


@pytest.mark.parametrize(
    ("cost", "path"),
    [
        ({"amount": "0.0198", "currency_code": "euro"}, "data.cost.currency_code"),
        ({"amount": "0.0198"}, "data.cost.currency_code"),
        ({"amount": "-0.0198", "currency_code": "EUR"}, "data.cost.amount"),
    ],
)
def test_an_amount_that_cannot_be_read_is_named(cost: object, path: str) -> None:
    """A receipt whose price is unclear comes back, and ends where somebody reads it."""
    with pytest.raises(Malformed) as refused:
        parsed("bird", event("sms_delivered.json", cost=cost))
    assert [problem.path for problem in refused.value.problems] == [path]


def test_events_are_grouped_by_workspace() -> None:
    """A busy workspace does not delay the others."""
    assert BIRD.group(sample("bird", "sms_accepted.json")) == WORKSPACE
