"""Ports: exports, as rows and as the files they become."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from tollgate.domain.errors import TollgateError
from tollgate.domain.exports import Export


class ExportRows(Protocol):
    """The exports of tenants."""

    def latest(self, tenant: str, *, most: int) -> list[Export]:
        """The last exports of a tenant, the last one first, read consistently."""
        ...

    def export(self, tenant: str, number: int) -> Export:
        """One export, read consistently. Raises NotFound."""
        ...

    def add(self, export: Export) -> Export:
        """Write a new export with an audit entry of who asked for it, all or nothing; returns it at version 1. Raises
        Conflict when its number is taken."""
        ...

    def save(self, export: Export) -> Export:
        """Write an export over the version that was read; returns it at the next. Raises Conflict when it moved."""
        ...


class UploadLost(TollgateError):
    """What was kept of a half-made file is gone, or is not what was remembered of it: it can only begin anew."""


class ExportFiles(Protocol):
    """The files of exports, made of parts. Every call may raise RetryLater or Refused."""

    def begin(self, key: str) -> str:
        """Begin a file; returns the upload's name. What is begun and never finished goes by itself."""
        ...

    def add_part(self, key: str, upload: str, *, number: int, body: bytes) -> str:
        """Add a part, from number 1 on, of at least 5 MiB unless it is the last; in place of one of the same number.
        Returns what finishing it takes. Raises UploadLost."""
        ...

    def finish(self, key: str, upload: str, *, parts: Sequence[str], size: int) -> None:
        """Make the file of its parts; of one that is finished already, nothing. Raises UploadLost."""
        ...

    def keep(self, key: str, body: bytes) -> None:
        """Keep bytes for a while, over what is there."""
        ...

    def kept(self, key: str) -> bytes:
        """Bytes that were kept. Raises UploadLost."""
        ...

    def address(self, key: str, *, name: str, lasts: timedelta) -> str:
        """An address from which whoever has it downloads a file under a name, for a short while."""
        ...
