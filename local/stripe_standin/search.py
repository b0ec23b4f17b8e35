"""Search: clauses over records as they were some time ago, because Stripe's index lags behind its writes.

`field:"value"`, `field~"part"`, `field>1`, `metadata["key"]:"value"`, `-` in front negates, `field:null`; joined by
AND or by OR, never by both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import render
from .account import Account, Call
from .errors import StripeError
from .listing import DEFAULT_LIMIT
from .store import Record

CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?(?P<field>[a-z_]+)(?:\[(?P<kq>["'])(?P<key>.*?)(?P=kq)\])?
        (?P<operator>:|~|>=|<=|>|<)(?:(?P<q>["'])(?P<text>(?:\\.|(?!(?P=q)).)*)(?P=q)|(?P<bare>-?\d+|null))\s*""",
    re.VERBOSE,
)
JOIN = re.compile(r"(AND|OR)\b|(?=[-a-z])", re.IGNORECASE)
FIELDS = {
    "customer": {"created", "email", "metadata", "name", "phone"},
    "invoice": {"created", "currency", "customer", "metadata", "number", "receipt_number", "status", "total"},
}


@dataclass(frozen=True)
class Clause:
    """One comparison; `value` None asks whether the field is absent."""

    field: str
    key: str | None
    operator: str
    value: str | None
    negated: bool

    def holds(self, shown: Record) -> bool:
        actual = shown.get(self.field)
        if self.key is not None:
            actual = (actual or {}).get(self.key)
        return self._compare(actual) != self.negated

    def _compare(self, actual: Any) -> bool:
        if self.value is None or actual is None:
            return self.value is None and actual is None
        match self.operator:
            case ":":
                return str(actual).lower() == self.value.lower()
            case "~":
                return self.value.lower() in str(actual).lower()
        return _ordered(self.operator, int(actual), int(self.value))


def _ordered(operator: str, actual: int, bound: int) -> bool:
    return {">": actual > bound, ">=": actual >= bound, "<": actual < bound, "<=": actual <= bound}[operator]


def parse(query: str, kind: str) -> Callable[[Record], bool]:
    """The query as a test of rendered objects; raises StripeError when it cannot be read."""
    clauses: list[Clause] = []
    joins: set[str] = set()
    at = 0
    while at < len(query):
        if clauses:
            join = JOIN.match(query, at)
            if not join:
                raise _unreadable(query)
            joins.add((join.group(1) or "AND").upper())
            at = join.end()
        match = CLAUSE.match(query, at)
        if not match or match["field"] not in FIELDS[kind]:
            raise _unreadable(query)
        clauses.append(_clause(match))
        at = match.end()
    if not clauses or len(joins) > 1:
        raise _unreadable(query)
    every = any if joins == {"OR"} else all
    return lambda shown: every(clause.holds(shown) for clause in clauses)


def _clause(match: re.Match[str]) -> Clause:
    value = match["bare"] if match["q"] is None else re.sub(r"\\(.)", r"\1", match["text"])
    return Clause(
        field=match["field"],
        key=match["key"],
        operator=match["operator"],
        value=None if match["bare"] == "null" else value,
        negated=match["negated"] is not None,
    )


def _unreadable(query: str) -> StripeError:
    return StripeError(f"We were unable to parse your search query: {query}", param="query")


def _search(kind: str, account: Account, call: Call) -> Record:
    given = call.given
    holds = parse(given["query"], kind)
    shown = [render.any_object(account, record) for record in account.as_searched(kind)]
    found = [one for one in shown if holds(one)]
    token = given.get("page", "p0")
    if not re.fullmatch(r"p\d+", token):
        raise StripeError(f"Invalid page: {token}", param="page")
    start, limit = int(token[1:]), given.get("limit", DEFAULT_LIMIT)
    more = len(found) > start + limit
    return {
        "object": "search_result",
        "url": f"/v1/{kind}s/search",
        "has_more": more,
        "next_page": f"p{start + limit}" if more else None,
        "data": found[start : start + limit],
    }


def of_kind(kind: str) -> Callable[[Account, Call], Record]:
    """The operation which searches a kind of record."""
    return partial(_search, kind)
