"""Events: take the platform's own events, each of them once for ever.

The order of steps is what keeps every event. The key and every field are looked at before anything is written; then
the events' identities are claimed; then they are queued, and only then is 202 said. A claim never means that an event
was queued, only what content its identity stands for: so a repeat is queued again, and metering finds that it changes
nothing. A crash between any two steps is mended by the sender's retry.

What happens on a repeat: the same content is a success; another content under the same identity is a conflict, and
nothing of its batch is kept. The ledger forgets a record 13 months after its usage, so what happened longer ago than
``ACCEPTED_FOR`` is not queued any more: a repeat of it is a success, a new event is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tollgate.domain.errors import Conflict, Problem, Refused, RetryLater
from tollgate.providers import platform
from tollgate.providers.cloudevents import Event, UnknownMedia, canonical, digest, events_of
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.platform import Checked
from tollgate.providers.provider import Request
from tollgate.stages.ports import Count
from tollgate.stages.ports.accounts import ContractRows
from tollgate.stages.ports.events import Claim, EventKey, EventRows, KeptEvent
from tollgate.stages.ports.receipts import Receipt, ReceiptQueue

MAX_BODY_BYTES: Final = 5 * 1024 * 1024  # what the front door lets through, with room for its own envelope
MAX_EVENTS: Final = 1000
ACCEPTED_FOR: Final = timedelta(days=390)  # thirteen months, whichever they are
CLAIMING_ATTEMPTS: Final = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer: a status and a JSON body. A body of a failure is a problem (RFC 9457)."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPorts:
    """What taking events reads and writes."""

    events: EventRows
    contracts: ContractRows
    queue: ReceiptQueue
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """An event of a request: ``index`` is its place in the batch."""

    index: int
    event: Event
    checked: Checked
    digest: str

    @property
    def key(self) -> EventKey:
        return EventKey(self.checked.source, self.checked.id)


class _Stop(Exception):
    """The answer of a request that goes no further."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(title)
        self.reply = Reply(status, {"type": "about:blank", "title": title, "status": status, "detail": detail} | more)


def take(request: Request, *, key: str, identity: str, ports: EventPorts) -> Reply:
    """Answer one request with events. ``key`` is the platform's; ``identity`` names the receipt that is queued."""
    try:
        sent = _read(request, key)
        return _accept(sent, request.received_at, identity=identity, ports=ports)
    except _Stop as stop:
        if stop.reply.status == 401:
            ports.count("RejectedReceipts", 1)
        if stop.reply.status == 409:
            ports.count("ConflictingEvents", 1)
        return stop.reply
    except (RetryLater, Refused, Conflict):
        ports.count("UnqueuedReceipts", 1)
        return not_taken()


def not_taken() -> Reply:
    """The answer while something that is needed cannot be had."""
    return _Stop(503, "Service Unavailable", "not taken, send it again").reply


def _read(request: Request, key: str) -> list[_Sent]:
    try:
        platform.verify(request, key)
    except Forged:
        raise _Stop(401, "Unauthorized", "send the platform's key as a bearer token") from None
    if len(request.body) > MAX_BODY_BYTES:
        raise _Stop(413, "Content Too Large", f"a body may have {MAX_BODY_BYTES} bytes")
    try:
        given = events_of(request)
    except UnknownMedia as error:
        raise _Stop(415, "Unsupported Media Type", str(error.problems[0])) from None
    except Malformed as error:
        raise _Stop(400, "Bad Request", str(error.problems[0])) from None
    if len(given) > MAX_EVENTS:
        raise _Stop(413, "Content Too Large", f"a batch may have {MAX_EVENTS} events")
    return _valid(given)


def _valid(given: Sequence[object]) -> list[_Sent]:
    """The events of a batch, when all of them are good."""
    sent: list[_Sent] = []
    problems: list[tuple[int, Problem]] = []
    for index, event in enumerate(given):
        checked = platform.check(event)
        if isinstance(checked, tuple):
            problems += [(index, problem) for problem in checked]
        else:
            assert isinstance(event, dict)
            sent.append(_Sent(index=index, event=event, checked=checked, digest=digest(event)))
    if problems:
        raise _invalid(problems)
    return sent


