"""Sign in and out: OpenID Connect's authorization code flow with PKCE, at whatever provider the installation names.

Owns no password and no user. Always true: a code is exchanged only in the browser that began the sign-in (state), the
token must be the one asked for there (nonce), and the way back leads to a page of ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from tollgate.console import cookies, seals, sessions, tokens
from tollgate.console.answers import Answer, Page, Redirect
from tollgate.console.pages import ANYONE, Route
from tollgate.console.request import Request
from tollgate.domain.errors import Refused
from tollgate.domain.permissions import READ, ROLES

HOME: Final = "/console"
MAY_TAKE: Final = timedelta(minutes=10)
PURPOSE: Final = "signing-in"
_OURS: Final = re.compile(r"/console(/[A-Za-z0-9._~%/-]*)?(\?[A-Za-z0-9._~%/=&:+,-]*)?")


def begin(request: Request) -> Answer:
    """Send the browser to the provider, and remember in it what was asked."""
    site, identity = request.ports.site.checked(), request.ports.identity
    asked = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    asked["to"] = way_back(request.query.one("to"))
    sealed = seals.sealed(asked, key=request.ports.console_key, purpose=PURPOSE, until=request.now + MAY_TAKE)
    question = {
        "response_type": "code",
        "client_id": site.client_id,
        "redirect_uri": site.callback,
        "scope": "openid profile email",
        "state": asked["state"],
        "nonce": asked["nonce"],
        "code_challenge": challenge(asked["verifier"]),
        "code_challenge_method": "S256",
    }
    endpoint = identity.authorization_endpoint()
    address = f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(question)}"
    return Redirect(to=address, cookies=(cookies.made(cookies.SIGNING_IN, sealed, lasts=MAY_TAKE, site=site),))


def finish(request: Request) -> Answer:
    """The provider sent the browser back: prove who it is, and begin the session."""
    ports, site = request.ports, request.ports.site.checked()
    try:
        given = cookies.value(cookies.SIGNING_IN, request)
        asked = seals.opened(given, key=ports.console_key, purpose=PURPOSE, now=request.now)
    except seals.BrokenSeal:
        return _not_signed_in("This sign-in took too long, or was begun in another window.")
    if not hmac.compare_digest(request.query.one("state").encode(), asked["state"].encode()):
        return _not_signed_in("This sign-in was begun in another window.")
    if not request.query.one("code"):
        return _not_signed_in("The identity provider did not sign you in.")
    try:
        token = ports.identity.exchange(
            code=request.query.one("code"), verifier=asked["verifier"], redirect_uri=site.callback
        )
        claims = tokens.verified(
            token, identity=ports.identity, issuer=site.issuer, audience=site.client_id, now=request.now
        )
    except (Refused, tokens.BadToken):
        return _not_signed_in("The identity provider's answer could not be trusted.")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), asked["nonce"].encode()):
        return _not_signed_in("The identity provider's answer was not to this sign-in.")
    person = tokens.person_of(claims, roles_claim=site.roles_claim)
    if not person.roles:
        said = f"You are known as {person.name}, but in none of the groups {', '.join(sorted(ROLES))}. Ask ops for one."
        return _not_signed_in(said)
    kept = sessions.to_cookie(sessions.begun(person), key=ports.console_key, now=request.now)
    done = cookies.made(cookies.SESSION, kept, lasts=sessions.LASTS, site=site)
    return Redirect(to=asked["to"], cookies=(done, cookies.forgotten(cookies.SIGNING_IN, request)))


def end(request: Request) -> Answer:
    """Forget the session in this browser."""
    return Redirect(to="/console/signed-out", cookies=(cookies.forgotten(cookies.SESSION, request),))


def ended(request: Request) -> Answer:
    """What is shown after signing out."""
    site = request.ports.site
    provider = request.ports.identity.end_session_endpoint() if site.issuer else ""
    if provider:
        back = f"{site.url}/console/signed-out"
        # The standard's name for the way back, and Cognito's.
        provider += f"?{urlencode({'client_id': site.client_id, 'post_logout_redirect_uri': back, 'logout_uri': back})}"
    return Page(template="signed_out.html.j2", values={"provider": provider})


def way_back(wanted: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    return wanted if _OURS.fullmatch(wanted) and ".." not in wanted else HOME


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _not_signed_in(said: str) -> Answer:
    values = {"title": "You are not signed in", "said": said, "status": 403}
    return Page(template="error.html.j2", values=values, status=403)


ROUTES: Final = (
    Route("GET", "/console/sign-in", begin, ANYONE),
    Route("GET", "/console/signed-in", finish, ANYONE),
    Route("POST", "/console/sign-out", end, READ),
    Route("GET", "/console/signed-out", ended, ANYONE),
)
