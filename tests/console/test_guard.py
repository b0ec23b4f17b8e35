"""What stands before every page: who may pass, what a form must carry, and what every answer must say to browsers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.console.conftest import CONSOLE_KEY, NOW, PLATFORM_KEY, World
from tests.console.visitor import SITE, Seen, Visitor, event_of, seen_of
from tollgate.console import assets, links, seals, sessions
from tollgate.console.answers import Answer, Flash, Page, Redirect
from tollgate.console.pages import ANYONE, CUSTOMER, Route, guard
from tollgate.console.request import Request, read
from tollgate.console.site import ROUTES, Site
from tollgate.domain.errors import Conflict, Invalid, NotFound, Problem, RetryLater
from tollgate.domain.permissions import ALLOWED, OPEN_HOLD, READ, NotAllowed, Person

SESSION = "__Host-tollgate-session"
ROOM = Path(assets.__file__).parent


def address(route: Route) -> str:
    """An address that a route answers."""
    return re.sub(r"<\w+>", "x", route.path)


def person(*roles: str) -> Person:
    """Somebody."""
    return Person(subject="7f3a", name="Ada", roles=frozenset(roles))


# --- the table of routes ----------------------------------------------------------------------------------------------


def test_every_route_names_what_it_needs() -> None:
    """An action of the permission table, a customer's link, or nobody; and only signing in and out need nobody."""
    assert {route.needs for route in ROUTES} <= {*ALLOWED, ANYONE, CUSTOMER}
    open_ones = {route.path for route in ROUTES if route.needs == ANYONE}
    assert open_ones == {"/console/sign-in", "/console/signed-in", "/console/signed-out"}
    assert all(("<link>" in route.path) == (route.needs == CUSTOMER) for route in ROUTES)


def test_no_route_is_there_twice() -> None:
    """Of two rows for one address the second would never be asked."""
    rows = [(route.method, re.sub(r"<\w+>", "<>", route.path)) for route in ROUTES]
    assert len(rows) == len(set(rows))


def test_only_get_and_post_are_used() -> None:
    """A form knows no other method, and GET changes nothing."""
    assert {route.method for route in ROUTES} <= {"GET", "POST"}


@pytest.mark.parametrize("route", [r for r in ROUTES if r.needs in ALLOWED], ids=lambda r: f"{r.method} {r.path}")
def test_nobody_passes_without_a_session(world: World, route: Route) -> None:
    """GET leads to signing in; a POST is refused, and tells so."""
    visitor = world.visitor()
    seen = visitor.get(address(route)) if route.method == "GET" else visitor.submit(address(route))
    assert seen.status == (303 if route.method == "GET" else 401)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.needs in ALLOWED], ids=lambda r: f"{r.method} {r.path}")
def test_a_role_that_may_not_is_refused(world: World, route: Route) -> None:
    """Each row lets in exactly the roles of its action."""
    request = read(event_of(route.method, address(route), headers={"origin": SITE}, cookies={}, body=None),
                   ports=world.ports, now=NOW)  # fmt: skip
    for role in ("finance", "ops", "read-only"):
        session = sessions.Session(id="1", person=person(role))
        token = sessions.form_token("1", key=CONSOLE_KEY)
        asking = Request(**{**fields(request), "session": session, "headers": {"origin": SITE, "x-csrf-token": token}})
        if role in ALLOWED[route.needs]:
            guard(asking, route)
        else:
            with pytest.raises(NotAllowed):
                guard(asking, route)


def fields(request: Request) -> dict[str, Any]:
    """A request's fields, to make another of them."""
    return {name: getattr(request, name) for name in Request.__slots__}


# --- a site of its own, to see what the guard does with each kind of row ---------------------------------------------


def shows(request: Request) -> Answer:
    """A page."""
    return Page(template="signed_out.html.j2", values={"provider": ""})


def acts(request: Request) -> Answer:
    """Something that changes."""
    who = request.customer.subject if request.customer else request.person.subject
    done.append(who)
    return Redirect(to="/console", flash=Flash("good", f"Done by <{who}>"))


