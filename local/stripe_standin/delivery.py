"""Delivery of events to the product: signed webhook and EventBridge, each in its own background thread.

At least once: a delivery that is not acknowledged is tried again with back-off and finally given up; the event stays in
GET /v1/events. What is still pending survives a restart. Signatures and back-off use the real time.
"""

import hashlib
import heapq
import hmac
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import render
from .account import EVENT, Account
from .events import acknowledged
from .settings import Settings
from .store import Record
from .switches import EventSwitch, Switches

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

BACKOFF_SECONDS = (0.5, 1, 2, 4, 8, 16, 32, 60)  # about two minutes; Stripe's sandbox: 3 times over a few hours
WEBHOOK_TIMEOUT_SECONDS = 30
OLD_SECONDS = 3_600
FORMS = ("_webhook", "_bus")


class UndeliveredError(Exception):
    """The receiver did not acknowledge an event."""


@dataclass(order=True)
class Job:
    """One attempt to deliver an event, due at a monotonic time."""

    due: float
    number: int
    event_id: str = field(compare=False)
    attempt: int = field(default=0, compare=False)
    tamper: str | None = field(default=None, compare=False)


def signature(payload: str, secrets: list[str], *, at: int) -> str:
    """A Stripe-Signature header: one `v1` per secret, no space after the comma."""
    signed = [hmac.new(secret.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={one}" for one in signed)])


def envelope(event: Record, *, source: str, region: str, account: str = "123456789012") -> Record:
    """The event as EventBridge hands it to a handler; a duplicate gets a new envelope id."""
    created = datetime.fromtimestamp(event["created"], UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": event["type"],
        "source": source,
        "account": account,
        "time": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [],
        "detail": event,
    }


def post_webhook(url: str, payload: str, header: str) -> None:
    """Raises UndeliveredError unless the answer is 2xx."""
    target = urlsplit(url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=WEBHOOK_TIMEOUT_SECONDS)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}
    try:
        connection.request("POST", path, payload.encode(), headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise UndeliveredError(f"{url}: {error}") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise UndeliveredError(f"{url}: HTTP {status}")


@cache
def _bus_client(endpoint_url: str | None, region: str) -> "EventBridgeClient":
    import boto3  # noqa: PLC0415  # only a stand-in with a bus pays for the import

    if endpoint_url is None:
        return boto3.client("events", region_name=region)
    # A local AWS takes any key; it must not get a real one.
    return boto3.client(
        "events",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def put_on_bus(settings: Settings, event: Record) -> None:
    """PutEvents with the source of a partner event; raises UndeliveredError."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    assert settings.bus_name is not None
    client = _bus_client(settings.bus_endpoint_url, settings.bus_region)
    entry: Any = {
        "Source": settings.bus_source,
        "DetailType": event["type"],
        "Detail": json.dumps(event),
        "EventBusName": settings.bus_name,
        "Time": datetime.fromtimestamp(event["created"], UTC),
    }
    try:
        answer = client.put_events(Entries=[entry])
    except (BotoCoreError, ClientError) as error:
        raise UndeliveredError(f"bus {settings.bus_name}: {error}") from error
    if answer["FailedEntryCount"]:
        raise UndeliveredError(f"bus {settings.bus_name}: {answer['Entries']}")


class Lane:
    """One thread and its queue: jobs leave in the order in which they are due."""

    def __init__(self, deliver: Callable[[Job], None], name: str) -> None:
        self._deliver = deliver
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, job: Job) -> None:
        with self._changed:
            heapq.heappush(self._jobs, job)
            self._changed.notify()

    def clear(self) -> None:
        with self._changed:
            self._jobs.clear()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=WEBHOOK_TIMEOUT_SECONDS)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._deliver(job)

    def _next(self) -> Job | None:
        with self._changed:
            while not self._stopped:
                wait = self._jobs[0].due - time.monotonic() if self._jobs else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._jobs)
                self._changed.wait(wait)
        return None


class Courier:
    """Takes committed events and delivers them in both forms."""

    def __init__(
        self,
        account: Account,
        switches: Switches,
        *,
        real_time: Callable[[], float] = time.time,
        put: Callable[[Settings, Record], None] = put_on_bus,
        backoff_seconds: tuple[float, ...] = BACKOFF_SECONDS,
    ) -> None:
        self._account = account
        self._switches = switches
        self._real_time = real_time
        self._put = put
        self._backoff = backoff_seconds
        self._held: list[str] = []
        self.last_problems: dict[str, str] = {}  # why a form's last attempt failed, for people
        self._number = 0
        self._lanes = {form: Lane(self._deliverer(form), f"stripe-standin{form}") for form in FORMS}

    def start(self) -> None:
        for lane in self._lanes.values():
            lane.start()
        with self._account.store.lock:
            for event in self._account.store.all(EVENT):
                self._enqueue(event)

    def stop(self) -> None:
        for lane in self._lanes.values():
            lane.stop()

    def clear(self) -> None:
        """Forgets everything undelivered."""
        self._held.clear()
        for lane in self._lanes.values():
            lane.clear()

    @property
    def held(self) -> list[str]:
        return list(self._held)

    def undelivered(self) -> int:
        """How many events wait for a delivery."""
        with self._account.store.lock:
            return sum(any(event[form] == "pending" for form in FORMS) for event in self._account.store.all(EVENT))

    # ---- taking events; callers hold the account's lock --------------------------------------------------------------
    def dispatch(self, events: list[Record]) -> None:
        for event in events:
            self._take(event, self._switches.for_event(event["type"]))

    def _take(self, event: Record, switch: EventSwitch | None) -> None:
        effect = switch.effect if switch else None
        if effect == "hold":
            self._held.append(event["id"])
        elif effect == "lose":
            for form in FORMS:
                if event[form] == "pending":
                    acknowledged(self._account, event, form, "lost")
                    event = {**event, form: "lost"}
            self._account.commit()
        else:
            tamper = effect if effect in ("wrong_signature", "old_timestamp") else None
            self._enqueue(event, copies=switch.copies if switch and effect == "duplicate" else 1, tamper=tamper)

    def _enqueue(self, event: Record, *, copies: int = 1, tamper: str | None = None) -> None:
        for form in FORMS:
            if event[form] == "pending":
                for _ in range(copies):
                    self._add(form, event["id"], tamper=tamper)

    def _add(self, form: str, event_id: str, *, wait: float = 0, attempt: int = 0, tamper: str | None = None) -> None:
        self._number += 1
        self._lanes[form].add(Job(time.monotonic() + wait, self._number, event_id, attempt, tamper))

    def redeliver(self, event: Record, copies: int = 1) -> None:
        """Delivers an event again, in every form that has a destination now."""
        settings = self._account.settings
        for form, there in (("_webhook", settings.webhook_url), ("_bus", settings.bus_name)):
            for _ in range(copies if there else 0):
                self._add(form, event["id"])

    def release(self, *, reverse: bool) -> list[str]:
        """Delivers the held events, the last one first when `reverse`; returns their ids in that order."""
        released = self._held[::-1] if reverse else self._held[:]
        self._held.clear()
        for event_id in released:
            event = self._account.store.get(EVENT, event_id)
            if event is not None:
                self._enqueue(event)
        return released

    # ---- delivering, on the lanes' threads ---------------------------------------------------------------------------
    def _deliverer(self, form: str) -> Callable[[Job], None]:
        def deliver(job: Job) -> None:
            with self._account.store.lock:
                event, settings = self._account.store.get(EVENT, job.event_id), self._account.settings
                shown = render.event(event) if event else None
            if shown is None:
                return
            try:
                self._send(form, settings, shown, job.tamper)
            except UndeliveredError as error:
                self.last_problems[form.removeprefix("_")] = str(error)
                self._again(form, job)
            else:
                self._note(form, job, "delivered")

        return deliver

    def _send(self, form: str, settings: Settings, shown: Record, tamper: str | None) -> None:
        if form == "_bus":
            self._put(settings, shown)
        elif settings.webhook_url:
            payload = json.dumps(shown, indent=2)
            at = int(self._real_time()) - (OLD_SECONDS if tamper == "old_timestamp" else 0)
            secrets = ["whsec_wrong"] if tamper == "wrong_signature" else settings.webhook_secrets
            post_webhook(settings.webhook_url, payload, signature(payload, secrets, at=at))

    def _again(self, form: str, job: Job) -> None:
        if job.attempt < len(self._backoff):
            with self._account.store.lock:
                self._add(
                    form, job.event_id, wait=self._backoff[job.attempt], attempt=job.attempt + 1, tamper=job.tamper
                )
        else:
            self._note(form, job, "failed")

    def _note(self, form: str, job: Job, outcome: str) -> None:
        with self._account.store.lock:
            event = self._account.store.get(EVENT, job.event_id)
            if event is not None and event[form] != "delivered":
                acknowledged(self._account, event, form, outcome)
                self._account.commit()
