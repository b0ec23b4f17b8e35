"""Idempotency keys of POST requests: one account, one mode.

Known key with the same method, path and parameters: the first answer again, a 500 included. Different request: 400.
Still in flight: 409, not stored. A request that fails validation leaves no key. Keys live 24 hours by the account's
clock.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any

from .account import KEY, Account
from .errors import StripeError

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True)
class Stored:
    """A stored answer."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def in_flight() -> StripeError:
    return StripeError(
        "There is currently another in-progress request using this Idempotent Key",
        status=409,
        kind="idempotency_error",
        code="idempotency_key_in_use",
    )


class Keys:
    """The keys of one account. Thread-safe: a key is claimed before its request waits for the account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._flying: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, key: str, *, path: str, parameters: dict[str, Any]) -> Stored | None:
        """The stored answer to replay, or None when the request is to be executed. Raises StripeError."""
        if len(key) > LONGEST_KEY:
            raise StripeError(f"Idempotency keys have at most {LONGEST_KEY} characters")
        with self._lock:
            if key in self._flying:
                raise in_flight()
            self._flying.add(key)
        try:
            return self._known(key, path, json.dumps(parameters, sort_keys=True))
        except StripeError:
            self.release(key)
            raise

    def _known(self, key: str, path: str, parameters: str) -> Stored | None:
        record = self._account.store.get(KEY, key)
        if record is None or record["at"] <= self._account.now - KEPT_SECONDS:
            return None
        if record["path"] != path or record["parameters"] != parameters:
            same = "with the same parameters they were first used with"
            if record["path"] != path:
                same = "for the same endpoint they were first used for"
            raise StripeError(
                f"Keys for idempotent requests can only be used {same}. Try using a key other than '{key}' if you "
                "meant to execute a different request.",
                kind="idempotency_error",
            )
        return Stored(record["status"], record["body"], record["headers"])

    def keep(self, key: str, answer: Stored, *, path: str, parameters: dict[str, Any]) -> None:
        """Stores the answer under the key and drops expired ones; the caller commits."""
        store, expired_at = self._account.store, self._account.now - KEPT_SECONDS
        store.delete(KEY, key)  # a key used again counts as new
        while (oldest := store.oldest(KEY)) and oldest["at"] <= expired_at:
            store.delete(KEY, oldest["id"])
        store.put(
            KEY,
            key,
            {
                "id": key,
                "at": self._account.now,
                "path": path,
                "parameters": json.dumps(parameters, sort_keys=True),
                "status": answer.status,
                "body": answer.body,
                "headers": answer.headers,
            },
        )

    def release(self, key: str) -> None:
        """The request is over, whatever became of it."""
        with self._lock:
            self._flying.discard(key)