def breaks(request: Request, how: str) -> Answer:
    """Every way in which a page fails."""
    raise {
        "missing": NotFound("invoice", "acme/2026-03-01"),
        "invalid": Invalid("hold", [Problem("note", "expected a reason")]),
        "moved": Conflict("arn:aws:dynamodb row 7"),
        "away": RetryLater("secret arn:aws:x cannot be read"),
        "fault": ZeroDivisionError("the table accounts at row 7"),
    }[how]


done: list[str] = []
SAMPLE = (
    Route("GET", "/console/sample", shows, READ),
    Route("POST", "/console/sample", acts, OPEN_HOLD),
    Route("GET", "/console/breaks/<how>", breaks, READ),
    Route("GET", "/usage/<link>/sample", shows, CUSTOMER),
    Route("POST", "/usage/<link>/sample", acts, CUSTOMER),
)


@pytest.fixture
def sample(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The site with rows of the test."""
    done.clear()
    monkeypatch.setattr("tollgate.console.site.ROUTES", (*ROUTES, *SAMPLE))
    world.__post_init__()
    return world


def browser(world: World, *groups: str) -> Visitor:
    """Somebody's browser, with the sample page open."""
    visitor = world.visitor()
    visitor.sign_in(*groups)
    visitor.get("/console/sample")
    return visitor


def test_a_form_of_ours_is_accepted(sample: World) -> None:
    """With the page's token, from our address, by somebody who may; the person's subject is who did it."""
    visitor = browser(sample, "finance")
    seen = visitor.submit("/console/sample")
    assert (seen.status, seen.location) == (303, "/console")
    assert done == ["7f3a-ada"]


def test_what_was_done_is_said_once_on_the_next_page(sample: World) -> None:
    """The message is escaped, and gone after a reload."""
    visitor = browser(sample, "finance")
    visitor.submit("/console/sample")
    assert "Done by &lt;7f3a-ada&gt;" in visitor.get("/console/sample").text
    assert "Done by" not in visitor.get("/console/sample").text


@pytest.mark.parametrize(
    "sent",
    [
        {"csrf": ""},
        {"csrf": "AAAA"},
        {"csrf": "käse"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://console.example"},
        {"origin": f"{SITE}.evil.example"},
    ],
)
def test_a_form_from_elsewhere_changes_nothing(sample: World, sent: dict[str, str]) -> None:
    """No token or another one, another site or none named: refused, whatever the cookie says."""
    visitor = browser(sample, "finance")
    headers = {"origin": sent.get("origin", SITE)}
    seen = visitor.post("/console/sample", {"csrf": sent.get("csrf", visitor.csrf)}, **headers)
    assert (seen.status, done) == (403, [])


def test_a_token_fits_one_session_alone(sample: World) -> None:
    """Even of the same person: a token that leaked from one sign-in is of no use in the next."""
    first, second = browser(sample, "finance"), browser(sample, "finance")
    assert first.csrf != second.csrf
    seen = second.post("/console/sample", {"csrf": first.csrf}, origin=SITE)
    assert (seen.status, done) == (403, [])


def test_htmx_may_send_the_token_as_a_header(sample: World) -> None:
    """And is told where to go by a header of its own, since it would follow a redirect into the page."""
    visitor = browser(sample, "ops")
    seen = visitor.post("/console/sample", {}, origin=SITE, x_csrf_token=visitor.csrf, hx_request="true")
    assert (seen.status, seen.headers["hx-redirect"]) == (204, "/console")
    assert done == ["7f3a-ada"]


def test_read_only_changes_nothing(sample: World) -> None:
    """The page is shown, its form is refused."""
    visitor = browser(sample, "read-only")
    seen = visitor.submit("/console/sample")
    assert (seen.status, done) == (403, [])
    assert "does not allow you to open hold" in seen.words


def cookie(content: dict[str, Any], *, key: bytes = CONSOLE_KEY, purpose: str = sessions.PURPOSE) -> str:
    """A session's cookie by whoever has a key."""
    full = {"id": "1", "sub": "7f3a", "name": "Ada", "roles": ["finance"], **content}
    return seals.sealed(full, key=key, purpose=purpose, until=NOW + timedelta(hours=1))


def altered(value: str) -> str:
    """The cookie of read-only with finance written into it, under the old seal."""
    body, _, seal = value.partition(".")
    content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps({**content, "roles": ["finance"]}).encode()).decode().rstrip("=")
    return f"{changed}.{seal}"


@pytest.mark.parametrize(
    "value",
    [
        cookie({}, key=b"another key"),
        cookie({}, purpose="usage-link"),
        cookie({}, purpose="signing-in"),
        altered(cookie({"roles": ["read-only"]})),
        cookie({}).partition(".")[0],
        cookie({}).partition(".")[0] + ".",
        cookie({})[:-1],
        cookie({}) + "A",
        "",
        ".",
        "eyJhIjoxfQ.AAAA",
        "x" * 5000,
    ],
)
def test_a_forged_cookie_is_nobody(sample: World, value: str) -> None:
    """Another key, another purpose, another content, half a seal: as if there were no cookie."""
    visitor = sample.visitor()
    visitor.jar[SESSION] = cookie({})
    assert visitor.get("/console/sample").status == 200
    visitor.jar[SESSION] = value
    assert visitor.get("/console/sample").status == 303
    assert visitor.submit("/console/sample").status == 401
    assert visitor.get("/api/tenants/acme/usage").status == 401


def test_a_cookie_without_the_prefix_is_nobody(sample: World) -> None:
    """In the cloud the unprefixed name, which a neighbouring host could set, means nothing."""
    visitor = sample.visitor()
    visitor.jar["tollgate-session"] = cookie({})
    assert visitor.get("/console/sample").status == 303


def test_unknown_roles_in_a_cookie_are_none(sample: World) -> None:
    """A role that was taken out of the product is not carried on by old cookies."""
    visitor = sample.visitor()
    visitor.jar[SESSION] = cookie({"roles": ["root"]})
    assert visitor.get("/console/sample").status == 403


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("missing", 404, "does not exist"),
        ("invalid", 400, "expected a reason"),
        ("moved", 409, "decide again"),
        ("away", 503, "Try again"),
        ("fault", 500, "has been logged"),
        ("%3Cb%3E", 500, "has been logged"),
    ],
)
def test_a_failing_page_says_what_to_do_and_nothing_of_our_insides(
    sample: World, how: str, status: int, says: str
) -> None:
    """The status fits, the layout is there, and what is for the log is in the log alone."""
    seen = browser(sample, "finance").get(f"/console/breaks/{how}")
    assert seen.status == status
    assert says in seen.words
    assert "Ada Finance" in seen.text
    assert not re.search("arn:|row 7|Traceback|KeyError", seen.text)
    assert bool(sample.log.getvalue()) == (status >= 500)


