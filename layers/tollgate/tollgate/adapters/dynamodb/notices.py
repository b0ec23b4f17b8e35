"""NoticeRows and HoldRows, and how others write a notice or a hold in a transaction of theirs.

A notice's row holds the state of its mail as one map beside the notice. A hold's version is 1 while open, 2
once lifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.store import Item, Store, Write
from tollgate.domain.errors import Conflict, NotFound
from tollgate.domain.notices import Hold, Notice
from tollgate.stages.ports.accounts import MailState

OPENED: Final = 1
LIFTED: Final = 2


def new_notice(table: str, notice: Notice) -> Write:
    """Put a notice whose mail is queued; fails where the same was noticed before."""
    key = keys.notice(notice.tenant, notice.identity)
    return writes.put_new(table, {**key._asdict(), **codec.NOTICE.item(notice), "mail": codec.MAIL.item(MailState())})


def new_hold(table: str, hold: Hold) -> Write:
    """Open a hold; fails where the same was opened before, lifted or not."""
    key = keys.hold(hold.tenant, hold.identity)
    return writes.put_new(table, {**key._asdict(), **codec.HOLD.item(replace(hold, version=OPENED))})


def lifting(table: str, hold: Hold, *, at: datetime) -> Write:
    """Lift a hold that exists; one that is lifted already stays as it is, which writes no change."""
    return writes.update(
        table,
        keys.hold(hold.tenant, hold.identity),
        "SET lifted_at = if_not_exists(lifted_at, :at), #version = :lifted",
        names={"#version": "version"},
        values={":at": codec.HOLD.item(replace(hold, lifted_at=at))["lifted_at"], ":lifted": LIFTED},
        condition=writes.EXISTS,
    )


def notice_of(item: Mapping[str, Any]) -> tuple[Notice, MailState]:
    """The notice of a row (of a table's or, unpacked, of the stream's) and the state of its mail."""
    return codec.NOTICE.read(item), codec.MAIL.read(item["mail"])


def hold_of(item: Item) -> Hold:
    """The hold of a row."""
    return codec.HOLD.read(item)


class DynamoNotices:
    """The port ``NoticeRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def notices(self, tenant: str) -> list[tuple[Notice, MailState]]:
        items = self._store.query(self._store.accounts, keys.tenant_pk(tenant), prefix=keys.NOTICE)
        return sorted(map(notice_of, items), key=lambda row: (row[0].at, row[0].identity))

    def notice(self, tenant: str, identity: str) -> tuple[Notice, MailState]:
        item = self._store.get(self._store.accounts, keys.notice(tenant, identity))
        if item is None:
            raise NotFound("notice", f"{tenant}/{identity}")
        return notice_of(item)

    def set_mail(self, tenant: str, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Raises NotFound too, for a notice that was never written."""
        change = writes.update(
            self._store.accounts,
            keys.notice(tenant, identity),
            "SET #mail = :mail",
            names={"#mail": "mail"},
            values={":mail": codec.MAIL.item(mail), ":expected": codec.MAIL.item(expected)},
            condition="#mail = :expected",
        )
        try:
            self._store.update(change)
        except Conflict:
            self.notice(tenant, identity)
            raise


class DynamoHolds:
    """The port ``HoldRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def holds(self, tenant: str) -> list[Hold]:
        items = self._store.query(self._store.accounts, keys.tenant_pk(tenant), prefix=keys.HOLD)
        return sorted(map(hold_of, items), key=lambda hold: (hold.opened_at, hold.identity))

    def open(self, hold: Hold) -> None:
        self._store.transact([new_hold(self._store.accounts, hold)])

    def lift(self, hold: Hold, *, at: datetime) -> None:
        """Raises NotFound for a hold that was never opened."""
        try:
            self._store.update(lifting(self._store.accounts, hold, at=at))
        except Conflict:
            if self._store.get(self._store.accounts, keys.hold(hold.tenant, hold.identity)) is None:
                raise NotFound("hold", f"{hold.tenant}/{hold.identity}") from None
            raise
