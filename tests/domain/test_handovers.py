"""Handovers: what the versions of a tenant's contract make of an account that others hold too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollgate.domain.senders import Assignment, after_versions, assignment_at, clashes, first_assignment

type Version = tuple[str, list[str]]


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def entry(text: str) -> Assignment:
    """``01-15 acme`` from that day of 2026, ``01-15 acme/n1`` for one number, ``06-01 -`` for the end of one."""
    day, _, name = text.partition(" ")
    tenant, _, number = name.partition("/")
    return Assignment(
        provider="meta",
        account="waba",
        number=number,
        tenant=tenant.removeprefix("-"),
        since=at(f"2026-{day}"),
        card="meta",
    )


def entries(texts: list[str]) -> list[Assignment]:
    return [entry(text) for text in texts]


def after(held: list[str], *versions: Version, tenant: str = "acme") -> list[Assignment]:
    return after_versions(
        entries(held), [(at(f"2026-{day}"), entries(wanted)) for day, wanted in versions], tenant=tenant
    )


NAMED: Version = ("01-15", ["01-15 acme"])


@pytest.mark.parametrize(
    ("held", "versions", "expected"),
    [
        ([], [NAMED], ["01-15 acme"]),
        (["01-15 acme"], [NAMED], ["01-15 acme"]),  # applied again
        (["02-01 acme"], [NAMED], ["01-15 acme"]),  # corrected: what was held before does not count
        ([], [NAMED, ("06-01", ["01-15 acme"])], ["01-15 acme"]),  # named from its first day on by every version
        ([], [NAMED, ("06-01", [])], ["01-15 acme", "06-01 -"]),  # given up
        ([], [NAMED, ("06-01", []), ("08-01", [])], ["01-15 acme", "06-01 -"]),  # ended once
        ([], [NAMED, ("06-01", []), ("08-01", ["08-01 acme"])], ["01-15 acme", "06-01 -", "08-01 acme"]),  # back again
        ([], [("01-15", [])], []),
        (  # another's end that falls into the time since it was taken over ends nothing
            ["01-15 beta", "04-15 -"],
            [("03-01", ["03-01 acme"]), ("05-01", [])],
            ["01-15 beta", "03-01 acme", "05-01 -"],
        ),
        (["01-15 acme", "06-01 -"], [NAMED], ["01-15 acme"]),  # the version that gave it up is replaced
        ([], [NAMED, ("06-01", ["06-01 acme/n1"])], ["01-15 acme", "06-01 -", "06-01 acme/n1"]),  # narrowed
        ([], [("01-15", ["01-15 acme", "01-15 acme/n1"]), ("06-01", ["01-15 acme"])],
         ["01-15 acme", "01-15 acme/n1", "06-01 -/n1"]),
        (["01-15 beta"], [("06-01", ["06-01 acme"])], ["01-15 beta", "06-01 acme"]),  # taken over from another
        (["01-15 acme", "03-01 beta"], [NAMED, ("06-01", [])], ["01-15 acme", "03-01 beta"]),  # taken over by another
        (["01-15 beta", "02-01 -"], [("06-01", ["06-01 acme"])], ["01-15 beta", "02-01 -", "06-01 acme"]),
        (["01-15 acme", "06-01 -", "06-01 beta"], [NAMED, ("06-01", [])], ["01-15 acme", "06-01 beta"]),
        (["01-15 beta"], [("06-01", [])], ["01-15 beta"]),
        (["01-15 -"], [("06-01", ["06-01 acme"])], ["01-15 -", "06-01 acme"]),  # the end of nothing is nobody's
    ],
)  # fmt: skip
def test_an_account_follows_from_the_versions(held: list[str], versions: list[Version], expected: list[str]) -> None:
    """What a version names begins, what it no longer names ends, and what others hold is left to them."""
    assert after(held, *versions) == entries(expected)


def test_a_day_of_handover_is_the_new_tenants() -> None:
    """One gives up and another takes over on the same day: messages from then on are the new tenant's, before the old
    one's."""
    held = after(["01-15 beta", "06-01 -"], ("06-01", ["06-01 acme"]))
    owners = [assignment_at(held, number="", moment=at(f"2026-{day}")) for day in ("05-31", "06-01", "09-01")]
    assert [owner.tenant if owner else None for owner in owners] == ["beta", "acme", "acme"]


