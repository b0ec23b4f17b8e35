"""The benchmark counts as DynamoDB does, measures what it says, and writes only its own part of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from local.bench import capacity, many, page, pages, receipts, stage, traffic
from local.bench.capacity import Index
from local.bench.counting import Cost, CountingClient
from local.bench.kept import KeptClient, UnansweredError
from local.bench.receipts import Speed
from local.bench.signing import SIGNERS
from local.bench.stage import SCENARIOS, Measured
from local.bench.tables import LEDGER, ROOT, described, indexes
from local.bench.tables import tables as own_tables
from tests.fakes.rows import Memory, memory_rows
from tollgate.adapters.dynamodb.keys import Key
from tollgate.adapters.dynamodb.record_items import record_item
from tollgate.adapters.dynamodb.store import Store, packed
from tollgate.providers.provider import Webhook
from tollgate.providers.registry import PROVIDERS
from tollgate.stages import contracts
from tollgate.stages.meter import MeterPorts

BY_MONTH = Index(name="by-month", keys=("month_pk", "month_sk"))


def item(*, size: int = 100, day: str = "", more: str = "") -> dict[str, Any]:
    """An item that weighs ``size`` bytes, in the index when it has a day."""
    keyed = {"pk": "a", "sk": "b", "more": more} | ({"month_pk": "a#2026-03", "month_sk": day} if day else {})
    return keyed | {"fill": "x" * (size - capacity.weight(keyed) - len("fill"))}


@pytest.mark.parametrize(
    ("value", "expected_bytes"),
    [
        ("", 0),
        ("abc", 3),
        ("é€", 5),
        (True, 1),
        (0, 2),
        (7, 2),
        (123, 3),
        (-123, 4),
        (Decimal("0.00581"), 3),
        (Decimal(1200), 2),
        ([], 3),
        (["ab", "c"], 8),
        ({}, 3),
        ({"n": "ab"}, 7),
        ([["a"]], 9),
    ],
)
def test_a_value_weighs_what_the_guide_says(value: object, expected_bytes: int) -> None:
    """Strings by UTF-8, two digits a byte, three bytes for a list or map and one for each element; names count too."""
    assert capacity.weight({"name": value}) == len("name") + expected_bytes


@pytest.mark.parametrize(
    ("before_bytes", "after_bytes", "expected_units"),
    [(None, 50, 1), (None, 1024, 1), (None, 1025, 2), (3000, 50, 3), (50, 3000, 3), (1024, 1024, 1)],
)
def test_a_write_costs_by_the_larger_of_before_and_after(
    before_bytes: int | None, after_bytes: int, expected_units: int
) -> None:
    """One unit for each KB begun, of whichever version is larger."""
    before = item(size=before_bytes) if before_bytes else None
    assert capacity.write_units(before, item(size=after_bytes)) == expected_units


@pytest.mark.parametrize(
    ("size_bytes", "consistent", "expected_units"),
    [
        (0, True, 1),
        (4096, True, 1),
        (4097, True, 2),
        (0, False, Fraction(1, 2)),
        (4097, False, 1),
    ],
)
def test_a_read_costs_by_four_kilobytes(size_bytes: int, consistent: bool, expected_units: Fraction) -> None:
    """One unit for each 4 KB begun, half of it where the read may lag; what is not there costs the least."""
    assert capacity.read_units(size_bytes, consistent=consistent) == expected_units


def test_a_batch_read_rounds_each_item_and_a_query_their_sum() -> None:
    """Ten small items are ten units by key and one unit by query; a missing key is one too."""
    small = [item(size=300)] * 10
    assert capacity.batch_read_units(small, asked=12, consistent=True) == 12
    assert capacity.query_read_units(small, consistent=True) == 1
    assert capacity.query_read_units([], consistent=False) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("before", "after", "expected_units"),
    [
        (None, item(), 0),
        (None, item(day="10"), 1),
        (item(), item(day="10"), 1),
        (item(day="10"), item(day="10"), 0),
        (item(day="10"), item(day="10", more="read"), 1),
        (item(day="10"), item(day="11"), 2),
        (item(day="10"), item(), 1),
        (item(), item(more="read"), 0),
        (None, item(size=1500, day="10"), 2),
        (item(size=1500, day="10"), item(day="11"), 3),
    ],
)
def test_an_index_costs_by_what_happens_to_its_entry(
    before: dict[str, Any] | None, after: dict[str, Any], expected_units: int
) -> None:
    """One write to add, change or drop an entry, two when its key moves, none while it is the same or not there."""
    assert BY_MONTH.write_units(before, after) == expected_units


class OneTable:
    """A client over items in memory, with no more than a test of counting needs."""

    def __init__(self, *stored: dict[str, Any]) -> None:
        self.stored = [packed(one) for one in stored]
        self.unprocessed: dict[str, Any] = {}

    def batch_get_item(self, RequestItems: Any) -> Any:
        wanted = RequestItems["ledger"]["Keys"]
        found = [one for one in self.stored if {name: one[name] for name in ("pk", "sk")} in wanted]
        return {"Responses": {"ledger": found}, "UnprocessedKeys": self.unprocessed}

    def query(self, **request: Any) -> Any:
        return {"Items": self.stored}

    def get_item(self, **request: Any) -> Any:
        return {}

    def transact_write_items(self, TransactItems: Any) -> Any:
        return {}


def key(name: str) -> dict[str, Any]:
    return packed({"pk": "a", "sk": name})


def test_a_transaction_is_two_units_a_row_and_its_index_one() -> None:
    """The table's write is doubled by its size, the index follows once; looking what was there is not counted."""
    client = CountingClient(OneTable(item(size=1500, day="10")), indexes={"ledger": [BY_MONTH]})
    puts = [item(day="10"), item(size=90) | {"sk": "c"}]
    client.transact_write_items(TransactItems=[{"Put": {"TableName": "ledger", "Item": packed(put)}} for put in puts])
    assert client.cost == Cost(calls=1, transactions=1, table_units=2 * 2 + 2 * 1, index_units=2)
    assert client.cost.write_units == 8


