"""Contracts: every problem with its path, the round trip, and which version holds when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.examples import DOCUMENT, TERM_START, D, contract
from tollgate.domain.calendar import Term
from tollgate.domain.contract import (
    Contract,
    change_problems,
    changed_limits,
    for_term,
    in_force,
    parse,
)
from tollgate.domain.errors import Invalid

APPROVED = {"by": "Jo Doe", "document": "SO-17"}
WHATSAPP, SMS = DOCUMENT["allowances"]["whatsapp"], DOCUMENT["allowances"]["sms"]
META = DOCUMENT["senders"][0]


def problems(document: object) -> dict[str, str]:
    """The problems of a document by path."""
    with pytest.raises(Invalid) as caught:
        parse(document)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"tenant": "acme corp"}, "tenant", "pattern"),
        ({"tenant": "a" * 65}, "tenant", "pattern"),
        ({"name": "  "}, "name", "at least 1 character"),
        ({"currency": "usd"}, "currency", "expected one of AED, "),
        ({"currency": "HUF"}, "currency", "expected one of AED, "),
        ({"timezone": "America/Chikago"}, "timezone", "IANA time zone"),
        ({"timezone": "../etc/passwd"}, "timezone", "IANA time zone"),
        ({"timezone": ""}, "timezone", "IANA time zone"),
        ({"locale": "english"}, "locale", "pattern"),
        ({"term": {"start": "2026-02-30"}}, "term.start", "valid date"),
        ({"term": {"start": "1999-12-31"}}, "term.start", "greater than or equal to 2000-01-01"),
        ({"term": {"start": "2100-01-01"}}, "term.start", "less than 2100-01-01"),
        ({"term": {"start": "2026-01-15", "months": 0}}, "term.months", "greater than or equal to 1"),
        ({"term": {"start": "2026-01-15", "months": 61}}, "term.months", "less than or equal to 60"),
        ({"term": {"start": "2026-01-15", "days": 3}}, "term.days", "Extra inputs are not permitted"),
        ({"payment": {"days_until_due": -1}}, "payment.days_until_due", "greater than or equal to 0"),
        ({"payment": {"suspend_after_days": 0}}, "payment.suspend_after_days", "greater than or equal to 1"),
        ({"contacts": {}}, "contacts", "at least one address under usage or billing"),
        ({"contacts": {"usage": ["ops@acme"]}}, "contacts.usage.0", "pattern"),
        ({"contacts": {"billing": ["a@b.c", "a@b.c,d@e.f"]}}, "contacts.billing.1", "pattern"),
        (
            {"contacts": {"usage": [f"a{n}@x.example" for n in range(31)]}},
            "contacts.usage",
            "at most 30 addresses, not 31",
        ),
        ({"contacts": {"billing": ["ap@acme.example\nBcc: x"]}}, "contacts.billing.0", "pattern"),
        ({"senders": []}, "senders", "expected at least one sender"),
        ({"senders": [META, META]}, "senders", "the same account is listed twice"),
        ({"senders": [{"provider": "fax", "account": "1"}]}, "senders.0.provider", "expected one of aws-sms,"),
        ({"senders": [{"provider": "meta", "account": " "}]}, "senders.0.account", "at least 1 character"),
        ({"senders": [META, {"provider": "meta"}]}, "senders.1.account", "Field required"),
        ({"senders": [META | {"from": "soon"}]}, "senders.0.from", "valid date"),
        ({"allowances": [SMS]}, "allowances", "valid dictionary"),
        ({"allowances": {"sms": 50_000}}, "allowances.sms", "valid dictionary"),
        ({"allowances": {"mms": {"included": 5, "beyond": "suspend"}}}, "allowances.mms.measure", "Field required"),
        ({"allowances": {"sms": {"measure": "parts"}}}, "allowances.sms.measure", "'fees', 'messages' or 'segments'"),
        ({"allowances": {"whatsapp": {"included": 1000.1}}}, "allowances.whatsapp.included", "write amounts in quotes"),
        ({"allowances": {"whatsapp": {"included": "-1"}}}, "allowances.whatsapp.included", "greater than or equal"),
        ({"allowances": {"whatsapp": {"included": "NaN"}}}, "allowances.whatsapp.included", "finite"),
        ({"allowances": {"whatsapp": {"included": "1e13"}}}, "allowances.whatsapp.included", "less than or equal"),
        ({"allowances": {"whatsapp": {"included": "1e-13"}}}, "allowances.whatsapp.included", "12 decimal places"),
        ({"allowances": {"sms": {"included": "0.5"}}}, "allowances.sms.included", "a count of messages is a whole"),
        ({"allowances": {"sms": {"included": 0}}}, "allowances.sms.beyond", "would never let a message pass"),
        ({"allowances": {"sms": {"beyond": "bill"}}}, "allowances.sms.beyond", "bill needs measure: fees"),
        ({"allowances": {"sms": {"warn_at": [75, 50]}}}, "allowances.sms.warn_at", "ascending percentages"),
        ({"allowances": {"sms": {"warn_at": [75, 75]}}}, "allowances.sms.warn_at", "without repeats"),
        ({"allowances": {"sms": {"warn_at": [0]}}}, "allowances.sms.warn_at.0", "greater than or equal to 1"),
        ({"allowances": {"sms": {"warn_at": [100]}}}, "allowances.sms.warn_at.0", "less than or equal to 99"),
        ({"allowances": {"no way": SMS}}, "allowances.no way.[key]", "pattern"),
        ({"from": "2026-01-14"}, "from", "2026-01-14 is before the term's start 2026-01-15"),
        ({"approval": {"by": "Jo Doe"}}, "approval.document", "Field required"),
        ({"approval": {"by": " ", "document": "SO-17"}}, "approval.by", "at least 1 character"),
        ({"discount": 10}, "discount", "Extra inputs are not permitted"),
    ],
)
def test_each_problem_is_named_by_its_path(change: dict[str, Any], path: str, message: str) -> None:
    """An impossible contract is refused, with the one place that is wrong and what was expected there."""
    found = problems(DOCUMENT | change)
    assert list(found) == [path]
    assert message in found[path]


@pytest.mark.parametrize("document", [None, [], "tenant: acme", 7])
def test_a_document_that_is_no_mapping_is_refused(document: object) -> None:
    """A file of something else is a problem of the whole document, without a path."""
    assert list(problems(document)) == [""]


def test_all_problems_are_named_at_once() -> None:
    """Whoever wrote a contract corrects it once, not once for each mistake."""
    found = problems(
        DOCUMENT
        | {
            "currency": "usd",
            "term": {"start": "2026-02-30"},
            "from": "2020-01-01",
            "contacts": {},
            "allowances": {
                "sms": {"measure": "parts", "included": "0.5", "beyond": "bill"},
                "whatsapp": {"warn_at": 7},
            },
        }
    )
    assert found.keys() == {
        "currency",
        "term.start",
        "contacts",
        "allowances.sms.measure",
        "allowances.whatsapp.warn_at",
    }


def test_the_defaults_are_the_standard_terms() -> None:
    """Left out: dollars, UTC, a year, two weeks to pay, a week's grace, and the two standard allowances."""
    kept = ("tenant", "name", "contacts", "senders")
    plain = parse({key: DOCUMENT[key] for key in kept} | {"term": {"start": "2026-01-15"}})
    assert (plain.currency, plain.timezone, plain.locale, plain.term.months) == ("USD", "UTC", "en_US", 12)
    assert (plain.payment.days_until_due, plain.payment.suspend_after_days) == (14, 7)
    assert plain.allowances == contract().allowances
    assert (plain.effective, plain.approval) == (TERM_START, None)


