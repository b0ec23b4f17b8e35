"""Files of records in the browser: asked for by a link or a session, shown as they are made, downloaded while there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.console.conftest import CONSOLE_KEY, NOW, World
from tests.console.visitor import SITE, Visitor
from tests.domain.examples import contract
from tests.stages.billing import Billing
from tollgate.console import links
from tollgate.domain.exports import CUSTOMER, FAILED, LASTS, READY, RUNNING, STAFF, Export, Place, Selection
from tollgate.domain.facts import MessageKey
from tollgate.stages.export import ExportPorts, export

LINK = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)
OTHERS_LINK = links.address("other", generation=0, site="", key=CONSOLE_KEY, now=NOW)
STAFFS = "/console/exports/acme"
DAYS = {"first": "2026-02-01", "last": "2026-03-10"}


@pytest.fixture
def acme(world: World) -> Billing:
    """A tenant with usage, and another."""
    Billing(contract=contract(tenant="other", name="Secret Ltd."), memory=world.memory).use("2026-03-09", "777.77")
    billing = Billing(contract=contract(), memory=world.memory)
    billing.use("2026-02-10", "3.25")
    billing.use("2026-03-09", "0.75")
    return billing


def has(world: World, number: int, **fields: object) -> Export:
    """An export in the rows."""
    selection = Selection(first=date(2026, 2, 1), last=date(2026, 3, 10))
    one = Export(tenant="acme", selection=selection, side=CUSTOMER, by="customer:acme", requested_at=NOW)
    return world.ports.exports.add(replace(one, number=number, **fields))  # type: ignore[arg-type]  # its own fields


def made(world: World, number: int = 1) -> Export:
    """An export whose work is done."""
    ports = ExportPorts(exports=world.ports.exports, files=world.ports.export_files, ledger=world.ports.ledger)
    return export("acme", number, turn=0, ports=ports, now=world.now, has_time=lambda: True)


@pytest.mark.usefixtures("acme")
def test_a_customer_asks_for_a_file_and_downloads_it(world: World) -> None:
    """From the page of records; until it is there the page says how far it is, and then leads to the store."""
    visitor = world.visitor()
    assert f'href="{LINK}/exports"' in visitor.get(f"{LINK}/records").text
    assert "No file was asked for yet." in visitor.get(f"{LINK}/exports").words
    seen = visitor.submit(f"{LINK}/exports", DAYS)
    assert (seen.status, seen.location) == (303, f"{LINK}/exports#exports")
    waiting = visitor.get(f"{LINK}/exports")
    assert "It is being made." in waiting.words
    assert re.search("February 1, 2026 to March 10, 2026 .* waits See how far it is", waiting.words)
    assert 'hx-trigger="every 5s"' in waiting.text
    assert visitor.get(f"{LINK}/exports/1").status == 404
    done = made(world)
    ready = visitor.get(f"{LINK}/exports")
    assert re.search(r"ready Download .* until .* 2 1 kB", ready.words)
    assert "hx-trigger" not in ready.text
    assert "files.example" not in ready.text
    [href] = re.findall(rf'href="({LINK}/exports/\d+)"', ready.text)
    found = visitor.get(href)
    assert found.status == 303
    parts = urlsplit(found.location)
    assert (parts.netloc, parts.path) == ("files.example", f"/{done.key}")
    assert parse_qs(parts.query) == {"name": ["acme-2026-02-01-2026-03-10-1.csv.gz"], "lasts": ["60"]}


@pytest.mark.usefixtures("acme")
def test_asking_twice_is_one_file(world: World) -> None:
    """A reload of the form, or a second click."""
    visitor = world.visitor()
    visitor.get(f"{LINK}/exports")
    for _ in range(2):
        assert visitor.submit(f"{LINK}/exports", DAYS).status == 303
    assert list(world.memory.exports) == [("acme", 1)]
    made(world)
    visitor.submit(f"{LINK}/exports", DAYS)
    assert "It is there already." in visitor.get(f"{LINK}/exports").words
    assert list(world.memory.exports) == [("acme", 1)]
    [entry] = world.ports.audit.entries("acme")
    assert (entry.by, entry.what, entry.note) == ("customer:acme", "customer", "2026-02-01 to 2026-03-10")


@pytest.mark.usefixtures("acme")
def test_a_link_is_needed_and_the_pages_token(world: World) -> None:
    """A forged link, one of another generation or one that is over, or another site's form, makes nothing."""
    visitor = world.visitor()
    visitor.get(f"{LINK}/exports")
    for token, origin in (("", SITE), (visitor.csrf, "https://evil.example")):
        assert visitor.post(f"{LINK}/exports", {**DAYS, "csrf": token}, origin=origin).status == 403
    has(world, 1, status=READY, finished_at=NOW)
    forged = LINK[:-1] + ("A" if LINK[-1] != "A" else "B")
    assert [visitor.get(f"{forged}/exports{path}").status for path in ("", "/1")] == [404, 404]
    assert visitor.submit(f"{forged}/exports", DAYS).status == 404
    ended = links.address("acme", generation=1, site="", key=CONSOLE_KEY, now=NOW)
    assert [visitor.get(f"{ended}/exports{path}").status for path in ("", "/1")] == [404, 404]
    world.later(links.LASTS)
    assert visitor.get(f"{LINK}/exports/1").status == 404
    assert list(world.memory.exports) == [("acme", 1)]


