"""The tenants' pages: use against the limits, notices, holds by hand, and contract versions side by side."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.console.conftest import NOW, World
from tests.console.visitor import Visitor
from tests.domain.examples import TERM_START, D, contract
from tests.stages.billing import Billing
from tollgate.domain.notices import LIMIT_REACHED, OVERDUE, SETTINGS_CHANGED, USAGE_WARNING, Hold, Notice
from tollgate.domain.preferences import Change
from tollgate.domain.usage import Cell
from tollgate.stages.ports.accounts import MailState

SMS = Cell("sms", "sms", "North America")
ACME = "/console/tenants/acme"
OPENED = datetime.fromisoformat("2026-03-04T09:00:00+00:00")


@pytest.fixture
def acme(world: World) -> Billing:
    """A tenant that has used three quarters of its SMS and is over its WhatsApp fees."""
    billing = Billing(contract=contract(), memory=world.memory)
    billing.use("2026-03-09", "0.75", cell=SMS, messages=37_500)
    billing.use("2026-03-10", "1020.50")
    row = world.memory.terms["acme", TERM_START]
    world.memory.terms["acme", TERM_START] = row.crossing("sms", 75)
    return billing


def held(world: World, **changes: Any) -> Hold:
    """A hold that is there."""
    given: dict[str, Any] = {
        "tenant": "acme",
        "scope": "sms",
        "cause": "manual",
        "reference": "fraud/x",
        "opened_at": OPENED,
    }
    hold = Hold(**(given | changes))
    world.memory.holds["acme", hold.identity] = hold
    return hold


def told(world: World, mail: MailState, **changes: Any) -> None:
    """A notice that is there, with its mail."""
    given: dict[str, Any] = {"tenant": "acme", "term": TERM_START, "at": OPENED, "used": D(37_500)}
    notice = Notice(**(given | changes))
    world.memory.notices["acme", notice.identity] = (notice, mail)


@pytest.mark.usefixtures("acme")
def test_every_tenant_is_there_with_its_use_and_what_to_look_at(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """Shares in words and as a picture, the expected day, open holds and mails that did not arrive."""
    held(world)
    told(world, MailState(status="bounced"), kind=USAGE_WARNING, meter="sms", line=75, included=D(50_000))
    seen = signed_in("read-only").get("/console/tenants")
    assert "SMS 75% 37,500 messages of 50,000 messages" in seen.words
    assert "WhatsApp 102% USD 1,020.50 of USD 1,000.00" in seen.words
    assert "SMS About March 28, 2026. WhatsApp The limit is reached." in re.sub(r" +", " ", seen.words)
    assert "SMS on hold: fraud" in seen.words
    assert "1 undelivered mail" in seen.words
    assert 'aria-label="SMS: 37,500 messages of 50,000 messages, 75%"' in seen.text
    assert 'class="used over"' in seen.text


def test_tenants_are_filtered_and_come_in_pages(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Twenty-five at a time, within a page's size also with many channels; the way on keeps the filter."""
    many = {
        f"m{n}": {"measure": "messages", "included": 9, "warn_at": [50, 75, 90], "beyond": "suspend"} for n in range(4)
    }
    for n in range(28):
        Billing(contract=contract(tenant=f"shop-{n:02}", allowances=many), memory=world.memory)
    visitor = signed_in("ops")
    first = visitor.get("/console/tenants?q=SHOP")
    assert first.text.count("<tr data-href") == 25
    assert 'href="/console/tenants?q=SHOP&amp;after=shop-24"' in first.text
    rest = visitor.get("/console/tenants?q=SHOP&after=shop-24")
    assert re.findall(r'data-href="/console/tenants/([\w-]+)"', rest.text) == ["shop-25", "shop-26", "shop-27"]
    assert "No tenant fits" in visitor.get("/console/tenants?q=bank").words
    assert len(first.text) < 150_000


def test_before_any_contract_the_page_says_so(signed_in: Callable[..., Visitor]) -> None:
    """An empty table would look broken."""
    assert "No contract has been applied yet." in signed_in("ops").get("/console/tenants").words


