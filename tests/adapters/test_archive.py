"""The archive of receipts: one contract, in memory, on S3 in process and on the local AWS; then what S3 alone shows."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from local.ministack import LocalAws
from tests.fakes.archive import MemoryArchive
from tollgate.adapters.archive import THREADS, S3Archive, name_of, prefix_of
from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.domain.facts import MessageKey
from tollgate.stages.ports.archive import Archive
from tollgate.stages.ports.receipts import Receipt

NOON = datetime(2026, 3, 10, 17, 0, 0, 123456, tzinfo=UTC)
NUMBER = "254712345678"
BODY = f'{{"id": "wamid.1", "to": "{NUMBER}"}}'.encode()
RECEIPT = Receipt(id="r1", provider="meta", body=BODY, received_at=NOON, source="/webhooks/meta")
_numbers = count(1)


def message(participant: str = "") -> MessageKey:
    """A message that no other test has."""
    return MessageKey("meta", f"wamid.{next(_numbers)}", participant)


def later(**passed: float) -> Receipt:
    """The same words at another time."""
    return replace(RECEIPT, id="r2", received_at=NOON + timedelta(**passed))


@pytest.fixture
def s3() -> Iterator[Any]:
    """S3 in process, with a bucket."""
    with mock_aws():
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        client = session.client("s3")
        client.create_bucket(Bucket="archive")
        yield client


@pytest.fixture(params=["memory", "in process", pytest.param("local", marks=pytest.mark.localaws)])
def archive(request: pytest.FixtureRequest) -> Archive:
    """The port, three times."""
    if request.param == "memory":
        return MemoryArchive()
    if request.param == "in process":
        return S3Archive(request.getfixturevalue("s3"), bucket="archive")
    aws: LocalAws = request.getfixturevalue("local_aws")
    client: Any = aws.session().client("s3", endpoint_url=aws.endpoint)
    bucket = f"archive-{next(_numbers)}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.session().region_name})
    return S3Archive(client, bucket=bucket)


# --- the contract -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", BODY, bytes(range(256)), b"x" * 400_000], ids=["empty", "json", "bytes", "large"]
)
def test_a_receipt_comes_out_as_it_arrived(archive: Archive, body: bytes) -> None:
    """Its bytes, when and from whom it came, and where it came in."""
    one, sent = message(), replace(RECEIPT, body=body, source="arn:aws:sns:eu-west-1:1:söcial")
    assert archive.keep([(sent, {one})]) == set()
    [kept] = archive.receipts(one, most=10)
    assert (kept.provider, kept.received_at, kept.size_bytes) == ("meta", NOON, len(body))
    found = archive.receipt(one, kept.name)
    assert (found.kept, found.body, found.source) == (kept, body, sent.source)


def test_a_receipt_about_many_messages_is_found_from_each(archive: Archive) -> None:
    """And from no other."""
    messages = [message() for _ in range(30)]
    assert archive.keep([(RECEIPT, messages)]) == set()
    for one in messages:
        [kept] = archive.receipts(one, most=10)
        assert archive.receipt(one, kept.name).body == BODY
    assert archive.receipts(message(), most=10) == []


def test_participants_of_one_message_have_receipts_of_their_own(archive: Archive) -> None:
    """A batch to a thousand recipients is a thousand messages."""
    one = message("a")
    archive.keep([(RECEIPT, {one})])
    assert len(archive.receipts(one, most=10)) == 1
    assert archive.receipts(one._replace(participant="b"), most=10) == []


def test_receipts_are_listed_in_the_order_they_came_and_no_more_than_asked(archive: Archive) -> None:
    """Whatever order they were kept in."""
    one, days = message(), (3, 1, 2)
    for day in days:
        archive.keep([(later(days=day), {one})])
    assert [kept.received_at for kept in archive.receipts(one, most=10)] == [
        NOON + timedelta(days=n) for n in (1, 2, 3)
    ]
    assert [kept.received_at for kept in archive.receipts(one, most=1)] == [NOON + timedelta(days=1)]


def test_order_repeats_and_batches_cannot_be_seen(archive: Archive) -> None:
    """The same receipts in any order, one by one or together, again and again: the same is kept."""
    one, other = message(), message()
    said = [
        (RECEIPT, {one, other}),
        (later(seconds=1), {one}),
        (replace(later(seconds=1), id="r3", provider="platform"), {one, other}),
    ]
    archive.keep(said)
    first = [archive.receipts(each, most=10) for each in (one, other)]
    for order in permutations(said):
        for each in order:
            archive.keep([each])
        archive.keep([*order, order[0]])
    assert [archive.receipts(each, most=10) for each in (one, other)] == first
    assert [len(kept) for kept in first] == [3, 2]


@pytest.mark.parametrize("name", ["", "nothing", "../bodies/x", "20260310T170000123456Z.meta.5." + "0" * 64])
def test_what_is_not_there_is_not_found(archive: Archive, name: str) -> None:
    """Nor is another message's receipt found by its name."""
    one, other = message(), message()
    archive.keep([(RECEIPT, {one})])
    for each in (one, other):
        with pytest.raises(NotFound):
            archive.receipt(each, name)
    [kept] = archive.receipts(one, most=10)
    with pytest.raises(NotFound):
        archive.receipt(other, kept.name)


