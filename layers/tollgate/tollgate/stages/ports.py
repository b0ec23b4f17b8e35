"""Ports: what the stages need of the outside, in the domain's words. Adapters and hand-written fakes implement them.

Every call may raise RetryLater. Whatever a port writes is safe to write again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from tollgate.domain.calendar import Term
from tollgate.domain.contract import Contract
from tollgate.domain.drafts import DraftsNotice
from tollgate.domain.facts import Fact, MessageKey
from tollgate.domain.invoices import Invoice
from tollgate.domain.metering import RecordChange, UsageChange
from tollgate.domain.notices import Hold, Notice
from tollgate.domain.preferences import Preferences
from tollgate.domain.price_waits import PriceWait
from tollgate.domain.rates import FxDay, MarketMap, PriceBook, RateCard, TierReached
from tollgate.domain.records import Record, Usage
from tollgate.domain.review import Summary
from tollgate.domain.senders import Assignment
from tollgate.domain.statement import Line, Statement
from tollgate.domain.usage import DayRow, TermRow

type SenderKey = tuple[str, str]
"""Provider and account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A raw request from a provider, as it arrived. ``source`` names where it came in (a topic's ARN, say)."""

    id: str
    provider: str
    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


class ReceiptQueue(Protocol):
    """The queue between receive and meter. Bodies of any size up to the endpoint's limit."""

    def put(self, receipt: Receipt, *, group: str) -> None:
        """Queue a receipt; ``group`` keeps one busy sender from delaying the others."""
        ...


class Position(NamedTuple):
    """Where a message stands among those of a month."""

    day: date
    message: MessageKey


class LedgerRows(Protocol):
    """Records, and the one transaction in which everything that metering writes commits together."""

    def records(self, tenant: str, keys: Collection[MessageKey]) -> dict[MessageKey, Record]:
        """The records of these messages that exist, read consistently."""
        ...

    def usage_rows(
        self, tenant: str, terms: Mapping[date, Term], days: Collection[date]
    ) -> tuple[dict[date, TermRow], dict[date, DayRow]]:
        """The usage rows of these terms and days, read consistently; version 0 for those not written yet."""
        ...

    def commit(self, tenant: str, changes: Sequence[RecordChange], usage: UsageChange) -> None:
        """Write all of it, or nothing. Raises Conflict when any row has moved since it was read."""
        ...

    def month(self, tenant: str, first: date, end: date) -> Iterable[tuple[MessageKey, Usage]]:
        """The usage of every record with a day in [first, end), which lies in one calendar month. Eventually
        consistent: what was written a moment ago may be missing."""
        ...

    def page(
        self, tenant: str, first: date, end: date, *, after: Position | None, most: int
    ) -> list[tuple[MessageKey, Usage]]:
        """As ``month``, but at most so many, in the order of their days and then of their keys in the table, from
        after a position on (None: from the start). Fewer than ``most`` are the last."""
        ...

    def days(self, tenant: str, first: date, end: date) -> list[DayRow]:
        """The day rows in [first, end), in order, read consistently."""
        ...

    def terms(self, tenant: str) -> list[TermRow]:
        """Every term row of a tenant, oldest first."""
        ...

    def ask_again(self, tenant: str, key: MessageKey) -> None:
        """Have the price of a message asked for again, if it waits for one; see ``PriceWaits``."""
        ...

    def save_term(self, tenant: str, row: TermRow, *, notices: Sequence[Notice], holds: Sequence[Hold]) -> None:
        """Write a term row (at version + 1 of the one read) with notices and holds, all or nothing. Raises Conflict."""
        ...


class PriceWaits(Protocol):
    """Messages whose price has to be asked for. Metering lists and unlists them with their records; what is changed
    here holds until it writes the record again."""

    def due(self, provider: str, *, now: datetime, most: int) -> list[PriceWait]:
        """The messages that are due, the longest overdue first, at most so many. Eventually consistent."""
        ...

    def postpone(self, wait: PriceWait, *, due: datetime) -> None:
        """Ask again then. For a message that has moved since it was read, nothing is changed."""
        ...

    def give_up(self, wait: PriceWait) -> None:
        """Ask no more. For a message that has moved since it was read, nothing is changed."""
        ...


@dataclass(frozen=True, slots=True)
class MessageResource:
    """What a provider says of a message when it is asked: as JSON without its text, and whether it has a price."""

    body: bytes
    priced: bool


class MessageResources(Protocol):
    """A provider's messages, to be read one by one."""

    def read(self, account: str, message: str) -> MessageResource:
        """Raises NotFound for no such message, Refused when it will not say for this account, RetryLater when the
        provider or the way to it is in trouble."""
        ...


class ContractRows(Protocol):
    """Contracts and the senders they assign."""

    def tenants(self) -> list[str]:
        """Every tenant, in order."""
        ...

    def versions(self, tenant: str) -> list[Contract]:
        """Every version of a tenant's contract, oldest first; empty for an unknown tenant."""
        ...

    def senders(self, keys: Collection[SenderKey]) -> dict[SenderKey, list[Assignment]]:
        """The assignments of these accounts; an account nobody has is left out."""
        ...

    def apply(
        self,
        contract: Contract,
        senders: Mapping[SenderKey, Sequence[Assignment]],
        read: Mapping[SenderKey, Sequence[Assignment]],
        *,
        by: str,
        at: datetime,
    ) -> None:
        """Write one contract version, its senders (which read as ``read``) and an audit entry, all or nothing.
        Raises Conflict when a sender's assignments have changed since."""
        ...

    def stripe_customer(self, tenant: str) -> str:
        """The tenant's Stripe customer id; empty when it has none yet."""
        ...

    def set_stripe_customer(self, tenant: str, customer: str) -> str:
        """Remember a Stripe customer unless one is known already; returns the one that is known now."""
        ...


class RateRows(Protocol):
    """Rate cards, market maps and exchange rates."""

    def book(self, cards: Collection[str], *, fx: bool) -> PriceBook:
        """Every version of some cards with their market maps, and all exchange rates when ``fx``."""
        ...

    def add_card(self, card: RateCard) -> RateCard:
        """Store a card; its version is the next one of its date. Returns it with that version."""
        ...

    def add_market_map(self, card: str, markets: MarketMap) -> MarketMap:
        """Store a market map for a card; likewise versioned."""
        ...

    def tiers(self, accounts: Collection[str]) -> list[TierReached]:
        """The volume tiers that these accounts of Meta's have reached, read consistently."""
        ...

    def add_tier(self, tier: TierReached) -> None:
        """Store a tier that is reached; told twice, the smaller time counts."""
        ...

    def add_fx(self, days: Sequence[FxDay]) -> int:
        """Store exchange rates; a day that is there already is replaced. Returns how many were written."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """One quarantined fact. ``id`` is derived from the fact, so that a repeat is the same row."""

    id: str
    reason: str
    fact: Fact


class Quarantine(Protocol):
    """Facts that cannot be counted yet."""

    def put(self, rows: Sequence[QuarantineRow]) -> None: ...
    def rows(self, reason: str | None = None) -> list[QuarantineRow]: ...
    def remove(self, rows: Sequence[QuarantineRow]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailState:
    """How the mail of a notice stands: ``queued``, ``sending``, ``sent``, ``delivered`` or ``bounced``.

    ``tried_at`` is when the latest sending began; ``sent_at`` when it was accepted. Of its recipients, as the mail
    service reports them: ``arrived``; ``failed`` for good; ``doubtful``, which failed unless they arrived too; and the
    ``reasons`` given. Of a mail that bounced, ops are told: begun at ``escalating_at``, done at ``escalated_at``.
    """

    status: str = "queued"
    to: tuple[str, ...] = ()
    tried_at: datetime | None = None
    sent_at: datetime | None = None
    message_id: str = ""
    arrived: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    escalating_at: datetime | None = None
    escalated_at: datetime | None = None


class NoticeRows(Protocol):
    """Notices and the state of their mails."""

    def notices(self, tenant: str) -> list[tuple[Notice, MailState]]:
        """Every notice of a tenant, oldest first."""
        ...

    def notice(self, tenant: str, identity: str) -> tuple[Notice, MailState]:
        """One notice. Raises NotFound."""
        ...

    def set_mail(self, tenant: str, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Replace the state of a notice's mail. Raises Conflict when it is not ``expected`` any more."""
        ...


class HoldRows(Protocol):
    """Holds, as they stand."""

    def open(self, hold: Hold) -> None:
        """Open a hold by itself. Raises Conflict when there is one of its identity, open or lifted."""
        ...

    def holds(self, tenant: str) -> list[Hold]:
        """Every hold of a tenant, open and lifted, oldest first; read consistently."""
        ...

    def lift(self, hold: Hold, *, at: datetime) -> None:
        """Lift one hold; lifting it again changes nothing."""
        ...


class InvoiceRows(Protocol):
    """Invoices with their revisions. An invoice is written with the notices and holds that follow from it."""

    def invoices(self, tenant: str) -> list[Invoice]:
        """Every invoice of a tenant by period, read consistently."""
        ...

    def invoice(self, tenant: str, period: date) -> Invoice:
        """One invoice. Raises NotFound."""
        ...

    def revision(self, tenant: str, period: date, revision: int) -> Statement | None:
        """The content of a revision; None when it never existed."""
        ...

    def save(
        self,
        invoice: Invoice,
        *,
        by: str,
        at: datetime,
        what: str = "",
        note: str = "",
        notices: Sequence[Notice] = (),
        opened: Sequence[Hold] = (),
        lifted: Sequence[Hold] = (),
        resting_on: Sequence[Invoice] = (),
    ) -> Invoice:
        """Write an invoice read at its ``version`` (0: new) with all that follows and an audit entry, all or nothing.
        Returns it at its new version. ``what`` and ``note`` go into the audit entry. Raises Conflict when it has moved
        since it was read, or one of those that the decision is ``resting_on``."""
        ...

    def month(self, month: date) -> list[Summary]:
        """The invoices of every tenant whose period begins in the month of a day, by tenant; read consistently."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What somebody did. ``action``: ``invoice``, ``contract`` or ``hold``; ``subject`` names the one concerned (a
    period, a version's first day, a hold's identity). ``status``, ``revision`` and ``version`` are an invoice's after
    it; ``what`` says more where they do not say enough."""

    tenant: str
    at: datetime
    by: str
    action: str
    subject: str
    what: str = ""
    note: str = ""
    status: str = ""
    revision: int = 0
    version: int = 0


class AuditRows(Protocol):
    """Who did what. Entries are never changed; most are written by other ports together with what was done."""

    def add(self, entry: AuditEntry) -> None:
        """Write an entry by itself, before something is done outside; the same again is the same row."""
        ...

    def entries(self, tenant: str, *, since: datetime | None = None) -> list[AuditEntry]:
        """The entries of a tenant, oldest first."""
        ...


class PreferenceRows(Protocol):
    """What customers chose for themselves."""

    def of(self, tenant: str) -> Preferences:
        """A tenant's choices, read consistently; at version 0 when there are none."""
        ...

    def save(self, tenant: str, preferences: Preferences, *, by: str, at: datetime) -> None:
        """Write choices over those of their ``version``, with an audit entry, all or nothing. Raises Conflict."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a schedule. ``counts``: how much of each was done; ``report``: the first few hundred of each."""

    schedule: str
    at: datetime
    counts: Mapping[str, int]
    report: Mapping[str, tuple[str, ...]]


class RunRows(Protocol):
    """What the schedules did."""

    def save(self, run: Run) -> None:
        """Keep a run; the same schedule at the same time again replaces it."""
        ...

    def last(self, schedule: str, count: int = 1) -> list[Run]:
        """The latest runs of a schedule, newest first."""
        ...


class DraftsNoticeRows(Protocol):
    """What finance was told of the drafts that wait, and the state of those mails."""

    def last(self) -> DraftsNotice | None:
        """The latest notice."""
        ...

    def add(self, notice: DraftsNotice) -> None:
        """Write a notice whose mail is queued. Raises Conflict when there is one of its number."""
        ...

    def notice(self, identity: str) -> tuple[DraftsNotice, MailState]:
        """One notice. Raises NotFound."""
        ...

    def set_mail(self, identity: str, *, expected: MailState, mail: MailState) -> None:
        """Replace the state of a notice's mail. Raises Conflict when it is not ``expected`` any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How much is in a queue, about: SQS counts no closer. ``dead_letters``: whether it holds another's."""

    name: str
    waiting: int
    in_flight: int
    delayed: int
    dead_letters: bool


class Queues(Protocol):
    """The stack's queues."""

    def depths(self) -> list[QueueDepth]:
        """Every queue, by name."""
        ...

    def redrive(self, name: str, *, most: int) -> int | None:
        """Send the dead letters of a queue back to where they came from, at most so many. Returns how many were moved;
        None where they are moved by themselves from now on. Raises NotFound for no such queue of dead letters."""
        ...


class Recounting(Protocol):
    """Counting what is in quarantine again, which only metering may do."""

    def begin(self, reason: str) -> None:
        """Have what waits for a reason counted again, soon; what cannot be stays. Raises RetryLater, Refused."""
        ...


class Inbox(Protocol):
    """Ids of outside events that have been dealt with."""

    def seen(self, event: str) -> bool: ...
    def remember(self, event: str, *, at: datetime) -> None: ...


class EventKey(NamedTuple):
    """Identity of an event of the platform, for ever."""

    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an event's identity stands for: a digest of its content, first seen ``at``. It does not say that the event
    was queued."""

    key: EventKey
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """A provider's roll-up or statement line as it was sent, kept to compare the ledger with; ``event`` is its JSON."""

    key: EventKey
    provider: str
    account: str
    start: datetime
    event: str


class EventRows(Protocol):
    """Identities of the platform's events, kept for ever, and what providers billed."""

    def claims(self, keys: Collection[EventKey]) -> dict[EventKey, Claim]:
        """The claims of these events that exist, read consistently."""
        ...

    def claim(self, claims: Sequence[tuple[Claim, KeptEvent | None]]) -> None:
        """Write claims of new events, each together with what is kept of its event. Raises Conflict when somebody has
        claimed one of them since; of more than one transaction holds, some may have been written then."""
        ...

    def kept(self, provider: str, first: date, end: date) -> list[KeptEvent]:
        """What a provider billed for times that start in [first, end), UTC, by day."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """What is told on the bus. ``id`` is the same whenever the same change is told again."""

    id: str
    type: str
    tenant: str
    at: datetime
    data: Mapping[str, object]


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[DomainEvent]) -> list[str]:
        """Publish; returns the ids of those that were not accepted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A rendered mail. ``reference`` is the tenant and notice it belongs to, echoed in what comes back."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    reference: Mapping[str, str]


class Mailer(Protocol):
    """The way mails leave."""

    def send(self, mail: Mail) -> str:
        """Hand a mail over; returns the mail service's message id. Raises Refused for one that can never be sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeInvoice:
    """What Stripe says of an invoice, amounts in the invoice's currency (lower-case ``currency`` as Stripe has it).

    ``settled_at``: when it was paid or voided; None while it is neither, or when Stripe does not say.
    """

    id: str
    status: str
    currency: str
    total: Decimal
    remaining: Decimal
    number: str
    hosted_url: str
    due_at: datetime | None
    metadata: Mapping[str, str]
    settled_at: datetime | None = None


class Stripe(Protocol):
    """Stripe, as far as Tollgate uses it. ``key`` is the idempotency key of a step.

    Raises RetryLater (with ``stored`` set when Stripe keeps answering it under the same key) or Refused.
    """

    def find_customer(self, tenant: str, email: str) -> str: ...
    def create_customer(self, *, tenant: str, name: str, email: str, key: str) -> str: ...
    def set_standing(self, customer: str, *, metadata: Mapping[str, str], key: str) -> None: ...
    def find_invoice(self, customer: str, *, metadata: Mapping[str, str], since: datetime) -> StripeInvoice | None: ...

    def create_invoice(
        self, customer: str, *, currency: str, due_at: datetime, memo: str, metadata: Mapping[str, str], key: str
    ) -> StripeInvoice: ...

    def lines(self, invoice: str) -> list[tuple[str, Decimal]]:
        """Every line of an invoice: the key it was added under, and its amount."""
        ...

    def add_lines(self, invoice: str, lines: Sequence[Line], *, currency: str, period: tuple[datetime, datetime],
                  key: str) -> None: ...  # fmt: skip
    def set_due(self, invoice: str, *, due_at: datetime, key: str) -> None: ...
    def finalize(self, invoice: str, *, key: str) -> StripeInvoice: ...
    def send(self, invoice: str, *, key: str) -> StripeInvoice: ...
    def invoice(self, invoice: str) -> StripeInvoice: ...
    def void(self, invoice: str, *, key: str) -> StripeInvoice: ...

    def find_credit_note(self, invoice: str, *, metadata: Mapping[str, str]) -> str:
        """The number of the credit note of an invoice that carries all of ``metadata``; empty when there is none."""
        ...

    def credit_note(
        self,
        invoice: str,
        *,
        amount: Decimal,
        to_balance: Decimal,
        currency: str,
        memo: str,
        metadata: Mapping[str, str],
        key: str,
    ) -> str:
        """Give a credit note, of which ``to_balance`` is the part that was paid already; returns its number."""
        ...


type Clock = Callable[[], datetime]
type Count = Callable[[str, int], None]
"""Counts a named metric."""
type Hasher = Callable[[str], str]
"""A keyed hash of a recipient's number or user id."""
