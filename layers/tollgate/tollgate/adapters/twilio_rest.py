"""Twilio's REST API, as far as Tollgate uses it: one Message resource at a time.

Always true: what is handed on of a message has neither its text nor anything that we do not need, and no error holds a
number, a secret or an answer's body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from tollgate.adapters.message_api import MessageApi
from tollgate.domain.errors import Refused, RetryLater
from tollgate.stages.ports.ledger import MessageResource

ADDRESS: Final = "https://api.twilio.com"
KEPT: Final = frozenset(
    {"account_sid", "sid", "status", "messaging_service_sid", "num_segments", "price", "price_unit", "date_sent"}
    | {"date_updated", "from", "to"}
)


class TwilioMessages:
    """The port ``MessageResources``.

    ``credentials`` gives the secret's fields: ``<AccountSid>``, or ``*`` for every account without a field of its own,
    to ``<user>:<password>``; the user is an API key's sid, or the AccountSid itself. It may raise RetryLater.
    """

    def __init__(self, credentials: Callable[[], Mapping[str, str]], *, address: str = ADDRESS) -> None:
        self._credentials, self._address = credentials, address
        self._api = MessageApi("Twilio")

    def read(self, account: str, message: str) -> MessageResource:
        known = self._credentials()
        login = known.get(account, known.get("*", ""))
        if not login:
            raise Refused("Twilio: no credentials for this account")
        url = f"{self._address}/2010-04-01/Accounts/{quote(account, safe='')}/Messages/{quote(message, safe='')}.json"
        said = self._api.ask(url, login=login, message=message)
        if (said.get("account_sid"), said.get("sid")) != (account, message):
            raise RetryLater("Twilio: the answer is not the message that was asked for")
        kept = {name: value for name, value in said.items() if name in KEPT}
        return MessageResource(json.dumps(kept).encode(), priced=kept.get("price") is not None)
