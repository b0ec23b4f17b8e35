"""What finance, ops and a customer do in a day, on the deployed system, with its real steps behind it."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from local.demo import wire
from local.demo.place import Place
from local.demo.story import GERMANY, Message
from local.showroom import pages, story
from tests.browser.conftest import Visit, Windows


def state(page: Page) -> str:
    """What the invoice on the page is, by its tag."""
    return page.locator("h1 .tag").inner_text()


def wait_for_state(place: Place, page: Page, wanted: str) -> None:
    """Load the page until the invoice is that far: Stripe is asked behind it."""

    def reached() -> bool:
        page.reload()
        return state(page) == wanted

    place.until(reached, what=f"the invoice to be {wanted}")


def test_what_a_provider_billed_otherwise_is_seen_before_it_is_approved(
    visit: Visit, showroom: Place, today: date
) -> None:
    """The review flags the draft, its page says which statement says what, and the page of ops has all of it."""
    month = pages.month(-1, today)[:7]
    page = visit("frances", to=f"/console/review?month={month}")
    expect(page.get_by_role("row", name=story.HOTELS.tenant)).to_contain_text("provider differs")
    expect(page.get_by_role("row", name=story.TRAVEL.tenant)).not_to_contain_text("provider differs")
    page.goto(pages.invoice(story.HOTELS, -1, today))
    expect(page.get_by_role("heading", name="What differs")).to_be_visible()
    differs = page.get_by_role("row", name=f"meta {story.HOTELS.account}")
    expect(differs.first).to_contain_text(f"statement META-{month} of meta")
    counted = story.HOTELS.whatsapp[story.MONTHS.index(-1)]
    expect(differs.filter(has_text="messages differ").get_by_role("cell")).to_contain_text(
        ["messages differ", f"{counted} messages", f"{counted + story.LOST} messages", "our records"]
    )
    page = visit("olga", to="/console/ops")
    expect(page.get_by_role("row", name=f"nobody meta {story.HOTELS.second_account}")).to_be_visible()


def test_review_drill_down_approve_and_see_it_paid(visit: Visit, showroom: Place, today: date) -> None:
    """From the month's drafts through a line to its messages, and from the button to the payment."""
    month = pages.month(-1, today)
    page = visit("frances", to=f"/console/review?month={month[:7]}")
    page.get_by_role("link", name=story.TRAVEL.tenant).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(story.TRAVEL.name)
    assert state(page) == "draft"
    total = page.locator(".card .big").first.inner_text()
    page.get_by_role("link", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(total)
    dialog.get_by_role("button", name="Approve revision 1").click()
    expect(page.locator(".flash.good")).to_be_visible()
    wait_for_state(showroom, page, "open")
    expect(page.locator("dl.facts").first).to_contain_text("by you")
    (issued,) = [
        one for one in showroom.command("invoices", "--tenant", story.TRAVEL.tenant, "--json") if one["period"] == month
    ]
    assert total.endswith(issued["total"])
    showroom.pay(issued["stripe_invoice"])
    wait_for_state(showroom, page, "paid")
    expect(page.locator(".timeline")).to_contain_text(re.compile("paid", re.IGNORECASE))


def test_clean_drafts_are_approved_in_one_go(visit: Visit, showroom: Place, today: date) -> None:
    """Selected by one button, named with their sum, approved, and gone from the review."""
    month = pages.month(-1, today)
    page = visit("frances", to=f"/console/review?month={month[:7]}&flag=clean")
    clean = [story.CLINICS.tenant, story.FASHION.tenant]
    expect(page.locator("tbody th a")).to_have_text(clean)
    page.get_by_role("button", name=re.compile("Approve all 2 clean")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Approve 2 drafts")
    dialog.get_by_role("button", name="Approve 2").click()
    expect(page.locator(".flash")).to_have_text("2 approved.")
    page.goto(pages.invoice(story.FASHION, -1, today))
    wait_for_state(showroom, page, "open")


def test_what_was_paid_is_credited(visit: Visit, today: date) -> None:
    """A part of a paid invoice, with its reason; more than is left is refused, and named."""
    page = visit("frances", to=pages.invoice(story.TRAVEL, -1, today))
    assert state(page) == "paid"

    def give(amount: str) -> None:
        page.get_by_role("link", name="Credit note…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Amount in USD").fill(amount)
        dialog.get_by_label("Reason").fill("Sent twice by mistake")
        dialog.get_by_role("button", name="Give the credit note").click()

    give("1.00")
    expect(page.locator(".flash.good")).to_contain_text("Credit note")
    expect(page.locator(".card").first).to_contain_text("USD 1.00 credited")
    expect(page.locator("main")).to_contain_text("Sent twice by mistake")
    give("1000000.00")
    expect(page.locator("main")).to_contain_text("at most")
    page.goto(pages.invoice(story.TRAVEL, -1, today))
    expect(page.locator(".card").first).to_contain_text("USD 1.00 credited")


def test_an_open_invoice_is_voided_and_issued_again(visit: Visit, showroom: Place, today: date) -> None:
    """Void at Stripe, a draft again under a new revision, and open again once that is approved."""
    page = visit("frances", to=pages.invoice(story.FASHION, -1, today))
    wait_for_state(showroom, page, "open")
    page.get_by_role("link", name="Void…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The address was wrong")
    dialog.get_by_role("button", name="Void it").click()
    expect(page.locator(".flash.good")).to_have_text("Voided.")
    wait_for_state(showroom, page, "void")
    page.get_by_role("link", name="Issue again…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("With the right address")
    dialog.get_by_role("button", name="Make it a draft again").click()
    expect(page.locator(".flash.good")).to_contain_text("draft again")
    page.get_by_role("link", name="Approve…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Approve revision")).click()
    wait_for_state(showroom, page, "open")
    issued = showroom.command("invoices", "--tenant", story.FASHION.tenant, "--json")
    (again,) = [one for one in issued if one["period"] == pages.month(-1, today)]
    assert (again["status"], again["revision"] > 1) == ("open", True)


def test_a_suspended_tenant_pays_and_is_reinstated(visit: Visit, showroom: Place, today: date) -> None:
    """The page says on hold for the overdue invoices; when each is paid, no hold is open."""
    page = visit("olga", to=f"/console/tenants/{story.CLINICS.tenant}")
    held = page.get_by_text("on hold").first
    expect(held).to_be_visible()
    owed = showroom.command("invoices", "--tenant", story.CLINICS.tenant, "--status", "open", "--json")
    overdue = [one for one in owed if one["period"] < pages.month(-1, today)]
    assert len(overdue) == 2
    for one in overdue:
        showroom.pay(one["stripe_invoice"])

    def reinstated() -> bool:
        page.reload()
        return page.get_by_text("No hold is open").count() == 1

    showroom.until(reinstated, what="the holds to be lifted")
    expect(page.locator("main")).to_contain_text("Reinstated")


def test_ops_opens_a_hold_and_lifts_it(visit: Visit, showroom: Place) -> None:
    """With a cause and a note, for one service; the standing follows, and follows back."""
    tenant = story.BAKERY.tenant
    page = visit("olga", to=f"/console/tenants/{tenant}")
    page.get_by_role("link", name="Suspend a service…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Service").select_option("sms")
    dialog.get_by_label("Cause").fill("fraud")
    dialog.get_by_label("Note").fill("A sender was taken over")
    dialog.get_by_role("button", name="Suspend").click()
    expect(page.locator("main")).to_contain_text("A sender was taken over")
    assert showroom.command("standing", tenant, "--json")["services"]["sms"]["state"] == "suspended"
    page.get_by_role("link", name="Lift…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note").fill("It is theirs again")
    dialog.get_by_role("button", name="Lift it").click()
    expect(page.get_by_text("No hold is open")).to_be_visible()
    assert showroom.command("standing", tenant, "--json")["services"]["sms"]["state"] == "active"


def test_ops_names_a_forgotten_account_and_counts_its_messages(
    visit: Visit, showroom: Place, today: date, tmp_path: Path
) -> None:
    """Quarantined facts are shown with their account, and leave once the contract names it."""
    page = visit("olga", to="/console/ops")
    row = page.get_by_role("row", name=re.compile(f"^unknown-sender .*{story.HOTELS.second_account}"))
    expect(row).to_be_visible()
    contract = story.HOTELS.contract(story.first_day(story.MONTHS[0], today))
    contract["senders"].append({"provider": "meta", "account": story.HOTELS.second_account, "card": story.CARD})
    mended = tmp_path / "mended.yaml"
    mended.write_text(json.dumps(contract), encoding="utf-8")
    showroom.command("contract", "apply", mended)
    row.get_by_role("link", name="Count again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Count again").click()
    expect(page.locator(".flash.good")).to_be_visible()
    expect(row).to_have_count(0)


def test_ops_sends_dead_letters_back(visit: Visit, showroom: Place) -> None:
    """A receipt that ended among the dead letters is counted once it is sent back, once."""
    tenant = story.BAKERY.tenant

    def texts() -> int:
        meters = showroom.command("usage", tenant, "--json")["meters"]
        return int(meters["sms"]["messages"]) if "sms" in meters else 0

    page, before = visit("olga", to="/console/ops"), texts()
    lost = Message(
        tenant=tenant,
        account=tenant,
        id="sms-lost-and-found",
        at=datetime.now(UTC) - timedelta(minutes=5),
        to=f"{GERMANY}5550123",
        category="",
        shown=("TEXT_DELIVERED",),
    )
    (batch,) = wire.sns_batches([lost])
    queues = showroom.document["queues"]
    showroom.aws("sqs").send_message(QueueUrl=queues["receipts-dlq"], MessageBody=batch[0])
    page.reload()
    row = page.get_by_role("row", name="tollgate-receipts-dlq")
    row.get_by_role("link", name="Send back…").click()
    page.get_by_role("dialog").get_by_role("button", name="Send back").click()
    expect(page.locator(".flash.good")).to_be_visible()
    showroom.until(lambda: texts() > before, what="the receipt to be counted")
    showroom.drain()
    assert (texts(), showroom.dead_letters()) == (before + 1, {})


def test_a_customer_sees_their_own_usage_by_the_link_in_their_mail(
    visit: Visit, windows: Windows, showroom: Place
) -> None:
    """Without signing in: use, invoices, records as a file. A link that was changed opens nothing."""
    link = pages.link_of(story.TRAVEL, dict(showroom.document))
    page = visit("", to=link)
    expect(page.get_by_role("heading", name=f"Usage of {story.TRAVEL.name}")).to_be_visible()
    expect(page.get_by_role("row", name="paid").last).to_be_visible()
    page.get_by_role("link", name="Download records…").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) > 1
    assert story.TRAVEL.tenant in download.value.suggested_filename
    for changed in (link[:-1] + ("A" if link[-1] != "A" else "B"), link.replace("/usage/", "/usage/e30")):
        answer = windows().new_page().goto(changed)
        assert answer is not None
        assert answer.status == 404


def test_a_customer_has_a_file_made_of_any_days(visit: Visit, showroom: Place) -> None:
    """The page shows by itself when it is ready; the browser saves what the store hands out, and it has every day."""
    link = pages.link_of(story.CLINICS, dict(showroom.document))
    page = visit("", to=f"{link}/records")
    page.get_by_role("link", name="Have a larger file made").click()
    page.get_by_role("button", name="Make the file").click()
    expect(page.locator(".flash.good")).to_be_visible()
    ready = page.get_by_role("link", name="Download")
    expect(ready).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        ready.click()
    assert download.value.suggested_filename.endswith(".csv.gz")
    lines = gzip.decompress(download.value.path().read_bytes()).decode().splitlines()
    assert lines[0].startswith("day,time,provider,message")
    assert len(lines) > 1


def test_a_customer_chooses_who_is_told_and_when(visit: Visit, showroom: Place) -> None:
    """One address and two shares more, kept and shown; an impossible one is named and nothing is kept of it. Whoever
    was told before, and whoever is from then on, gets a mail."""
    link = pages.link_of(story.ALERTS, dict(showroom.document))
    page = visit("", to=link)
    told, shares = page.get_by_label("Who gets them"), page.get_by_label("Further warnings for SMS, in percent")
    told.fill("ops@kestrel-alerts.example\nlead@kestrel-alerts.example")
    shares.fill("99, 50 %")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".flash.good")).to_contain_text("Saved")
    expect(shares).to_have_value("50, 99")
    expect(told).to_have_value("ops@kestrel-alerts.example\nlead@kestrel-alerts.example")
    told.fill("nobody at all")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto(link)
    expect(told).to_have_value("ops@kestrel-alerts.example\nlead@kestrel-alerts.example")
    mailed = {"status": "sent", "to": ["ops@kestrel-alerts.example", "lead@kestrel-alerts.example"]}
    showroom.until(lambda: _settings_mail(showroom) == mailed, what="the mail of the change")


