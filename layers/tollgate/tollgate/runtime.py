"""The composition root: the only module that builds adapters. A function's entry asks it for a stage's ports.

Nothing is built at import; everything is built once per process, on first use.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from tollgate import settings as environment
from tollgate.adapters import aws
from tollgate.adapters.archive import S3Archive
from tollgate.adapters.dynamodb.audit import DynamoAudit
from tollgate.adapters.dynamodb.contracts import DynamoContracts
from tollgate.adapters.dynamodb.drafts import DynamoDraftsNotices
from tollgate.adapters.dynamodb.events import DynamoEvents
from tollgate.adapters.dynamodb.exports import DynamoExports
from tollgate.adapters.dynamodb.inbox import DynamoInbox
from tollgate.adapters.dynamodb.invoices import DynamoInvoices
from tollgate.adapters.dynamodb.ledger import DynamoLedger
from tollgate.adapters.dynamodb.notices import DynamoHolds, DynamoNotices
from tollgate.adapters.dynamodb.portal_links import DynamoPortalLinks
from tollgate.adapters.dynamodb.preferences import DynamoPreferences
from tollgate.adapters.dynamodb.quarantine import DynamoQuarantine
from tollgate.adapters.dynamodb.rates import DynamoRates
from tollgate.adapters.dynamodb.reconciled import DynamoReconciled
from tollgate.adapters.dynamodb.runs import DynamoRuns
from tollgate.adapters.dynamodb.store import Store
from tollgate.adapters.eventbridge import EventBridgeBus
from tollgate.adapters.exports import S3ExportFiles
from tollgate.adapters.queues import SqsQueues
from tollgate.adapters.receipts import SqsReceiptQueue
from tollgate.adapters.recounting import MeterRecounting
from tollgate.adapters.secrets import Secrets
from tollgate.console import links
from tollgate.console.setting import Setting as SiteSetting
from tollgate.domain.errors import RetryLater
from tollgate.mails.brand import Brand
from tollgate.providers.provider import Setting
from tollgate.providers.recipients import keyed_hasher
from tollgate.settings import Settings
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
from tollgate.stages.ports.stripe import Stripe
from tollgate.stages.receive import ReceivePorts
from tollgate.stages.reconcile import ReconcilePorts
from tollgate.stages.review import ReviewPorts
from tollgate.stages.settle import SettlePorts
from tollgate.stages.suspend import SuspendPorts
from tollgate.stages.tenants import TenantPorts

if TYPE_CHECKING:
    from tollgate.adapters.oidc import OidcProvider
    from tollgate.adapters.ses import SesMailer
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


class Runtime:
    """Builds adapters from settings. ``count`` counts a named metric."""

    def __init__(self, settings: Settings, *, count: Count, client: aws.ClientFactory = aws.client) -> None:
        self.settings, self.count = settings, count
        self._client = client

    @cached_property
    def _store(self) -> Store:
        """Both tables; a function that only reads totals has no ledger table, and no business with it."""
        return Store(
            self._client("dynamodb"), ledger=self.settings.ledger_table, accounts=self.settings.need("accounts_table")
        )

    @cached_property
    def s3(self) -> Any:
        """The S3 client, for receipts over the queue's size and for exports."""
        return self._client("s3")

    @cached_property
    def sqs(self) -> Any:
        """The SQS client."""
        return self._client("sqs")

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets by name."""
        return Secrets(self._client("secretsmanager"))

    @cached_property
    def ledger(self) -> DynamoLedger:
        """Records and usage rows."""
        return DynamoLedger(self._store)

    @cached_property
    def contracts(self) -> DynamoContracts:
        """Contracts and senders."""
        return DynamoContracts(self._store)

    @cached_property
    def rates(self) -> DynamoRates:
        """Rate cards, market maps, exchange rates."""
        return DynamoRates(self._store)

    @cached_property
    def quarantine(self) -> DynamoQuarantine:
        """Facts that cannot be counted yet."""
        return DynamoQuarantine(self._store)

    @cached_property
    def notices(self) -> DynamoNotices:
        """Notices and their mails."""
        return DynamoNotices(self._store)

    @cached_property
    def holds(self) -> DynamoHolds:
        """Holds."""
        return DynamoHolds(self._store)

    @cached_property
    def invoices(self) -> DynamoInvoices:
        """Invoices and their revisions."""
        return DynamoInvoices(self._store)

    @cached_property
    def inbox(self) -> DynamoInbox:
        """Stripe events that have been dealt with."""
        return DynamoInbox(self._store)

    @cached_property
    def audit(self) -> DynamoAudit:
        """Who did what."""
        return DynamoAudit(self._store)

    @cached_property
    def portal_links(self) -> DynamoPortalLinks:
        """Which links open a tenant's own page."""
        return DynamoPortalLinks(self._store)

    @cached_property
    def preferences(self) -> DynamoPreferences:
        """What customers chose for themselves."""
        return DynamoPreferences(self._store)

    @cached_property
    def exports(self) -> DynamoExports:
        """Exports, as they stand."""
        return DynamoExports(self._store)

    @cached_property
    def export_files(self) -> S3ExportFiles:
        """The files of exports."""
        return S3ExportFiles(self.s3, bucket=self.settings.need("exports_bucket"))

    def export_ports(self) -> ExportPorts:
        """Ports of making exports."""
        self.settings.need("ledger_table")
        return ExportPorts(exports=self.exports, files=self.export_files, ledger=self.ledger)

    @cached_property
    def runs(self) -> DynamoRuns:
        """What the schedules did."""
        return DynamoRuns(self._store)

    @cached_property
    def reconciled(self) -> DynamoReconciled:
        """How each tenant stood when it was last compared."""
        return DynamoReconciled(self._store)

    @cached_property
    def drafts(self) -> DynamoDraftsNotices:
        """What finance was told of the drafts that wait."""
        return DynamoDraftsNotices(self._store)

    @cached_property
    def events(self) -> DynamoEvents:
        """Identities of the platform's events, and what providers billed."""
        return DynamoEvents(self._store)

    @cached_property
    def bus(self) -> EventBridgeBus:
        """The event bus."""
        return EventBridgeBus(self._client("events"), bus=self.settings.need("event_bus_name"))

    @cached_property
    def brand(self) -> Brand:
        """Under which name mails, pages and statements go out. Customers ask ops about their usage and finance about an
        invoice, unless there are addresses of their own for that. Raises Invalid."""
        given = self.settings
        return Brand(
            name=given.brand_name,
            accent=given.brand_accent,
            url=given.brand_url,
            legal=given.brand_legal,
            support=given.support_email or given.need("ops_email"),
            billing=given.billing_email or given.need("finance_email"),
        )

    @cached_property
    def mailer(self) -> SesMailer:
        """The way mails leave."""
        from tollgate.adapters.ses import SesMailer  # noqa: PLC0415 - only notify pays for its import

        return SesMailer(
            self._client("sesv2"),
            sender=self.settings.need("mail_from"),
            configuration_set=self.settings.mail_configuration_set,
        )

    @cached_property
    def stripe(self) -> Stripe:
        """Stripe, or whatever stands in for it at ``STRIPE_API_BASE``."""
        from tollgate.adapters.stripe_gateway.gateway import build_gateway  # noqa: PLC0415 - 0.3 s, for some stages only

        key = self.secrets.fields(self.settings.need("stripe_secret"))["api_key"]
        return build_gateway(key, base_address=self.settings.stripe_api_base or None)

    @property
    def stripe_webhook_secrets(self) -> list[str]:
        """The secrets of Stripe's webhook: two while one is being rolled. Raises RetryLater until ops filled one in."""
        fields = self.secrets.fields(self.settings.need("stripe_secret"))
        secrets = [fields[name] for name in ("webhook_secret", "webhook_secret_previous") if fields.get(name)]
        if not secrets:
            raise RetryLater("the Stripe secret has no webhook_secret yet")
        return secrets

    @cached_property
    def parsing(self) -> Setting:
        """What reading a receipt depends on. The recipient key never changes: it is part of group records' keys."""
        key = self.secrets.text(self.settings.need("recipient_key_secret"))
        return Setting(hasher=keyed_hasher(key.encode()), default_account=self.settings.aws_sms_default_account)

    @cached_property
    def site(self) -> SiteSetting:
        """Where the console is, and whom it trusts to say who somebody is."""
        return SiteSetting(
            url=self.settings.console_url.rstrip("/"),
            issuer=self.settings.oidc_issuer,
            client_id=self.settings.oidc_client_id,
            roles_claim=self.settings.oidc_roles_claim,
            local=self.settings.environment == "local",
        )

    @property
    def console_key(self) -> bytes:
        """The key of sessions and customers' links; a new one ends them all."""
        return self.secrets.text(self.settings.need("console_key_secret")).encode()

    def portal(self, tenant: str, now: datetime) -> str:
        """The address under which a tenant sees its usage; empty where the console has no address."""
        site = self.settings.console_url.rstrip("/")
        if not site:
            return ""
        generation = self.portal_links.generation(tenant)
        return links.address(tenant, generation=generation, site=site, key=self.console_key, now=now)

    @property
    def platform_key(self) -> str:
        """The bearer key of the platform and of scripts."""
        return self.secrets.text(self.settings.need("platform_key_secret"))

    @cached_property
    def identity(self) -> OidcProvider:
        """The identity provider."""
        from tollgate.adapters.oidc import OidcProvider  # noqa: PLC0415 - only signing in pays for its import

        name = self.settings.oidc_client_secret
        return OidcProvider(
            self.site.checked().issuer,
            client_id=self.site.client_id,
            secret=lambda: self.secrets.fields(name).get("client_secret", "") if name else "",
        )

    def receive_ports(self) -> ReceivePorts:
        """Ports of the receive stage."""
        return ReceivePorts(queue=self._receipts, count=self.count)

    def event_ports(self) -> EventPorts:
        """Ports of taking the platform's events."""
        return EventPorts(events=self.events, contracts=self.contracts, queue=self._receipts, count=self.count)

    @cached_property
    def _receipts(self) -> SqsReceiptQueue:
        return SqsReceiptQueue(
            self.sqs,
            self.s3,
            queue_url=self.settings.need("receipts_queue_url"),
            bucket=self.settings.need("receipts_bucket"),
        )

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

    @cached_property
    def archive(self) -> S3Archive:
        """The receipts that records were made of."""
        return S3Archive(self.s3, bucket=self.settings.need("archive_bucket"))

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

    @cached_property
    def queues(self) -> SqsQueues:
        """The stack's queues."""
        urls = self.settings.need("queue_urls").split(",")
        return SqsQueues(self.sqs, urls=urls, tasks=self.settings.environment != "local")

    @cached_property
    def recounting(self) -> MeterRecounting:
        """The way to have what is in quarantine counted again."""
        return MeterRecounting(self._client("lambda"), function=self.settings.need("meter_function"))

    def contract_ports(self) -> ContractPorts:
        """Ports of applying contracts."""
        return ContractPorts(contracts=self.contracts, ledger=self.ledger, holds=self.holds)


@lru_cache(maxsize=1)
def from_environment(count: Count) -> Runtime:
    """The runtime of this process, from its environment."""
    return Runtime(environment.read(os.environ), count=count)
