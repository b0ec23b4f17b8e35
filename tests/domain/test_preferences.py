"""Preferences: which addresses may be chosen, and what a choice changes."""

from __future__ import annotations

import pytest

from tests.domain.examples import contract
from tollgate.domain.contract import MOST_CONTACTS
from tollgate.domain.errors import Invalid
from tollgate.domain.preferences import (
    MOST_RECIPIENTS,
    MOST_SHARES,
    Change,
    Preferences,
    recipients_of,
    shares_of,
    told,
)


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


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("50", (50,)),
        (" 90 %, 50%;1\n99 ", (1, 50, 90, 99)),
        ("50 50", (50,)),
        ("", ()),
        (" , %", ()),
    ],
)
def test_shares_are_read_as_people_write_them(text: str, shares: tuple[int, ...]) -> None:
    """Each once, ascending; none at all is a choice too."""
    read = shares_of({"sms": text, "whatsapp": ""}, meters=["sms", "whatsapp"])
    assert read == ({"sms": shares} if shares else {})
    assert Preferences(shares=read).asked == {("sms", share) for share in shares}


@pytest.mark.parametrize("bad", ["0", "100", "7.5", "-5", "050", "many", "1e1", "9" * 5000])
def test_a_share_is_a_whole_percent_below_the_limit(bad: str) -> None:
    """What is none is named with its meter, and nothing is taken."""
    with pytest.raises(Invalid) as error:
        shares_of({"sms": f"50, {bad}"}, meters=["sms"])
    assert [(one.path, one.message) for one in error.value.problems] == [
        ("sms", f"{bad!r} is no whole percent from 1 to 99")
    ]


def test_there_is_a_most_of_shares_and_each_needs_a_limit() -> None:
    """All that is wrong is named at once."""
    many = " ".join(str(share) for share in range(10, 11 + MOST_SHARES))
    assert len(shares_of({"sms": many.removeprefix("10 ")}, meters=["sms"])["sms"]) == MOST_SHARES
    with pytest.raises(Invalid) as error:
        shares_of({"sms": many, "mms": "50"}, meters=["sms"])
    assert [(one.path, one.message) for one in error.value.problems] == [
        ("sms", "expected at most 5 shares"),
        ("mms", "has no limit to take a share of"),
    ]
    assert shares_of({"mms": " "}, meters=["sms"]) == {}


def test_a_change_concerns_those_of_before_and_those_from_then_on() -> None:
    """Each once."""
    change = Change(
        recipients_before=("a@x.example", "b@x.example"),
        recipients=("b@x.example", "c@x.example"),
        shares_before={},
        shares={},
        passed={},
    )
    assert change.told == ("a@x.example", "b@x.example", "c@x.example")


def test_a_choice_changes_who_is_told_of_usage_and_nothing_else() -> None:
    """Also where billing mails fall back on the usage contacts: on those of the contract."""
    plain = contract(contacts={"usage": ["ops@acme.example"]})
    chosen = told(plain, Preferences(recipients=("jo@acme.example",), version=1))
    assert chosen.contacts.of("usage") == ("jo@acme.example",)
    assert chosen.contacts.of("billing") == ("ops@acme.example",)
    assert chosen.document() | {"contacts": None} == plain.document() | {"contacts": None}
    assert told(plain, Preferences(version=2)) is plain


def test_a_mail_to_everybody_before_and_after_a_choice_has_as_many_recipients_as_a_mail_can() -> None:
    """A customer who leaves the contract's contacts for their own: both are told, and the mail service takes fifty."""
    agreed = contract(contacts={"usage": [f"a{n}@acme.example" for n in range(MOST_CONTACTS)]}).contacts.usage
    chosen = recipients_of([f"b{n}@acme.example" for n in range(MOST_RECIPIENTS)])
    change = Change(recipients_before=agreed, recipients=chosen, shares_before={}, shares={}, passed={})
    assert len(change.told) == 50
