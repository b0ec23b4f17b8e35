"""The endpoints of a running instance, as the outside sees them: providers, customers, the schedule and finance.

Nothing here knows the product's tables: what it sends goes to public endpoints, what it reads comes from commands.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner

from cli.main import tollgate
from local.demo.wire import meta_signature
from local.ministack import LocalAws
from local.stack import client
from local.steps import StepError

SENDERS: Final = 4
BATCHES_AHEAD: Final = 100  # of ten events each
WAITING: Final = 2500  # receipts, in the queue and with the meter, before more are sent
DRAIN_SECONDS: Final = 240
POLL_SECONDS: Final = 0.5
WORKING: Final = ("receipts", "notify", "suspend", "invoices", "stripe-events")
"""The queues between the stages; each must be empty before a month is closed."""


@dataclass
class Place:
    """One running instance. ``document`` is what ``endpoints`` holds."""

    endpoints: Path
    document: Mapping[str, Any]
    _clients: dict[str, Any] = field(default_factory=dict)

    def aws(self, service: str) -> Any:
        """A client of the local AWS, made once."""
        if service not in self._clients:
            self._clients[service] = client(
                LocalAws(endpoint=self.document["aws"], region=self.document["region"]), service
            )
        return self._clients[service]

    # Providers

    def post_meta(self, bodies: Iterable[bytes], *, sent: Callable[[int], None]) -> None:
        """Post signed webhooks, several at once; ``sent`` hears how many statuses each held. Raises StepError."""

        def post(body: bytes) -> None:
            headers = {
                "Content-Type": "application/json",
                "X-Hub-Signature-256": meta_signature(body, self.document["secrets"]["meta"]["app_secret"]),
            }
            self._open(f"{self.document['api']}/webhooks/meta", body, headers)
            sent(body.count(b'"recipient_id"'))

        self._all(post, bodies)

    def publish_sms(self, batches: Iterable[Sequence[str]], *, sent: Callable[[int], None]) -> None:
        """Publish SMS events to the topic, several batches at once. Raises StepError.

        Waits now and then for the meter: the local queue gets slower the more it holds.
        """
        topic, sns = self.document["topics"]["sms"], self.aws("sns")

        def publish(batch: Sequence[str]) -> None:
            entries = [{"Id": str(n), "Message": event} for n, event in enumerate(batch)]
            answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
            if answer.get("Failed"):
                raise StepError(f"the topic refused {len(answer['Failed'])} events")
            sent(len(batch))

        for some in batched(batches, BATCHES_AHEAD, strict=False):
            self._all(publish, some)
            self.until(lambda: self._held(self.document["queues"]["receipts"]) < WAITING, what="the meter to keep up")

    def post_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post the platform's own events as one batch. Raises StepError."""
        headers = {
            "Content-Type": "application/cloudevents-batch+json",
            "Authorization": f"Bearer {self.document['secrets']['events_key']}",
        }
        self._open(f"{self.document['api']}/events", json.dumps(events).encode(), headers)

    @staticmethod
    def _all[T](work: Callable[[T], None], items: Iterable[T]) -> None:
        with ThreadPoolExecutor(SENDERS) as pool:
            for _ in pool.map(work, items):
                pass

    # Customers, at Stripe

    def pay(self, stripe_invoice: str) -> None:
        """A customer pays an invoice in full at the stand-in."""
        self._standin(f"/invoices/{stripe_invoice}/pay", {})

    def set_stripe_clock(self, moment: datetime) -> None:
        """What time it is at the stand-in, until told otherwise."""
        self._standin("/clock", {"now": int(moment.timestamp()), "frozen": True})

    def release_stripe_clock(self) -> None:
        """The stand-in goes by the real time again."""
        self._standin("/clock", {"release": True})

    def stripe_requests(self) -> list[dict[str, Any]]:
        """Every request that reached the stand-in: ``{method, target, headers, body}``."""
        with urllib.request.urlopen(f"{self.document['stripe']}/_standin/requests", timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)["result"]
        return found

    def _standin(self, path: str, order: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        self._open(f"{self.document['stripe']}/_standin{path}", json.dumps(order).encode(), headers)

    @staticmethod
    def _open(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                read: bytes = answer.read()
                return read
        except OSError as failure:
            raise StepError(f"POST {url}: {failure}") from failure

    # Ops and finance, by command

    def command(self, *words: str | Path) -> Any:
        """Run a command of ``tollgate`` on this instance; the JSON it prints, None for nothing. Raises StepError."""
        environment = {"TOLLGATE_ENDPOINTS": str(self.endpoints)}
        result = CliRunner().invoke(tollgate, [str(word) for word in words], env=environment)
        if result.exit_code:
            raise StepError(f"tollgate {' '.join(map(str, words))}: {result.output or result.exception!r}")
        return json.loads(result.output) if "--json" in words else None

    # Waiting

    def drained(self) -> bool:
        """Whether no working queue holds a message, waiting or in flight; the busiest is asked first."""
        return all(self._held(self.document["queues"][name]) == 0 for name in WORKING)

    def _held(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        held = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(held[name]) for name in names)

    def drain(self) -> None:
        """Wait until everything sent has been worked through. Raises StepError past ``DRAIN_SECONDS``."""
        self.until(self.drained, what="the queues to be empty")

    def until(self, true: Callable[[], bool], *, what: str) -> None:
        """Wait until something is true. Raises StepError past ``DRAIN_SECONDS``."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while not true():
            if time.monotonic() > deadline:
                raise StepError(f"waited {DRAIN_SECONDS} s for {what}; see the dead-letter queues and the logs")
            time.sleep(POLL_SECONDS)

    def dead_letters(self) -> dict[str, int]:
        """How many messages each dead-letter queue holds, where it holds any."""
        held = {queue: self._held(url) for queue, url in self.document["queues"].items() if queue.endswith("-dlq")}
        return {queue: count for queue, count in held.items() if count}
