"""Having the quarantine counted again: the meter's function is asked, and not waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tollgate.adapters.recounting import MeterRecounting
from tollgate.domain.errors import Refused, RetryLater


class Functions:
    """Lambda; an error's code makes it fail."""

    def __init__(self, code: str = "", status: int = 400) -> None:
        self.asked: list[dict[str, Any]] = []
        self._code, self._status = code, status

    def invoke(self, **given: Any) -> None:
        self.asked.append(given)
        if self._code:
            said: Any = {"Error": {"Code": self._code}, "ResponseMetadata": {"HTTPStatusCode": self._status}}
            raise ClientError(said, "Invoke")


def test_the_meter_is_asked_and_not_waited_for() -> None:
    """An event, with the reason."""
    functions = Functions()
    MeterRecounting(functions, function="stack-meter:live").begin("no-rate")  # type: ignore[arg-type]  # as much as is asked
    [asked] = functions.asked
    assert (asked["FunctionName"], asked["InvocationType"]) == ("stack-meter:live", "Event")
    assert json.loads(asked["Payload"]) == {"redrive": "no-rate"}


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("AccessDeniedException", 403, Refused), ("TooManyRequestsException", 429, RetryLater)],
)
def test_a_failure_is_told(code: str, status: int, error: type[Exception]) -> None:
    """For good, or to be tried again."""
    with pytest.raises(error):
        MeterRecounting(Functions(code, status), function="m").begin("no-rate")  # type: ignore[arg-type]  # as above