# --- on S3 ------------------------------------------------------------------------------------------------------------


def keys(s3: Any) -> list[str]:
    """Every object's key."""
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="archive").get("Contents", [])]


def test_a_body_is_stored_once_and_what_points_to_it_is_empty(s3: Any) -> None:
    """A batch about many messages costs its own size once; one about a single message is one object."""
    archive, messages = S3Archive(s3, bucket="archive"), [message() for _ in range(3)]
    archive.keep([(RECEIPT, messages), (later(seconds=1), messages[:1])])
    sizes = {key: s3.head_object(Bucket="archive", Key=key)["ContentLength"] for key in keys(s3)}
    bodies = [key for key in sizes if key.startswith("bodies/")]
    assert (len(sizes), len(bodies)) == (5, 1)
    assert sorted(size for key, size in sizes.items() if key.startswith("messages/"))[:3] == [0, 0, 0]
    assert gzip.decompress(s3.get_object(Bucket="archive", Key=bodies[0])["Body"].read()) == BODY


def test_no_key_spells_an_id_or_a_number(s3: Any) -> None:
    """Ids of messages may hold the number they went to; keys stand in logs."""
    one = MessageKey("meta", f"wamid.{NUMBER}", NUMBER)
    S3Archive(s3, bucket="archive").keep([(RECEIPT, {one, message()})])
    assert not [key for key in keys(s3) if NUMBER in key or "wamid" in key]
    assert all(re.fullmatch(r"bodies/[0-9a-f]{64}|messages/[0-9a-f]{40}/[\w.-]+", key) for key in keys(s3))


def test_a_foreign_object_is_passed_over(s3: Any) -> None:
    """Somebody's note among the receipts is no receipt."""
    one = message()
    s3.put_object(Bucket="archive", Key=prefix_of(one) + "note.txt", Body=b"x")
    archive = S3Archive(s3, bucket="archive")
    assert archive.receipts(one, most=10) == []
    with pytest.raises(NotFound):
        archive.receipt(one, "note.txt")


def test_a_body_that_has_expired_before_what_points_to_it_is_not_found(s3: Any) -> None:
    """Both end on the same day, at an hour of S3's choice."""
    archive, one = S3Archive(s3, bucket="archive"), message()
    archive.keep([(RECEIPT, {one, message()})])
    s3.delete_object(Bucket="archive", Key=next(key for key in keys(s3) if key.startswith("bodies/")))
    with pytest.raises(NotFound):
        archive.receipt(one, name_of(RECEIPT))


class Failing:
    """S3 of which some calls fail: ``fails`` says for which keys."""

    def __init__(self, s3: Any, fails: str, error: Exception) -> None:
        self._s3, self._fails, self._error = s3, fails, error
        self.put: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            key = asked.get("Key", asked.get("Prefix", ""))
            if re.match(self._fails, key):
                raise self._error
            self.put.append(key)
            return getattr(self._s3, name)(**asked)

        return call


