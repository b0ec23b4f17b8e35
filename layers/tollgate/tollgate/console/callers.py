"""Callers: who calls the API. The platform and scripts by the platform's key; people by a token or their session.

Always true: keys are compared in constant time; a caller that is not known gets no answer, wherever it asks; a session
changes something only from a page of ours.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError

from tollgate.console import tokens
from tollgate.console.pages import Forged, check_form
from tollgate.console.request import Request
from tollgate.domain.errors import Invalid, Problem
from tollgate.domain.permissions import NotAllowed, Person


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; ``person`` is None for the platform's key."""

    person: Person | None

    def must(self, action: str) -> None:
        """Raises NotAllowed when it is a person whose roles do not allow the action."""
        if self.person is not None:
            self.person.must(action)

    def named(self, by: str | None) -> str:
        """Who acts, for the audit trail: the person, else whom the script names. Raises Invalid."""
        if self.person is not None:
            if by not in (None, self.person.subject):
                raise Invalid("request", [Problem("body.by", "leave it out, your token says who you are")])
            return self.person.subject
        if by is None:
            raise Invalid("request", [Problem("body.by", "expected the name of who does this")])
        return by


def caller_of(request: Request) -> Caller:
    """Who calls. Raises UnauthorizedError for nobody known; NotAllowed for a session's request from another site."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(credential.strip(), request)
    if scheme or request.session is None:
        raise UnauthorizedError("send the platform's key, or an ID token, as a bearer token")
    if request.method != "GET":
        try:
            check_form(request, request.headers.get("x-csrf-token", ""))
        except Forged as error:
            raise NotAllowed(request.person.subject, "call this from another site") from error
    return Caller(request.person)


def _bearer(credential: str, request: Request) -> Caller:
    if hmac.compare_digest(credential.encode(), request.ports.platform_key.encode()):
        return Caller(None)
    site = request.ports.site
    if credential.count(".") != 2 or not site.client_id:
        raise UnauthorizedError("send the platform's key, or an ID token, as a bearer token")
    site = site.checked()
    try:
        claims = tokens.verified(
            credential, identity=request.ports.identity, issuer=site.issuer, audience=site.client_id, now=request.now
        )
    except tokens.BadToken as error:
        raise UnauthorizedError("the token was refused") from error
    return Caller(tokens.person_of(claims, roles_claim=site.roles_claim))
