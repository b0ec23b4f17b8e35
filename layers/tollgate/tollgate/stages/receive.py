"""Receive: prove where a request comes from, and queue it as it arrived. Amounts are read later, so that a fault in
reading them never loses a receipt.

What happens on a repeat: the provider's second sending is a second receipt, which metering finds to change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tollgate.domain.errors import Refused, RetryLater
from tollgate.providers.errors import Forged, Malformed, Unsigned
from tollgate.providers.provider import Request, Webhook
from tollgate.stages.ports import Count
from tollgate.stages.ports.receipts import Receipt, ReceiptQueue

MAX_BODY_BYTES: Final = 5 * 1024 * 1024  # what the front door lets through, with room for its own envelope
KEPT_HEADERS: Final = ("content-type", "user-agent")


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer: a status, and a short plain text that repeats nothing of the request."""

    status: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivePorts:
    """What receiving writes."""

    queue: ReceiptQueue
    count: Count


def receive(
    request: Request, *, provider: Webhook, secrets: Mapping[str, str], identity: str, ports: ReceivePorts
) -> Answer:
    """Answer one request of a provider. ``identity`` names the receipt; 200 is only said once it is queued."""
    try:
        challenge = provider.handshake(request, secrets)
        if challenge is not None:
            return Answer(200, challenge)
        if request.method != "POST":
            return Answer(405, "send a POST")
        if len(request.body) > MAX_BODY_BYTES:
            return Answer(413, f"a body may have {MAX_BODY_BYTES} bytes")
        provider.verify(request, secrets)
    except Unsigned:
        ports.count("RejectedReceipts", 1)
        return Answer(503, "not signed, send it again")
    except Forged:
        ports.count("RejectedReceipts", 1)
        return Answer(403 if request.method == "GET" else 401, "the signature does not match")
    except Malformed as error:
        ports.count("RejectedReceipts", 1)
        return Answer(400, str(error))
    kept = {name: value for name, value in request.headers.items() if name in KEPT_HEADERS}
    receipt = Receipt(
        id=identity,
        provider=provider.name,
        body=request.body,
        received_at=request.received_at,
        headers={**kept, **provider.origin(request, secrets)},
        source=request.path,
    )
    try:
        ports.queue.put(receipt, group=provider.group(request.body))
    except (RetryLater, Refused):
        ports.count("UnqueuedReceipts", 1)
        return Answer(503, "not queued, send it again")
    return Answer(200)
