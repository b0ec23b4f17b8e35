"""AWS in process with the resources of a stack, for tests of the entries: handlers and the command line.

``cloud`` builds the real composition root over it, from an environment like the template's; only Stripe and the bus
are the fakes. ``entry("meter")`` is a function's module, imported under that environment as Lambda does it.
"""

import importlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.domain.examples import CARD, MARKETS, contract, sms, whatsapp
from tests.fakes.outside import MemoryBus
from tests.fakes.stripe import MemoryStripe
from tollgate import clock, runtime
from tollgate.domain.contract import Contract
from tollgate.runtime import Runtime
from tollgate.stages import contracts, meter
from tollgate.stages import invoice as daily
from tollgate.stages.meter import Sourced

EVENTS = Path(__file__).parents[1] / "events"
NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
DRAFTED_AT = datetime(2026, 4, 5, 6, tzinfo=UTC)
"""When March of 2026 has been over for long enough."""
APP_SECRET, VERIFY_TOKEN = "app-secret-of-the-event-files", "verify-token-of-the-event-files"
WEBHOOK_SECRET = "whsec_of_the_event_files"
TWILIO_TOKEN = "auth-token-of-the-event-files"
PLATFORM_KEY = "platform-key-of-the-event-files"
CONSOLE_KEY = "console-key-of-the-event-files"
RECIPIENT_KEY = "recipient-key-of-the-event-files"


def event(name: str) -> Any:
    """One event file, such as ``apigateway/standing``."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler."""

    function_name: str = "tollgate-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:tollgate-test:live"
    aws_request_id: str = "5f0c7a3e-0000-4000-8000-000000000000"


@dataclass
class Cloud:
    """The resources, what stands in for Stripe and the bus, and what the functions logged."""

    queues: dict[str, str]
    stripe: MemoryStripe = field(default_factory=MemoryStripe)
    bus: MemoryBus = field(default_factory=MemoryBus)
    log: io.StringIO = field(default_factory=io.StringIO)

    def runtime(self) -> Runtime:
        """The runtime of the process's environment, whoever asks first."""
        return runtime.from_environment(lambda _name, _value: None)

    def queued(self, queue: str) -> list[dict[str, Any]]:
        """The messages waiting in a queue, taken from it."""
        client = boto3.client("sqs")
        got = client.receive_message(
            QueueUrl=self.queues[queue], MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        )
        return list(got.get("Messages", []))  # type: ignore[arg-type]  # read as plain dictionaries

    def lines(self) -> list[dict[str, Any]]:
        """The log lines so far."""
        return [json.loads(line) for line in self.log.getvalue().splitlines() if line]

    def sign_on(self, *contracts_: Contract) -> None:
        """Put contracts, a rate card and a market map in force."""
        rt = self.runtime()
        rt.rates.add_card(CARD)
        rt.rates.add_market_map("meta", MARKETS)
        documents: dict[str, object] = {one.tenant: one.document() for one in contracts_ or (contract(),)}
        contracts.apply(documents, ports=rt.contract_ports(), by="ops", at=datetime(2026, 1, 2, tzinfo=UTC))

    def use(self, *, messages: int = 0, texts: int = 0) -> None:
        """Some billable usage of the example's tenant on 10 March 2026."""
        facts = [whatsapp("delivered", "regular/marketing", message=f"wamid.{n}") for n in range(messages)]
        facts += [sms("TEXT_DELIVERED", "0.00581", message=f"sms-{n}") for n in range(texts)]
        ports = self.runtime().meter_ports()
        outcome = meter.meter_facts([Sourced("1", fact) for fact in facts], ports=ports, now=NOW)
        assert not outcome.failed | outcome.quarantined

    def draft(self) -> None:
        """Run the daily run of the day on which March 2026 is drafted."""
        daily.run(ports=self.runtime().invoice_ports(), now=DRAFTED_AT, close_after_days=3)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A stack without functions, in memory."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "POWERTOOLS_SERVICE_NAME": "tollgate",
        "POWERTOOLS_METRICS_NAMESPACE": "Tollgate",
        "LEDGER_TABLE": "ledger",
        "ACCOUNTS_TABLE": "accounts",
        "RECEIPTS_BUCKET": "receipts",
        "EXPORTS_BUCKET": "exports",
        "EVENT_BUS_NAME": "tollgate-test",
        "META_SECRET": "meta",
        "PLIVO_SECRET": "plivo",
        "BIRD_SECRET": "bird",
        "TWILIO_SECRET": "twilio",
        "TWILIO_REST_SECRET": "twilio-rest",
        "STRIPE_SECRET": "stripe",
        "RECIPIENT_KEY_SECRET": "recipient-key",
        "PLATFORM_KEY_SECRET": "platform-key",
        "CONSOLE_URL": "https://console.example",
        "CONSOLE_KEY_SECRET": "console-key",
        "OPS_EMAIL": "ops@tollgate.example",
        "FINANCE_EMAIL": "finance@tollgate.example",
        "OIDC_ISSUER": "https://identity.example",
        "OIDC_CLIENT_ID": "console",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(runtime, "pause", lambda _attempt: None)
    monkeypatch.setattr(runtime, "pace", lambda: None)
    runtime.from_environment.cache_clear()
    with mock_aws():
        built = Cloud(queues=_resources())
        monkeypatch.setenv("RECEIPTS_QUEUE_URL", built.queues["receipts"])
        monkeypatch.setenv("STRIPE_EVENTS_QUEUE_URL", built.queues["stripe-events"])
        monkeypatch.setattr(Runtime, "stripe", built.stripe)
        monkeypatch.setattr(Runtime, "bus", built.bus)
        yield built
    runtime.from_environment.cache_clear()


