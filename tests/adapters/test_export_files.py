"""The files of exports: one contract in memory and over S3 at the local AWS; and what only S3 can do."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.ministack import LocalAws
from tests.fakes.export_files import MemoryExportFiles
from tollgate.adapters import aws
from tollgate.adapters.exports import S3ExportFiles
from tollgate.domain.errors import Refused, RetryLater
from tollgate.stages.ports.exports import ExportFiles, UploadLost

BUCKET = "tollgate-exports-of-tests"
KEY = "exports/acme/00000001.csv.gz"
LARGE = bytes(range(256)) * (5 * 1024 * 4)  # 5 MiB, the least that S3 takes for a part that is not the last


_numbers = count(1)


def real(local_aws: LocalAws) -> S3ExportFiles:
    """Over a bucket of its own at the local AWS, by a client as functions have it."""
    s3 = local_aws.session().client("s3", endpoint_url=local_aws.endpoint, config=aws.S3)
    bucket = f"{BUCKET}-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3ExportFiles(s3, bucket=bucket)


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.localaws)])
def files(request: pytest.FixtureRequest) -> ExportFiles:
    """The port, twice."""
    return MemoryExportFiles() if request.param == "memory" else real(request.getfixturevalue("local_aws"))


def content(files: ExportFiles, key: str = KEY) -> bytes:
    """A finished file."""
    return files.files[key] if isinstance(files, MemoryExportFiles) else files.kept(key)


def test_a_file_is_made_of_its_parts(files: ExportFiles) -> None:
    """In their order, once it is finished; a part that is added again stands in place of the first."""
    upload = files.begin(KEY)
    files.add_part(KEY, upload, number=1, body=LARGE[::-1])
    parts = [files.add_part(KEY, upload, number=1, body=LARGE), files.add_part(KEY, upload, number=2, body=b"end")]
    files.finish(KEY, upload, parts=parts, size=len(LARGE) + 3)
    assert content(files) == LARGE + b"end"


def test_finishing_twice_is_finishing_once(files: ExportFiles) -> None:
    """Who crashed right after it finishes again."""
    key = f"{KEY}-twice"
    upload = files.begin(key)
    parts = [files.add_part(key, upload, number=1, body=b"all of it")]
    for _ in range(2):
        files.finish(key, upload, parts=parts, size=9)
    assert content(files, key) == b"all of it"


def test_a_part_that_is_another_one_is_noticed(files: ExportFiles) -> None:
    """Of the same number, by a process that was overtaken."""
    key = f"{KEY}-other"
    upload = files.begin(key)
    parts = [files.add_part(key, upload, number=1, body=b"mine")]
    files.add_part(key, upload, number=1, body=b"of another")
    with pytest.raises(UploadLost):
        files.finish(key, upload, parts=parts, size=4)


def test_an_upload_that_is_not_there_is_lost(files: ExportFiles) -> None:
    """To add to it, and to finish it."""
    with pytest.raises(UploadLost):
        files.add_part(f"{KEY}-lost", "nothing", number=1, body=b"x")
    with pytest.raises(UploadLost):
        files.finish(f"{KEY}-lost", "nothing", parts=['"x"'], size=1)
    upload = files.begin(f"{KEY}-lost")
    files.finish(f"{KEY}-lost", upload, parts=[files.add_part(f"{KEY}-lost", upload, number=1, body=b"xyz")], size=3)
    with pytest.raises(UploadLost):
        files.finish(f"{KEY}-lost", "nothing", parts=['"x"'], size=1)


def test_bytes_are_kept_and_what_was_not_is_lost(files: ExportFiles) -> None:
    """The last that were put."""
    for body in (b"first", b"second"):
        files.keep("unfinished/acme/1-1", body)
    assert files.kept("unfinished/acme/1-1") == b"second"
    with pytest.raises(UploadLost):
        files.kept("unfinished/acme/1-2")


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> ExportFiles:
    """A client of the real AWS, which is never called."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return S3ExportFiles(aws.client("s3"), bucket=BUCKET)


def test_an_address_is_of_the_region_and_of_the_current_signature(signing: ExportFiles) -> None:
    """Of one object, for a minute, saved under its name and not shown. The bucket's global name would redirect, where
    the signature does not fit."""
    parts = urlsplit(signing.address(KEY, name="acme.csv.gz", lasts=timedelta(minutes=1)))
    query = parse_qs(parts.query)
    assert (parts.scheme, parts.path) == ("https", f"/{KEY}")
    assert parts.netloc == f"{BUCKET}.s3.eu-west-1.amazonaws.com"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["60"]
    assert query["response-content-disposition"] == ['attachment; filename="acme.csv.gz"']
    assert query["response-content-type"] == ["application/gzip"]


@pytest.mark.localaws
def test_an_address_downloads_its_file_and_no_other(local_aws: LocalAws) -> None:
    """At the local AWS, from where a browser reaches it."""
    files = real(local_aws)
    files.keep(KEY, gzip.compress(b"day,time\r\n"))
    address = files.address(KEY, name="acme.csv.gz", lasts=timedelta(minutes=1))
    assert urlsplit(address).netloc == urlsplit(local_aws.endpoint).netloc
    with urllib.request.urlopen(address) as answer:
        assert gzip.decompress(answer.read()) == b"day,time\r\n"
        assert answer.headers["content-disposition"] == 'attachment; filename="acme.csv.gz"'
        assert answer.headers["content-type"] == "application/gzip"
    files.keep(f"{KEY}-other", b"of another")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address.replace(KEY, f"{KEY}-other"))
    with refused.value as answer:  # an error that is an open connection too
        assert answer.code == 403


class Failing:
    """An S3 client that answers everything with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, _name: str) -> Any:
        def call(**_parameters: Any) -> Any:
            raise self._error

        return call


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (ClientError({"Error": {"Code": "SlowDown"}}, "UploadPart"), RetryLater),
        (EndpointConnectionError(endpoint_url="https://s3"), RetryLater),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "UploadPart"), Refused),
        (ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart"), UploadLost),
        (ClientError({"Error": {"Code": "InvalidPart"}}, "UploadPart"), UploadLost),
    ],
)
def test_errors_of_s3_are_ours(error: Exception, ours: type[Exception]) -> None:
    """What may pass, what will not, and what can only begin anew."""
    files = S3ExportFiles(Failing(error), bucket=BUCKET)  # type: ignore[arg-type]  # stands in for a client
    with pytest.raises(ours):
        files.add_part(KEY, "upload", number=1, body=b"x")
    with pytest.raises(ours):
        files.finish(KEY, "upload", parts=['"x"'], size=1)
    with pytest.raises(ours):
        files.kept(KEY)
