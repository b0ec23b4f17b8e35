"""The invoice's life in the stand-in: every transition, finalize, balances, credit notes, the clock."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.local.stripe_standin_play import DAY, START, Play, playing


def _pay_declined(play: Play, invoice: str) -> None:
    play.control("POST", "/switches/requests", match="/pay$", effect="decline")
    with pytest.raises(stripe.CardError):
        play.client.v1.invoices.pay(invoice)


STATES = ("draft", "open", "paid", "uncollectible", "void")
CALLS: dict[str, Callable[[Play, str], Any]] = {
    "delete": lambda play, invoice: play.client.v1.invoices.delete(invoice),
    "finalize": lambda play, invoice: play.client.v1.invoices.finalize_invoice(invoice),
    "pay": lambda play, invoice: play.client.v1.invoices.pay(invoice),
    "pay fails": _pay_declined,
    "send": lambda play, invoice: play.client.v1.invoices.send_invoice(invoice),
    "void": lambda play, invoice: play.client.v1.invoices.void_invoice(invoice),
    "mark_uncollectible": lambda play, invoice: play.client.v1.invoices.mark_uncollectible(invoice),
}
# (state, call) -> (status afterwards, the event that tells of it); every other pair is refused.
ALLOWED: dict[tuple[str, str], tuple[str | None, str]] = {
    ("draft", "delete"): (None, "invoice.deleted"),
    ("draft", "finalize"): ("open", "invoice.finalized"),
    ("open", "pay"): ("paid", "invoice.paid"),
    ("open", "pay fails"): ("open", "invoice.payment_failed"),
    ("open", "send"): ("open", "invoice.sent"),
    ("open", "void"): ("void", "invoice.voided"),
    ("open", "mark_uncollectible"): ("uncollectible", "invoice.marked_uncollectible"),
    ("uncollectible", "pay"): ("paid", "invoice.paid"),
    ("uncollectible", "pay fails"): ("uncollectible", "invoice.payment_failed"),
    ("uncollectible", "void"): ("void", "invoice.voided"),
    ("paid", "send"): ("paid", "invoice.sent"),
}


@pytest.fixture
def play() -> Iterator[Play]:
    with playing() as play:
        yield play


def _in_state(play: Play, state: str) -> str:
    invoice = play.invoice(10_000).id
    if state != "draft":
        play.client.v1.invoices.finalize_invoice(invoice)
    step = {"paid": "pay", "uncollectible": "mark_uncollectible", "void": "void"}.get(state)
    if step:
        CALLS[step](play, invoice)
    return invoice


@pytest.mark.parametrize(("state", "call"), ALLOWED)
def test_each_transition_leads_to_its_status_with_its_event(play: Play, state: str, call: str) -> None:
    """A row of the transition table ends in the status it names, and its event says so."""
    invoice = _in_state(play, state)
    before = len(play.event_types(invoice))
    CALLS[call](play, invoice)
    status, event = ALLOWED[state, call]
    assert event in play.event_types(invoice)[before:]
    if status is None:
        with pytest.raises(stripe.InvalidRequestError) as gone:
            play.client.v1.invoices.retrieve(invoice)
        assert gone.value.http_status == 404
    else:
        assert play.client.v1.invoices.retrieve(invoice).status == status


@pytest.mark.parametrize(
    ("state", "call"), [(state, call) for state in STATES for call in CALLS if (state, call) not in ALLOWED]
)
def test_every_other_pair_is_refused_and_changes_nothing(play: Play, state: str, call: str) -> None:
    """A call that the table does not list is a 400; the invoice and the events stay as they were."""
    invoice = _in_state(play, state)
    before = (str(play.client.v1.invoices.retrieve(invoice)), play.event_types())
    step = "pay" if call == "pay fails" else call
    with pytest.raises(stripe.InvalidRequestError) as refused:
        CALLS[step](play, invoice)
    assert refused.value.http_status == 400
    if (state, step) == ("paid", "pay"):
        assert refused.value.user_message == "Invoice is already paid"
    else:
        assert refused.value.code == "status_transition_invalid"
    assert (str(play.client.v1.invoices.retrieve(invoice)), play.event_types()) == before


def test_a_finalized_invoice_takes_only_metadata_and_auto_advance(play: Play) -> None:
    """Amounts, lines and texts are frozen at finalize; metadata still merges."""
    invoice = play.open_invoice(metadata={"tenant": "acme", "period": "2026-01"})
    changed = play.client.v1.invoices.update(invoice.id, {"metadata": {"period": "", "revision": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"tenant": "acme", "revision": "2"}
    with pytest.raises(stripe.InvalidRequestError) as edited:
        play.client.v1.invoices.update(invoice.id, {"footer": "late"})
    with pytest.raises(stripe.InvalidRequestError) as added:
        play.client.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 1}]})
    assert edited.value.code == added.value.code == "invoice_not_editable"


@pytest.mark.parametrize(("due_from", "days_late"), [("created", 0), ("finalized", 5)])
def test_days_until_due_count_from_creation_or_from_finalize(due_from: str, days_late: int) -> None:
    """Which of the two Stripe does is unverified, so the switch plays both; an explicit due date stands in both."""
    with playing(due_from=due_from) as play:
        counted, explicit = play.invoice(10_000), play.invoice(10_000, due_date=START + 20 * DAY)
        play.advance(5 * DAY)
        finalize = play.client.v1.invoices.finalize_invoice
        assert finalize(counted.id).due_date == START + (14 + days_late) * DAY
        assert finalize(explicit.id).due_date == START + 20 * DAY


def test_finalize_numbers_dates_and_freezes(play: Play) -> None:
    """Number, URL, PDF and date of issue come at finalize, and the customer's name no longer follows."""
    customer = play.customer(invoice_prefix="ACME")
    draft = play.invoice(10_000, customer=customer.id)
    assert (draft.number, draft.hosted_invoice_url, draft.ending_balance) == (None, None, None)
    play.client.v1.customers.update(customer.id, {"name": "Acme Retail"})
    first = play.client.v1.invoices.finalize_invoice(draft.id)
    play.client.v1.customers.update(customer.id, {"name": "Other"})
    second = play.open_invoice(customer=customer.id)
    assert (first.number, second.number) == ("ACME-0001", "ACME-0002")
    assert (first.customer_name, first.effective_at) == ("Acme Retail", START)
    assert play.client.v1.invoices.retrieve(first.id).customer_name == "Acme Retail"
    assert first.hosted_invoice_url == f"{play.standin.base_address}/_standin/invoices/{first.id}"