def test_a_condition_on_a_row_costs_what_writing_it_would() -> None:
    """Of a row that is not there, the smallest write."""
    client = CountingClient(OneTable(item(size=1500)), indexes={"ledger": [BY_MONTH]})
    put = {"Put": {"TableName": "ledger", "Item": packed(item(size=90) | {"sk": "c"})}}
    for name, units in (("b", 2 * 2), ("none", 2 * 1)):
        client.cost = Cost()
        client.transact_write_items(TransactItems=[put, {"ConditionCheck": {"TableName": "ledger", "Key": key(name)}}])
        assert client.cost == Cost(calls=1, transactions=1, table_units=2 * 1 + units)


def test_reads_are_counted_by_what_came_back() -> None:
    """Each kind of read by its own rule, calls added up."""
    client = CountingClient(OneTable(item(size=5000)), indexes={})
    client.batch_get_item(RequestItems={"ledger": {"Keys": [key("b"), key("c")], "ConsistentRead": True}})
    assert client.cost == Cost(calls=1, read_units=Fraction(3))
    client.query(TableName="ledger", IndexName="by-month")
    assert client.cost == Cost(calls=2, read_units=Fraction(4))
    client.get_item(TableName="ledger", Key=key("b"), ConsistentRead=True)
    assert client.cost == Cost(calls=3, read_units=Fraction(5))


def test_what_the_rules_do_not_cover_is_refused() -> None:
    """A call or an element without a rule, and an answer with keys left over, raise: none is counted as nothing."""
    table = OneTable()
    client = CountingClient(table, indexes={})
    with pytest.raises(AttributeError):
        client.scan(TableName="ledger")  # type: ignore[attr-defined]  # that it is missing is the claim
    with pytest.raises(KeyError):
        client.transact_write_items(TransactItems=[{"Update": {"TableName": "ledger"}}])
    table.unprocessed = {"ledger": {"Keys": [key("b")]}}
    with pytest.raises(AssertionError, match="unread"):
        client.batch_get_item(RequestItems={"ledger": {"Keys": [key("b")]}})


def test_the_tables_are_the_templates_own(tmp_path: Path) -> None:
    """Keys and indexes come from template.yaml, with whatever part of an item an index holds."""
    assert BY_MONTH in indexes(described(ROOT / "template.yaml")[LEDGER])
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for projection, included in {
        "{ProjectionType: KEYS_ONLY}": frozenset[str](),
        "{ProjectionType: INCLUDE, NonKeyAttributes: [usage]}": frozenset({"usage"}),
    }.items():
        changed = tmp_path / "template.yaml"
        changed.write_text(text.replace("{ProjectionType: ALL}", projection), encoding="utf-8")
        assert replace(BY_MONTH, included=included) in indexes(described(changed)[LEDGER])


def test_an_index_that_holds_a_part_follows_only_that_part() -> None:
    """What it does not hold neither makes its entry larger nor has it written again."""
    part = replace(BY_MONTH, included=frozenset({"more"}))
    assert part.write_units(None, item(size=3000, day="10")) == 1
    assert part.write_units(item(size=3000, day="10"), item(size=200, day="10")) == 0
    assert part.write_units(item(day="10"), item(day="10", more="read")) == 1


