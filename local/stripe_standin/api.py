"""One API request from authentication to answer: keys, idempotency, switches, validation, execution, events.

Invariant: an answer is sent, and its events handed to delivery, only after the changes it speaks of are committed.
"""

import base64
import binascii
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from . import forms, render
from .account import API_VERSION, Account, Call, Origin, new_id
from .elapse import elapse
from .errors import ParameterError, StripeError
from .idempotency import Keys, Stored, in_flight
from .routes import Operation, route
from .states import PaymentDeclinedError
from .store import Record
from .switches import RequestSwitch, Switches

LOGGED_REQUESTS = 10_000
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names in lower case, `target` with its query string."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    """What to send back; `dropped` closes the connection without an answer after `hold_seconds`."""

    status: int
    body: Record
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False
    hold_seconds: float = 0


def _failure(error: StripeError) -> Stored:
    return Stored(error.status, error.body(), error.headers)


def _retry_header(switch: RequestSwitch) -> dict[str, str]:
    return {} if switch.should_retry is None else {"Stripe-Should-Retry": str(switch.should_retry).lower()}


class Api:
    """The /v1 routes of one account."""

    def __init__(self, account: Account, switches: Switches, dispatch: Callable[[list[Record]], None]) -> None:
        self.account = account
        self.switches = switches
        self.log: deque[Request] = deque(maxlen=LOGGED_REQUESTS)
        self._dispatch = dispatch
        self._keys = Keys(account)
        self._elapsed_to: int | None = None

    def answer(self, request: Request) -> Answer:
        """The answer to any /v1 request; never raises StripeError."""
        self.log.append(request)
        request_id = new_id("req")
        try:
            answer = self._answer(request, request_id)
        except StripeError as error:
            answer = Answer(error.status, error.body(), error.headers)
        version = request.headers.get("stripe-version", API_VERSION)
        headers = {"Request-Id": request_id, "Stripe-Version": version, **answer.headers}
        return Answer(answer.status, answer.body, headers, answer.dropped, answer.hold_seconds)

    def _answer(self, request: Request, request_id: str) -> Answer:
        authenticate(request.headers.get("authorization", ""))
        url = urlsplit(request.target)
        operation, ids = route(request.method, url.path)
        given = _decoded(request, url.query)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        origin = Origin(request_id, key)
        if key is None:
            return self._first_time(operation, Call(ids, given), origin, url.path)
        stored = self._keys.claim(key, path=url.path, parameters=given)
        try:
            if stored is not None:
                return Answer(stored.status, stored.body, {**stored.headers, "Idempotent-Replayed": "true"})
            return self._first_time(operation, Call(ids, given), origin, url.path)
        finally:
            self._keys.release(key)

    def _first_time(self, operation: Operation, call: Call, origin: Origin, path: str) -> Answer:
        switch = self.switches.for_request(operation.method, path)
        effect = switch.effect if switch else None
        if switch:
            _refuse_before_execution(switch)
        if switch and effect == "fail_before_commit":
            result = Stored(500, _server_error(), _retry_header(switch))
            with self.account.store.lock:
                self._keep(origin, call, result, path)
        else:
            typed = operation.form.read(call.given)
            operation.check(typed)
            with self.account.store.lock:
                result = self._execute(operation, Call(call.path, typed), origin, decline=effect == "decline")
                if switch and effect == "fail_after_commit" and result.status == 200:
                    result = Stored(500, _server_error(), _retry_header(switch))
                self._keep(origin, call, result, path)
        dropped = effect == "drop_after_commit"
        held = switch.hold_seconds if switch and dropped else 0
        return Answer(result.status, result.body, result.headers, dropped, held)

    def _execute(self, operation: Operation, call: Call, origin: Origin, *, decline: bool) -> Stored:
        """Runs the operation; commits nothing yet. Refusals leave no trace, declined payments do."""
        self.let_time_pass()
        account, settings = self.account, self.account.settings
        account.origin = origin
        if decline:
            account.settings = settings.model_copy(update={"pay_outcome": "decline"})
        try:
            shown = operation.run(account, call)
            return Stored(200, _expand(account, shown, call.given.get("expand") or []), {})
        except ParameterError:
            account.rollback()
            raise
        except PaymentDeclinedError as error:
            return _failure(error)
        except StripeError as error:
            account.rollback()
            return _failure(error)
        except BaseException:
            account.rollback()  # a defect of the stand-in: the server answers 500, half a change must not stay
            raise
        finally:
            account.settings, account.origin = settings, Origin()

    def _keep(self, origin: Origin, call: Call, result: Stored, path: str) -> None:
        if origin.idempotency_key is not None:
            self._keys.keep(origin.idempotency_key, result, path=path, parameters=call.given)
        self.commit()

    def commit(self) -> None:
        """Commits and hands the events over; the caller holds the lock."""
        self._dispatch(self.account.commit())

    def let_time_pass(self) -> None:
        """Does and commits what the clock alone brings, once per second of it; the caller holds the lock."""
        if self._elapsed_to != self.account.now:
            self._elapsed_to = self.account.now
            elapse(self.account)
            self.commit()


def authenticate(authorization: str) -> None:
    """Accepts test keys, secret and restricted, as Bearer or as Basic user name; raises StripeError 401."""
    scheme, _, value = authorization.partition(" ")
    key = value.strip() if scheme.lower() == "bearer" else ""
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(value, validate=True).decode("utf-8", "replace").split(":")[0]
        except binascii.Error:
            key = ""
    if not key:
        raise StripeError("You did not provide an API key.", status=401)
    if not key.startswith(("sk_test_", "rk_test_")):
        raise StripeError("Invalid API Key provided: the stand-in takes sk_test_ and rk_test_ keys only", status=401)


def _decoded(request: Request, query: str) -> dict[str, Any]:
    if request.method != "POST":
        return forms.decode(query)
    content_type = request.headers.get("content-type", FORM_TYPE).split(";")[0].strip()
    if request.body and content_type != FORM_TYPE:
        raise ParameterError(f"The body must be {FORM_TYPE}, not {content_type}")
    return forms.decode(request.body) | forms.decode(query)


def _server_error() -> Record:
    return StripeError("An unknown error occurred", status=500, kind="api_error").body()


def _refuse_before_execution(switch: RequestSwitch) -> None:
    headers = _retry_header(switch)
    match switch.effect:
        case "rate_limit":
            raise StripeError("Request rate limit exceeded", status=429, code="rate_limit", headers=headers)
        case "in_flight":
            raise in_flight()
        case "forbid":
            raise StripeError("The provided key does not have the required permissions", status=403)


def _expand(account: Account, shown: Record, names: list[str]) -> Record:
    """`customer` on an object, `data.customer` on a list or search result; raises ParameterError."""
    try:
        if shown["object"] not in ("list", "search_result"):
            return render.expanded(account, shown, names)
        inner = [name.removeprefix("data.") for name in names if name.startswith("data.")]
        if len(inner) < len(names):
            raise ValueError(next(name for name in names if not name.startswith("data.")))
        return {**shown, "data": [render.expanded(account, one, inner) for one in shown["data"]]}
    except ValueError as error:
        raise ParameterError(f"This property cannot be expanded ({error}).", param="expand") from error
