"""The platform's events: what each type says, which are refused, and when two of them are the same."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.providers.samples import EVENTS, HASHER, NOW, change, only, parsed, sample, tree
from tollgate.domain.billing_moments import CORRECTED
from tollgate.domain.errors import Problem
from tollgate.domain.facts import NOBODY, Pricing, Report
from tollgate.providers.cloudevents import UnknownMedia, canonical, content_type, digest, events_of, json_value
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.event_types import TYPES, schema
from tollgate.providers.platform import Checked, check, verify
from tollgate.providers.provider import Request

AT = datetime(2026, 10, 5, 14, 3, 11, tzinfo=UTC)
SOURCE = "https://platform.example/messaging"


def event(name: str, **changes: Any) -> dict[str, Any]:
    """A sample with fields of its data changed; ``...`` takes one out."""
    body: dict[str, Any] = tree("platform", name)
    change(body["data"], changes)
    return body


def request(body: bytes, media: str = "application/json", **headers: str) -> Request:
    named = {"content-type": media} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", path="/events", headers=named, body=body, received_at=NOW)


def paths(given: object) -> list[str]:
    """Where an event is wrong; empty for a good one."""
    found = check(given)
    return [problem.path for problem in found] if isinstance(found, tuple) else []


def test_a_message_says_its_segments_and_its_price() -> None:
    """Parts, price and carrier fee apart; the account is the subject, the record that of source and id."""
    fact = only(parsed("platform", sample("platform", "message_sent_sms.json")))
    assert (fact.provider, fact.account, fact.meter, fact.status) == ("platform", "acme", "sms", "sent")
    assert fact.message == f"{SOURCE}|msg-0001"
    assert (fact.at, fact.requested_at, fact.pricing) == (AT, None, None)
    assert fact.report == Report(AT, 2, Decimal("0.01566"), Decimal("0.00534"), "USD")
    assert (fact.recipient.prefix, fact.recipient.country) == ("1425", "US")
    assert fact.recipient.hash == HASHER("14255550156")


def test_a_whatsapp_message_without_a_price_is_left_to_the_rate_card() -> None:
    """Its category is what the card prices; with a price that is known it is what the message is counted under."""
    fact = only(parsed("platform", sample("platform", "message_sent_whatsapp.json")))
    assert fact.pricing == Pricing("regular", "marketing")
    priced = only(parsed("platform", event("message_sent_whatsapp.json", price="0.03", currency="USD")))
    assert priced.pricing == Pricing("regular", "marketing")
    assert priced.report == Report(AT, 1, Decimal("0.03"), None, "USD")


def test_without_a_subject_the_account_is_the_source() -> None:
    """A sender that serves one tenant need not repeat it."""
    fact = only(parsed("platform", sample("platform", "message_sent_rcs_without_subject.json")))
    assert (fact.account, fact.meter) == ("/acme/rcs", "rcs")
    assert fact.report == Report(AT, 1, Decimal("0.045"), None, "EUR")


@pytest.mark.parametrize(("seconds", "minutes"), [(1, 1), (59, 1), (60, 1), (61, 2), (120, 2), (86_400, 1440)])
def test_a_call_is_a_message_and_its_begun_minutes_are_segments(seconds: int, minutes: int) -> None:
    """An allowance in messages limits calls, one in segments minutes."""
    fact = only(parsed("platform", event("call_completed.json", seconds=seconds)))
    assert (fact.meter, fact.status) == ("voice", "completed")
    assert fact.report
    assert (fact.report.messages, fact.report.segments) == (1, minutes)


def test_a_push_counts_as_many_messages_as_it_reached_devices() -> None:
    """One record for one sending."""
    fact = only(parsed("platform", sample("platform", "push_sent.json")))
    assert fact.report == Report(AT, 1200, None, None, "USD", messages=1200)
    assert (fact.meter, fact.recipient) == ("push", NOBODY)


def test_a_correction_is_about_the_message_that_it_names() -> None:
    """Of the platform's own event the record of that source and id; of a provider's, that provider's record."""
    own = only(parsed("platform", sample("platform", "price_corrected.json")))
    corrected = only(parsed("platform", sample("platform", "message_sent_sms.json")))
    assert (own.key, own.account, own.at) == (corrected.key, corrected.account, corrected.at)
    assert own.status == CORRECTED
    late = datetime(2026, 10, 9, tzinfo=UTC)
    assert own.report == Report(late, 2, Decimal("0.01400"), Decimal("0.00534"), "USD")
    other = only(parsed("platform", event("price_corrected.json", provider="aws-sms", message="a#1", account="x")))
    assert (other.provider, other.account, other.message) == ("aws-sms", "x", "a%231")


