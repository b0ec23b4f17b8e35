"""A gzip file that several processes write, one after the other.

Always true: what they wrote, put together, is one gzip file of one member (RFC 1952), as if one process had written
it: readers that stop after the first member, as some browsers do, miss nothing. Between two processes go the checksum
and the length so far, eight bytes; each begins with an empty window, so that nothing else has to.
"""

from __future__ import annotations

import zlib
from typing import Final

LEVEL: Final = 6
HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflated, no name and no time (the same records make the same file), of no particular system."""


class GzipStream:
    """Packs text. ``checksum`` and ``length`` are of all that was written so far, by others too."""

    def __init__(self, *, checksum: int = 0, length: int = 0) -> None:
        self.checksum, self.length = checksum, length
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._head = b"" if length else HEADER

    def write(self, text: bytes) -> bytes:
        """Take text; returns what is packed of it by now."""
        self.checksum = zlib.crc32(text, self.checksum)
        self.length += len(text)
        head, self._head = self._head, b""
        return head + self._packer.compress(text)

    def pause(self) -> bytes:
        """The rest of what was taken, so that somebody else can go on after it."""
        return self._packer.flush(zlib.Z_FULL_FLUSH)

    def end(self) -> bytes:
        """The rest, and the end of the file."""
        trailer = self.checksum.to_bytes(4, "little") + (self.length % 2**32).to_bytes(4, "little")
        return self._packer.flush(zlib.Z_FINISH) + trailer
