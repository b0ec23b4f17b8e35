"""Infobip: credentials, batches of reports, prices per part."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.providers.samples import HASHER, NOW, SETTING, only, parsed, receipt, sample, tree
from tests.providers.tokens import INFOBIP_SECRETS, basic
from tollgate.domain.facts import Recipient, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.infobip import INFOBIP
from tollgate.providers.provider import Request

REPORTS = sample("infobip", "sms_delivery_reports.json")
PASSWORD, TOKEN = INFOBIP_SECRETS["password"], INFOBIP_SECRETS["bearer_token"]
OWN = {**INFOBIP_SECRETS, "password:acme": "acme's own password", "bearer_token:beta": "beta's own token"}


def request(authorization: str, query: str = "", body: bytes = REPORTS) -> Request:
    return Request(
        method="POST",
        path="/webhooks/infobip",
        query=query,
        headers={"Authorization": authorization},
        body=body,
        received_at=NOW,
    )


def report(**changes: Any) -> Any:
    """A batch of one report with fields changed; a field set to ``...`` is taken out."""
    one = tree("infobip", "sms_delivery_reports.json")["results"][0] | changes
    return {"results": [{k: v for k, v in one.items() if v is not ...}]}


@pytest.mark.parametrize(
    ("authorization", "account"),
    [
        (basic("infobip", PASSWORD), ""),
        (f"Bearer {TOKEN}", ""),
        (f"bearer {TOKEN}", ""),
        (basic("acme", "acme's own password"), "acme"),
        ("Bearer beta's own token", "beta"),
    ],
)
def test_credentials_are_believed_and_an_accounts_own_speak_for_it_alone(authorization: str, account: str) -> None:
    """Basic or OAuth's bearer token, for all or for one account, whatever the body names."""
    INFOBIP.verify(request(authorization), OWN)
    assert INFOBIP.origin(request(authorization), OWN)["account"] == account
    arrived = replace(receipt("infobip", REPORTS), headers={"account": account})
    assert {fact.account for fact in INFOBIP.parse(arrived, SETTING).facts} == {account or "tnt_01JD3Y7R4Q"}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic x",
        "Basic " + "YTpi" * 3,
        basic("infobip", "another"),
        basic("infobip", ""),
        basic("", PASSWORD),
        basic("somebody", PASSWORD),
        basic("acme", PASSWORD),
        basic("infobip", "acme's own password"),
        basic("beta", "beta's own token"),
        "Bearer",
        "Bearer another",
        f"Bearer {PASSWORD}",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        "Bearer \ud800",
    ],
)
def test_other_credentials_are_forged(authorization: str) -> None:
    """A user chooses the password that has to match, and nothing else; an account's own is not another's."""
    with pytest.raises(Forged):
        INFOBIP.verify(request(authorization), OWN)


@pytest.mark.parametrize(
    ("secrets", "authorization"),
    [
        ({"password": PASSWORD}, basic("infobip", PASSWORD)),
        ({"password": PASSWORD}, basic("", PASSWORD)),
        ({"username": "infobip", "password": ""}, basic("infobip", "")),
        ({"username": "infobip", "password": PASSWORD, "password:infobip": ""}, basic("infobip", PASSWORD)),
        ({"bearer_token": ""}, "Bearer "),
        ({"bearer_token": ""}, "Bearer"),
        ({"username": "infobip"}, basic("infobip", "")),
    ],
)
def test_half_a_configuration_lets_nobody_in(secrets: dict[str, str], authorization: str) -> None:
    """What is not configured, or empty, matches nothing."""
    with pytest.raises(Forged):
        INFOBIP.verify(request(authorization), secrets)


def test_a_password_may_hold_a_colon() -> None:
    """Only the first one ends the user."""
    INFOBIP.verify(request(basic("u", "a:b")), {"username": "u", "password": "a:b"})


def test_the_address_names_the_channel() -> None:
    """One address a channel, since no report names it; without, they are texts."""
    assert INFOBIP.origin(request(basic("infobip", PASSWORD), "channel=whatsapp"), OWN)["channel"] == "whatsapp"
    assert INFOBIP.origin(request(basic("infobip", PASSWORD), "channel=a&channel=b"), OWN)["channel"] == ""
    arrived = receipt("infobip", sample("infobip", "whatsapp_delivery_report.json"))
    assert only(INFOBIP.parse(replace(arrived, headers={"channel": "whatsapp"}), SETTING)).meter == "whatsapp"
    assert only(INFOBIP.parse(replace(arrived, headers={"channel": ""}), SETTING)).meter == "sms"
    with pytest.raises(Malformed):
        INFOBIP.parse(replace(arrived, headers={"channel": "What#App"}), SETTING)


def test_a_report_has_its_total_and_its_times() -> None:
    """The price is per part; the offset has no colon; the send time places the message in a day."""
    fact = parsed("infobip", REPORTS).facts[0]
    assert (fact.meter, fact.message) == ("sms", "555bcc9e-0000-4e0e-8f01-000000000001")
    assert (fact.account, fact.status) == ("tnt_01JD3Y7R4Q", "DELIVERED_TO_HANDSET")
    assert fact.at == datetime(2026, 11, 21, 10, 0, 3, 230_000, UTC)
    assert fact.requested_at == datetime(2026, 11, 21, 10, 0, 0, 150_000, UTC)
    assert fact.report == Report(fact.at, 2, Decimal("0.02"), None, "EUR")
    assert fact.recipient == Recipient("2547", "KE", HASHER("254712345678"))


