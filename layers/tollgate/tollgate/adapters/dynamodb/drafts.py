"""DraftsNoticeRows: what finance was told of the drafts that wait, and the mails of it.

The names of the drafts are packed: all of them must fit one item, and tenants' drafts of a month differ by little.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tollgate.adapters.dynamodb import codec, keys, writes
from tollgate.adapters.dynamodb.store import Item, Store
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.errors import NotFound
from tollgate.stages.ports.accounts import MailState


def drafts_item(notice: DraftsNotice) -> Item:
    """The row of a notice whose mail is queued."""
    return {
        **keys.drafts(notice.identity)._asdict(),
        "notice": codec.DRAFTS.json(replace(notice, told=())),
        "told": b64encode(zlib.compress("\n".join(notice.told).encode(), 9)).decode(),
        "mail": codec.MAIL.item(MailState()),
    }


def drafts_of(item: Mapping[str, Any]) -> tuple[DraftsNotice, MailState]:
    """The notice of a row (of a table's or, unpacked, of the stream's) and the state of its mail."""
    told = zlib.decompress(b64decode(item["told"])).decode()
    notice = replace(codec.DRAFTS.read_json(item["notice"]), told=tuple(told.splitlines()))
    return notice, codec.MAIL.read(item["mail"])


class DynamoDraftsNotices:
    """The port ``DraftsNoticeRows``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last(self) -> DraftsNotice | None:
        items = self._store.latest(self._store.accounts, keys.review(), count=1)
        return drafts_of(items[0])[0] if items else None

    def add(self, notice: DraftsNotice) -> None:
        self._store.transact([writes.put_new(self._store.accounts, drafts_item(notice))])

    def notice(self, identity: str) -> tuple[DraftsNotice, MailState]:
        item = self._store.get(self._store.accounts, keys.drafts(identity))
        if item is None:
            raise NotFound("drafts notice", identity)
        return drafts_of(item)

    def set_mail(self, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Raises Conflict for a notice that was never written, too."""
        self._store.update(
            writes.update(
                self._store.accounts,
                keys.drafts(identity),
                "SET #mail = :mail",
                names={"#mail": "mail"},
                values={":mail": codec.MAIL.item(mail), ":expected": codec.MAIL.item(expected)},
                condition="#mail = :expected",
            )
        )
