"""Faults: what an HTTP entry answers when an error reaches it that nothing foresaw.

For entries only, and of those for the ones that others send to: what is foreseen is a TollgateError and has its answer
there. Always true: the sender gets a problem (RFC 9457) that asks for another sending and tells nothing of our insides;
the log gets the kind of error and where it was raised, never its words, which may quote a receipt; and it is counted,
since an invocation that was answered is no error of Lambda's any more.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

STATUS = HTTPStatus.INTERNAL_SERVER_ERROR


def answered(
    call: Callable[[], dict[str, Any]], *, logger: Logger, count: Callable[[str, int], None]
) -> dict[str, Any]:
    """What ``call`` answers, or the problem when it raises instead."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the edge: further up is only the gateway, whose answer is its own
        last = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("fault", extra={"kind": type(error).__name__, "at": f"{Path(last.filename).name}:{last.lineno}"})
        count("UnforeseenFaults", 1)
    body = {"type": "about:blank", "title": STATUS.phrase, "status": STATUS, "detail": "a fault of ours, send it again"}
    return {"statusCode": STATUS, "headers": {"content-type": "application/problem+json"}, "body": json.dumps(body)}
