"""Usage that arrives added up: a provider's daily roll-ups and the lines of its statements.

They repeat what receipts say one by one, so they count only for a tenant whose contract names the account as counted
that way, ``{provider: platform, account: "rollup:twilio:AC123"}``. Always true of a valid contract: an account is
counted one way, by its receipts, its roll-ups or its statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PLATFORM: Final = "platform"
ROLLUP: Final = "rollup"
STATEMENT: Final = "statement"
WAYS: Final = (ROLLUP, STATEMENT)


def sender_account(way: str, provider: str, account: str) -> str:
    """The account under which a contract names another provider's account that is counted by roll-up or statement."""
    return f"{way}:{provider}:{account}"


def is_added_up(account: str) -> bool:
    """Whether an account of the platform stands for another provider's, counted by roll-up or statement."""
    return account.partition(":")[0] in WAYS and ":" in account


def counted(provider: str, account: str) -> tuple[str, str]:
    """The provider and account whose usage a sender counts. Raises ValueError for a way without either."""
    if provider != PLATFORM or not is_added_up(account):
        return provider, account
    way, _, rest = account.partition(":")
    name, _, own = rest.partition(":")
    if not name or not own:
        raise ValueError(f"expected {way}:<provider>:<account>")
    return name, own


def other_ways(provider: str, account: str) -> set[tuple[str, str]]:
    """The senders that would count the same usage as one does, in another way. Raises ValueError as above."""
    name, own = counted(provider, account)
    ways = {(name, own), *((PLATFORM, sender_account(way, name, own)) for way in WAYS)}
    return ways - {(provider, account)}


def twice_counted(senders: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The accounts that some senders (provider, account) count in more than one way. Raises ValueError as above."""
    ways: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for provider, account in senders:
        ways.setdefault(counted(provider, account), set()).add((provider, account))
    return sorted(counted_ for counted_, named in ways.items() if len(named) > 1)
