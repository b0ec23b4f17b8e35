"""Term and day rows as items. Pure.

TERM#<start>  {end, version, meters: {meter: [messages, segments, fees]}, crossed: ["sms#75"], rearmed: [...],
               rearmings, asked: [...], passed: [...]}; the last two are left out where they are empty
DAY#<date>    {version, cells: {meter: {category: {market: [messages, segments, fees]}}}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from tollgate.adapters.dynamodb import keys
from tollgate.adapters.dynamodb.store import Item
from tollgate.domain.calendar import Term
from tollgate.domain.usage import Cell, DayRow, TermRow, Totals


def term_item(tenant: str, row: TermRow) -> Item:
    """A term row; the lines are sorted, so that the same row is always the same item."""
    return {
        **keys.term(tenant, row.term.start)._asdict(),
        "end": str(row.term.end),
        "version": row.version,
        "meters": {meter: _numbers(totals) for meter, totals in row.meters.items()},
        "crossed": _lines(row.crossed),
        "rearmed": _lines(row.rearmed),
        "rearmings": row.rearmings,
        **{name: _lines(own) for name, own in (("asked", row.asked), ("passed", row.passed)) if own},
    }


def term_row(item: Mapping[str, Any]) -> TermRow:
    return TermRow(
        term=Term(keys.date_of(item["sk"]), date.fromisoformat(item["end"])),
        meters={meter: _totals(numbers) for meter, numbers in item["meters"].items()},
        crossed=_lines_of(item["crossed"]),
        rearmed=_lines_of(item["rearmed"]),
        rearmings=int(item.get("rearmings", 0)),
        asked=_lines_of(item.get("asked", ())),
        passed=_lines_of(item.get("passed", ())),
        version=int(item["version"]),
    )


def day_item(tenant: str, row: DayRow) -> Item:
    cells: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for cell, totals in sorted(row.cells.items()):
        cells.setdefault(cell.meter, {}).setdefault(cell.category, {})[cell.market] = _numbers(totals)
    return {**keys.day(tenant, row.day)._asdict(), "version": row.version, "cells": cells}


def day_row(item: Mapping[str, Any]) -> DayRow:
    cells = {
        Cell(meter, category, market): _totals(numbers)
        for meter, categories in item["cells"].items()
        for category, markets in categories.items()
        for market, numbers in markets.items()
    }
    return DayRow(day=keys.date_of(item["sk"]), cells=cells, version=int(item["version"]))


def _numbers(totals: Totals) -> list[Any]:
    return [totals.messages, totals.segments, totals.fees]


def _totals(numbers: Iterable[Any]) -> Totals:
    messages, segments, fees = numbers
    return Totals(int(messages), int(segments), fees)


def _lines(lines: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{meter}#{line}" for meter, line in sorted(lines)]


def _lines_of(names: Iterable[str]) -> frozenset[tuple[str, int]]:
    pairs = (name.rsplit("#", 1) for name in names)
    return frozenset((meter, int(line)) for meter, line in pairs)
