"""A provider's REST API, asked for one message at a time.

Always true: no error holds a number, a secret or an answer's body, and no redirect is followed.
"""

from __future__ import annotations

import json
from typing import Any, Final

import urllib3

from tollgate.domain.errors import NotFound, Refused, RetryLater

TIMEOUT: Final = urllib3.Timeout(connect=3, read=10)
LARGEST_ANSWER: Final = 100_000
OK, MISSING, TOO_MANY, SERVER_ERROR = 200, 404, 429, 500


class MessageApi:
    """The API of a provider, whose name stands in errors."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)

    def ask(self, url: str, *, login: str, message: str) -> dict[str, Any]:
        """What a GET answers, under Basic credentials (``user:password``); empty for what is no JSON object. Raises
        NotFound, Refused, RetryLater."""
        headers = urllib3.make_headers(basic_auth=login) | {"accept": "application/json"}
        try:
            answer = self._http.request("GET", url, headers=headers, redirect=False, preload_content=False)
            content = answer.read(LARGEST_ANSWER + 1)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise RetryLater(f"{self._provider}: {type(error).__name__}") from error
        self._check(answer.status, message)
        try:
            said: Any = json.loads(content)
        except ValueError:
            said = None
        return said if isinstance(said, dict) else {}

    def _check(self, status: int, message: str) -> None:
        if status == MISSING:
            raise NotFound(f"{self._provider} message", message)
        if status == TOO_MANY or status >= SERVER_ERROR:
            raise RetryLater(f"{self._provider}: status {status}")
        if status != OK:
            raise Refused(f"{self._provider}: status {status}")
