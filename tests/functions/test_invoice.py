"""Invoice: the daily schedule, and approvals from the queue."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.cloud import NOW, Cloud, Context, event
from tests.domain.examples import contract
from tollgate.domain.contract import Contract
from tollgate.domain.errors import Refused
from tollgate.stages.issue import approve_invoice

type Entry = Callable[[str], Any]
MARCH = date(2026, 3, 1)


def billed() -> Contract:
    """A contract under which thirty marketing messages (0.75) cost money."""
    return contract(timezone="UTC", allowances={"whatsapp": {"measure": "fees", "included": "0.10", "beyond": "bill"}})


def approved(cloud: Cloud) -> None:
    """Draft March and approve it."""
    cloud.sign_on(billed())
    cloud.use(messages=30)
    cloud.draft()
    rt = cloud.runtime()
    approve_invoice("acme", MARCH, revision=1, by="Ada", contracts_rows=rt.contracts, invoices=rt.invoices, now=NOW)


def test_the_schedule_drafts_what_is_due_at_its_time(cloud: Cloud, entry: Entry) -> None:
    """The daily run answers with what it did, and the draft is there."""
    cloud.sign_on(billed())
    cloud.use(messages=30)
    report = entry("invoice").handler(event("scheduler/invoice"), Context())

    assert report["drafted"] == ["acme/2026-01-15", "acme/2026-02-01", "acme/2026-03-01"]
    assert report["failed"] == []
    assert cloud.runtime().invoices.invoice("acme", MARCH).statement.total == Decimal("0.65")


def test_an_approved_invoice_is_issued_once(cloud: Cloud, entry: Entry) -> None:
    """The same approval delivered twice is one invoice at Stripe, of the approved total."""
    approved(cloud)
    app = entry("invoice")
    for _ in range(2):
        assert app.handler(event("sqs/invoices"), Context()) == {"batchItemFailures": []}

    [issued] = cloud.stripe.invoices.values()
    assert (issued.status, issued.total) == ("open", Decimal("0.65"))
    assert cloud.runtime().invoices.invoice("acme", MARCH).status == "open"


def test_exactly_the_failed_messages_come_back(cloud: Cloud, entry: Entry) -> None:
    """A message about an invoice that does not exist, or about nothing, does not hold up the others."""
    approved(cloud)
    [good] = event("sqs/invoices")["Records"]
    envelope = json.loads(good["body"])
    other = envelope | {"detail": envelope["detail"] | {"period": "2020-01-01"}}
    bad = [good | {"messageId": "no-such-invoice", "body": json.dumps(other)}, good | {"messageId": "odd", "body": "{"}]
    answer = entry("invoice").handler({"Records": [*bad, good]}, Context())

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["no-such-invoice", "odd"]
    assert len(cloud.stripe.invoices) == 1


def test_a_run_with_an_error_that_nothing_foresaw_fails_and_rings(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other tenant's draft is there, the metric leaves with the failing invocation, and the row says who it was."""
    cloud.sign_on(billed())
    rows = cloud.runtime().invoices
    real = type(rows).invoices

    def broken(own: Any, tenant: str) -> Any:
        if tenant == "aaa":
            raise KeyError("a field")
        return real(own, tenant)

    cloud.sign_on(contract(tenant="aaa", senders=[{"provider": "meta", "account": "2"}]))
    cloud.use(messages=30)
    monkeypatch.setattr(type(rows), "invoices", broken)
    with pytest.raises(KeyError):
        entry("invoice").handler(event("scheduler/invoice"), Context())

    monkeypatch.setattr(type(rows), "invoices", real)
    assert cloud.runtime().invoices.invoice("acme", MARCH).status == "draft"
    [run] = cloud.runtime().runs.last("invoice")
    assert run.report["failed"] == ("aaa: unforeseen: KeyError",)
    assert [line["TenantRunFailed"] for line in metrics_of(capsys)] == [[1.0]]


def metrics_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was emitted so far."""
    lines = capsys.readouterr().out.splitlines()
    return [said for said in (json.loads(line) for line in lines if "_aws" in line) if "TenantRunFailed" in said]


def test_a_refusal_of_stripe_is_counted_for_the_alarm(
    cloud: Cloud, entry: Entry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invoice that Stripe will not have is flagged, not retried for ever, and rings."""
    approved(cloud)

    def refuse(*_: Any, **__: Any) -> None:
        raise Refused("the customer was deleted")

    monkeypatch.setattr(cloud.stripe, "create_invoice", refuse)
    assert entry("invoice").handler(event("sqs/invoices"), Context()) == {"batchItemFailures": []}

    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [metric["InvoicePushFlagged"] for metric in emitted] == [[1.0]]
    assert cloud.runtime().invoices.invoice("acme", MARCH).push.flagged
