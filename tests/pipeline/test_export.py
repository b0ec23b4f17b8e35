"""A file of records, from the page on which a customer asks for it to the bytes that the browser saves."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import urllib3

from tests.adapters.rows.samples import change, new, record
from tests.domain.examples import contract
from tollgate.adapters.aws import local_clients
from tollgate.console import links
from tollgate.runtime import Runtime
from tollgate.settings import Settings
from tollgate.stages import contracts

PATIENCE_SECONDS = 60
TENANT = "exported"


def eventually[T](look: Callable[[], T | None]) -> T:
    """What it finds, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    pytest.fail("waited in vain")


@pytest.fixture
def home(stack: dict[str, Any], aws: Callable[[str], Any]) -> str:
    """The address of a customer's page, who has three messages of the day before yesterday."""
    runtime = Runtime(
        Settings(ledger_table=stack["tables"]["ledger"], accounts_table=stack["tables"]["accounts"]),
        count=lambda _name, _value: None,
        client=local_clients(stack["aws"], stack["region"]),
    )
    signed = contract(tenant=TENANT, senders=[{"provider": "aws-sms", "account": TENANT}])
    at = datetime(2026, 1, 2, tzinfo=UTC)
    contracts.apply({TENANT: signed.document()}, ports=runtime.contract_ports(), by="ops", at=at)
    now = datetime.now(UTC)
    day = now.date() - timedelta(days=2)
    runtime.ledger.commit(TENANT, new(*(record(name, day=day) for name in "abc")), change())
    key = aws("secretsmanager").get_secret_value(SecretId=f"{stack['stack']}/console-key")["SecretString"]
    return links.address(TENANT, site=stack["api"], key=key.encode(), generation=0, now=now)


def test_a_customer_gets_a_file(home: str, stack: dict[str, Any]) -> None:
    """By row, stream, bus, queue, function and bucket, each with the rights that the template gives; the address that
    the console hands out is one that this machine reaches, and nobody gets in without it."""
    http = urllib3.PoolManager()
    first = datetime.now(UTC).date() - timedelta(days=5)
    page = http.request("GET", f"{home}/exports").data.decode()
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None
    last = re.search(r'name="last" type="date" required min="[^"]*" max="([^"]+)"', page)
    assert last is not None
    asked = http.request(
        "POST",
        f"{home}/exports",
        body=urlencode({"csrf": token[1], "first": first, "last": last[1]}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": stack["api"]},
        redirect=False,
    )
    assert asked.status == 303
    link = urlsplit(f"{home}/exports").path
    eventually(lambda: re.search(rf'href="({link}/\d+)"', http.request("GET", f"{home}/exports").data.decode()))
    found = http.request("GET", f"{home}/exports/1", redirect=False)
    assert found.status == 303
    address = found.headers["Location"]
    assert urlsplit(address).hostname == "127.0.0.1"
    saved = http.request("GET", address)
    assert saved.status == 200
    assert saved.headers["Content-Disposition"].startswith(f'attachment; filename="{TENANT}-{first}')
    lines = gzip.decompress(saved.data).decode().splitlines()
    assert [line.split(",")[3] for line in lines] == ["message", "a", "b", "c"]
    assert http.request("GET", address.partition("?")[0]).status == 403

    listed = http.request(
        "GET",
        f"{stack['api']}/api/tenants/{TENANT}/exports",
        headers={"Authorization": f"Bearer {stack['secrets']['events_key']}"},
    )
    [row] = json.loads(listed.data)
    assert (row["state"], row["rows"], row["side"], row["size"]) == ("ready", 3, "customer", len(saved.data))
