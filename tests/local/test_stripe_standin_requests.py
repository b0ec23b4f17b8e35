"""What the stand-in accepts and refuses: keys, parameters, idempotency, lists, search, switchable failures."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from local.stripe_standin.routes import OPERATIONS
from tests import stripe_checker
from tests.local.stripe_standin_play import DAY, START, Play, playing


@pytest.fixture
def play() -> Iterator[Play]:
    with playing() as play:
        yield play


def test_the_monthly_invoice_is_made_of_requests_that_stripe_would_accept(play: Play) -> None:
    """Find, create, lines, read back, finalize, send, pay: no error from the request checker, every answer typed."""
    invoices, customer = play.client.v1.invoices, play.customer(metadata={"tenant": "acme"})
    assert invoices.list({"customer": customer.id, "created": {"gte": START}, "limit": 100}).data == []
    draft = play.draft(customer.id, metadata={"tenant": "acme"}, description="January", footer="Thank you")
    item: Any = {
        "customer": customer.id,
        "invoice": draft.id,
        "unit_amount_decimal": "0.05",
        "quantity_decimal": "30",
        "currency": "usd",
        "description": "Marketing",
        "period": {"start": START, "end": START + 30 * DAY},
    }
    play.client.v1.invoice_items.create(item)
    invoices.add_lines(draft.id, {"lines": [{"amount": 99_998, "description": "Utility"}]})
    assert [line.amount for line in invoices.line_items.list(draft.id).data] == [2, 99_998]
    invoices.update(draft.id, {"due_date": START + 14 * DAY})
    issued = invoices.finalize_invoice(draft.id, {"auto_advance": False})
    assert (issued.status, issued.total, issued.due_date) == ("open", 100_000, START + 14 * DAY)
    assert invoices.send_invoice(draft.id).status == "open"
    assert invoices.pay(draft.id, {"paid_out_of_band": True}).status == "paid"
    assert stripe_checker.report(play.standin.requests)["errors"] == 0


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer sk_test_1", 200),
        ("Bearer rk_test_1", 200),
        ("Basic c2tfdGVzdF8xOg==", 200),
        ("Bearer sk_live_1", 401),
        ("Bearer rk_live_1", 401),
        ("Bearer nonsense", 401),
        ("", 401),
    ],
)
def test_only_test_keys_open_the_door(play: Play, authorization: str, status: int) -> None:
    """Secret and restricted test keys pass, as Bearer or Basic; live keys never."""
    assert play.raw("GET", "/v1/customers", authorization=authorization)[0] == status


REFUSALS: list[tuple[str, list[tuple[str, str]], str | None, str | None]] = [
    ("/v1/customers", [("nosuch", "1")], "parameter_unknown", "nosuch"),
    ("/v1/customers", [("address[nosuch]", "1")], "parameter_unknown", "address[nosuch]"),
    ("/v1/customers", [("validate", "true")], "standin_not_implemented", "validate"),
    ("/v1/customers", [("next_invoice_sequence", "one")], "parameter_invalid_integer", "next_invoice_sequence"),
    ("/v1/customers", [("next_invoice_sequence", "")], "parameter_invalid_empty", "next_invoice_sequence"),
    ("/v1/customers", [("metadata[k]", "v" * 501)], None, "metadata[k]"),
    ("/v1/customers", [("email", "a"), ("email", "b")], None, "email"),
    ("/v1/invoices", [("collection_method", "send_invoice")], "parameter_missing", "customer"),
    ("/v1/invoices", [("customer", "c"), ("collection_method", "send_invoice")], "parameter_missing", "days_until_due"),
    ("/v1/invoices", [("customer", "c"), ("days_until_due", "1")], None, "days_until_due"),
    ("/v1/invoices", [("days_until_due", "1"), ("due_date", "1")], "parameters_exclusive", "days_until_due"),
    ("/v1/invoices", [("customer", "cus_none")], "resource_missing", "customer"),
    ("/v1/invoices", [("customer", "c"), ("description", "x" * 1501)], None, "description"),
    ("/v1/invoices", [("automatic_tax[enabled]", "true")], "standin_not_implemented", "automatic_tax[enabled]=true"),
    ("/v1/invoices", [("subscription", "sub_1")], "standin_not_implemented", "subscription"),
    ("/v1/invoiceitems", [("customer", "c")], "parameter_missing", "amount"),
    ("/v1/invoiceitems", [("customer", "c"), ("amount", "1"), ("quantity", "2")], "parameters_exclusive", "amount"),
    ("/v1/invoiceitems", [("customer", "c"), ("amount", "1.5")], "parameter_invalid_integer", "amount"),
    ("/v1/invoiceitems", [("customer", "c"), ("price", "price_1")], "parameter_unknown", "price"),
    ("/v1/invoiceitems", [("customer", "c"), ("unit_amount", "1")], "parameter_unknown", "unit_amount"),
    ("/v1/invoiceitems", [("customer", "c"), ("unit_amount_decimal", "1E-7")], None, "unit_amount_decimal"),
    ("/v1/credit_notes", [("invoice", "in_1")], "parameter_missing", "amount"),
    ("/v1/products", [("name", "x")], "standin_not_implemented", "POST /v1/products"),
]


@pytest.mark.parametrize(("path", "pairs", "code", "param"), REFUSALS)
def test_a_wrong_parameter_is_named_in_a_400(
    play: Play, path: str, pairs: list[tuple[str, str]], code: str | None, param: str | None
) -> None:
    """Status 400, invalid_request_error, the code of the case and the parameter at fault; nothing is made."""
    status, _, body = play.raw("POST", path, *pairs)
    error = body["error"]
    assert (status, error["type"], error.get("code"), error.get("param")) == (
        400,
        "invalid_request_error",
        code,
        param,
    )
    assert play.event_types() == []


def test_unknown_ids_and_urls_are_404(play: Play) -> None:
    """An id of the path that does not exist, and a URL that Stripe does not have."""
    assert play.raw("GET", "/v1/invoices/in_none")[2]["error"]["code"] == "resource_missing"
    assert [play.raw("GET", path)[0] for path in ("/v1/invoices/in_none", "/v1/nosuch", "/v1/events/evt_none")] == [
        404,
        404,
        404,
    ]


def test_every_specified_operation_is_there() -> None:
    """22 paths, 31 operations."""
    assert (len({operation.template for operation in OPERATIONS}), len(OPERATIONS)) == (22, 31)


# ---- idempotency -----------------------------------------------------------------------------------------------------
def test_the_same_key_makes_one_object_and_after_a_day_two(play: Play) -> None:
    """A replay is marked as one; when the key is 24 hours old it is forgotten."""
    create = play.client.v1.customers.create
    first = create({"name": "A"}, {"idempotency_key": "k"})
    again = create({"name": "A"}, {"idempotency_key": "k"})
    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    play.advance(DAY)
    assert create({"name": "A"}, {"idempotency_key": "k"}).id != first.id


def test_a_key_fits_one_request_only(play: Play) -> None:
    """Other parameters or another endpoint under the same key: idempotency_error, each with its text."""
    play.raw("POST", "/v1/customers", ("name", "A"), key="k")
    parameters = play.raw("POST", "/v1/customers", ("name", "B"), key="k")
    endpoint = play.raw("POST", "/v1/tax_rates", ("name", "A"), key="k")
    assert [answer[0] for answer in (parameters, endpoint)] == [400, 400]
    assert {answer[2]["error"]["type"] for answer in (parameters, endpoint)} == {"idempotency_error"}
    assert "same parameters" in parameters[2]["error"]["message"]
    assert "same endpoint" in endpoint[2]["error"]["message"]


def test_failed_validation_leaves_the_key_free_but_a_refusal_is_kept(play: Play) -> None:
    """An unknown parameter does not use the key up; an executed refusal is replayed."""
    assert play.raw("POST", "/v1/customers", ("nosuch", "1"), key="k")[0] == 400
    assert play.raw("POST", "/v1/customers", ("name", "A"), key="k")[0] == 200
    refused = [play.raw("POST", "/v1/invoices", ("customer", "cus_none"), key="r") for _ in range(2)]
    assert [headers.get("Idempotent-Replayed") for _, headers, _ in refused] == [None, "true"]
    assert play.raw("POST", "/v1/customers", ("name", "A"), key="k" * 256)[0] == 400


def test_a_key_in_flight_is_a_409(play: Play) -> None:
    """While the first request waits for the account, the second with its key is turned away."""
    answers: list[int] = []

    def request() -> None:
        answers.append(play.raw("POST", "/v1/customers", ("name", "A"), key="k")[0])

    seen = len(play.standin.requests)
    with play.standin.account.store.lock:
        first = threading.Thread(target=request)
        first.start()
        pause = threading.Event()
        while not play.standin.api._keys._flying:
            pause.wait(0.01)
        assert len(play.standin.requests) == seen + 1
        status, _, body = play.raw("POST", "/v1/customers", ("name", "A"), key="k")
    first.join()
    assert (status, body["error"]["code"], answers) == (409, "idempotency_key_in_use", [200])


# ---- switchable failures ---------------------------------------------------------------------------------------------
def _switch(play: Play, effect: str, **more: Any) -> None:
    play.control("POST", "/switches/requests", match="^POST /v1/customers$", effect=effect, **more)


@pytest.mark.parametrize(
    ("effect", "status", "made", "status_again"),
    [
        ("rate_limit", 429, 0, 200),
        ("in_flight", 409, 0, 200),
        ("forbid", 403, 0, 200),
        ("fail_before_commit", 500, 0, 500),
        ("fail_after_commit", 500, 1, 500),
    ],
)
def test_a_failure_executes_and_is_stored_as_its_switch_says(
    play: Play, effect: str, status: int, made: int, status_again: int
) -> None:
    """429, 409 and 403 leave nothing behind; a 500 stays under its key, whether or not the object exists."""
    _switch(play, effect, should_retry=False)
    assert play.raw("POST", "/v1/customers", ("name", "A"), key="k")[0] == status
    assert len(play.client.v1.customers.list().data) == made
    assert play.raw("POST", "/v1/customers", ("name", "A"), key="k")[0] == status_again
    assert play.raw("POST", "/v1/customers", ("name", "A"), key="other")[0] == 200


def test_a_dropped_answer_is_found_again_under_its_key(play: Play) -> None:
    """The connection breaks after the commit; the same key then gets the stored 200 and no second object."""
    _switch(play, "drop_after_commit")
    with pytest.raises(stripe.APIConnectionError):
        play.client.v1.customers.create({"name": "A"}, {"idempotency_key": "k", "max_network_retries": 0})
    customer = play.client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert [one.id for one in play.client.v1.customers.list().data] == [customer.id]


def test_the_retry_header_is_sent_when_asked_for(play: Play) -> None:
    """Stripe-Should-Retry true, false, or not at all; a switch lasts for its number of requests."""
    for should_retry, header in ((True, "true"), (False, "false"), (None, None)):
        _switch(play, "rate_limit", should_retry=should_retry)
        assert play.raw("POST", "/v1/customers")[1].get("Stripe-Should-Retry") == header
    _switch(play, "rate_limit", times=2)
    assert [play.raw("POST", "/v1/customers")[0] for _ in range(3)] == [429, 429, 200]


# ---- lines, lists, search, expand ------------------------------------------------------------------------------------
def test_an_invoice_shows_ten_lines_and_the_lines_route_all(play: Play) -> None:
    """11 lines: 10 and has_more; 205 lines: three pages of at most 100, in the order in which they were added."""
    eleven = play.invoice(*range(1, 12))
    assert ([line.amount for line in eleven.lines.data], eleven.lines.has_more) == (list(range(1, 11)), True)
    many = play.invoice(*range(1, 206))
    lines = play.client.v1.invoices.line_items
    first = lines.list(many.id, {"limit": 100})
    assert (len(first.data), first.has_more, many.total) == (100, True, sum(range(206)))
    assert [line.amount for line in first.auto_paging_iter()] == list(range(1, 206))
    with pytest.raises(stripe.InvalidRequestError):
        play.client.v1.invoices.add_lines(many.id, {"lines": [{"amount": 1}] * 46})


def test_pending_items_are_taken_newest_first_and_come_back_when_the_draft_goes(play: Play) -> None:
    """`include` adopts pending items of the currency; `exclude` leaves them; deleting the draft frees them."""
    customer = play.customer().id
    for amount in (1, 2):
        play.client.v1.invoice_items.create({"customer": customer, "amount": amount, "currency": "usd"})
    play.client.v1.invoice_items.create({"customer": customer, "amount": 3, "currency": "eur"})
    assert play.draft(customer).lines.data == []
    draft = play.draft(customer, pending_invoice_items_behavior="include")
    assert [line.amount for line in draft.lines.data] == [2, 1]

    def pending() -> int:
        return len(play.client.v1.invoice_items.list({"customer": customer, "pending": True}).data)

    assert pending() == 1
    play.client.v1.invoices.delete(draft.id)
    assert pending() == 3


def test_amounts_are_rounded_half_up_per_line(play: Play) -> None:
    """Ten lines of 0.4 cents are nothing, one of ten times 0.4 is four cents, 0.05 x 30 is two."""
    draft = play.draft(play.customer().id)
    lines = [("0.4", "1")] * 10 + [("0.4", "10"), ("0.05", "30")]
    for unit, quantity in lines:
        item: Any = {
            "invoice": draft.id,
            "customer": draft.customer,
            "currency": "usd",
            "unit_amount_decimal": unit,
            "quantity_decimal": quantity,
        }
        play.client.v1.invoice_items.create(item)
    amounts = [line.amount for line in play.client.v1.invoices.line_items.list(draft.id, {"limit": 100}).data]
    assert amounts == [0] * 10 + [4, 2]


def test_a_refused_request_leaves_nothing_half_done(play: Play) -> None:
    """The second line is refused, so the first is not there; neither is an object whose expansion is refused."""
    draft = play.invoice(1)
    before = (str(play.client.v1.invoices.retrieve(draft.id)), play.event_types())
    with pytest.raises(stripe.InvalidRequestError):
        play.client.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 2}, {"invoice_item": "ii_none"}]})
    assert play.raw("POST", "/v1/customers", ("name", "A"), ("expand[]", "nosuch"))[0] == 400
    assert (str(play.client.v1.invoices.retrieve(draft.id)), play.event_types()) == before
    assert len(play.client.v1.customers.list().data) == 1
    assert len(play.client.v1.invoice_items.list().data) == 1


def test_lists_are_newest_first_with_cursors_and_filters(play: Play) -> None:
    """Ten by default; starting_after and ending_before exclude their object; created takes bounds."""
    made = []
    for number in range(12):
        made.append(play.customer(email=f"{number}@acme.example").id)
        play.advance(1)
    customers = play.client.v1.customers
    assert [one.id for one in customers.list().data] == made[:1:-1]
    assert [one.id for one in customers.list({"limit": 100, "starting_after": made[2]}).data] == [made[1], made[0]]
    before = customers.list({"limit": 2, "ending_before": made[8]})
    assert ([one.id for one in before.data], before.has_more) == ([made[10], made[9]], True)
    assert [one.id for one in customers.list({"created": {"gt": START, "lt": START + 3}}).data] == [made[2], made[1]]
    assert [one.id for one in customers.list({"email": "5@acme.example"}).data] == [made[5]]
    assert play.raw("GET", "/v1/customers", ("limit", "101"))[0] == 400
    assert play.raw("GET", "/v1/customers", ("starting_after", "cus_none"))[2]["error"]["code"] == "resource_missing"


def test_search_lags_behind_what_was_written(play: Play) -> None:
    """A customer made or changed in the last 60 seconds is found as it was before; lists see it at once."""
    customer = play.customer(metadata={"tenant": "acme"}).id

    def found(tenant: str) -> list[str]:
        query = f"metadata['tenant']:'{tenant}'"
        return [one.id for one in play.client.v1.customers.search({"query": query}).data]

    assert found("acme") == []
    play.advance(60)
    assert found("acme") == [customer]
    play.client.v1.customers.update(customer, {"metadata": {"tenant": "other"}})
    assert (found("acme"), found("other")) == ([customer], [])
    play.advance(60)
    assert (found("acme"), found("other")) == ([], [customer])


@pytest.mark.parametrize(
    ("query", "status", "count"),
    [
        ("status:'draft'", 200, 1),
        ('status:"draft" AND total>100', 200, 1),
        ("total<100 OR currency:'usd'", 200, 1),
        ("-status:'draft'", 200, 0),
        ("number:null", 200, 1),
        ("metadata['tenant']:'o\\'neill'", 200, 1),
        ("status:'draft' AND total>1 OR total<1", 400, 0),
        ("nosuch:'x'", 400, 0),
        ("status", 400, 0),
    ],
)
def test_search_reads_clauses(play: Play, query: str, status: int, count: int) -> None:
    """Equality, comparison, negation, absence; AND or OR, never both."""
    play.invoice(10_000, metadata={"tenant": "o'neill"})
    play.advance(60)
    answered, _, body = play.raw("GET", "/v1/invoices/search", ("query", query))
    assert (answered, len(body.get("data", []))) == (status, count)


def test_expand_turns_ids_into_objects(play: Play) -> None:
    """On an object and on the entries of a list; a name that cannot be expanded is a 400."""
    invoice = play.open_invoice(metadata={"tenant": "acme"})
    one = play.client.v1.invoices.retrieve(invoice.id, {"expand": ["customer"]})
    listed = play.client.v1.invoices.list({"expand": ["data.customer"]}).data[0]
    for shown in (one, listed):
        assert isinstance(shown.customer, stripe.Customer)
        assert shown.customer.name == "Acme"
    assert play.raw("GET", f"/v1/invoices/{invoice.id}", ("expand[]", "nosuch"))[0] == 400
    assert isinstance(invoice.customer, str)
    assert "payments" not in invoice


def test_a_customer_keeps_what_an_update_does_not_name(play: Play) -> None:
    """Only the given parameters change; an empty string unsets; customer.updated tells what was before."""
    customer = play.customer(phone="+1 555", metadata={"a": "1", "b": "2"}, address={"city": "Austin"})
    changed = play.client.v1.customers.update(customer.id, {"phone": "", "metadata": {"a": "", "c": "3"}})
    assert (changed.name, changed.phone) == ("Acme", None)
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    event = play.client.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.to_dict()["previous_attributes"] == {"phone": "+1 555", "metadata": {"a": "1", "c": None}}
