"""Plivo's REST API, as far as Tollgate uses it: one message's details at a time.

Always true: what is handed on of a message has neither its text nor anything that we do not need, and no error holds a
number, a secret or an answer's body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import quote

from tollgate.adapters.message_api import MessageApi
from tollgate.domain.errors import Refused, RetryLater
from tollgate.stages.ports.ledger import MessageResource

ADDRESS: Final = "https://api.plivo.com"
KEPT: Final = (
    "message_uuid",
    "message_state",
    "message_type",
    "message_time",
    "message_direction",
    "from_number",
    "to_number",
    "units",
    "total_amount",
)
# In these nothing more will be charged, so that an amount of zero is one.
FINAL_STATES: Final = frozenset({"delivered", "undelivered", "failed", "rejected", "read"})


class PlivoMessages:
    """The port ``MessageResources``.

    ``credentials`` gives the secret's fields: ``auth_id`` and ``auth_token``, or for a sender whose messages another
    account has (whether a main account may read its subaccounts' is UNVERIFIED) ``<sender>`` to ``<auth id>:<auth
    token>``. It may raise RetryLater.
    """

    def __init__(self, credentials: Callable[[], Mapping[str, str]], *, address: str = ADDRESS) -> None:
        self._credentials, self._address = credentials, address
        self._api = MessageApi("Plivo")

    def read(self, account: str, message: str) -> MessageResource:
        known = self._credentials()
        of_all = f"{known.get('auth_id', '')}:{known.get('auth_token', '')}"
        user, _, token = known.get(account, of_all).partition(":")
        if not (user and token):
            raise Refused("Plivo: no credentials")
        url = f"{self._address}/v1/Account/{quote(user, safe='')}/Message/{quote(message, safe='')}/"
        said = self._api.ask(url, login=f"{user}:{token}", message=message)
        if said.get("message_uuid") != message:
            raise RetryLater("Plivo: the answer is not the message that was asked for")
        kept: dict[str, object] = {name: said[name] for name in KEPT if name in said}
        return MessageResource(json.dumps(kept).encode(), priced=_is_priced(kept))


def _is_priced(kept: Mapping[str, object]) -> bool:
    """Whether the amount is more than the zero that may stand there until there is one."""
    try:
        amount = Decimal(str(kept.get("total_amount")))
    except InvalidOperation:
        return False
    return amount.is_finite() and (amount > 0 or kept.get("message_state") in FINAL_STATES)
