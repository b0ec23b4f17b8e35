"""What commands print: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click


def show(value: Any, *, as_json: bool, columns: Sequence[str] = ()) -> None:
    """Print a value: as JSON, or rows as a table of some columns, or anything else as indented JSON."""
    if as_json or not columns:
        click.echo(json.dumps(value, indent=None if as_json else 2, ensure_ascii=False))
    else:
        click.echo(table(value, columns))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned text; a column may be a path (``mail.status``)."""
    if not rows:
        return "nothing"
    cells = [list(columns), *([_cell(row, column) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join(lines)


def _cell(row: Mapping[str, Any], path: str) -> str:
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)
