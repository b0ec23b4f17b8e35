"""Reconcile: the schedule's run through the real composition root."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.cloud import NOW, Cloud, Context, event
from tests.domain.examples import contract
from tollgate.domain.errors import Invalid
from tollgate.stages.issue import approve_invoice, push

type Entry = Callable[[str], Any]
MARCH = date(2026, 3, 1)


@dataclass(frozen=True)
class InTime(Context):
    """A context with some time left."""

    millis: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.millis


def billed(cloud: Cloud) -> None:
    """March of one tenant: drafted, approved and issued."""
    cloud.sign_on(
        contract(timezone="UTC", allowances={"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}})
    )
    cloud.use(messages=30)
    cloud.draft()
    rt = cloud.runtime()
    approve_invoice("acme", MARCH, revision=1, by="Ada", contracts_rows=rt.contracts, invoices=rt.invoices, now=NOW)
    push("acme", MARCH, ports=rt.issue_ports(), now=NOW)


def statement(cloud: Cloud, entry: Entry, *, messages: int) -> None:
    """What Meta billed for March, sent to ``POST /events``."""
    sent = {
        "specversion": "1.0",
        "type": "tollgate.statement.line",
        "source": "billing",
        "id": "line-1",
        "time": "2026-03-10T12:00:00Z",
        "data": {"provider": "meta", "account": "102290129340398", "statement": "M-3", "line": "1",
                 "channel": "whatsapp", "start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z",
                 "messages": messages, "amount": "0.75", "currency": "USD"},
    }  # fmt: skip
    asked = event("apigateway/events_batch")
    asked |= {"body": json.dumps([sent]), "isBase64Encoded": False}
    answer = entry("receive").handler(asked, Context())
    assert answer["statusCode"] == 202


def rung(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    names = ("ReconcileDifferences", "ReconcileUnfinished")
    return {name: sum(one[name]) for one in emitted for name in names if name in one}


def test_the_schedule_finds_nothing_where_all_agree(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over the real rows: records, counters, Stripe and the provider's statement are equal."""
    billed(cloud)
    statement(cloud, entry, messages=30)
    report = entry("reconcile").handler(event("scheduler/reconcile"), InTime())
    assert report == {"compared": ["acme"], "differs": {}, "failed": [], "unread": []}
    assert rung(capsys) == {}
    [run] = cloud.runtime().runs.last("reconcile")
    assert (str(run.at), run.counts["compared"]) == ("2026-04-05 05:00:00+00:00", 1)


def test_what_differs_is_answered_and_rings(cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, by cause; and kept for the review."""
    billed(cloud)
    statement(cloud, entry, messages=31)
    cloud.stripe.pay("in_1")
    report = entry("reconcile").handler(event("scheduler/reconcile"), InTime())
    assert report["differs"] == {
        "status-differs": [
            "acme: invoice 2026-03-01: Stripe has it in another state: open in our invoice, paid in Stripe"
        ],
        "messages-differ": [
            (
                "acme: meta 102290129340398, whatsapp, 2026-03-01 to 2026-03-31: another number of messages: "
                "30 messages in our records, 31 messages in statement M-3 of meta"
            )
        ],
    }
    assert rung(capsys) == {"ReconcileDifferences": 2.0}
    kept = cloud.runtime().reconciled.of("acme")
    assert kept is not None
    assert [one.cause for one in kept.differences] == ["status-differs", "messages-differ"]


def test_a_function_whose_time_runs_out_says_whom_it_left_out(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str]
) -> None:
    """And rings; the next run begins with them."""
    billed(cloud)
    report = entry("reconcile").handler(event("scheduler/reconcile"), InTime(millis=119_000))
    assert (report["compared"], report["unread"]) == ([], ["acme"])
    assert rung(capsys) == {"ReconcileUnfinished": 1.0}


def test_an_unfilled_time_is_refused(cloud: Cloud, entry: Entry) -> None:
    """A placeholder that the scheduler did not fill in is not a time."""
    with pytest.raises(Invalid):
        entry("reconcile").handler(event("scheduler/unfilled"), InTime())