@pytest.mark.parametrize(
    ("given", "meters"),
    [
        (None, ["sms", "whatsapp"]),
        ({"sms": None}, ["whatsapp"]),
        ({"sms": None, "whatsapp": None, "mms": None}, []),
        ({"voice": WHATSAPP}, ["sms", "voice", "whatsapp"]),
    ],
)
def test_an_allowance_set_to_null_is_none(given: object, meters: list[str]) -> None:
    """The standard meters have an allowance unless the contract says that they have none."""
    assert sorted(contract(allowances=given).allowances) == meters


def test_an_allowance_may_change_one_thing_of_the_standard() -> None:
    """What a standard meter does not say stays as the standard has it; nothing included warns nobody."""
    sms = contract(allowances={"sms": {"included": 10}}).allowances["sms"]
    assert (sms.measure, sms.included, sms.warn_at, sms.beyond) == ("messages", D(10), (75,), "suspend")
    free_of_charge = contract(allowances={"whatsapp": {"included": "0", "warn_at": []}}).allowances["whatsapp"]
    assert (str(free_of_charge.included), list(free_of_charge.warn_at)) == ("0", [])


@pytest.mark.parametrize(
    ("contacts", "usage", "billing"),
    [
        ({"usage": ["u@a.example"], "billing": ["b@a.example"]}, "u@a.example", "b@a.example"),
        ({"usage": ["u@a.example"]}, "u@a.example", "u@a.example"),
        ({"billing": ["b@a.example"]}, "b@a.example", "b@a.example"),
    ],
)
def test_every_mail_has_somebody_to_go_to(contacts: dict[str, list[str]], usage: str, billing: str) -> None:
    """A list that is left out is the other one."""
    people = contract(contacts=contacts).contacts
    assert (people.of("usage"), people.of("billing")) == ((usage,), (billing,))


