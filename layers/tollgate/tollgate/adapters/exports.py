"""ExportFiles: the files of exports in their bucket, made by multipart upload.

Always true: a file is there whole or not at all, and only made of the very parts that were named: S3 compares each
part's ETag when it is finished. Uploads that are never finished, and what is kept beside them, go by the bucket's
lifecycle.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from tollgate.adapters.aws_errors import translated
from tollgate.stages.ports.exports import UploadLost

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GZIP: Final = "application/gzip"
GONE: Final = frozenset({"NoSuchUpload", "NoSuchKey", "InvalidPart", "InvalidPartOrder", "404"})


class S3ExportFiles:
    """The port ``ExportFiles``."""

    def __init__(self, s3: S3Client, *, bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def begin(self, key: str) -> str:
        with _reached():
            answer = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=GZIP)
        return answer["UploadId"]

    def add_part(self, key: str, upload: str, *, number: int, body: bytes) -> str:
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        with _reached():
            answer = self._s3.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, ContentMD5=digest
            )
        return answer["ETag"]

    def finish(self, key: str, upload: str, *, parts: Sequence[str], size: int) -> None:
        named: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]
        try:
            with _reached():
                self._s3.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": named}
                )
        except UploadLost:
            if self._size(key) != size:  # else it was finished before: an upload that is finished is gone
                raise

    def _size(self, key: str) -> int | None:
        try:
            with _reached():
                return self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        except UploadLost:
            return None

    def keep(self, key: str, body: bytes) -> None:
        with _reached():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def kept(self, key: str) -> bytes:
        with _reached():
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def address(self, key: str, *, name: str, lasts: timedelta) -> str:
        with _reached():
            return self._s3.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": key,
                    "ResponseContentType": GZIP,
                    "ResponseContentDisposition": f'attachment; filename="{name}"',
                    "ResponseCacheControl": "no-store",
                },
                ExpiresIn=int(lasts.total_seconds()),
            )


@contextmanager
def _reached() -> Iterator[None]:
    """Errors of S3 as ours: UploadLost for what is not there, or not as it was named; RetryLater, Refused."""
    with translated("exports bucket"):
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in GONE:
                raise UploadLost(f"{error.operation_name}: {code}") from error
            raise
