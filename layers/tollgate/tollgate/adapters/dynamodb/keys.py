"""Every key of both tables.

ledger    pk tenant                      sk <provider>#<message>[#<participant>]
  by-month    month_pk <tenant>#<YYYY-MM>    month_sk <DD>#<provider>#<message>[#<participant>]
  by-waiting  waiting_pk <provider>#<shard>  waiting_sk <time due>: records whose price has to be asked for

accounts  pk TENANT#<tenant>             sk PROFILE · PREFERENCES · CONTRACT#<from> · TERM#<start> · DAY#<date>
                                            · NOTICE#<identity> · HOLD#<identity> · INVOICE#<first day>
                                            · REVISION#<first day>#<nnnn> · AUDIT#<time>#<id>
          pk MONTH#<YYYY-MM>             sk OF#<tenant>#<first day>
          pk RUNS#<schedule>             sk <time>
          pk RECONCILED                  sk <tenant>
          pk REVIEW                      sk DRAFTS#<number>
          pk EXPORTS#<tenant>            sk EXPORT#<number>
          pk TENANTS                     sk <tenant>
          pk SENDER#<provider>#<account> sk ASSIGNMENTS
          pk RATES#<card>                sk INDEX · CARD#<date>#<nnnn> · MARKETS#<date>#<nnnn>
          pk FX                          sk INDEX
          pk FX#<year>                   sk <date>[#<seller>]
          pk TIERS#<account>             sk <month>#<market>#<category>#<count>
          pk QUARANTINE                  sk <day>
          pk QUARANTINE#<day>            sk <row id>
          pk SEEN#<event id>             sk SEEN
          pk EVENT#<source>#<id>         sk CLAIM
          pk BILLED#<provider>           sk <day>#<account>#<source>#<id>

Always true: what comes from outside is escaped where it is followed by another part, so that two different things
never share a key.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final, NamedTuple
from zlib import crc32

from tollgate.domain.facts import MessageKey
from tollgate.domain.rates import ECB, TierReached

BY_MONTH: Final = "by-month"
BY_WAITING: Final = "by-waiting"
# One partition takes a thousand writes a second, which a busy provider's messages may exceed together.
WAITING_SHARDS: Final = 8

CONTRACT: Final = "CONTRACT#"
TERM: Final = "TERM#"
DAY: Final = "DAY#"
NOTICE: Final = "NOTICE#"
HOLD: Final = "HOLD#"
INVOICE: Final = "INVOICE#"
AUDIT: Final = "AUDIT#"
DRAFTS: Final = "DRAFTS#"
EXPORT: Final = "EXPORT#"


class Key(NamedTuple):
    """A partition and a sort key."""

    pk: str
    sk: str


def escaped(part: str) -> str:
    """A part of a key without the separator."""
    return part.replace("%", "%25").replace("#", "%23")


def unescaped(part: str) -> str:
    """The part that ``escaped`` was given."""
    return part.replace("%23", "#").replace("%25", "%")


def message_sk(key: MessageKey) -> str:
    """``meta#wamid.X``, or ``meta#wamid.X#<participant>`` in a group."""
    parts = (key.provider, key.message, key.participant) if key.participant else (key.provider, key.message)
    return "#".join(escaped(part) for part in parts)


def message_of(sk: str) -> MessageKey:
    """The message that a ledger sort key names."""
    return MessageKey(*(unescaped(part) for part in sk.split("#")))


def record(tenant: str, key: MessageKey) -> Key:
    return Key(tenant, message_sk(key))


def month_pk(tenant: str, day: date) -> str:
    return f"{tenant}#{day:%Y-%m}"


def month_sk(day: date, key: MessageKey) -> str:
    return f"{day:%d}#{message_sk(key)}"


def month_days(first: date, last: date) -> tuple[str, str]:
    """The bounds of ``month_sk`` for the days first to last, both included ("$" is the character after "#")."""
    return f"{first:%d}#", f"{last:%d}$"


def waiting_pk(key: MessageKey) -> str:
    """Where a message waits for its price: the same partition whenever it is written."""
    return f"{escaped(key.provider)}#{crc32(key.message.encode()) % WAITING_SHARDS}"


def waiting_pks(provider: str) -> list[str]:
    """Every partition in which a provider's messages wait."""
    return [f"{escaped(provider)}#{shard}" for shard in range(WAITING_SHARDS)]


def just_after(sk: str) -> str:
    """The first sort key that comes after one."""
    return sk + "\0"


def tenant_pk(tenant: str) -> str:
    return f"TENANT#{tenant}"


def profile(tenant: str) -> Key:
    return Key(tenant_pk(tenant), "PROFILE")


def preferences(tenant: str) -> Key:
    return Key(tenant_pk(tenant), "PREFERENCES")


def tenants() -> str:
    return "TENANTS"


def listed_tenant(tenant: str) -> Key:
    return Key(tenants(), tenant)


