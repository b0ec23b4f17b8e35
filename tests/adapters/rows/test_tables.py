"""What only the real tables have: pages, attributes for index and expiry, audit entries, races within a call."""

import json
from collections.abc import Callable
from copy import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.adapters.rows.conftest import dynamo_rows
from tests.adapters.rows.samples import (
    MAY,
    change,
    contract_of,
    hold,
    invoice,
    key,
    new,
    record,
    term_row,
    text_message,
    warning,
)
from tests.adapters.rows.tables import Tables, request
from tests.domain.examples import NOON, sms, whatsapp
from tests.fakes.rows import Rows
from tollgate.adapters.dynamodb import DynamoQuarantine, Store, keys
from tollgate.adapters.dynamodb.record_items import expires_at
from tollgate.domain.errors import Conflict, Invalid
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.senders import Assignment
from tollgate.stages.ports.ledger import QuarantineRow

JUNE = date(2026, 6, 1)
HALF_A_PAGE = 380_000


class Calls:
    """A client that notes each call, and makes ``meanwhile`` before the one of that name."""

    def __init__(self, client: Any, meanwhile: dict[str, Callable[[], None]] | None = None) -> None:
        self._client, self._meanwhile = client, meanwhile or {}
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.made.append(name)
            self._meanwhile.pop(name, lambda: None)()
            return getattr(self._client, name)(**arguments)

        return call


@pytest.fixture
def store(tables: Tables) -> Store:
    return tables.store()


@pytest.fixture
def rows(store: Store) -> Rows:
    """Every port over the tables alone."""
    return dynamo_rows(store)


def spied(tables: Tables, **meanwhile: Callable[[], None]) -> tuple[Calls, Store]:
    calls = Calls(tables.client, meanwhile)
    return calls, Store(calls, ledger=tables.ledger, accounts=tables.accounts, pause=lambda seconds: None)  # type: ignore[arg-type]


def test_the_tables_are_the_templates() -> None:
    """The suite runs on the keys and the index that are deployed."""
    assert [index["IndexName"] for index in request("LedgerTable")["GlobalSecondaryIndexes"]] == [
        keys.BY_MONTH,
        keys.BY_WAITING,
    ]
    assert request("AccountsTable")["StreamSpecification"]["StreamEnabled"] is True


def test_every_page_of_a_partition_is_read(tables: Tables, tenant: str) -> None:
    """What does not fit one page of a megabyte comes in the next ones, in order."""
    calls, store = spied(tables)
    items = [{"pk": f"PAGES#{tenant}", "sk": f"{n}", "text": "x" * HALF_A_PAGE} for n in range(7)]
    store.write_many(store.accounts, puts=items)
    assert [item["sk"] for item in store.query(store.accounts, f"PAGES#{tenant}")] == [str(n) for n in range(7)]
    between = store.query(store.accounts, f"PAGES#{tenant}", between=("1", "5"))
    assert [item["sk"] for item in between] == ["1", "2", "3", "4", "5"]
    assert calls.made.count("query") >= 5
    store.write_many(store.accounts, deletes=[keys.Key(item["pk"], item["sk"]) for item in items])


def test_every_page_of_a_month_is_read(tables: Tables, tenant: str) -> None:
    """A recount of a busy month sees every record once, over many pages of the index."""
    calls, store = spied(tables)
    ledger = dynamo_rows(store).ledger
    heavy = [replace(record(f"m{n:02}", day=MAY), account="x" * HALF_A_PAGE) for n in range(7)]
    for start in range(0, 7, 2):
        ledger.commit(tenant, new(*heavy[start : start + 2]), UsageChange())
    assert [one for one, _ in ledger.month(tenant, MAY, JUNE)] == [one.key for one in heavy]
    assert calls.made.count("query") > 2


def test_a_read_of_many_large_items_is_whole(tables: Tables, tenant: str) -> None:
    """A hundred items may be more than one answer holds (16 MB): what was left out is asked for again."""
    _, store = spied(tables)
    items = [{"pk": f"LARGE#{tenant}", "sk": f"{n:02}", "text": "x" * HALF_A_PAGE} for n in range(48)]
    for start in range(0, 48, 12):
        store.write_many(store.accounts, puts=items[start : start + 12])
    wanted = [keys.Key(item["pk"], item["sk"]) for item in items]
    assert set(store.get_many(store.accounts, wanted)) == set(wanted)
    store.write_many(store.accounts, deletes=wanted)


def test_a_record_is_in_the_months_index_only_while_it_has_usage(store: Store, rows: Rows, tenant: str) -> None:
    """An index entry without usage would be written, paid for and counted as a message."""
    first, gone = record("a", day=MAY), record("a", version=2)
    rows.ledger.commit(tenant, new(first), UsageChange())
    stored = store.get(store.ledger, keys.record(tenant, key("a"))) or {}
    assert (stored["month_pk"], stored["month_sk"]) == (f"{tenant}#2026-05", "01#meta#a")
    rows.ledger.commit(tenant, [RecordChange(first, gone)], UsageChange())
    assert not {"month_pk", "month_sk", "usage"} & (store.get(store.ledger, keys.record(tenant, key("a"))) or {}).keys()


