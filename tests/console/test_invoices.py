"""Invoices: what the list and the page of one show, what each button writes, and the statement for the customer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from tests.console.conftest import World
from tests.console.visitor import Seen, Visitor
from tests.domain.examples import D, contract
from tests.stages.billing import FEBRUARY, FREE, INDIA, JANUARY, Billing, at
from tollgate.console import invoices
from tollgate.console.sheet import grouped
from tollgate.domain.errors import Refused
from tollgate.domain.invoices import Invoice
from tollgate.domain.reconciliation import (
    AMOUNT_DIFFERS,
    MESSAGES_DIFFER,
    NOT_COMPARED,
    Difference,
    reconciled,
    stripe_differences,
)
from tollgate.domain.statement import Line
from tollgate.mails.brand import Brand

PAGE = "/console/invoices/acme/2026-02-01"
INCLUDED = {"whatsapp": {"measure": "fees", "included": "1000.00", "warn_at": [75], "beyond": "bill"}}
NOW = at("2026-03-05", "13:00")


@dataclass
class Scene:
    """A site, and the tenant's billing over the same rows."""

    billing: Billing
    world: World

    def visitor(self, role: str = "finance") -> Visitor:
        browser = self.world.visitor()
        browser.sign_in(role)
        return browser

    def acted(self, action: str, fields: dict[str, Any] | None = None, *, role: str = "finance") -> Seen:
        """Post a form of the invoice's page; a redirect is followed."""
        browser = self.visitor(role)
        browser.get(PAGE)
        seen = browser.submit(f"{PAGE}/{action}", fields)
        return browser.get(seen.location) if seen.status == 303 else seen

    @property
    def invoice(self) -> Invoice:
        return self.billing.invoice(FEBRUARY)


@pytest.fixture
def scene() -> Scene:
    """January below the limit, and known late; February over it, drafted: 600.00 + 500.50 + 2.25 + 0.0031 billed."""
    billing = Billing(contract=contract(allowances=INCLUDED))
    billing.use("2026-01-20", "600", messages=400)
    billing.close(at("2026-02-05"))
    billing.use("2026-02-03", "399.9969", messages=300)
    billing.use("2026-02-10", "0.0131")
    billing.use("2026-02-11", "100.49", cell=INDIA, messages=90)
    billing.use("2026-01-21", "2.25")
    billing.close(NOW)
    return Scene(billing, World(memory=billing.memory, stripe=billing.stripe, now=NOW))


@pytest.fixture
def issued(scene: Scene) -> Scene:
    """The same, approved and sent."""
    scene.billing.approve(FEBRUARY, NOW)
    scene.billing.push(FEBRUARY, NOW)
    return scene


# --- what differs ---


def test_what_a_provider_billed_otherwise_is_shown_with_both_numbers(scene: Scene) -> None:
    """The flag with its reason in words, and a row with ours, theirs and where they come from; of this period alone."""
    about = {"tenant": "acme", "subject": "meta 1, whatsapp, 2026-02-01 to 2026-02-28"}
    differs = Difference(
        **about, cause=MESSAGES_DIFFER, ours="391", theirs="400", unit="messages", source="statement <7> of meta",
        periods=(FEBRUARY,),
    )  # fmt: skip
    other = replace(differs, theirs="9,999", periods=(JANUARY,))
    waived = Difference(**about, cause=NOT_COMPARED, note="billed in EUR", periods=(FEBRUARY,))
    scene.world.ports.reconciled.save(reconciled("acme", [differs, other, waived], at=NOW))
    words = scene.visitor("read-only").get(PAGE).words
    assert (
        "provider differs meta 1, whatsapp, 2026-02-01 to 2026-02-28: another number of messages: "
        "391 messages in our records, 400 messages in statement &lt;7&gt; of meta"
    ) in words
    assert (
        "messages differ another number of messages 391 messages 400 messages our records, statement &lt;7&gt; of meta"
    ) in words
    assert "not compared could not be compared billed in EUR" in words
    assert "9,999" not in words


