"""The files of exports, in memory, under the same contract suite as the real bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tollgate.stages.ports.exports import UploadLost


@dataclass
class MemoryExportFiles:
    """The port ``ExportFiles``. ``largest``: the most bytes that one call brought."""

    files: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    tails: dict[str, bytes] = field(default_factory=dict)
    largest: int = 0
    begun: int = 0

    def begin(self, key: str) -> str:
        self.begun += 1
        upload = f"{key}?{self.begun}"
        self.uploads[upload] = {}
        return upload

    def add_part(self, key: str, upload: str, *, number: int, body: bytes) -> str:
        if not upload.startswith(key) or upload not in self.uploads:
            raise UploadLost(f"no upload {upload}")
        self._seen(body)
        self.uploads[upload][number] = body
        return _etag(body)

    def finish(self, key: str, upload: str, *, parts: Sequence[str], size: int) -> None:
        if upload not in self.uploads:
            if len(self.files.get(key, b"")) != size:
                raise UploadLost(f"no upload {upload}")
            return
        has = self.uploads[upload]
        if [_etag(has.get(number, b"")) for number in range(1, len(parts) + 1)] != list(parts):
            raise UploadLost("a part is another one")
        self.files[key] = b"".join(has[number] for number in range(1, len(parts) + 1))
        del self.uploads[upload]

    def keep(self, key: str, body: bytes) -> None:
        self._seen(body)
        self.tails[key] = body

    def kept(self, key: str) -> bytes:
        if key not in self.tails:
            raise UploadLost(f"nothing at {key}")
        return self.tails[key]

    def address(self, key: str, *, name: str, lasts: timedelta) -> str:
        return f"https://files.example/{key}?name={name}&lasts={int(lasts.total_seconds())}"

    def _seen(self, body: bytes) -> None:
        self.largest = max(self.largest, len(body))


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
