"""Garbage made from the providers' own samples: whatever arrives, only the recipe's own error comes out."""

from __future__ import annotations

import contextlib
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers.samples import HASHER, NOW, SIGNED, nodes, parsed, put, sample, samples, tree, wire
from tollgate.domain.facts import Fact, Pricing
from tollgate.providers import whatsapp
from tollgate.providers.errors import Malformed, ReceiptError
from tollgate.providers.incoming import EARLIEST, LATEST, form_fields, json_value
from tollgate.providers.provider import Parsed, Request
from tollgate.providers.registry import PROVIDERS, provider, webhook

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
    | st.sampled_from(["", "#", "0", "group", "regular", "messages", "\ud800", "1795255203", "9" * 600]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated_trees(draw: st.DrawFn, name: str) -> bytes:
    """A sample with one to three of its values replaced by any JSON."""
    file = draw(st.sampled_from(samples(name)))
    body = tree(name, file)
    for _ in range(draw(st.integers(1, 3))):
        paths = list(nodes(body))
        if paths:
            put(body, draw(st.sampled_from(paths)), draw(JSON))
    return wire(file, body)


@st.composite
def mutated_bytes(draw: st.DrawFn, name: str) -> bytes:
    """A sample with a slice of its bytes replaced by others."""
    body = sample(name, draw(st.sampled_from(samples(name))))
    start, end = sorted((draw(st.integers(0, len(body))), draw(st.integers(0, len(body)))))
    if draw(st.booleans()):
        end = min(end, start + 2)
    return body[:start] + draw(st.binary(max_size=4)) + body[end:]


def told(name: str, body: bytes) -> Parsed | None:
    """What a body says; None when it is Malformed. Any other exception is a failure of the test."""
    assert provider(name).group(body)
    try:
        return parsed(name, body)
    except Malformed:
        return None


def believable(fact: Fact) -> bool:
    """Whether a fact keeps to the limits that the ledger's keys and numbers rest on."""
    report = fact.report
    amounts = [a for a in (report.price, report.carrier_fee) if a is not None] if report else []
    pricing = fact.pricing or Pricing("", "")
    most_segments, least, most = (10**9, -(10**9), 10**9) if fact.provider == "platform" else (255, 0, 1_000_000)
    words = (fact.account, fact.number, fact.message, fact.status, pricing.type, pricing.category, pricing.subtype)
    return (
        0 < len(fact.message) <= 512
        and "#" not in "".join(fact.key)
        and EARLIEST <= fact.at < LATEST
        and all(word.isascii() and word.isprintable() for word in words)
        and all(a.is_finite() and least <= a <= most for a in amounts)
        and (report is None or 0 <= report.segments <= most_segments)
        and len(fact.recipient.prefix) <= 4
    )


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_mutated_tree_is_read_or_malformed(name: str, data: st.DataObject) -> None:
    """Any value may be anything: what is read keeps to the limits, the rest is named or refused."""
    found = told(name, data.draw(mutated_trees(name)))
    assert found is None or all(believable(fact) for fact in found.facts)


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutated_bytes_are_read_or_malformed(name: str, data: st.DataObject) -> None:
    """Cut, overwritten or lengthened bodies raise nothing but Malformed."""
    found = told(name, data.draw(mutated_bytes(name)))
    assert found is None or all(believable(fact) for fact in found.facts)


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_verifying_raises_nothing_but_its_own_errors(name: str, data: st.DataObject) -> None:
    """Any header, any query and any body, signed or not: an answer, or an error with a status code."""
    body = data.draw(mutated_bytes(name))
    signature = data.draw(st.text(st.characters()) | st.just(SIGNED[name].sign(body)))
    request = Request(
        method=data.draw(st.sampled_from(["GET", "POST"])),
        path="/",
        query=data.draw(st.text(st.characters()) | st.just("hub.mode=subscribe&hub.challenge=%00")),
        headers={**SIGNED[name].headers, SIGNED[name].signature_header: signature},
        body=body,
        received_at=NOW,
    )
    recipe, secrets = webhook(name), SIGNED[name].secrets
    for call in (recipe.verify, recipe.handshake):
        with contextlib.suppress(ReceiptError):
            call(request, secrets)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), index=st.integers(0, 4))
def test_a_broken_status_never_changes_its_neighbours(data: st.DataObject, index: int) -> None:
    """Whatever one status of a batch turns into, the facts of the others are the same."""
    body = tree("meta", "batch_mixed.json")
    paths = [p for p in nodes(body) if len(p) == 7 and p[5] == "statuses"]
    whole = parsed("meta", body).facts
    put(body, paths[index], data.draw(JSON))
    assert parsed("meta", body).facts == whole[:index] + whole[index + 1 :]


@settings(max_examples=200)
@given(data=st.data())
def test_an_entry_read_in_one_go_says_what_its_parts_say(data: st.DataObject) -> None:
    """Statuses are checked all at once where all of them can be read; it makes no difference to what they say."""
    body = json_value(data.draw(mutated_trees("meta")))
    for entry in body.get("entry", []) if isinstance(body, dict) and isinstance(body.get("entry"), list) else []:
        whole = list(whatsapp.readings(entry, "entry.0", provider="meta", hasher=HASHER))
        assert whole == list(whatsapp.part_by_part(entry, "entry.0", provider="meta", hasher=HASHER))


FORM_TEXT = st.text(st.sampled_from("aB1=&+% ä\n")) | st.text()


@given(pairs=st.lists(st.tuples(FORM_TEXT, FORM_TEXT), max_size=6), raw=st.text(st.sampled_from("ab=&+%4é")))
def test_a_form_is_read_as_the_library_reads_it(pairs: list[tuple[str, str]], raw: str) -> None:
    """Names and values are what urllib's own parser makes of them; a name that is given twice is left out."""
    for text in (urlencode(pairs), raw):
        expected = parse_qsl(text, keep_blank_values=True)
        names = [name for name, _ in expected]
        if expected:
            once = {name: value for name, value in expected if names.count(name) == 1}
            assert form_fields(text.encode(), provider="x") == once
        else:
            with pytest.raises(Malformed):
                form_fields(text.encode(), provider="x")
