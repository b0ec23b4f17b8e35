"""What of a receipt may be shown: for every sample of every provider, and for what somebody might put into one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.samples import meta_status, parsed, put, sample, samples, tree
from tollgate.domain.facts import Fact, MessageKey
from tollgate.providers.errors import ReceiptError
from tollgate.providers.excerpts import excerpt, text
from tollgate.providers.masking import FREE, HIDDEN, MOST_DEPTH, masked
from tollgate.providers.registry import PROVIDERS

PEOPLE = re.compile(
    r"254712345678|254733000111|254700000000|919876543210|1?4155550123|4255550|33612345678|4477009000|491511|"
    r"866555000|5551234567|15557654321|8445550001|5017122661|2065550152|447860099299|5550783881|5550139204"
)
"""Every number in the samples, of recipients and senders, however it is written."""
WRITTEN = ("Hello", "hello", "thanks", "Is my order", "Wanjiru", "message_ref", "msg_01JD3Y7S0B", "tnt_01JD3Y7R4Q")
"""What customers and people wrote in the samples: texts, names, references."""


def facts() -> Iterator[tuple[str, str, Fact]]:
    """Every fact of every sample, once a message."""
    for provider in PROVIDERS:
        for name in samples(provider):
            try:
                found = parsed(provider, sample(provider, name)).facts
            except ReceiptError:
                continue
            yield from ((provider, name, fact) for fact in {one.key: one for one in found}.values())


FACTS = [pytest.param(*one, id=f"{one[0]}/{one[1]}-{number}") for number, one in enumerate(facts())]


def shown(provider: str, body: bytes, fact: Fact) -> str:
    """What the page shows."""
    found = excerpt(provider, body, fact.key, known={fact.account, fact.number})
    assert found is not None
    return text(found)


def leaves(value: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a tree and the field it stands in."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from leaves(child, field)
    else:
        yield field, value


@pytest.mark.parametrize(("provider", "name", "fact"), FACTS)
def test_no_number_name_or_text_of_a_sample_is_shown(provider: str, name: str, fact: Fact) -> None:
    """Of no provider, in no envelope, of no message."""
    found = shown(provider, sample(provider, name), fact)
    own = found.replace(fact.message, "").replace(fact.account, "") if provider != "plivo" else found
    assert not PEOPLE.search(own)
    assert not [written for written in WRITTEN if written in own]


@pytest.mark.parametrize(("provider", "name", "fact"), FACTS)
def test_what_is_shown_is_about_the_message(provider: str, name: str, fact: Fact) -> None:
    """It names the message, and when and how it fared or what it cost; and no other message of the batch."""
    found = shown(provider, sample(provider, name), fact)
    told = dict(leaves(json.loads(found)))
    assert [value for value in told.values() if value not in (HIDDEN, None)]
    others = {one.message for one in parsed(provider, sample(provider, name)).facts} - {fact.message}
    assert not [other for other in others if other in found]
    if provider != "platform":
        assert fact.message in told.values() or fact.message in found


@pytest.mark.parametrize("value", ["Jo Smith", "delivered", "2026-11-21T10:00:00Z", 12, "12.50", "known-1"])
def test_nothing_in_an_unknown_field_is_shown(value: Any) -> None:
    """A field that a provider adds tomorrow is hidden, whatever stands in it."""
    assert masked({"brandNew": value}, known={"known-1"}) == {"brandNew": HIDDEN}


@pytest.mark.parametrize(
    ("field", "value", "is_shown"),
    [
        ("status", "delivered", True),
        ("MessageStatus", "TEXT_DELIVERED", True),
        ("status", "+254712345678", False),
        ("status", "to 254 712 345 678", False),
        ("type", "code 12345", False),
        ("timestamp", "1795255503", True),
        ("timestamp", 1795255203470, True),
        ("timestamp", "254712345678", False),
        ("timestamp", "+1795255503", False),
        ("sentAt", "2026-11-21T10:00:00.150+0000", True),
        ("sentAt", "2026-11-21 254712345678", False),
        ("price", "-0.01660", True),
        ("amount", 254712345678, False),
        ("segments", "2", True),
        ("segments", "4155550123", False),
        ("id", "known-1", True),
        ("id", "254712345678", False),
        ("message", "known-1", True),
        ("message", "Your code is 1234", False),
        ("to", "known-1", False),
        ("text", "delivered", False),
        ("is_final", True, True),
        ("price", None, True),
    ],
)
def test_a_value_is_shown_when_its_field_and_its_shape_allow_it(field: str, value: Any, is_shown: bool) -> None:
    """Both: a number in a field of words is hidden, and so is a word in a field that is not known."""
    assert masked({field: value}, known={"known-1"}) == {field: value if is_shown else HIDDEN}


@pytest.mark.parametrize("field", ["context", "tags", "metadata", "callbackData", "message_metadata", "contacts"])
@pytest.mark.parametrize("value", [{"status": "Jo"}, [{"type": "Jo"}], "Jo"])
def test_what_customers_fill_is_hidden_whole(field: str, value: Any) -> None:
    """Its fields too: they may be called like ours."""
    assert masked({field: value}, known=()) == {field: HIDDEN}


def test_a_field_whose_name_says_something_is_hidden_too() -> None:
    """A name that is a number, or no name of a field."""
    found = masked({"+254712345678": {"status": "ok"}, "Jo Smith's": 1, "n254712345678": 1}, known=())
    assert set(found) == {HIDDEN}


def test_an_object_of_the_providers_own_that_is_called_status_is_read() -> None:
    """Infobip's: its name and group are codes, its description is not."""
    status = {"groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET", "description": "to 254712345678"}
    assert masked({"status": status}, known=()) == {"status": {**status, "description": HIDDEN}}
    assert masked({"name": "DELIVERED"}, known=()) == {"name": HIDDEN}


