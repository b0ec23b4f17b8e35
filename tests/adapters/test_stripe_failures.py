"""What a stage is told when Stripe fails, for every kind of failure."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import pytest
import requests
import stripe
from requests.structures import CaseInsensitiveDict

from tollgate.adapters.stripe_gateway.client import RETRIES, build_client
from tollgate.adapters.stripe_gateway.gateway import StripeGateway
from tollgate.domain.errors import Refused, RetryLater

MODE = "sk_test_1"


class Canned(stripe.HTTPClient):
    """Gives every request the same answer, or none (``lost``), and waits for nothing."""

    name = "canned"

    def __init__(self, status: int, body: object, headers: Mapping[str, str], *, lost: Exception | None = None) -> None:
        super().__init__()
        self.status, self.body, self.headers, self.lost = status, body, headers, lost
        self.seen: list[tuple[str, str, Mapping[str, str]]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: object = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        self.seen.append((method, url, headers or {}))
        if self.lost:
            unreachable = stripe.APIConnectionError("(Network error)", should_retry=True)  # type: ignore[no-untyped-call]  # the SDK's
            raise unreachable from self.lost
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text, self.status, CaseInsensitiveDict(self.headers)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0

    def close(self) -> None:
        pass


def failing(
    status: int,
    error: Mapping[str, str] | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    lost: Exception | None = None,
) -> tuple[StripeGateway, Canned]:
    body = error if isinstance(error, str) else {"error": error or {"type": "api_error", "message": "no"}}
    canned = Canned(status, body, {"request-id": "req_1", **(headers or {})}, lost=lost)
    return StripeGateway(build_client(MODE, http_client=canned)), canned


REPLAYED = {"Idempotent-Replayed": "true"}
BROKEN = {"type": "api_error", "message": "broken"}
RATE = {"type": "invalid_request_error", "code": "rate_limit", "message": "too many"}
LOCKED = {"type": "invalid_request_error", "code": "lock_timeout", "message": "locked"}
FLYING = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "in progress"}
REUSED = {"type": "idempotency_error", "message": "other parameters"}
BAD = {"type": "invalid_request_error", "code": "parameter_unknown", "message": "Received unknown parameter: x"}
CARD = {"type": "card_error", "code": "card_declined", "message": "declined"}


@pytest.mark.parametrize(("status", "missing"), [(404, True), (400, False), (401, False), (403, False)])
def test_what_does_not_exist_is_told_apart_from_other_refusals(status: int, missing: bool) -> None:
    """A key that may not read an invoice says nothing of whether there is one."""
    gateway, _ = failing(status, {"type": "invalid_request_error", "code": "resource_missing", "message": "No such"})
    with pytest.raises(Refused) as raised:
        gateway.invoice("in_1")
    assert raised.value.missing is missing


class Row(NamedTuple):
    """A failure, and what a write and a read make of it: ``stored`` of the RetryLater, or None for Refused."""

    status: int
    error: Mapping[str, str] | str
    headers: Mapping[str, str]
    write: bool | None
    read: bool | None


ROWS = [
    Row(500, BROKEN, {}, True, False),
    Row(500, BROKEN, {"Stripe-Should-Retry": "false"}, True, False),
    Row(502, "<html>bad gateway</html>", {}, True, False),
    Row(503, "[]", {}, True, False),
    Row(504, BROKEN, {}, True, False),
    Row(409, FLYING, {}, False, False),
    Row(409, LOCKED, {}, False, False),
    Row(409, FLYING, REPLAYED, True, False),
    Row(429, RATE, {}, False, False),
    Row(429, RATE, {"Stripe-Should-Retry": "true"}, False, False),
    Row(429, RATE, REPLAYED, True, False),
    Row(429, LOCKED, {"idempotent-replayed": "true"}, True, False),
    Row(400, RATE, {}, False, False),
    Row(400, LOCKED, {}, False, False),
    Row(400, REUSED, {}, True, False),
    Row(400, BAD, {}, None, None),
    Row(400, BAD, REPLAYED, None, None),
    Row(401, BAD, {}, None, None),
    Row(402, CARD, {}, None, None),
    Row(403, BAD, {}, None, None),
    Row(404, BAD, {}, None, None),
    Row(405, BAD, {}, None, None),
    Row(413, "<html>too large</html>", {}, None, None),
    Row(200, "<html>a page</html>", {}, False, False),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{str(row.error)[:60]}-{row.headers}")
def test_each_failure_of_a_write_means_one_thing(row: Row) -> None:
    """A failure that Stripe keeps under the key says so; a refusal is for good."""
    gateway, _ = failing(row.status, row.error, row.headers)
    with pytest.raises((RetryLater, Refused)) as raised:
        gateway.send("in_1", key="k")
    assert getattr(raised.value, "stored", None) is row.write


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.status}-{str(row.error)[:60]}-{row.headers}")
def test_nothing_is_stored_for_a_read(row: Row) -> None:
    """A read has no idempotency key, so its failure never asks for a new one."""
    gateway, _ = failing(row.status, row.error, row.headers)
    with pytest.raises((RetryLater, Refused)) as raised:
        gateway.invoice("in_1")
    assert getattr(raised.value, "stored", None) is row.read


@pytest.mark.parametrize("lost", [requests.ConnectTimeout("api"), requests.ConnectionError("reset"), OSError("gone")])
def test_no_answer_is_tried_again_under_the_same_key(lost: Exception) -> None:
    """A lost connection leaves nothing stored as a failure: the key stays, and so does every try of the SDK's own."""
    gateway, canned = failing(0, lost=lost)
    with pytest.raises(RetryLater, match=f"finalize in_1: Stripe did not answer \\({type(lost).__name__}\\)") as raised:
        gateway.finalize("in_1", key="acme:2026-07-01:finalize:v1")
    assert not raised.value.stored
    assert [sent["Idempotency-Key"] for _, _, sent in canned.seen] == ["acme:2026-07-01:finalize:v1"] * (1 + RETRIES)


