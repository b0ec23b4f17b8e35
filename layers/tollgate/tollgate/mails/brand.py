"""The brand under which mails, pages and statements go out, and the colours that follow from its accent.

Always true: text on the accent, and the accent as text, have a contrast of at least 4.5 to 1 (WCAG 2.2, AA), whatever
the accent is: what cannot be read is moved towards black or white until it can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tollgate.domain.errors import Invalid, Problem

READABLE: Final = 4.5
LIGHT_GROUND: Final = "#fdeceb"
DARK_GROUND: Final = "#14301f"
"""Of all grounds that text in the accent stands on, light and dark, the one with the least contrast to it."""

NAME_LONGEST: Final = 60
LEGAL_LONGEST: Final = 400
_HEX_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
# Line breaks would forge lines, marks of direction would turn them round.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_DARK_INK: Final = "#000000"
_LIGHT_INK: Final = "#ffffff"
_STEPS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """``accent`` is ``#rrggbb``; ``support`` and ``billing`` are the addresses to ask. ``url``, the brand's own site,
    and ``portal_url``, where customers see their usage, may be empty. ``legal`` is who issues: the company's full name
    and address, its lines separated by ``|``; empty: the brand's name has to do.

    Raises Invalid, with every problem, for what would break a mail or a page."""

    name: str = "Tollgate"
    accent: str = "#1f5fbf"
    support: str
    billing: str
    url: str = ""
    legal: str = ""
    portal_url: str = ""

    def __post_init__(self) -> None:
        problems = [
            *_text_problems("name", self.name, NAME_LONGEST),
            *_text_problems("legal", self.legal, LEGAL_LONGEST),
        ]
        if not self.name.strip():
            problems.append(Problem("name", "expected a name"))
        if not _HEX_COLOUR.fullmatch(self.accent):
            problems.append(Problem("accent", "expected a colour such as #1f5fbf"))
        for path, address in (("support", self.support), ("billing", self.billing)):
            if not _ADDRESS.fullmatch(address):
                problems.append(Problem(path, "expected a mail address"))
        for path, url in (("url", self.url), ("portal_url", self.portal_url)):
            if url and not web_address(url):
                problems.append(Problem(path, "expected an address that starts with https://"))
        if problems:
            raise Invalid("brand", problems)

    @property
    def issuer(self) -> tuple[str, ...]:
        """Who issues a statement, line by line."""
        return tuple(line for line in (part.strip() for part in self.legal.split("|")) if line) or (self.name,)

    @property
    def imprint(self) -> str:
        """Who writes, on one line; empty where nothing more is known than the name."""
        return ", ".join(self.issuer) if self.legal.strip(" |") else ""

    @property
    def ink(self) -> str:
        """The colour of text on the accent: black or white, whichever contrasts more: always enough."""
        return max((_LIGHT_INK, _DARK_INK), key=lambda ink: contrast(ink, self.accent))

    @property
    def accent_on_light(self) -> str:
        """The accent as text on a light page, darkened as far as that takes."""
        return _moved(self.accent, towards=_DARK_INK, ground=LIGHT_GROUND, least=0)

    @property
    def accent_on_dark(self) -> str:
        """The accent as text or a bar on a dark page: lightened halfway to white, or further as far as that takes."""
        return _moved(self.accent, towards=_LIGHT_INK, ground=DARK_GROUND, least=_STEPS // 2)


def web_address(url: str) -> str:
    """The address when it is one a mail may link to (http or https, with a host), else empty."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("https", "http") and parts.netloc and not re.search(r"\s", url) else ""


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _text_problems(path: str, text: str, longest: int) -> list[Problem]:
    if _UNPRINTABLE.search(text):
        return [Problem(path, "expected printable characters")]
    return [Problem(path, f"expected at most {longest} characters")] if len(text) > longest else []


def _moved(colour: str, *, towards: str, ground: str, least: int) -> str:
    steps = (_mixed(colour, towards, step) for step in range(least, _STEPS + 1))
    return next(one for one in steps if contrast(one, ground) >= READABLE)


def _mixed(colour: str, other: str, step: int) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{(one * (_STEPS - step) + two * step) // _STEPS:02x}" for one, two in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