def test_what_nests_too_deep_is_hidden() -> None:
    """No body takes the page down."""
    body: Any = "delivered"
    for _ in range(MOST_DEPTH * 10):
        body = {"status": body}
    assert HIDDEN in text(masked(body, known=()))
    found = excerpt("meta", json.dumps({"id": "m", "more": body}).encode(), MessageKey("meta", "m"), known=())
    assert (found["id"], HIDDEN in text(found["more"])) == ("m", True)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"{}", b"17", b"not a form", b'{"id": "other"}', b"null"])
def test_a_body_that_does_not_name_the_message_gives_nothing(body: bytes) -> None:
    """Rather nothing than something of somebody else."""
    assert excerpt("meta", body, MessageKey("meta", "wamid.1"), known=()) is None
    assert excerpt("platform", body, MessageKey("platform", "a|b"), known=()) is None


def test_beside_the_message_only_what_surrounds_it_is_kept() -> None:
    """Lists and objects that do not name it are left out, whatever they are called."""
    body = meta_status("status_delivered.json")
    value = body["entry"][0]["changes"][0]["value"]
    message = value["statuses"][0]["id"]
    value["errors"] = [{"code": 1, "title": "of another"}]
    value["statuses"].append({**value["statuses"][0], "id": "wamid.other", "status": "failed"})
    body["entry"].append({"id": "205581934027716", "changes": [{"field": "messages", "value": {"status": "x"}}]})
    found = excerpt("meta", json.dumps(body).encode(), MessageKey("meta", message), known=())
    assert len(found["entry"]) == 1
    assert found["entry"][0]["changes"][0]["value"].keys() == {"messaging_product", "statuses"}
    assert [one["id"] for one in found["entry"][0]["changes"][0]["value"]["statuses"]] == [message]