def test_an_amount_that_differs_stands_behind_its_currency(scene: Scene) -> None:
    """As every other amount on the page."""
    differs = Difference(
        tenant="acme", subject="meta 1, whatsapp", cause=AMOUNT_DIFFERS, ours="4.3915", theirs="4.5502", unit="USD",
        source="the roll-ups of meta", periods=(FEBRUARY,),
    )  # fmt: skip
    scene.world.ports.reconciled.save(reconciled("acme", [differs], at=NOW))
    assert "another amount USD 4.3915 USD 4.5502 our records, the roll-ups of meta" in scene.visitor().get(PAGE).words


def test_where_nothing_differs_nothing_is_said_of_it(scene: Scene) -> None:
    """Not compared yet, or equal."""
    assert "What differs" not in scene.visitor().get(PAGE).words
    scene.world.ports.reconciled.save(reconciled("acme", [], at=NOW))
    assert "What differs" not in scene.visitor().get(PAGE).words


def test_what_stripe_has_otherwise_is_shown_on_an_issued_invoice(issued: Scene) -> None:
    """It is no draft any more, and nobody reviews it."""
    differs = stripe_differences(issued.invoice, None, wanted=())
    issued.world.ports.reconciled.save(reconciled("acme", differs, at=NOW))
    words = issued.visitor().get(PAGE).words
    assert "invoice 2026-02-01 missing at stripe Stripe has no such invoice in_1 open our invoice, Stripe" in words


def test_an_open_invoice_that_is_past_due_says_so_beside_its_status(issued: Scene) -> None:
    """Once a day found it so; paid after all, it says that alone."""
    rows, open_one = issued.billing.memory.invoices, replace(issued.invoice, overdue_on=NOW.date())
    assert "open past due" not in issued.visitor().get(PAGE).words
    rows["acme", FEBRUARY] = open_one
    assert "open past due" in issued.visitor().get(PAGE).words
    rows["acme", FEBRUARY] = replace(open_one, status="paid")
    assert " past due" not in issued.visitor().get(PAGE).words


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "periods"),
    [
        ("", ["2026-02-01"]),
        ("?month=2026-01", ["2026-01-15"]),
        ("?status=paid", []),
        ("?status=draft", ["2026-02-01"]),
        ("?q=nobody", []),
        ("?tenant=acme", ["2026-02-01", "2026-01-15"]),
        ("?tenant=acme&status=nil", ["2026-01-15"]),
        ("?tenant=nobody", []),
    ],
)
def test_invoices_are_listed_by_month_or_tenant(scene: Scene, query: str, periods: list[str]) -> None:
    """Unasked those of the month that has ended; by status and by name."""
    text = scene.visitor("read-only").get(f"/console/invoices{query}").text
    assert re.findall(r'<tr data-href="/console/invoices/acme/([^"]*)"', text) == periods


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?status=paid", "No invoice fits the filter."),
        ("?tenant=nobody", "There is no invoice of this tenant."),
        ("?month=2025-06", "There is no invoice of this month."),
    ],
)
def test_an_empty_list_says_why(scene: Scene, query: str, said: str) -> None:
    """Not an empty table."""
    assert said in scene.visitor().get(f"/console/invoices{query}").words


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_how_the_amount_came_to_be(scene: Scene) -> None:
    """In sentences and in numbers, exact until the one rounding."""
    words = scene.visitor().get(PAGE).words
    assert "Acme Retail, Inc., February 2026" in words
    assert "To pay USD 102.75" in words
    assert "WhatsApp fees from January 15, 2026 to February 28, 2026 come to USD 1,102.75, of which USD 500.50" in words
    assert "USD 1,000.00 of them are included and free; the rest, USD 102.75, is billed." in words
    assert "WhatsApp 792 USD 1,102.75 USD 500.50 USD 1,000.00 USD 102.75" in words


def test_the_message_that_exceeded_the_limit_is_named(scene: Scene) -> None:
    """When, which, the running total before and after, and the parts of its fee; it leads to the record."""
    seen = scene.visitor().get(PAGE)
    assert "Fees before it USD 999.9969" not in seen.words  # January's late usage comes before
    assert "Fees before it USD 602.25" in seen.words
    assert "Its own fee USD 399.9969: USD 397.75 free, USD 2.2469 paid" in seen.words
    assert "Fees after it USD 1,002.2469" in seen.words
    assert "/console/messages/acme?provider=meta&amp;message=m1&amp;participant=" in seen.text


