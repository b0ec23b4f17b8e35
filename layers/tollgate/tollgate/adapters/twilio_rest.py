"""Twilio's REST API, as far as Tollgate uses it: one Message resource at a time.

Always true: what is handed on of a message has neither its text nor anything that we do not need, and no error holds a
number, a secret or an answer's body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import urllib3

from tollgate.domain.errors import NotFound, Refused, RetryLater
from tollgate.stages.ports.ledger import MessageResource

ADDRESS: Final = "https://api.twilio.com"
KEPT: Final = frozenset(
    {"account_sid", "sid", "status", "messaging_service_sid", "num_segments", "price", "price_unit", "date_sent"}
    | {"date_updated", "from", "to"}
)
TIMEOUT: Final = urllib3.Timeout(connect=3, read=10)
LARGEST_ANSWER: Final = 100_000
OK, MISSING, TOO_MANY, SERVER_ERROR = 200, 404, 429, 500


class TwilioMessages:
    """The port ``MessageResources``.

    ``credentials`` gives the secret's fields: ``<AccountSid>``, or ``*`` for every account without a field of its own,
    to ``<user>:<password>``; the user is an API key's sid, or the AccountSid itself. It may raise RetryLater.
    """

    def __init__(self, credentials: Callable[[], Mapping[str, str]], *, address: str = ADDRESS) -> None:
        self._credentials, self._address = credentials, address
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)  # nor does it follow redirects

    def read(self, account: str, message: str) -> MessageResource:
        known = self._credentials()
        login = known.get(account, known.get("*", ""))
        if not login:
            raise Refused("Twilio: no credentials for this account")
        url = f"{self._address}/2010-04-01/Accounts/{quote(account, safe='')}/Messages/{quote(message, safe='')}.json"
        headers = urllib3.make_headers(basic_auth=login) | {"accept": "application/json"}
        try:
            answer = self._http.request("GET", url, headers=headers, preload_content=False)
            content = answer.read(LARGEST_ANSWER + 1)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise RetryLater(f"Twilio: {type(error).__name__}") from error
        return _resource(_content(answer.status, content, message), account, message)


def _content(status: int, content: bytes, message: str) -> bytes:
    if status == OK:
        return content
    if status == MISSING:
        raise NotFound("Twilio message", message)
    if status == TOO_MANY or status >= SERVER_ERROR:
        raise RetryLater(f"Twilio: status {status}")
    raise Refused(f"Twilio: status {status}")


def _resource(content: bytes, account: str, message: str) -> MessageResource:
    """An answer, if it is about the message that was asked for. Raises RetryLater for anything else."""
    try:
        said: Any = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict) or (said.get("account_sid"), said.get("sid")) != (account, message):
        raise RetryLater("Twilio: the answer is not the message that was asked for")
    kept = {name: value for name, value in said.items() if name in KEPT}
    return MessageResource(json.dumps(kept).encode(), priced=kept.get("price") is not None)
