"""The accounts table's stream, as the local AWS gives it: each change of a row that somebody is told about, once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from local.ministack import LocalAws
from tests.adapters.rows.conftest import dynamo_rows
from tests.adapters.rows.samples import MAY, change, day_row, hold, invoice, new, record, term_row, warning
from tests.adapters.rows.tables import Tables
from tests.domain.examples import NOON
from tests.fakes.rows import Rows
from tollgate.adapters.dynamodb.stream import AnyChanged, changed
from tollgate.stages.announce import events
from tollgate.stages.ports.accounts import MailState


@pytest.fixture
def rows(tables: Tables) -> Rows:
    """Every port over the tables."""
    return dynamo_rows(tables.store())


class Stream:
    """The stream's records of one tenant, in Lambda's shape: the time as epoch seconds."""

    def __init__(self, aws: LocalAws, tables: Tables) -> None:
        self._client = aws.session().client("dynamodbstreams", endpoint_url=aws.endpoint)
        self._table = tables.accounts

    def records(self, tenant: str) -> list[dict[str, Any]]:
        [stream] = self._client.list_streams(TableName=self._table)["Streams"]
        arn = stream["StreamArn"]
        found = []
        for shard in self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator: str | None = self._client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = self._client.get_records(ShardIterator=iterator)
                found += [record for record in answer["Records"] if self._is_of(record, tenant)]
                iterator = answer.get("NextShardIterator") if answer["Records"] else None
        return [_as_lambda_gives_it(dict(record)) for record in found]

    def changes(self, tenant: str) -> list[AnyChanged]:
        return [told for record in self.records(tenant) if (told := changed(record))]

    def _is_of(self, record: Any, tenant: str) -> bool:
        return bool(record["dynamodb"]["Keys"]["pk"]["S"] == f"TENANT#{tenant}")


def _as_lambda_gives_it(record: dict[str, Any]) -> dict[str, Any]:
    at: datetime = record["dynamodb"]["ApproximateCreationDateTime"]
    return {**record, "dynamodb": {**record["dynamodb"], "ApproximateCreationDateTime": at.timestamp()}}


@pytest.fixture
def stream(local_aws: LocalAws, tables: Tables) -> Stream:
    return Stream(local_aws, tables)


def test_totals_and_contracts_tell_nobody(rows: Rows, stream: Stream, tenant: str) -> None:
    """Terms, days, revisions and audit entries change all day, and none of it is an event."""
    rows.ledger.commit(tenant, new(record("a", day=MAY)), change(term_row(), day_row(MAY)))
    rows.contracts.set_stripe_customer(tenant, "cus_1")
    assert len(stream.records(tenant)) == 3
    assert stream.changes(tenant) == []


def test_a_notice_is_told_when_it_is_given_and_not_when_its_mail_moves(rows: Rows, stream: Stream, tenant: str) -> None:
    """The notice comes out as it was written, before and after."""
    told = warning(tenant)
    rows.ledger.commit(tenant, (), change(told))
    rows.notices.set_mail(tenant, told.identity, expected=MailState(), mail=MailState(status="sending"))
    first, second = stream.changes(tenant)
    assert (first.before, first.after) == (None, told)
    assert (second.before, second.after) == (told, told)
    assert first.at.tzinfo == UTC
    assert [event.type for one in (first, second) for event in events(one)] == ["tollgate.notice.created"]


def test_a_hold_is_told_when_it_opens_and_when_it_is_lifted(rows: Rows, stream: Stream, tenant: str) -> None:
    """Lifting it again is no change."""
    held = hold(tenant)
    rows.ledger.commit(tenant, (), change(held))
    for days in (1, 2):
        rows.holds.lift(held, at=NOON + timedelta(days=days))
    changes = stream.changes(tenant)
    lifted = replace(held, lifted_at=NOON + timedelta(days=1), version=2)
    assert [(one.before, one.after) for one in changes][:2] == [
        (None, replace(held, version=1)),
        (replace(held, version=1), lifted),
    ]
    told = [event.type for one in changes for event in events(one)]
    assert told == ["tollgate.hold.opened", "tollgate.hold.lifted"]


def test_an_invoice_is_told_with_its_content(rows: Rows, stream: Stream, tenant: str) -> None:
    """Draft and approval come out as they were saved, amounts with their zeros."""
    first = rows.invoices.save(invoice(tenant), by="run", at=NOON)
    approval = replace(first, status="approved", approved_by="Mia", approved_at=NOON, due_date=date(2026, 6, 17))
    second = rows.invoices.save(approval, by="Mia", at=NOON)
    changes = stream.changes(tenant)
    assert [(one.before, one.after) for one in changes] == [(None, first), (first, second)]
    told = [event for one in changes for event in events(one)]
    assert [event.type for event in told] == ["tollgate.invoice.drafted", "tollgate.invoice.approved"]
    assert told[0].data["total"] == "120.50"


def test_a_row_that_goes_tells_nobody(stream: Stream, rows: Rows, tables: Tables, tenant: str) -> None:
    """A removal, by time to live or by hand, is no event."""
    rows.ledger.commit(tenant, (), change(warning(tenant)))
    key = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": f"NOTICE#{warning(tenant).identity}"}}
    tables.client.delete_item(TableName=tables.accounts, Key=key)
    assert [record["eventName"] for record in stream.records(tenant)] == ["INSERT", "REMOVE"]
    assert len(stream.changes(tenant)) == 1