VERSIONS = st.lists(
    st.tuples(st.integers(1, 9), st.lists(st.sampled_from(["", "/n1"]), unique=True, max_size=2)),
    min_size=1,
    max_size=4,
    unique_by=lambda version: version[0],
).map(lambda drawn: [(f"0{month}-01", [f"0{month}-01 acme{n}" for n in numbers]) for month, numbers in sorted(drawn)])
OTHERS = st.lists(st.sampled_from(["02-15 beta", "04-15 -", "05-15 beta", "03-15 beta/n1"]), unique=True).filter(
    lambda others: "04-15 -" not in others or "02-15 beta" in others  # an end is the end of something
)


@given(VERSIONS, OTHERS)
def test_applying_the_same_versions_again_changes_nothing(versions: list[Version], others: list[str]) -> None:
    """Whatever the versions name and whoever else held the account: a second time gives the same."""
    once = after(others, *versions)
    again = after_versions(once, [(at(f"2026-{day}"), entries(wanted)) for day, wanted in versions], tenant="acme")
    assert again == once
    assert [a for a in once if a.tenant == "beta"] == sorted(
        (a for a in entries(others) if a.tenant == "beta"), key=lambda a: (a.since, a.number)
    )


@pytest.mark.parametrize(
    ("held", "wanted", "explicit", "effective", "in_the_way"),
    [
        ([], "01-15 acme", False, "01-15", None),
        (["01-15 acme"], "01-15 acme", False, "01-15", None),
        (["01-15 beta"], "06-01 acme", False, "06-01", "beta"),  # only a day that the contract names takes it over
        (["01-15 beta"], "06-01 acme", True, "06-01", None),
        (["06-01 beta"], "06-01 acme", True, "06-01", "beta"),  # never from the same day
        (["08-01 beta"], "06-01 acme", True, "06-01", "beta"),  # nor before the other's day
        (["01-15 beta", "05-01 -"], "06-01 acme", False, "06-01", None),  # given up before
        (["01-15 beta", "06-01 -"], "06-01 acme", False, "06-01", None),
        (["01-15 beta", "07-01 -"], "06-01 acme", False, "06-01", "beta"),  # given up after
        (["01-15 beta/n1"], "06-01 acme", False, "06-01", None),  # one number is not the account
        (["01-15 beta/n1"], "06-01 acme/n1", False, "06-01", "beta"),
        (["01-15 acme", "08-01 beta"], "01-15 acme", False, "01-15", None),  # applied again after it passed on
        (["01-15 acme", "03-01 beta"], "01-15 acme", False, "06-01", "beta"),  # named again by a later version
    ],
)
def test_an_account_passes_on_only_to_a_later_day_that_is_named(
    held: list[str], wanted: str, explicit: bool, effective: str, in_the_way: str | None
) -> None:
    """Nobody takes another tenant's account by leaving the day out, or from a day on which it is the other's."""
    assert clashes(entries(held), entry(wanted), explicit=explicit, effective=at(f"2026-{effective}")) == in_the_way


@pytest.mark.parametrize(
    ("held", "number", "first"),
    [
        (["06-01 beta", "01-15 acme"], "", "01-15 acme"),
        (["01-15 acme/n1", "06-01 beta"], "n1", "01-15 acme/n1"),
        (["01-15 acme/n1", "06-01 beta"], "n2", "06-01 beta"),
        (["01-01 -"], "", None),
    ],
)
def test_the_first_tenant_of_an_account(held: list[str], number: str, first: str | None) -> None:
    """Of the whole account or of the number, whichever came first; the end of an assignment is no tenant's."""
    assert first_assignment(entries(held), number=number) == (entry(first) if first else None)