def test_an_account_may_be_listed_once_for_each_number() -> None:
    """A phone number narrows the account, so that numbers of one account are different senders; numbers may be ints."""
    senders = contract(senders=[META, META | {"phone_number_id": 7}, META | {"account": 102290129340399}]).senders
    assert [(sender.account[-1], sender.number) for sender in senders] == [("8", ""), ("8", "7"), ("9", "")]


WORDS = st.text("abcXYZ .-&", min_size=1, max_size=20).filter(str.strip)
RULES = st.one_of(
    st.fixed_dictionaries(
        {
            "measure": st.just("fees"),
            "included": st.decimals("0.01", 10**9, places=4).map(str),
            "warn_at": st.lists(st.integers(1, 99), unique=True, max_size=3).map(sorted),
            "beyond": st.sampled_from(["bill", "bill-all", "suspend"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "measure": st.sampled_from(["messages", "segments"]),
            "included": st.integers(1, 10**9),
            "beyond": st.just("suspend"),
        }
    ),
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "tenant": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", fullmatch=True),
        "name": WORDS,
        "currency": st.sampled_from(["USD", "JPY", "KWD"]),
        "timezone": st.sampled_from(["UTC", "America/Chicago", "Asia/Kolkata"]),
        "term": st.fixed_dictionaries({"start": st.dates(date(2000, 1, 1), date(2060, 1, 1)).map(str)}),
        "contacts": st.sampled_from(
            [{"usage": ["u@a.example"]}, {"billing": ["b@a.example"], "usage": ["c@a.example"]}]
        ),
        "senders": st.sampled_from([[META], [META | {"phone_number_id": "1", "from": "2026-03-01", "card": "own"}]]),
        "allowances": st.dictionaries(st.sampled_from(["sms", "whatsapp", "mms"]), st.none() | RULES),
    },
    optional={"from": st.just("2061-01-01"), "approval": st.just(APPROVED), "locale": st.just("de_DE")},
)


@given(DOCUMENTS)
def test_a_contract_comes_back_from_its_document(document: dict[str, Any]) -> None:
    """Writing a contract down and parsing it again gives the same contract, to the last decimal and null."""
    parsed = parse(document)
    assert parse(parsed.document()) == parsed


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(DOCUMENT)), inner),
        max_leaves=8,
    ),
    st.sampled_from(sorted(DOCUMENT)),
)
def test_anything_else_is_refused_in_words(value: object, key: str) -> None:
    """Whatever stands in a document: it is a contract, or it is Invalid; nothing else is ever raised."""
    try:
        parse(DOCUMENT | {key: value})
    except Invalid as error:
        found = error.problems
    else:
        return
    assert found
    assert all(problem.path.startswith(key) for problem in found)


