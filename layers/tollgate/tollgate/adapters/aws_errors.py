"""AWS's errors, translated once: what may succeed later, and what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from tollgate.domain.errors import Refused, RetryLater

SERVER_ERROR = 500


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn an SDK error inside the block into RetryLater (throttled, unavailable, unreachable) or Refused (what AWS
    turns down, and what the SDK does not even send)."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= SERVER_ERROR or "Throttl" in code or code in _BUSY:
            raise RetryLater(f"{what}: {code}") from error
        raise Refused(f"{what}: {code}") from error
    except ParamValidationError as error:
        raise Refused(f"{what}: {type(error).__name__}") from error
    except BotoCoreError as error:
        raise RetryLater(f"{what}: {type(error).__name__}") from error


_BUSY = frozenset(
    {
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalError",
        "SlowDown",
        "RequestTimeout",
    }
)
