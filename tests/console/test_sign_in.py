"""Signing in: the code flow with PKCE, and every way in which an answer of the provider must not be believed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest

from tests.console.conftest import World
from tests.console.visitor import SITE, Visitor
from tests.fakes.issuer import CLIENT, ISSUER, ec_jwk, ec_key, rsa_jwk, rsa_key
from tollgate.console import tokens
from tollgate.console.setting import Setting
from tollgate.console.sign_in import way_back
from tollgate.domain.errors import RetryLater

SESSION = "__Host-tollgate-session"
HOUR = timedelta(hours=1)


def begun(visitor: Visitor, to: str = "") -> dict[str, str]:
    """What the provider is asked when a sign-in begins."""
    seen = visitor.get("/console/sign-in" + (f"?{urlencode({'to': to})}" if to else ""))
    assert seen.status == 303
    assert seen.location.startswith(f"{ISSUER}/authorize?")
    return dict(parse_qsl(urlsplit(seen.location).query))


def test_signing_in_asks_the_provider_for_a_code(world: World) -> None:
    """State, nonce and an S256 challenge are new each time; the secret verifier is not in the address."""
    visitor = world.visitor()
    first, second = begun(visitor), begun(visitor)
    assert first | {"state": "", "nonce": "", "code_challenge": ""} == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{SITE}/console/signed-in",
        "scope": "openid profile email",
        "state": "",
        "nonce": "",
        "code_challenge": "",
        "code_challenge_method": "S256",
    }
    assert not {first["state"], first["nonce"], first["code_challenge"]} & set(second.values())


def test_who_signed_in_has_a_session_and_is_where_they_wanted(world: World) -> None:
    """The cookie is for https, this host, and no script; the way back is the page that was asked for."""
    visitor = world.visitor()
    seen = visitor.sign_in("finance", to="/console/review?sort=-total")
    assert (seen.status, seen.location) == (303, "/console/review?sort=-total")
    [cookie] = [one for one in seen.cookies if one.startswith(SESSION)]
    assert set(cookie.split("; ")[1:]) == {"Path=/", "Max-Age=3600", "HttpOnly", "Secure", "SameSite=Lax"}
    assert visitor.get("/console").status == 200
    assert "Ada Finance" in visitor.get("/console").text


def test_a_page_sends_who_is_not_signed_in_to_sign_in_and_back(world: World) -> None:
    """The address with its query survives the way through the provider."""
    seen = world.visitor().get("/console?sort=-total")
    assert seen.status == 303
    assert seen.location == "/console/sign-in?to=%2Fconsole%3Fsort%3D-total"


def test_a_session_ends_after_an_hour(world: World, signed_in: Callable[..., Visitor]) -> None:
    """A role that was taken away is gone by then."""
    visitor = signed_in("finance")
    world.later(HOUR - timedelta(seconds=1))
    assert visitor.get("/console").status == 200
    world.later(timedelta(seconds=1))
    assert visitor.get("/console").location.startswith("/console/sign-in")


def test_signing_out_forgets_the_session(world: World, signed_in: Callable[..., Visitor]) -> None:
    """The cookie is gone and the page says where else one may still be known."""
    visitor = signed_in("finance")
    visitor.get("/console")
    seen = visitor.submit("/console/sign-out")
    assert seen.location == "/console/signed-out"
    assert SESSION not in visitor.jar
    [there] = re.findall(rf'href="({ISSUER}/logout[^"]+)"', visitor.get("/console/signed-out").text)
    back = f"{SITE}/console/signed-out"
    assert dict(parse_qsl(urlsplit(unescape(there)).query)) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": back,
        "logout_uri": back,
    }
    assert visitor.get("/console").status == 303


@pytest.mark.parametrize(
    "change",
    [
        {"state": "another"},
        {"state": ""},
        {"code": ""},
        {"code": "never-given"},
    ],
)
def test_an_answer_that_does_not_fit_the_question_signs_nobody_in(world: World, change: dict[str, str]) -> None:
    """Another state, no code, or a code the provider does not know: no session."""
    visitor = world.visitor()
    asked = begun(visitor)
    world.identity.codes["code-1"] = asked
    world.identity.claims |= {"sub": "7f3a", "cognito:groups": ["finance"]}
    seen = visitor.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state'], **change})}")
    assert seen.status == 403
    assert SESSION not in visitor.jar


def test_a_code_is_of_no_use_in_another_browser(world: World) -> None:
    """Who lures somebody onto their own way back signs nobody in as themselves."""
    victim, attacker = world.visitor(), world.visitor()
    asked = begun(attacker)
    world.identity.codes["code-1"] = asked
    begun(victim)
    seen = victim.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state']})}")
    assert (seen.status, SESSION in victim.jar) == (403, False)


def test_a_sign_in_may_take_ten_minutes(world: World) -> None:
    """After that it is begun anew."""
    visitor = world.visitor()
    asked = begun(visitor)
    world.identity.codes["code-1"] = asked
    world.later(timedelta(minutes=10))
    assert visitor.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state']})}").status == 403


def test_who_has_no_role_is_told_so_and_gets_no_session(world: World) -> None:
    """To be known to the provider is not enough."""
    visitor = world.visitor()
    seen = visitor.sign_in("everyone", name="Nora <b>Lind</b>")
    assert seen.status == 403
    assert "Nora &lt;b&gt;Lind&lt;/b&gt;" in seen.text
    assert SESSION not in visitor.jar


FORGERIES: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "for another audience": {"aud": "another-client"},
    "for several, issued to another": {"aud": [CLIENT, "another"], "azp": "another"},
    "for several, issued to nobody": {"aud": [CLIENT, "another"]},
    "expired": {"exp": 1},
    "of the future": {"iat": 9_999_999_999},
    "not yet valid": {"nbf": 9_999_999_999},
    "without an end": {"exp": None},
    "without an issuer": {"iss": None},
    "without an audience": {"aud": None},
    "without a subject": {"sub": None},
    "with an empty subject": {"sub": " "},
    "with an end in words": {"exp": "tomorrow"},
    "for access": {"token_use": "access"},
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_token_that_is_not_for_us_is_refused(world: World, change: dict[str, Any]) -> None:
    """Signed by the right key, and still not to be believed: at sign-in and as a bearer token alike."""
    visitor = world.visitor()
    world.identity.claims |= change
    asked = begun(visitor)
    world.identity.codes["code-1"] = asked
    base = {"sub": "7f3a", "cognito:groups": ["finance"]}
    world.identity.claims = base | world.identity.claims
    seen = visitor.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state']})}")
    assert (seen.status, SESSION in visitor.jar) == (403, False)
    assert visitor.get("/api/tenants/acme/usage", authorization=f"Bearer {world.identity.token()}").status == 401


def forged(claims: dict[str, Any], how: str) -> str:
    """A token with the right content and a wrong proof."""
    right = jwt.encode(claims, rsa_key(), algorithm="RS256", headers={"kid": "rsa-1"})
    head, body, signature = right.split(".")
    match how:
        case "another key under the same name":
            return jwt.encode(claims, rsa_key("forger"), algorithm="RS256", headers={"kid": "rsa-1"})
        case "no signature":
            return f"{head}.{body}."
        case "one bit changed":
            flipped = ("A" if signature[10] != "A" else "B").join([signature[:10], signature[11:]])
            return f"{head}.{body}.{flipped}"
        case "algorithm none":
            return jwt.encode(claims, "", algorithm="none", headers={"kid": "rsa-1"})
        case "the public key as a shared secret":
            jwk = rsa_jwk("rsa-1")["n"]
            return jwt.encode(claims, jwk, algorithm="HS256", headers={"kid": "rsa-1"})
        case "another algorithm of the same key":
            return jwt.encode(claims, rsa_key(), algorithm="RS512", headers={"kid": "rsa-1"})
        case "an unknown key":
            return jwt.encode(claims, rsa_key("forger"), algorithm="RS256", headers={"kid": "rsa-2"})
        case "another kind of key":
            return jwt.encode(claims, ec_key(), algorithm="ES256", headers={"kid": "rsa-1"})
        case "not a token":
            return "a.b.c"
    raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        "another key under the same name",
        "no signature",
        "one bit changed",
        "algorithm none",
        "the public key as a shared secret",
        "another algorithm of the same key",
        "an unknown key",
        "another kind of key",
        "not a token",
    ],
)
def test_a_forged_token_is_refused(world: World, how: str) -> None:
    """Whatever its header claims, a token needs the provider's signature by a pinned algorithm."""
    claims = {**world.identity.claims, "sub": "7f3a", "cognito:groups": ["finance"]}
    token = forged(claims, how)
    with pytest.raises(tokens.BadToken):
        tokens.verified(token, identity=world.identity, issuer=ISSUER, audience=CLIENT, now=world.now)
    assert world.visitor().get("/api/tenants/acme/usage", authorization=f"Bearer {token}").status == 401


