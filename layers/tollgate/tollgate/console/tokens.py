"""Tokens: what an identity provider's token says, once it is proven to be the provider's, for us and of now.

Always true: the algorithm is one of two and fits the key's kind, whatever the token's header asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tollgate.console.ports import IdentityProvider
from tollgate.domain.errors import TollgateError
from tollgate.domain.permissions import Person, known_roles

if TYPE_CHECKING:
    from jwt import PyJWK
    from jwt.types import Options

KINDS: Final[Mapping[str, tuple[str, str | None]]] = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}
"""Algorithm → kind and curve of its keys."""
OPTIONS: Final[Options] = {
    "require": ["exp", "iat", "iss", "aud", "sub"],
    "verify_exp": False,  # times are compared with `now`, below
    "verify_iat": False,
    "verify_nbf": False,
}
LEEWAY_SECONDS: Final = 60  # between the provider's clock and ours
LONGEST: Final = 16_384


class BadToken(TollgateError):
    """A token is not to be believed. ``reason`` is for the log; callers learn only that it was refused."""

    def __init__(self, reason: str) -> None:
        super().__init__("the token was refused")
        self.reason = reason


def verified(token: str, *, identity: IdentityProvider, issuer: str, audience: str, now: datetime) -> Mapping[str, Any]:
    """The claims of an ID token. Raises BadToken; RetryLater when the provider's keys cannot be had."""
    import jwt  # noqa: PLC0415 - a tenth of a cold start, for those who sign in alone

    if len(token) > LONGEST:
        raise BadToken("too long")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg", "")
        if algorithm not in KINDS:
            raise BadToken("algorithm")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=_key(identity, algorithm, header.get("kid")),
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            options=OPTIONS,
        )
    except jwt.PyJWTError as error:
        raise BadToken(type(error).__name__) from error
    _check_times(claims, now)
    _check_parties(claims, audience)
    return claims


def person_of(claims: Mapping[str, Any], *, roles_claim: str) -> Person:
    """Who a token speaks of. Unknown groups give no role, a missing name falls back to the mail address or subject."""
    subject = str(claims["sub"])
    groups = claims.get(roles_claim, [])
    if isinstance(groups, str):
        groups = groups.replace(",", " ").split()
    names = [group for group in groups if isinstance(group, str)] if isinstance(groups, list) else []
    name = next((str(claims[c]) for c in ("name", "email", "cognito:username") if claims.get(c)), subject)
    return Person(subject=subject[:200], name=name[:100], roles=known_roles(names))


def _key(identity: IdentityProvider, algorithm: str, kid: object) -> PyJWK:
    """The provider's key of that name; asked for anew when it is not known, because keys rotate."""
    from jwt import PyJWK  # noqa: PLC0415 - as above

    for fresh in (False, True):
        fitting = _fitting(identity.keys(fresh=fresh), algorithm, kid)
        if fitting is not None:
            return PyJWK(dict(fitting), algorithm=algorithm)
    raise BadToken("no such key")


def _fitting(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: object) -> Mapping[str, Any] | None:
    kind, curve = KINDS[algorithm]
    found = [
        key
        for key in keys
        if (key.get("kty"), key.get("crv")) == (kind, curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    return found[0] if len(found) == 1 else None


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf") if name in claims}
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in times.values()):
        raise BadToken("a time is no number")
    moment = now.timestamp()
    if moment >= claims["exp"] + LEEWAY_SECONDS:
        raise BadToken("expired")
    if max(claims["iat"], claims.get("nbf", 0)) > moment + LEEWAY_SECONDS:
        raise BadToken("not yet")


def _check_parties(claims: Mapping[str, Any], audience: str) -> None:
    if not isinstance(claims["sub"], str) or not claims["sub"].strip():
        raise BadToken("no subject")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != audience:
        raise BadToken("issued to another party")
    if claims.get("token_use", "id") != "id":  # Cognito says what its tokens are for
        raise BadToken("not an ID token")