def test_an_invoice_under_the_minimum_is_paid_and_raises_the_next_one(play: Play) -> None:
    """USD 0.30 is paid at finalize with nothing due, and becomes a debit on the next invoice."""
    customer = play.customer().id
    small = play.open_invoice(30, customer=customer)
    assert (small.status, small.amount_due, small.ending_balance) == ("paid", 0, 30)
    assert play.event_types(small.id)[-2:] == ["invoice.finalized", "invoice.paid"]
    following = play.open_invoice(10_000, customer=customer)
    assert (following.total, following.amount_due, following.starting_balance) == (10_000, 10_030, 30)
    kinds = [t.type for t in play.client.v1.customers.balance_transactions.list(customer).data]
    assert kinds == ["applied_to_invoice", "invoice_too_small"]
    assert play.client.v1.customers.retrieve(customer).balance == 0


@pytest.mark.parametrize(
    ("balance", "amount", "status", "amount_due", "balance_after"),
    [
        (0, 50, "open", 50, 0),
        (0, 49, "paid", 0, 49),
        (0, -500, "paid", 0, -500),
        (-300, 1_000, "open", 700, 0),
        (-1_000, 1_000, "paid", 0, 0),
        (-5_000, 1_000, "paid", 0, -4_000),
        (-980, 1_000, "paid", 0, 20),
        (200, 1_000, "open", 1_200, 0),
    ],
)
def test_finalize_applies_the_customers_balance(
    play: Play, balance: int, amount: int, status: str, amount_due: int, balance_after: int
) -> None:
    """due = total + balance: settled at once at 0 or less and under the minimum, else open with the balance used up."""
    customer = play.customer(balance=balance).id
    invoice = play.open_invoice(amount, customer=customer)
    assert (invoice.status, invoice.total, invoice.amount_due) == (status, amount, amount_due)
    assert invoice.ending_balance == play.client.v1.customers.retrieve(customer).balance == balance_after
    moved = sum(t.amount for t in play.client.v1.customers.balance_transactions.list(customer).data)
    assert moved == balance_after


def test_voiding_gives_a_used_balance_back(play: Play) -> None:
    """The credit that an invoice consumed is the customer's again."""
    customer = play.customer(balance=-300).id
    invoice = play.open_invoice(1_000, customer=customer)
    play.client.v1.invoices.void_invoice(invoice.id)
    assert play.client.v1.customers.retrieve(customer).balance == -300


def test_an_out_of_band_payment_is_no_payment_attempt(play: Play) -> None:
    """paid_out_of_band settles with invoice.paid and without invoice.payment_succeeded."""
    invoice = play.open_invoice()
    paid = play.client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe, paid.amount_remaining) == (
        "paid",
        10_000,
        10_000,
        0,
    )
    assert paid.status_transitions.paid_at == START
    assert not {"invoice.payment_succeeded", "invoice_payment.paid"} & set(play.event_types())


def test_customers_pay_partly_and_too_much(play: Play) -> None:
    """A part leaves the invoice open; what exceeds the rest becomes the customer's credit."""
    invoice = play.open_invoice()
    part = play.control("POST", f"/invoices/{invoice.id}/pay", amount=4_000)
    assert (part["status"], part["amount_remaining"]) == ("open", 6_000)
    rest = play.control("POST", f"/invoices/{invoice.id}/pay", amount=6_500)
    assert (rest["status"], rest["amount_overpaid"]) == ("paid", 500)
    assert play.event_types(invoice.id)[-3:] == ["invoice.paid", "invoice.payment_succeeded", "invoice.overpaid"]
    assert isinstance(invoice.customer, str)
    assert play.client.v1.customers.retrieve(invoice.customer).balance == -500
    shown = play.client.v1.invoices.retrieve(invoice.id, {"expand": ["payments"]})
    assert shown.payments is not None
    assert [payment.amount_paid for payment in shown.payments.data] == [4_000, 6_500]


