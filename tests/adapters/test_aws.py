"""AWS's errors as ours; a stack's outputs; calling a function and waiting for it."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
)

from tollgate.adapters import aws
from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import NotFound, Refused, RetryLater

URL = "https://sqs.eu-west-1.amazonaws.com/"


def failure(code: str, *, status: int = 400, message: str = "m") -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AnyCall")  # type: ignore[arg-type]  # the parts that matter


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failure("ThrottlingException"), RetryLater),
        (failure("Throttling"), RetryLater),
        (failure("RequestThrottled"), RetryLater),
        (failure("KmsThrottled"), RetryLater),
        (failure("TooManyRequestsException", status=429), RetryLater),
        (failure("SlowDown", status=503), RetryLater),
        (failure("InternalFailure", status=500), RetryLater),
        (failure("RequestTimeout"), RetryLater),
        (EndpointConnectionError(endpoint_url=URL), RetryLater),
        (ReadTimeoutError(endpoint_url=URL), RetryLater),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), RetryLater),
        (failure("AccessDenied", status=403), Refused),
        (failure("NoSuchKey", status=404), Refused),
        (failure("AWS.SimpleQueueService.NonExistentQueue"), Refused),
        (ParamValidationError(report="a phone number"), Refused),
    ],
)
def test_an_error_of_aws_is_later_or_never(error: ClientError | BotoCoreError, expected: type[Exception]) -> None:
    """What may pass is retried; what cannot is refused; neither repeats what was sent."""
    with pytest.raises(expected) as raised, translated("queue"):
        raise error
    assert raised.value.__cause__ is error
    assert "phone number" not in str(raised.value)


def test_a_fault_of_ours_is_not_taken_for_aws() -> None:
    """Only the SDK's errors are translated."""
    with pytest.raises(KeyError), translated("queue"):
        raise KeyError("x")


class Client:
    """A client with one answer, or one error, for any call."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.requests: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**request: Any) -> Any:
            self.requests.append(request)
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


def answered(payload: bytes, **more: str) -> Client:
    return Client({"StatusCode": 200, "Payload": io.BytesIO(payload), **more})


def test_a_stacks_outputs_are_read_by_name() -> None:
    """Those of the stack that was named."""
    client = Client({"Stacks": [{"Outputs": [{"OutputKey": "ApiUrl", "OutputValue": "https://x"}]}]})
    assert aws.stack_outputs(lambda service: client, "tollgate-dev") == {"ApiUrl": "https://x"}
    assert client.requests == [{"StackName": "tollgate-dev"}]
    assert aws.stack_outputs(lambda service: Client({"Stacks": [{}]}), "tollgate-dev") == {}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (failure("ValidationError", message="Stack with id tollgate-dev does not exist"), NotFound),
        (failure("ValidationError", message="1 validation error detected"), Refused),
        (failure("AccessDenied", status=403), Refused),
        (failure("ExpiredToken", status=403), Refused),
        (failure("Throttling"), RetryLater),
        (EndpointConnectionError(endpoint_url=URL), RetryLater),
    ],
)
def test_a_stack_is_missing_only_when_aws_says_so(error: Exception, expected: type[Exception]) -> None:
    """Whoever lacks a permission, or a network, is not sent to look for a stack that is there."""
    with pytest.raises(expected):
        aws.stack_outputs(lambda service: Client(error), "tollgate-dev")


def test_a_functions_answer_is_returned() -> None:
    """As JSON has it; a function that answers nothing answers None."""
    client = answered(b'{"closed": 3}')
    assert aws.invoke(lambda service: client, "tollgate-invoice", {"time": "2026-06-04T06:00:00Z"}) == {"closed": 3}
    assert json.loads(client.requests[0]["Payload"]) == {"time": "2026-06-04T06:00:00Z"}
    for nothing in (b"null", b""):
        assert aws.invoke(lambda service: answered(nothing), "f", {}) is None  # noqa: B023 - called at once


@pytest.mark.parametrize(
    ("client", "expected", "message"),
    [
        (answered(b'{"errorMessage": "no such period"}', FunctionError="Unhandled"), Refused, "no such period"),
        (answered(b'{"other": 1}', FunctionError="Unhandled"), Refused, "other"),
        (answered(b'"timed out"', FunctionError="Unhandled"), Refused, "timed out"),
        (Client(failure("ResourceNotFoundException", status=404)), NotFound, "tollgate-invoice"),
        (Client(failure("AccessDeniedException", status=403)), Refused, "AccessDenied"),
        (Client(failure("TooManyRequestsException", status=429)), RetryLater, "TooManyRequests"),
        (Client(ReadTimeoutError(endpoint_url=URL)), RetryLater, "ReadTimeout"),
    ],
)
def test_a_call_that_fails_says_how(client: Client, expected: type[Exception], message: str) -> None:
    """An error inside the function, a function that is not there, and a call that did not get through."""
    with pytest.raises(expected, match=message):
        aws.invoke(lambda service: client, "tollgate-invoice", {})
