"""Who may do what: one table of roles and actions."""

import pytest

from tollgate.domain import permissions
from tollgate.domain.permissions import ALLOWED, FINANCE, OPS, READ, READ_ONLY, ROLES, NotAllowed, Person, known_roles

ACTIONS = {value for name, value in vars(permissions).items() if name.isupper() and isinstance(value, str)} - ROLES


def person(*roles: str) -> Person:
    """Somebody with roles."""
    return Person(subject="7f3a", name="Ada", roles=frozenset(roles))


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        (FINANCE, "approve-invoice", True),
        (OPS, "approve-invoice", False),
        (READ_ONLY, "approve-invoice", False),
        (FINANCE, "void-invoice", True),
        (OPS, "void-invoice", False),
        (FINANCE, "credit-invoice", True),
        (FINANCE, "issue-invoice", True),
        (FINANCE, "return-invoice", True),
        (FINANCE, "change-limit", True),
        (OPS, "change-limit", False),
        (FINANCE, "open-hold", True),
        (OPS, "open-hold", True),
        (OPS, "lift-hold", True),
        (READ_ONLY, "lift-hold", False),
        (FINANCE, "make-link", True),
        (OPS, "end-links", True),
        (READ_ONLY, "make-link", False),
        (FINANCE, "redrive-queue", False),
        (OPS, "redrive-queue", True),
        (OPS, "redrive-quarantine", True),
        (FINANCE, "redrive-quarantine", False),
        (READ_ONLY, "read", True),
        (READ_ONLY, "no-such-action", False),
    ],
)
def test_a_role_allows_what_the_table_says(role: str, action: str, allowed: bool) -> None:
    """Money is finance's, queues are ops', holds are both's; everyone with a role reads."""
    assert person(role).may(action) is allowed


def test_read_only_may_only_read() -> None:
    """Whatever is added to the table, the third role changes nothing."""
    assert {action for action, roles in ALLOWED.items() if READ_ONLY in roles} == {READ}


def test_the_table_names_every_action_once() -> None:
    """An action without a row would be nobody's."""
    assert set(ALLOWED) == ACTIONS


def test_two_roles_allow_what_either_allows() -> None:
    """Roles add up."""
    both = person(FINANCE, OPS)
    assert both.may("approve-invoice")
    assert both.may("redrive-queue")


def test_nobody_without_a_role_may_even_read() -> None:
    """To be signed in is not enough."""
    with pytest.raises(NotAllowed, match="does not allow you to read"):
        person().must(READ)


def test_what_is_allowed_passes() -> None:
    """`must` is silent where `may` is true."""
    person(OPS).must("redrive-queue")


def test_only_known_groups_become_roles() -> None:
    """Other groups of the identity provider mean nothing here, whatever their case."""
    assert known_roles(["finance", "everyone", "Ops", ""]) == {FINANCE}
