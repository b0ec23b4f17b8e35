"""Site: everything the console answers, put together. A page is known once its module's routes are listed here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from tollgate.console import (
    answers,
    close,
    customer,
    exports,
    home,
    invoice_actions,
    invoices,
    messages,
    ops,
    portal_links,
    review,
    sign_in,
    tenants,
)
from tollgate.console.api import Api
from tollgate.console.pages import Pages, Route
from tollgate.console.ports import ConsolePorts

ROUTES: Final[tuple[Route, ...]] = (
    *sign_in.ROUTES,
    *home.ROUTES,
    *review.ROUTES,
    *invoices.ROUTES,
    *invoice_actions.ROUTES,
    *messages.ROUTES,
    *close.ROUTES,
    *tenants.ROUTES,
    *portal_links.ROUTES,
    *ops.ROUTES,
    *customer.ROUTES,
    *exports.ROUTES,
)
PAGES: Final = ("/console", "/usage")


class Site:
    """Pages, assets and the API behind one handler."""

    def __init__(self, *, ports: Callable[[], ConsolePorts], now: Callable[[], datetime], logger: Logger) -> None:
        self._pages = Pages(ROUTES, ports=ports, now=now, logger=logger)
        self._api = Api(ports=ports, now=now, logger=logger)

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """The HTTP API's answer to an event, with the headers that every answer has."""
        path = event["rawPath"]
        below = path.removesuffix("/").partition("/")[2].partition("/")[0]
        resolver = self._pages if f"/{below}" in PAGES else self._api
        return answers.secured(resolver.resolve(event, context))
