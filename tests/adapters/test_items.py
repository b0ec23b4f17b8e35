"""Laws of the wire: reading a row gives what was written, through the API's own form, whatever it held."""

import json
import traceback
from collections.abc import Callable, Mapping
from copy import replace
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.rows.samples import TERM, invoice, usage, warning
from tests.domain.examples import BOOK, CARD, MARKETS, contract, senders
from tests.strategies import CELLS, contradictory_traffic, facts_of_one_message, fees, moments
from tollgate.adapters.dynamodb import codec, keys
from tollgate.adapters.dynamodb.codec import Codec
from tollgate.adapters.dynamodb.record_items import record_item, record_of
from tollgate.adapters.dynamodb.store import packed, unpacked
from tollgate.adapters.dynamodb.usage_items import day_item, day_row, term_item, term_row
from tollgate.domain.errors import Unreadable
from tollgate.domain.facts import Fact, MessageKey, Recipient
from tollgate.domain.metering import price_facts
from tollgate.domain.notices import Hold
from tollgate.domain.rates import FxDay
from tollgate.domain.records import Fee, merge_all, new_record
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import DayRow, TermRow, Totals
from tollgate.stages.ports.accounts import MailState

ids = st.text("#%25ab-._", min_size=1, max_size=12)
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**6, places=20) | fees()
totals = st.builds(Totals, st.integers(-(10**12), 10**12), st.integers(0, 10**12), amounts)


def through_the_table(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it comes back: in the API's form, numbers without their trailing zeros as DynamoDB gives them."""
    return unpacked({name: _stored(value) for name, value in packed(item).items()})


def _stored(attribute: Any) -> Any:
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return {"N": f"{Decimal(value).normalize():f}"}
        case "L":
            return {"L": [_stored(element) for element in value]}
        case "M":
            return {"M": {name: _stored(element) for name, element in value.items()}}
    assert kind in ("S", "BOOL"), f"no row holds an attribute of kind {kind}"
    return attribute


scalars = st.text() | st.booleans() | st.integers(-(10**37), 10**37) | amounts
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=4))


@given(st.dictionaries(st.text(min_size=1), values))
def test_packing_is_the_sdks(item: dict[str, Any]) -> None:
    """Whatever an item holds, however deep: what goes to the API is what the SDK would have made of it."""
    assert packed(item) == {name: TypeSerializer().serialize(value) for name, value in item.items()}


@given(st.dictionaries(st.text(min_size=1), values))
def test_unpacking_is_the_sdks(item: dict[str, Any]) -> None:
    """Whatever comes back, however deep: its values, and their types, are what the SDK would have made of it."""
    given = packed(item)
    expected = {name: TypeDeserializer().deserialize(value) for name, value in given.items()}
    assert (unpacked(given), repr(unpacked(given))) == (expected, repr(expected))


