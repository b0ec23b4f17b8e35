"""The rows that pages are measured on: a thousand tenants with a draft each, and a tenant of a million records.

``write`` has the product write the rows of one tenant of each kind into real tables; ``Grown`` reads those and grows
them: the other 999 are copies under other names, and records are made one by one while a page reads them.
Always true: a copy's rows and a made record are as long as the row that they are made after.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, overload
from zoneinfo import ZoneInfo

from local.bench import traffic
from local.bench.kept import Packed, Rows, UnansweredError
from local.bench.tables import ACCOUNTS, LEDGER
from tollgate.adapters.dynamodb import DynamoContracts, DynamoHolds, DynamoInvoices, DynamoLedger, Store, keys
from tollgate.adapters.dynamodb.record_items import record_item
from tollgate.adapters.dynamodb.store import packed
from tollgate.adapters.dynamodb.usage_items import day_item, term_item
from tollgate.domain.calendar import Term
from tollgate.domain.facts import MessageKey, Recipient, Report
from tollgate.domain.records import Fee, Record, Usage
from tollgate.domain.review import JUMP
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals
from tollgate.stages import contracts
from tollgate.stages.close import ClosePorts, close_periods

NOW: Final = datetime(2027, 1, 6, 12, tzinfo=UTC)
TERM: Final = Term(date(2026, 1, 15), date(2027, 1, 15))
PERIOD: Final = date(2026, 12, 1)
COUNTED_UNTIL: Final = date(2027, 1, 1)
BURST: Final = date(2026, 12, 15)
TENANTS: Final = 1_000
RECORDS: Final = 1_000_000
BURST_RECORDS: Final = 50_000
USUAL, LARGE = "tenant-0000", "large-tenant"
CLOSE_AFTER_DAYS: Final = 3
PRICE, CARRIER_FEE = Decimal("0.00581"), Decimal("0.003")
FEE: Final = PRICE + CARRIER_FEE
ARRIVES_AFTER: Final = timedelta(seconds=3, milliseconds=345)
SMS: Final = Cell("sms", "sms", "US")
# A usual tenant's day: messages by cell, SMS to four countries and WhatsApp of two categories to four markets.
USUAL_DAY: Final[Mapping[Cell, int]] = {
    **{Cell("sms", "sms", market): 40 for market in ("US", "GB", "DE", "IN")},
    **{
        Cell("whatsapp", category, market): 25
        for category in ("marketing", "utility")
        for market in ("North America", "United Kingdom", "Germany", "India")
    },
}
STATUS: Final = "TEXT_DELIVERED"
RECIPIENT: Final = "f65c6787a5ddfc6c0baf789364a856f3"  # what a number's hash looks like
ZONE: Final = ZoneInfo("America/Chicago")

type Counts = Mapping[date, int]
"""Records of each day, by day."""
type Kept = Mapping[str, Counts]
"""Records of each day, by tenant."""


def days() -> list[date]:
    """The days of the term that have usage."""
    return [TERM.start + timedelta(days=n) for n in range((COUNTED_UNTIL - TERM.start).days)]


def kept() -> Kept:
    """The records of both tenants."""
    return {USUAL: dict.fromkeys(days(), sum(USUAL_DAY.values())), LARGE: counts()}


def counts() -> Counts:
    """A million records over the days of the term: 50,000 on one day, the others alike, the last takes what is left."""
    usual, left = divmod(RECORDS - BURST_RECORDS, len(days()) - 1)
    found = {day: BURST_RECORDS if day == BURST else usual for day in days()}
    return {**found, days()[-1]: usual + left}


class _Made(Sequence[Packed]):
    """Rows that are made one by one, when they are asked for."""

    @overload
    def __getitem__(self, number: int) -> Packed: ...
    @overload
    def __getitem__(self, number: slice) -> list[Packed]: ...
    def __getitem__(self, number: int | slice) -> Packed | list[Packed]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._row(number)

    @abstractmethod
    def _row(self, number: int) -> Packed: ...


class Records(_Made):
    """The records of a tenant's month as the month index has them, each made when it is asked for."""

    def __init__(self, tenant: str, by_day: Counts) -> None:
        self._days = list(by_day)
        self._ends = list(accumulate(by_day.values()))
        self._pattern = packed(record_item(tenant, record(tenant, self._days[0], 0)))

    def __len__(self) -> int:
        return self._ends[-1]

    def _row(self, number: int) -> Packed:
        at = next(n for n, end in enumerate(self._ends) if number < end)
        first = self._ends[at - 1] if at else 0
        return self._made(self._days[at], number - first)

    def _made(self, day: date, number: int) -> Packed:
        """As ``record`` makes it, at a tenth of the time: the pattern with another id and other times."""
        key, moment = message(day, number), _moment(day, number)
        sent, arrived = {"S": _text(moment)}, {"S": _text(moment + ARRIVES_AFTER)}
        usage = {**self._pattern["usage"]["M"], "d": {"S": str(day)}, "at": sent}
        report = {"M": {**self._pattern["reports"]["M"][STATUS]["M"], "at": arrived}}
        return {
            **self._pattern,
            "sk": {"S": keys.message_sk(key)},
            "month_sk": {"S": keys.month_sk(day, key)},
            "requested": sent,
            "statuses": {"M": {STATUS: arrived}},
            "reports": {"M": {STATUS: report}},
            "usage": {"M": usage},
        }


