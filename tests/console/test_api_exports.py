"""Files of records by the API: the same rows as on the pages, for scripts of staff."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.console.conftest import PLATFORM_KEY, World
from tests.console.visitor import event_of, seen_of
from tests.domain.examples import contract
from tests.stages.billing import Billing
from tollgate.domain.exports import LASTS, STAFF
from tollgate.stages.export import ExportPorts, export

EXPORTS = "/api/tenants/acme/exports"
DAYS = {"first": "2026-02-01", "last": "2026-03-10", "by": "ada"}


@pytest.fixture(autouse=True)
def _acme(world: World) -> None:
    Billing(contract=contract(tenant="other"), memory=world.memory).use("2026-03-09", "777.77")
    Billing(contract=contract(), memory=world.memory).use("2026-02-10", "3.25")


def call(world: World, method: str, address: str, body: Any = None, *, key: str = PLATFORM_KEY) -> tuple[int, Any]:
    """Status and answer."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    sent = None if body is None else base64.b64encode(json.dumps(body).encode()).decode()
    seen = seen_of(world.answer(event_of(method, address, headers=headers, cookies={}, body=sent)))
    return seen.status, json.loads(seen.text)


def test_a_script_asks_waits_and_downloads(world: World) -> None:
    """In the name that it says; the address comes with a file that is ready, and with no other."""
    status, asked = call(world, "POST", EXPORTS, DAYS | {"line": "utility/India"})
    assert (status, asked["number"], asked["state"], asked["by"], asked["side"]) == (200, 1, "requested", "ada", STAFF)
    assert (asked["line"], asked["meter"], asked["download"]) == ("utility/India", None, None)
    assert call(world, "POST", EXPORTS, DAYS | {"line": "utility/India"})[1] == asked
    assert call(world, "GET", EXPORTS) == (200, [asked])
    assert call(world, "GET", f"{EXPORTS}/1") == (200, asked)
    ports = ExportPorts(exports=world.ports.exports, files=world.ports.export_files, ledger=world.ports.ledger)
    export("acme", 1, turn=0, ports=ports, now=world.now, has_time=lambda: True)
    status, ready = call(world, "GET", f"{EXPORTS}/1")
    assert (status, ready["state"], ready["rows"], ready["lasts_until"]) == (200, "ready", 0, "2026-03-17T18:00:00Z")
    assert ready["download"].startswith("https://files.example/exports/acme/00000001.csv.gz")
    assert call(world, "GET", EXPORTS)[1][0]["download"] is None
    world.later(LASTS)
    assert call(world, "GET", f"{EXPORTS}/1")[1]["state"] == "expired"


def test_an_export_that_never_came_to_its_end_says_so(world: World) -> None:
    """Though nobody wrote it."""
    call(world, "POST", EXPORTS, DAYS)
    world.later(timedelta(days=1))
    _, late = call(world, "GET", f"{EXPORTS}/1")
    assert (late["state"], late["failure"]) == ("failed", "it took longer than a day")


@pytest.mark.parametrize(
    ("method", "address", "body", "key", "status"),
    [
        ("POST", EXPORTS, DAYS, "another", 401),
        ("GET", f"{EXPORTS}/1", None, "another", 401),
        ("POST", EXPORTS, {**DAYS, "by": None}, PLATFORM_KEY, 400),
        ("POST", EXPORTS, {**DAYS, "first": "soon"}, PLATFORM_KEY, 400),
        ("POST", EXPORTS, {**DAYS, "side": "customer"}, PLATFORM_KEY, 400),
        ("POST", EXPORTS, {**DAYS, "last": "2026-03-11"}, PLATFORM_KEY, 400),
        ("POST", "/api/tenants/nobody/exports", DAYS, PLATFORM_KEY, 404),
        ("GET", "/api/tenants/nobody/exports", None, PLATFORM_KEY, 404),
        ("GET", "/api/tenants/other/exports/1", None, PLATFORM_KEY, 404),
        ("GET", f"{EXPORTS}/7", None, PLATFORM_KEY, 404),
        ("GET", f"{EXPORTS}/x", None, PLATFORM_KEY, 400),
    ],
)
def test_what_is_not_for_a_caller_is_refused(
    world: World, method: str, address: str, body: Any, key: str, status: int
) -> None:
    """No key, no name, no such days, nobody's tenant, another tenant's number; nothing is written."""
    call(world, "POST", EXPORTS, DAYS)
    before = dict(world.memory.exports)
    assert call(world, method, address, body, key=key)[0] == status
    assert world.memory.exports == before


def test_a_failed_one_tells_why(world: World) -> None:
    """In its own words."""
    call(world, "POST", EXPORTS, DAYS)
    row = world.memory.exports["acme", 1]
    world.memory.exports["acme", 1] = replace(row, status="failed", failure="too-many")
    assert call(world, "GET", f"{EXPORTS}/1")[1]["failure"] == "it has too many messages for one file"
