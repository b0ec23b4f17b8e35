"""What every registered provider must do, whatever its wire looks like."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from tests.providers.samples import HASHER, NOW, SETTING, SIGNED, Signed, nodes, parsed, sample, samples, tree, wire
from tollgate.domain.errors import NotFound
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.provider import Provider, Request, Setting, Webhook
from tollgate.providers.registry import PROVIDERS, provider, webhook

EVERY_SAMPLE = [(name, file) for name in PROVIDERS for file in samples(name)]
HTTP = [name for name, each in PROVIDERS.items() if isinstance(each, Webhook)]
GARBAGE = [
    b"",
    b"\x00",
    b"\xff\xfe{}",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"12",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"a": NaN}',
    b'{"a": 1e9999999999999999999999}',
    b'{"a": ' + b"9" * 5000 + b"}",
    b"{}",
]
PERSONAL = "recipient|[pP]hone_?[nN]umber$|^from|^wa_id|^[tT]o$|^bsuid$|^identity$"


def test_every_provider_has_samples_and_every_http_provider_a_signing_vector() -> None:
    """A provider cannot be registered without being tested here."""
    assert all(samples(name) for name in PROVIDERS)
    assert set(HTTP) == set(SIGNED)
    assert all(each.name == name for name, each in PROVIDERS.items())


@pytest.mark.parametrize("name", ["", "META", "stripe", "aws_sms"])
def test_an_unknown_provider_is_not_found(name: str) -> None:
    """Names are exact; a name that is not registered is an error that the edge can turn into 404."""
    with pytest.raises(NotFound):
        provider(name)
    with pytest.raises(NotFound):
        webhook(name)


def test_a_provider_without_http_has_no_webhook() -> None:
    """AWS SMS is read, but nobody can post its events to us."""
    assert type(provider("aws-sms")) is Provider
    with pytest.raises(NotFound):
        webhook("aws-sms")


@pytest.fixture(params=HTTP)
def signed(request: pytest.FixtureRequest) -> tuple[Webhook, Signed]:
    return webhook(request.param), SIGNED[request.param]


def test_a_genuine_request_is_accepted(signed: tuple[Webhook, Signed]) -> None:
    """What the provider signed passes, whatever the case of its header's name."""
    recipe, vector = signed
    recipe.verify(vector.request(), vector.secrets)
    shouting = {name.upper(): value for name, value in vector.genuine().items()}
    recipe.verify(vector.request(headers=shouting), vector.secrets)


@pytest.mark.parametrize("name", [name for name, vector in SIGNED.items() if vector.covers_body])
def test_a_body_with_any_bit_flipped_is_forged(name: str) -> None:
    """One flipped bit anywhere in the body refuses the request, where the provider signs the body."""
    recipe, vector = webhook(name), SIGNED[name]
    for index in range(len(vector.body)):
        flipped = bytearray(vector.body)
        flipped[index] ^= 1 << index % 8
        with pytest.raises(Forged):
            recipe.verify(vector.request(body=bytes(flipped)), vector.secrets)


def test_a_changed_signature_is_forged(signed: tuple[Webhook, Signed]) -> None:
    """A signature that differs in one character, is cut short or is no signature at all refuses the request."""
    recipe, vector = signed
    genuine = vector.sign(vector.body)
    last = "0" if genuine[-1] != "0" else "1"
    for given in (genuine[:-1] + last, genuine[:-1], genuine + "0", "", " ", "x", "=", "ü€", "\ud800", "\x00" * 64):
        with pytest.raises(Forged):
            recipe.verify(vector.request(headers={**vector.headers, vector.signature_header: given}), vector.secrets)


def test_an_unsigned_request_is_forged(signed: tuple[Webhook, Signed]) -> None:
    """Without any one of the headers of its signature, or all of them, a request is refused."""
    recipe, vector = signed
    genuine = vector.genuine()
    for missing in (*({name} for name in genuine), genuine.keys()):
        headers = {name: value for name, value in genuine.items() if name not in missing}
        with pytest.raises(Forged):
            recipe.verify(vector.request(headers=headers), vector.secrets)


@pytest.mark.parametrize("name", [name for name, vector in SIGNED.items() if vector.covers_time])
def test_an_old_request_is_forged(name: str) -> None:
    """Where the signature is over a time, a request is believed for five minutes, and from no clock further ahead."""
    recipe, vector = webhook(name), SIGNED[name]
    window, second = timedelta(minutes=5), timedelta(seconds=1)
    for received_at in (NOW - window, NOW + window):
        recipe.verify(vector.request(received_at=received_at), vector.secrets)
    for received_at in (NOW - window - second, NOW + window + second):
        with pytest.raises(Forged):
            recipe.verify(vector.request(received_at=received_at), vector.secrets)


def test_a_wrong_key_is_refused(signed: tuple[Webhook, Signed]) -> None:
    """A request signed with another key, or one that meets no configured key, is refused."""
    recipe, vector = signed
    for secrets in (vector.wrong_secrets, {}, dict.fromkeys(vector.secrets, "")):
        with pytest.raises(Forged):
            recipe.verify(vector.request(), secrets)


