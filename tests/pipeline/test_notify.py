"""A notice that is written is mailed by the deployed system, and what becomes of the mail comes back to its row."""

import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.domain.examples import contract
from tollgate.adapters.aws import local_clients
from tollgate.domain.metering import UsageChange
from tollgate.domain.notices import USAGE_WARNING, Notice
from tollgate.runtime import Runtime
from tollgate.settings import Settings
from tollgate.stages import contracts

BOUNCE = Path(__file__).parents[2] / "events" / "ses" / "bounce_permanent.json"
PATIENCE_SECONDS = 60


def eventually[T](look: Callable[[], T | None]) -> T:
    """What it finds, as soon as it is there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.3)
    pytest.fail("waited in vain")


def mails_to(stack: dict[str, Any], address: str, about: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack['aws']}/_ministack/ses/messages", timeout=10) as answer:
        accounts = json.load(answer)["messages"]
    return [row for rows in accounts.values() for row in rows if address in row["To"] and about in row["BodyText"]]


def test_a_notice_is_mailed_and_its_bounce_is_told_to_ops(stack: dict[str, Any], aws: Callable[[str], Any]) -> None:
    """From the row through stream, bus and queue to a mail with text and HTML; from SES's topic back to row and ops."""
    tenant = "notified"
    rt = Runtime(
        Settings(ledger_table=stack["tables"]["ledger"], accounts_table=stack["tables"]["accounts"]),
        count=lambda _name, _value: None,
        client=local_clients(stack["aws"], stack["region"]),
    )
    signed = contract(
        tenant=tenant, senders=[{"provider": "aws-sms", "account": tenant}], contacts={"usage": ["warned@acme.example"]}
    )
    contracts.apply(
        {tenant: signed.document()}, ports=rt.contract_ports(), by="ops", at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    notice = Notice(
        tenant=tenant,
        kind=USAGE_WARNING,
        term=date(2026, 1, 15),
        at=datetime(2026, 8, 3, 19, 5, tzinfo=UTC),
        meter="sms",
        line=75,
        used=Decimal(37_500),
        included=Decimal(50_000),
    )
    rt.ledger.commit(tenant, (), UsageChange(terms={}, notices=(notice,), holds=()))

    [mail] = eventually(lambda: mails_to(stack, "warned@acme.example", "37,500 SMS"))
    assert "37,500 SMS" in mail["BodyHtml"]
    state = eventually(lambda: next((m for _, m in rt.notices.notices(tenant) if m.status == "sent"), None))
    assert state.message_id == mail["MessageId"]

    bounce = json.loads(BOUNCE.read_text(encoding="utf-8"))
    bounce["mail"]["tags"]["tenant"] = [tenant]
    for _ in range(2):
        aws("sns").publish(TopicArn=stack["topics"]["mail-events"], Message=json.dumps(bounce))
    eventually(lambda: next((m for _, m in rt.notices.notices(tenant) if m.escalated_at), None))
    [told] = mails_to(stack, told_address(aws, stack), f"Tenant:         {tenant}")
    assert "Permanent/NoEmail" in told["BodyText"]


def told_address(aws: Callable[[str], Any], stack: dict[str, Any]) -> str:
    """The address that the deployed function tells."""
    configuration = aws("lambda").get_function_configuration(FunctionName=f"{stack['stack']}-notify")
    return str(configuration["Environment"]["Variables"]["OPS_EMAIL"])