def message(day: date, number: int) -> MessageKey:
    """The n-th message of a day; ids sort by number."""
    return MessageKey("aws-sms", f"{number:08x}-{day:%m%d}-4f1b-9f3e-0c6a7d1e2b34")


def _moment(day: date, number: int) -> datetime:
    """When it was sent: all over the day, in an order of its own."""
    return (datetime.combine(day, time(), ZONE) + timedelta(seconds=number * 7_919 % 86_000)).astimezone(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def record(tenant: str, day: date, number: int) -> Record:
    """The n-th record of a tenant's day, as metering a text leaves it."""
    moment = _moment(day, number)
    arrived, fees = moment + ARRIVES_AFTER, {"message": _fee(PRICE), "carrier": _fee(CARRIER_FEE)}
    return Record(
        key=message(day, number),
        meter=SMS.meter,
        account=tenant,
        number="",
        statuses={STATUS: arrived},
        pricings={},
        reports={STATUS: Report(arrived, 1, PRICE, CARRIER_FEE, "USD")},
        requested_at=moment,
        recipient=Recipient("1425", "US", RECIPIENT),
        usage=Usage(SMS.meter, moment, day, TERM.start, SMS.category, SMS.market, 1, 1, fees),
        unpriced="",
        version=1,
    )


def _fee(amount: Decimal) -> Fee:
    return Fee(amount=amount, currency="USD", source="reported", original=amount, original_currency="USD")


def write(store: Store, real: Kept) -> None:
    """Have the product write both tenants' rows: a contract, a term, its days, and the statement of each month; and
    records of some days. Counters are set as metering all of the messages would have left them."""
    usual = {"sms": _fees("300.00"), "whatsapp": _fees("300.00")}
    before = sum(number for day, number in counts().items() if day < BURST)
    large = {"sms": _fees(f"{FEE * (before + BURST_RECORDS // 2):.2f}")}
    _tenant(store, USUAL, usual, dict.fromkeys(days(), USUAL_DAY))
    _tenant(store, LARGE, large, {day: {SMS: number} for day, number in counts().items()})
    for tenant, by_day in real.items():
        own = (record(tenant, day, number) for day, many in by_day.items() for number in range(many))
        store.write_many(store.ledger, puts=(record_item(tenant, one) for one in own))


def _fees(included: str) -> Mapping[str, object]:
    return {"measure": "fees", "included": included, "warn_at": [75], "beyond": "bill"}


def _tenant(
    store: Store, tenant: str, allowances: Mapping[str, object], used: Mapping[date, Mapping[Cell, int]]
) -> None:
    ports = contracts.ContractPorts(
        contracts=DynamoContracts(store), ledger=DynamoLedger(store), holds=DynamoHolds(store)
    )
    document = traffic.contract(tenant, allowances=allowances).document()
    contracts.apply({tenant: document}, ports=ports, by="bench", at=datetime(2026, 1, 2, tzinfo=UTC))
    rows = [DayRow(day=day, cells={c: _totals(n) for c, n in cells.items()}, version=1) for day, cells in used.items()]
    meters: dict[str, Totals] = {}
    for row in rows:
        for cell, totals in row.cells.items():
            meters[cell.meter] = meters.get(cell.meter, Totals()) + totals
    term = TermRow(term=TERM, meters=meters, version=1)
    store.write_many(store.accounts, puts=[term_item(tenant, term), *(day_item(tenant, row) for row in rows)])
    own = ClosePorts(
        ledger=_Counted(store),
        contracts=ports.contracts,
        invoices=DynamoInvoices(store),
        count=lambda _name, _value: None,
        pause=lambda _attempt: None,
    )
    close_periods(tenant, ports=own, now=NOW, close_after_days=CLOSE_AFTER_DAYS)


def _totals(messages: int) -> Totals:
    return Totals(messages, messages, FEE * messages)


class _Counted(DynamoLedger):
    """A ledger whose records add up to its counters, as a recount finds them: one for each cell of a day."""

    def month(self, tenant: str, first: date, end: date) -> Iterator[tuple[MessageKey, Usage]]:
        for row in self.days(tenant, first, end):
            for cell, totals in row.cells.items():
                fee = _fee(totals.fees)
                moment = datetime.combine(row.day, time(18), UTC)
                yield message(row.day, 0), Usage(
                    cell.meter, moment, row.day, TERM.start, cell.category, cell.market,
                    totals.messages, totals.segments, {"message": fee},
                )  # fmt: skip


class Grown:
    """Rows of the tables as ``find`` for a ``KeptClient``: ``tenants`` of the usual kind, and so many records."""

    def __init__(self, items: Mapping[str, Iterable[Packed]], *, tenants: int = 1, records: Kept) -> None:
        self._names = frozenset(f"tenant-{number:04}" for number in range(tenants))
        self._stored: dict[tuple[str, str, str], list[Packed]] = {}
        for table, own in items.items():
            for item in own:
                self._stored.setdefault((table, "", item["pk"]["S"]), []).append(item)
        for rows in self._stored.values():
            rows.sort(key=lambda item: str(item["sk"]["S"]))
        self._months: dict[str, Records] = {}
        for tenant, by_day in records.items():
            months: dict[str, dict[date, int]] = {}
            for day, number in by_day.items():
                months.setdefault(keys.month_pk(tenant, day), {})[day] = number
            self._months |= {pk: Records(tenant, own) for pk, own in months.items()}
        self._shared = {key: self._grown(*key) for key in self._stored if key[0] == ACCOUNTS and _is_shared(key[2])}

    def __call__(self, table: str, index: str, pk: str) -> Rows:
        if (table, index) == (LEDGER, "by-month"):
            return self._months.get(pk, ())
        if index:
            raise UnansweredError(f"rows of {index}")
        if (table, index, pk) in self._shared:
            return self._shared[table, index, pk]
        found = self._stored.get((table, index, pk))
        name = pk.removeprefix(keys.tenant_pk(""))
        if found is None and table == ACCOUNTS and name in self._names:
            return _Copy(self._stored[table, "", keys.tenant_pk(USUAL)], name)
        return found or ()

    def _grown(self, table: str, index: str, pk: str) -> list[Packed]:
        """The rows that a partition has of every tenant; every second draft has a flag."""
        stored = self._stored[table, index, pk]
        own = [item for item in stored if USUAL in item["sk"]["S"]]
        more = [_renamed(item, name) for name in sorted(self._names - {USUAL}) for item in own]
        flagged = [_flagged(item) if number % 2 and "flags" in item else item for number, item in enumerate(more)]
        return sorted([*stored, *flagged], key=lambda item: str(item["sk"]["S"]))


class _Copy(_Made):
    """A tenant's rows, as another one's."""

    def __init__(self, rows: Sequence[Packed], name: str) -> None:
        self._rows, self._name = rows, name

    def __len__(self) -> int:
        return len(self._rows)

    def _row(self, number: int) -> Packed:
        return _renamed(self._rows[number], self._name)


def _is_shared(pk: str) -> bool:
    return pk == keys.tenants() or pk.startswith("MONTH#")


def _flagged(item: Packed) -> Packed:
    return {**item, "flags": {"L": [{"S": JUMP}]}}


def _renamed(item: Packed, name: str) -> Packed:
    if item["sk"]["S"].startswith(keys.DAY):
        return {**item, "pk": {"S": keys.tenant_pk(name)}}  # a day's totals name nobody
    changed: dict[str, Any] = json.loads(json.dumps(item).replace(USUAL, name))
    return changed
