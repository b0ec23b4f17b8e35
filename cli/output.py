"""What commands print: for people a table or a page of at most ``WIDTH`` columns, for programs JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import click

WIDTH: Final = 100
LEAST: Final = 8  # what the last column keeps, however wide the others are

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?%?")
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(\.\d+)?Z")


def show(value: Any, *, as_json: bool, columns: Sequence[str] = (), page: Callable[[Any], str] | None = None) -> None:
    """Print a value: as JSON; or for people as a page, or as a table of its rows."""
    if as_json or (page is None and not columns):
        click.echo(json.dumps(value, indent=None if as_json else 2, ensure_ascii=False))
    else:
        click.echo(page(value) if page else table(value, columns))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned text, numbers to the right; the last column is cut to the width that is left.

    A column is a path (``mail.status``), named by its last part.
    """
    if not rows:
        return "nothing"
    heads = [column.rpartition(".")[2].replace("_", " ") for column in columns]
    cells = [[_cell(row, column) for column in columns] for row in rows]
    widths = [max(len(head), *(len(line[i]) for line in cells)) for i, head in enumerate(heads)]
    left = WIDTH - sum(width + 2 for width in widths[:-1])
    widths[-1] = min(widths[-1], max(left, LEAST))
    right = [all(line[i] == "-" or _NUMBER.fullmatch(line[i]) for line in cells) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            _fitted(text, width, to_the_right=side) for text, width, side in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [heads, *cells]
    )


def _fitted(text: str, width: int, *, to_the_right: bool) -> str:
    text = text if len(text) <= width else f"{text[: width - 1]}…"
    return text.rjust(width) if to_the_right else text.ljust(width)


def _cell(row: Mapping[str, Any], path: str) -> str:
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if value is None or value == "":
        return "-"
    moment = _MOMENT.fullmatch(str(value))
    return f"{moment[1]} {moment[2]}" if moment else " ".join(str(value).split())
