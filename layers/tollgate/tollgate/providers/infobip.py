"""Infobip: delivery reports in batches, proven by the credentials that its notification profile was given.

Sources: infobip.com/docs, subscriptions and notification profiles; the delivery reports of infobip-api-python-client
(2025-11-28). What matters: a report does not name its channel, so each channel has an address of its own
(``/webhooks/infobip?channel=whatsapp``; texts without); the price is per part, and rejected messages have one too; the
group DELIVERED holds two statuses, of which a message may report both. A signature by HMAC is offered, but neither its
header nor its recipe is documented: it is not accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from tollgate.domain.errors import Problem
from tollgate.domain.facts import Fact, Report
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.incoming import (
    AMOUNT_LIMIT,
    AmountText,
    Channel,
    Currency,
    Incoming,
    MaybeText,
    MessageId,
    Parts,
    Rfc3339,
    Word,
    json_object,
    read,
    tenant_in,
)
from tollgate.providers.proofs import basic_user, credentials, has_own, same
from tollgate.providers.provider import (
    Arrived,
    Ignored,
    Parsed,
    Reading,
    Request,
    Secrets,
    Setting,
    Webhook,
    group_or,
)
from tollgate.providers.recipients import recipient

NAME: Final = "infobip"
METER: Final = "sms"
DELIVERED_GROUP: Final = 3
DELIVERED: Final = ("DELIVERED_TO_OPERATOR", "DELIVERED_TO_HANDSET")
SEEN: Final = "seen-report"


class _Camel(Incoming):
    model_config = ConfigDict(alias_generator=to_camel)


class _Price(_Camel):
    price_per_message: AmountText
    currency: Currency


class _Status(_Camel):
    group_id: int
    name: Word


class _Platform(_Camel):
    entity_id: MaybeText = None
    application_id: MaybeText = None


class _Report(_Camel):
    message_id: MessageId
    status: _Status
    done_at: Rfc3339
    sent_at: Rfc3339 | None = None
    to: MaybeText = None
    message_count: Parts = None
    price: _Price | None = None
    platform: _Platform | None = None
    callback_data: Any = None


class _Body(Incoming):
    results: list[Any]


class _Address(Incoming):
    channel: Channel


def verify(request: Request, secrets: Secrets) -> None:
    """Check Basic credentials, or the bearer token of OAuth as it was agreed. Raises Forged, Malformed."""
    if not (basic_user(_authorization(request), secrets) or _bearer(request, secrets)):
        raise Forged(NAME, "the credentials do not match")
    json_object(request.body, provider=NAME)


def _bearer(request: Request, secrets: Secrets) -> str:
    """The name of the secret that a bearer token matches; empty when it matches none."""
    token = credentials(_authorization(request), "Bearer")
    purposes = [name for name in secrets if name.partition(":")[0] == "bearer_token"]
    matching = [name for name in purposes if secrets[name] and same(secrets[name], token)]  # all are compared
    return matching[0] if matching else ""


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


def origin(request: Request, secrets: Secrets) -> Mapping[str, str]:
    """The account whose own credentials these are, and the channel that the address names."""
    user = basic_user(_authorization(request), secrets)
    account = user if has_own(secrets, "password", user) else _bearer(request, secrets).partition(":")[2]
    channels = request.parameters("channel")
    return {"account": account, "channel": channels[0] if len(channels) == 1 else ""}


def group(body: bytes) -> str:
    """The entity of the first report; the provider's name when there is none to be found."""
    try:
        entity = json_object(body, provider=NAME)["results"][0]["platform"]["entityId"]
    except (Malformed, LookupError, TypeError):
        return NAME
    return group_or(NAME, entity)


def parse(receipt: Arrived, setting: Setting) -> Parsed:
    """Every report of a batch as a fact; one that cannot be read is named without losing its neighbours.

    Raises Malformed when the body has no list of reports, or its address names a channel that cannot be a meter.
    """
    body = read(_Body, json_object(receipt.body, provider=NAME))
    if isinstance(body, tuple):
        raise Malformed(NAME, body)
    address = read(_Address, {"channel": receipt.headers.get("channel") or METER})
    if isinstance(address, tuple):
        raise Malformed(NAME, address)
    account = receipt.headers.get("account", "")
    return Parsed.of(
        reading
        for index, raw in enumerate(body.results)
        for reading in _report(raw, f"results.{index}", meter=address.channel, account=account, setting=setting)
    )


def _report(raw: object, path: str, *, meter: str, account: str, setting: Setting) -> Iterator[Reading]:
    if isinstance(raw, dict) and "seenAt" in raw and "status" not in raw:
        yield Ignored(SEEN)
        return
    report = read(_Report, raw, path)
    if isinstance(report, tuple):
        yield from report
        return
    cost = _cost(report)
    if cost is not None and (cost.price or 0) > AMOUNT_LIMIT:
        yield Problem(f"{path}.price", "expected a total of at most 1,000,000")
        return
    yield Fact(
        provider=NAME,
        account=account or _account(report),
        meter=meter,
        message=report.message_id,
        status=_status(report.status),
        at=report.done_at,
        requested_at=report.sent_at,
        report=cost,
        recipient=recipient(report.to or "", hasher=setting.hasher),
    )


def _account(report: _Report) -> str:
    """Whose message it is: the entity, else the tenant that our own data names, else the application."""
    platform = report.platform or _Platform()
    return platform.entity_id or tenant_in(report.callback_data) or platform.application_id or ""


def _status(status: _Status) -> str:
    """A status by its name. One of the group DELIVERED that nobody has heard of is known by its group."""
    return "DELIVERED" if status.group_id == DELIVERED_GROUP and status.name not in DELIVERED else status.name


def _cost(report: _Report) -> Report | None:
    """The total: the price is per part [inferred]. Whether it was charged is for the status to say."""
    segments, price = report.message_count or 1, report.price.price_per_message if report.price else None
    if report.message_count is None and price is None:
        return None
    return Report(
        at=report.done_at,
        segments=segments,
        price=None if price is None else price * segments,
        carrier_fee=None,
        currency=report.price.currency if report.price and price is not None else "",
    )


INFOBIP: Final = Webhook(name=NAME, parse=parse, group=group, verify=verify, origin=origin)