def test_a_token_for_another_sign_in_is_refused(world: World) -> None:
    """A right token that was given to somebody's other sign-in has the wrong nonce."""
    visitor = world.visitor()
    asked = begun(visitor)
    world.identity.codes["code-1"] = {**asked, "nonce": "of-another-sign-in"}
    world.identity.claims |= {"sub": "7f3a", "cognito:groups": ["finance"]}
    seen = visitor.get(f"/console/signed-in?{urlencode({'code': 'code-1', 'state': asked['state']})}")
    assert (seen.status, SESSION in visitor.jar) == (403, False)


def test_elliptic_keys_are_as_good(world: World) -> None:
    """ES256 is the other of the two algorithms."""
    world.identity.published = [ec_jwk("ec-1"), rsa_jwk("rsa-1")]
    world.identity.signer = (ec_key(), "ES256", "ec-1")
    assert world.visitor().sign_in("ops").status == 303


def test_a_rotated_key_is_looked_for_once(world: World) -> None:
    """A key id that is not known yet asks the provider anew, and then it is known."""
    world.identity.rotated = [rsa_jwk("rsa-2", rsa_key("second"))]
    world.identity.signer = (rsa_key("second"), "RS256", "rsa-2")
    assert world.visitor().sign_in("ops").status == 303
    assert world.identity.asked == [False, True]


