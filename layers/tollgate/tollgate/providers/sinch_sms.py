"""What Sinch's SMS delivery reports say: one recipient of a batch, or all of them by status.

A message is a batch and one of its recipients. ``summary`` reports name no recipients, so nothing of them can be
counted: whoever asked for them at sending is told by the receipts that end unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypedDict

from pydantic import Field

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Recipient, Report
from tollgate.providers.incoming import (
    EARLIEST,
    Identifier,
    Incoming,
    MaybeText,
    MessageId,
    Parts,
    Rfc3339,
    Word,
    read,
)
from tollgate.providers.provider import Arrived, Ignored, Reading, Setting
from tollgate.providers.recipients import recipient

KIND: Final = re.compile(r"(?P<one>recipient_)?delivery_report_(?P<meter>sms|mms)")
OTHER: Final = "other-callback"


class _Batch(Incoming):
    batch_id: MessageId
    client_reference: MaybeText = None
    number_of_message_parts: Parts = None


class _One(_Batch):
    recipient: Identifier
    status: Word
    at: Rfc3339 | None = None


class _All(_Batch):
    statuses: list[Any]


class _Share(Incoming):
    """The recipients whose messages have one status."""

    status: Word
    count: int | None = None
    recipients: list[Any] = Field(default_factory=list)


class _Whom(Incoming):
    recipient: Identifier


def readings(body: Mapping[str, Any], receipt: Arrived, setting: Setting, *, provider: str) -> Iterator[Reading]:
    """The messages of one report. One without a time of its own is dated by its arrival."""
    kind = KIND.fullmatch(str(body.get("type")))
    if kind is None:
        yield Ignored(OTHER)
    elif kind["one"]:
        yield from _one(body, receipt, setting, provider=provider, meter=kind["meter"])
    else:
        yield from _all(body, receipt, setting, provider=provider, meter=kind["meter"])


def _one(
    body: Mapping[str, Any], receipt: Arrived, setting: Setting, *, provider: str, meter: str
) -> Iterator[Reading]:
    report = read(_One, body)
    if isinstance(report, tuple):
        yield from report
        return
    yield Fact(
        meter=meter,
        status=report.status,
        at=report.at or receipt.received_at,
        **_message(report, report.recipient, receipt, setting, provider=provider),
    )


def _all(
    body: Mapping[str, Any], receipt: Arrived, setting: Setting, *, provider: str, meter: str
) -> Iterator[Reading]:
    report = read(_All, body)
    if isinstance(report, tuple):
        yield from report
        return
    for index, raw in enumerate(report.statuses):
        path = f"statuses.{index}"
        share = read(_Share, raw, path)
        if isinstance(share, tuple):
            yield from share
            continue
        if not share.recipients and share.count != 0:
            yield Problem(f"{path}.recipients", "expected the recipients, which a summary leaves out")
        for place, number in enumerate(share.recipients):
            whom = read(_Whom, {"recipient": number}, f"{path}.recipients.{place}")
            if isinstance(whom, tuple):
                yield from whom
                continue
            yield Fact(
                meter=meter,
                status=share.status,
                at=receipt.received_at,
                **_message(report, whom.recipient, receipt, setting, provider=provider),
            )


class _Message(TypedDict):
    provider: str
    account: str
    message: str
    participant: str
    report: Report | None
    recipient: Recipient


def _message(batch: _Batch, number: str, receipt: Arrived, setting: Setting, *, provider: str) -> _Message:
    """What a report says of each of its messages, whatever their status."""
    whom = recipient(number, hasher=setting.hasher)
    parts = batch.number_of_message_parts
    return {
        "provider": provider,
        "account": receipt.headers.get("account") or tenant(batch.client_reference),
        "message": batch.batch_id,
        "participant": whom.hash,
        # No time: what is said of parts is the same whenever it is said, and a repeat of it changes nothing.
        "report": Report(EARLIEST, parts, None, None, "") if parts else None,
        "recipient": whom,
    }


def tenant(reference: object) -> str:
    """Whom a client's reference names: ``<tenant>/<message>``, or a tenant alone."""
    return reference.partition("/")[0] if isinstance(reference, str) else ""
