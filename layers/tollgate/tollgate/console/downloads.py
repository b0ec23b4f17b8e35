"""Downloads: rows as CSV text (RFC 4180) that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV with a head line. Numbers stay numbers; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = "" if value is None else str(value)
    is_number = isinstance(value, int)
    # A text that begins like a formula would be one in a spreadsheet; a leading quote makes it text there.
    return f"'{text}" if text.startswith(_FORMULA) and not is_number else text
