"""The Chromium of this machine, for browser tests and screenshots: found, never downloaded.

Started without what a browser does behind one's back (updates, synchronisation, field trials): it talks to the pages
it is sent to and to nothing else.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS: Final = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
CHOSEN_BY: Final = "CHROMIUM"
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",  # a container's root cannot have one; the only pages shown are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find(environment: Mapping[str, str] | None = None) -> str | None:
    """The path of a Chromium: the one that ``CHROMIUM`` names, else the first of the usual names; None without."""
    environment = os.environ if environment is None else environment
    path = environment.get("PATH", os.defpath)
    chosen = environment.get(CHOSEN_BY)
    if chosen:
        return shutil.which(chosen, path=path)
    found = (shutil.which(name, path=path) for name in NAMES)
    return next((one for one in found if one), str(MACOS) if MACOS.exists() else None)