@pytest.mark.parametrize("name", sorted(SIGNERS))
def test_a_signed_sample_is_genuine(name: str) -> None:
    """What verifying is timed with is a request that the provider's own recipe accepts, one for each sample."""
    provider = PROVIDERS[name]
    assert isinstance(provider, Webhook)
    samples = list(receipts.read(provider, ROOT / "events" / name))
    assert samples
    for sample in samples:
        assert sample.request is not None
        provider.verify(sample.request, SIGNERS[name].secrets)


def test_only_samples_of_messages_are_measured(tmp_path: Path) -> None:
    """A body without a status, one that cannot be read, and a provider without samples leave no figure."""
    events = ROOT / "events" / "meta"
    for name in ("status_delivered.json", "message_inbound.json"):
        (tmp_path / name).write_bytes((events / name).read_bytes())
    (tmp_path / "broken.json").write_bytes(b"{")
    found = list(receipts.read(PROVIDERS["meta"], tmp_path))
    assert [sample.receipt.id for sample in found] == ["status_delivered.json"]
    assert list(receipts.measure({"meta": PROVIDERS["meta"]}, events=tmp_path / "none")) == ["meta"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_message_of_the_traffic_is_its_own_and_the_same_again(scenario: stage.Scenario) -> None:
    """So many messages as it says, of the tenants it says, none twice; and equal receipts when it is asked again."""
    batches = list(scenario.batches(0, 20))
    assert batches == list(scenario.batches(0, 20))
    facts = [fact for batch in batches for one in batch for fact in stage.parse(one).facts]
    assert len({fact.key for fact in facts}) == 20
    accounts = {fact.account for fact in facts}
    assert accounts == {name for tenant in scenario.tenants for name in (tenant, traffic.waba(tenant))} & accounts
    assert len(accounts) == len(scenario.tenants)


def test_a_receipt_that_is_not_counted_is_no_figure() -> None:
    """Traffic of a tenant without a contract ends the benchmark rather than being measured as cheap."""
    rows = memory_rows(Memory())
    ports = MeterPorts(
        ledger=rows.ledger,
        contracts=rows.contracts,
        rates=rows.rates,
        quarantine=rows.quarantine,
        count=stage.refuse,
        pause=lambda attempt: None,
    )
    with pytest.raises(stage.NotCountedError, match="QuarantinedFacts"):
        stage.run([[traffic.text("nobody", 1)]], ports)


@pytest.mark.localaws
def test_a_first_delivery_costs_what_its_rows_do_and_a_repeat_only_reads() -> None:
    """A batch of ten: ten records at two units and one of the index, a term row and a day row; again, nothing."""
    with own_tables() as tables:
        one, ten, *_ = islice(stage.measure(tables), 2)
    assert (one.size, ten.size) == (1, 10)
    assert ten.first.table_units * 10 == ten.messages * (10 * 2 + 2 + 2)
    assert ten.first.index_units == ten.messages
    assert ten.first.transactions * 10 == ten.messages
    assert ten.repeat.write_units == ten.repeat.transactions == 0
    assert ten.repeat.calls < ten.first.calls


def measured(*, calls: int = 9, writes: int = 300, size: int = 100) -> Measured:
    cost = Cost(calls=calls, transactions=2, read_units=Fraction(100), table_units=writes - 100, index_units=100)
    repeat = Cost(calls=5, read_units=Fraction(3))
    return Measured(scenario="texts", size=size, messages=100, first=cost, repeat=repeat, cpu_seconds=0.05)


def speed(*, parse_us: float) -> Speed:
    return Speed(provider="meta", samples=2, facts=2.0, verify_us=None, parse_us=parse_us, price_us=20.0)


def shown(stages: list[Measured], speeds: list[Speed], opened: Sequence[pages.Measured] = ()) -> str:
    return page.section(page.Setting(rows=[("command", "`make bench`")]), speeds, ["nobody"], stages, opened)


def test_dollars_follow_from_units() -> None:
    """300 write units and 100 read units for 100 messages are 3 and 1 a message: USD 1.875 and 0.125 a million."""
    assert page.usd_a_million(measured().first, 100) == Decimal("2.000")


@pytest.mark.parametrize(
    ("stages", "speeds", "expected"),
    [
        ([measured()], [speed(parse_us=30)], "100 and more. Met by all."),
        ([measured(calls=10, writes=350)], [speed(parse_us=30)], "100 and more. Met by all."),
        ([measured(calls=11)], [], "Missed by: texts in batches of 100 (calls)."),
        ([measured(calls=11, writes=351)], [], "texts in batches of 100 (write units and calls)."),
        ([measured(), measured(calls=90, size=10)], [], "100 and more. Met by all."),
        ([measured()], [speed(parse_us=80)], "parse and price: met by all."),
        ([measured()], [speed(parse_us=81)], "parse and price: missed by meta."),
        ([measured()], [speed(parse_us=30)], "any number of statuses: met by all."),
        ([measured()], [speed(parse_us=31)], "any number of statuses: missed by meta."),
        ([measured()], [], "Without samples of messages, so not measured: nobody."),
    ],
)
def test_the_page_says_whether_each_aim_is_met(stages: list[Measured], speeds: list[Speed], expected: str) -> None:
    """Exactly at the aim is met; small batches are held to none; a miss is named with what it misses."""
    assert expected in shown(stages, speeds)


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [(83_000, "150,000 bytes in all. Met by all."), (83_001, "in all. Missed by: review.")],
)
def test_the_page_says_which_page_is_too_long(size_bytes: int, expected: str) -> None:
    """Exactly at the limit, styles and scripts with it, is short enough; calls, units and bytes stand in the table."""
    cost = Cost(calls=1_007, read_units=Fraction(413, 2))
    one = pages.Measured(name="review", cost=cost, size_bytes=size_bytes, assets_bytes=67_000)
    text = shown([measured()], [], [one])
    assert expected in text
    assert f"| 1,007 |      206.5 | {size_bytes:,} | {size_bytes + 67_000:,} |" in text


