"""Suspend: events of holds, and the hourly schedule, in; Stripe's customer as the holds say out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cloud import Cloud, Context, event
from tests.domain.examples import small_contract
from tollgate import runtime
from tollgate.domain.errors import Invalid

type Entry = Callable[[str], Any]


def holds_of(*tenants: str) -> dict[str, Any]:
    """The event file's record once a tenant; a message's id is its tenant."""
    [record] = event("sqs/holds")["Records"]
    envelope = json.loads(record["body"])
    return {
        "Records": [
            record | {"messageId": one, "body": json.dumps(envelope | {"detail": envelope["detail"] | {"tenant": one}})}
            for one in tenants
        ]
    }


def test_an_opened_hold_reaches_stripes_customer(cloud: Cloud, entry: Entry) -> None:
    """The customer of the tenant says suspended, which service and since when."""
    cloud.sign_on(small_contract())
    cloud.use(texts=4)
    assert entry("suspend").handler(event("sqs/holds"), Context()) == {"batchItemFailures": []}

    [customer] = cloud.stripe.customers.values()
    assert customer.metadata["service_state"] == "suspended"
    assert customer.metadata["suspended_services"] == "sms"


def test_a_lifted_hold_is_told_whatever_event_comes(cloud: Cloud, entry: Entry) -> None:
    """The event only wakes: what is open now is written, so a late `opened` cannot suspend again."""
    cloud.sign_on(small_contract())
    cloud.use(texts=4)
    [hold] = cloud.runtime().holds.holds("acme")
    cloud.runtime().holds.lift(hold, at=datetime(2026, 3, 11, tzinfo=UTC))
    entry("suspend").handler(event("sqs/holds"), Context())

    [customer] = cloud.stripe.customers.values()
    assert customer.metadata["service_state"] == "active"


def test_exactly_the_failed_messages_come_back(cloud: Cloud, entry: Entry) -> None:
    """A tenant that cannot be mirrored yet does not hold up another."""
    cloud.sign_on()
    answer = entry("suspend").handler(holds_of("nobody", "acme"), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "nobody"}]}
    assert len(cloud.stripe.customers) == 1


def test_the_schedule_lifts_limits_of_ended_terms(cloud: Cloud, entry: Entry) -> None:
    """At the schedule's time, not the clock's: the term is over, its hold with it."""
    cloud.sign_on(small_contract())
    cloud.use(texts=4)
    app = entry("suspend")
    assert app.handler(event("scheduler/suspend"), Context()) == {"lifted": []}
    assert app.handler(event("scheduler/suspend") | {"time": "2027-01-15T00:00:00Z"}, Context()) == {"lifted": ["acme"]}
    assert not [hold for hold in runtime.from_environment(app.count).holds.holds("acme") if hold.is_open]


@pytest.mark.parametrize("stage", ["suspend", "invoice"])
@pytest.mark.parametrize("time", ["<aws.scheduler.scheduled-time>", "2026-04-05T06:00:00", None, 5])
def test_a_schedule_without_its_time_is_refused_by_name(entry: Entry, stage: str, time: object) -> None:
    """A placeholder nobody filled in, a time without a zone, or none: the run fails and says what it expected."""
    with pytest.raises(Invalid, match="schedule is not valid: time: expected"):
        entry(stage).handler({"schedule": stage, "time": time}, Context())
