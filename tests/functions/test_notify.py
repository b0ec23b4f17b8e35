"""Notify: notices in, mails out; what became of them in, and ops told."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends

from tests.cloud import EVENTS, Cloud, Context, event, failing
from tests.domain.examples import NOON, small_contract
from tests.template.test_functions import source_resources
from tollgate.domain.drafts import DraftsNotice
from tollgate.stages.notify import RESEND_AFTER

type Entry = Callable[[str], Any]
SENDER, OPS = "billing@tollgate.example", "ops@tollgate.example"


DRAFTS = DraftsNotice(
    number=1,
    at=NOON,
    news=2,
    months={date(2026, 1, 1): 2},
    totals={"USD": Decimal("17.50")},
    clean=1,
    flags={"jump": 1},
    told=("acme/2026-01-15#1", "bell/2026-01-15#1"),
)


@pytest.fixture
def warned(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A tenant whose third of four SMS has crossed the line that warns."""
    monkeypatch.setenv("MAIL_FROM", SENDER)
    monkeypatch.setenv("OPS_EMAIL", OPS)
    monkeypatch.setenv("FINANCE_EMAIL", "finance@tollgate.example")
    boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    cloud.sign_on(small_contract())
    cloud.use(texts=3)
    return cloud


def sent() -> list[tuple[str, str]]:
    """Recipient and subject of each mail that went out."""
    messages = ses_backends["123456789012"]["eu-west-1"].sent_messages
    return [(", ".join(one.destinations["ToAddresses"]), one.subject) for one in messages]


def bodies() -> list[str]:
    """The text of each mail that went out."""
    return [str(one.body) for one in ses_backends["123456789012"]["eu-west-1"].sent_messages]


def records(*bodies: object) -> dict[str, Any]:
    """A batch of these bodies; a message's id is its place."""
    [first, *_] = event("sqs/notices")["Records"]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {"Records": [{**first, "messageId": str(n), "body": text} for n, text in enumerate(texts)]}


def failures(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def status(cloud: Cloud) -> str:
    return cloud.runtime().notices.notice("acme", "2026-01-15#sms#75")[1].status


def test_a_notice_is_mailed_and_its_delivery_kept(warned: Cloud, entry: Entry) -> None:
    """The event bus's envelope and the mail service's report come over the same queue."""
    app = entry("notify")
    assert failures(app.handler(event("sqs/notices"), Context())) == []
    assert sent() == [("ops@acme.example", "Acme Retail, Inc.: 75% of 4 SMS used, limit expected about March 28, 2026")]
    assert status(warned) == "delivered"
    assert failures(app.handler(event("sqs/notices"), Context())) == []
    assert len(sent()) == 1


@pytest.mark.parametrize("name", ["bounce_permanent", "bounce_transient", "complaint", "reject"])
def test_ops_hear_once_of_a_mail_that_did_not_arrive(warned: Cloud, entry: Entry, name: str) -> None:
    """Whatever the mail service calls it, and however often."""
    bounce = event(f"ses/{name}")
    notice = event("eventbridge/notice_created")
    assert failures(entry("notify").handler(records(notice, bounce, bounce, notice), Context())) == []
    assert status(warned) == "bounced"
    assert [to for to, _ in sent()] == ["ops@acme.example", OPS]


def test_what_says_nothing_new_is_done_with(warned: Cloud, entry: Entry) -> None:
    """The greeting of a new destination, a mail taken, a delivery put off."""
    greeting = (EVENTS / "ses" / "greeting.txt").read_text(encoding="utf-8")
    notice = event("eventbridge/notice_created")
    batch = records(greeting, notice, event("ses/send"), event("ses/delivery_delay"))
    assert failures(entry("notify").handler(batch, Context())) == []
    assert (status(warned), len(sent())) == ("sent", 1)


def test_exactly_the_failed_messages_come_back(warned: Cloud, entry: Entry) -> None:
    """What cannot be read, is not ours or has no notice comes back; the others are worked."""
    notice, strange = event("eventbridge/notice_created"), event("ses/delivery")
    strange["mail"]["tags"] = {}
    unknown = {**notice, "detail": {**notice["detail"], "identity": "2026-01-15#sms#76"}}
    other = {**notice, "detail-type": "tollgate.hold.opened"}
    lost = event("ses/bounce_of_mail_to_ops")
    answer = entry("notify").handler(records("{", "[]", strange, unknown, other, lost, notice), Context())
    assert failures(answer) == ["0", "1", "2", "3", "4", "5"]
    assert len(sent()) == 1
    assert "@" not in warned.log.getvalue()


def test_finance_is_mailed_of_drafts_once(warned: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the review's address; a delivery is kept, and a bounce comes back until it rings."""
    monkeypatch.setenv("CONSOLE_URL", "https://console.tollgate.example/")
    drafts = warned.runtime().drafts
    drafts.add(DRAFTS)
    waiting, delivery, bounce = (
        event(f) for f in ("eventbridge/review_waiting", "ses/delivery", "ses/bounce_permanent")
    )
    for told in (delivery, bounce):
        told["mail"]["tags"] = {"tenant": ["_7Eplatform"], "drafts": ["00000001"]}
    app = entry("notify")
    assert failures(app.handler(records(waiting, waiting, delivery), Context())) == []
    assert sent() == [("finance@tollgate.example", "2 drafts wait for review: January 2026, USD 17.50")]
    assert "https://console.tollgate.example/console/review" in bodies()[0]
    assert drafts.notice("00000001")[1].status == "delivered"
    assert failures(app.handler(records(bounce), Context())) == ["0"]
    assert len(sent()) == 1


def test_a_mail_service_that_cannot_answer_gives_the_notice_back(
    warned: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded as sent."""
    app = entry("notify")
    failing(monkeypatch, "SendEmail", "TooManyRequestsException")
    assert failures(app.handler(records(event("eventbridge/notice_created")), Context())) == ["0"]
    assert status(warned) == "sending"
    assert sent() == []


def test_a_claim_outlives_its_run_and_not_the_queues_patience() -> None:
    """A crashed run's message comes back when its claim is over, and no run is alive after its claim."""
    function = source_resources("AWS::Serverless::Function")["NotifyFunction"]
    queue = source_resources("AWS::SQS::Queue")["NotifyQueue"]
    timeout, hidden = (timedelta(seconds=int(str(part))) for part in (function["Timeout"], queue["VisibilityTimeout"]))
    assert timeout < RESEND_AFTER
    # Hidden from when the message is taken; its claim may come as late as its run ends.
    assert timeout + RESEND_AFTER < hidden


def test_every_event_file_of_the_mail_service_is_used() -> None:
    """None lies about that no test reads."""
    here = Path(__file__).parents[1]
    text = "".join(
        (here / name).read_text(encoding="utf-8") for name in ("adapters/test_ses.py", "functions/test_notify.py")
    )
    assert {path.stem for path in (EVENTS / "ses").iterdir() if path.stem not in text} == set()
