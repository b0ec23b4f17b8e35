"""Pages: from an event to a page's function and back, with the guard that stands before each.

Every route is one row: method, address, function, and what one must be allowed to do. Always true: nothing that a row
does not name is answered; who is not signed in gets no further than the guard; a POST that lacks its page's token, or
comes from another site, changes nothing; every refusal is a page that says what to do.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from tollgate.console import answers, assets, cookies, language, links, look, render, seals, sessions
from tollgate.console.answers import Answer, File, Page, Redirect
from tollgate.console.ports import ConsolePorts
from tollgate.console.request import Request, read
from tollgate.domain.errors import Conflict, Invalid, NotFound, RetryLater, TollgateError
from tollgate.domain.permissions import NotAllowed

type Show = Callable[..., Answer]
"""A page's function: the request first, then what the address names, as keyword arguments."""
ANYONE: Final = "anyone"
CUSTOMER: Final = "customer"
LINK: Final = "link"  # the part of a customer's address that says who they are


@dataclass(frozen=True, slots=True)
class Route:
    """One row. ``needs``: an action of ``domain.permissions``, ``ANYONE``, or ``CUSTOMER``, who is in the address.

    ``path`` names its variable parts: ``/console/tenants/<tenant>``.
    """

    method: str
    path: str
    show: Show
    needs: str


class NotSignedIn(TollgateError):
    """Nobody is signed in, or not any more."""


class Forged(TollgateError):
    """A form did not come from a page that this person was shown."""


STATUS: Final[tuple[tuple[type[TollgateError], HTTPStatus, str], ...]] = (
    (NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (Invalid, HTTPStatus.BAD_REQUEST, "invalid"),
    (NotAllowed, HTTPStatus.FORBIDDEN, "forbidden"),
    (Forged, HTTPStatus.FORBIDDEN, "forged"),
    (NotSignedIn, HTTPStatus.UNAUTHORIZED, "signed-out"),
    (seals.BrokenSeal, HTTPStatus.NOT_FOUND, "link"),
    (Conflict, HTTPStatus.CONFLICT, "conflict"),
    (RetryLater, HTTPStatus.SERVICE_UNAVAILABLE, "later"),
)
"""What people are told, by its name in the catalogues."""
OWN_WORDS: Final = frozenset({"not-found", "invalid", "forbidden"})
"""Where our own people read what the error says. An SDK's words behind a conflict are not for people, and neither is
what is missing in the set-up; a customer reads no error's words at all."""


class Pages:
    """The pages of the site. ``resolve`` answers an event."""

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        ports: Callable[[], ConsolePorts],
        now: Callable[[], datetime],
        logger: Logger,
    ) -> None:
        self._ports, self._now, self._logger = ports, now, logger
        self._app = APIGatewayHttpResolver()
        self._app.exception_handler(Exception)(self._failed)
        self._app.not_found(self._nowhere)
        self._app.get(f"{assets.PATH}<name>")(self._asset)
        for route in routes:
            self._app.route(route.path, method=route.method)(self._answering(route))

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The HTTP API's answer to an event."""
        self._app.context.clear()  # nobody's request outlives its own answer
        return self._app.resolve(event, context)

    def _answering(self, route: Route) -> Callable[..., Response[Any]]:
        def answering(**parts: str) -> Response[Any]:
            named = {name: unquote(value) for name, value in parts.items()}
            request = known(self._request(), route, named)
            self._app.context.update(request=request)
            guard(request, route)
            return self._leaving(route.show(request, **named), request)

        return answering

    def _asset(self, name: str) -> Response[Any]:
        return assets.served(name) or look.served(f"{assets.PATH}{name}", self._ports().brand) or self._nowhere(None)

    def _request(self) -> Request:
        """The request, with whose session it is."""
        request = read(self._app.current_event.raw_event, ports=self._ports(), now=self._now())
        request = replace(request, session=cookies.session_of(request))
        self._app.context.update(request=request)
        return request

    def _leaving(self, answer: Answer, request: Request) -> Response[Any]:
        match answer:
            case Redirect(to=to):
                left = (cookies.flashing(answer.flash, request),) if answer.flash else ()
                return answers.redirect(to, htmx=_is_htmx(request), cookies=(*answer.cookies, *left))
            case File():
                return answers.download(answer)
            case Page():
                flash = cookies.flash_of(request)
                shown = (cookies.forgotten(cookies.FLASH, request),) if flash else ()
                text = render.rendered(answer, request, flash=flash)
                return answers.html(text, status=answer.status, cookies=shown)

    def _failed(self, error: Exception) -> Response[Any]:
        request: Request | None = self._app.context.get("request")
        if isinstance(error, NotSignedIn) and request is not None and request.method == "GET":
            here = request.path + (f"?{self._app.current_event.raw_event.get('rawQueryString')}".rstrip("?"))
            return answers.redirect(f"/console/sign-in?to={quote(here, safe='')}", htmx=_is_htmx(request))
        found = next((row for row in STATUS if isinstance(error, row[0])), None)
        if found is None or isinstance(error, RetryLater):
            self._logger.error("failed", exc_info=error)
        if found is None:
            return self._refused(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", request)
        _kind, status, key = found
        return self._refused(status, key, request, own=str(error) if key in OWN_WORDS else "")

    def _nowhere(self, _error: NotFoundError | None) -> Response[Any]:
        request = None
        with suppress(TollgateError):  # a page that is not there needs nothing of the outside
            request = self._request()
        return self._refused(HTTPStatus.NOT_FOUND, "not-found", request)

    def _refused(self, status: HTTPStatus, key: str, request: Request | None, *, own: str = "") -> Response[Any]:
        """A whole page, whatever part was asked for. ``own``: the error's own words, for our own people."""
        brand, locale, theirs = self._ports().brand, language.locale_of(request), language.is_customers(request)
        page = answers.refused(key, status=status, locale=locale, is_customers=theirs, own=own, address=brand.support)
        text = render.bare(page, brand) if request is None else render.rendered(page, replace(request, headers={}))
        return answers.html(text, status=status)


def known(request: Request, route: Route, named: dict[str, str]) -> Request:
    """The request, with the customer whom its address names. Raises BrokenSeal."""
    if route.needs != CUSTOMER:
        return request
    customer = links.customer_of(named.pop(LINK), key=request.ports.console_key, now=request.now)
    if customer.generation != request.ports.portal_links.generation(customer.tenant):
        raise seals.BrokenSeal
    return replace(request, customer=customer, session=None)


def guard(request: Request, route: Route) -> None:
    """Let the request go on. Raises NotSignedIn, NotAllowed or Forged."""
    if route.needs not in (CUSTOMER, ANYONE):
        if request.session is None:
            raise NotSignedIn
        request.person.must(route.needs)
    if request.method != "GET":
        check_form(request, request.form.one("csrf") or request.headers.get("x-csrf-token", ""))


def check_form(request: Request, token: str) -> None:
    """Raises Forged unless a change was asked for by a page of ours that was shown to this person.

    The browser must say that the request comes from our own address, and the token must be that of the session.
    """
    origin = request.headers.get("origin", "")
    if not hmac.compare_digest(origin.encode(), request.ports.site.url.encode()):
        raise Forged("another site")
    if not request.binding or not sessions.form_token_fits(token, request.binding, key=request.ports.console_key):
        raise Forged("no token of this session")


def _is_htmx(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"