@pytest.mark.parametrize(
    ("status", "headers", "tries"),
    [(500, {}, 3), (500, {"Stripe-Should-Retry": "false"}, 1), (409, {}, 3), (429, {}, 1), (400, {}, 1), (404, {}, 1)],
)
def test_the_sdk_repeats_only_what_may_pass(status: int, headers: dict[str, str], tries: int) -> None:
    """Conflicts and server errors are tried three times at most, a busy or refusing Stripe is left alone."""
    gateway, canned = failing(status, BROKEN, headers)
    with pytest.raises((RetryLater, Refused)):
        gateway.send("in_1", key="k")
    assert len(canned.seen) == tries


def test_a_refusal_says_what_stripe_said() -> None:
    """The message names the call, the status, the code and Stripe's request, for whoever looks into it."""
    gateway, _ = failing(400, BAD)
    with pytest.raises(Refused) as raised:
        gateway.send("in_1", key="k")
    assert str(raised.value) == (
        "send in_1: Stripe answered 400 parameter_unknown: Received unknown parameter: x (request req_1)"
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Invalid API Key provided: rk_live_****abcd", "Invalid API Key provided: [key]"),
        ("Invalid email address: 'ap@acme.example'", "Invalid email address: '[mail address]'"),
        ("whsec_abc and sk_test_51Ab are secret", "[key] and [key] are secret"),
    ],
)
def test_an_error_holds_no_key_and_no_mail_address(said: str, kept: str) -> None:
    """Stripe quotes what it complains about; that never reaches a log, not even as the cause."""
    gateway, _ = failing(400, {"type": "invalid_request_error", "message": said})
    with pytest.raises(Refused) as raised:
        gateway.create_customer(tenant="acme", name="Acme", email="ap@acme.example", key="k")
    assert kept in str(raised.value)
    assert raised.value.__suppress_context__
    assert raised.value.__cause__ is None


def test_an_unreadable_answer_is_not_quoted() -> None:
    """What a proxy in between answers is not Stripe's, and stays out of the message."""
    gateway, _ = failing(502, "<html>session=secret</html>")
    with pytest.raises(RetryLater, match="the answer is not one of Stripe's") as raised:
        gateway.send("in_1", key="k")
    assert "secret" not in str(raised.value)