def test_ids_are_found_as_the_provider_wrote_them() -> None:
    """In the ledger's keys ``#`` and ``%`` are escaped."""
    body = tree("infobip", "sms_delivery_reports.json")
    body["results"][0]["messageId"] = "a#1%23"
    [fact, *_] = parsed("infobip", body).facts
    assert fact.message == "a%231%2523"
    assert len(excerpt("infobip", json.dumps(body).encode(), fact.key, known=())["results"]) == 1


def test_of_the_platforms_events_only_the_messages_own_is_shown() -> None:
    """A batch may be about several customers; an event is known by source and id together."""
    body = tree("platform", "batch.json")
    body[1] |= {"subject": "rival", "source": "https://rival.example"}
    body[2]["id"] = body[1]["id"]
    one, *_ = parsed("platform", body).facts
    found = excerpt("platform", json.dumps(body).encode(), one.key, known={one.account})
    assert [event["id"] for event in found] == [body[0]["id"]]
    assert "rival" not in text(found)


def test_a_price_of_the_platforms_is_found_from_the_providers_message() -> None:
    """Its receipt is the platform's, its record is Twilio's."""
    body = tree("platform", "price_corrected.json")
    body["data"] |= {"provider": "twilio", "account": "AC1", "message": "SM1"}
    [fact] = parsed("platform", body).facts
    assert fact.provider == "twilio"
    [found] = excerpt("platform", json.dumps(body).encode(), fact.key, known={fact.account})
    assert (found["data"]["message"], found["data"]["account"]) == ("SM1", "AC1")


def test_numbers_are_shown_digit_by_digit() -> None:
    """As they were sent, and the text is JSON again."""
    found = excerpt("aws-sms", b'{"messageId": "m", "totalMessagePrice": 0.0100, "parts": [], "cost": {}, "at": null}',
                    MessageKey("aws-sms", "m"), known=())  # fmt: skip
    assert '"totalMessagePrice": 0.0100' in text(found)
    assert json.loads(text(found)) == {"messageId": "m", "totalMessagePrice": 0.01, "parts": [], "cost": {}, "at": None}


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.decimals(allow_nan=False, places=4)
PLACES = sorted({(provider, name) for provider, name, _ in facts()})


@given(st.data())
def test_a_number_put_anywhere_is_not_shown(data: st.DataObject) -> None:
    """Whatever field of whatever sample a number of somebody stands in, in every spelling; but that it may be taken for
    a moment where it has the ten digits of one and stands in a field of times."""
    provider, name = data.draw(st.sampled_from(PLACES))
    number = data.draw(
        st.sampled_from(["+254712345679", "254712345679", "+49 151 1234 5670", "whatsapp:+254712345679"])
    )
    body = tree(provider, name)
    fact = parsed(provider, sample(provider, name)).facts[0]
    paths = [path for path in _paths(body) if _at(body, path) not in (fact.message, fact.account, fact.number)]
    path = data.draw(st.sampled_from(paths))
    put(body, path, number)
    raw = urlencode(body).encode() if name.endswith(".form") else json.dumps(body).encode()
    found = excerpt(provider, raw, fact.key, known={fact.account, fact.number})
    assert found is None or number.removeprefix("whatsapp:") not in text(found).replace(fact.message, "")


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all plain values."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if children is None:
        yield path
        return
    for key, child in children:
        yield from _paths(child, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
    ["to", "from", "text", "name", "body", "address", "email", *sorted(FREE)]), inner, max_size=4), max_leaves=12,
))  # fmt: skip
def test_of_fields_about_people_nothing_is_ever_shown(value: Any) -> None:
    """Whatever is in them."""
    assert all(leaf in (HIDDEN, None, True, False) for _, leaf in leaves(masked(value, known=())))


def test_forms_are_read_like_objects() -> None:
    """By the same names."""
    body = sample("twilio", "status_sms_delivered.form")
    [fact] = parsed("twilio", body).facts
    found = excerpt("twilio", body, fact.key, known={fact.account})
    assert found.keys() == dict(parse_qsl(body.decode())).keys()
    assert (found["MessageStatus"], found["To"]) == ("delivered", HIDDEN)
