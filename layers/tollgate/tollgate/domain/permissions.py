"""Permissions: which role may do what in the console, in one table.

Always true: an action that is not in the table is nobody's; who has no known role may do nothing, not even read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from tollgate.domain.errors import TollgateError

FINANCE: Final = "finance"
OPS: Final = "ops"
READ_ONLY: Final = "read-only"
ROLES: Final = frozenset({FINANCE, OPS, READ_ONLY})

READ: Final = "read"
APPROVE_INVOICE: Final = "approve-invoice"
RETURN_INVOICE: Final = "return-invoice"
VOID_INVOICE: Final = "void-invoice"
CREDIT_INVOICE: Final = "credit-invoice"
ISSUE_INVOICE: Final = "issue-invoice"
CHANGE_LIMIT: Final = "change-limit"
OPEN_HOLD: Final = "open-hold"
LIFT_HOLD: Final = "lift-hold"
EXPORT_RECORDS: Final = "export-records"
MAKE_LINK: Final = "make-link"
END_LINKS: Final = "end-links"
REDRIVE_QUEUE: Final = "redrive-queue"
REDRIVE_QUARANTINE: Final = "redrive-quarantine"

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    READ: ROLES,
    APPROVE_INVOICE: frozenset({FINANCE}),
    RETURN_INVOICE: frozenset({FINANCE}),
    VOID_INVOICE: frozenset({FINANCE}),
    CREDIT_INVOICE: frozenset({FINANCE}),
    ISSUE_INVOICE: frozenset({FINANCE}),
    CHANGE_LIMIT: frozenset({FINANCE}),
    OPEN_HOLD: frozenset({FINANCE, OPS}),
    LIFT_HOLD: frozenset({FINANCE, OPS}),
    EXPORT_RECORDS: frozenset({FINANCE, OPS}),
    MAKE_LINK: frozenset({FINANCE, OPS}),
    END_LINKS: frozenset({FINANCE, OPS}),
    REDRIVE_QUEUE: frozenset({OPS}),
    REDRIVE_QUARANTINE: frozenset({OPS}),
}


class NotAllowed(TollgateError):
    """Who asked is known, and may not do this."""

    def __init__(self, subject: str, action: str) -> None:
        super().__init__(f"your role does not allow you to {action.replace('-', ' ')}")
        self.subject, self.action = subject, action


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signed in. ``subject`` is what the audit trail names: it is unique and never changes."""

    subject: str
    name: str
    roles: frozenset[str]

    def may(self, action: str) -> bool:
        """Whether one of the roles allows the action."""
        return not self.roles.isdisjoint(ALLOWED.get(action, frozenset()))

    def must(self, action: str) -> None:
        """Raises NotAllowed unless one of the roles allows the action."""
        if not self.may(action):
            raise NotAllowed(self.subject, action)


def known_roles(names: Collection[str]) -> frozenset[str]:
    """The roles among the names of an identity provider's groups."""
    return ROLES.intersection(names)
