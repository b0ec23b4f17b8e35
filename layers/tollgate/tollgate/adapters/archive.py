"""The archive of receipts, in S3: a message's receipts are found by listing a prefix.

``messages/<hash of provider and message>/<time>.<provider>.<bytes>.<digest>`` holds a receipt about that message alone;
of a receipt about many it is empty, and the body is ``bodies/<digest>``. Bodies are compressed.

Always true: a key follows from a receipt and a message alone, so a repeat is the same object and neither order nor
batches can be seen; a body is there before what points to it; no key holds an id of a message, which may spell a
number of somebody.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import NotFound, TollgateError
from tollgate.domain.facts import MessageKey
from tollgate.stages.ports.archive import Kept, KeptReceipt, Said
from tollgate.stages.ports.receipts import Receipt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MESSAGES: Final = "messages/"
BODIES: Final = "bodies/"
THREADS: Final = 10  # as many connections as a client of AWS's keeps
SECONDS: Final = 20.0
"""For all receipts of a batch; what is not kept by then is given up, so that counting does not wait for it."""
SOURCE_LENGTH: Final = 500
_TIME: Final = "%Y%m%dT%H%M%S%fZ"
_NAME: Final = re.compile(r"(\d{8}T\d{12}Z)\.([a-z0-9-]{1,32})\.(\d{1,9})\.([0-9a-f]{64})", re.ASCII)


def prefix_of(message: MessageKey) -> str:
    """Where the receipts of a message are."""
    return f"{MESSAGES}{sha256('\n'.join(message).encode()).hexdigest()[:40]}/"


def name_of(receipt: Receipt) -> str:
    """The name of a receipt among those of its message. Their order is that of arrival."""
    at, digest = receipt.received_at.astimezone(UTC), sha256(receipt.body).hexdigest()
    return f"{at.strftime(_TIME)}.{receipt.provider}.{len(receipt.body)}.{digest}"


class S3Archive:
    """The port ``Archive``. ``seconds`` and ``now`` bound what keeping takes."""

    def __init__(
        self, s3: S3Client, *, bucket: str, seconds: float = SECONDS, now: Callable[[], float] = monotonic
    ) -> None:
        self._s3, self._bucket, self._seconds, self._now = s3, bucket, seconds, now

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(THREADS, thread_name_prefix="archive")

    def keep(self, receipts: Sequence[Said]) -> set[str]:
        """Bodies first, then what points to those that are there."""
        until, missed = self._now() + self._seconds, set[str]()
        missed |= self._put((_first(receipt, messages) for receipt, messages in receipts), until)
        whole = [said for said in receipts if said[0].id not in missed]
        return missed | self._put((pointer for said in whole for pointer in _pointers(*said)), until)

    def _put(self, objects: Iterable[_Object], until: float) -> set[str]:
        """Put objects, several at a time; the receipts of those that were not put in time."""
        jobs = {self._pool.submit(self._put_one, one): one.receipt.id for one in objects}
        done, late = wait(jobs, timeout=max(0.0, until - self._now()))
        for job in late:
            job.cancel()
        return {jobs[job] for job in late} | {jobs[job] for job in done if not job.result()}

    def _put_one(self, one: _Object) -> bool:
        try:
            with translated("archive of receipts"):
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=one.key,
                    Body=one.body,
                    Metadata={"source": quote(one.receipt.source)[:SOURCE_LENGTH]},
                )
        except TollgateError:
            return False
        return True

    def receipts(self, message: MessageKey, *, most: int) -> list[Kept]:
        """One listing. What has no name of ours is passed over."""
        return self._listed(message, "", most)

    def _listed(self, message: MessageKey, begin: str, most: int) -> list[Kept]:
        prefix = prefix_of(message)
        with translated("archive of receipts"):
            found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix + begin, MaxKeys=most)
        names = (entry["Key"].removeprefix(prefix) for entry in found.get("Contents", []))
        return [kept for kept in map(_kept, names) if kept is not None]

    def receipt(self, message: MessageKey, name: str) -> KeptReceipt:
        """One object, or two where it is about many messages. It is listed first: who may not list the whole bucket is
        not told that an object is missing, only that it may not be read."""
        kept = next(iter(self._listed(message, name, 1)), None)
        if kept is None or kept.name != name:
            raise NotFound("receipt", name)
        found = self._object(prefix_of(message) + name, name)
        body = found["Body"].read() or self._object(BODIES + name.rpartition(".")[2], name)["Body"].read()
        source = unquote(found.get("Metadata", {}).get("source", ""))
        return KeptReceipt(kept=kept, body=gzip.decompress(body), source=source)

    def _object(self, key: str, name: str) -> Any:
        with translated("archive of receipts"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                    raise NotFound("receipt", name) from error
                raise


class _Object(NamedTuple):
    """One object of a receipt."""

    receipt: Receipt
    key: str
    body: bytes


def _first(receipt: Receipt, messages: Collection[MessageKey]) -> _Object:
    """The object that holds the body."""
    body = gzip.compress(receipt.body, mtime=0)
    if len(messages) > 1:
        return _Object(receipt, BODIES + sha256(receipt.body).hexdigest(), body)
    [message] = messages
    return _Object(receipt, prefix_of(message) + name_of(receipt), body)


def _pointers(receipt: Receipt, messages: Collection[MessageKey]) -> Iterable[_Object]:
    """What points to it, of a receipt about many messages."""
    if len(messages) > 1:
        name = name_of(receipt)
        yield from (_Object(receipt, prefix_of(message) + name, b"") for message in messages)


def _kept(name: str) -> Kept | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    at = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    return Kept(name=name, provider=match[2], received_at=at, size_bytes=int(match[3]))
