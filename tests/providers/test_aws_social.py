"""AWS End User Messaging Social: one of Meta's entries, in three layers of JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.providers.samples import ACME, HASHER, only, parsed, sample, tree
from tollgate.domain.facts import Fact, Pricing, Recipient
from tollgate.providers.aws_social import AWS_SOCIAL, BEST_EFFORT, BUS_EVENT
from tollgate.providers.errors import Malformed
from tollgate.providers.provider import Provider
from tollgate.providers.whatsapp import INBOUND

DELIVERED = "message_delivered.json"


def message(entry: Any = ..., **changes: Any) -> dict[str, Any]:
    """The sample with another entry (as JSON unless it is text) and other fields around it; ``None`` leaves one out."""
    body: dict[str, Any] = tree("aws-social", DELIVERED) | changes
    if entry is not ...:
        body["whatsAppWebhookEntry"] = entry if isinstance(entry, str) else json.dumps(entry)
    return {name: value for name, value in body.items() if value is not None}


def entry() -> Any:
    return json.loads(tree("aws-social", DELIVERED)["whatsAppWebhookEntry"])


def test_a_delivered_status_is_read_through_all_layers() -> None:
    """Account, number, message, time and pricing are the entry's own; the provider is AWS's."""
    assert only(parsed("aws-social", sample("aws-social", DELIVERED))) == Fact(
        provider="aws-social",
        account=ACME,
        number="106540352242922",
        meter="whatsapp",
        message="wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgSQkZCMzcyMzE5RjhDNTYxNEE0AA==",
        status="delivered",
        at=datetime(2026, 11, 21, 10, 0, 3, tzinfo=UTC),
        pricing=Pricing("regular", "marketing"),
        recipient=Recipient("2547", "KE", HASHER("254712345678")),
    )


def test_snss_envelope_changes_nothing() -> None:
    """With and without raw delivery the same fact comes out."""
    assert parsed("aws-social", sample("aws-social", "sns_delivered.json")) == parsed(
        "aws-social", sample("aws-social", DELIVERED)
    )


def test_the_entry_says_what_it_says_in_metas_own_batch() -> None:
    """Every status that Meta could send means the same here, but for the provider's name."""
    for file in ("batch_mixed.json", "status_group.json", "status_service_free_tier.json"):
        batch = tree("meta", file)
        whole = parsed("meta", batch)
        found = [parsed("aws-social", message(each)) for each in batch["entry"]]
        assert [replace(fact, provider="meta") for part in found for fact in part.facts] == list(whole.facts)
        assert [reason for part in found for reason in part.ignored] == list(whole.ignored)


@pytest.mark.parametrize("time", ["2026-11-21T10:00:03.271279391Z", "yesterday", "", 7, None])
def test_the_time_around_the_entry_is_not_looked_at(time: object) -> None:
    """Its nanoseconds, or whatever it is, stand in the way of nothing: each status has a time of its own."""
    assert parsed("aws-social", message(message_timestamp=time)) == parsed("aws-social", message())


def test_the_message_id_and_the_context_may_be_missing() -> None:
    """Who sent is in the entry."""
    assert parsed("aws-social", message(messageId=None, context=None, aws_account_id=None)) == parsed(
        "aws-social", message()
    )


def test_an_event_of_the_bus_counts_nothing() -> None:
    """It is best effort and has no pricing: it is passed over, and remarked on so that somebody finds the rule."""
    found = parsed("aws-social", sample("aws-social", "eventbridge_delivered.json"))
    assert (found.facts, found.ignored, found.remarks) == ((), (BUS_EVENT,), (BEST_EFFORT,))
    assert not found.unreadable


def test_an_inbound_message_is_passed_over() -> None:
    """A customer's message to us is no status."""
    assert parsed("aws-social", sample("aws-social", "message_inbound.json")).ignored == (INBOUND,)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "whatsAppWebhookEntry"),
        (message(entry="not JSON"), "whatsAppWebhookEntry"),
        (message(entry="[]"), "whatsAppWebhookEntry"),
        (tree("aws-social", DELIVERED) | {"whatsAppWebhookEntry": {"id": "1", "changes": []}}, "whatsAppWebhookEntry"),
        ({"Message": {}}, "Message"),
        ({"Message": "{"}, "Message"),
        ({"Message": "{}"}, "whatsAppWebhookEntry"),
        (tree("aws-sms", "sns_text_delivered.json"), "whatsAppWebhookEntry"),
        ({"source": "aws.sms-voice"}, "whatsAppWebhookEntry"),
    ],
)
def test_a_message_without_an_entry_is_malformed(body: Any, path: str) -> None:
    """The layer at fault is named."""
    with pytest.raises(Malformed) as refused:
        parsed("aws-social", body)
    assert [problem.path for problem in refused.value.problems] == [path]


def test_a_status_that_cannot_be_read_is_named_below_the_entry() -> None:
    """Its neighbours count all the same."""
    changed = entry()
    statuses = changed["changes"][0]["value"]["statuses"]
    statuses.append({**statuses[0], "timestamp": "soon"})
    found = parsed("aws-social", message(changed))
    assert len(found.facts) == 1
    assert [p.path for p in found.unreadable] == ["whatsAppWebhookEntry.changes.0.value.statuses.1.timestamp"]


@pytest.mark.parametrize("file", [DELIVERED, "sns_delivered.json"])
def test_messages_are_grouped_by_account(file: str) -> None:
    """A busy account does not delay the others."""
    assert AWS_SOCIAL.group(sample("aws-social", file)) == ACME


def test_nobody_can_post_them_to_us() -> None:
    """They come by the queue alone."""
    assert type(AWS_SOCIAL) is Provider
