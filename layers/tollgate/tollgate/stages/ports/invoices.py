"""Ports: invoices and their revisions, the runs that draft them, and what was told and heard of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.reconciliation import Reconciled
from tollgate.domain.review import Summary
from tollgate.domain.statement import Statement
from tollgate.stages.ports.accounts import MailState


class InvoiceRows(Protocol):
    """Invoices with their revisions. An invoice is written with the notices and holds that follow from it."""

    def invoices(self, tenant: str) -> list[Invoice]:
        """Every invoice of a tenant by period, read consistently."""
        ...

    def invoice(self, tenant: str, period: date) -> Invoice:
        """One invoice. Raises NotFound."""
        ...

    def of_periods(self, wanted: Collection[tuple[str, date]]) -> dict[tuple[str, date], Invoice]:
        """The invoices that exist of some tenants' periods, by tenant and first day, read consistently."""
        ...

    def revision(self, tenant: str, period: date, revision: int) -> Statement | None:
        """The content of a revision; None when it never existed."""
        ...

    def save(
        self,
        invoice: Invoice,
        *,
        by: str,
        at: datetime,
        what: str = "",
        note: str = "",
        notices: Sequence[Notice] = (),
        opened: Sequence[Hold] = (),
        lifted: Sequence[Hold] = (),
        resting_on: Sequence[Invoice] = (),
    ) -> Invoice:
        """Write an invoice read at its ``version`` (0: new) with all that follows and an audit entry, all or nothing.
        Returns it at its new version. ``what`` and ``note`` go into the audit entry. Raises Conflict when it has moved
        since it was read, or one of those that the decision is ``resting_on``."""
        ...

    def month(self, month: date) -> list[Summary]:
        """The invoices of every tenant whose period begins in the month of a day, by tenant; read consistently."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a schedule. ``counts``: how much of each was done; ``report``: the first few hundred of each."""

    schedule: str
    at: datetime
    counts: Mapping[str, int]
    report: Mapping[str, tuple[str, ...]]


class RunRows(Protocol):
    """What the schedules did."""

    def save(self, run: Run) -> None:
        """Keep a run; the same schedule at the same time again replaces it."""
        ...

    def last(self, schedule: str, count: int = 1) -> list[Run]:
        """The latest runs of a schedule, newest first."""
        ...


class ReconciledRows(Protocol):
    """How each tenant stood when its counters, its invoices at Stripe and its providers' bills were last compared."""

    def save(self, reconciled: Reconciled) -> None:
        """Keep what was found of a tenant, in place of what was found before."""
        ...

    def of(self, tenant: str) -> Reconciled | None:
        """One tenant; None for one that was never compared."""
        ...

    def all(self) -> list[Reconciled]:
        """Every tenant that was compared, in order, and what is nobody's."""
        ...


class DraftsNoticeRows(Protocol):
    """What finance was told of the drafts that wait, and the state of those mails."""

    def last(self) -> DraftsNotice | None:
        """The latest notice."""
        ...

    def add(self, notice: DraftsNotice) -> None:
        """Write a notice whose mail is queued. Raises Conflict when there is one of its number."""
        ...

    def notice(self, identity: str) -> tuple[DraftsNotice, MailState]:
        """One notice. Raises NotFound."""
        ...

    def set_mail(self, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Replace the state of a notice's mail. Raises Conflict when it is not ``expected`` any more."""
        ...


class Inbox(Protocol):
    """Ids of outside events that have been dealt with."""

    def seen(self, event: str) -> bool: ...
    def remember(self, event: str, *, at: datetime) -> None: ...