def test_a_credit_note_first_lowers_what_is_open(play: Play) -> None:
    """Pre-payment credit lowers amount_due; the rest must be told where it goes; all notes stay within the invoice."""
    invoice = play.open_invoice()
    notes = play.client.v1.credit_notes
    first = notes.create({"invoice": invoice.id, "amount": 4_000, "email_type": "none"})
    assert (first.type, first.pre_payment_amount, first.number) == ("pre_payment", 4_000, f"{invoice.number}-CN-01")
    assert play.client.v1.invoices.retrieve(invoice.id).amount_remaining == 6_000
    play.client.v1.invoices.pay(invoice.id)
    with pytest.raises(stripe.InvalidRequestError):
        notes.create({"invoice": invoice.id, "amount": 1_000})
    second = notes.create({"invoice": invoice.id, "amount": 1_000, "credit_amount": 1_000})
    assert (second.type, second.post_payment_amount) == ("post_payment", 1_000)
    with pytest.raises(stripe.InvalidRequestError):
        notes.create({"invoice": invoice.id, "amount": 5_001, "credit_amount": 5_001})
    assert isinstance(invoice.customer, str)
    assert play.client.v1.customers.retrieve(invoice.customer).balance == -1_000


@pytest.mark.parametrize(("settles", "status"), [(True, "paid"), (False, "open")])
def test_a_credit_note_over_everything_settles_by_switch(settles: bool, status: str) -> None:
    """Nothing remains either way; whether Stripe then says paid is unverified. Voiding it owes the amount again."""
    with playing(credit_note_settles=settles) as play:
        invoice = play.open_invoice()
        line = invoice.lines.data[0].id
        note = play.client.v1.credit_notes.create(
            {
                "invoice": invoice.id,
                "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 10_000}],
            }
        )
        after = play.client.v1.invoices.retrieve(invoice.id)
        assert (after.status, after.amount_remaining) == (status, 0)
        if not settles:
            play.client.v1.credit_notes.void_credit_note(note.id)
            assert play.client.v1.invoices.retrieve(invoice.id).amount_remaining == 10_000


def test_a_revision_voids_its_original_when_it_is_finalized(play: Play) -> None:
    """from_invoice copies the lines into a draft; until that is finalized the original stays open."""
    original = play.open_invoice()
    revision = play.client.v1.invoices.create({"from_invoice": {"action": "revision", "invoice": original.id}})
    assert (revision.status, revision.total, revision.due_date) == ("draft", 10_000, original.due_date)
    assert play.client.v1.invoices.retrieve(original.id).status == "open"
    assert play.client.v1.invoices.finalize_invoice(revision.id).status == "open"
    after = play.client.v1.invoices.retrieve(original.id)
    assert (after.status, after.latest_revision) == ("void", revision.id)


def test_the_clock_finalizes_what_advances_by_itself_and_makes_late_customers_delinquent(play: Play) -> None:
    """auto_advance finalizes after 72 hours without an acknowledged webhook; a passed due date is no status."""
    advancing = play.invoice(10_000, auto_advance=True)
    waiting = play.invoice(10_000)
    play.control("POST", "/clock", advance_seconds=72 * 3600)
    retrieve = play.client.v1.invoices.retrieve
    assert [retrieve(invoice.id).status for invoice in (advancing, waiting)] == ["open", "draft"]
    play.control("POST", "/clock", advance_seconds=12 * DAY)
    late = retrieve(advancing.id, {"expand": ["customer"]})
    assert isinstance(late.customer, stripe.Customer)
    assert (late.status, late.customer.delinquent) == ("open", True)
    assert "invoice.overdue" not in play.event_types()
    play.client.v1.invoices.pay(advancing.id)
    assert play.client.v1.customers.retrieve(late.customer.id).delinquent is False


def test_taxes_are_rounded_per_line_and_added_unless_the_customer_is_exempt(play: Play) -> None:
    """21 % of 3 x 0.05 is 3 x 0.01; with reverse charge it is nothing."""
    rate = play.client.v1.tax_rates.create({"display_name": "VAT", "percentage": 21, "inclusive": False})
    taxed = play.invoice(5, 5, 5, default_tax_rates=[rate.id])
    exempt = play.invoice(5, 5, 5, default_tax_rates=[rate.id], customer=play.customer(tax_exempt="reverse").id)
    assert (taxed.subtotal, taxed.total, exempt.total) == (15, 18, 15)
    assert taxed.total_taxes is not None
    assert [tax.amount for tax in taxed.total_taxes] == [3]