@pytest.fixture
def entry(cloud: Cloud) -> Callable[[str], Any]:
    """Imports ``functions.<stage>.app`` anew; its log goes to ``cloud.log``."""

    def imported(stage: str) -> Any:
        name = f"functions.{stage}.app"
        sys.modules.pop(name, None)
        module = importlib.import_module(name)
        handler = module.logger.registered_handler
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(cloud.log)
        runtime.from_environment.cache_clear()
        return module

    return imported


def failing(
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str = "ThrottlingException",
    message: str = "at arn:aws:somewhere:secret",
) -> None:
    """From now on AWS answers an operation (``SendMessage``) with an error that names a place."""
    answered = BaseClient._make_api_call  # type: ignore[attr-defined]  # where a call leaves the SDK

    def call(client: Any, name: str, parameters: Any) -> Any:
        if name == operation:
            raise ClientError({"Error": {"Code": code, "Message": message}}, name)
        return answered(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def _resources() -> dict[str, str]:
    dynamodb = boto3.client("dynamodb")
    indexed = ["month_pk", "month_sk", "waiting_pk", "waiting_sk"]
    names: dict[str, list[str]] = {"ledger": ["pk", "sk", *indexed], "accounts": ["pk", "sk"]}
    for table, attributes in names.items():
        index: Any = {"IndexName": "by-month", "KeySchema": _key("month_pk", "month_sk")}
        index |= {"Projection": {"ProjectionType": "ALL"}}
        waiting: Any = {"IndexName": "by-waiting", "KeySchema": _key("waiting_pk", "waiting_sk")}
        waiting |= {"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["account", "waiting_since"]}}
        more: Any = {"GlobalSecondaryIndexes": [index, waiting]} if "month_pk" in attributes else {}
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_key("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in attributes],
            **more,
        )
    s3: Any = boto3.client("s3")
    for bucket in ("receipts", "exports"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    secrets = boto3.client("secretsmanager")
    for name, value in {
        "meta": json.dumps({"app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN}),
        "plivo": json.dumps({"auth_id": "MA0", "auth_token": "token-of-the-event-files"}),
        "bird": json.dumps({"webhook_secret": "whsec_b2YgdGhlIGV2ZW50IGZpbGVz"}),
        "twilio": json.dumps({"auth_token": TWILIO_TOKEN}),
        "twilio-rest": json.dumps({"*": "SK0:secret-of-the-event-files"}),
        "stripe": json.dumps({"api_key": "rk_test_of_the_event_files", "webhook_secret": WEBHOOK_SECRET}),
        "recipient-key": RECIPIENT_KEY,
        "platform-key": PLATFORM_KEY,
        "console-key": CONSOLE_KEY,
    }.items():
        secrets.create_secret(Name=name, SecretString=value)
    sqs = boto3.client("sqs")
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("receipts", "stripe-events", "invoices")}


def _key(partition: str, sort: str) -> Any:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