FIRST = contract()
RAISED = contract(**{"from": "2026-06-01", "approval": APPROVED, "allowances": {"sms": {"included": 60_000}}})
RENEWED = contract(**{"from": "2027-01-15", "approval": APPROVED, "allowances": {"sms": {"included": 70_000}}})
VERSIONS = [RENEWED, FIRST, RAISED]
YEARS = [Term(date(year, 1, 15), date(year + 1, 1, 15)) for year in (2026, 2027, 2028)]


@pytest.mark.parametrize(
    ("day", "version"),
    [
        (date(2026, 1, 14), None),
        (date(2026, 1, 15), FIRST),
        (date(2026, 5, 31), FIRST),
        (date(2026, 6, 1), RAISED),
        (date(2027, 1, 15), RENEWED),
        (date(2031, 1, 1), RENEWED),
    ],
)
def test_one_version_is_in_force_on_a_day(day: date, version: Contract | None) -> None:
    """The latest to take effect by then; none before the first term."""
    assert in_force(VERSIONS, day) == version


@pytest.mark.parametrize(
    ("versions", "term", "version"),
    [
        (VERSIONS, YEARS[0], RAISED),  # a limit changed within a term is changed for that term
        (VERSIONS, YEARS[1], RENEWED),  # taking effect on the day a term ends is of the next
        (VERSIONS, YEARS[2], RENEWED),
        ([FIRST], YEARS[2], FIRST),
    ],
)
def test_one_version_holds_for_a_whole_term(versions: list[Contract], term: Term, version: Contract) -> None:
    """The last to take effect before the term ends, so that counting does not depend on order."""
    assert for_term(versions, term) == version


def test_a_term_before_any_contract_has_no_version() -> None:
    """Limits are never made up."""
    with pytest.raises(ValueError, match="no contract holds in the term from 2026-01-15"):
        for_term([RENEWED], YEARS[0])


def test_a_day_before_the_contract_has_no_term() -> None:
    """Terms are counted from the first on, and none reaches back before it."""
    assert FIRST.term_on(date(2027, 1, 14)) == YEARS[0]
    with pytest.raises(ValueError, match="2026-01-14 is before the first term of acme, which starts on 2026-01-15"):
        FIRST.term_on(date(2026, 1, 14))


LATER = contract(**{"from": "2026-03-01"})


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ([], contract(currency="EUR"), []),  # the first contract of a tenant
        ([FIRST], FIRST, []),
        ([FIRST], contract(name="Acme Inc.", **{"from": "2026-06-01"}), []),
        ([FIRST], contract(currency="EUR"), ["currency"]),
        ([FIRST], contract(timezone="UTC", **{"from": "2026-06-01"}), ["timezone"]),
        ([FIRST], contract(term={"start": "2026-02-15", "months": 1}), ["term.start", "term.months"]),
        ([FIRST], contract(**{"from": "2026-06-01", "allowances": {"sms": {"included": 60_000}}}), ["approval"]),
        ([FIRST], contract(allowances={"sms": None}), ["approval"]),
        ([FIRST], contract(allowances={"mms": SMS}), ["approval"]),
        ([FIRST], RAISED, []),
        ([FIRST, RAISED], contract(**{"from": "2026-07-01"}), ["approval"]),  # back to what the first one said
        ([FIRST, RAISED], contract(**{"from": "2026-05-01"}), []),  # a version in between, like the one in force then
        ([FIRST, RAISED], contract(**{"from": "2026-06-01"}), ["approval"]),  # in the place of the raised one
        ([LATER], FIRST, []),  # before the first
        ([LATER], contract(currency="EUR"), ["currency"]),
        ([LATER], contract(allowances={"sms": {"included": 1}}), ["approval"]),
        ([RAISED], contract(currency="EUR", allowances={"sms": None}), ["currency", "approval"]),
    ],
)
def test_what_a_tenant_keeps_and_what_needs_approval(old: list[Contract], new: Contract, paths: list[str]) -> None:
    """Currency, time zone and term stay for good; a changed limit names who approved it and the document."""
    assert [problem.path for problem in change_problems(old, new)] == paths