def contract(tenant: str, effective: date) -> Key:
    return Key(tenant_pk(tenant), f"{CONTRACT}{effective}")


def term(tenant: str, start: date) -> Key:
    return Key(tenant_pk(tenant), f"{TERM}{start}")


def day(tenant: str, on: date) -> Key:
    return Key(tenant_pk(tenant), f"{DAY}{on}")


def date_of(sk: str) -> date:
    """The date in the sort key of a contract, term, day or invoice."""
    return date.fromisoformat(sk.split("#", 1)[1])


def notice(tenant: str, identity: str) -> Key:
    return Key(tenant_pk(tenant), f"{NOTICE}{identity}")


def hold(tenant: str, identity: str) -> Key:
    return Key(tenant_pk(tenant), f"{HOLD}{identity}")


def invoice(tenant: str, period: date) -> Key:
    return Key(tenant_pk(tenant), f"{INVOICE}{period}")


def revision(tenant: str, period: date, number: int) -> Key:
    return Key(tenant_pk(tenant), f"REVISION#{period}#{number:04d}")


def audit(tenant: str, at: datetime, entry: str) -> Key:
    """An audit entry; ``entry`` tells those of one moment apart, and is the same when the same is written again."""
    return Key(tenant_pk(tenant), f"{AUDIT}{instant(at)}#{entry}")


def audits(since: datetime) -> tuple[str, str]:
    """The bounds of audit entries from an instant on ("$" is the character after "#")."""
    return f"{AUDIT}{instant(since)}", "AUDIT$"


def audited_at(sk: str) -> datetime:
    """The time in the sort key of an audit entry."""
    return datetime.fromisoformat(sk.split("#", 2)[1])


def instant(at: datetime) -> str:
    """A time that sorts as text."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def summaries(month: date) -> str:
    return f"MONTH#{month:%Y-%m}"


def summary(tenant: str, period: date) -> Key:
    """The summary of an invoice. Its sort key begins like no other row's: the stream tells rows apart by that."""
    return Key(summaries(period), f"OF#{tenant}#{period}")


def runs(schedule: str) -> str:
    return f"RUNS#{schedule}"


def run(schedule: str, at: datetime) -> Key:
    return Key(runs(schedule), instant(at))


def reconciled_tenants() -> str:
    return "RECONCILED"


def reconciled(tenant: str) -> Key:
    return Key(reconciled_tenants(), tenant)


def review() -> str:
    return "REVIEW"


def drafts(identity: str) -> Key:
    return Key(review(), f"{DRAFTS}{identity}")


def exports(tenant: str) -> str:
    """A partition of their own, for who makes files has no business with the rest of a tenant's rows."""
    return f"EXPORTS#{tenant}"


def export(tenant: str, number: int) -> Key:
    return Key(exports(tenant), f"{EXPORT}{number:08d}")


def sender(provider: str, account: str) -> Key:
    return Key(f"SENDER#{escaped(provider)}#{escaped(account)}", "ASSIGNMENTS")


def rates_index(card: str) -> Key:
    return Key(f"RATES#{card}", "INDEX")


def card(name: str, effective_from: date, version: int) -> Key:
    return Key(f"RATES#{name}", f"CARD#{effective_from}#{version:04d}")


def market_map(name: str, effective_from: date, version: int) -> Key:
    return Key(f"RATES#{name}", f"MARKETS#{effective_from}#{version:04d}")


def fx_index() -> Key:
    return Key("FX", "INDEX")


def fx_year(year: int) -> str:
    return f"FX#{year}"


def fx_day(on: date, source: str) -> Key:
    """The ECB's rates have the day to themselves; a seller's stand beside them under its name."""
    return Key(fx_year(on.year), str(on) if source == ECB else f"{on}#{escaped(source)}")


def tiers(account: str) -> str:
    return f"TIERS#{account}"


def tier(reached: TierReached) -> Key:
    parts = (f"{reached.month:%Y-%m}", escaped(reached.market), escaped(reached.category), f"{reached.count:012d}")
    return Key(tiers(reached.account), "#".join(parts))


def quarantine_days() -> str:
    return "QUARANTINE"


def quarantine_day(on: str) -> Key:
    return Key(quarantine_days(), on)


def quarantine_pk(on: str) -> str:
    return f"QUARANTINE#{on}"


def quarantined(on: str, row_id: str) -> Key:
    return Key(quarantine_pk(on), row_id)


def seen(event: str) -> Key:
    return Key(f"SEEN#{event}", "SEEN")


def event_claim(source: str, event_id: str) -> Key:
    return Key(f"EVENT#{escaped(source)}#{escaped(event_id)}", "CLAIM")


def billed_pk(provider: str) -> str:
    return f"BILLED#{escaped(provider)}"


def billed(provider: str, day: date, account: str, event: tuple[str, str]) -> Key:
    return Key(billed_pk(provider), "#".join([str(day), *map(escaped, (account, *event))]))
