"""The brand under which mails go out, and the few colours that follow from its accent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tollgate.domain.errors import Invalid, Problem

_HEX_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_DARK_INK: Final = "#101418"
_LIGHT_INK: Final = "#ffffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """``accent`` is ``#rrggbb``; ``support`` and ``billing`` are the addresses to ask; ``portal_url``, where customers
    see their usage, may be empty. Raises Invalid for a colour or address that would break a mail's HTML."""

    name: str = "Tollgate"
    accent: str = "#1f5fbf"
    support: str
    billing: str
    portal_url: str = ""

    def __post_init__(self) -> None:
        problems = []
        if not _HEX_COLOUR.fullmatch(self.accent):
            problems.append(Problem("accent", "expected a colour such as #1f5fbf"))
        if self.portal_url and not web_address(self.portal_url):
            problems.append(Problem("portal_url", "expected an address that starts with https://"))
        if problems:
            raise Invalid("brand", problems)

    @property
    def ink(self) -> str:
        """The colour of text on the accent: dark or light, whichever contrasts more (WCAG 2.2, relative luminance)."""
        luminance = _luminance(self.accent)
        on_light = 1.05 / (luminance + 0.05)
        on_dark = (luminance + 0.05) / (_luminance(_DARK_INK) + 0.05)
        return _LIGHT_INK if on_light >= on_dark else _DARK_INK

    @property
    def accent_on_dark(self) -> str:
        """The accent lightened halfway to white, so that links and the bar can be read on a dark background."""
        return "#" + "".join(f"{(channel + 255) // 2:02x}" for channel in _channels(self.accent))


def web_address(url: str) -> str:
    """The address when it is one a mail may link to (http or https, with a host), else empty."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("https", "http") and parts.netloc and not re.search(r"\s", url) else ""


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
