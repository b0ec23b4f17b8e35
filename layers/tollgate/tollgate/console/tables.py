"""Tables: rows sorted, filtered and cut into pages by the query string, so a view can be linked and needs no script.

The query: ``sort=total`` or ``sort=-total`` (descending), ``q=text``, ``page=2``; other fields are kept as they are.
Always true: the same query on the same rows gives the same view; an unknown column or page falls back to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from tollgate.console.request import Fields

PAGE_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Column[Row]:
    """A column that can be sorted by ``value``; its cells are the template's. ``numeric``: set to the right."""

    key: str
    label: str
    value: Callable[[Row], Any]
    numeric: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column's heading: ``href`` sorts by it; ``sorted`` is aria-sort's word."""

    key: str
    label: str
    href: str
    sorted: str
    numeric: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table[Row]:
    """A view of rows. ``total`` counts what the filter let through, ``of`` everything."""

    rows: Sequence[Row]
    headings: Sequence[Heading]
    text: str
    kept: Sequence[tuple[str, str]]
    path: str
    page: int
    pages: int
    total: int
    of: int
    previous: str
    next: str


def table[Row](
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    *,
    query: Fields,
    path: str,
    text: Callable[[Row], str],
    first: str,
    page_rows: int = PAGE_ROWS,
) -> Table[Row]:
    """The view that a query asks for. ``text``: what the filter looks in; ``first``: how it is sorted unasked."""
    by = {column.key: column for column in columns}
    sort = query.one("sort", first)
    if sort.removeprefix("-") not in by:
        sort = first
    words = query.one("q").casefold().split()
    found = [row for row in rows if all(word in text(row).casefold() for word in words)]
    ordered = sorted(found, key=by[sort.removeprefix("-")].value, reverse=sort.startswith("-"))
    pages = max(1, -(-len(ordered) // page_rows))
    page = min(max(1, int(query.one("page"))), pages) if query.one("page").isdecimal() else 1
    kept = [
        (name, one) for name in query.values if name not in {"sort", "page", "q", "confirm"} for one in query.all(name)
    ]

    def href(**changed: str) -> str:
        given = {"q": query.one("q"), "sort": sort, **changed}
        return f"{path}?{urlencode([*kept, *((name, one) for name, one in given.items() if one)])}"

    return Table(
        rows=ordered[(page - 1) * page_rows : page * page_rows],
        headings=[_heading(column, sort, href) for column in columns],
        text=query.one("q"),
        kept=[*kept, ("sort", sort)],
        path=path,
        page=page,
        pages=pages,
        total=len(ordered),
        of=len(rows),
        previous=href(page=str(page - 1)) if page > 1 else "",
        next=href(page=str(page + 1)) if page < pages else "",
    )


def _heading[Row](column: Column[Row], sort: str, href: Callable[..., str]) -> Heading:
    ascending, descending = sort == column.key, sort == f"-{column.key}"
    return Heading(
        key=column.key,
        label=column.label,
        href=href(sort=f"-{column.key}" if ascending else column.key),
        sorted="ascending" if ascending else "descending" if descending else "none",
        numeric=column.numeric,
    )
