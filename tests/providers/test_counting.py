"""What a provider's samples come to: the same records in any order, with any repeats, and each message once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.providers.samples import parsed, sample, samples
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.records import Record, charge, merge, new_record
from tollgate.providers.registry import PROVIDERS

# provider → messages of its samples that are billable, by meter
BILLABLE: list[tuple[str, dict[str, int]]] = [
    ("vonage", {"sms": 2, "whatsapp": 1}),  # two attempts of a workflow are two; rejected and inbound are none
    ("telnyx", {"sms": 1, "mms": 1, "whatsapp": 1}),  # failed without a cost is none
    ("infobip", {"sms": 3}),  # rejected is none, though it has a price
    ("sinch", {"sms": 3, "whatsapp": 1}),  # two recipients of a batch, and a fallback; the channel it left is none
]


def facts_of(provider: str) -> list[Fact]:
    return [fact for file in samples(provider) for fact in parsed(provider, sample(provider, file)).facts]


def merged(facts: Iterable[Fact]) -> Mapping[MessageKey, Record]:
    records: dict[MessageKey, Record] = {}
    for fact in facts:
        records[fact.key] = merge(records.get(fact.key) or new_record(fact), fact)
    return records


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_duplicate_and_reordered_samples_count_once(name: str, data: st.DataObject) -> None:
    """Whatever order a provider sends its receipts in, and how often each, the records are the same."""
    facts = facts_of(name)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=10))
    shuffled = data.draw(st.permutations([*facts, *again]))
    assert merged(shuffled) == merged(facts)


@pytest.mark.parametrize(("name", "expected"), BILLABLE)
def test_each_billable_message_of_the_samples_counts_once(name: str, expected: dict[str, int]) -> None:
    """Sent, delivered and read of one message are one; what was not charged is none."""
    counted: dict[str, int] = {}
    for record in merged(facts_of(name)).values():
        if charge(record) is not None:
            counted[record.meter] = counted.get(record.meter, 0) + 1
    assert counted == expected
