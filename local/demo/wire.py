"""How providers say it: signed Meta webhooks with many statuses each, and SNS batches of AWS SMS events.

A few receipts are sent twice and some in the wrong order, as providers do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import batched
from typing import Any, Final

from local.demo.story import AMERICA, BRITAIN, GERMANY, SEED, Message

STATUSES_A_POST: Final = 200
MESSAGES_A_PUBLISH: Final = 10  # the most that SNS takes
SENT_TWICE: Final = 0.02
STATUS_GAP: Final = timedelta(seconds=4)

# Price of one part and its carrier fee in USD, by where it goes; invented amounts in the style of AWS's.
SMS_PRICES: Final = {BRITAIN: (0.0411, 0.0), AMERICA: (0.00581, 0.003), GERMANY: (0.0789, 0.0)}
COUNTRIES: Final = {BRITAIN: "GB", AMERICA: "US", GERMANY: "DE"}


def meta_posts(messages: Sequence[Message], *, seed: int = SEED) -> Iterator[bytes]:
    """Bodies of webhooks, each with the statuses of several messages and accounts, here and there one again."""
    statuses = [(message, n) for message in messages for n in range(len(message.shown))]
    draw = random.Random(f"{seed}/{messages[0].id if messages else ''}")
    statuses += draw.sample(statuses, int(len(statuses) * SENT_TWICE))
    statuses.sort(key=lambda one: (one[0].at + one[1] * STATUS_GAP, one[0].id))
    for some in batched(statuses, STATUSES_A_POST, strict=False):
        shuffled = list(some)
        draw.shuffle(shuffled)
        accounts = sorted({message.account for message, _ in shuffled})
        entries = [
            {
                "id": account,
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {"display_phone_number": "15550100", "phone_number_id": f"9{account}"},
                            "statuses": [_status(m, n) for m, n in shuffled if m.account == account],
                        },
                    }
                ],
            }
            for account in accounts
        ]
        yield json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def _status(message: Message, index: int) -> dict[str, Any]:
    shown = message.shown[index]
    status: dict[str, Any] = {
        "id": message.id,
        "status": shown,
        "timestamp": str(int((message.at + index * STATUS_GAP).timestamp())),
        "recipient_id": message.to,
    }
    if shown in ("sent", "delivered") or (shown == "read" and "delivered" not in message.shown):
        status["pricing"] = {
            "billable": True,
            "pricing_model": "PMP",
            "type": "regular",
            "category": message.category,
        }
    return status


def meta_signature(body: bytes, app_secret: str) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()


def sns_batches(messages: Sequence[Message], *, seed: int = SEED) -> Iterator[list[str]]:
    """Events as JSON texts, ten to a batch: one receipt a message, here and there one again."""
    draw = random.Random(f"{seed}/{messages[0].id if messages else ''}")
    events = [json.dumps(_event(message)) for message in messages]
    events += draw.sample(events, int(len(events) * SENT_TWICE))
    for some in batched(events, MESSAGES_A_PUBLISH, strict=False):
        yield list(some)


def _event(message: Message) -> dict[str, Any]:
    place = message.to[:4]
    price, fee = SMS_PRICES[place]
    requested = int(message.at.timestamp() * 1000)
    return {
        "eventType": message.shown[0],
        "eventVersion": "1.0",
        "eventTimestamp": requested + 2500,
        "isFinal": True,
        "destinationPhoneNumber": f"+{message.to}",
        "isoCountryCode": COUNTRIES[place],
        "messageId": message.id,
        "messageRequestTimestamp": requested,
        "messageType": "TRANSACTIONAL",
        "context": {"tenant_id": message.account},
        "totalMessageParts": message.parts,
        "totalMessagePrice": round(price * message.parts, 6),
        "totalCarrierFee": round(fee * message.parts, 6),
    }
