"""Settle: Stripe's webhook in, the event queued; the queue in, the invoice's row as Stripe says it is."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.cloud import NOW, WEBHOOK_SECRET, Cloud, Context, event, failing
from tests.domain.examples import contract
from tollgate.stages.issue import approve_invoice, push

type Entry = Callable[[str], Any]
MARCH = date(2026, 3, 1)
BODY = event("apigateway/webhook_stripe")["body"].encode()


def webhook(body: bytes = BODY, *, at: datetime = NOW, secret: str = WEBHOOK_SECRET, **more: Any) -> dict[str, Any]:
    """The event file of Stripe's webhook with a body signed at a time."""
    changed: dict[str, Any] = event("apigateway/webhook_stripe") | more
    time = str(int(at.timestamp()))
    signature = hmac.digest(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hex()
    changed["headers"] = {"Stripe-Signature": f"t={time},v1={signature}"}
    changed["body"] = base64.b64encode(body).decode()
    return changed | {"isBase64Encoded": True}


def issued(cloud: Cloud) -> str:
    """March drafted, approved and open at Stripe; its id there."""
    rules = {"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}}
    cloud.sign_on(contract(timezone="UTC", allowances=rules))
    cloud.use(messages=30)
    cloud.draft()
    rt = cloud.runtime()
    approve_invoice("acme", MARCH, revision=1, by="Ada", contracts_rows=rt.contracts, invoices=rt.invoices, now=NOW)
    return push("acme", MARCH, ports=rt.issue_ports(), now=NOW).stripe_invoice


def status(cloud: Cloud) -> str:
    return cloud.runtime().invoices.invoice("acme", MARCH).status


@pytest.mark.parametrize("request_", [event("apigateway/webhook_stripe"), webhook()], ids=["text", "base64"])
def test_a_signed_event_is_queued_as_it_was_sent(cloud: Cloud, entry: Entry, request_: dict[str, Any]) -> None:
    """Base64 is undone before the signature, the header's name has any case, and 200 means queued."""
    assert entry("settle").handler(request_, Context())["statusCode"] == 200
    [queued] = cloud.queued("stripe-events")
    assert queued["Body"].encode() == BODY


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (webhook(secret="whsec_another"), 400),
        (webhook() | {"headers": {}}, 400),
        (webhook() | {"headers": {"stripe-signature": "t=,v1="}}, 400),
        (webhook(at=NOW - timedelta(seconds=300)), 200),
        (webhook(at=NOW - timedelta(seconds=301)), 400),
        (webhook(at=NOW + timedelta(seconds=300)), 200),
        (webhook(at=NOW + timedelta(seconds=301)), 400),
        (webhook(b"{"), 400),
        (webhook(b"\xff\xfe"), 400),
        (webhook(json.dumps(event("stripe/thin")).encode()), 400),
        (webhook() | {"body": ""}, 400),
    ],
    ids=["another secret", "unsigned", "empty", "old enough", "too old", "early enough", "too early", "truncated",
         "no UTF-8", "thin", "no body"],
)  # fmt: skip
def test_only_what_stripe_signed_now_gets_in(
    cloud: Cloud, entry: Entry, request_: dict[str, Any], expected: int
) -> None:
    """A wrong signature, or a time more than five minutes away on either side, is a 400 that queues nothing."""
    answer = entry("settle").handler(request_, Context())
    assert (answer["statusCode"], answer["body"]) == (expected, "")
    assert len(cloud.queued("stripe-events")) == (expected == 200)


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDenied"])
def test_a_queue_that_is_down_asks_for_another_sending(
    entry: Entry, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Whatever keeps an event off the queue, Stripe is told to send it again."""
    app = entry("settle")
    failing(monkeypatch, "SendMessage", code)
    assert app.handler(webhook(), Context()) == {"statusCode": 503, "body": ""}


def test_an_error_that_nothing_foresaw_asks_stripe_for_another_sending(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem without our insides, logged by its kind, counted; a message of the queue comes back by its own way."""
    app = entry("settle")

    def crash(*_: Any, **__: Any) -> None:
        raise ValueError(WEBHOOK_SECRET)

    monkeypatch.setattr(app, "verify", crash)
    answer = app.handler(webhook(), Context())

    assert (answer["statusCode"], answer["headers"]) == (500, {"content-type": "application/problem+json"})
    assert json.loads(answer["body"])["detail"] == "a fault of ours, send it again"
    assert [line["kind"] for line in cloud.lines() if line["message"] == "fault"] == ["ValueError"]
    said = cloud.log.getvalue() + capsys.readouterr().out
    assert WEBHOOK_SECRET not in said + answer["body"]
    assert '"UnforeseenFaults":[1.0]' in said.replace(" ", "")


def test_without_a_webhook_secret_nothing_gets_in(entry: Entry, cloud: Cloud) -> None:
    """Until ops has filled the secret in, Stripe is asked to send again."""
    boto3.client("secretsmanager").put_secret_value(SecretId="stripe", SecretString='{"api_key": "rk"}')
    assert entry("settle").handler(webhook(), Context())["statusCode"] == 503
    assert cloud.queued("stripe-events") == []


def test_both_secrets_hold_while_one_is_rolled(entry: Entry) -> None:
    """The previous secret still opens, and so does the new one."""
    both = {"webhook_secret": "whsec_new", "webhook_secret_previous": WEBHOOK_SECRET}
    boto3.client("secretsmanager").put_secret_value(SecretId="stripe", SecretString=json.dumps(both))
    app = entry("settle")
    assert [app.handler(webhook(secret=s), Context())["statusCode"] for s in both.values()] == [200, 200]


@pytest.mark.parametrize("index", [0, 1], ids=["webhook's own", "EventBridge envelope"])
def test_a_payment_settles_the_invoice(cloud: Cloud, entry: Entry, index: int) -> None:
    """By either way in, the row becomes what Stripe says of the invoice now."""
    cloud.stripe.pay(issued(cloud))
    record = event("sqs/stripe_events")["Records"][index]
    assert entry("settle").handler({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert status(cloud) == "paid"


def test_the_event_only_says_where_to_look(cloud: Cloud, entry: Entry) -> None:
    """An `invoice.paid` about an invoice that Stripe calls open changes nothing."""
    issued(cloud)
    entry("settle").handler(event("sqs/stripe_events"), Context())
    assert status(cloud) == "open"


def test_a_repeat_asks_stripe_no_more(cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that was dealt with, by either way in, is passed over."""
    cloud.stripe.pay(issued(cloud))
    app = entry("settle")
    app.handler(event("sqs/stripe_events"), Context())
    monkeypatch.setattr(cloud.stripe, "invoice", None)
    assert app.handler(event("sqs/stripe_events"), Context()) == {"batchItemFailures": []}


def test_events_of_anything_else_are_taken_and_ignored(cloud: Cloud, entry: Entry) -> None:
    """A customer's event is no failure."""
    [record, _] = event("sqs/stripe_events")["Records"]
    other = record | {"body": json.dumps(event("stripe/customer_created"))}
    assert entry("settle").handler({"Records": [other]}, Context()) == {"batchItemFailures": []}


def test_exactly_the_failed_messages_come_back(cloud: Cloud, entry: Entry) -> None:
    """Odd bodies, a thin event and an envelope of somebody else's come back by their ids; the payment is settled."""
    cloud.stripe.pay(issued(cloud))
    good, envelope = event("sqs/stripe_events")["Records"]
    foreign = json.loads(envelope["body"]) | {"source": "aws.s3"}
    odd = {"odd": "{", "list": "[]", "thin": json.dumps(event("stripe/thin")), "foreign": json.dumps(foreign)}
    records = [good | {"messageId": identity, "body": body} for identity, body in odd.items()]
    answer = entry("settle").handler({"Records": [*records, good]}, Context())

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == list(odd)
    assert status(cloud) == "paid"


def test_the_log_holds_no_body_and_no_secret(cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """Type and status of an event are logged; its body, signature and keys are not."""
    cloud.stripe.pay(issued(cloud))
    app = entry("settle")
    app.handler(webhook(), Context())
    app.handler(webhook(secret="whsec_another"), Context())
    app.handler(event("sqs/stripe_events"), Context())

    said = cloud.log.getvalue() + capsys.readouterr().out
    assert {"type": "invoice.paid", "status": "paid"}.items() <= cloud.lines()[-2].items()
    for private in (WEBHOOK_SECRET, "whsec_", "v1=", "evt_1TgPaidMarch", "pending_webhooks", "rk_test"):
        assert private not in said
