"""The composition root: the only room that builds adapters. A function's entry asks it for a stage's ports.

Nothing is built at import; everything is built once per process, on first use.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tollgate import settings as environment
from tollgate.runtime.adapters import Adapters
from tollgate.stages.close import ClosePorts
from tollgate.stages.close_report import CloseReportPorts
from tollgate.stages.contracts import ContractPorts
from tollgate.stages.corrections import CorrectionPorts
from tollgate.stages.events import EventPorts
from tollgate.stages.export import ExportPorts
from tollgate.stages.invoice import InvoicePorts
from tollgate.stages.issue import IssuePorts
from tollgate.stages.meter import MeterPorts
from tollgate.stages.ports import Count
from tollgate.stages.ports.ledger import MessageResources
from tollgate.stages.receive import ReceivePorts
from tollgate.stages.reconcile import ReconcilePorts
from tollgate.stages.review import ReviewPorts
from tollgate.stages.settle import SettlePorts
from tollgate.stages.suspend import SuspendPorts
from tollgate.stages.tenants import TenantPorts

if TYPE_CHECKING:
    from tollgate.stages.notify import NotifyPorts
    from tollgate.stages.notify_finance import FinancePorts
    from tollgate.stages.poll import PollPorts

LONGEST_PAUSE_SECONDS: Final = 2.0
SECONDS_BETWEEN_QUESTIONS: Final = 0.1


def pause(attempt: int) -> None:
    """Wait before the n-th retry: exponential, with full jitter, so that two writers do not meet again."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.05 * 2**attempt)))  # noqa: S311 - not for secrecy


def pace() -> None:
    """Wait before the next question, so that a provider is asked no more than ten a second."""
    time.sleep(SECONDS_BETWEEN_QUESTIONS)