def test_a_customer_sees_which_of_their_own_warnings_came(visit: Visit, showroom: Place) -> None:
    """Of two shares that they chose, usage was beyond one and reached the other later, of which they got a mail."""
    passed, crossed = story.OWN_SHARES
    page = visit("", to=pages.link_of(story.TRAVEL, dict(showroom.document)))
    use = page.get_by_role("region", name="WhatsApp")
    for share, wanted in ((passed, "from the next term on"), (crossed, "crossed")):
        line = use.locator(f"dt:text-is('{share}%') + dd")
        expect(line).to_contain_text("asked for")
        expect(line).to_contain_text(wanted)
    notices = showroom.command("notices", story.TRAVEL.tenant, "--json")
    assert [one["line"] for one in notices if one.get("asked")] == [crossed]


def _settings_mail(showroom: Place) -> dict[str, object]:
    notices = showroom.command("notices", story.ALERTS.tenant, "--json")
    mails = [one["mail"] for one in notices if one["kind"] == "settings-changed"]
    return {"status": mails[-1]["status"].replace("delivered", "sent"), "to": mails[-1]["to"]} if mails else {}


def test_ops_mails_a_customer_a_link_and_ends_all_others(visit: Visit, windows: Windows, showroom: Place) -> None:
    """The old one stops at once; the one in the new mail, and one that is shown to copy, open the page."""
    document = dict(showroom.document)
    old = pages.link_of(story.FASHION, document)
    page = visit("olga", to=f"/console/tenants/{story.FASHION.tenant}")
    page.get_by_role("link", name="End all links…").click()
    page.get_by_role("dialog").get_by_role("button", name="End them").click()
    expect(page.locator(".flash.good")).to_contain_text("has ended")
    page.get_by_role("link", name="Mail a link…").click()
    page.get_by_role("dialog").get_by_role("button", name="Mail it").click()
    expect(page.locator(".flash.good")).to_contain_text("goes out")
    showroom.until(lambda: pages.link_of(story.FASHION, document) != old, what="the mail with the link")
    page.get_by_role("link", name="Show a link…").click()
    page.get_by_role("dialog").get_by_role("button", name="Show it").click()
    shown = page.get_by_label("Copy it now").input_value()
    visitor = windows().new_page()
    for link, status in ((old, 404), (pages.link_of(story.FASHION, document), 200), (shown, 200)):
        answer = visitor.goto(link)
        assert answer is not None
        assert (link, answer.status) == (link, status)


def test_from_a_line_to_a_receipt(visit: Visit, today: date) -> None:
    """A line leads to its messages, a message to what the provider said of it."""
    page = visit("ravi", to=pages.invoice(story.TRAVEL, -1, today))
    line = page.get_by_role("link", name=re.compile("^Marketing messages, Germany")).first
    quantity = line.locator("xpath=ancestor::tr").locator("td.number").first.inner_text()
    line.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.locator("tbody tr").count() == int(quantity)
    page.locator("tbody tr a").first.click()
    expect(page.locator("main")).to_contain_text("wamid.")
    expect(page.locator("main")).to_contain_text("delivered")
