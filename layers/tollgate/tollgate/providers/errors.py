"""What can be wrong with a request or a receipt. None of these errors ever repeats a value out of it."""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.domain.errors import Problem, TollgateError


class ReceiptError(TollgateError):
    """Root of what a provider's recipe raises; it raises nothing else, whatever it is given."""

    def __init__(self, provider: str, message: str) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider


class Forged(ReceiptError):
    """A request that does not prove where it comes from: unsigned, signed by someone else, or altered on the way."""

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(provider, reason)
        self.reason = reason


class Unsigned(Forged):
    """A request without any proof, of a provider that leaves it out when something failed on its side and never sends
    again what was refused for good. It is let in no more than any other, but may be sent again."""


class Malformed(ReceiptError):
    """A body of which nothing can be read; ``problems`` names the places and what was expected there."""

    def __init__(self, provider: str, problems: Sequence[Problem]) -> None:
        super().__init__(provider, "; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
