"""What a failed call to Stripe means: the same call may succeed later, or Stripe has refused for good.

Decided on the HTTP status and two codes, never on a message. ``exception.code`` is not used: the SDK leaves it empty
on most of its errors, while the answer's body has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import stripe

from tollgate.domain.errors import Refused, RetryLater

_BUSY: Final = frozenset({408, 409, 425, 429})
_BUSY_CODES: Final = frozenset({"rate_limit", "lock_timeout", "idempotency_key_in_use"})
_REPLAYED: Final = "Idempotent-Replayed"

# Stripe's messages quote what they complain about.
_API_KEY: Final = re.compile(r"\b(?:sk|rk|pk|whsec)_[\w*]+")
_MAIL_ADDRESS: Final = re.compile(r"[^\s@<>\"'(),:;]+@[^\s@<>\"'(),:;]+")


@contextmanager
def answered(what: str, *, keyed: bool) -> Iterator[None]:
    """Run a call to Stripe; ``what`` names it in errors, ``keyed`` says that it carries an idempotency key.

    Raises RetryLater or Refused in place of the SDK's errors. The SDK's error is left out of the chain, because its
    text is the unshortened answer.
    """
    try:
        yield
    except stripe.StripeError as exc:
        raise translate(exc, what, keyed=keyed) from None


def translate(exc: stripe.StripeError, what: str, *, keyed: bool) -> RetryLater | Refused:
    """The error of a stage for an error of the SDK.

    | failure                                         | becomes    | stored                          |
    |-------------------------------------------------|------------|---------------------------------|
    | no answer, or no readable one                   | RetryLater | no                              |
    | 5xx                                             | RetryLater | yes: Stripe keeps it for a day  |
    | 408, 409, 425, 429; locked, key in flight       | RetryLater | only when it is itself a replay |
    | key used before with other parameters           | RetryLater | yes: the content needs a key    |
    | any other 4xx                                   | Refused    | (404: ``missing``)              |

    A read carries no key, so nothing is ever stored for one.
    """
    status, error = exc.http_status, _error(exc)
    if status is None or isinstance(exc, stripe.APIConnectionError):
        return RetryLater(f"{what}: Stripe did not answer{_cause(exc)}")
    message = _message(exc, what, error)
    if isinstance(exc, stripe.IdempotencyError) or status >= 500:
        return RetryLater(message, stored=keyed)
    if status < 400:
        return RetryLater(message)
    if status in _BUSY or error.get("code") in _BUSY_CODES:
        return RetryLater(message, stored=keyed and _is_replay(exc))
    return Refused(message, missing=status == 404)


def _error(exc: stripe.StripeError) -> Mapping[str, object]:
    """The ``error`` of the answer's body; empty when the answer has none (a proxy's page, say)."""
    body = exc.json_body
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _is_replay(exc: stripe.StripeError) -> bool:
    """Whether Stripe repeated what it has stored under the key. Header names come in any case."""
    return any(name.lower() == _REPLAYED.lower() and value == "true" for name, value in (exc.headers or {}).items())


def _cause(exc: stripe.StripeError) -> str:
    """Which of the HTTP library's errors it was (``ConnectTimeout``, ``SSLError``)."""
    return f" ({type(exc.__cause__).__name__})" if exc.__cause__ else ""


def _message(exc: stripe.StripeError, what: str, error: Mapping[str, object]) -> str:
    code = error.get("code") or error.get("type") or "no error code"
    said = error.get("message") or "the answer is not one of Stripe's"
    request = f" (request {exc.request_id})" if exc.request_id else ""
    return f"{what}: Stripe answered {exc.http_status} {code}: {_scrubbed(str(said))}{request}"


def _scrubbed(text: str) -> str:
    return _MAIL_ADDRESS.sub("[mail address]", _API_KEY.sub("[key]", text))
