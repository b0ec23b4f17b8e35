"""Errors of DynamoDB that no emulator shows, injected where they happen: at the client.

Each becomes Conflict (read again and decide again) or RetryLater (the same call may succeed later); whatever is a fault
of ours stays what it is, so that nobody retries it for ever.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from tests.adapters.rows.samples import MAY, change, contract_of, hold, invoice, key, new, record, term_row, warning
from tests.domain.examples import CARD, NOON, D, fx, whatsapp
from tollgate.adapters.dynamodb import (
    DynamoContracts,
    DynamoHolds,
    DynamoInbox,
    DynamoInvoices,
    DynamoLedger,
    DynamoNotices,
    DynamoQuarantine,
    DynamoRates,
    Store,
    keys,
)
from tollgate.adapters.dynamodb.notices import new_notice
from tollgate.adapters.dynamodb.store import ATTEMPTS
from tollgate.domain.errors import Conflict, RetryLater, TollgateError
from tollgate.domain.metering import UsageChange
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.ledger import QuarantineRow

type Call = Callable[[Store], object]


class Client:
    """A client whose tables are empty, until its ``answers`` are used up: each is an answer, or an error to raise."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append((name, request))
            answer = self._answers.pop(0) if self._answers else {"Items": [], "Responses": {}}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


class Pauses(list[float]):
    """How long the store waited, each time."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def store(client: Client, pause: Callable[[float], None] = lambda seconds: None) -> Store:
    return Store(client, ledger="ledger", accounts="accounts", pause=pause, jitter=lambda: 1.0)  # type: ignore[arg-type]


def refused(code: str, *, status: int = 400) -> ClientError:
    """An error of a single call."""
    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutItem")  # type: ignore[arg-type]  # the parts that matter


def cancelled(*reasons: str) -> ClientError:
    """A cancelled transaction, with a reason for each of its elements."""
    answer = {
        "Error": {"Code": "TransactionCanceledException", "Message": "m"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]


QUARANTINED = QuarantineRow(id="2026-03-10.1", reason="no-rate", fact=whatsapp("sent"))
CALLS: dict[str, Call] = {
    "records": lambda s: DynamoLedger(s).records("acme", [key("a")]),
    "usage_rows": lambda s: DynamoLedger(s).usage_rows("acme", {}, [MAY]),
    "commit": lambda s: DynamoLedger(s).commit("acme", new(record("a")), UsageChange()),
    "month": lambda s: list(DynamoLedger(s).month("acme", MAY, date(2026, 6, 1))),
    "days": lambda s: DynamoLedger(s).days("acme", MAY, date(2026, 6, 1)),
    "terms": lambda s: DynamoLedger(s).terms("acme"),
    "save_term": lambda s: DynamoLedger(s).save_term("acme", term_row(), notices=[warning("acme")], holds=[]),
    "tenants": lambda s: DynamoContracts(s).tenants(),
    "versions": lambda s: DynamoContracts(s).versions("acme"),
    "senders": lambda s: DynamoContracts(s).senders([("meta", "1")]),
    "apply": lambda s: DynamoContracts(s).apply(contract_of("acme"), {}, {}, by="mia", at=NOON),
    "stripe_customer": lambda s: DynamoContracts(s).stripe_customer("acme"),
    "set_stripe_customer": lambda s: DynamoContracts(s).set_stripe_customer("acme", "cus_1"),
    "book": lambda s: DynamoRates(s).book(["meta"], fx=True),
    "add_fx": lambda s: DynamoRates(s).add_fx([fx("2026-03-10", USD="1.25")]),
    "put": lambda s: DynamoQuarantine(s).put([QUARANTINED]),
    "rows": lambda s: DynamoQuarantine(s).rows(),
    "remove": lambda s: DynamoQuarantine(s).remove([QUARANTINED]),
    "notices": lambda s: DynamoNotices(s).notices("acme"),
    "notice": lambda s: DynamoNotices(s).notice("acme", "x"),
    "holds": lambda s: DynamoHolds(s).holds("acme"),
    "lift": lambda s: DynamoHolds(s).lift(hold("acme"), at=NOON),
    "invoices": lambda s: DynamoInvoices(s).invoices("acme"),
    "invoice": lambda s: DynamoInvoices(s).invoice("acme", MAY),
    "revision": lambda s: DynamoInvoices(s).revision("acme", MAY, 1),
    "save": lambda s: DynamoInvoices(s).save(invoice("acme"), by="mia", at=NOON),
    "seen": lambda s: DynamoInbox(s).seen("evt_1"),
    "remember": lambda s: DynamoInbox(s).remember("evt_1", at=NOON),
}
URL = "https://dynamodb.eu-west-1.amazonaws.com/"
UNREACHABLE = [
    EndpointConnectionError(endpoint_url=URL),
    ConnectTimeoutError(endpoint_url=URL),
    ConnectionClosedError(endpoint_url=URL),
    ReadTimeoutError(endpoint_url=URL),
]
BUSY = [
    refused("ProvisionedThroughputExceededException"),
    refused("ThrottlingException"),
    refused("RequestLimitExceeded"),
    refused("TransactionInProgressException"),
    refused("InternalServerError", status=500),
    refused("ServiceUnavailableException", status=503),
    refused("", status=502),
]
OURS = [
    refused("AccessDeniedException"),
    refused("ResourceNotFoundException"),
    refused("ValidationException"),
    refused("ItemCollectionSizeLimitExceededException"),
    refused("IdempotentParameterMismatchException"),
    ParamValidationError(report="r"),
    NoCredentialsError(),
]


def name_of(case: object) -> str:
    if isinstance(case, ClientError):
        return str(case.response["Error"]["Code"] or case.response["ResponseMetadata"]["HTTPStatusCode"])
    return type(case).__name__


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_busy_table_is_tried_again_later(call: Call) -> None:
    """Every call of every port says so in the one word that stages wait on, and keeps the cause."""
    error = BUSY[0]
    with pytest.raises(RetryLater) as raised:
        call(store(Client(error)))
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_fault_of_ours_is_not_swallowed(call: Call) -> None:
    """A denied permission passes through every port as what it is: nobody may wait for it to go away."""
    error = refused("AccessDeniedException")
    with pytest.raises(ClientError) as raised:
        call(store(Client(error)))
    assert raised.value is error


@pytest.mark.parametrize("error", [*BUSY, *UNREACHABLE], ids=name_of)
def test_whatever_may_pass_is_retried_later(error: Exception) -> None:
    """Throttling, a fault of AWS, and every way in which a network fails."""
    with pytest.raises(RetryLater):
        store(Client(error)).get("accounts", keys.profile("acme"))


@pytest.mark.parametrize("error", OURS, ids=name_of)
def test_whatever_cannot_pass_stays_what_it_is(error: Exception) -> None:
    """A malformed request or a missing table is none of Tollgate's own errors."""
    with pytest.raises(type(error)) as raised:
        store(Client(error)).get("accounts", keys.profile("acme"))
    assert not isinstance(raised.value, TollgateError)


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (["None", "ConditionalCheckFailed"], Conflict),
        (["None", "TransactionConflict"], Conflict),
        (["ConditionalCheckFailed", "ThrottlingError"], Conflict),
        (["None", "ThrottlingError"], RetryLater),
        (["ProvisionedThroughputExceeded", "None"], RetryLater),
        (["None", "ValidationError"], ClientError),
        (["None", "ItemCollectionSizeLimitExceeded"], ClientError),
    ],
)
@pytest.mark.parametrize("call", ["commit", "save_term", "apply", "save"])
def test_a_cancelled_transaction_says_why(call: str, reasons: Sequence[str], expected: type[Exception]) -> None:
    """Somebody was first: read again. Too busy: later. An element that can never be written: a fault of ours."""
    client = Client(cancelled(*reasons))
    if call in ("apply", "save"):  # these read first
        client = Client({}, cancelled(*reasons))
    with pytest.raises(expected):
        CALLS[call](store(client))
    assert client.requests[-1][0] == "transact_write_items"