@pytest.mark.usefixtures("acme")
def test_another_tenants_export_is_not_there(world: World) -> None:
    """Nor one that staff made of this tenant: neither in the list nor by its number."""
    has(world, 1, status=READY, finished_at=NOW)
    has(world, 2, status=READY, finished_at=NOW, side=STAFF, by="ada", requested_at=NOW - timedelta(seconds=1))
    visitor = world.visitor()
    assert visitor.get(f"{LINK}/exports/1").status == 303
    assert [visitor.get(f"{LINK}/exports/{name}").status for name in ("2", "3", "x", "-1")] == [404] * 4
    assert "ada" not in visitor.get(f"{LINK}/exports").text
    assert visitor.get(f"{OTHERS_LINK}/exports/1").status == 404
    assert "No file was asked for yet." in visitor.get(f"{OTHERS_LINK}/exports").words


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ({"first": "soon", "last": ""}, "Please give both days, such as 2026-03-01."),
        ({"first": "2025-02-28", "last": "2026-03-01"}, "one that records are kept of: 2025-03-01 - 2026-03-10."),
        ({"first": "2026-03-01", "last": "2026-03-11"}, "not after today: 2026-03-10."),
    ],
)
@pytest.mark.usefixtures("acme")
def test_days_that_cannot_be_had_are_named_and_what_was_typed_stays(
    world: World, days: dict[str, str], said: str
) -> None:
    """Nothing is written."""
    visitor = world.visitor()
    visitor.get(f"{LINK}/exports")
    seen = visitor.submit(f"{LINK}/exports", days)
    assert (seen.status, said in seen.words) == (400, True)
    assert f'value="{days["first"]}"' in seen.text
    assert world.memory.exports == {}


