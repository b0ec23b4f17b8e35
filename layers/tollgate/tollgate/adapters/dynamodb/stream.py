"""The accounts table's stream: a record of it as the row that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from tollgate.adapters.dynamodb import keys
from tollgate.adapters.dynamodb.drafts import drafts_of
from tollgate.adapters.dynamodb.exports import export_of
from tollgate.adapters.dynamodb.invoices import invoice_of
from tollgate.adapters.dynamodb.notices import hold_of, notice_of
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.exports import Export
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.stages.announce import Changed

type AnyChanged = Changed[Notice] | Changed[Hold] | Changed[Invoice] | Changed[DraftsNotice] | Changed[Export]

_READ: Final = TypeDeserializer()


def changed(record: Mapping[str, Any]) -> AnyChanged | None:
    """The change in a stream record of Lambda; None for a removal, and for a kind of row that nobody is told about."""
    change = record["dynamodb"]
    if "NewImage" not in change:
        return None
    after, before = _item(change["NewImage"]), _item(change.get("OldImage"))
    at = datetime.fromtimestamp(float(change["ApproximateCreationDateTime"]), UTC)
    sk = str(after["sk"]) if after else ""
    if sk.startswith(keys.NOTICE):
        return _changed(lambda item: notice_of(item)[0], before, after, at)
    if sk.startswith(keys.HOLD):
        return _changed(hold_of, before, after, at)
    if sk.startswith(keys.INVOICE):
        return _changed(invoice_of, before, after, at)
    if sk.startswith(keys.DRAFTS):
        return _changed(lambda item: drafts_of(item)[0], before, after, at)
    if sk.startswith(keys.EXPORT):
        return _changed(export_of, before, after, at)
    return None


def _changed[T: (Notice, Hold, Invoice, DraftsNotice, Export)](
    read: Callable[[dict[str, Any]], T], before: dict[str, Any] | None, after: dict[str, Any] | None, at: datetime
) -> Changed[T]:
    assert after is not None
    return Changed(read(before) if before else None, read(after), at)


def _item(image: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: _READ.deserialize(value) for name, value in image.items()} if image else None