def test_of_a_day_with_very_many_messages_the_one_is_named_when_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says the day, how many messages it has, and leads to the search; the statement always names it."""
    monkeypatch.setattr(invoices, "LOOKED_THROUGH", 299)
    seen = scene.visitor().get(PAGE)
    assert "by one of 300 messages of that day" in seen.words
    assert "The message that exceeded" not in seen.words
    assert "limit exceeded" in seen.words
    [found] = re.findall(r'href="([^"]*crossing=find)#', seen.text)
    searched = scene.visitor().get(found)
    assert "The message that exceeded the USD 1,000.00" in searched.words
    assert "Find the message" not in searched.words
    assert "exceeded" in scene.visitor().get(f"{PAGE}/statement").words


def test_lines_adjustments_and_days_are_shown(scene: Scene) -> None:
    """By category and market, with the month an adjustment belongs to, and every number of the chart as text."""
    seen = scene.visitor().get(PAGE)
    assert f'href="{PAGE}/messages?line=marketing/North%20America"' in seen.text
    assert "Utility messages, India 90 USD 100.49" in seen.words
    assert "Late and corrected WhatsApp usage of January 2026 1 USD 2.25" in seen.words
    assert "January 2026 +1 USD 2.25" in seen.words
    assert '<svg class="chart" role="img"' in seen.text
    assert "February 11, 2026 90 USD 100.49 USD 1,102.75" in seen.words


def test_the_lines_add_up_on_the_page(scene: Scene) -> None:
    """What stands above the line is what is to be paid."""
    lines = re.search(r'<table class="lines">.*?</table>', scene.visitor().get(PAGE).text, re.DOTALL)
    assert lines
    amounts = re.findall(r'<td class="number">(-?)USD ([\d.,]+)</td>', lines[0])
    cents = [int(text.replace(",", "").replace(".", "")) * (-1 if sign else 1) for sign, text in amounts]
    assert sum(cents[:-1]) == cents[-1] == 10_275


def test_a_line_that_no_message_is_behind_leads_nowhere(scene: Scene) -> None:
    """The allowance is a rule, not messages."""
    assert "line=allowance" not in scene.visitor().get(PAGE).text


def test_lines_stand_under_their_headings() -> None:
    """Usage, what is included, earlier months, and what is carried; a heading without lines is left out."""
    keys = ["marketing/India", "allowance/whatsapp", "adjustment/whatsapp/2026-01-15", "brought-forward"]
    lines = [Line(key=key, description=key, quantity=1, amount=D("1.00")) for key in keys]
    assert [[line.key for line in own] for _, own in grouped(lines)] == [[key] for key in keys]
    assert [name for name, _ in grouped(lines[:1])] == ["usage"]


@pytest.mark.parametrize("address", ["acme/2025-01-01", "acme/soon", "acme/2026-02-01x/statement"])
def test_an_invoice_that_is_not_there_is_not_found(scene: Scene, address: str) -> None:
    """404, whatever the address says."""
    assert scene.visitor().get(f"/console/invoices/{address}").status == 404


# --- what may be done -------------------------------------------------------------------------------------------------


def buttons(text: str) -> set[str]:
    """The dialogs that a page has a button for."""
    return set(re.findall(r'data-dialog="([\w-]+)"', text))


@pytest.mark.parametrize("role", ["ops", "read-only"])
def test_only_finance_sees_buttons(scene: Scene, role: str) -> None:
    """The server refuses the others as well."""
    assert buttons(scene.visitor(role).get(PAGE).text) == set()
    assert scene.acted("approve", {"revision": "1"}, role=role).status == 403
    assert scene.invoice.status == "draft"


def test_buttons_follow_the_status(scene: Scene) -> None:
    """A draft is approved or sent back; an open one credited or voided; a void one issued again."""
    seen = [buttons(scene.visitor().get(PAGE).text)]
    scene.billing.approve(FEBRUARY, NOW)
    seen.append(buttons(scene.visitor().get(PAGE).text))
    scene.billing.push(FEBRUARY, NOW)
    seen.append(buttons(scene.visitor().get(PAGE).text))
    scene.acted("void", {"void_reason": "Wrong customer"})
    seen.append(buttons(scene.visitor().get(PAGE).text))
    assert seen == [{"approve", "send-back"}, set(), {"credit", "void"}, {"again"}]


def test_every_button_asks_first_without_a_script_too(issued: Scene) -> None:
    """The page with ``?confirm=`` has the dialog open."""
    text = issued.visitor().get(f"{PAGE}?confirm=void").text
    assert '<dialog id="void" aria-labelledby="void-title" open>' in text
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_approving_approves_the_revision_on_the_screen(scene: Scene) -> None:
    """By whom it was, due from today; the page says so."""
    seen = scene.acted("approve", {"revision": "1"})
    assert "Approved. It is issued through Stripe next." in seen.words
    assert "Approved by you, March 5, 2026" in seen.words
    assert (scene.invoice.status, scene.invoice.approved_by) == ("approved", "7f3a-ada")
    assert scene.invoice.due_date == date(2026, 3, 19)


def test_a_revision_that_moved_is_refused_with_what_moved(scene: Scene) -> None:
    """409, the differences, and the way to the invoice as it is now."""
    scene.billing.use("2026-02-20", "1.00", messages=3)
    scene.billing.close(NOW)
    seen = scene.acted("approve", {"revision": "1"})
    assert seen.status == 409
    assert "It is at revision 2 now; you decided on revision 1." in seen.words
    assert "total: 102.75 -&gt; 103.75" in seen.words
    assert "marketing/North America: 301 messages 400.01 -&gt; 304 messages 401.01" in seen.words
    assert f'href="{PAGE}"' in seen.text
    assert scene.invoice.status == "draft"


@pytest.mark.parametrize("revision", ["", "one", "-1"])
def test_approving_names_a_revision(scene: Scene, revision: str) -> None:
    """Nobody approves whatever is there."""
    seen = scene.acted("approve", {"revision": revision})
    assert (seen.status, scene.invoice.status) == (400, "draft")
    assert "expected the number of the revision that was read" in seen.words


def test_a_large_amount_takes_two_people(scene: Scene) -> None:
    """The first is told that another must follow."""
    two = contract(allowances=INCLUDED, review={"second_approver_above": "50"})
    scene.world.memory.contracts["acme", JANUARY] = two
    seen = scene.acted("approve", {"revision": "1"})
    assert "Its amount needs a second person." in seen.words
    assert "First of two you" in seen.words
    assert (scene.invoice.status, scene.invoice.first_approved_by) == ("draft", "7f3a-ada")


def test_sending_back_keeps_the_note(scene: Scene) -> None:
    """It is on the page and in the timeline, and the draft is not clean any more."""
    seen = scene.acted("send-back", {"revision": "1", "note": "Ask the customer about India first"})
    assert "Sent back. It waits for a new revision." in seen.words
    assert "sent back Ask the customer about India first" in seen.words
    assert scene.invoice.sent_back is not None
    assert scene.invoice.sent_back.by == "7f3a-ada"


@pytest.mark.parametrize(
    ("action", "fields", "said"),
    [
        ("send-back", {"revision": "1", "note": " "}, "note: expected 1 to 1000 characters"),
        ("void", {"void_reason": ""}, "reason: expected 1 to 1000 characters"),
        ("issue-again", {"again_reason": ""}, "reason: expected 1 to 1000 characters"),
        ("credit", {"reference": "r1-1", "credit_amount": "1,5", "credit_reason": "x"}, "an amount such as 12.50"),
        ("credit", {"reference": "r1-1", "credit_amount": "NaN", "credit_reason": "x"}, "an amount such as 12.50"),
    ],
)
def test_what_is_missing_is_named(scene: Scene, action: str, fields: dict[str, str], said: str) -> None:
    """400, and nothing is written."""
    before = scene.invoice
    seen = scene.acted(action, fields)
    assert (seen.status, scene.invoice) == (400, before)
    assert said in seen.words


def test_what_the_status_does_not_allow_is_refused_with_the_reason(scene: Scene) -> None:
    """In words that say what it is."""
    seen = scene.acted("issue-again", {"again_reason": "Wrong address"})
    assert (seen.status, "is draft: only a void one is issued again" in seen.words) == (409, True)


def test_voiding_voids_at_stripe_and_says_who(issued: Scene) -> None:
    """With the reason in the timeline."""
    seen = issued.acted("void", {"void_reason": "Wrong customer"})
    assert "Voided." in seen.words
    assert "Wrong customer" in seen.words
    assert [one.status for one in issued.world.stripe.invoices.values()] == ["void"]
    assert issued.invoice.status == "void"


def test_a_credit_note_is_given_once(issued: Scene) -> None:
    """The form's reference names it: sent twice, it is one note."""
    text = issued.visitor().get(PAGE).text
    [reference] = re.findall(r'name="reference" value="([^"]*)"', text)
    fields = {"reference": reference, "credit_amount": "2.75", "credit_reason": "Goodwill"}
    first, again = issued.acted("credit", fields), issued.acted("credit", fields)
    assert "of USD 2.75 is given." in first.words
    assert "of USD 2.75 is given." in again.words
    assert "USD 100.00 still owed USD 2.75 credited" in again.words
    assert [(one.amount, one.by) for one in issued.invoice.credits] == [(issued.invoice.credits[0].amount, "7f3a-ada")]
    assert len(issued.world.stripe.credits) == 1


