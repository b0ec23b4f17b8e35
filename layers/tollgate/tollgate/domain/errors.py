"""Errors of Tollgate: each class carries its ids and writes its own message; the edge alone chooses status codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TollgateError(Exception):
    """Root of every error that Tollgate raises on purpose."""


class NotFound(TollgateError):
    """Something named by the caller does not exist."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} does not exist")
        self.what, self.name = what, name


class Conflict(TollgateError):
    """What was read has changed since; read again and decide again."""


class RetryLater(TollgateError):
    """An outside system could not answer now; the same call may succeed later.

    ``stored``: it has stored this failure under the idempotency key, so a repeat needs a key of its own.
    """

    def __init__(self, message: str, *, stored: bool = False) -> None:
        super().__init__(message)
        self.stored = stored


class Refused(TollgateError):
    """An outside system refused for good; repeating the same call cannot help. ``missing``: because there is no such
    thing."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where (a dotted path) and what was expected there.

    ``key`` names it for those who are told in another language; ``given`` is the part of the input, or the limit, that
    it is about."""

    path: str
    message: str
    key: str = ""
    given: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Invalid(TollgateError):
    """An input is refused whole; ``problems`` names everything wrong with it."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{what} is not valid: " + "; ".join(str(problem) for problem in problems))
        self.what, self.problems = what, tuple(problems)


class Unreadable(TollgateError):
    """A row of ours is not what this version of the code can read; ``paths`` are the fields, never their values."""

    def __init__(self, what: str, paths: Sequence[str]) -> None:
        super().__init__(f"{what} cannot be read: {', '.join(paths)}")
        self.what, self.paths = what, tuple(paths)


class RevisionChanged(Conflict):
    """An approval named a revision that is no longer the current one; ``differences`` says what moved."""

    def __init__(self, *, tenant: str, period: str, named: int, current: int, differences: Sequence[str]) -> None:
        super().__init__(
            f"invoice {period} of {tenant} is at revision {current}, not {named}: " + "; ".join(differences)
        )
        self.tenant, self.period, self.named, self.current = tenant, period, named, current
        self.differences = tuple(differences)