@pytest.mark.parametrize(
    ("day", "expires"),
    [
        (date(2026, 5, 1), datetime(2027, 7, 1, tzinfo=UTC)),
        (date(2026, 5, 31), datetime(2027, 7, 1, tzinfo=UTC)),
        (date(2026, 11, 30), datetime(2028, 1, 1, tzinfo=UTC)),
        (None, datetime(2027, 5, 1, tzinfo=UTC)),
    ],
)
def test_a_record_expires_13_whole_months_after_its_own(
    store: Store, rows: Rows, tenant: str, day: date | None, expires: datetime
) -> None:
    """All of a month's records go at once; one without usage goes by its last status."""
    known = record("a", day=day)
    rows.ledger.commit(tenant, new(known), UsageChange())
    stored = store.get(store.ledger, keys.record(tenant, known.key)) or {}
    assert stored["expires_at"] == expires_at(known) == int(expires.timestamp())


def test_an_event_is_remembered_for_40_days(store: Store, rows: Rows, tenant: str) -> None:
    """Longer than anybody sends it again, and not for ever."""
    rows.inbox.remember(f"evt_{tenant}", at=NOON)
    stored = store.get(store.accounts, keys.seen(f"evt_{tenant}")) or {}
    assert stored["expires_at"] == int(NOON.timestamp()) + 40 * 24 * 3600


def test_no_attribute_is_null_and_none_expires_that_must_not(store: Store, rows: Rows, tenant: str) -> None:
    """Nothing that a customer's bill rests on has a time at which it goes."""
    rows.contracts.apply(contract_of(tenant), {}, {}, by="mia", at=NOON)
    rows.ledger.commit(tenant, new(text_message()), change(term_row(), warning(tenant), hold(tenant)))
    rows.invoices.save(invoice(tenant), by="mia", at=NOON)
    items = list(store.query(store.accounts, keys.tenant_pk(tenant)))
    kinds = {item["sk"].split("#")[0] for item in items}
    assert kinds == {"AUDIT", "CONTRACT", "HOLD", "INVOICE", "NOTICE", "PROFILE", "REVISION", "TERM"}
    assert not [item["sk"] for item in items if "expires_at" in item]
    assert not any(_has_none(item) for item in [*items, *store.query(store.ledger, tenant)])


def _has_none(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_none, value.values()))
    return any(map(_has_none, value)) if isinstance(value, list) else value is None


def test_who_did_it_is_in_the_audit_trail(store: Store, rows: Rows, tenant: str) -> None:
    """Each contract version and each saving of an invoice leaves an entry with a name and a time; no-ops leave none."""
    rows.contracts.apply(contract_of(tenant), {}, {}, by="mia", at=NOON)
    renamed = contract_of(tenant, name="Renamed")
    for _ in range(2):
        rows.contracts.apply(renamed, {}, {}, by="ben", at=NOON)
    first = rows.invoices.save(invoice(tenant), by="run", at=NOON)
    second = rows.invoices.save(replace(first, status="approved"), by="mia", at=NOON)
    rows.invoices.save(second, by="run", at=NOON)
    trail = list(store.query(store.accounts, keys.tenant_pk(tenant), prefix="AUDIT#"))
    assert sorted((entry["action"], entry["by"]) for entry in trail) == [
        ("contract", "ben"),
        ("contract", "mia"),
        ("invoice", "mia"),
        ("invoice", "run"),
    ]
    assert all(entry["sk"].startswith("AUDIT#2026-03-10T17:00:00.000000Z#") for entry in trail)
    assert [entry["name"] for entry in map(_documents, trail) if "name" in entry] == ["Acme Retail, Inc."]


def _documents(entry: dict[str, Any]) -> dict[str, Any]:
    """The document that an entry says was replaced."""
    return dict(json.loads(entry.get("replaced", "{}")))


def test_a_contract_of_more_accounts_than_a_transaction_holds_is_refused(rows: Rows, tenant: str) -> None:
    """It is refused by name, before anything is written."""
    accounts = [f"{tenant}-{n}" for n in range(97)]
    senders = {
        ("meta", a): [Assignment(provider="meta", account=a, tenant=tenant, since=NOON, card="meta")] for a in accounts
    }
    with pytest.raises(Invalid, match="at most 96 accounts"):
        rows.contracts.apply(contract_of(tenant), senders, {}, by="mia", at=NOON)
    rows.contracts.apply(contract_of(tenant), dict(list(senders.items())[1:]), {}, by="mia", at=NOON)
    assert len(rows.contracts.senders(senders)) == 96


