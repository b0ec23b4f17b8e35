"""What a provider's recipe is, and what goes in and out of it.

A further provider is one module with one ``Provider`` (or ``Webhook``) in it and one row in ``registry``. The recipes
are pure: secrets, keys and times are handed in, and the only errors that come out are those of ``errors``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol, Self
from urllib.parse import parse_qsl

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact
from tollgate.domain.rates import TierReached
from tollgate.providers.recipients import Hasher


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it arrived. ``query`` is the raw query string and ``body`` the raw bytes: signatures are over
    what was sent, never over what was understood. Header names are lower-case, whatever they were given as.
    ``base_url`` is the public address that senders call, up to the route: from the configuration or the gateway itself,
    never from a header.
    """

    method: str
    base_url: str = ""
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    received_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "headers", {name.lower(): value for name, value in self.headers.items()})

    @property
    def url(self) -> str:
        """What the sender called. A base path that the gateway has left in the path is not there twice."""
        base_path = self.base_url.partition("://")[2].partition("/")[2]
        path = self.path.removeprefix(f"/{base_path}") if base_path else self.path
        return self.base_url + path + (f"?{self.query}" if self.query else "")

    def parameters(self, name: str) -> list[str]:
        """Every value of a query parameter, decoded, in order."""
        pairs = parse_qsl(self.query, keep_blank_values=True, errors="replace")
        return [value for key, value in pairs if key == name]


class Arrived(Protocol):
    """What parsing reads of a receipt; ``stages.ports.receipts.Receipt`` is one."""

    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What parsing depends on beside the receipt: the keyed hash of recipients, and the account (as in a contract's
    ``senders``) of receipts that name none."""

    hasher: Hasher
    default_account: str = ""


class Ignored(NamedTuple):
    """A part of a receipt that is no status of a message: ``reason`` names its kind, for counting."""

    reason: str


class Remark(NamedTuple):
    """Something odd that was read all the same: ``reason`` names its kind, for counting."""

    reason: str


type Reading = Fact | Problem | Ignored | Remark | TierReached
"""One thing found in a receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """All that a receipt says. ``facts`` are good whatever else is there; ``unreadable`` names by path the parts that
    could not be read, so that the good ones are counted and the receipt is kept all the same."""

    facts: tuple[Fact, ...] = ()
    unreadable: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    tiers: tuple[TierReached, ...] = ()

    @classmethod
    def of(cls, readings: Iterable[Reading]) -> Self:
        """Sort readings by kind, in their order."""
        found = list(readings)
        facts = tuple([one for one in found if isinstance(one, Fact)])
        if len(facts) == len(found):
            return cls(facts=facts)
        return cls(
            facts=facts,
            unreadable=tuple(r for r in found if isinstance(r, Problem)),
            ignored=tuple(r.reason for r in found if isinstance(r, Ignored)),
            remarks=tuple(r.reason for r in found if isinstance(r, Remark)),
            tiers=tuple(r for r in found if isinstance(r, TierReached)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How to read one provider's receipts.

    ``parse`` gives what a receipt says, and raises Malformed when nothing of it can be read. ``group`` gives a key
    that keeps one busy sender from delaying the others (1 to 64 characters that a queue accepts); it never raises.
    """

    name: str
    parse: Callable[[Arrived, Setting], Parsed]
    group: Callable[[bytes], str]


_GROUP: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def group_or(default: str, account: object) -> str:
    """An account as a group, if a queue accepts it as one; else the default."""
    return account if isinstance(account, str) and _GROUP.fullmatch(account) else default


type Secrets = Mapping[str, str]
"""A provider's secrets by purpose: ``app_secret``, ``verify_token``."""


def no_handshake(_request: Request, _secrets: Secrets) -> None:
    """The handshake of a provider that has none."""


def says_nothing_more(_request: Request, _secrets: Secrets) -> Mapping[str, str]:
    """The origin of a provider whose bodies say all of it themselves."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Provider):
    """A provider that calls over HTTP.

    ``verify`` returns for a genuine request, raises Forged for any other, and then Malformed for a genuine one whose
    body cannot be a receipt. ``handshake`` gives the plain text to answer a subscription with, None when the request
    is not one, and raises Forged when it does not know our token. ``origin`` gives what parsing must know of a genuine
    request beside its body; it is kept among the receipt's headers. ``account``: whom the proof speaks for alone, also
    when the body names another; ``number``: the same, narrowed; ``channel``: what the address says the body is about.
    """

    verify: Callable[[Request, Secrets], None]
    handshake: Callable[[Request, Secrets], str | None] = no_handshake
    origin: Callable[[Request, Secrets], Mapping[str, str]] = says_nothing_more
