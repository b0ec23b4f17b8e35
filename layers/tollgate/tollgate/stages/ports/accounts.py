"""Ports: a tenant's contract, its notices and holds, what it chose for itself, and who did what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollgate.domain.contract import Contract
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.preferences import Preferences
from tollgate.domain.senders import Assignment
from tollgate.domain.usage import TermRow

type SenderKey = tuple[str, str]
"""Provider and account."""


class ContractRows(Protocol):
    """Contracts and the senders they assign."""

    def tenants(self) -> list[str]:
        """Every tenant, in order."""
        ...

    def versions(self, tenant: str) -> list[Contract]:
        """Every version of a tenant's contract, oldest first; empty for an unknown tenant."""
        ...

    def senders(self, keys: Collection[SenderKey]) -> dict[SenderKey, list[Assignment]]:
        """The assignments of these accounts; an account nobody has is left out."""
        ...

    def apply(
        self,
        contract: Contract,
        senders: Mapping[SenderKey, Sequence[Assignment]],
        read: Mapping[SenderKey, Sequence[Assignment]],
        *,
        by: str,
        at: datetime,
    ) -> None:
        """Write one contract version, its senders (which read as ``read``) and an audit entry, all or nothing.
        Raises Conflict when a sender's assignments have changed since."""
        ...

    def stripe_customer(self, tenant: str) -> str:
        """The tenant's Stripe customer id; empty when it has none yet."""
        ...

    def set_stripe_customer(self, tenant: str, customer: str) -> str:
        """Remember a Stripe customer unless one is known already; returns the one that is known now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailState:
    """How the mail of a notice stands: ``queued``, ``sending``, ``sent``, ``delivered`` or ``bounced``.

    ``tried_at`` is when the latest sending began; ``sent_at`` when it was accepted. Of its recipients, as the mail
    service reports them: ``arrived``; ``failed`` for good; ``doubtful``, which failed unless they arrived too; and the
    ``reasons`` given. Of a mail that bounced, ops are told: begun at ``escalating_at``, done at ``escalated_at``.
    """

    status: str = "queued"
    to: tuple[str, ...] = ()
    tried_at: datetime | None = None
    sent_at: datetime | None = None
    message_id: str = ""
    arrived: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    escalating_at: datetime | None = None
    escalated_at: datetime | None = None


class NoticeRows(Protocol):
    """Notices and the state of their mails."""

    def notices(self, tenant: str) -> list[tuple[Notice, MailState]]:
        """Every notice of a tenant, oldest first."""
        ...

    def notice(self, tenant: str, identity: str) -> tuple[Notice, MailState]:
        """One notice. Raises NotFound."""
        ...

    def set_mail(self, tenant: str, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Replace the state of a notice's mail. Raises Conflict when it is not ``expected`` any more."""
        ...


class HoldRows(Protocol):
    """Holds, as they stand."""

    def open(self, hold: Hold) -> None:
        """Open a hold by itself. Raises Conflict when there is one of its identity, open or lifted."""
        ...

    def holds(self, tenant: str) -> list[Hold]:
        """Every hold of a tenant, open and lifted, oldest first; read consistently."""
        ...

    def lift(self, hold: Hold, *, at: datetime) -> None:
        """Lift one hold; lifting it again changes nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What somebody did. ``action``: ``invoice``, ``contract``, ``hold``, ``receipt``, ``link``, ``recipients`` or
    ``shares``; ``subject`` names the one concerned (a period, a version's first day, a hold's identity, a message,
    ``usage``). ``status``, ``revision`` and ``version`` are an invoice's after it; ``what`` says more where they do not
    say enough."""

    tenant: str
    at: datetime
    by: str
    action: str
    subject: str
    what: str = ""
    note: str = ""
    status: str = ""
    revision: int = 0
    version: int = 0


class AuditRows(Protocol):
    """Who did what. Entries are never changed; most are written by other ports together with what was done."""

    def add(self, entry: AuditEntry) -> None:
        """Write an entry by itself, before something is done outside; the same again is the same row."""
        ...

    def entries(self, tenant: str, *, since: datetime | None = None) -> list[AuditEntry]:
        """The entries of a tenant, oldest first."""
        ...


class PortalLinkRows(Protocol):
    """Which links open a tenant's own page, and the mails that bring one."""

    def generation(self, tenant: str) -> int:
        """The generation of links that opens the page, read consistently; 0 at first."""
        ...

    def end(self, tenant: str, *, generation: int, entry: AuditEntry) -> None:
        """Go on to the generation after this one, with an audit entry. Raises Conflict when it is not the present."""
        ...

    def mail(self, notice: Notice, *, entry: AuditEntry) -> None:
        """Write the notice of a link, from which its mail follows, with an audit entry. Raises Conflict when it is
        there already."""
        ...


class PreferenceRows(Protocol):
    """What customers chose for themselves."""

    def of(self, tenant: str) -> Preferences:
        """A tenant's choices, read consistently; at version 0 when there are none."""
        ...

    def save(
        self,
        tenant: str,
        preferences: Preferences,
        *,
        terms: Sequence[TermRow],
        notices: Sequence[Notice],
        entries: Sequence[AuditEntry],
    ) -> None:
        """Write choices over those of their ``version``, with term rows (each at version + 1 of the one read), notices
        and audit entries, all or nothing. Raises Conflict."""
        ...