def test_a_roll_up_stands_for_its_time() -> None:
    """Its record is that of provider, account, channel, country, category and time, whatever event tells of it."""
    fact = only(parsed("platform", sample("platform", "usage_rolled_up.json")))
    assert (fact.provider, fact.account, fact.meter) == ("platform", "rollup:twilio:AC123", "sms")
    assert (fact.at, fact.recipient.country) == (datetime(2026, 10, 5, tzinfo=UTC), "US")
    told = datetime(2026, 10, 6, 3, tzinfo=UTC)
    assert fact.report == Report(told, 5200, Decimal("41.0800"), None, "USD", messages=4000)
    again = {**event("usage_rolled_up.json", messages=3900, amount="40"), "id": "another"}
    assert only(parsed("platform", again)).key == fact.key
    differing = [
        {"channel": "mms"},
        {"country": "CA"},
        {"category": "x"},
        {"account": "AC9"},
        {"start": "2026-10-04T00:00:00Z"},
    ]
    keys = {only(parsed("platform", event("usage_rolled_up.json", **one))).key for one in differing}
    assert len(keys | {fact.key}) == len(differing) + 1


def test_a_statement_line_stands_for_its_place() -> None:
    """Statement and line are its record; a line of no channel is no usage."""
    fact = only(parsed("platform", sample("platform", "statement_line.json")))
    assert (fact.account, fact.status, fact.message) == (
        "statement:twilio:AC123",
        "stated",
        "twilio|AC123|INV-2026-10|7",
    )
    rent = parsed("platform", sample("platform", "statement_line_rent.json"))
    assert (rent.facts, rent.ignored) == ((), ("not-usage",))


def test_segments_of_a_roll_up_are_its_messages_unless_it_says() -> None:
    """Providers of channels without segments count messages alone."""
    fact = only(parsed("platform", event("usage_rolled_up.json", segments=...)))
    assert fact.report
    assert fact.report.segments == 4000


@pytest.mark.parametrize(
    ("name", "changes", "path"),
    [
        ("message_sent_sms.json", {"channel": "voice"}, "data.channel"),
        ("message_sent_sms.json", {"channel": ...}, "data.channel"),
        ("message_sent_sms.json", {"segments": 0}, "data.segments"),
        ("message_sent_sms.json", {"segments": 256}, "data.segments"),
        ("message_sent_sms.json", {"segments": True}, "data.segments"),
        ("message_sent_sms.json", {"segments": "2"}, "data.segments"),
        ("message_sent_sms.json", {"price": "-0.01"}, "data.price"),
        ("message_sent_sms.json", {"price": "1e2"}, "data.price"),
        ("message_sent_sms.json", {"price": " 1"}, "data.price"),
        ("message_sent_sms.json", {"price": "NaN"}, "data.price"),
        ("message_sent_sms.json", {"price": True}, "data.price"),
        ("message_sent_sms.json", {"price": 1_000_001}, "data.price"),
        ("message_sent_sms.json", {"price": "0." + "1" * 21}, "data.price"),
        ("message_sent_sms.json", {"currency": ...}, "data"),
        ("message_sent_sms.json", {"currency": "XXX"}, "data.currency"),
        ("message_sent_sms.json", {"currency": "usd"}, "data.currency"),
        ("message_sent_sms.json", {"country": "USA"}, "data.country"),
        ("message_sent_sms.json", {"category": "marketing"}, "data"),
        ("message_sent_sms.json", {"recipient": ""}, "data.recipient"),
        ("message_sent_sms.json", {"segmets": 2}, "data.segmets"),
        ("message_sent_whatsapp.json", {"category": ...}, "data"),
        ("call_completed.json", {"seconds": 0}, "data.seconds"),
        ("call_completed.json", {"seconds": 60.5}, "data.seconds"),
        ("call_completed.json", {"minutes": 2}, "data.minutes"),
        ("push_sent.json", {"quantity": 0}, "data.quantity"),
        ("price_corrected.json", {"price": ...}, "data.price"),
        ("price_corrected.json", {"sent_at": "2026-10-05T14:03:11"}, "data.sent_at"),
        ("price_corrected.json", {"sent_at": "2026-13-05T14:03:11Z"}, "data.sent_at"),
        ("price_corrected.json", {"sent_at": 1_791_208_991}, "data.sent_at"),
        ("usage_rolled_up.json", {"end": "2026-10-05T00:00:00Z"}, "data"),
        ("usage_rolled_up.json", {"messages": -1}, "data.messages"),
        ("usage_rolled_up.json", {"provider": "a:b"}, "data.provider"),
        ("usage_rolled_up.json", {"account": "|" * 200}, "data"),
        ("statement_line.json", {"channel": "rent"}, "data.channel"),
        ("statement_line.json", {"amount": "1,000.00"}, "data.amount"),
    ],
)
def test_what_a_type_does_not_allow_is_named(name: str, changes: dict[str, Any], path: str) -> None:
    """One bad field, one path."""
    assert paths(event(name)) == []
    assert paths(event(name, **changes)) == [path]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": ...}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"id": "é"}, "id"),
        ({"id": 7}, "id"),
        ({"id": "|" * 200}, "id"),
        ({"source": ...}, "source"),
        ({"type": "com.example.other"}, "type"),
        ({"subject": "statement:twilio:AC1"}, "subject"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2014-12-31T23:59:59Z"}, "time"),
        ({"time": "2100-01-01T00:00:00Z"}, "time"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data": "text"}, "data"),
        ({"data": ...}, "data"),
    ],
)
def test_what_an_event_does_not_allow_is_named(changes: dict[str, Any], path: str) -> None:
    """The attributes that are looked at; extensions are the sender's own."""
    body = tree("platform", "message_sent_sms.json")
    body["tenantregion"] = "eu"
    assert paths(events_of(request(json.dumps(body).encode()))[0]) == []
    change(body, changes)
    assert paths(events_of(request(json.dumps(body).encode()))[0]) == [path]


