"""Receipts as the providers send them, and a world of several tenants to meter them in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import replace
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tests.domain.examples import CARD, DOCUMENT, MARKETS, fx
from tests.fakes.archive import MemoryArchive
from tests.fakes.faults import Faults
from tests.fakes.rows import Memory, Rows, memory_rows
from tollgate.domain.contract import Contract, parse
from tollgate.domain.senders import Assignment
from tollgate.providers.provider import Parsed, Setting
from tollgate.providers.recipients import keyed_hasher
from tollgate.providers.registry import provider
from tollgate.stages import contracts
from tollgate.stages.contracts import ContractPorts
from tollgate.stages.meter import MeterPorts, meter
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.redrive import Redriven, redrive

NOON = datetime(2026, 3, 10, 17, tzinfo=UTC)
"""Noon in Chicago."""
APPLIED = datetime(2026, 1, 2, 9, tzinfo=UTC)
ACME, BETA, GAMMA, NOBODYS = "102290129340398", "205581934027716", "309912455001122", "999000999000999"
AMERICAN, INDIAN = "14155550101", "919876543210"
SETTING = Setting(hasher=keyed_hasher(b"a key for tests"), default_account="acme")

_numbers = count(1)


def small(tenant: str, waba: str, **changes: Any) -> dict[str, Any]:
    """A contract whose lines a handful of messages cross: 0.10 of fees, four SMS."""
    return DOCUMENT | {
        "tenant": tenant,
        "name": tenant.title(),
        "senders": [{"provider": "meta", "account": waba}, {"provider": "aws-sms", "account": tenant}],
        "allowances": {
            "whatsapp": {"measure": "fees", "included": "0.10", "warn_at": [50, 75], "beyond": "bill"},
            "sms": {"measure": "messages", "included": 4, "warn_at": [50, 75], "beyond": "suspend"},
        },
        **changes,
    }


def status(
    name: str,
    pricing: str = "",
    *,
    message: str = "wamid.1",
    at: datetime = NOON,
    to: str | None = AMERICAN,
    participant: str = "",
) -> dict[str, Any]:
    """One of Meta's statuses. ``pricing``: ``type/category``, empty for none; ``to`` None: no recipient is named."""
    kind, _, category = pricing.partition("/")
    return {
        "id": message,
        "status": name,
        "timestamp": str(int(at.timestamp())),
        **({"recipient_id": to} if to and not participant else {}),
        **(
            {"recipient_type": "group", "recipient_id": "a-group", "recipient_participant_id": participant}
            if participant
            else {}
        ),
        **({"pricing": {"pricing_model": "PMP", "type": kind, "category": category}} if pricing else {}),
    }


def meta(*statuses: dict[str, Any], waba: str = ACME, number: str = "106540352242922") -> Receipt:
    """A receipt of one account's statuses."""
    return post((waba, number, list(statuses)))


def post(*entries: tuple[str, str, Sequence[dict[str, Any]]]) -> Receipt:
    """A receipt with the statuses of several accounts: (WABA, phone number id, statuses)."""
    body = {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": waba,
                "changes": [
                    {"field": "messages", "value": {"metadata": {"phone_number_id": number}, "statuses": statuses}}
                ],
            }
            for waba, number, statuses in entries
        ],
    }
    return _receipt("meta", json.dumps(body))


def sms(
    event: str = "TEXT_DELIVERED",
    *,
    message: str = "sms-1",
    at: datetime = NOON,
    requested_at: datetime | None = None,
    price: str | None = "0.00581",
    carrier_fee: str | None = None,
    parts: int | None = 1,
    tenant: str | None = "acme",
    to: str | None = "+14155550101",
) -> Receipt:
    """A receipt of one AWS event; what is None is left out."""
    given = {
        "destinationPhoneNumber": to,
        "isoCountryCode": "US" if to else None,
        "context": {"tenant_id": tenant} if tenant else None,
        "totalMessageParts": parts,
    }
    fields = {
        "eventType": event,
        "eventTimestamp": _millis(at),
        "messageId": message,
        "messageRequestTimestamp": _millis(requested_at or at),
        **{name: value for name, value in given.items() if value is not None},
    }
    amounts = {"totalMessagePrice": price, "totalCarrierFee": carrier_fee}
    numbers = "".join(f', "{name}": {amount}' for name, amount in amounts.items() if amount is not None)
    return _receipt("aws-sms", json.dumps(fields)[:-1] + numbers + "}")  # digits as AWS writes them, never a float's


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _receipt(name: str, body: str) -> Receipt:
    return Receipt(id=f"r{next(_numbers)}", provider=name, body=body.encode(), received_at=NOON + timedelta(days=9))


def read(receipt: Receipt) -> Parsed:
    """A receipt, read by its provider's recipe."""
    return provider(receipt.provider).parse(receipt, SETTING)


