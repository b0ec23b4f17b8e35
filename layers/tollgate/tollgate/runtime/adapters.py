"""The adapters of a process, built from its settings: each once, on first use."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

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
from tollgate.stages.ports import Count
from tollgate.stages.ports.stripe import Stripe

if TYPE_CHECKING:
    from tollgate.adapters.oidc import OidcProvider
    from tollgate.adapters.ses import SesMailer


class Adapters:
    """Builds adapters. ``count`` counts a named metric."""

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

    @cached_property
    def _receipts(self) -> SqsReceiptQueue:
        return SqsReceiptQueue(
            self.sqs,
            self.s3,
            queue_url=self.settings.need("receipts_queue_url"),
            bucket=self.settings.need("receipts_bucket"),
        )

    @cached_property
    def archive(self) -> S3Archive:
        """The receipts that records were made of."""
        return S3Archive(self.s3, bucket=self.settings.need("archive_bucket"))

    @cached_property
    def queues(self) -> SqsQueues:
        """The stack's queues."""
        urls = self.settings.need("queue_urls").split(",")
        return SqsQueues(self.sqs, urls=urls, tasks=self.settings.environment != "local")

    @cached_property
    def recounting(self) -> MeterRecounting:
        """The way to have what is in quarantine counted again."""
        return MeterRecounting(self._client("lambda"), function=self.settings.need("meter_function"))
