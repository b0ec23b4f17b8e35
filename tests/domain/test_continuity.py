"""Continuity: a draft that does not follow from the earlier invoices any more is not approved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.domain.tiny_books import TinyBooks, billing
from tollgate.domain.continuity import follows, resting_on
from tollgate.domain.invoices import Invoice, draft


def books(*, months: int = 12) -> TinyBooks:
    """Two months stated, of a contract that includes 1.00."""
    made = TinyBooks([billing("1.00", months=months)])
    made.know("2026-01-20", "11.00")
    made.close()
    made.know("2026-02-20", "5.00")
    made.close()
    return made


def refreshed_first(made: TinyBooks) -> Invoice:
    """January as it would be stated with more usage."""
    other = TinyBooks(made.versions, usage=list(made.usage))
    other.know("2026-01-21", "2.00")
    return draft(other.close())


@pytest.mark.parametrize("status", ["draft", "approved", "open", "paid", "uncollectible"])
def test_a_statement_follows_from_those_it_was_computed_from(status: str) -> None:
    """Whatever became of them, as long as what they state counts as invoiced."""
    first, second = books().invoices
    assert follows(first, [])
    assert follows(second, [replace(first, status=status)])


def test_a_statement_does_not_follow_from_an_earlier_one_that_took_in_late_usage() -> None:
    """It would bill the same usage twice."""
    made = books()
    assert not follows(made.invoices[1], [refreshed_first(made)])


def test_a_statement_follows_from_one_that_was_voided_since() -> None:
    """It leaves that amount to the next statement, which is no mistake: finance need not wait for the next run."""
    first, second = books().invoices
    assert follows(second, [replace(first, status="void")])


def test_a_statement_that_brings_forward_follows_only_while_it_must() -> None:
    """Once the void invoice is a draft again, its amount is on that one."""
    made = books()
    void = replace(made.invoices[0], status="void")
    made.invoices[:] = [void]
    made.close()
    assert follows(made.invoices[1], [void])
    assert not follows(made.invoices[1], [replace(void, status="draft")])


def test_usage_of_an_ended_term_is_followed_too() -> None:
    """A statement with late usage of the term before stands on what that term's statements knew."""
    made = books(months=1)  # every month a term of its own
    made.know("2026-01-16", "3.00")
    made.close()
    *earlier, last = made.invoices
    assert follows(last, earlier)
    late = [line.key for line in last.statement.lines if line.key.startswith("adjustment/")]
    assert late == ["adjustment/whatsapp/2026-01-15"]


def test_an_approval_rests_on_what_may_still_move() -> None:
    """Drafts and void ones; what is issued and not void stays as it is."""
    first = books().invoices[0]
    statuses = ["draft", "nil", "carried", "approved", "open", "paid", "void", "uncollectible"]
    rests = resting_on([replace(first, status=status) for status in statuses])
    assert [one.status for one in rests] == ["draft", "void"]
