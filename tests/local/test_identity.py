"""The local OpenID provider: right enough to prove the console's sign-in, and harmless in a cloud."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3

from local import identity
from local.identity import USERS, Issuer
from local.ports import LOOPBACK, free_port
from tollgate.adapters.oidc import OidcProvider
from tollgate.clock import now
from tollgate.console import tokens
from tollgate.console.sign_in import challenge
from tollgate.domain.errors import Refused
from tollgate.domain.permissions import ROLES

SECRET, VERIFIER = "secret-of-the-local-run", "v" * 43
BACK = "http://127.0.0.1:8080/console/signed-in"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A provider that listens."""
    port = free_port()
    built = Issuer(f"http://{LOOPBACK}:{port}", "console", SECRET, BACK)
    server = identity.server(built, port=port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield built
    server.shutdown()
    server.server_close()
    thread.join()


def provider(issuer: Issuer, *, secret: str = SECRET) -> OidcProvider:
    """The product's own client of it."""
    return OidcProvider(issuer.address, client_id="console", secret=lambda: secret)


def question(**changes: str) -> dict[str, str]:
    """What the console asks."""
    asked = {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": BACK,
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    return asked | changes


def chosen(issuer: Issuer, user: str, **changes: str) -> urllib3.BaseHTTPResponse:
    """The answer after somebody chose who to be."""
    body = urlencode({**question(**changes), "user": user}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return urllib3.PoolManager().request(
        "POST", f"{issuer.address}/authorize", body=body, headers=headers, redirect=False
    )


def code(issuer: Issuer, user: str = "frances") -> str:
    """A code for somebody."""
    return dict(parse_qsl(urlsplit(chosen(issuer, user).headers["Location"]).query))["code"]


def test_each_role_has_somebody(issuer: Issuer) -> None:
    """And there is somebody without a role; the page offers them all."""
    page = urllib3.request("GET", f"{provider(issuer).authorization_endpoint()}?{urlencode(question())}").data.decode()
    assert {group for user in USERS.values() for group in user.groups} == ROLES
    assert all(f'value="{subject}"' in page for subject in USERS)
    assert any(not user.groups for user in USERS.values())


@pytest.mark.parametrize("subject", USERS)
def test_the_products_client_understands_it(issuer: Issuer, subject: str) -> None:
    """Discovery, code, token and keys, all over HTTP and all verified as a real provider's are."""
    client = provider(issuer)
    token = client.exchange(code=code(issuer, subject), verifier=VERIFIER, redirect_uri=BACK)
    claims = tokens.verified(token, identity=client, issuer=issuer.address, audience="console", now=now())
    person = tokens.person_of(claims, roles_claim="cognito:groups")
    assert (person.subject, claims["nonce"]) == (subject, "n")
    assert person.roles == set(USERS[subject].groups)


def test_a_code_works_once(issuer: Issuer) -> None:
    """A second try is refused, as is one with another verifier, address or secret."""
    client, given = provider(issuer), code(issuer)
    client.exchange(code=given, verifier=VERIFIER, redirect_uri=BACK)
    with pytest.raises(Refused):
        client.exchange(code=given, verifier=VERIFIER, redirect_uri=BACK)
    with pytest.raises(Refused):
        client.exchange(code=code(issuer), verifier="x" * 43, redirect_uri=BACK)
    with pytest.raises(Refused):
        client.exchange(code=code(issuer), verifier=VERIFIER, redirect_uri="http://127.0.0.1:1/")
    with pytest.raises(Refused):
        provider(issuer, secret="another").exchange(code=code(issuer), verifier=VERIFIER, redirect_uri=BACK)


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"},
        {"client_id": "another"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"state": ""},
    ],
)
def test_what_the_console_did_not_ask_is_refused(issuer: Issuer, change: dict[str, str]) -> None:
    """No code leaves for another address, client or kind of flow."""
    assert chosen(issuer, "frances", **change).status == 400
    assert not issuer.codes


def test_nobody_else_can_be_chosen(issuer: Issuer) -> None:
    """Only the people on the page; the page comes back."""
    assert chosen(issuer, "root").status == 200
    assert not issuer.codes


def test_the_product_does_not_know_it() -> None:
    """No module of the layer and no function names it: what is deployed cannot start it."""
    root = Path(identity.__file__).parents[1]
    for folder in ("layers/tollgate/tollgate", "functions"):
        assert not [path for path in (root / folder).rglob("*.py") if "local.identity" in path.read_text()]