def test_a_problem_repeats_no_value() -> None:
    """What a sender put into a wrong field may be a number or a name."""
    found = check(event("message_sent_sms.json", channel="+14255550156", country="+14255550156", price="+14255550156"))
    assert isinstance(found, tuple)
    assert len(found) == 3
    assert "4255550156" not in str(found)


@pytest.mark.parametrize("given", [0, "0", "0.0", "0.00500", 5, "12.3456789"])
def test_an_amount_may_be_a_string_or_a_number(given: object) -> None:
    """Exactly as it was written."""
    fact = only(parsed("platform", event("message_sent_sms.json", price=given)))
    assert fact.report
    assert fact.report.price == Decimal(str(given))


def test_a_queued_event_is_read_by_a_version_that_knows_less() -> None:
    """A field that is refused at the door is passed over behind it: what was taken is never lost."""
    known = only(parsed("platform", event("message_sent_sms.json")))
    assert only(parsed("platform", event("message_sent_sms.json", field_of_next_year=1))) == known


def test_a_broken_event_of_a_batch_never_changes_its_neighbours() -> None:
    """The good ones are facts, the bad one is named by its place."""
    body = tree("platform", "batch.json")
    whole = parsed("platform", body).facts
    body[1]["type"] = "tollgate.message.snet"
    found = parsed("platform", body)
    assert found.facts == (whole[0], whole[2])
    assert [problem.path for problem in found.unreadable] == ["1.type"]


PARTS = st.text("a|%#7C", min_size=1, max_size=6)


