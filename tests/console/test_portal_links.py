"""A tenant's link to its own page: shown once, mailed, ended; by finance and ops, from a form of ours, with a name."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.console.conftest import CONSOLE_KEY, NOW, World
from tests.console.visitor import SITE, Visitor
from tests.domain.examples import contract
from tests.stages.billing import Billing
from tollgate.console import links, seals

ACME = "/console/tenants/acme"
WHO = ["finance", "ops"]


@pytest.fixture(autouse=True)
def acme(world: World) -> Billing:
    """A tenant, and another one."""
    Billing(contract=contract(tenant="other", name="Secret Ltd."), memory=world.memory)
    return Billing(contract=contract(), memory=world.memory)


def trail(world: World) -> list[tuple[str, str]]:
    return [(entry.by, entry.what) for entry in world.ports.audit.entries("acme") if entry.action == "link"]


def given(visitor: Visitor, name: str) -> str:
    [found] = re.findall(rf'name="{name}" value="([^"]*)"', visitor.get(ACME).text)
    return str(found)


@pytest.mark.parametrize("role", WHO)
def test_a_link_is_shown_once_to_copy(world: World, signed_in: Callable[..., Visitor], role: str) -> None:
    """It opens that tenant's page and nothing else, for thirty days; the trail says who had it shown."""
    visitor = signed_in(role)
    assert 'data-dialog="show-link"' in visitor.get(ACME).text
    seen = visitor.submit(f"{ACME}/link")
    assert (seen.status, seen.headers["cache-control"]) == (200, "no-store")
    [shown] = re.findall(r"<textarea[^>]*>([^<]*)</textarea>", seen.text)
    path = html.unescape(shown).removeprefix(SITE)
    assert "Usage of Acme Retail, Inc." in world.visitor().get(path).words
    assert "until April 9, 2026" in seen.words
    assert trail(world) == [(world.identity.claims["sub"], "shown")]
    assert visitor.get(f"{ACME}/link").status == 404
    world.later(timedelta(days=30))
    assert world.visitor().get(path).status == 404


@pytest.mark.parametrize("role", WHO)
def test_a_link_is_mailed_to_the_contracts_contacts(world: World, signed_in: Callable[..., Visitor], role: str) -> None:
    """A notice, whose mail is to be seen on the page; a form that is sent twice is one mail."""
    visitor = signed_in(role)
    request = given(visitor, "request")
    for said in ("goes out to the contract", "asked for already"):
        seen = visitor.submit(f"{ACME}/link/mail", {"request": request})
        assert (seen.status, seen.location) == (303, ACME)
        assert said in visitor.get(ACME).words
        world.later(timedelta(seconds=1))
    [(notice, _)] = world.memory.notices.values()
    assert (notice.kind, notice.tenant) == ("usage-link", "acme")
    assert "Usage link the customer's page" in html.unescape(visitor.get(ACME).words)
    assert [what for _, what in trail(world)] == ["mailed"]


def test_links_that_are_ended_open_nothing_any_more(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Also those from before there were generations. Another tenant's go on, a new one works, and the form again ends
    none."""
    old = "/usage/" + seals.sealed(
        {"tenant": "acme"}, key=CONSOLE_KEY, purpose=links.PURPOSE, until=NOW + timedelta(days=9)
    )
    first = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)
    other = links.address("other", generation=0, site="", key=CONSOLE_KEY, now=NOW)
    customer = world.visitor()
    assert [customer.get(link).status for link in (old, first, other)] == [200, 200, 200]
    visitor = signed_in("ops")
    generation = given(visitor, "generation")
    assert visitor.submit(f"{ACME}/link/end", {"generation": generation}).location == ACME
    assert "Every link that there was has ended." in visitor.get(ACME).words
    assert [customer.get(link).status for link in (old, first, other)] == [404, 404, 200]
    assert customer.submit(f"{first}/warnings", {"recipients": "eve@evil.example", "version": "0"}).status == 404
    assert world.memory.preferences == {}
    world.later(timedelta(seconds=1))
    visitor.submit(f"{ACME}/link")
    second = links.address("acme", generation=1, site="", key=CONSOLE_KEY, now=NOW)
    assert customer.get(second).status == 200
    assert visitor.submit(f"{ACME}/link/end", {"generation": generation}).location == ACME
    assert "Somebody has ended them already." in visitor.get(ACME).words
    assert customer.get(second).status == 200
    assert visitor.submit(f"{ACME}/link/end", {"generation": "9"}).status == 409
    assert visitor.submit(f"{ACME}/link/end", {"generation": "x"}).status == 400
    assert [what for _, what in trail(world)] == ["all-ended", "shown"]


@pytest.mark.parametrize("path", ["/link", "/link/mail", "/link/end"])
def test_only_finance_and_ops_and_only_from_our_own_page(
    world: World, signed_in: Callable[..., Visitor], path: str
) -> None:
    """Who may read only is refused and sees no button; another site's form, and one without a token, does nothing."""
    fields = {"request": "2026-03-10T18:00:00Z", "generation": "0"}
    reader = signed_in("read-only")
    assert not re.search("link", re.sub(r"skip-link", "", reader.get(ACME).text).partition("<main")[2])
    assert reader.submit(f"{ACME}{path}", fields).status == 403
    visitor = signed_in("finance")
    visitor.get(ACME)
    for token, origin in (("", SITE), (visitor.csrf, "https://evil.example")):
        assert visitor.post(f"{ACME}{path}", {**fields, "csrf": token}, origin=origin).status == 403
    assert world.visitor().post(f"{ACME}{path}", fields).status == 401
    assert (world.memory.notices, world.memory.generations, trail(world)) == ({}, {}, [])


@pytest.mark.parametrize("path", ["/link", "/link/mail", "/link/end"])
def test_a_tenant_that_is_not_there_has_no_links(signed_in: Callable[..., Visitor], path: str) -> None:
    """And no profile is made for it."""
    visitor = signed_in("ops")
    visitor.get(ACME)
    fields = {"request": "2026-03-10T18:00:00Z", "generation": "0"}
    assert visitor.submit(f"/console/tenants/nobody{path}", fields).status == 404


def test_the_page_says_whom_the_customer_chose(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Beside whom the contract names."""
    customer = world.visitor()
    link = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)
    customer.get(link)
    customer.submit(f"{link}/warnings", {"recipients": "jo@acme.example", "version": "0"})
    words = signed_in("read-only").get(ACME).words
    assert "Usage mails jo@acme.example chosen by the customer instead of ops@acme.example" in words