def row(sk: str, size: int = 100) -> dict[str, Any]:
    """A row of partition ``a`` that weighs ``size`` bytes."""
    keyed = {"pk": "a", "sk": sk}
    return packed(keyed | {"fill": "x" * (size - capacity.weight(keyed) - len("fill"))})


def store(rows: list[dict[str, Any]]) -> Store:
    """A store over rows in memory."""
    client: Any = KeptClient(lambda table, index, pk: rows if (table, index, pk) == ("ledger", "", "a") else ())
    return Store(client, ledger="ledger", accounts="accounts")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["A#1", "B#1", "B#2", "C#1"]),
        ({"prefix": "B#"}, ["B#1", "B#2"]),
        ({"prefix": "D#"}, []),
        ({"between": ("A#2", "B#2")}, ["B#1", "B#2"]),
        ({"between": ("B#1", "B#1")}, ["B#1"]),
    ],
)
def test_rows_in_memory_are_found_as_in_a_table(asked: dict[str, Any], expected: list[str]) -> None:
    """All of a partition, those with a prefix, those in inclusive bounds; in order; and by key."""
    kept = store([row(sk) for sk in ("A#1", "B#1", "B#2", "C#1")])
    assert [item["sk"] for item in kept.query("ledger", "a", **asked)] == expected
    assert [item["sk"] for item in kept.latest("ledger", "a", count=2)] == ["C#1", "B#2"]
    assert list(kept.query("ledger", "b")) == []
    found = kept.get_many("ledger", [Key("a", "B#1"), Key("a", "B#3"), Key("b", "B#1")])
    assert list(found) == [Key("a", "B#1")]
    assert kept.get("ledger", Key("a", "B")) is None


