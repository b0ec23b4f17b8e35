"""Who is in the showroom and what they send: small numbers, so that every line of a contract is crossed within months.

Pure, drawn from a seed. Months are counted from the current one: 0 is this month so far, -3 the first of the contracts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from local.demo.story import AMERICA, BRITAIN, GERMANY, INDIA, Message
from tollgate.domain.calendar import add_months

SEED: Final = 7
MONTHS: Final = (-3, -2, -1, 0)
CARD: Final = "meta-usd"

STATUSES: Final = (("sent", "delivered"), ("sent", "delivered", "read"), ("sent", "read"))
WEIGHTS: Final = (60, 35, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A tenant of the showroom. ``whatsapp`` and ``sms``: messages a month, of the months in ``MONTHS``.

    ``unnamed``: WhatsApp messages a month over a second account that the contract forgot to name.
    """

    tenant: str
    name: str
    account: str
    timezone: str = "America/Chicago"
    locale: str = "en_US"
    whatsapp: tuple[int, ...] = (0, 0, 0, 0)
    sms: tuple[int, ...] = (0, 0, 0, 0)
    unnamed: tuple[int, ...] = (0, 0, 0, 0)
    to: Mapping[str, int] = field(default_factory=lambda: {AMERICA: 1})
    categories: Mapping[str, int] = field(default_factory=lambda: {"marketing": 3, "utility": 1})
    included: str = "1000.00"
    warn_at: tuple[int, ...] = (75,)
    texts_included: int = 50_000
    payment: Mapping[str, int] = field(default_factory=dict)

    @property
    def second_account(self) -> str:
        """The account that no contract names."""
        return f"{self.account}9"

    @property
    def usage_contact(self) -> str:
        """Who gets the mails about its usage."""
        return f"ops@{self.tenant}.example"

    def contract(self, start: date) -> dict[str, Any]:
        """The contract, as one would write it into a file."""
        return {
            "tenant": self.tenant,
            "name": self.name,
            "timezone": self.timezone,
            "locale": self.locale,
            "term": {"start": start.isoformat()},
            **({"payment": dict(self.payment)} if self.payment else {}),
            "contacts": {"usage": [self.usage_contact], "billing": [f"ap@{self.tenant}.example"]},
            "senders": [
                {"provider": "meta", "account": self.account, "card": CARD},
                {"provider": "aws-sms", "account": self.tenant},
            ],
            "allowances": {
                "whatsapp": {
                    "measure": "fees",
                    "included": self.included,
                    "warn_at": [*self.warn_at],
                    "beyond": "bill",
                },
                "sms": {"measure": "messages", "included": self.texts_included, "warn_at": [75], "beyond": "suspend"},
            },
        }


# Warned at more than half in its first month, when it asks for further warnings; passes what is included in its second
# month; its third month waits for review, and the provider's statement says the same of it.
TRAVEL: Final = Guest(
    tenant="juniper-travel",
    name="Juniper Travel, Inc.",
    account="30300000000001",
    whatsapp=(150, 210, 240, 90),
    sms=(20, 25, 30, 10),
    to={GERMANY: 6, BRITAIN: 3, INDIA: 1},
    categories={"marketing": 6, "utility": 3, "authentication": 1},
    included="20.00",
    warn_at=(50, 75),
)
# Warned and then stopped at its limit of SMS.
ALERTS: Final = Guest(
    tenant="kestrel-alerts",
    name="Kestrel Alerts Ltd",
    account="30300000000002",
    timezone="Europe/London",
    locale="en_GB",
    sms=(120, 130, 160, 0),
    to={BRITAIN: 4, AMERICA: 1},
    texts_included=400,
)
# Does not pay its invoices: past due, then suspended, on shorter terms than usual.
CLINICS: Final = Guest(
    tenant="linden-clinics",
    name="Linden Clinics Ltd",
    account="30300000000003",
    timezone="Europe/London",
    locale="en_GB",
    whatsapp=(180, 170, 160, 40),
    to={BRITAIN: 1},
    categories={"marketing": 3, "utility": 3, "authentication": 2},
    included="2.50",
    payment={"days_until_due": 1, "suspend_after_days": 1},
)
# Warned, and never beyond its limit: 60 messages to Germany cost 3.30. In another language and time zone.
BAKERY: Final = Guest(
    tenant="morgen-baeckerei",
    name="Morgen Bäckerei GmbH",
    account="30300000000004",
    timezone="Europe/Berlin",
    locale="de_DE",
    whatsapp=(18, 22, 20, 9),
    to={GERMANY: 1},
    categories={"utility": 3, "service": 1},
    included="4.00",
)
# Its second account is missing in its contract: those messages wait in quarantine. Of its first one some receipts were
# lost: the provider bills more than was counted.
HOTELS: Final = Guest(
    tenant="osprey-hotels",
    name="Osprey Hotels & Resorts",
    account="30300000000005",
    whatsapp=(60, 65, 60, 15),
    unnamed=(0, 0, 12, 4),
    to={BRITAIN: 2, GERMANY: 1},
    included="3.00",
)
# Steady: nothing speaks against its draft.
FASHION: Final = Guest(
    tenant="saffron-fashion",
    name="Saffron Fashion LLC",
    account="30300000000006",
    timezone="America/Los_Angeles",
    whatsapp=(100, 100, 100, 30),
    to={GERMANY: 4, INDIA: 1},
    categories={"marketing": 4, "utility": 1},
    included="2.50",
)
OWN_SHARES: Final = (40, 90)
"""The shares of WhatsApp at which ``TRAVEL`` asks to be warned too, after its first month: usage is beyond one of them
by then, and crosses the other in the second month.
"""
LOST: Final = 3
"""Messages of ``HOTELS`` that the provider bills and no receipt told of, last month."""
GUESTS: Final = (TRAVEL, ALERTS, CLINICS, BAKERY, HOTELS, FASHION)