def failure(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")  # type: ignore[arg-type]  # the parts that matter


ERRORS = [
    failure("SlowDown", 503),
    failure("AccessDenied", 403),
    failure("NoSuchBucket", 404),
    EndpointConnectionError(endpoint_url="https://s3"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__ + str(error)[:40])
def test_what_s3_does_not_take_is_named_and_the_rest_is_kept(s3: Any, error: Exception) -> None:
    """Nothing is raised: counting goes on. What would point to a body that is not there is not written."""
    one, many = message(), [message() for _ in range(3)]
    failing = Failing(s3, "bodies/", error)
    archive = S3Archive(failing, bucket="archive")  # type: ignore[arg-type]  # as much of it as is asked
    assert archive.keep([(RECEIPT, many), (later(seconds=1), {one})]) == {RECEIPT.id}
    assert len(keys(s3)) == 1
    assert [archive.receipts(each, most=10) for each in many] == [[], [], []]


def test_a_pointer_that_fails_names_its_receipt(s3: Any) -> None:
    """It can be found from the other messages, and from all of them once it comes again."""
    many = [message() for _ in range(3)]
    failing = Failing(s3, prefix_of(many[1]), ERRORS[0])
    archive = S3Archive(failing, bucket="archive")  # type: ignore[arg-type]  # as much of it as is asked
    assert archive.keep([(RECEIPT, many)]) == {RECEIPT.id}
    whole = S3Archive(s3, bucket="archive")
    assert [len(whole.receipts(each, most=10)) for each in many] == [1, 0, 1]
    assert whole.keep([(RECEIPT, many)]) == set()
    assert [len(whole.receipts(each, most=10)) for each in many] == [1, 1, 1]


@pytest.mark.parametrize(("error", "raised"), [(ERRORS[0], RetryLater), (ERRORS[1], Refused), (ERRORS[3], RetryLater)])
def test_reading_says_when_s3_does_not_answer(s3: Any, error: Exception, raised: type[Exception]) -> None:
    """Who reads can wait; listing and opening both say so."""
    archive = S3Archive(Failing(s3, "messages/", error), bucket="archive")  # type: ignore[arg-type]  # as above
    with pytest.raises(raised):
        archive.receipts(message(), most=10)
    with pytest.raises(raised):
        archive.receipt(message(), name_of(RECEIPT))


class Stuck:
    """S3 that takes some objects and then answers no more, until it is let go."""

    def __init__(self, takes: int) -> None:
        self.takes, self.go, self.asked = takes, Event(), 0

    def put_object(self, **_asked: Any) -> None:
        self.asked += 1
        if self.asked > self.takes:
            self.go.wait(30)


def test_s3_that_answers_no_more_does_not_hold_up_counting() -> None:
    """After its time keeping gives up: what was taken is kept, all else is named, and nothing waits for ever."""
    stuck = Stuck(takes=0)
    said = [(replace(RECEIPT, id=f"r{n}"), {message()}) for n in range(3 * THREADS)]
    archive = S3Archive(stuck, bucket="archive", seconds=0.05)  # type: ignore[arg-type]  # as much of it as is asked
    assert archive.keep(said) == {receipt.id for receipt, _ in said}
    assert stuck.asked <= THREADS
    stuck.go.set()


def test_several_receipts_are_put_at_a_time() -> None:
    """Each waits for S3, not for each other: all threads are in it at once."""
    inside: list[Event] = []

    class Together:
        def put_object(self, **_asked: Any) -> None:
            own = Event()
            inside.append(own)
            if len(inside) == THREADS:
                for each in inside:
                    each.set()
            assert own.wait(10), "not at the same time"

    said = [(replace(RECEIPT, id=f"r{n}"), {message()}) for n in range(THREADS)]
    archive = S3Archive(Together(), bucket="archive")  # type: ignore[arg-type]  # as much of it as is asked
    assert archive.keep(said) == set()
