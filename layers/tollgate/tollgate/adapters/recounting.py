"""Recounting: the meter's function is asked to count what is in quarantine again, and not waited for.

Lambda repeats what fails twice; what is lost after that leaves the quarantine as it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tollgate.adapters.aws_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class MeterRecounting:
    """The port ``Recounting``. ``function``: the meter, by the name of its alias."""

    def __init__(self, functions: LambdaClient, *, function: str) -> None:
        self._functions, self._function = functions, function

    def begin(self, reason: str) -> None:
        with translated("meter"):
            self._functions.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=json.dumps({"redrive": reason})
            )
