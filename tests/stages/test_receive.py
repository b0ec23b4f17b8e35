"""Receiving: a receipt is queued as it arrived or refused, and 200 is only said once it is queued."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.fakes.faults import Faults
from tests.fakes.outside import MemoryQueue
from tests.providers.samples import ACME, META_SECRETS, NOW, meta_signature, sample
from tests.providers.tokens import VONAGE_APPLICATION, VONAGE_KEY, VONAGE_SECRETS, vonage_token
from tollgate.domain.errors import Refused, RetryLater
from tollgate.providers.meta import META
from tollgate.providers.provider import Request, Webhook
from tollgate.providers.vonage import VONAGE
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.receive import MAX_BODY_BYTES, Answer, ReceivePorts, receive

BODY = sample("meta", "status_delivered.json")
SUBSCRIPTION = "hub.mode=subscribe&hub.verify_token=a%20verify%20token%20for%20tests&hub.challenge=1158201444"
REQUEST = Request(
    method="POST",
    path="/webhooks/meta",
    headers={
        "X-Hub-Signature-256": meta_signature(BODY),
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "Authorization": "Bearer something that is no business of ours",
    },
    body=BODY,
    received_at=NOW,
)


class Door:
    """The stage with its queue and counter."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.queue, self.counts = MemoryQueue(), Counter[str]()
        self._faults = faults or Faults()

    def answer(self, request: Request, *, provider: Webhook = META, secrets: dict[str, str] | None = None) -> Answer:
        ports = ReceivePorts(queue=self._faults.wrap(self.queue), count=self._count)
        secrets = META_SECRETS if secrets is None else secrets
        return receive(request, provider=provider, secrets=secrets, identity="id-1", ports=ports)

    def _count(self, name: str, value: int) -> None:
        self.counts[name] += value


def signed(body: bytes) -> Request:
    return replace(REQUEST, body=body, headers={"x-hub-signature-256": meta_signature(body)})


def test_a_genuine_receipt_is_queued_as_it_arrived() -> None:
    """The bytes that were signed, the headers that reading needs and no other, in the group of its first account."""
    door = Door()
    assert door.answer(REQUEST) == Answer(200)
    expected = Receipt(
        id="id-1",
        provider="meta",
        body=BODY,
        received_at=NOW,
        headers={"content-type": "application/json", "user-agent": "facebookexternalua"},
        source="/webhooks/meta",
    )
    assert door.queue.queued == [(ACME, expected)]
    assert not door.counts


def test_bytes_are_never_rewritten() -> None:
    """Escapes and spaces stay as the provider wrote them, or no signature could be checked again."""
    door = Door()
    body = b'{ "object":"whatsapp_business_account","entry":[ ] , "x":"\\u00e4" }'
    assert door.answer(signed(body)).status == 200
    assert door.queue.receipts[0].body == body


def test_what_cannot_be_read_yet_is_queued_all_the_same() -> None:
    """Amounts and statuses are read later: a fault there loses nothing here."""
    door = Door()
    assert door.answer(signed(b'{"entry": [{"nothing": "we know"}]}')).status == 200
    assert [group for group, _ in door.queue.queued] == ["meta"]