# groupId, name → status
STATUSES: list[tuple[int, str, str]] = [
    (3, "DELIVERED_TO_OPERATOR", "DELIVERED_TO_OPERATOR"),
    (3, "DELIVERED_TO_HANDSET", "DELIVERED_TO_HANDSET"),
    (3, "DELIVERED_OF_NEXT_YEAR", "DELIVERED"),
    (5, "REJECTED_NETWORK", "REJECTED_NETWORK"),
    (5, "DELIVERED_TO_HANDSET_NOT", "DELIVERED_TO_HANDSET_NOT"),
    (9, "OF_NEXT_YEAR", "OF_NEXT_YEAR"),
]


@pytest.mark.parametrize(("group", "name", "status"), STATUSES)
def test_a_status_is_known_by_its_name_else_by_its_group(group: int, name: str, status: str) -> None:
    """The group DELIVERED has more than one status; a new one of it is a delivery all the same."""
    assert (
        only(parsed("infobip", report(status={"groupId": group, "groupName": "X", "id": 9, "name": name}))).status
        == status
    )


# messageCount, price → segments, total, currency; None: no report
COSTS: list[tuple[Any, Any, tuple[int, str | None, str] | None]] = [
    (3, {"pricePerMessage": 0.01, "currency": "EUR"}, (3, "0.03", "EUR")),
    (3, {"pricePerMessage": "0.0125", "currency": "EUR"}, (3, "0.0375", "EUR")),
    (None, {"pricePerMessage": 0.01, "currency": "USD"}, (1, "0.01", "USD")),
    (2, {"pricePerMessage": 0, "currency": "EUR"}, (2, "0", "EUR")),
    (2, {"pricePerMessage": None, "currency": "EUR"}, (2, None, "")),
    (2, ..., (2, None, "")),
    (..., ..., None),
]


@pytest.mark.parametrize(("count", "price", "told"), COSTS)
def test_the_total_is_the_price_of_a_part_times_the_parts(
    count: Any, price: Any, told: tuple[int, str | None, str] | None
) -> None:
    """Exactly, never by floating point; a report without a price leaves it to a card."""
    found = only(parsed("infobip", report(messageCount=count, price=price))).report
    if told is None:
        assert found is None
    else:
        assert found is not None
        assert (found.segments, found.currency) == (told[0], told[2])
        assert found.price == (None if told[1] is None else Decimal(told[1]))


# platform, callbackData → account
ACCOUNTS: list[tuple[Any, Any, str]] = [
    ({"entityId": "acme", "applicationId": "app"}, '{"tenant_id": "beta"}', "acme"),
    ({"entityId": "", "applicationId": "app"}, '{"tenant_id": "beta"}', "beta"),
    ({"applicationId": "app"}, "not JSON", "app"),
    ({"applicationId": "app"}, "[1]", "app"),
    ({"applicationId": "app"}, '{"tenant_id": 7}', "app"),
    ({"applicationId": "app"}, '{"tenant_id": "new\\nline"}', "app"),
    ({"applicationId": "app"}, {"tenant_id": "beta"}, "app"),
    ({}, "[" * 50_000, ""),
    (None, None, ""),
]


@pytest.mark.parametrize(("platform", "data", "account"), ACCOUNTS)
def test_the_account_is_the_entity_else_the_tenant_in_our_data(platform: Any, data: Any, account: str) -> None:
    """Else the application; a report of none is nobody's, which quarantine shows."""
    assert only(parsed("infobip", report(platform=platform, callbackData=data))).account == account


def test_a_broken_report_loses_none_of_its_neighbours() -> None:
    """What can be counted is counted; the rest is named by its path."""
    body = tree("infobip", "sms_delivery_reports.json")
    body["results"][1]["price"]["pricePerMessage"] = "free"
    body["results"][2]["price"]["pricePerMessage"] = 999_999.99
    body["results"][2]["messageCount"] = 2
    body["results"] += [None, {"messageId": "x"}]
    found = parsed("infobip", body)
    assert [fact.message[-1] for fact in found.facts] == ["1"]
    assert [problem.path for problem in found.unreadable] == [
        "results.1.price.pricePerMessage",
        "results.2.price",
        "results.3",
        "results.4.status",
        "results.4.doneAt",
    ]


def test_a_seen_report_is_no_delivery() -> None:
    """Read receipts of WhatsApp come in a shape of their own."""
    assert parsed("infobip", sample("infobip", "whatsapp_seen_report.json")).ignored == ("seen-report",)


def test_the_group_is_the_entity_of_the_first_report() -> None:
    """One busy tenant does not delay the others."""
    assert INFOBIP.group(REPORTS) == "tnt_01JD3Y7R4Q"
    assert INFOBIP.group(b'{"results": []}') == "infobip"