@given(st.tuples(PARTS, PARTS), st.tuples(PARTS, PARTS))
@example(("a|", "b"), ("a%7C", "b"))
@example(("a", "b|c"), ("a|b", "c"))
@example(("a#", "b"), ("a%23", "b"))
def test_two_identities_never_make_one_message(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Source and id stay apart whatever separators they hold."""
    messages = [
        only(parsed("platform", {**tree("platform", "message_sent_sms.json"), "source": source, "id": name})).message
        for source, name in (one, other)
    ]
    assert (messages[0] == messages[1]) == (one == other)


def test_every_way_of_sending_makes_the_same_event() -> None:
    """Structured, in a batch, as headers, and with its data in base64: one content."""
    body = tree("platform", "message_sent_sms.json")
    data = json.dumps(body["data"]).encode()
    headers = {f"ce-{name}": value for name, value in body.items() if name not in ("data", "datacontenttype")}
    packed = {**body, "data_base64": base64.b64encode(data).decode()}
    del packed["data"]
    ways = [
        request(json.dumps(body).encode(), "application/cloudevents+json; charset=utf-8"),
        request(json.dumps({**body, "datacontenttype": None, "comment": None}).encode()),
        request(json.dumps([body]).encode(), "application/cloudevents-batch+json"),
        request(json.dumps(packed).encode()),
        request(data, "application/json;charset=utf-8", **headers),
        request(data, "", **headers),
    ]
    found = [events_of(way) for way in ways]
    assert all(found[0] == other for other in found)
    assert paths(found[0][0]) == []


def test_headers_are_unescaped() -> None:
    """The binding escapes what a header cannot hold."""
    headers = {"ce-specversion": "1.0", "ce-id": "a%20b%25", "ce-source": "/x", "ce-type": "tollgate.push.sent"}
    [found] = events_of(request(b"{}", "application/json", **headers))
    assert isinstance(found, dict)
    assert found["id"] == "a b%"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", ("application/json", "")),
        ("Application/JSON ; Charset=UTF-8", ("application/json", "utf-8")),
        ('application/json; boundary=x; charset="utf-8"', ("application/json", "utf-8")),
        ("", ("", "")),
    ],
)
def test_a_content_type_is_read_in_any_case(header: str, expected: tuple[str, str]) -> None:
    """Names and charsets have no case, and parameters any order."""
    assert content_type(header) == expected


@pytest.mark.parametrize("media", ["", "text/plain", "application/xml", "application/json; charset=latin-1"])
def test_other_media_are_refused(media: str) -> None:
    """Nothing is guessed; nor is data of another type in an event's headers."""
    with pytest.raises(UnknownMedia):
        events_of(request(b"{}", media))
    if media:
        with pytest.raises(UnknownMedia):
            events_of(request(b"{}", media, **{"ce-specversion": "1.0"}))


@pytest.mark.parametrize("body", [b"1e999999999", b"[0e-999999999]", b'{"a": 1e400}', b"\xff", b"[" * 100_000, b"NaN"])
def test_numbers_that_cannot_be_written_out_are_no_json(body: bytes) -> None:
    """A few bytes never become a gigabyte."""
    with pytest.raises(Malformed):
        json_value(body)


def test_the_content_is_all_but_the_trace_of_one_sending() -> None:
    """The order of names says nothing; every other difference counts."""
    body = tree("platform", "message_sent_sms.json")
    same = {**dict(reversed(body.items())), "traceparent": "00-a", "tracestate": "b"}
    assert digest(same) == digest(body)
    for changes in ({"x": 1}, {"subject": "bolt"}, {"data": {**body["data"], "segments": 3}}):
        assert digest({**body, **changes}) != digest(body)


def test_canonical_json_reads_back_as_it_was() -> None:
    """What is queued says the same as what was sent, a number in exponents included."""
    value = json_value(b'{"b": 1e2, "a": [0.10, 1.50, "x"], "c": null}')
    assert canonical(value) == '{"a":["0.10","1.50","x"],"b":"100","c":null}'
    sent = event("message_sent_sms.json", price=Decimal("1E+2"))
    assert only(parsed("platform", canonical(sent).encode())).report.price == 100  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic key", "Bearer k", "Bearer keyy", "key", "Bearer \ud800", "Bearer kéy"]
)
def test_only_the_key_as_a_bearer_token_is_genuine(header: str) -> None:
    """The scheme has any case, the key has one."""
    for scheme in ("Bearer", "bearer", "BEARER"):
        verify(request(b"", authorization=f"{scheme} key"), "key")
    with pytest.raises(Forged):
        verify(request(b"", authorization=header), "key")
    with pytest.raises(Forged):
        verify(request(b"", authorization="Bearer "), "")


def test_an_event_without_a_time_is_of_its_arrival() -> None:
    """The queue always has a time; what was queued by other means falls back on the receipt's."""
    body = tree("platform", "message_sent_sms.json")
    del body["time"]
    assert only(parsed("platform", body)).at == NOW
    found = check(body)
    assert isinstance(found, Checked)
    assert found.moment(NOW - timedelta(days=1)) == NOW - timedelta(days=1)


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_asks_for_what_its_type_asks_for(name: str) -> None:
    """The published schema is made of the model that refuses: same fields, same required ones, nothing else allowed."""
    written = schema(name)
    assert written
    fields = TYPES[name].model_fields
    assert written["properties"].keys() == fields.keys()
    assert set(written.get("required", [])) == {field for field, rule in fields.items() if rule.is_required()}
    assert written["additionalProperties"] is False
    assert written["description"]


def test_nothing_at_all_is_malformed() -> None:
    """A receipt with nothing to read comes back, and ends where somebody looks."""
    with pytest.raises(Malformed) as refused:
        parsed("platform", [])
    assert refused.value.problems == (Problem("", "expected events"),)


def test_the_documented_examples_are_good_events() -> None:
    """The page has one of each type, and each would be taken as it stands."""
    page = (EVENTS.parent / "docs" / "events.md").read_text(encoding="utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    assert {example["type"] for example in examples} == TYPES.keys()
    assert [paths(example) for example in examples] == [[]] * len(examples)
    assert all(f"`{name}`" in page for name in TYPES)