def test_a_page_of_rows_in_memory_is_full_at_a_megabyte_or_at_its_limit() -> None:
    """Three rows of 600 KB are two pages, each row once; with a limit the page ends earlier, and the next goes on."""
    rows = [row(f"{n}", 600 * 1024) for n in range(3)]
    client = CountingClient(KeptClient(lambda _table, _index, _pk: rows), indexes={})
    many_pages = Store(client, ledger="ledger", accounts="accounts")  # type: ignore[arg-type]  # what it calls is there
    assert [item["sk"] for item in many_pages.query("ledger", "a")] == ["0", "1", "2"]
    assert client.cost == Cost(calls=2, read_units=Fraction(300 + 150))
    wanted = {
        "TableName": "ledger",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": packed({":pk": "a"}),
    }
    first = client.query(**wanted, Limit=1)
    assert [one["sk"]["S"] for one in first["Items"]] == ["0"]
    rest = client.query(**wanted, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [one["sk"]["S"] for one in rest["Items"]] == ["1", "2"]
    assert "LastEvaluatedKey" not in rest


@pytest.mark.parametrize(
    "more",
    [{"FilterExpression": "a = b"}, {"ExpressionAttributeValues": packed({":pk": "a", ":until": "b"})}],
)
def test_a_query_that_memory_cannot_answer_is_refused(more: dict[str, Any]) -> None:
    """A filter, or a condition that it does not know, raises rather than being left out."""
    client = KeptClient(lambda _table, _index, _pk: [])
    with pytest.raises(UnansweredError):
        client.query(**{"TableName": "ledger", "ExpressionAttributeValues": packed({":pk": "a"})} | more)


def test_the_large_tenant_has_a_million_records() -> None:
    """In the days of one term, 50,000 of them on one; a month's are in order of their keys, none twice."""
    assert sum(many.counts().values()) == 1_000_000
    assert many.counts()[many.BURST] == 50_000
    own = many.Records(many.LARGE, {many.BURST: 300, many.BURST + timedelta(days=1): 300})
    named = [item["month_sk"]["S"] for item in own]
    assert named == sorted(set(named))
    assert len({item["sk"]["S"] for item in own}) == len(own) == 600


@pytest.mark.parametrize("number", [0, 7, 299, 300, 599])
def test_a_record_that_is_made_is_the_products_own(number: int) -> None:
    """The shortcut makes the very item that the adapter would."""
    own = many.Records(many.LARGE, {many.BURST: 300, many.BURST + timedelta(days=1): 300})
    day, n = many.BURST + timedelta(days=number // 300), number % 300
    assert own[number] == packed(record_item(many.LARGE, many.record(many.LARGE, day, n))) | {
        "expires_at": own[0]["expires_at"]
    }


def test_a_record_that_is_made_is_as_long_as_a_metered_one() -> None:
    """Its bytes, and so its units, are those that the meter stage writes for a text."""
    memory = Memory()
    rows = memory_rows(memory)
    own = contracts.ContractPorts(contracts=rows.contracts, ledger=rows.ledger, holds=rows.holds)
    contracts.apply({"": traffic.contract(many.LARGE).document()}, ports=own, by="bench", at=stage.APPLIED_AT)
    ports = MeterPorts(
        ledger=rows.ledger,
        contracts=rows.contracts,
        rates=rows.rates,
        quarantine=rows.quarantine,
        count=stage.refuse,
        pause=lambda attempt: None,
    )
    stage.run([[traffic.text(many.LARGE, 0)]], ports)
    (metered,) = memory.records.values()
    made = many.record(many.LARGE, traffic.START.date(), 0)
    assert capacity.weight(record_item(many.LARGE, made)) == capacity.weight(record_item(many.LARGE, metered))


@pytest.mark.localaws
def test_pages_cost_the_same_on_made_rows_and_stay_short_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """On fewer rows than the benchmark has: ``measure`` compares both, and a later page asks as much as the first."""
    for name, number in {"TENANTS": 120, "RECORDS": 60_000, "BURST_RECORDS": 6_000}.items():
        monkeypatch.setattr(many, name, number)
    with own_tables() as tables:
        found = {one.name: one for one in pages.measure(tables)}
    calls = {name: one.cost.calls for name, one in found.items()}
    assert calls["review of a month"] == 7
    assert calls["large: messages of a line"] == calls["large: the next page of them"] == 3
    assert calls["large: an invoice"] < calls["large: an invoice, its message searched"]
    assert max(one.size_bytes + one.assets_bytes for one in found.values()) < 150_000


def test_a_page_that_is_refused_is_no_figure() -> None:
    """Empty tables: a tenant that is not there ends the benchmark rather than being measured as cheap."""
    with pytest.raises(pages.NotAnsweredError, match="404"):
        list(pages.opened(KeptClient(lambda _table, _index, _pk: ())))


def test_a_table_is_aligned() -> None:
    """Names to the left, figures to the right, so that the terminal shows what the page does."""
    assert page.table(("n", "units"), [("long name", "1"), ("x", "22")]).splitlines() == [
        "| n         | units |",
        "| --------- | ----: |",
        "| long name |     1 |",
        "| x         |    22 |",
    ]


def test_only_the_measured_part_of_the_page_is_replaced() -> None:
    """What people wrote around it stays, twice the same is the same, and a page without marks is not touched."""
    first = page.merged("", "one")
    written = first.replace("# Benchmarks\n", "# Benchmarks\n\nBefore.\n") + "\n## After\n"
    again = page.merged(written, "two")
    assert again == written.replace("one", "two")
    assert page.merged(again, "two") == again
    with pytest.raises(ValueError, match="marks"):
        page.merged("# Benchmarks\n", "one")