@pytest.mark.parametrize(
    ("request_", "status", "metric"),
    [
        (replace(REQUEST, body=BODY + b" "), 401, "RejectedReceipts"),  # altered on the way
        (replace(REQUEST, headers={}), 401, "RejectedReceipts"),  # unsigned
        (replace(REQUEST, headers={"x-hub-signature-256": "sha256="}), 401, "RejectedReceipts"),
        (replace(REQUEST, headers={"x-hub-signature-256": "sha256=\u00e4"}), 401, "RejectedReceipts"),
        (replace(REQUEST, headers={"x-hub-signature": "sha1=1234"}), 401, "RejectedReceipts"),  # the legacy one
        (signed(b"[]"), 400, "RejectedReceipts"),  # genuine, but no receipt
        (signed(b"\xff"), 400, "RejectedReceipts"),
        (replace(REQUEST, method="PUT"), 405, ""),
        (replace(REQUEST, method="DELETE"), 405, ""),
        (signed(b" " * (MAX_BODY_BYTES + 1)), 413, ""),
        (replace(REQUEST, method="GET"), 403, "RejectedReceipts"),
        (replace(REQUEST, method="GET", query=SUBSCRIPTION.replace("verify%20", "wrong%20")), 403, "RejectedReceipts"),
        (
            replace(REQUEST, method="GET", query=SUBSCRIPTION.replace("subscribe", "unsubscribe")),
            403,
            "RejectedReceipts",
        ),
    ],
)
def test_a_refused_request_queues_nothing(request_: Request, status: int, metric: str) -> None:
    """Each refusal has its status; what does not prove where it comes from is counted for an alarm."""
    door = Door()
    answer = door.answer(request_)
    assert answer.status == status
    assert door.queue.queued == []
    assert dict(door.counts) == ({metric: 1} if metric else {})
    assert "wamid" not in answer.text


def test_the_handshake_is_answered_with_the_bare_challenge() -> None:
    """Plain text, nothing queued."""
    door = Door()
    assert door.answer(replace(REQUEST, method="GET", query=SUBSCRIPTION, body=b"")) == Answer(200, "1158201444")
    assert (door.queue.queued, dict(door.counts)) == ([], {})


@pytest.mark.parametrize("secrets", [{}, {"app_secret": "", "verify_token": ""}])
def test_nothing_enters_while_no_secret_is_configured(secrets: dict[str, str]) -> None:
    """An empty secret would let anyone sign."""
    door = Door()
    empty = replace(REQUEST, headers={"x-hub-signature-256": meta_signature(BODY, secret="")})
    assert door.answer(empty, secrets=secrets).status == 401
    bare = replace(REQUEST, method="GET", query="hub.mode=subscribe&hub.verify_token=&hub.challenge=1")
    assert door.answer(bare, secrets=secrets).status == 403
    assert door.queue.queued == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [RetryLater("busy"), Refused("no such queue")])
def test_a_queue_that_does_not_answer_asks_the_provider_to_send_again(error: Exception, after: bool) -> None:
    """503 whatever the queue's reason; the second sending is another receipt, which metering finds counted."""
    door = Door(Faults(at=1, after=after, error=error))
    assert door.answer(REQUEST).status == 503
    assert dict(door.counts) == {"UnqueuedReceipts": 1}
    assert door.answer(REQUEST).status == 200
    assert len(door.queue.queued) == 1 + after


def test_a_body_of_the_largest_size_is_let_in() -> None:
    """The limit itself is no more than the limit."""
    door = Door()
    body = b'{"entry": []}'
    assert door.answer(signed(body + b" " * (MAX_BODY_BYTES - len(body)))).status == 200


def test_what_parsing_must_know_beside_the_body_goes_with_the_receipt() -> None:
    """Vonage's account stands in its token: the account is kept, the token is not."""
    door = Door()
    body = sample("vonage", "sms_submitted.json")
    token = vonage_token(body, at=NOW)
    request = Request(
        method="POST", path="/webhooks/vonage", headers={"Authorization": token}, body=body, received_at=NOW
    )
    answer = door.answer(request, provider=VONAGE, secrets=VONAGE_SECRETS)
    assert answer == Answer(200)
    [receipt] = door.queue.receipts
    assert receipt.headers == {"account": VONAGE_KEY, "number": VONAGE_APPLICATION}
    assert token.rpartition(".")[2] not in repr(receipt)


def test_an_unsigned_request_of_a_provider_that_forgets_to_sign_is_asked_for_again() -> None:
    """Vonage drops what is refused for good; 503 makes it come again, signed."""
    door = Door()
    bare = Request(method="POST", path="/webhooks/vonage", body=b"{}", received_at=NOW)
    answer = door.answer(bare, provider=VONAGE, secrets=VONAGE_SECRETS)
    assert (answer.status, door.queue.queued, dict(door.counts)) == (503, [], {"RejectedReceipts": 1})