@pytest.mark.parametrize("body", GARBAGE)
def test_unsigned_garbage_is_forged_before_it_is_read(signed: tuple[Webhook, Signed], body: bytes) -> None:
    """The signature is looked at first: who cannot sign learns nothing of what we read."""
    recipe, vector = signed
    headers = vector.genuine() if vector.covers_body else {}
    with pytest.raises(Forged):
        recipe.verify(vector.request(body=body, headers=headers), vector.secrets)


@pytest.mark.parametrize(("name", "file"), EVERY_SAMPLE)
def test_every_sample_is_read_whole(name: str, file: str) -> None:
    """No part of a provider's documented payloads is unreadable, and each fact is its provider's."""
    found = parsed(name, sample(name, file))
    assert not found.unreadable
    assert found.facts or found.ignored or found.tiers
    assert {fact.provider for fact in found.facts} <= {name}


@pytest.mark.parametrize(("name", "file"), EVERY_SAMPLE)
def test_fields_we_do_not_know_change_nothing(name: str, file: str) -> None:
    """A provider may add a field to any object of its payload."""
    body = tree(name, file)
    _decorate(body)
    assert parsed(name, wire(file, body)) == parsed(name, sample(name, file))


def _decorate(value: Any) -> None:
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for child in children:
        _decorate(child)
    if isinstance(value, dict):
        value["a_field_of_next_year"] = {"nested": [1, None, "x"]}


@pytest.mark.parametrize(("name", "file"), EVERY_SAMPLE)
def test_no_number_of_a_recipient_survives_in_a_fact(name: str, file: str) -> None:
    """Neither a fact's repr nor its JSON holds the digits of any phone number or user id in the payload."""
    body = sample(name, file)
    secrets = _personal(tree(name, file))
    for fact in parsed(name, body).facts:
        for shown in (repr(fact), json.dumps(asdict(fact), default=str)):
            assert not [secret for secret in secrets if secret in shown]


def _personal(value: Any) -> set[str]:
    """Digits of the numbers and the user ids in a payload, inner JSON included."""
    found: set[str] = set()
    for path in nodes(value):
        child = value
        for key in path:
            child = child[key]
        if path[-1] in ("Message", "whatsAppWebhookEntry"):
            found |= _personal(json.loads(child))
        elif isinstance(child, str) and re.search(PERSONAL, [key for key in path if isinstance(key, str)][-1]):
            found |= set(re.findall("[0-9]{9,}", child))
    return found


def test_the_search_for_personal_data_finds_it() -> None:
    """The test above looks for numbers, participants and user ids, also within envelopes."""
    assert _personal(tree("meta", "status_group.json")) >= {"254712345678", "254733000111", "919876543210"}
    assert _personal(tree("meta", "status_bsuid_only.json")) >= {"13491208655302741918"}
    assert _personal(tree("aws-sms", "sns_text_delivered.json")) >= {"14255550156", "12065550152"}
    assert _personal(tree("sinch", "sms_full_report.json")) >= {"254712345678", "254733000111", "254700000000"}
    assert _personal(tree("sinch", "conversation_read.json")) >= {"254712345678"}


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_malformed_and_nothing_else(name: str, body: bytes) -> None:
    """Whatever arrives, parsing either reads it or raises Malformed; grouping always answers."""
    with pytest.raises(Malformed) as refused:
        parsed(name, body)
    assert refused.value.problems
    assert provider(name).group(body) == name


@pytest.mark.parametrize(("name", "file"), EVERY_SAMPLE)
def test_parsing_is_repeatable(name: str, file: str) -> None:
    """The same bytes give equal facts, and another recipient key gives the same facts under other hashes."""
    body = sample(name, file)
    first = parsed(name, body)
    assert parsed(name, body) == first
    other = parsed(name, body, Setting(hasher=lambda text: HASHER("other" + text)))
    assert [f.message for f in other.facts] == [f.message for f in first.facts]
    for f, g in zip(other.facts, first.facts, strict=True):
        assert bool(f.recipient.hash) == bool(g.recipient.hash)
        assert not f.recipient.hash or f.recipient.hash != g.recipient.hash


@pytest.mark.parametrize(("name", "file"), EVERY_SAMPLE)
def test_a_group_is_one_that_a_queue_accepts(name: str, file: str) -> None:
    """A group is 1 to 64 plain characters."""
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", provider(name).group(sample(name, file)))


def test_query_parameters_are_decoded_and_keep_their_repeats() -> None:
    """A parameter given twice has two values; a blank one has an empty value; an absent one none."""
    request = Request(method="GET", path="/", query="a=1&b=&a=%32+x&c=%ff", received_at=NOW)
    assert request.parameters("a") == ["1", "2 x"]
    assert request.parameters("b") == [""]
    assert request.parameters("c") == ["�"]
    assert request.parameters("d") == []


def test_the_setting_is_shared_by_all_providers() -> None:
    """No provider needs more than the setting to read its samples."""
    assert SETTING.default_account == ""
