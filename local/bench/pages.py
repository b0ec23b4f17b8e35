"""The console's pages through its own handler: what each asks of DynamoDB, and how long its answer is.

Always true: a page that is not answered with 200 is an error, not a figure; so is one whose cost on rows made by
``many`` is another than on the same rows in real tables.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from aws_lambda_powertools import Logger

from local.bench import many
from local.bench.counting import Cost, CountingClient
from local.bench.kept import KeptClient, Packed
from local.bench.many import BURST, LARGE, PERIOD, USUAL
from local.bench.tables import ACCOUNTS, LEDGER, Tables
from tollgate.console import cookies, links, sessions
from tollgate.console.site import Site
from tollgate.domain.permissions import FINANCE, OPS, Person
from tollgate.domain.statement import line_key
from tollgate.runtime import Runtime
from tollgate.settings import Settings

SITE: Final = "https://console.bench.example"
KEY: Final = "a key for the benchmark"
MONTH: Final = f"{PERIOD:%Y-%m}"
REAL: Final[many.Kept] = {LARGE: {date(2026, 12, 14): 150, BURST: 150}}
"""Records in real tables: more than a page."""
SETTINGS: Final = Settings(
    ledger_table=LEDGER,
    accounts_table=ACCOUNTS,
    console_url=SITE,
    console_key_secret="console",
    platform_key_secret="platform",
    archive_bucket="archive",
    queue_urls=",".join(f"https://sqs.example/000000000000/tollgate-{name}" for name in ("receipts", "receipts-dlq")),
    ops_email="ops@bench.example",
    finance_email="finance@bench.example",
    oidc_issuer="https://issuer.example",
    oidc_client_id="bench",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A page: what it asked of DynamoDB, the bytes of its answer, and those of the styles and scripts it names."""

    name: str
    cost: Cost
    size_bytes: int
    assets_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page to measure. ``then``: what of the page before is followed instead of an address."""

    name: str
    address: str = ""
    then: str = ""


class NotAnsweredError(Exception):
    """A page was refused, or costs something else than it was said to."""


class Elsewhere:
    """The services that pages ask beside DynamoDB, each with nothing to say but its keys."""

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        return {"SecretString": KEY, "Name": request["SecretId"]}

    def list_objects_v2(self, **_request: Any) -> dict[str, Any]:
        return {}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        arn = f"arn:aws:sqs:us-east-1:000000000000:{request['QueueUrl'].rpartition('/')[2]}"
        return {"Attributes": {**dict.fromkeys(request["AttributeNames"], "0"), "QueueArn": arn, "RedrivePolicy": ""}}


class Browser:
    """Somebody of finance and ops who opens pages of a site whose tables are reached by a client."""

    def __init__(self, client: Any) -> None:
        self._counting, elsewhere = CountingClient(client, indexes={}), Elsewhere()
        self._runtime = Runtime(
            SETTINGS,
            count=lambda _name, _value: None,
            client=lambda service: self._counting if service == "dynamodb" else elsewhere,
        )
        self._site = Site(
            ports=lambda: self._runtime, now=lambda: many.NOW, logger=Logger(service="bench", level="CRITICAL")
        )
        session = sessions.begun(Person(subject="bench", name="Ada", roles=frozenset({FINANCE, OPS})))
        self._session = sessions.to_cookie(session, key=KEY.encode(), now=many.NOW)
        self.portal = links.address(LARGE, generation=0, site="", key=KEY.encode(), now=many.NOW)

    def open(self, asked: Asked, before: str) -> tuple[Measured, str]:
        """A page and its text; ``before`` is the page before. Raises NotAnsweredError."""
        address = asked.address or _led_to(before, asked)
        self._counting.cost = Cost()
        text = self._get(address)
        cost = self._counting.cost
        named = set(re.findall(r'(?:href|src)="(/console/static/[^"]+)"', text))
        assets = sum(len(self._get(one).encode()) for one in named)
        return Measured(name=asked.name, cost=cost, size_bytes=len(text.encode()), assets_bytes=assets), text

    def _get(self, address: str) -> str:
        parts = urlsplit(address)
        event = {
            "version": "2.0",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "queryStringParameters": dict(parse_qsl(parts.query)),
            "headers": {"authorization": f"Bearer {KEY}"} if _is_api(address) else {},
            "cookies": [f"{cookies.name(cookies.SESSION, self._runtime.site)}={self._session}"],
            "requestContext": {"http": {"method": "GET", "path": parts.path}, "stage": "$default"},
            "isBase64Encoded": False,
        }
        answer = self._site.answer(event, None)
        if answer["statusCode"] != 200:
            raise NotAnsweredError(f"{address}: {answer['statusCode']}")
        return _text(answer)


def _is_api(address: str) -> bool:
    return not address.startswith(("/console", "/usage"))


def _text(answer: Mapping[str, Any]) -> str:
    body = answer.get("body") or ""
    return (base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()).decode(errors="replace")


def _led_to(page: str, asked: Asked) -> str:
    found = re.search(asked.then, page)
    if found is None:
        raise NotAnsweredError(f"nothing on the page before leads to: {asked.name}")
    return unescape(found[1])


def _invoice(tenant: str) -> str:
    return f"/console/invoices/{tenant}/{PERIOD}"


def asked(portal: str) -> list[Asked]:
    """Every page, in the order of a day's work; ``portal``: the customer's address."""
    line = quote(line_key(many.SMS), safe="")
    of_large = _invoice(LARGE)
    one = urlencode(many.message(BURST, 7)._asdict())
    return [
        Asked(name="review of a month", address=f"/console/review?month={MONTH}"),
        Asked(name="invoices of a month", address=f"/console/invoices?month={MONTH}"),
        Asked(name="close report of a month", address=f"/console/close?month={MONTH}"),
        Asked(name="tenants", address="/console/tenants"),
        Asked(name="ops", address="/console/ops"),
        Asked(name="a tenant", address=f"/console/tenants/{USUAL}"),
        Asked(name="an invoice", address=_invoice(USUAL)),
        Asked(name="a statement to print", address=f"{_invoice(USUAL)}/statement"),
        Asked(name="large: the tenant", address=f"/console/tenants/{LARGE}"),
        Asked(name="large: an invoice", address=of_large),
        Asked(name="large: an invoice, its message searched", address=f"{of_large}?crossing=find"),
        Asked(name="large: a statement to print", address=f"{of_large}/statement"),
        Asked(name="large: messages of a line", address=f"{of_large}/messages?line={line}"),
        Asked(name="large: the next page of them", then=r'href="([^"]*cursor=[^"]*)"'),
        Asked(name="large: messages, none fits the filter", address=f"{of_large}/messages?market=Nowhere"),
        Asked(name="large: a message", address=f"/console/messages/{LARGE}?{one}"),
        Asked(name="large: the customer's page", address=portal),
        Asked(name="large, JSON: standing", address=f"/tenants/{LARGE}/standing"),
        Asked(name="large, JSON: usage", address=f"/api/tenants/{LARGE}/usage"),
        Asked(name="large, JSON: invoices", address=f"/api/tenants/{LARGE}/invoices"),
    ]


def opened(client: Any) -> Iterator[Measured]:
    """Every page over the tables that a client reaches."""
    browser, text = Browser(client), ""
    for page in asked(browser.portal):
        measured, text = browser.open(page, text)
        yield measured


def measure(tables: Tables) -> list[Measured]:
    """Every page at full size. Raises NotAnsweredError also when real tables and made rows differ where both can be."""
    many.write(tables.uncounted(), REAL)
    items = {name: list(_items(tables.client, name)) for name in (LEDGER, ACCOUNTS)}
    real = list(opened(tables.client))
    made = list(opened(KeptClient(many.Grown(items, records=REAL))))
    for one, other in zip(real, made, strict=True):
        if one != other:
            raise NotAnsweredError(f"{one.name}: {one} in real tables, {other} of made rows")
    return list(opened(KeptClient(many.Grown(items, tenants=many.TENANTS, records=many.kept()))))


def _items(client: Any, table: str) -> Iterator[Packed]:
    for page in client.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]