def test_an_address_nobody_answers_is_a_page_too(sample: World) -> None:
    """404 with the layout, signed in or not, on both parts of the site."""
    for path in ("/console/no/such", "/usage", "/console/static/none.css"):
        seen = sample.visitor().get(path)
        assert (seen.status, "nothing at this address" in seen.words) == (404, True)


def test_who_is_signed_in_keeps_the_navigation_where_nothing_is(sample: World) -> None:
    """A wrong address is no reason to look signed out; and a customer is never asked to sign in."""
    assert "Ada Finance" in browser(sample, "finance").get("/console/no/such").text
    assert "/console/sign-in" in sample.visitor().get("/console/no/such").text
    for path in ("/usage", "/usage/broken"):
        assert "/console/sign-in" not in sample.visitor().get(path).text


# --- a customer's link ------------------------------------------------------------------------------------------------


def test_a_link_opens_its_tenants_page_and_acts_in_its_name(sample: World) -> None:
    """Nobody signs in; the audit trail learns that it was the customer."""
    visitor = sample.visitor()
    page = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW) + "/sample"
    assert visitor.get(page).status == 200
    assert visitor.submit(page).status == 303
    assert done == ["customer:acme"]


def test_a_link_ends(sample: World) -> None:
    """After its days it is a page that says how to get a new one."""
    page = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW) + "/sample"
    sample.later(links.LASTS)
    seen = sample.visitor().get(page)
    assert (seen.status, "next mail brings a new one" in seen.words) == (404, True)