def test_clocks_may_differ_by_a_minute(world: World) -> None:
    """A token that ended less than a minute ago is still taken; one second more and it is not."""
    stamp = int(world.now.timestamp())
    world.identity.claims |= {"sub": "7f3a", "iat": stamp + 60, "exp": stamp - 59}

    def verified(**changes: Any) -> Any:
        token = world.identity.token(**changes)
        return tokens.verified(token, identity=world.identity, issuer=ISSUER, audience=CLIENT, now=world.now)

    assert verified()["sub"] == "7f3a"
    for late in ({"exp": stamp - 60}, {"iat": stamp + 61}):
        with pytest.raises(tokens.BadToken):
            verified(**late)


@pytest.mark.parametrize(
    ("claims", "roles", "name"),
    [
        ({"cognito:groups": ["finance", "ops"]}, {"finance", "ops"}, "s"),
        ({"cognito:groups": "finance, read-only"}, {"finance", "read-only"}, "s"),
        ({"cognito:groups": {"finance": True}}, set(), "s"),
        ({"cognito:groups": [["finance"], 7, None]}, set(), "s"),
        ({"groups": ["finance"]}, set(), "s"),
        ({"email": "ada@example.com"}, set(), "ada@example.com"),
        ({"name": "Ada", "email": "ada@example.com"}, set(), "Ada"),
    ],
)
def test_roles_come_from_the_claim_that_is_configured(claims: dict[str, Any], roles: set[str], name: str) -> None:
    """Lists and words of known groups become roles; anything else gives none."""
    person = tokens.person_of({"sub": "s", **claims}, roles_claim="cognito:groups")
    assert (set(person.roles), person.name, person.subject) == (roles, name, "s")


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/console/review", "/console/review"),
        ("/console/invoices/acme/2026-03-01?sort=-total&q=a+b", "/console/invoices/acme/2026-03-01?sort=-total&q=a+b"),
        ("", "/console"),
        ("https://evil.example/console", "/console"),
        ("//evil.example/console", "/console"),
        ("/console/../usage", "/console"),
        ("/console\\@evil.example", "/console"),
        ("/consoles", "/console"),
        ("/console\r\nSet-Cookie: a=b", "/console"),
        ("javascript:alert(1)", "/console"),
    ],
)
def test_the_way_back_is_a_page_of_ours(wanted: str, goes: str) -> None:
    """Nobody is sent elsewhere by a link to our sign-in."""
    assert way_back(wanted) == goes


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://identity.example"},
        {"issuer": ""},
        {"client_id": ""},
        {"url": ""},
        {"url": "http://console.example"},
    ],
)
def test_in_the_cloud_nobody_signs_in_without_a_provider_over_https(world: World, change: dict[str, Any]) -> None:
    """No provider, no address, or plain http: sign-in is off, and there is no other way in."""
    world.ports.site = replace(world.ports.site, **change)
    visitor = world.visitor()
    assert visitor.get("/console/sign-in").status == 503
    assert visitor.get("/console/signed-in?code=code-1&state=x").status == 503
    token = world.identity.token(sub="7f3a", **{"cognito:groups": ["finance"]})
    assert visitor.get("/api/tenants/acme/usage", authorization=f"Bearer {token}").status in (401, 503)
    assert SESSION not in visitor.jar


def test_plain_http_is_for_the_local_installation_alone() -> None:
    """The very same setting is refused once it is not local."""
    local = Setting(url="http://127.0.0.1:8080", issuer="http://127.0.0.1:8081", client_id="console", local=True)
    assert local.checked() is local
    assert not local.secure
    with pytest.raises(RetryLater, match="https"):
        replace(local, local=False).checked()
    assert replace(local, local=False).secure