def test_an_account_given_away_while_a_contract_is_applied_stops_it(tables: Tables, rows: Rows, tenant: str) -> None:
    """Another contract takes the account between the check and the transaction, whose own condition holds."""
    account = ("meta", tenant)
    own, rivals = (
        Assignment(provider="meta", account=tenant, tenant=who, since=NOON, card="meta") for who in (tenant, "rival")
    )

    def rival() -> None:
        rows.contracts.apply(contract_of(f"{tenant}-rival"), {account: [rivals]}, {}, by="ben", at=NOON)

    _, store = spied(tables, transact_write_items=rival)
    with pytest.raises(Conflict):
        dynamo_rows(store).contracts.apply(contract_of(tenant), {account: [own]}, {}, by="mia", at=NOON)
    assert rows.contracts.senders([account]) == {account: [rivals]}
    assert rows.contracts.versions(tenant) == []


def quarantined(tenant: str, name: str, at: datetime) -> QuarantineRow:
    fact = replace(whatsapp("sent", at=at), account=tenant)
    return QuarantineRow(id=f"{tenant}.{name}", reason="no-rate", fact=fact)


@pytest.mark.parametrize("moment", ["batch_write_item", "get_item", "query", "delete_item"])
def test_a_fact_quarantined_while_its_day_is_emptied_stays_findable(
    tables: Tables, rows: Rows, tenant: str, moment: str
) -> None:
    """Whenever a put comes between the steps of a removal, its day is in the catalogue afterwards."""
    at = datetime(1999, 1, 1 + ["batch_write_item", "get_item", "query", "delete_item"].index(moment), tzinfo=UTC)
    old, late = quarantined(tenant, "old", at), quarantined(tenant, "late", at)
    rows.quarantine.put([old])
    calls, store = spied(tables, **{moment: lambda: rows.quarantine.put([late])})
    DynamoQuarantine(store).remove([old])
    assert moment in calls.made
    assert [row for row in rows.quarantine.rows() if row.fact.account == tenant] == [late]


def test_a_removal_between_the_steps_of_a_put_loses_nothing(tables: Tables, rows: Rows, tenant: str) -> None:
    """The day that a removal took off the catalogue is put back by the one who filled it."""
    at = datetime(1999, 2, 1, tzinfo=UTC)
    old, late = quarantined(tenant, "old", at), quarantined(tenant, "late", at)
    rows.quarantine.put([old])
    _, store = spied(tables, put_item=lambda: rows.quarantine.remove([old]))
    DynamoQuarantine(store).put([late])
    assert [row for row in rows.quarantine.rows() if row.fact.account == tenant] == [late]


def test_an_empty_day_leaves_the_catalogue(store: Store, rows: Rows, tenant: str) -> None:
    """Years of days that held something once are not read for ever."""
    at = datetime(1999, 3, 1, tzinfo=UTC)
    rows.quarantine.put([quarantined(tenant, "a", at)])
    assert store.get(store.accounts, keys.quarantine_day("1999-03-01"))
    rows.quarantine.remove([quarantined(tenant, "a", at)])
    assert store.get(store.accounts, keys.quarantine_day("1999-03-01")) is None


def test_a_fact_with_the_longest_ids_fits(rows: Rows, tenant: str) -> None:
    """The longest ids that a provider's parser lets through stay below the limits of a key, escaped again."""
    longest = "#" * 170
    fact = replace(sms("TEXT_SENT"), account=tenant, message=longest.replace("#", "%23"))
    known = replace(text_message(), key=fact.key, usage=record("x", day=MAY).usage)
    rows.ledger.commit(tenant, new(known), UsageChange())
    assert rows.ledger.records(tenant, [fact.key]) == {fact.key: known}
    assert [one for one, _ in rows.ledger.month(tenant, MAY, JUNE)] == [fact.key]
    assert len(keys.month_sk(MAY, fact.key).encode()) < 1024


def test_a_mail_written_before_its_state_had_more_to_say_can_still_move(store: Store, rows: Rows, tenant: str) -> None:
    """A field added to a mail's state does not strand the mails that are on their way when it is deployed."""
    told = warning(tenant)
    rows.ledger.commit(tenant, (), change(told))
    earlier = {"status": "sending", "to": ["ops@acme.example"], "tried_at": "2026-03-10T17:00:00Z"}
    stored = store.get(store.accounts, keys.notice(tenant, told.identity)) or {}
    store.put(store.accounts, {**stored, "mail": earlier})
    read = rows.notices.notice(tenant, told.identity)[1]
    rows.notices.set_mail(tenant, told.identity, expected=read, mail=replace(read, status="sent"))
    assert rows.notices.notice(tenant, told.identity)[1].status == "sent"


def test_an_account_that_is_only_read_must_not_move_meanwhile_either(tables: Tables, rows: Rows, tenant: str) -> None:
    """Another contract takes an account that this one only found free: its decision no longer rests on what is."""
    account = ("meta", tenant)
    taken = [Assignment(provider="meta", account=tenant, tenant="rival", since=NOON, card="meta")]

    def rival() -> None:
        rows.contracts.apply(contract_of(f"{tenant}-rival"), {account: taken}, {}, by="ben", at=NOON)

    _, store = spied(tables, transact_write_items=rival)
    with pytest.raises(Conflict):
        dynamo_rows(store).contracts.apply(contract_of(tenant), {}, {account: []}, by="mia", at=NOON)
    assert rows.contracts.senders([account]) == {account: taken}
