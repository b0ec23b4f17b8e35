"""The customer's page: what a link shows, what it never shows, records to download, and who is told of usage."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.console.conftest import CONSOLE_KEY, NOW, World
from tests.console.visitor import SITE
from tests.domain.examples import contract
from tests.stages.billing import FEBRUARY, FREE, INDIA, JANUARY, Billing
from tollgate.console import links
from tollgate.domain.notices import Hold
from tollgate.domain.usage import Cell

SMS = Cell("sms", "sms", "North America")
LINK = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)


@pytest.fixture
def acme(world: World) -> Billing:
    """A tenant with usage, and another one that nobody may see."""
    Billing(contract=contract(tenant="other", name="Secret Ltd."), memory=world.memory).use("2026-03-09", "777.77")
    billing = Billing(contract=contract(), memory=world.memory)
    billing.use("2026-03-09", "0.75", cell=SMS, messages=37_500)
    billing.use("2026-03-10", "120.50", cell=INDIA)
    billing.use("2026-02-10", "3.25")
    return billing


@pytest.mark.usefixtures("acme")
def test_a_customer_sees_their_use_against_the_limits(world: World) -> None:
    """By day and category of the month that runs, with the pace; nothing of others, and no way into the console."""
    seen = world.visitor().get(LINK)
    assert seen.status == 200
    for said in (
        "75% of 50,000 messages. Suspended at the limit.",
        "March 9, 2026 37,500 37,500 USD 0.75",
        "WhatsApp utility India 1 1 USD 120.50",
        "About March 28, 2026.",
    ):
        assert said in seen.words
    assert not re.search(r'Secret|777|(href|action)="/console(?!/static)|3\.25', seen.text)
    assert "USD 3.25" in world.visitor().get(f"{LINK}?month=2026-02").words
    assert f'href="{LINK}?month=2026-02"' in seen.text


@pytest.mark.usefixtures("acme")
def test_a_hold_is_explained_without_what_we_think_of_it(world: World) -> None:
    """What ends it; a note of ours stays ours."""
    for cause, reference, note in (("limit", "2026-01-15", ""), ("manual", "fraud/x", "stolen cards")):
        hold = Hold(tenant="acme", scope="sms", cause=cause, reference=reference, opened_at=NOW, note=note, by="mia")
        world.memory.holds["acme", hold.identity] = hold
    seen = world.visitor().get(LINK)
    assert "what the contract includes is used up" in seen.words
    assert "please ask us" in seen.words
    assert not re.search("fraud|stolen|mia", seen.text)


def test_invoices_are_shown_once_they_are_issued(world: World) -> None:
    """Never a draft; an open one with the way to pay it, and only where that is a web address."""
    billing = Billing(contract=contract(allowances=FREE), memory=world.memory)
    billing.issued(JANUARY, "12.34", approved=datetime(2026, 2, 4, 12, tzinfo=UTC))
    billing.use("2026-02-10", "55.55")
    billing.close(datetime(2026, 3, 5, tzinfo=UTC))
    assert billing.invoice(FEBRUARY).status == "draft"
    january = billing.invoice(JANUARY)
    for url, shown in (("https://pay.example/x", True), ("javascript:alert(1)", False)):
        world.memory.invoices["acme", JANUARY] = replace(january, hosted_url=url, number="TG-1")
        seen = world.visitor().get(LINK)
        assert "TG-1 to pay USD 12.34" in seen.words
        assert (f'href="{url}"' in seen.text) == shown
        assert "55.55" not in seen.text.partition("Invoices</h2>")[2]
    world.memory.invoices["acme", JANUARY] = replace(january, overdue_on=NOW.date(), number="TG-1")
    assert "TG-1 past due" in world.visitor().get(LINK).words


@pytest.mark.usefixtures("acme")
def test_a_customer_chooses_who_is_told(world: World) -> None:
    """In their name; empty is the contract's again."""
    visitor = world.visitor()
    assert ">ops@acme.example</textarea>" in visitor.get(LINK).text
    seen = visitor.submit(f"{LINK}/warnings", {"recipients": "jo@acme.example\r\nli@acme.example", "version": "0"})
    assert (seen.status, seen.location) == (303, LINK)
    assert world.ports.preferences.of("acme").recipients == ("jo@acme.example", "li@acme.example")
    assert world.ports.preferences.of("other").version == 0
    [entry] = world.ports.audit.entries("acme")
    assert entry.by == "customer:acme"
    seen = visitor.get(LINK)
    assert "is from now on, gets a mail that says so" in seen.words
    assert ">jo@acme.example\nli@acme.example</textarea>" in seen.text
    assert "go back to those of the contract: ops@acme.example" in seen.words
    world.later(timedelta(minutes=1))
    assert visitor.submit(f"{LINK}/warnings", {"recipients": "", "version": "1"}).status == 303
    assert world.ports.preferences.of("acme").recipients == ()
    [first, second] = [notice for (tenant, _), (notice, _) in world.memory.notices.items() if tenant == "acme"]
    assert first.change is not None
    assert (first.kind, first.change.told) == (
        "settings-changed",
        ("ops@acme.example", "jo@acme.example", "li@acme.example"),
    )
    assert second.reference == "2"