@pytest.mark.usefixtures("acme")
def test_a_tenant_is_shown_with_lines_pace_and_days(signed_in: Callable[..., Visitor]) -> None:
    """Each line with its amount and whether it was crossed; every day that a picture shows is in a table too."""
    seen = signed_in("read-only").get(ACME)
    assert "75% of 50,000 messages. Suspended at the limit." in seen.words
    assert "75% 37,500 messages crossed 100% 50,000 messages" in seen.words
    assert re.search(r"Pace 68\d messages a day", seen.words)
    assert "March 9, 2026 37,500 37,500 USD 0.75" in seen.words
    assert "<title>March 9, 2026: 37,500 messages</title>" in seen.text
    assert "Nothing was ever suspended." in seen.words


@pytest.mark.usefixtures("acme")
def test_notices_say_whether_their_mails_arrived(world: World, signed_in: Callable[..., Visitor]) -> None:
    """To whom, and what the mail service said; an invoice's notice names its invoice."""
    told(world, MailState(status="delivered", to=("ops@acme.example",), sent_at=NOW), kind=USAGE_WARNING, meter="sms",
         line=75, included=D(50_000))  # fmt: skip
    bounced = MailState(status="bounced", to=("Jo@acme.example",), failed=("jo@acme.example",), reasons=("full",))
    told(world, bounced, kind=LIMIT_REACHED, meter="whatsapp", line=100, used=D(1000), included=D(1000))
    told(world, MailState(), kind=OVERDUE, used=D("12.5"), period=TERM_START)
    words = signed_in("read-only").get(ACME).words
    assert "37,500 messages of 50,000 messages delivered" in words
    assert "USD 1,000.00 of USD 1,000.00 bounced full Jo@acme.example failed" in words
    assert "Overdue invoice from January 15, 2026" in words
    assert "USD 12.50 queued" in words


@pytest.mark.usefixtures("acme")
def test_what_a_customer_chose_is_told_apart(world: World, signed_in: Callable[..., Visitor]) -> None:
    """A line they asked for among the lines and the notices; and that a link of theirs changed something."""
    told(world, MailState(), kind=USAGE_WARNING, meter="sms", line=50, included=D(50_000), asked=True)
    change = Change(recipients_before=("a@x.example",), recipients=(), shares_before={}, shares={}, passed={})
    told(world, MailState(), kind=SETTINGS_CHANGED, change=change, reference="1")
    row = world.memory.terms["acme", TERM_START]
    world.memory.terms["acme", TERM_START] = replace(row, asked=frozenset({("sms", 90)}))
    words = signed_in("read-only").get(ACME).words
    assert "Usage warning SMS, 50%, asked for by the customer" in words
    assert re.search(r"Settings changed by a customer's link March 4, 2026[^–]+ – queued", words.replace("&#39;", "'"))
    assert "90% 45,000 messages asked for 100%" in words


@pytest.mark.usefixtures("acme")
def test_a_hold_is_opened_with_a_cause_and_a_note(world: World, signed_in: Callable[..., Visitor]) -> None:
    """After a question; the trail knows whose it is, and the page shows it."""
    visitor = signed_in("ops")
    assert 'id="open-hold" aria-labelledby="open-hold-title" open' in visitor.get(f"{ACME}?confirm=open-hold").text
    seen = visitor.submit(f"{ACME}/holds", {"scope": "all", "cause": "fraud", "note": "the bank called"})
    assert (seen.status, seen.location) == (303, ACME)
    [hold] = world.memory.holds.values()
    assert (hold.scope, hold.cause, hold.note, hold.by) == ("all", "manual", "the bank called", "7f3a-ada")
    assert [entry["entry"].by for entry in world.memory.audit] == ["7f3a-ada"]
    words = visitor.get(ACME).words
    assert "All services are suspended until somebody lifts the hold." in words
    assert "All services on hold: fraud" in words


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"scope": "all", "cause": "fraud", "note": " "}, "note"),
        ({"scope": "fax", "cause": "fraud", "note": "x"}, "expected one of all, sms, whatsapp"),
        ({"scope": "sms", "cause": "It's fraud", "note": "x"}, "expected a word such as fraud"),
    ],
)
@pytest.mark.usefixtures("acme")
def test_a_hold_that_says_nothing_is_refused(
    world: World, signed_in: Callable[..., Visitor], fields: dict[str, str], says: str
) -> None:
    """Whatever the browser let through."""
    visitor = signed_in("ops")
    visitor.get(ACME)
    seen = visitor.submit(f"{ACME}/holds", fields)
    assert (seen.status, world.memory.holds) == (400, {})
    assert says in seen.text.replace("&#39;", "'")


