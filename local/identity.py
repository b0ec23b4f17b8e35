"""An OpenID provider for the local run: it asks nobody for a password, it asks who you want to be.

The product signs people in at whatever provider it is told of; locally it is told of this one, on a loopback port. It
is part of the local run alone: the template deploys none of it, and outside of the local installation the console
refuses a provider that speaks plain http, as this one does.

Authorization code flow with PKCE (S256), as OpenID Connect Core has it. Always true: a code works once, for one minute,
for the client, address and verifier it was asked for with; the key is made anew at every start.
"""

import argparse
import base64
import hashlib
import hmac
import html
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.ports import LOOPBACK

CODE_SECONDS = 60
TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class User:
    """Somebody one can be. ``groups`` become roles in the console."""

    subject: str
    name: str
    groups: tuple[str, ...]


USERS = {
    user.subject: user
    for user in (
        User("frances", "Frances Meyer", ("finance",)),
        User("felix", "Felix Okafor", ("finance",)),
        User("olga", "Olga Brandt", ("ops",)),
        User("ravi", "Ravi Shah", ("read-only",)),
        User("nora", "Nora Lind", ()),
    )
}
"""One a role; two of finance, because some approvals need two; and one who has no role at all."""


@dataclass(frozen=True)
class Code:
    """A code that was given out: for whom, and what must come back with it."""

    user: User
    redirect_uri: str
    challenge: str
    nonce: str
    until: float


@dataclass
class Issuer:
    """The provider's state. ``client_secret`` is what the console must know."""

    address: str
    client_id: str
    client_secret: str
    redirect_uri: str
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    kid: str = field(default_factory=lambda: secrets.token_hex(8))
    codes: dict[str, Code] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def discovery(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "end_session_endpoint": f"{self.address}/signed-out",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def jwks(self) -> dict[str, Any]:
        """The public key."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**jwk, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def refusal(self, asked: dict[str, str]) -> str:
        """Why a request to sign in is not answered; empty when it is fine."""
        wanted = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        missing = [name for name in ("state", "nonce", "code_challenge") if not asked.get(name)]
        return ", ".join([*wrong, *missing])

    def code_for(self, user: User, asked: dict[str, str], *, now: float) -> str:
        """A new code; returns the address to send the browser to."""
        code = secrets.token_urlsafe(24)
        with self.lock:
            self.codes = {key: one for key, one in self.codes.items() if one.until > now}
            self.codes[code] = Code(
                user, asked["redirect_uri"], asked["code_challenge"], asked["nonce"], now + CODE_SECONDS
            )
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token_for(self, form: dict[str, str], authorization: str, *, now: float) -> str | None:
        """The ID token for a code; None when anything about it is not as it was asked for."""
        with self.lock:
            code = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if code is None or code.until < now or not self._is_client(authorization):
            return None
        if form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != code.redirect_uri:
            return None
        return self.signed(code.user, nonce=code.nonce, now=now) if challenge == code.challenge else None

    def signed(self, user: User, *, nonce: str, now: float) -> str:
        """An ID token; scripts may carry it as a bearer token too."""
        claims = {
            "iss": self.address,
            "aud": self.client_id,
            "sub": user.subject,
            "name": user.name,
            "email": f"{user.subject}@tollgate.example",
            "cognito:groups": list(user.groups),
            "nonce": nonce,
            "iat": int(now),
            "exp": int(now) + TOKEN_SECONDS,
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def _is_client(self, authorization: str) -> bool:
        scheme, _, pair = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
        except ValueError:
            return False
        return (
            scheme.lower() == "basic"
            and unquote(name) == self.client_id
            and hmac.compare_digest(unquote(secret).encode(), self.client_secret.encode())
        )


class Provider(BaseHTTPRequestHandler):
    """The provider's pages and endpoints."""

    protocol_version = "HTTP/1.1"
    issuer: ClassVar[Issuer]

    def do_GET(self) -> None:
        """Discovery, keys, and the page that asks who you are."""
        parts = urlsplit(self.path)
        asked = _fields(parts.query)
        if parts.path == "/.well-known/openid-configuration":
            self._json(self.issuer.discovery())
        elif parts.path == "/jwks":
            self._json(self.issuer.jwks())
        elif parts.path == "/authorize":
            self._ask(asked)
        elif parts.path == "/signed-out":
            self._page(HTTPStatus.OK, "<h1>Signed out</h1><p>This provider remembers nobody.</p>")
        else:
            self._page(HTTPStatus.NOT_FOUND, "<h1>Nothing here</h1>")

    def do_POST(self) -> None:
        """Somebody chose who to be, or the console brings a code."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = _fields(body)
        if urlsplit(self.path).path == "/token":
            token = self.issuer.token_for(form, self.headers.get("Authorization", ""), now=time.time())
            if token is None:
                self._json({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST)
            else:
                self._json({"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "id_token": token})
            return
        user = USERS.get(form.get("user", ""))
        if user is None or self.issuer.refusal(form):
            self._ask(form)
            return
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", self.issuer.code_for(user, form, now=time.time()))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _ask(self, asked: dict[str, str]) -> None:
        if wrong := self.issuer.refusal(asked):
            self._page(HTTPStatus.BAD_REQUEST, f"<h1>Not a sign-in</h1><p>Wrong: {html.escape(wrong)}</p>")
            return
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
            if name != "user"
        )
        buttons = "".join(
            f'<p><button name="user" value="{user.subject}">{user.name}</button> '
            f"{', '.join(user.groups) or 'no role'}</p>"
            for user in USERS.values()
        )
        said = "<h1>Who do you want to be?</h1><p>This sign-in exists on this machine alone.</p>"
        self._page(HTTPStatus.OK, f'{said}<form method="post" action="/authorize">{hidden}{buttons}</form>')

    def _page(self, status: HTTPStatus, inside: str) -> None:
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local sign-in</title>'
        look = '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        self._send(status, "text/html; charset=utf-8", f"{head}{look}<main>{inside}</main>".encode())

    def _json(self, document: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", json.dumps(document).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - the base class's
        """The path without its query: codes and states are nobody's business."""
        print(f"{self.log_date_time_string()} {self.command} {urlsplit(self.path).path}", flush=True)


def server(issuer: Issuer, *, port: int) -> ThreadingHTTPServer:
    """A server of one issuer; ``serve_forever()`` runs it."""
    provider = ThreadingHTTPServer((LOOPBACK, port), type("LocalProvider", (Provider,), {"issuer": issuer}))
    provider.daemon_threads = True
    return provider


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}


def main(arguments: list[str] | None = None) -> None:
    """``python -m local.identity --port P --client-id ID --client-secret S --redirect-uri URI``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret", required=True)
    parser.add_argument("--redirect-uri", required=True)
    given = parser.parse_args(arguments)
    issuer = Issuer(
        address=f"http://{LOOPBACK}:{given.port}",
        client_id=given.client_id,
        client_secret=given.client_secret,
        redirect_uri=given.redirect_uri,
    )
    server(issuer, port=given.port).serve_forever()


if __name__ == "__main__":
    main()