def test_a_link_is_no_session_and_a_session_is_no_link(sample: World) -> None:
    """What opens a customer's page opens nothing of the console, and the other way round."""
    page = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW) + "/sample"
    visitor = sample.visitor()
    visitor.jar[SESSION] = page.removeprefix("/usage/").removesuffix("/sample")
    assert visitor.get("/console/sample").status == 303
    assert visitor.get(f"/usage/{cookie({})}/sample").status == 404


def test_a_person_who_opens_a_link_acts_as_the_customer(sample: World) -> None:
    """Staff who look at a customer's page do not bring their own rights along."""
    visitor = browser(sample, "finance")
    page = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW) + "/sample"
    assert "Ada Finance" not in visitor.get(page).text
    visitor.submit(page)
    assert done == ["customer:acme"]


# --- what every answer says to browsers -------------------------------------------------------------------------------


def everything(world: World) -> list[Seen]:
    """One answer of each kind: pages, redirects, refusals, assets, the API and its refusals."""
    visitor = browser(world, "finance")
    asked = ["/console", "/console/sample", "/console/breaks/fault", "/console/breaks/away", "/console/none", "/usage",
             "/console/sign-in", assets.address("console.css"), "/api/openapi.json", "/api/none"]  # fmt: skip
    stranger = world.visitor()
    answers = [visitor.get(path) for path in asked] + [stranger.get(path) for path in asked]
    return [*answers, visitor.post("/console/sample", {}), visitor.submit("/console/sample")]


def test_every_answer_has_the_security_headers(sample: World) -> None:
    """Pages, redirects, errors, files and the API alike."""
    for seen in everything(sample):
        policy = dict(part.strip().split(" ", 1) for part in seen.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in seen.headers["content-security-policy"]
        assert seen.headers["x-content-type-options"] == "nosniff"
        assert seen.headers["referrer-policy"] == "same-origin"
        assert "max-age" in seen.headers["strict-transport-security"]


def test_nothing_that_is_somebodys_is_cached(sample: World) -> None:
    """Only files, whose names hold their content, may be kept."""
    for seen in everything(sample):
        if "immutable" in seen.headers.get("cache-control", ""):
            assert seen.headers["content-type"].startswith(("text/css", "text/javascript", "image/"))
        elif seen.headers.get("content-type", "").startswith("text/html"):
            assert seen.headers["cache-control"] == "no-store"


def test_no_template_has_inline_script_or_style() -> None:
    """The policy would block it: no script without a file, no style element or attribute, no handler attribute."""
    for path in (ROOM / "templates").rglob("*.j2"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on", text), path.name
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), path.name
        assert not re.search(r"(src|href)=\"(https?:)?//", text), path.name


def test_no_template_switches_escaping_off() -> None:
    """What is markup is made as markup by a function of ours."""
    for path in (ROOM / "templates").rglob("*.j2"):
        assert not re.search(r"\|\s*safe\b|autoescape", path.read_text()), path.name


def test_every_form_that_posts_carries_the_token() -> None:
    """A form without it would be refused by ourselves."""
    for path in (ROOM / "templates").rglob("*.j2"):
        for form in re.findall(r"<form[^>]*method=\"post\"[^>]*>.*?</form>", path.read_text(), re.DOTALL):
            assert "csrf_field()" in form, path.name


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["console.css", "console.js", "htmx.min.js", "icon.svg"])
def test_a_file_is_served_for_a_year_under_a_name_of_its_content(world: World, name: str) -> None:
    """Byte for byte, compressed on the way, with its type."""
    seen = world.visitor().get(assets.address(name))
    assert seen.text == (ROOM / "static" / name).read_text()
    assert seen.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert seen.headers["content-encoding"] == "gzip"
    assert seen.headers["content-type"] == assets.TYPES[Path(name).suffix]


@pytest.mark.parametrize("name", ["console.css", "console.000000000000.css", "..%2Fapi.py", "htmx.LICENSE.txt", ""])
def test_no_other_file_is_served(world: World, name: str) -> None:
    """Neither an old content nor a neighbour of the folder."""
    assert world.visitor().get(f"/console/static/{name}").status == 404


def test_the_first_page_is_light() -> None:
    """Styles and scripts together stay far below the limit of a page; ours below a limit of their own."""
    sizes = {path.name: path.stat().st_size for path in (ROOM / "static").iterdir() if path.suffix in assets.TYPES}
    assert sizes["console.css"] < 20_000
    assert sizes["console.js"] < 10_000
    assert sum(sizes.values()) < 80_000


