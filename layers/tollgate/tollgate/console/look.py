"""Look: the style sheet that gives every page the brand's accent, beside the one that is a file.

Always true: like a file's, its address holds its content's hash, so browsers keep it for a year and a new accent
shows at once.
"""

from __future__ import annotations

import hashlib
from typing import Final

from aws_lambda_powertools.event_handler import Response

from tollgate.console import assets
from tollgate.mails.brand import Brand

# White on the accent of light pages and black on that of dark ones contrast more than their grounds do, by `Brand`.
_SHEET: Final = ":root {{ --accent: light-dark({light}, {dark}); --on-accent: light-dark(#ffffff, #000000); }}\n"


def address(brand: Brand) -> str:
    """Where the style sheet of a brand is."""
    return f"{assets.PATH}brand.{hashlib.sha256(_sheet(brand)).hexdigest()[:12]}.css"


def served(path: str, brand: Brand) -> Response[bytes] | None:
    """The answer for an address; None for any but that of the brand."""
    return assets.kept(_sheet(brand), ".css") if path == address(brand) else None


def _sheet(brand: Brand) -> bytes:
    return _SHEET.format(light=brand.accent_on_light, dark=brand.accent_on_dark).encode()
