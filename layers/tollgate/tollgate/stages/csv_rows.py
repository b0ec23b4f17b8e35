"""CSV as finance opens it: one rule for what a cell may hold.

Always true: no cell is a formula. A spreadsheet would work it out when the file is opened, and texts come from outside:
one that begins like a formula gets a quote mark in front. Numbers are ours and stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_line(cells: Iterable[object]) -> str:
    """A line with its end, quoted where needed."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(_cell(cell) for cell in cells)
    return line.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    if isinstance(value, str) and text.lstrip(" ").startswith(_FORMULA):
        return f"'{text}"
    return text
