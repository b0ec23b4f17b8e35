"""Preferences: which addresses may be chosen, and what a choice changes."""

from __future__ import annotations

import pytest

from tests.domain.examples import contract
from tollgate.domain.errors import Invalid
from tollgate.domain.preferences import MOST_RECIPIENTS, Preferences, recipients_of, told


def test_addresses_are_taken_once_and_in_order() -> None:
    """Empty lines are none; none at all is a choice too."""
    assert recipients_of([" b@x.example", "", "a@x.example", "b@x.example "]) == ("b@x.example", "a@x.example")
    assert recipients_of(["", " "]) == ()


def test_every_bad_address_is_named() -> None:
    """And nothing of the list is taken."""
    with pytest.raises(Invalid) as error:
        recipients_of(["a@x.example", "nobody", "x@y", "b@x.example"])
    assert [problem.message for problem in error.value.problems] == [
        "'nobody' is no mail address",
        "'x@y' is no mail address",
    ]


def test_there_is_a_most_of_addresses() -> None:
    """A mail service takes no more in one mail than fifty, and a warning is no newsletter."""
    many = [f"a{n}@x.example" for n in range(MOST_RECIPIENTS + 1)]
    assert len(recipients_of(many[1:])) == MOST_RECIPIENTS
    with pytest.raises(Invalid, match="at most 20"):
        recipients_of(many)


def test_a_choice_changes_who_is_told_of_usage_and_nothing_else() -> None:
    """Also where billing mails fall back on the usage contacts: on those of the contract."""
    plain = contract(contacts={"usage": ["ops@acme.example"]})
    chosen = told(plain, Preferences(recipients=("jo@acme.example",), version=1))
    assert chosen.contacts.of("usage") == ("jo@acme.example",)
    assert chosen.contacts.of("billing") == ("ops@acme.example",)
    assert chosen.document() | {"contacts": None} == plain.document() | {"contacts": None}
    assert told(plain, Preferences(version=2)) is plain