@pytest.mark.usefixtures("acme")
def test_nobody_runs_up_costs(world: World) -> None:
    """A third file at once is refused, with what to wait for; staff has room of its own."""
    visitor = world.visitor()
    visitor.get(f"{LINK}/exports")
    for day in ("01", "02"):
        assert visitor.submit(f"{LINK}/exports", {**DAYS, "first": f"2026-02-{day}"}).status == 303
    seen = visitor.submit(f"{LINK}/exports", {**DAYS, "first": "2026-02-03"})
    assert (seen.status, "2 files are being made already. Wait until one is ready." in seen.words) == (400, True)
    assert len(world.memory.exports) == 2
    staff = world.visitor()
    staff.sign_in("finance")
    staff.get(STAFFS)
    assert staff.submit(STAFFS, DAYS).status == 303


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"status": RUNNING, "place": Place(after_day=date(2026, 2, 7), after=MessageKey("m", "x", ""), rows=1_234)},
         "being made up to February 7, 2026 1,234 so far"),
        ({"status": FAILED, "failure": "too-many"}, "failed It has too many messages for one file"),
        ({"status": RUNNING, "requested_at": NOW - timedelta(days=1)}, "failed It took longer than a day"),
        ({"status": READY, "finished_at": NOW - LASTS, "rows": 5, "size": 12_345_678}, "no longer kept 5 12.3 MB"),
        ({"status": READY, "finished_at": NOW, "rows": 0, "size": 90}, "March 17, 2026"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("acme")
def test_every_state_is_said(world: World, fields: dict[str, object], shown: str) -> None:
    """With how far it is, why it failed, or until when it is there; a download only for what is there."""
    has(world, 1, **fields)
    seen = world.visitor().get(f"{LINK}/exports")
    assert shown in seen.words
    assert ("Download" in seen.words) == (fields["status"] == READY and fields["finished_at"] == NOW)


@pytest.mark.usefixtures("acme")
def test_htmx_gets_the_list_alone(world: World) -> None:
    """Every few seconds, while something is being made."""
    has(world, 1)
    part = world.visitor().get(f"{LINK}/exports", hx_request="true", hx_target="exports")
    assert part.text.strip().startswith("<section")
    assert "waits" in part.words


@pytest.mark.usefixtures("acme")
def test_staff_asks_for_any_tenants_records(world: World, signed_in: Callable[..., Visitor]) -> None:
    """All of them or those of a line, and sees who asked for what, customers too; their own exports stay their own."""
    has(world, 1, status=READY, finished_at=NOW)
    visitor = signed_in("finance")
    assert f'href="{STAFFS}"' in visitor.get("/console/tenants/acme").text
    seen = visitor.get(f"{STAFFS}?line=utility/India&first=2026-02-01&last=2026-02-28")
    assert "Only utility/India." in seen.words
    assert visitor.submit(STAFFS, {**DAYS, "line": "utility/India"}).status == 303
    listed = visitor.get(STAFFS)
    assert "utility/India" in listed.words
    assert "by 7f3a-ada" in listed.words
    assert "by customer:acme" in listed.words
    assert visitor.get(f"{STAFFS}/1").status == 303
    asked = world.memory.exports["acme", 2]
    assert (asked.side, asked.by, asked.selection.line) == (STAFF, "7f3a-ada", "utility/India")
    assert visitor.get("/console/exports/nobody").status == 404
    assert visitor.submit("/console/exports/nobody", DAYS).status == 404


@pytest.mark.parametrize(("role", "may"), [("finance", True), ("ops", True), ("read-only", False)])
@pytest.mark.usefixtures("acme")
def test_roles_decide_who_may_ask(world: World, signed_in: Callable[..., Visitor], role: str, may: bool) -> None:
    """Who only reads downloads what is there, and has no form."""
    has(world, 1, status=READY, finished_at=NOW)
    visitor = signed_in(role)
    assert ("Make the file" in visitor.get(STAFFS).words) == may
    assert visitor.submit(STAFFS, DAYS).status == (303 if may else 403)
    assert visitor.get(f"{STAFFS}/1").status == 303
    assert (("acme", 2) in world.memory.exports) == may
    assert visitor.post(STAFFS, {**DAYS, "csrf": ""}, origin=SITE).status == 403


@pytest.mark.usefixtures("acme")
def test_a_form_of_staff_brings_no_more_than_days(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Who it is for and by whom is not for the browser to say."""
    visitor = signed_in("finance")
    visitor.get(STAFFS)
    visitor.submit(STAFFS, {**DAYS, "side": "customer", "by": "eve", "tenant": "other", "number": "9"})
    [(key, asked)] = world.memory.exports.items()
    assert (key, asked.side, asked.by) == (("acme", 1), STAFF, "7f3a-ada")
