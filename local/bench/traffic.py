"""Receipts for the benchmark's tenants: bodies with every field that the providers' samples have, as long as theirs.

Always true: the same number gives the same message, so that a repeat is one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tollgate.domain.contract import Contract, parse
from tollgate.stages.ports.receipts import Receipt

START: Final = datetime(2026, 3, 10, 15, tzinfo=UTC)
TOPIC: Final = "arn:aws:sns:eu-west-1:111122223333:sms-events"
# Number, country, price of a part and carrier fee in US dollars: invented, as long as real ones are.
TEXTS: Final = (
    ("+14255550156", "US", 0.00581, 0.003),
    ("+447700900123", "GB", 0.0411, 0.0),
    ("+4915112345678", "DE", 0.0789, 0.0),
    ("+919876543210", "IN", 0.00278, 0.0),
)
WHATSAPP_NUMBERS: Final = ("14155550156", "447700900123", "4915112345678", "919876543210")
CATEGORIES: Final = ("marketing", "utility")
STATUSES: Final = ("sent", "delivered", "read")
FAR_AWAY: Final[Mapping[str, object]] = {
    "whatsapp": {"measure": "fees", "included": "1000000.00", "warn_at": [75], "beyond": "bill"},
    "sms": {"measure": "messages", "included": 50_000_000, "warn_at": [75], "beyond": "suspend"},
}


def contract(tenant: str, *, allowances: Mapping[str, object] = FAR_AWAY) -> Contract:
    """A contract whose lines no traffic of the benchmark crosses, unless it has allowances of its own."""
    return parse(
        {
            "tenant": tenant,
            "name": "Benchmark, Inc.",
            "currency": "USD",
            "timezone": "America/Chicago",
            "term": {"start": "2026-01-15", "months": 12},
            "payment": {"days_until_due": 14, "suspend_after_days": 7},
            "contacts": {"usage": ["ops@bench.example"], "billing": ["ap@bench.example"]},
            "senders": [{"provider": "meta", "account": waba(tenant)}, {"provider": "aws-sms", "account": tenant}],
            "allowances": allowances,
        }
    )


def waba(tenant: str) -> str:
    """The WhatsApp account of a tenant, as long as Meta's are."""
    return f"{random.Random(tenant).randrange(10**14, 10**15)}"


def text(tenant: str, number: int) -> Receipt:
    """The event of one delivered SMS."""
    to, country, price, fee = TEXTS[number % len(TEXTS)]
    draw = random.Random(f"{tenant}/{number}")
    requested = int((START + timedelta(seconds=number % 3600)).timestamp() * 1000)
    body = {
        "eventType": "TEXT_DELIVERED",
        "eventVersion": "1.0",
        "eventTimestamp": requested + 3345,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": to,
        "isInternationalSend": country != "US",
        "isoCountryCode": country,
        "messageId": str(UUID(int=draw.getrandbits(128))),
        "messageRequestTimestamp": requested,
        "messageEncoding": "GSM",
        "messageType": "TRANSACTIONAL",
        "messageStatus": "DELIVERED",
        "messageStatusDescription": "Message has been accepted by phone",
        "context": {"tenant_id": tenant, "message_ref": f"msg_{number:010}"},
        "totalMessageParts": 1,
        "totalMessagePrice": price,
        "totalCarrierFee": fee,
    }
    return _receipt("aws-sms", body, f"{tenant}-{number}", source=TOPIC)


def whatsapp(tenant: str, number: int, statuses: tuple[str, ...] = STATUSES) -> Receipt:
    """A webhook with some statuses of one marketing or utility message; the price stands on all but ``read``."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
        "statuses": list(_statuses(tenant, number, statuses)),
    }
    entry = {"id": waba(tenant), "changes": [{"field": "messages", "value": value}]}
    body = {"object": "whatsapp_business_account", "entry": [entry]}
    return _receipt("meta", body, f"{tenant}-{number}-{'-'.join(statuses)}")


def _statuses(tenant: str, number: int, statuses: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    message = f"wamid.HBgL{random.Random(f'{tenant}/{number}').getrandbits(192):048X}AA=="
    sent = START + timedelta(seconds=number % 3600)
    pricing = {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": CATEGORIES[number // len(WHATSAPP_NUMBERS) % len(CATEGORIES)],
    }
    for status in statuses:
        at = sent + timedelta(seconds=4 * STATUSES.index(status))
        yield {
            "id": message,
            "status": status,
            "timestamp": str(int(at.timestamp())),
            "recipient_id": WHATSAPP_NUMBERS[number % len(WHATSAPP_NUMBERS)],
        } | ({} if status == "read" else {"pricing": pricing})


def _receipt(provider: str, body: object, identity: str, *, source: str = "") -> Receipt:
    raw = json.dumps(body).encode()
    return Receipt(id=identity, provider=provider, body=raw, received_at=START + timedelta(hours=2), source=source)
