"""Ports: what pages and the API need of the outside. The composition root has all of it; tests bring fakes.

Each is built when it is first asked for, so a page pays only for what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tollgate.console.setting import Setting
from tollgate.mails.brand import Brand
from tollgate.stages.corrections import CorrectionPorts
from tollgate.stages.ports.accounts import AuditRows, ContractRows, HoldRows, NoticeRows, PortalLinkRows, PreferenceRows
from tollgate.stages.ports.archive import Archive
from tollgate.stages.ports.exports import ExportFiles, ExportRows
from tollgate.stages.ports.invoices import DraftsNoticeRows, InvoiceRows, ReconciledRows, RunRows
from tollgate.stages.ports.ledger import LedgerRows, Quarantine, RateRows, Recounting
from tollgate.stages.ports.queues import Queues


class IdentityProvider(Protocol):
    """The OpenID provider that says who somebody is. Every call may raise RetryLater."""

    def authorization_endpoint(self) -> str:
        """Where a browser goes to sign in."""
        ...

    def end_session_endpoint(self) -> str:
        """Where a browser goes to sign out at the provider; empty where the provider has none."""
        ...

    def keys(self, *, fresh: bool) -> Sequence[Mapping[str, Any]]:
        """The provider's public keys (JWK). ``fresh``: ask again, unless that was done a moment ago."""
        ...

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        """The ID token for a code. Raises Refused when the provider does not accept it."""
        ...


class ConsolePorts(Protocol):
    """What the console reads and writes. ``tollgate.runtime.Runtime`` has this shape."""

    @property
    def site(self) -> Setting: ...
    @property
    def brand(self) -> Brand:
        """Whose pages and statements they are."""
        ...

    @property
    def console_key(self) -> bytes:
        """The key of sessions and links."""
        ...

    @property
    def platform_key(self) -> str:
        """The bearer key of the platform and of scripts."""
        ...

    @property
    def close_after_days(self) -> int:
        """How many days after its end a period is closed."""
        ...

    def correction_ports(self) -> CorrectionPorts:
        """What correcting an issued invoice reads and writes, Stripe with it."""
        ...

    @property
    def identity(self) -> IdentityProvider: ...
    @property
    def contracts(self) -> ContractRows: ...
    @property
    def ledger(self) -> LedgerRows: ...
    @property
    def invoices(self) -> InvoiceRows: ...
    @property
    def notices(self) -> NoticeRows: ...
    @property
    def holds(self) -> HoldRows: ...
    @property
    def quarantine(self) -> Quarantine: ...
    @property
    def rates(self) -> RateRows: ...
    @property
    def audit(self) -> AuditRows: ...
    @property
    def runs(self) -> RunRows: ...
    @property
    def drafts(self) -> DraftsNoticeRows: ...
    @property
    def reconciled(self) -> ReconciledRows: ...
    @property
    def queues(self) -> Queues: ...
    @property
    def recounting(self) -> Recounting: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def preferences(self) -> PreferenceRows: ...
    @property
    def portal_links(self) -> PortalLinkRows: ...
    @property
    def exports(self) -> ExportRows: ...
    @property
    def export_files(self) -> ExportFiles: ...
