"""Content: what one mail says, in order, before it is laid out as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple


class Fact(NamedTuple):
    """One row of the numbers: ``Used``, ``37,500 SMS``."""

    label: str
    value: str


class Section(NamedTuple):
    """A titled run of paragraphs."""

    title: str
    paragraphs: tuple[str, ...]


class Link(NamedTuple):
    """What to press, and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of an allowance is used, drawn. ``label`` says it to those who do not see it."""

    share: Decimal
    label: str

    @property
    def percent(self) -> int:
        """How much of the bar is filled, 0 to 100."""
        return max(0, min(100, int((self.share * 100).to_integral_value(ROUND_DOWN))))

    @property
    def is_full(self) -> bool:
        """Whether everything is used."""
        return self.share >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything a mail says. ``link`` is None where there is nowhere to go; ``footer`` says why one gets it."""

    subject: str
    heading: str
    summary: tuple[str, ...]
    bar: Bar | None = None
    facts: tuple[Fact, ...]
    sections: tuple[Section, ...]
    link: Link | None = None
    footer: tuple[str, ...]
