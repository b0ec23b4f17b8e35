"""Charts: small pictures as inline SVG, by pure functions. Colours and sizes of text are the style sheet's classes.

Always true: the numbers of a chart are in its accessible name or beside it; no text or number of a caller is printed
unescaped; a chart of nothing is an empty chart, not an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from markupsafe import Markup

WIDTH: Final = 720
HEIGHT: Final = 160
BASE: Final = 18  # below the bars, for labels
HEAD: Final = 14  # above them, for the scale
LETTER: Final = 12  # the widest that a letter of a label gets, on a phone


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: ``label`` under it (may be empty), ``title`` to read, ``value`` at least 0. ``mark``: to stand out."""

    label: str
    value: Decimal
    title: str
    mark: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across an allowance, such as 75 %: ``at`` is a share of what is included."""

    at: Decimal
    label: str


def bars(days: Sequence[Bar], *, name: str, scale: str = "") -> Markup:
    """Bars side by side. ``name`` says what is shown; ``scale`` is written at the height of the tallest."""
    tallest = max((bar.value for bar in days), default=Decimal(0)) or Decimal(1)
    step = Decimal(WIDTH) / max(len(days), 1)
    room = HEIGHT - BASE - HEAD
    drawn = Markup("").join(
        _bar(bar, x=step * n, width=step, height=max(Decimal(0), bar.value) * room / tallest)
        for n, bar in enumerate(days)
    )
    line = Markup('<line class="axis" x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(WIDTH, y=HEIGHT - BASE)
    top = Markup('<text class="tick" x="0" y="10">{}</text>').format(scale) if scale else Markup("")
    return _picture(WIDTH, HEIGHT, name, line + drawn + top)


def _bar(bar: Bar, *, x: Decimal, width: Decimal, height: Decimal) -> Markup:
    kind = "bar mark" if bar.mark else "bar"
    label = Markup('<text class="tick" text-anchor="middle" x="{}" y="{}">{}</text>').format(
        _number(x + width / 2), HEIGHT - 4, bar.label
    )
    return Markup('<g><title>{}</title><rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>{}</g>').format(
        bar.title,
        kind,
        _number(x + width / 10),
        _number(HEIGHT - BASE - height),
        _number(width * 8 / 10),
        _number(height),
        label if bar.label else "",
    )


def meter(share: Decimal, *, name: str, marks: Sequence[Mark] = (), width: int = WIDTH) -> Markup:
    """How much of an allowance is used, with its lines; above the whole it has another colour.

    The smaller its ``width``, the larger its text in the same place on a page.
    """
    longest = max(Decimal(1), share, *(mark.at for mark in marks))
    wide = Decimal(width) / longest
    used = Markup('<rect class="{}" x="0" y="4" width="{}" height="16" rx="3"/>').format(
        "used over" if share >= 1 else "used", _number(max(Decimal(0), share) * wide)
    )
    whole = Markup('<rect class="whole" x="0" y="4" width="{}" height="16" rx="3"/>').format(_number(wide))
    lines = Markup("").join(
        Markup('<line class="limit" x1="{x}" x2="{x}" y1="0" y2="24"/>').format(x=_number(mark.at * wide))
        for mark in marks
    )
    return _picture(width, 40 if marks else 24, name, whole + used + lines + _labels(marks, wide))


def _labels(marks: Sequence[Mark], wide: Decimal) -> Markup:
    """The labels of an allowance's lines, each ending at its line but never left of the picture. The higher line's is
    kept where two would touch: far beyond an allowance its lines are close together.
    """
    drawn, free = Markup(""), Decimal("Infinity")
    for mark in sorted(marks, key=lambda mark: mark.at, reverse=True):
        long = Decimal(LETTER * len(mark.label))
        end = max(mark.at * wide, long)
        if end <= free:
            text = Markup('<text class="tick" text-anchor="end" x="{}" y="36">{}</text>')
            drawn += text.format(_number(end), mark.label)
            free = end - long
    return drawn


def _picture(width: int, height: int, name: str, inside: Markup) -> Markup:
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}" aria-label="{}">{}</svg>').format(
        width, height, name, inside
    )


def _number(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.01')).normalize():f}"