class Runtime(Adapters):
    """The ports of every stage, from the adapters of this process."""

    def export_ports(self) -> ExportPorts:
        """Ports of making exports."""
        self.settings.need("ledger_table")
        return ExportPorts(exports=self.exports, files=self.export_files, ledger=self.ledger)

    def receive_ports(self) -> ReceivePorts:
        """Ports of the receive stage."""
        return ReceivePorts(queue=self._receipts, count=self.count)

    def event_ports(self) -> EventPorts:
        """Ports of taking the platform's events."""
        return EventPorts(events=self.events, contracts=self.contracts, queue=self._receipts, count=self.count)

    def meter_ports(self) -> MeterPorts:
        """Ports of the meter stage."""
        self.settings.need("ledger_table")
        return MeterPorts(
            ledger=self.ledger,
            contracts=self.contracts,
            rates=self.rates,
            quarantine=self.quarantine,
            count=self.count,
            pause=pause,
            archive=self.archive if self.settings.archive_bucket else None,
        )

    def poll_ports(self) -> Mapping[str, PollPorts]:
        """Ports of the poll stage, by the provider that is asked."""
        from tollgate.adapters import plivo_rest, twilio_rest  # noqa: PLC0415
        from tollgate.adapters.dynamodb.price_waits import DynamoPriceWaits  # noqa: PLC0415 - for poll only
        from tollgate.stages.poll import PollPorts  # noqa: PLC0415

        self.settings.need("ledger_table")
        # Read when there is something to ask: who does not use a provider need not fill in its secret.
        secret = self.settings.need("twilio_rest_secret")
        twilio = twilio_rest.TwilioMessages(
            lambda: self.secrets.fields(secret), address=self.settings.twilio_api_base or twilio_rest.ADDRESS
        )
        plivo_secret = self.settings.need("plivo_secret")
        plivo = plivo_rest.PlivoMessages(
            lambda: self.secrets.fields(plivo_secret), address=self.settings.plivo_api_base or plivo_rest.ADDRESS
        )
        asked: Mapping[str, MessageResources] = {"twilio": twilio, "plivo": plivo}
        return {
            provider: PollPorts(
                waits=DynamoPriceWaits(self._store),
                ledger=self.ledger,
                quarantine=self.quarantine,
                queue=self._receipts,
                resources=resources,
                count=self.count,
                pace=pace,
            )
            for provider, resources in asked.items()
        }

    def notify_ports(self) -> NotifyPorts:
        """Ports of the notify stage."""
        from tollgate.stages.notify import NotifyPorts  # noqa: PLC0415 - with the template engine, for notify only

        return NotifyPorts(
            notices=self.notices,
            contracts=self.contracts,
            invoices=self.invoices,
            holds=self.holds,
            preferences=self.preferences,
            mailer=self.mailer,
            brand=self.brand,
            ops=self.settings.need("ops_email"),
            portal=self.portal,
            count=self.count,
        )

    def finance_ports(self) -> FinancePorts:
        """Ports of telling finance of drafts."""
        from tollgate.stages.notify_finance import FinancePorts  # noqa: PLC0415 - with the template engine, for notify only

        finance, site = self.settings.need("finance_email"), self.settings.console_url.rstrip("/")
        return FinancePorts(
            drafts=self.drafts,
            mailer=self.mailer,
            brand=self.brand,
            finance=finance,
            console=f"{site}/console/review" if site else "",
            count=self.count,
        )

    def suspend_ports(self) -> SuspendPorts:
        """Ports of the suspend stage."""
        return SuspendPorts(contracts=self.contracts, holds=self.holds, runs=self.runs, stripe=self.stripe)

    def settle_ports(self) -> SettlePorts:
        """Ports of the settle stage."""
        return SettlePorts(invoices=self.invoices, holds=self.holds, stripe=self.stripe, inbox=self.inbox)

    def issue_ports(self) -> IssuePorts:
        """Ports of issuing."""
        return IssuePorts(contracts=self.contracts, invoices=self.invoices, stripe=self.stripe, count=self.count)

    def close_ports(self) -> ClosePorts:
        """Ports of closing periods."""
        self.settings.need("ledger_table")
        return ClosePorts(
            ledger=self.ledger, contracts=self.contracts, invoices=self.invoices, count=self.count, pause=pause
        )

    @property
    def close_after_days(self) -> int:
        """How many days after its end a period is closed."""
        return int(self.settings.close_after_days)

    def correction_ports(self) -> CorrectionPorts:
        """Ports of correcting invoices."""
        return CorrectionPorts(
            invoices=self.invoices,
            contracts=self.contracts,
            audit=self.audit,
            stripe=self.stripe,
            settle=self.settle_ports(),
            close=self.close_ports(),
        )

    def invoice_ports(self) -> InvoicePorts:
        """Ports of the daily run."""
        return InvoicePorts(
            close=self.close_ports(),
            issue=self.issue_ports(),
            settle=self.settle_ports(),
            holds=self.holds,
            quarantine=self.quarantine,
            runs=self.runs,
            reconciled=self.reconciled,
            drafts=self.drafts,
        )

    def review_ports(self) -> ReviewPorts:
        """Ports of reviewing a month."""
        return ReviewPorts(
            contracts=self.contracts,
            invoices=self.invoices,
            quarantine=self.quarantine,
            runs=self.runs,
            reconciled=self.reconciled,
        )

    def reconcile_ports(self) -> ReconcilePorts:
        """Ports of the nightly run."""
        self.settings.need("ledger_table")
        return ReconcilePorts(
            ledger=self.ledger,
            contracts=self.contracts,
            invoices=self.invoices,
            events=self.events,
            stripe=self.stripe,
            reconciled=self.reconciled,
            runs=self.runs,
            count=self.count,
            pause=pause,
        )

    def close_report_ports(self) -> CloseReportPorts:
        """Ports of the close report."""
        return CloseReportPorts(
            contracts=self.contracts, invoices=self.invoices, ledger=self.ledger, quarantine=self.quarantine
        )

    def tenant_ports(self) -> TenantPorts:
        """Ports of the tenants' pages."""
        return TenantPorts(
            contracts=self.contracts,
            ledger=self.ledger,
            notices=self.notices,
            holds=self.holds,
            preferences=self.preferences,
            audit=self.audit,
        )

    def contract_ports(self) -> ContractPorts:
        """Ports of applying contracts."""
        return ContractPorts(contracts=self.contracts, ledger=self.ledger, holds=self.holds)


@lru_cache(maxsize=1)
def from_environment(count: Count) -> Runtime:
    """The runtime of this process, from its environment."""
    return Runtime(environment.read(os.environ), count=count)