# --- the API ----------------------------------------------------------------------------------------------------------


def test_the_api_takes_the_key_a_token_or_a_session(world: World, signed_in: Callable[..., Visitor]) -> None:
    """All three find the tenant missing, and so were let in; nothing else was."""
    path, token = "/api/tenants/nobody/usage", world.identity.token(sub="7f3a", **{"cognito:groups": ["read-only"]})
    stranger = world.visitor()
    assert stranger.get(path, authorization=f"Bearer {PLATFORM_KEY}").status == 404
    assert stranger.get(path, authorization=f"Bearer {token}").status == 404
    assert signed_in("read-only").get(path).status == 404
    assert stranger.get(path).status == 401
    assert stranger.get(path, authorization="Basic Zm9vOmJhcg==").status == 401


def test_a_person_without_a_role_is_refused_by_the_api(world: World) -> None:
    """A token of our provider for somebody in no group."""
    token = world.identity.token(sub="7f3a")
    seen = world.visitor().get("/api/tenants/nobody/usage", authorization=f"Bearer {token}")
    assert (seen.status, seen.headers["content-type"]) == (403, "application/problem+json")


def approving(world: World, body: dict[str, Any], **headers: str) -> Seen:
    """An approval over the API."""
    event = event_of("POST", "/api/tenants/acme/invoices/2026-03-01/approve", cookies={},
                     headers={"content-type": "application/json", **headers}, body=None)  # fmt: skip
    return seen_of(world.answer(event | {"body": json.dumps(body)}))


@pytest.mark.parametrize(("groups", "status"), [(["finance"], 404), (["ops"], 403), (["read-only"], 403)])
def test_the_api_asks_for_the_role_too(world: World, groups: list[str], status: int) -> None:
    """Finance gets as far as the missing invoice; others are refused before anything is read."""
    token = world.identity.token(sub="7f3a", **{"cognito:groups": groups})
    assert approving(world, {"revision": 1}, authorization=f"Bearer {token}").status == status


def test_a_person_cannot_act_in_anothers_name(world: World) -> None:
    """The token says who approves; a script with the platform's key must say it."""
    token = world.identity.token(sub="7f3a", **{"cognito:groups": ["finance"]})
    named = approving(world, {"revision": 1, "by": "somebody"}, authorization=f"Bearer {token}")
    nobody = approving(world, {"revision": 1}, authorization=f"Bearer {PLATFORM_KEY}")
    assert (named.status, nobody.status) == (400, 400)
    assert "body.by" in named.text
    assert "body.by" in nobody.text


@pytest.mark.parametrize(
    ("token", "origin", "status"), [(True, SITE, 404), (False, SITE, 403), (True, "https://evil.example", 403)]
)
def test_a_session_changes_something_only_from_a_page_of_ours(
    world: World, signed_in: Callable[..., Visitor], token: bool, origin: str, status: int
) -> None:
    """The cookie alone, which browsers send by themselves, is not enough."""
    visitor = signed_in("finance")
    visitor.get("/console")
    headers = {"content-type": "application/json", "origin": origin, "x-csrf-token": visitor.csrf if token else ""}
    event = event_of("POST", "/api/tenants/acme/invoices/2026-03-01/approve", headers=headers, cookies=visitor.jar,
                     body=None)  # fmt: skip
    assert seen_of(world.answer(event | {"body": '{"revision": 1}'})).status == status


def test_the_api_describes_each_refusal_and_shape(world: World) -> None:
    """Every route of the API names its answer's shape and its refusals; nothing is an unnamed object."""
    spec = json.loads(world.visitor().get("/api/openapi.json").text)
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert "$ref" in json.dumps(schema), f"{method} {path}"
            assert {"400", "401", "403", "404", "409", "503"} <= operation["responses"].keys(), f"{method} {path}"


def test_the_site_is_built_without_asking_for_anything() -> None:
    """At import nothing outside is touched: the ports come with the first request."""

    def never() -> Any:
        raise AssertionError("asked for the ports")

    Site(ports=never, now=never, logger=None)  # type: ignore[arg-type]  # never used
