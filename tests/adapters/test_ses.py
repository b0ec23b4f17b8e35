"""The mail service: what leaves, what its errors mean, and what it reports."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from moto.ses.models import ses_backends

from local.ministack import LocalAws
from tollgate.adapters.ses import SesMailer, decoded, encoded
from tollgate.adapters.ses_events import feedback, is_greeting
from tollgate.domain.errors import Invalid, Refused, RetryLater
from tollgate.stages.notify import ACCEPTED, ARRIVED, DOUBTFUL, FAILED, Feedback
from tollgate.stages.ports.mail import Mail

EVENTS = Path(__file__).parents[2] / "events" / "ses"
SENDER = "billing@tollgate.example"
MAIL = Mail(
    to=("ann@acme.example", "bob@acme.example"),
    subject="Müller & Söhne: 75% used",
    text="75% used – as text",
    html="<p>75% used – as HTML</p>",
    reference={"tenant": "acme", "notice": "2026-01-15#sms#75"},
)


@pytest.fixture
def ses() -> Any:
    """A client that reaches nothing."""
    return boto3.client("sesv2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def stubbed(ses: Any) -> Iterator[Stubber]:
    """Its answers, and the requests that they expect."""
    with Stubber(ses) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


REQUEST: dict[str, Any] = {
    "FromEmailAddress": SENDER,
    "Destination": {"ToAddresses": ["ann@acme.example", "bob@acme.example"]},
    "Content": {
        "Simple": {
            "Subject": utf8("Müller & Söhne: 75% used"),
            "Body": {"Text": utf8("75% used – as text"), "Html": utf8("<p>75% used – as HTML</p>")},
            "Headers": [{"Name": "X-Tollgate-Reference", "Value": "tenant=acme; notice=2026-01-15_23sms_2375"}],
        }
    },
    "EmailTags": [{"Name": "tenant", "Value": "acme"}, {"Name": "notice", "Value": "2026-01-15_23sms_2375"}],
}


@pytest.mark.parametrize(("configuration_set", "more"), [("", {}), ("mail", {"ConfigurationSetName": "mail"})])
def test_a_mail_leaves_with_text_html_and_its_reference(
    ses: Any, stubbed: Stubber, configuration_set: str, more: dict[str, str]
) -> None:
    """The reference is the same for the same notice, in the tags that come back and in a header."""
    stubbed.add_response("send_email", {"MessageId": "0100-1"}, {**REQUEST, **more})
    assert SesMailer(ses, sender=SENDER, configuration_set=configuration_set).send(MAIL) == "0100-1"


@pytest.mark.parametrize(
    ("code", "message", "status", "raised"),
    [
        ("MessageRejected", "Local address contains control or whitespace", 400, Refused),
        ("BadRequestException", "Illegal address", 400, Refused),
        ("MessageRejected", "Email address is not verified. The following identities failed", 400, RetryLater),
        ("MailFromDomainNotVerifiedException", "", 400, RetryLater),
        ("AccountSuspendedException", "", 400, RetryLater),
        ("SendingPausedException", "", 400, RetryLater),
        ("NotFoundException", "Configuration set", 404, RetryLater),
        ("LimitExceededException", "", 400, RetryLater),
        ("AccessDeniedException", "", 403, RetryLater),
        ("TooManyRequestsException", "Maximum sending rate exceeded", 429, RetryLater),
        ("InternalFailure", "", 500, RetryLater),
    ],
)
def test_only_what_is_wrong_with_the_mail_itself_is_final(
    ses: Any, stubbed: Stubber, code: str, message: str, status: int, raised: type[Exception]
) -> None:
    """Everything of ours that can be repaired keeps the mail; no error repeats an address."""
    stubbed.add_client_error("send_email", code, f"{message} ann@acme.example", http_status_code=status)
    with pytest.raises(raised, match=code) as caught:
        SesMailer(ses, sender=SENDER, configuration_set="").send(MAIL)
    assert type(caught.value) is raised
    assert "@" not in str(caught.value)


def test_a_mail_service_out_of_reach_is_tried_later() -> None:
    """A lost connection says nothing about the mail."""

    class Unreachable:
        def send_email(self, **_: object) -> Any:
            raise EndpointConnectionError(endpoint_url="https://email.example")

    with pytest.raises(RetryLater, match="EndpointConnectionError"):
        SesMailer(Unreachable(), sender=SENDER, configuration_set="").send(MAIL)  # type: ignore[arg-type]  # one method


def test_the_mail_service_takes_what_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its model accepts the request, and an unverified sender is ours to repair."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        client = boto3.client("sesv2", region_name="eu-west-1")
        mailer = SesMailer(client, sender=SENDER, configuration_set="")
        with pytest.raises(RetryLater):
            mailer.send(MAIL)
        client.create_email_identity(EmailIdentity=SENDER)
        message_id = mailer.send(MAIL)
        [kept] = ses_backends["123456789012"]["eu-west-1"].sent_messages
    assert kept.id == message_id
    assert kept.destinations["ToAddresses"] == list(MAIL.to)


def test_a_real_mail_has_both_bodies(local_aws: LocalAws) -> None:
    """On the local AWS, with text and HTML as they were rendered."""
    client = local_aws.session().client("sesv2", endpoint_url=local_aws.endpoint)
    client.create_email_identity(EmailIdentity=SENDER)
    mailer = SesMailer(client, sender=SENDER, configuration_set="")
    message_id = mailer.send(replace(MAIL, to=("real@acme.example",)))
    with urllib.request.urlopen(f"{local_aws.endpoint}/_ministack/ses/messages", timeout=10) as answer:
        [kept] = [
            row for rows in json.load(answer)["messages"].values() for row in rows if row["MessageId"] == message_id
        ]
    assert (kept["Source"], kept["To"], kept["Subject"]) == (SENDER, ["real@acme.example"], MAIL.subject)
    assert (kept["BodyText"], kept["BodyHtml"]) == (MAIL.text, MAIL.html)


@given(st.dictionaries(st.sampled_from(["tenant", "notice"]), st.text(max_size=80)))
def test_a_reference_survives_its_encoding(reference: dict[str, str]) -> None:
    """Whatever is in it, only letters, digits, hyphens and underscores of ASCII travel, and it reads back."""
    tags = encoded(reference)
    assert all(
        character.isascii() and (character.isalnum() or character in "-_") for character in "".join(tags.values())
    )
    assert {name: decoded(value) for name, value in tags.items()} == reference


# What comes back


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


HEARD = Feedback(
    tenant="acme",
    notice="2026-01-15#sms#75",
    to_ops=False,
    outcome=ACCEPTED,
    recipients=(),
    reason="",
    message_id="0102019cd8a1-7f0e2c1e-0000-4000-8000-3f2b1c000000-000000",
    sent_at=datetime(2026, 3, 10, 18, 0, 1, 250_000, tzinfo=UTC),
    to=("ops@acme.example",),
)
ADDRESSED = replace(HEARD, recipients=("ops@acme.example",))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("send", HEARD),
        ("delivery_delay", HEARD),
        ("delivery", replace(ADDRESSED, outcome=ARRIVED)),
        ("bounce_permanent", replace(ADDRESSED, outcome=FAILED, reason="Permanent/NoEmail")),
        ("bounce_transient", replace(ADDRESSED, outcome=DOUBTFUL, reason="Transient/MailboxFull")),
        ("complaint", replace(ADDRESSED, outcome=FAILED, reason="complaint/abuse")),
        ("reject", replace(ADDRESSED, outcome=FAILED, reason="reject")),
        (
            "bounce_of_mail_to_ops",
            replace(
                HEARD,
                outcome=FAILED,
                recipients=("ops@tollgate.example",),
                to=("ops@tollgate.example",),
                reason="Permanent/General",
                to_ops=True,
            ),
        ),
    ],
)
def test_each_event_says_what_became_of_which_notice(name: str, expected: Feedback) -> None:
    """By its tags, never by its addresses."""
    assert feedback(event(name)) == expected


def test_a_complaint_that_names_nobody_may_be_anybodys() -> None:
    """All recipients count as having complained."""
    complaint = event("complaint")
    complaint["complaint"]["complainedRecipients"] = []
    del complaint["complaint"]["complaintFeedbackType"]
    told = feedback(complaint)
    assert (told.recipients, told.reason) == (("ops@acme.example",), "complaint/unnamed")


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Sets one value of an event; None takes it out."""
    *parents, last = path.split("/")

    def apply(document: dict[str, Any]) -> None:
        for parent in parents:
            document = document[parent]
        document.pop(last, None)
        if value is not None:
            document[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("eventType", None, "eventType"),
        ("eventType", "Bounce", "eventType: 'Bounce' is not known, or lacks its part"),
        ("eventType", "Teleport", "'Teleport' is not known"),
        ("mail", None, "mail: Field required"),
        ("mail/tags", None, "mail.tags"),
        ("mail/tags/tenant", None, "mail.tags.tenant: expected the reference of a mail of ours"),
        ("mail/tags/notice", None, "mail.tags.notice"),
        ("mail/tags/notice", ["a", "b"], "mail.tags.notice"),
        ("mail/tags/notice", ["_FF"], "mail.tags.notice"),
        ("mail/timestamp", "yesterday at ops@acme.example", "mail.timestamp"),
        ("delivery/recipients", "ops@acme.example", "delivery.recipients"),
    ],
)
def test_what_is_not_a_report_of_our_mail_is_refused_by_name(path: str, value: object, says: str) -> None:
    """It ends in the dead-letter queue, and the error repeats no address."""
    document = event("delivery")
    change(path, value)(document)
    with pytest.raises(Invalid) as caught:
        feedback(document)
    assert says in str(caught.value)
    assert "@" not in str(caught.value)


def test_only_the_greeting_of_a_new_destination_is_recognised_as_one() -> None:
    """It is plain text; a report is not."""
    assert is_greeting((EVENTS / "greeting.txt").read_text(encoding="utf-8"))
    assert not is_greeting(json.dumps(event("delivery")))