def test_every_action_names_the_person_in_the_audit_trail(issued: Scene) -> None:
    """By subject, also what Stripe does because of it."""
    before = len(issued.world.ports.audit.entries("acme"))
    issued.acted("credit", {"reference": "r1-1", "credit_amount": "1.00", "credit_reason": "Goodwill"})
    issued.acted("void", {"void_reason": "Wrong address"})
    issued.acted("issue-again", {"again_reason": "Address corrected"})
    issued.acted("send-back", {"revision": "2", "note": "Wait"})
    issued.acted("approve", {"revision": "2"})
    entries = issued.world.ports.audit.entries("acme")[before:]
    done = [entry.what or entry.status for entry in entries if entry.subject == "2026-02-01"]
    assert [one for one in done if one != "open"] == [
        "crediting",
        "credited",
        "voiding",
        "void",
        "issued-again",
        "sent-back",
        "approved",
    ]
    assert {entry.by for entry in entries if entry.subject == "2026-02-01"} == {"7f3a-ada"}


def test_what_is_credited_in_full_is_not_credited_again(issued: Scene) -> None:
    """There is no button for it any more."""
    seen = issued.acted("credit", {"reference": "r1-1", "credit_amount": "102.75", "credit_reason": "All of it"})
    assert "credit" not in buttons(seen.text)


