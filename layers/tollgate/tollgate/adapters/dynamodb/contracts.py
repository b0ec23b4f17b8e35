"""ContractRows: contract versions, the list of tenants, and which account is whose.

A contract's document is one JSON string, in the shape that ``contract.parse`` takes; an account's assignments are one
item with a version, so that two tenants cannot be given it at once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.store import TRANSACTION_ITEMS, Item, Store, Write
from tollgate.domain.contract import Contract, parse
from tollgate.domain.errors import Conflict, Invalid, Problem
from tollgate.domain.senders import Assignment
from tollgate.stages.ports.accounts import SenderKey

OTHER_ROWS: Final = 4  # contract, profile, list of tenants, audit


class DynamoContracts:
    """The port ``ContractRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tenants(self) -> list[str]:
        return [item["sk"] for item in self._store.query(self._store.accounts, keys.tenants())]

    def versions(self, tenant: str) -> list[Contract]:
        items = self._store.query(self._store.accounts, keys.tenant_pk(tenant), prefix=keys.CONTRACT)
        return [parse(json.loads(item["document"])) for item in items]

    def senders(self, keys: Collection[SenderKey]) -> dict[SenderKey, list[Assignment]]:
        return {key: _assignments(item) for key, item in self._sender_items(keys).items() if item["assignments"]}

    def _sender_items(self, senders: Collection[SenderKey]) -> dict[SenderKey, Item]:
        by_key = {keys.sender(*sender): sender for sender in senders}
        return {by_key[key]: item for key, item in self._store.get_many(self._store.accounts, by_key).items()}

    def apply(
        self,
        contract: Contract,
        senders: Mapping[SenderKey, Sequence[Assignment]],
        read: Mapping[SenderKey, Sequence[Assignment]],
        *,
        by: str,
        at: datetime,
    ) -> None:
        """What is the same already is not written again. Raises Invalid for more accounts than fit one transaction."""
        touched = sorted({*senders, *read})
        if len(touched) > TRANSACTION_ITEMS - OTHER_ROWS:
            most = f"expected at most {TRANSACTION_ITEMS - OTHER_ROWS} accounts in one contract"
            raise Invalid("contract", [Problem("senders", most)])
        items = self._sender_items(touched)
        for sender in touched:
            if (_assignments(items[sender]) if sender in items else []) != list(read.get(sender, ())):
                raise Conflict(f"the assignments of {sender[0]} account {sender[1]} have changed since they were read")
        stored = self._store.get(self._store.accounts, keys.contract(contract.tenant, contract.effective))
        document = json.dumps(contract.document(), sort_keys=True)
        moved = {s: list(a) for s, a in senders.items() if list(a) != list(read.get(s, ()))}
        if stored is not None and stored["document"] == document and not moved:
            return
        self._store.transact(
            [
                *self._contract(contract, document, stored, by=by, at=at),
                *(self._sender(sender, moved.get(sender), items.get(sender)) for sender in touched),
            ]
        )

    def _contract(
        self, contract: Contract, document: str, stored: Item | None, *, by: str, at: datetime
    ) -> list[Write]:
        accounts = self._store.accounts
        key = keys.contract(contract.tenant, contract.effective)
        version = int(stored["version"]) if stored else 0
        item = {**key._asdict(), "version": version + 1, "document": document}
        audit = {
            **keys.audit(contract.tenant, at, f"contract-{contract.effective}-{version + 1}")._asdict(),
            "action": "contract",
            "by": by,
            "effective": str(contract.effective),
            "document": document,
        }
        return [
            writes.put_at(accounts, item, read=version),
            writes.put(accounts, audit | ({"replaced": stored["document"]} if stored else {})),
            writes.put(accounts, dict(keys.listed_tenant(contract.tenant)._asdict())),
            writes.update(
                accounts,
                keys.profile(contract.tenant),
                "SET #name = :name",
                names={"#name": "name"},
                values={":name": contract.name},
            ),
        ]

    def _sender(self, sender: SenderKey, moved: list[Assignment] | None, stored: Item | None) -> Write:
        key, version = keys.sender(*sender), int(stored["version"]) if stored else 0
        if moved is None:
            return writes.check_at(self._store.accounts, key, read=version)
        assignments = [codec.ASSIGNMENT.item(assignment) for assignment in moved]
        item = {**key._asdict(), "version": version + 1, "assignments": assignments}
        return writes.put_at(self._store.accounts, item, read=version)

    def stripe_customer(self, tenant: str) -> str:
        item = self._store.get(self._store.accounts, keys.profile(tenant)) or {}
        return str(item.get("stripe_customer", ""))

    def set_stripe_customer(self, tenant: str, customer: str) -> str:
        change = writes.update(
            self._store.accounts,
            keys.profile(tenant),
            "SET #customer = if_not_exists(#customer, :customer)",
            names={"#customer": "stripe_customer"},
            values={":customer": customer},
        )
        return str(self._store.update(change, returning="ALL_NEW")["stripe_customer"])


def _assignments(item: Item) -> list[Assignment]:
    return [codec.ASSIGNMENT.read(assignment) for assignment in item["assignments"]]
