"""Errors: what each says, and what it carries for whoever has to act on it."""

from __future__ import annotations

import pytest

from tollgate.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    Problem,
    Refused,
    RetryLater,
    RevisionChanged,
    TollgateError,
    Unreadable,
)

CHANGED = RevisionChanged(tenant="acme", period="2026-02-01", named=1, current=3, differences=["total: 1 -> 2", "b"])
INVALID = Invalid("contract", [Problem("senders.0", "belongs to beta already"), Problem("", "expected a mapping")])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (NotFound("invoice", "acme/2026-02-01"), "invoice 'acme/2026-02-01' does not exist"),
        (INVALID, "contract is not valid: senders.0: belongs to beta already; expected a mapping"),
        (CHANGED, "invoice 2026-02-01 of acme is at revision 3, not 1: total: 1 -> 2; b"),
        (RetryLater("Stripe is busy"), "Stripe is busy"),
        (Conflict("changed since"), "changed since"),
        (Refused("no such customer"), "no such customer"),
        (
            Unreadable("a row of kind Hold", ["scope", "opened_at"]),
            "a row of kind Hold cannot be read: scope, opened_at",
        ),
    ],
)
def test_each_error_writes_its_own_message(error: TollgateError, message: str) -> None:
    """All are of one family, so that one except clause takes what is raised on purpose and nothing else."""
    assert str(error) == message
    assert isinstance(error, TollgateError)


def test_errors_carry_what_they_are_about() -> None:
    """A page shows the parts, not the sentence."""
    missing = NotFound("tenant", "acme")
    assert (missing.what, missing.name) == ("tenant", "acme")
    assert (INVALID.what, [problem.path for problem in INVALID.problems]) == ("contract", ["senders.0", ""])
    assert (CHANGED.tenant, CHANGED.period, CHANGED.named, CHANGED.current) == ("acme", "2026-02-01", 1, 3)
    assert CHANGED.differences == ("total: 1 -> 2", "b")


def test_a_stale_approval_is_a_conflict() -> None:
    """Whoever handles conflicts by reading again handles this one too."""
    assert isinstance(CHANGED, Conflict)


def test_a_failure_is_stored_only_when_it_says_so() -> None:
    """A stored failure needs a key of its own for the repeat; by default the same key may be used again."""
    assert (RetryLater("timeout").stored, RetryLater("500", stored=True).stored) == (False, True)