def test_a_credit_above_what_is_left_is_refused(issued: Scene) -> None:
    """The page says how much there is."""
    seen = issued.acted("credit", {"reference": "r1-1", "credit_amount": "102.76", "credit_reason": "x"})
    assert (seen.status, "at most 102.75 USD" in seen.words) == (400, True)


def test_a_void_invoice_is_issued_again_as_a_new_revision(issued: Scene) -> None:
    """A draft at the usage as it is known now."""
    issued.acted("void", {"void_reason": "Wrong address"})
    seen = issued.acted("issue-again", {"again_reason": "Address corrected"})
    assert "It is a draft again, under a new revision." in seen.words
    assert (issued.invoice.status, issued.invoice.revision) == ("draft", 2)


def test_what_stripe_refuses_is_told_in_its_words(issued: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a fault of ours, and nothing is hidden."""

    def refuses(*_args: object, **_kwargs: object) -> None:
        raise Refused("This invoice is being paid right now.")

    monkeypatch.setattr(issued.world.stripe, "void", refuses)
    seen = issued.acted("void", {"void_reason": "x"})
    assert (seen.status, "This invoice is being paid right now." in seen.words) == (409, True)


def test_a_failed_push_is_on_the_page(scene: Scene) -> None:
    """With Stripe's message, until the cause is gone."""
    scene.billing.approve(FEBRUARY, NOW)
    key = ("acme", FEBRUARY)
    stored = scene.world.memory.invoices[key]
    push = replace(stored.push, attempts=1, error="No such tax rate", flagged=True)
    scene.world.memory.invoices[key] = replace(stored, push=push)
    seen = scene.visitor().get(PAGE)
    assert "It could not be issued: No such tax rate." in seen.words
    assert "void" in buttons(seen.text)


def test_everything_that_happened_is_told_with_names(issued: Scene) -> None:
    """In the order of time."""
    text = issued.visitor().get(PAGE).text
    told = re.findall(r"<li><strong>([^<]*)</strong>", text[text.index("What happened") :])
    assert told == ["Drafted", "Approved", "Issued and sent"]
    assert "by fin" in text


def test_stripes_page_is_linked_once_there_is_one(issued: Scene) -> None:
    """Where the customer pays, and the same as a file; an invoice that was issued before files were kept has no link
    to one, and neither has what is no web address."""
    text = issued.visitor().get(PAGE).text
    assert f'<a href="{issued.invoice.hosted_url}" rel="noreferrer">At Stripe</a>' in text
    assert f'<a href="{issued.invoice.pdf_url}" rel="noreferrer">PDF</a>' in text
    for missing in ("", "javascript:alert(1)"):
        key = ("acme", FEBRUARY)
        issued.world.memory.invoices[key] = replace(issued.world.memory.invoices[key], pdf_url=missing)
        text = issued.visitor().get(PAGE).text
        assert ("At Stripe" in text, "PDF" in text, "javascript" in text) == (True, False, False)


@pytest.mark.parametrize(("usage", "jumps"), [("12.00", False), ("30.00", True)])
def test_a_month_is_compared_with_those_before_it_once(usage: str, jumps: bool) -> None:
    """By the flag of a jump where there is one, else by a sentence of its own; never by both."""
    billing = Billing(contract=contract(allowances=FREE))
    billing.issued(JANUARY, "10.00", approved=at("2026-02-05"))
    billing.use("2026-02-10", usage)
    billing.close(NOW)
    scene = Scene(billing, World(memory=billing.memory, stripe=billing.stripe, now=NOW))
    words = scene.visitor().get(PAGE).words
    assert ("against the statement before, USD 10.00" in words) == jumps
    assert ("The mean before is USD 10.00" in words) == (not jumps)


# --- the statement ----------------------------------------------------------------------------------------------------


def test_the_statement_is_fit_for_the_customer(issued: Scene) -> None:
    """Who, when, every line, the sum, how it came to be; nothing of ours: no flags, no names of people, no buttons."""
    brand = Brand(support="a@b.example", billing="pay@sendly.example", legal="Sendly Ltd. | 1 Road | London")
    issued.world.ports = replace(issued.world.ports, brand=brand)
    seen = issued.visitor("read-only").get(f"{PAGE}/statement")
    for said in (
        "From Sendly Ltd. 1 Road London",
        "For Acme Retail, Inc. ap@acme.example",
        "Questions pay@sendly.example",
        "Period February 1, 2026 to February 28, 2026",
        f"Invoice number {issued.invoice.number}",
        "Due March 19, 2026",
        "Utility messages, India 90 USD 100.49",
        "To pay USD 102.75",
        "Of its own fee, USD 397.75 are free and USD 2.2469 are billed.",
    ):
        assert said in seen.words
    sheet = seen.text[seen.text.index("<article") : seen.text.index("</article>")]
    assert "<a " not in sheet
    assert "fin" not in re.findall(r"\w+", sheet)


@pytest.mark.parametrize(("status", "mark"), [("draft", "Draft, not an invoice yet"), ("void", "Void")])
def test_a_statement_that_is_none_says_so(scene: Scene, status: str, mark: str) -> None:
    """Nobody pays a draft."""
    key = ("acme", FEBRUARY)
    scene.world.memory.invoices[key] = replace(scene.world.memory.invoices[key], status=status)
    assert f'<p class="mark">{mark}</p>' in scene.visitor().get(f"{PAGE}/statement").text


def test_the_page_stays_small(scene: Scene) -> None:
    """With its styles and scripts below 150 KB, with every day used and fifty lines."""
    for day in range(1, 29):
        scene.billing.use(f"2026-02-{day:02}", "1.50", messages=30)
    for number in range(50):
        scene.billing.use("2026-02-12", "2.00", cell=INDIA._replace(market=f"Rest of the region {number}"))
    scene.billing.close(NOW)
    assert len(scene.visitor().get(PAGE).text.encode()) + 66_000 < 150_000


def test_a_form_without_the_pages_token_changes_nothing(scene: Scene) -> None:
    """Though it comes from our own address and somebody of finance is signed in."""
    visitor = scene.visitor()
    refused = visitor.post(f"{PAGE}/approve", {"revision": "1"}, origin="https://console.example")
    assert (refused.status, scene.invoice.status) == (403, "draft")