@dataclass
class World:
    """Rows, what was counted and every pause taken; the stage runs on it, disturbed or not."""

    memory: Memory = field(default_factory=Memory)
    counts: Counter[str] = field(default_factory=Counter)
    pauses: list[int] = field(default_factory=list)
    now: datetime = NOON
    archive: MemoryArchive | None = None

    @property
    def rows(self) -> Rows:
        return memory_rows(self.memory)

    def apply(self, *documents: dict[str, Any], at: datetime = APPLIED) -> list[Contract]:
        """Apply contracts, each as a file of its own: ``f0``, ``f1``, …"""
        named: dict[str, object] = {f"f{number}": document for number, document in enumerate(documents)}
        return contracts.apply(named, ports=self.contract_ports(), by="jo", at=at)

    def contract_ports(self, faults: Faults | None = None) -> ContractPorts:
        rows, wrap = self.rows, (faults or Faults()).wrap
        return ContractPorts(contracts=wrap(rows.contracts), ledger=wrap(rows.ledger), holds=wrap(rows.holds))

    def ports(self, faults: Faults | None = None) -> MeterPorts:
        rows, wrap = self.rows, (faults or Faults()).wrap
        return MeterPorts(
            ledger=wrap(rows.ledger),
            contracts=wrap(rows.contracts),
            rates=wrap(rows.rates),
            quarantine=wrap(rows.quarantine),
            count=self._count,
            pause=self.pauses.append,
            archive=None if self.archive is None else wrap(self.archive),
        )

    def _count(self, name: str, value: int) -> None:
        self.counts[name] += value

    def meter(self, *receipts: Receipt, faults: Faults | None = None) -> set[str]:
        """One batch; the ids that must come back."""
        return meter(receipts, parse=read, ports=self.ports(faults), now=self.now)

    def redrive(self, reason: str | None = None, faults: Faults | None = None) -> Redriven:
        return redrive(reason=reason, ports=self.ports(faults), now=self.now)

    def used(self, meter_name: str, tenant: str = "acme", term: date = date(2026, 1, 15)) -> tuple[int, int, Decimal]:
        """Messages, segments and fees of a term."""
        row = self.memory.terms.get((tenant, term))
        totals = row.of(meter_name) if row else None
        return (totals.messages, totals.segments, totals.fees) if totals else (0, 0, Decimal(0))

    def days(self, tenant: str = "acme") -> dict[date, int]:
        """Messages by day."""
        rows = {day: row for (owner, day), row in self.memory.days.items() if owner == tenant}
        return {day: sum(t.messages for t in row.cells.values()) for day, row in sorted(rows.items()) if row.cells}

    def quarantined(self) -> list[tuple[str, str, str]]:
        """(message, status, reason) of every row."""
        rows = self.memory.quarantine.values()
        return sorted((row.fact.message, row.fact.status, row.reason) for row in rows)

    def notices(self, tenant: str = "acme") -> list[str]:
        """Identities."""
        return sorted(identity for owner, identity in self.memory.notices if owner == tenant)

    def snapshot(self) -> dict[str, Any]:
        """Everything that order, repeats and batching must not change: all rows but how often they were written, and
        what a notice or hold says of the moment it was written."""
        memory = self.memory
        return {
            "records": {key: replace(record, version=0) for key, record in memory.records.items()},
            "terms": {
                key: ({meter: totals for meter, totals in row.meters.items() if totals}, row.crossed)
                for key, row in memory.terms.items()
                if row.crossed or any(row.meters.values())
            },
            "days": {key: dict(row.cells) for key, row in memory.days.items() if row.cells},
            "notices": set(memory.notices),
            "holds": set(memory.holds),
            "quarantine": {row.id: row for row in memory.quarantine.values()},
        }


def world() -> World:
    """Three tenants on one card: acme (Chicago), beta (Berlin, euro, from March on), gamma (pounds, without a rate)."""
    made = World()
    made.memory.cards = {"meta": [CARD]}
    made.memory.maps = {"meta": [MARKETS]}
    rates = [fx(f"2026-0{month}-{day:02}", USD="1.25") for month in (2, 3) for day in range(1, 29)]
    made.memory.fx = {day.day: day for day in rates}
    made.apply(
        small("acme", ACME),
        small("beta", BETA, timezone="Europe/Berlin", currency="EUR", term={"start": "2026-03-01", "months": 12}),
        small("gamma", GAMMA, currency="GBP"),
    )
    return made


def assigned(tenant: str, since: str, *, account: str = ACME, number: str = "", card: str = "meta") -> Assignment:
    """An assignment of a WABA from an instant on (UTC)."""
    return Assignment(
        provider="meta",
        account=account,
        number=number,
        tenant=tenant,
        since=datetime.fromisoformat(since).replace(tzinfo=UTC),
        card=card,
    )


def contract(**changes: Any) -> Contract:
    return parse(small("acme", ACME) | changes)


def ids(receipts: Iterable[Receipt]) -> set[str]:
    return {receipt.id for receipt in receipts}
