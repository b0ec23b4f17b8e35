"""OIDC: the identity provider over HTTP, by its discovery document.

Always true: answers are kept for an hour; nothing is followed to another address; over plain http only where the
issuer itself is plain http, which the console refuses outside of the local installation.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from tollgate.domain.errors import Refused, RetryLater

KEPT_SECONDS: Final = 3600
FRESH_SECONDS: Final = 60  # an unknown key id asks again, at most this often
LARGEST: Final = 262_144
DISCOVERY: Final = "/.well-known/openid-configuration"


class OidcProvider:
    """The port ``IdentityProvider``. ``secret`` is read when a code is exchanged; empty for a public client."""

    def __init__(
        self,
        issuer: str,
        *,
        client_id: str,
        secret: Callable[[], str],
        pool: urllib3.PoolManager | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._client_id, self._secret = issuer, client_id, secret
        self._pool = pool or urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=5), retries=False)
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def authorization_endpoint(self) -> str:
        return self._endpoint("authorization_endpoint")

    def end_session_endpoint(self) -> str:
        return self._endpoint("end_session_endpoint") if "end_session_endpoint" in self._discovered() else ""

    def keys(self, *, fresh: bool) -> Sequence[Mapping[str, Any]]:
        address = self._endpoint("jwks_uri")
        found = self._document(address, kept_seconds=FRESH_SECONDS if fresh else KEPT_SECONDS).get("keys", [])
        return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if secret := self._secret():
            pair = f"{quote(self._client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        status, document = self._asked(
            "POST", self._endpoint("token_endpoint"), body=urlencode(form).encode(), headers=headers
        )
        token = document.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise Refused("the identity provider did not accept the code")
        return token

    def _endpoint(self, name: str) -> str:
        address = self._discovered().get(name)
        if not isinstance(address, str) or urlsplit(address).scheme not in {"https", urlsplit(self._issuer).scheme}:
            raise RetryLater(f"the identity provider names no {name} that can be used")
        return address

    def _discovered(self) -> Mapping[str, Any]:
        document = self._document(self._issuer.rstrip("/") + DISCOVERY, kept_seconds=KEPT_SECONDS)
        if document.get("issuer") != self._issuer:
            raise RetryLater("the identity provider calls itself by another name than the one configured")
        return document

    def _document(self, address: str, *, kept_seconds: float) -> Mapping[str, Any]:
        at, document = self._kept.get(address, (0.0, None))
        if document is None or self._monotonic() - at > kept_seconds:
            status, document = self._asked("GET", address)
            if status != 200:
                raise RetryLater(f"the identity provider answered {status}")
            self._kept[address] = (self._monotonic(), document)
        return document

    def _asked(
        self, method: str, address: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            answer = self._pool.request(
                method, address, body=body, headers=dict(headers or {}), redirect=False, preload_content=False
            )
            raw = answer.read(LARGEST + 1, decode_content=True)
            answer.release_conn()
        except HTTPError as error:
            raise RetryLater("the identity provider cannot be reached") from error
        if answer.status >= 500 or len(raw) > LARGEST:
            raise RetryLater(f"the identity provider answered {answer.status}")
        return answer.status, _object(raw)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw or b"{}")
    except ValueError as error:
        raise RetryLater("the identity provider's answer is not JSON") from error
    return document if isinstance(document, dict) else {}