@pytest.mark.usefixtures("acme")
def test_a_customer_chooses_further_shares(world: World) -> None:
    """Beside the contract's, which stay; one that usage is beyond says so, on the page and among the lines."""
    visitor = world.visitor()
    assert "Those of the contract are sent in any case: 75% and 100%." in visitor.get(LINK).words
    given = {"recipients": "", "shares-sms": "50, 90 %", "shares-whatsapp": "25", "version": "0"}
    assert visitor.submit(f"{LINK}/warnings", given).status == 303
    assert world.ports.preferences.of("acme").shares == {"sms": (50, 90), "whatsapp": (25,)}
    seen = visitor.get(LINK)
    assert "SMS is beyond 50% already: that warns from the next term on." in seen.words
    assert 'name="shares-sms" value="50, 90"' in seen.text
    lines = "50% 25,000 messages asked for from the next term on 75% 37,500 messages 90% 45,000 messages asked for"
    assert lines in seen.words
    world.later(timedelta(minutes=1))
    seen = visitor.submit(f"{LINK}/warnings", {**given, "version": "1"})
    assert seen.status == 303
    assert "Nothing has changed." in visitor.get(LINK).words
    [entry] = world.ports.audit.entries("acme")
    assert (entry.action, entry.by, entry.note) == ("shares", "customer:acme", "sms 50%, 90%; whatsapp 25%")


@pytest.mark.usefixtures("acme")
def test_a_wrong_share_is_named_with_its_channel_and_what_was_typed_stays(world: World) -> None:
    """Nothing is saved, nobody is told."""
    visitor = world.visitor()
    visitor.get(LINK)
    given = {"recipients": "", "shares-sms": "50, all", "shares-x": "10", "shares-whatsapp": "20", "version": "0"}
    seen = visitor.submit(f"{LINK}/warnings", given)
    assert seen.status == 400
    assert "SMS: This is no whole percent from 1 to 99: all" in seen.words
    assert "x: There is no limit to take a share of." in seen.words
    assert 'name="shares-sms" value="50, all"' in seen.text
    assert 'name="shares-whatsapp" value="20"' in seen.text
    assert (world.memory.preferences, world.memory.notices) == ({}, {})


@pytest.mark.usefixtures("acme")
def test_a_wrong_address_is_named_and_what_was_typed_stays(world: World) -> None:
    """Nothing is saved."""
    visitor = world.visitor()
    visitor.get(LINK)
    seen = visitor.submit(f"{LINK}/warnings", {"recipients": "jo@acme.example, <b>", "version": "0"})
    assert seen.status == 400
    assert "This is no mail address: &lt;b&gt;" in seen.text
    assert ">jo@acme.example, &lt;b&gt;</textarea>" in seen.text
    assert world.memory.preferences == {}
    stale = visitor.submit(f"{LINK}/warnings", {"recipients": "jo@acme.example", "version": "7"})
    assert (stale.status, world.memory.preferences) == (409, {})
    assert visitor.submit(f"{LINK}/warnings", {"recipients": "", "version": "x"}).status == 400


@pytest.mark.usefixtures("acme")
def test_a_choice_needs_the_pages_token(world: World) -> None:
    """A link alone, in another site's form, changes nothing."""
    visitor = world.visitor()
    visitor.get(LINK)
    for token, origin in (("", SITE), (visitor.csrf, "https://evil.example")):
        given = {"recipients": "eve@evil.example", "version": "0", "csrf": token}
        assert visitor.post(f"{LINK}/warnings", given, origin=origin).status == 403
    assert world.memory.preferences == {}


@pytest.mark.usefixtures("acme")
def test_records_are_downloaded_as_csv(world: World) -> None:
    """One line each, of this tenant alone, in the files that are listed."""
    visitor = world.visitor()
    listed = visitor.get(f"{LINK}/records")
    assert "March 9, 2026 to March 10, 2026 37,501" in listed.words
    hrefs = re.findall(r'href="([^"]*records\.csv[^"]*)"', listed.text)
    assert len(hrefs) == 2
    seen = visitor.get(hrefs[0].replace("&amp;", "&"))
    assert "acme-2026-03-09-2026-03-10.csv" in seen.headers["content-disposition"]
    lines = seen.text.splitlines()
    assert lines[0].startswith("day,time,provider,message")
    assert [(line.split(",")[0], line.split(",")[10]) for line in lines[1:]] == [
        ("2026-03-09", "0.75"),
        ("2026-03-10", "120.50"),
    ]


@pytest.mark.parametrize("days", ["first=2026-03-09&last=2026-03-09", "first=2026-01-01&last=2026-03-10", ""])
@pytest.mark.usefixtures("acme")
def test_only_listed_files_are_read(world: World, days: str) -> None:
    """Nobody makes us read a year at once."""
    assert world.visitor().get(f"{LINK}/records.csv?{days}").status == 400


@pytest.mark.usefixtures("acme")
def test_a_day_of_too_many_records_is_had_as_a_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than an answer that is cut off: the list leads to the form, and so does the old address."""
    monkeypatch.setattr("tollgate.stages.exports.MOST_ROWS", 1)
    monkeypatch.setattr("tollgate.console.customer.MOST_ROWS", 1)
    seen = world.visitor().get(f"{LINK}/records.csv?first=2026-03-09&last=2026-03-10")
    assert (seen.status, "Have it made as a file here" in seen.words) == (400, True)
    assert 'value="2026-03-09"' in seen.text
    assert world.visitor().submit(f"{LINK}/exports", {}).status == 403
    listed = world.visitor().get(f"{LINK}/records")
    assert f'href="{LINK}/exports?first=2026-03-09&amp;last=2026-03-10"' in listed.text


def test_a_link_of_a_tenant_that_is_gone_is_a_page(world: World) -> None:
    """As any other that leads nowhere."""
    assert [world.visitor().get(f"{LINK}{path}").status for path in ("", "/records")] == [404, 200]
