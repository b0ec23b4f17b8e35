"""Assets: styles, scripts and pictures, from files beside this module, under names that hold their content's hash.

Always true: an address names one content for ever, so browsers keep it for a year; another content has another name.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from aws_lambda_powertools.event_handler import Response

FOLDER: Final = Path(__file__).parent / "static"
PATH: Final = "/console/static/"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@lru_cache
def named() -> dict[str, str]:
    """File name → name with hash: ``app.css`` → ``app.1f2e3d4c5b6a.css``."""
    return {path.name: _hashed(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


def address(name: str) -> str:
    """The address of a file. Raises KeyError for one that is not there."""
    return PATH + named()[name]


def served(hashed: str) -> Response[bytes] | None:
    """The answer for a name with hash; None when there is no such content (any more)."""
    name = next((plain for plain, full in named().items() if full == hashed), None)
    if name is None:
        return None
    path = FOLDER / name
    return kept(path.read_bytes(), path.suffix)


def kept(content: bytes, suffix: str) -> Response[bytes]:
    """The answer with a content that its address names."""
    return Response(
        status_code=200,
        content_type=TYPES[suffix],
        body=content,
        headers={"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"},
        compress=suffix != ".png",
    )


def _hashed(path: Path) -> str:
    return f"{path.stem}.{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}{path.suffix}"