def test_a_conflict_outside_a_transaction_is_one_too() -> None:
    """A single write that meets a transaction, or whose condition fails, has lost to somebody."""
    for code in ("TransactionConflictException", "ConditionalCheckFailedException"):
        with pytest.raises(Conflict):
            DynamoContracts(store(Client(refused(code)))).set_stripe_customer("acme", "cus_1")


def test_a_hold_that_meets_a_transaction_is_not_called_missing() -> None:
    """Only a hold that is really not there is not found; one that is being written is a conflict."""
    held = {"Item": {"pk": {"S": "TENANT#acme"}, "sk": {"S": "HOLD#x"}}}
    client = Client(refused("TransactionConflictException"), held)
    with pytest.raises(Conflict):
        DynamoHolds(store(client)).lift(hold("acme"), at=NOON)


def test_a_mail_that_meets_a_transaction_is_a_conflict() -> None:
    """The notice is there; only its mail could not be set."""
    there = {"Item": new_notice("accounts", warning("acme"))["Put"]["Item"]}
    client = Client(refused("TransactionConflictException"), there)
    with pytest.raises(Conflict):
        DynamoNotices(store(client)).set_mail("acme", "x", expected=MailState(), mail=MailState(status="sending"))


def test_an_emptied_day_that_meets_a_transaction_stays_listed() -> None:
    """Tidying up gives way to whoever writes."""
    listed = {"Item": {"pk": {"S": "QUARANTINE"}, "sk": {"S": "2026-03-10"}, "mark": {"S": "m"}}}
    client = Client({}, listed, {"Items": []}, refused("TransactionConflictException"))
    DynamoQuarantine(store(client)).remove([QUARANTINED])
    assert [name for name, _ in client.requests] == ["batch_write_item", "get_item", "query", "delete_item"]


