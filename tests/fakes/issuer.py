"""An OpenID provider in memory: its keys, its codes, and tokens as right or as wrong as a test wants them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tollgate.domain.errors import Refused

ISSUER, CLIENT = "https://identity.example", "console"


@cache
def rsa_key(name: str = "first") -> rsa.RSAPrivateKey:
    """An RSA key; made once a run for each name."""
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(kid: str, key: rsa.RSAPrivateKey | None = None) -> dict[str, Any]:
    """The public half of an RSA key, as a provider publishes it."""
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk((key or rsa_key()).public_key(), as_dict=True)
    return {**jwk, "kid": kid, "use": "sig", "alg": "RS256"}


def ec_jwk(kid: str) -> dict[str, Any]:
    """The public half of the P-256 key."""
    return {**jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key(), as_dict=True), "kid": kid, "use": "sig"}


@dataclass
class MemoryIssuer:
    """The port ``IdentityProvider``. ``asked`` lists whether each look at the keys was a fresh one."""

    published: list[dict[str, Any]] = field(default_factory=lambda: [rsa_jwk("rsa-1")])
    rotated: list[dict[str, Any]] | None = None
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    signer: tuple[Any, str, str] | None = None
    asked: list[bool] = field(default_factory=list)

    def authorization_endpoint(self) -> str:
        return f"{ISSUER}/authorize"

    def end_session_endpoint(self) -> str:
        return f"{ISSUER}/logout"

    def keys(self, *, fresh: bool) -> Sequence[Mapping[str, Any]]:
        self.asked.append(fresh)
        if fresh and self.rotated is not None:
            self.published = self.rotated
        return self.published

    def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> str:
        asked = self.codes.pop(code, None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or redirect_uri != asked["redirect_uri"]:
            raise Refused("the identity provider did not accept the code")
        return self.token(nonce=asked["nonce"])

    def token(self, **changes: Any) -> str:
        """A token for whom ``claims`` describe; a claim changed to None is left out."""
        key, algorithm, kid = self.signer or (rsa_key(), "RS256", "rsa-1")
        claims = {name: value for name, value in {**self.claims, **changes}.items() if value is not None}
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})