@pytest.mark.usefixtures("acme")
def test_only_what_was_opened_by_hand_is_lifted_by_hand(world: World, signed_in: Callable[..., Visitor]) -> None:
    """A limit's hold has no button, and is refused to who posts it all the same."""
    manual, limit = held(world, by="mia", note="odd"), held(world, cause="limit", reference="2026-01-15")
    visitor = signed_in("finance")
    seen = visitor.get(ACME)
    assert re.findall(r'name="hold" value="([^"]*)"', seen.text) == [manual.identity]
    assert "lifted by a higher limit or the next term" in seen.words
    assert visitor.submit(f"{ACME}/holds/lift", {"hold": limit.identity, "note": "x"}).status == 409
    assert visitor.submit(f"{ACME}/holds/lift", {"hold": manual.identity, "note": "cleared"}).location == ACME
    assert [hold.is_open for hold in world.memory.holds.values()] == [False, True]


@pytest.mark.usefixtures("acme")
def test_who_may_only_read_sees_no_buttons(world: World, signed_in: Callable[..., Visitor]) -> None:
    """Neither the links nor the dialogs behind them."""
    held(world)
    seen = signed_in("read-only").get(f"{ACME}?confirm=open-hold")
    assert not re.search("open-hold|holds/lift", seen.text.replace("?confirm=open-hold", ""))


def test_versions_stand_side_by_side(acme: Billing, signed_in: Callable[..., Visitor]) -> None:
    """The last two unasked, any two when asked; who approved a changed limit, by what and since when."""
    approval = {"by": "M. Chen", "document": "AMD-14"}
    sms = {"measure": "messages", "included": 80_000, "warn_at": [75], "beyond": "suspend"}
    acme.sign(contract(**{"from": "2026-02-10"}, allowances={"sms": sms}, approval=approval))
    acme.sign(contract(**{"from": "2026-03-01"}, name="Acme <Retail>", allowances={"sms": sms}))
    visitor = signed_in("read-only")
    seen = visitor.get(ACME)
    assert "February 10, 2026 SMS M. Chen AMD-14" in seen.words
    assert "name Acme Retail, Inc. Acme &lt;Retail&gt;" in seen.words
    assert "allowances.sms.included" not in seen.words
    asked = visitor.get(f"{ACME}?before=2026-01-15&after=2026-03-01")
    assert "allowances.sms.included 50000 80000" in asked.words
    part = visitor.get(f"{ACME}?before=2026-01-15&after=2026-02-10", hx_request="true", hx_target="compared").text
    assert part.strip().startswith('<section id="compared"')
    assert "80000" in part


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"{ACME}?before=soon", 400), (f"{ACME}?before=2026-01-16", 404), ("/console/tenants/nobody", 404)],
)
@pytest.mark.usefixtures("acme")
def test_what_is_not_there_is_a_page(signed_in: Callable[..., Visitor], path: str, status: int) -> None:
    """A wrong address says so."""
    assert signed_in("read-only").get(path).status == status


def test_a_tenant_whose_allowance_includes_nothing_has_no_limit_to_reach(
    world: World, signed_in: Callable[..., Visitor]
) -> None:
    """All of it is billed; there is no share of nothing."""
    whatsapp = {"measure": "fees", "included": "0", "warn_at": [], "beyond": "bill"}
    Billing(contract=contract(allowances={"whatsapp": whatsapp}), memory=world.memory)
    assert "Nothing is included: all of it is billed." in signed_in("ops").get(ACME).words


def test_a_month_without_use_says_so(world: World, signed_in: Callable[..., Visitor]) -> None:
    """And a picture of nothing is not drawn."""
    billing = Billing(contract=contract(), memory=world.memory)
    billing.use("2026-01-20", "1")
    assert "Nothing was used in these days." in signed_in("ops").get(ACME).words