def attributes(n: int) -> dict[str, Any]:
    return {"pk": {"S": "P"}, "sk": {"S": f"{n}"}}


def test_keys_that_were_not_read_are_read_again() -> None:
    """What a batch leaves out is asked for again, only that, waiting longer each time."""
    left = {"accounts": {"Keys": [attributes(2)], "ConsistentRead": True}}
    client = Client(
        {"Responses": {"accounts": [attributes(1)]}, "UnprocessedKeys": left},
        {"Responses": {}, "UnprocessedKeys": left},
        {"Responses": {"accounts": [attributes(2)]}, "UnprocessedKeys": {}},
    )
    pauses = Pauses()
    found = store(client, pauses).get_many("accounts", [keys.Key("P", "1"), keys.Key("P", "2")])
    assert set(found) == {keys.Key("P", "1"), keys.Key("P", "2")}
    assert [request["RequestItems"] for _, request in client.requests[1:]] == [left, left]
    assert len(pauses) == 2
    assert pauses == sorted(set(pauses))


def test_keys_that_are_never_read_are_not_taken_for_missing() -> None:
    """A record that could not be read must not look new: it would be counted twice."""
    left = {"UnprocessedKeys": {"ledger": {"Keys": [attributes(2)], "ConsistentRead": True}}, "Responses": {}}
    client = Client(*[left] * ATTEMPTS, {"Responses": {}})
    with pytest.raises(RetryLater):
        DynamoLedger(store(client)).records("acme", [key("a")])
    assert len(client.requests) == ATTEMPTS


def test_items_that_were_not_written_are_written_again() -> None:
    """Only what was left out, until nothing is."""
    left = {"accounts": [{"PutRequest": {"Item": attributes(2)}}]}
    client = Client({"UnprocessedItems": left}, {"UnprocessedItems": {}})
    store(client).write_many("accounts", puts=[{"pk": "P", "sk": "1"}, {"pk": "P", "sk": "2"}])
    assert [request["RequestItems"] for _, request in client.requests][1:] == [left]


def test_a_fact_that_could_not_be_quarantined_goes_back_to_the_queue() -> None:
    """The day is not marked, and the caller knows that nothing is safe yet."""
    left = {"UnprocessedItems": {"accounts": [{"PutRequest": {"Item": attributes(2)}}]}}
    client = Client(*[left] * ATTEMPTS)
    with pytest.raises(RetryLater):
        DynamoQuarantine(store(client)).put([QUARANTINED])
    assert {name for name, _ in client.requests} == {"batch_write_item"}


def test_exchange_rates_that_were_not_all_written_do_not_move_the_index() -> None:
    """Nobody reads a half of them as the whole: the index moves after the last one."""
    client = Client(refused("ThrottlingException"))
    with pytest.raises(RetryLater):
        DynamoRates(store(client)).add_fx([fx("2026-03-10", USD="1.25")])
    assert [name for name, _ in client.requests] == ["batch_write_item"]


def test_no_page_is_missing_when_the_second_fails() -> None:
    """A query that breaks off raises; half a month is never taken for the whole."""
    first = {"Items": [attributes(1)], "LastEvaluatedKey": attributes(1)}
    client = Client(first, refused("ThrottlingException"))
    with pytest.raises(RetryLater):
        list(store(client).query("accounts", "P"))
    assert client.requests[1][1]["ExclusiveStartKey"] == attributes(1)


def test_a_card_is_loaded_after_others_went_first() -> None:
    """A lost race is run again on what is there now, and given up as a conflict after the third."""
    lost = cancelled("None", "ConditionalCheckFailed")
    listed = {"version": {"N": "1"}, "cards": {"L": [{"S": "2026-01-01#1"}]}}
    client = Client({}, lost, {"Item": {"pk": {"S": "RATES#meta"}, "sk": {"S": "INDEX"}, **listed}}, {})
    assert DynamoRates(store(client)).add_card(CARD).version == 2
    with pytest.raises(Conflict):
        DynamoRates(store(Client({}, lost, {}, lost, {}, lost))).add_card(CARD)


def test_no_amount_or_number_is_in_an_error() -> None:
    """What is said of an error names nothing of the row."""
    with pytest.raises(Conflict) as raised:
        DynamoLedger(store(Client(cancelled("TransactionConflict")))).commit(
            "acme", new(record("wamid.secret")), change(term_row(fees="987.65"))
        )
    assert not [part for part in ("wamid.secret", "987.65", "acme") if part in str(raised.value)]


def test_a_number_beyond_what_the_table_holds_exactly_is_refused() -> None:
    """38 digits are stored exactly; more is an error here, and never a rounded amount."""
    client = Client()
    with pytest.raises(ArithmeticError):
        store(client).put("accounts", {"pk": "P", "sk": "1", "fees": D("1." + "1" * 38)})
    with pytest.raises(TypeError):
        store(client).put("accounts", {"pk": "P", "sk": "1", "fees": 0.1})
    assert client.requests == []
