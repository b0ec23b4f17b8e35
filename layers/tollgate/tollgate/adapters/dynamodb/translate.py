"""The one mapping from errors of the SDK to ours, most specific first.

Whatever is not in it (a denied permission, a malformed request) is a fault of ours and stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NetworkError

from tollgate.domain.errors import Conflict, RetryLater

# Codes of single calls and, without "Exception", the reasons of a cancelled transaction.
MOVED: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
BUSY: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingError",
        "TransactionInProgress",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Raises Conflict or RetryLater for what the SDK raises inside; lets everything else pass."""
    try:
        yield
    except ClientError as error:
        _raise_ours(error)
        raise
    except (HTTPClientError, NetworkError) as error:
        raise RetryLater(f"DynamoDB could not be reached: {error}") from error


def _raise_ours(error: ClientError) -> None:
    codes = _codes(error)
    call = f"DynamoDB {error.operation_name}"
    if codes & MOVED:
        raise Conflict(f"{call}: a row has changed since it was read ({', '.join(sorted(codes))})") from error
    if codes & BUSY or _status(error) >= 500:
        raise RetryLater(f"{call} cannot be answered now ({', '.join(sorted(codes))})") from error


def _codes(error: ClientError) -> set[str]:
    response: Any = error.response
    reasons = [reason.get("Code", "None") for reason in response.get("CancellationReasons", [])]
    codes = {code.removesuffix("Exception") for code in (response["Error"].get("Code", ""), *reasons)}
    return codes - {"None", "TransactionCanceled"}


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