def _invalid(problems: Sequence[tuple[int, Problem]]) -> _Stop:
    errors = [{"index": index, "path": problem.path, "expected": problem.message} for index, problem in problems]
    bad = len({index for index, _ in problems})
    return _Stop(400, "Bad Request", f"{bad} of the events are not valid; nothing was kept", errors=errors)


def _accept(sent: Sequence[_Sent], now: datetime, *, identity: str, ports: EventPorts) -> Reply:
    once = _without_repeats(sent)
    claims = _claimed(once, now, ports)
    usage = _usage([one for one in once if not _is_old(one, claims[one.key].at, now)], ports)
    if usage:
        body = canonical([platform.with_time(one.event, claims[one.key].at) for one in usage]).encode()
        receipt = Receipt(id=identity, provider=platform.NAME, body=body, received_at=now, source="/events")
        ports.queue.put(receipt, group=platform.group(body))
    return Reply(202, {"accepted": len(sent)})


def _without_repeats(sent: Sequence[_Sent]) -> list[_Sent]:
    """Each event once. Stops at two contents of one event in the same batch."""
    first: dict[EventKey, _Sent] = {}
    for one in sent:
        first.setdefault(one.key, one)
    if differing := [one for one in sent if one.digest != first[one.key].digest]:
        raise _conflict(differing)
    return list(first.values())


def _claimed(sent: Sequence[_Sent], now: datetime, ports: EventPorts) -> dict[EventKey, Claim]:
    """The claims of all events, written where there were none. Stops at a conflict or at an event that is too old."""
    for _ in range(CLAIMING_ATTEMPTS):
        known = ports.events.claims([one.key for one in sent])
        if differing := [one for one in sent if one.key in known and known[one.key].digest != one.digest]:
            raise _conflict(differing)
        new = [one for one in sent if one.key not in known]
        _only_of_our_time(new, now)
        claims = {one.key: Claim(key=one.key, digest=one.digest, at=now) for one in new}
        try:
            ports.events.claim([(claims[one.key], _kept(one)) for one in new])
        except Conflict:
            continue  # another request has claimed one of them since: look again, what it claimed decides
        return {**known, **claims}
    raise RetryLater("other requests keep claiming the same events")


def _conflict(differing: Sequence[_Sent]) -> _Stop:
    events = [{"index": one.index, "source": one.key.source, "id": one.key.id} for one in differing]
    detail = "the same source and id were sent before with another content; nothing was kept"
    return _Stop(409, "Event Conflict", detail, events=events)


def _only_of_our_time(new: Sequence[_Sent], now: datetime) -> None:
    early = f"expected a time within the last {ACCEPTED_FOR.days} days"
    problems = [(one.index, Problem(_moment_path(one), early)) for one in new if _is_old(one, now, now)]
    if problems:
        raise _invalid(problems)


def _is_old(one: _Sent, at: datetime, now: datetime) -> bool:
    return one.checked.moment(at) < now - ACCEPTED_FOR


def _moment_path(one: _Sent) -> str:
    if one.checked.added_up:
        return "data.start"
    return "time" if "sent_at" not in one.event["data"] else "data.sent_at"


def _kept(one: _Sent) -> KeptEvent | None:
    """What is kept of a roll-up or statement line, to compare the ledger with, whether it counts or not."""
    data = one.checked.added_up
    if data is None:
        return None
    return KeptEvent(
        key=one.key, provider=data.provider, account=data.account, start=data.start, event=canonical(one.event)
    )


def _usage(sent: Sequence[_Sent], ports: EventPorts) -> list[_Sent]:
    """The events to count: of roll-ups and statement lines those of accounts that some contract counts that way.

    The others are kept all the same. Once a contract counts an account that way, sending them again counts them.
    """
    accounts = {
        one.key: (platform.NAME, platform.added_up_account(data)) for one in sent if (data := one.checked.added_up)
    }
    held = ports.contracts.senders(set(accounts.values())) if accounts else {}
    return [
        one
        for one in sent
        if platform.is_usage(one.checked) and (one.key not in accounts or held.get(accounts[one.key]))
    ]