def first_day(number: int, today: date) -> date:
    """The first day of a month, counted from the one that ``today`` is in."""
    return add_months(today.replace(day=1), number)


def messages(number: int, now: datetime) -> tuple[list[Message], list[Message]]:
    """The WhatsApp messages and the SMS of a month, each in order of time; none is later than ``now``."""
    begin, seconds = _window(number, now)
    if not seconds:
        return [], []
    whatsapp = [one for guest in GUESTS for one in _whatsapp(guest, number, begin, seconds)]
    texts = [one for guest in GUESTS for one in _texts(guest, number, begin, seconds)]
    return sorted(whatsapp, key=_time), sorted(texts, key=_time)


def _time(message: Message) -> tuple[datetime, str]:
    return message.at, message.id


def _whatsapp(guest: Guest, number: int, begin: datetime, seconds: int) -> Iterator[Message]:
    for account, monthly in ((guest.account, guest.whatsapp), (guest.second_account, guest.unnamed)):
        draw = random.Random(f"{SEED}/{account}/{number}")
        for n in range(monthly[MONTHS.index(number)]):
            at = begin + timedelta(seconds=draw.randrange(seconds))
            to = _pick(draw, guest.to) + f"{draw.randrange(10**7):07d}"
            yield Message(
                tenant=guest.tenant,
                account=account,
                id=f"wamid.{account}.{number + 3}.{n:04d}",
                at=at,
                to=to,
                category=_pick(draw, guest.categories),
                shown=draw.choices(STATUSES, WEIGHTS)[0],
            )


def _texts(guest: Guest, number: int, begin: datetime, seconds: int) -> Iterator[Message]:
    draw = random.Random(f"{SEED}/{guest.tenant}/{number}")
    for n in range(guest.sms[MONTHS.index(number)]):
        at = begin + timedelta(seconds=draw.randrange(seconds))
        to = _pick(draw, guest.to)
        yield Message(
            tenant=guest.tenant,
            account=guest.tenant,
            id=f"sms-{guest.tenant}-{number + 3}-{n:04d}",
            at=at,
            to=(to if to in (AMERICA, BRITAIN, GERMANY) else BRITAIN) + f"{draw.randrange(10**7):07d}",
            category="",
            shown=("TEXT_DELIVERED",),
            parts=1 if draw.random() < 0.9 else 2,
        )


def _window(number: int, now: datetime) -> tuple[datetime, int]:
    """From when a month's messages are sent and for how many seconds: from noon of its first day to noon of its last,
    so that they are of that month in every time zone; and to an hour ago. None fit into a month that just began.
    """
    first, end = first_day(number, now.date()), first_day(number + 1, now.date())
    begin = datetime(first.year, first.month, first.day, 12, tzinfo=UTC)
    until = min(datetime(end.year, end.month, end.day, 12, tzinfo=UTC) - timedelta(days=1), now - timedelta(hours=1))
    return begin, max(0, int((until - begin).total_seconds()))


def _pick(draw: random.Random, weights: Mapping[str, int]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]