def test_a_refused_change_says_what_to_do() -> None:
    """Both messages name what was found and what is expected instead."""
    [kept] = change_problems([FIRST], contract(currency="EUR"))
    assert kept.message == "cannot change from USD to EUR: a tenant keeps it; open a new tenant instead"
    [unapproved] = change_problems([FIRST], contract(allowances={"sms": None, "whatsapp": {"included": "5"}}))
    assert unapproved.message.startswith("the limits of sms, whatsapp change: name who approved it (by)")


@pytest.mark.parametrize(
    ("allowances", "meters"),
    [
        ({}, []),
        ({"whatsapp": {"included": "1000"}}, []),  # the same amount, written otherwise
        ({"whatsapp": {"included": "1000.01"}}, ["whatsapp"]),
        ({"sms": {"warn_at": [80]}}, ["sms"]),
        ({"sms": None, "voice": WHATSAPP}, ["sms", "voice"]),
    ],
)
def test_a_limit_is_changed_by_anything_an_allowance_says(allowances: dict[str, Any], meters: list[str]) -> None:
    """Measure, amount, warnings and what happens beyond: all of it counts, and so does a meter more or less."""
    assert changed_limits(FIRST, contract(allowances=allowances)) == meters


def test_an_amount_is_kept_as_it_is_written() -> None:
    """No decimal of an allowance is lost on the way in or out."""
    kept = contract(allowances={"whatsapp": {"included": "1000.10"}})
    assert str(kept.allowances["whatsapp"].included) == "1000.10"
    assert kept.document()["allowances"]["whatsapp"]["included"] == "1000.10"
    assert kept.allowances["whatsapp"].included == D("1000.1")


def test_the_review_rule_is_read_with_its_defaults() -> None:
    """Left out: a third more or less is a jump, nothing is approved by rule, one person suffices."""
    plain = parse(DOCUMENT).review
    assert (plain.max_jump, plain.auto_below, plain.second_approver_above) == (30, None, None)
    given = {"auto_below": "200.00", "max_jump": 50, "second_approver_above": "5000.00"}
    rule = parse(DOCUMENT | {"review": given}).review
    assert (rule.max_jump, rule.auto_below, rule.second_approver_above) == (50, D(200), D(5000))


@pytest.mark.parametrize(
    ("review", "path", "message"),
    [
        ({"auto_below": 200.1}, "review.auto_below", "write amounts in quotes"),
        ({"auto_below": "0"}, "review.auto_below", "greater than 0"),
        ({"max_jump": 0}, "review.max_jump", "greater than or equal to 1"),
        ({"auto_below": "200", "second_approver_above": "199.99"}, "review", "expected auto_below at most"),
        ({"auto": 1}, "review.auto", "Extra inputs"),
    ],
)
def test_an_impossible_review_rule_is_refused(review: dict[str, object], path: str, message: str) -> None:
    """A rule that would approve what needs two people among them."""
    found = problems(DOCUMENT | {"review": review})
    assert list(found) == [path]
    assert message in found[path]