@pytest.mark.parametrize("value", [0.1, Decimal("1." + "1" * 38)])
@pytest.mark.parametrize("wrapped", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": [v]}}])
def test_no_amount_is_stored_that_is_not_exact(value: object, wrapped: Callable[[object], object]) -> None:
    """A float, and a number beyond the table's digits, are refused at any depth rather than rounded."""
    with pytest.raises((TypeError, Inexact)):
        packed({"amount": wrapped(value)})


@given(contradictory_traffic(), st.integers(1, 10**6))
def test_a_record_reads_back_as_it_was_written(facts: list[Fact], version: int) -> None:
    """Whatever providers say of a message, priced or not: a record that is read changes nothing by being read."""
    priced = price_facts(facts, records={}, versions=[contract()], senders=senders(), book=BOOK)
    assert priced.changes
    for change in priced.changes:
        record = replace(change.after, version=version)
        item = record_item("acme", record)
        assert record_of(through_the_table(item)) == record
        assert ("month_pk" in item) == ("month_sk" in item) == (record.usage is not None)


@given(facts_of_one_message(), ids, ids | st.just(""), amounts)
def test_a_fee_and_an_id_of_any_kind_survive(
    facts: list[Fact], message: str, participant: str, amount: Decimal
) -> None:
    """The fee to its last decimal, converted or not; the id with every separator in it."""
    fee = Fee(
        amount=amount,
        currency="USD",
        source="card",
        original=amount,
        original_currency="EUR",
        card="meta/2026-10-01/1",
        card_amount=Decimal(0),
        fx="ecb/2026-10-01",
        fx_rate=Decimal("1.1234567890"),
    )
    record = merge_all(new_record(facts[0]), facts)
    key = MessageKey(record.key.provider, message, participant)
    record = replace(record, key=key, usage=replace(usage(date(2026, 5, 1)), fees={"meta": fee}), unpriced="")
    assert record_of(through_the_table(record_item("acme", record))) == record


@given(st.lists(st.tuples(st.sampled_from(["meta", "a#b"]), ids, ids | st.just("")), unique=True, min_size=2))
def test_two_messages_never_share_a_key(messages: list[tuple[str, str, str]]) -> None:
    """Escaping loses nothing, in the table and in the index."""
    own = [MessageKey(*parts) for parts in messages]
    assert len({keys.message_sk(key) for key in own}) == len(own)
    assert len({keys.month_sk(date(2026, 5, 1), key) for key in own}) == len(own)
    assert [keys.message_of(keys.message_sk(key)) for key in own] == own


@given(st.dictionaries(st.sampled_from(CELLS), totals), st.integers(1, 10**9))
def test_a_day_row_reads_back(cells: dict[Any, Totals], version: int) -> None:
    """Every cell, those below zero too."""
    row = DayRow(day=date(2026, 5, 1), cells=cells, version=version)
    assert day_row(through_the_table(day_item("acme", row))) == row


@given(
    st.dictionaries(st.sampled_from(["sms", "whatsapp", "rcs"]), totals),
    st.lists(
        st.frozensets(st.tuples(st.sampled_from(["sms", "whatsapp"]), st.integers(1, 100))), min_size=4, max_size=4
    ),
)
def test_a_term_row_reads_back(meters: dict[str, Totals], lines: list[frozenset[tuple[str, int]]]) -> None:
    """Totals, and which lines were crossed, asked for and passed: a line that is forgotten fires twice, or never."""
    crossed, rearmed, asked, passed = lines
    row = TermRow(
        term=TERM,
        meters=meters,
        crossed=crossed,
        rearmed=rearmed,
        rearmings=len(rearmed),
        asked=asked,
        passed=passed,
        version=7,
    )
    assert term_row(through_the_table(term_item("acme", row))) == row


@given(facts_of_one_message(), ids)
def test_a_fact_in_quarantine_reads_back(facts: list[Fact], message: str) -> None:
    """What could not be counted yet is counted later as it arrived."""
    for fact in facts:
        odd = replace(fact, message=message, participant=message)
        assert codec.FACT.read_json(codec.FACT.json(odd)) == odd


@given(
    st.builds(
        MailState,
        status=st.sampled_from(["queued", "sending", "sent", "delivered", "bounced"]),
        to=st.lists(st.emails(), max_size=2).map(tuple),
        tried_at=st.none() | moments(),
        sent_at=st.none() | moments(),
        message_id=st.text("ab-", max_size=4),
        failed=st.lists(st.emails(), max_size=1).map(tuple),
    )
)
def test_a_mails_state_reads_back_and_is_written_alike(mail: MailState) -> None:
    """What was read is written as it was, or the condition on it would never hold."""
    item = codec.MAIL.item(mail)
    read = codec.MAIL.read(through_the_table(item))
    assert read == mail
    assert codec.MAIL.item(read) == item


PERIOD = date(2026, 5, 1)
ASSIGNED = Assignment(provider="meta", account="1", tenant="acme", since=datetime(2026, 1, 1, tzinfo=UTC), card="meta")
HELD = Hold(tenant="acme", scope="sms", cause="limit", reference="2026-01-15", opened_at=ASSIGNED.since)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (codec.ASSIGNMENT, replace(ASSIGNED, number="7", tenant="")),
        (codec.HOLD, HELD),
        (codec.HOLD, replace(HELD, lifted_at=ASSIGNED.since, version=2)),
        (codec.NOTICE, replace(warning("acme"), used=Decimal("0E-4"), included=Decimal("1E+5"))),
        (codec.NOTICE, replace(warning("acme"), meter=None, line=None, included=None, period=PERIOD)),
        (codec.INVOICE, replace(invoice("acme"), remaining=Decimal("0.00"), due_date=PERIOD)),
        (codec.STATEMENT, invoice("acme", total="-0.50").statement),
    ],
)
def test_a_row_of_plain_values_reads_back_digit_by_digit(kind: Codec[Any], value: Any) -> None:
    """Its amounts are text, so that their zeros survive; nothing in it is null."""
    read = kind.read(through_the_table(kind.item(value)))
    assert read == value
    assert kind.json(read) == kind.json(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (codec.CARD, replace(CARD, rates={"Zone #1": {"voice%": Decimal("0.0250")}})),
        (codec.MARKET_MAP, MARKETS),
        (codec.FX_DAY, FxDay(PERIOD, "ecb", {"USD": Decimal("1.1200"), "JPY": Decimal("121.750")})),
    ],
)
def test_a_body_of_json_reads_back_digit_by_digit(kind: Codec[Any], value: Any) -> None:
    """A price has the zeros of its file."""
    assert repr(kind.read_json(kind.json(value))) == repr(value)


@given(st.builds(Recipient, st.text("0123456789", max_size=4), st.sampled_from(["", "US"]), st.text("0f", max_size=4)))
def test_no_number_of_a_recipient_is_in_an_item(recipient: Recipient) -> None:
    """At most the first digits, a country and a hash are kept: what the record has, and nothing that it has not."""
    record = replace(merge_all(new_record(FACT), [FACT]), recipient=recipient)
    to = record_item("acme", record).get("to", {})
    assert to.keys() <= {"p", "c", "h"}
    assert record_of(record_item("acme", record)).recipient == recipient


FACT = Fact(provider="meta", account="1", meter="whatsapp", message="m", status="sent", at=ASSIGNED.since)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"status": None}, "status"),
        ({"sent_at": "ops@acme.example"}, "sent_at"),
        ({"to": {"ops@acme.example": "x"}}, "to"),
    ],
)
def test_a_row_that_cannot_be_read_names_the_fields_and_quotes_nothing(damage: dict[str, Any], said: str) -> None:
    """It is an error of ours like any other, so that it fails one step of one tenant; its values stay out of logs."""
    item = {**codec.MAIL.item(MailState(status="sent", to=("ops@acme.example",))), **damage}
    reads: list[Callable[[], object]] = [
        lambda: codec.MAIL.read(item),
        lambda: codec.MAIL.read_json(json.dumps(item)),
    ]
    for read in reads:
        with pytest.raises(Unreadable) as refused:
            read()
        assert any(path.startswith(said) for path in refused.value.paths)
        shown = "".join(traceback.format_exception(refused.value))
        assert "acme.example" not in shown
