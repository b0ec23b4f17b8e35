"""Rows that are stored as the domain has them: fields by their own names, amounts, dates and times as strings.

Amounts are strings here, and not numbers, because the table drops trailing zeros: an identity or a mail that shows
``75000.00`` must read back as that. Where amounts are only added up (ledger, term and day rows) they are numbers.
No attribute is null: a field that is None is left out, so its default must be None. Inside a JSON string None is
``null``: a report without a price says so, and has no default.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from tollgate.adapters.dynamodb.store import Item
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.errors import Unreadable
from tollgate.domain.exports import Export
from tollgate.domain.facts import Fact
from tollgate.domain.invoices import Invoice
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.rates import FxDay, MarketMap, RateCard, TierReached
from tollgate.domain.reconciliation import Reconciled
from tollgate.domain.review import Summary
from tollgate.domain.senders import Assignment
from tollgate.domain.statement import Statement
from tollgate.stages.ports.accounts import MailState
from tollgate.stages.ports.invoices import Run


class Codec[T]:
    """One kind of row, to plain values or a JSON string and back; reading gives what was written, exactly."""

    def __init__(self, kind: type[T], *, with_defaults: bool = True) -> None:
        self._kind, self._with_defaults = kind, with_defaults

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        """Built when first used: no function needs every kind, and cold starts count."""
        return TypeAdapter(self._kind)

    def item(self, value: T) -> Item:
        plain: Item = self._adapter.dump_python(
            value, mode="json", exclude_none=True, exclude_defaults=not self._with_defaults
        )
        return plain

    def read(self, item: Any) -> T:
        """Raises Unreadable."""
        with self._readable():
            return self._adapter.validate_python(item)

    def json(self, value: T) -> str:
        return self._adapter.dump_json(value).decode()

    def read_json(self, text: str) -> T:
        """Raises Unreadable."""
        with self._readable():
            return self._adapter.validate_json(text)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Without what pydantic says, which quotes the row: an address, say, that belongs into no log."""
        try:
            yield
        except ValidationError as refused:
            wrong = [".".join(map(str, one["loc"])) for one in refused.errors(include_input=False)]
            raise Unreadable(f"a row of kind {self._kind.__name__}", wrong) from None


ASSIGNMENT: Final = Codec(Assignment)
CARD: Final = Codec(RateCard)
DRAFTS: Final = Codec(DraftsNotice)
EXPORT: Final = Codec(Export)
FACT: Final = Codec(Fact)
FX_DAY: Final = Codec(FxDay)
HOLD: Final = Codec(Hold)
INVOICE: Final = Codec(Invoice)
MAIL: Final = Codec(MailState, with_defaults=False)  # compared whole: a field added later must not change old ones
MARKET_MAP: Final = Codec(MarketMap)
NOTICE: Final = Codec(Notice)
RECONCILED: Final = Codec(Reconciled)
RUN: Final = Codec(Run)
TIER: Final = Codec(TierReached)
STATEMENT: Final = Codec(Statement)
SUMMARY: Final = Codec(Summary)
