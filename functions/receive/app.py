"""Receive: providers' webhooks and the platform's own events to the receipts queue."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import faults, runtime
from tollgate.domain.errors import NotFound, TollgateError
from tollgate.providers import registry
from tollgate.providers.event_types import schema, schema_index
from tollgate.providers.provider import Request
from tollgate.stages.events import not_taken, take
from tollgate.stages.receive import Answer, receive

logger = Logger()
metrics = Metrics()


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def request_of(event: APIGatewayProxyEventV2, *, public_url: str) -> Request:
    """The request with its body as the bytes that were sent. Its address is the configured one, else the domain that
    the gateway says it was called at: neither the host nor a forwarded header, which the caller may choose."""
    body = event.body or ""
    return Request(
        method=event.request_context.http.method,
        base_url=public_url or f"https://{event.request_context.domain_name}",
        path=event.raw_path,
        query=event.raw_query_string,
        headers=dict(event.headers),
        body=base64.b64decode(body) if event.is_base64_encoded else body.encode(),
        received_at=datetime.fromtimestamp(event.request_context.time_epoch / 1000, UTC),
    )


def answered(status: int, body: str, content_type: str = "text/plain") -> dict[str, Any]:
    logger.info("answered", extra={"status": status})
    return {"statusCode": status, "headers": {"content-type": content_type}, "body": body}


def schemas(path: str) -> dict[str, Any]:
    """The published schemas: all of them, or the one that a path names."""
    name = path.removeprefix("/events/schemas").strip("/")
    if not name:
        return answered(200, json.dumps(schema_index()), "application/json")
    found = schema(name)
    return answered(200, json.dumps(found), "application/schema+json") if found else answered(404, "no such type")


def events(event: APIGatewayProxyEventV2, built: runtime.Runtime) -> dict[str, Any]:
    """Answer one request of the platform: events, or a question for their schemas."""
    if event.request_context.http.method == "GET":
        return schemas(event.raw_path)
    try:
        reply = take(
            request_of(event, public_url=built.settings.public_url),
            key=built.secrets.text(built.settings.need("platform_key_secret")),
            identity=event.request_context.request_id,
            ports=built.event_ports(),
        )
    except TollgateError as error:  # ours to mend: the platform keeps the events and sends them again
        logger.error("not ready", extra={"cause": str(error)})
        reply = not_taken()
    kind = "application/json" if reply.status < HTTPStatus.BAD_REQUEST else "application/problem+json"
    return answered(reply.status, json.dumps(reply.body), kind)


def answer_to(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    """Answer one webhook, or one request of the platform."""
    built = runtime.from_environment(count)
    if event.raw_path.startswith("/events"):
        return events(event, built)
    try:
        provider = registry.webhook(event.path_parameters.get("provider", ""))
        secrets = built.secrets.fields(built.settings.need(f"{provider.name}_secret"))
        answer = receive(
            request_of(event, public_url=built.settings.public_url),
            provider=provider,
            secrets=secrets,
            identity=event.request_context.request_id,
            ports=built.receive_ports(),
        )
    except NotFound:
        answer = Answer(404, "no such provider")
    except TollgateError as error:  # ours to mend: the provider keeps the receipt and sends it again
        logger.error("not ready", extra={"cause": str(error)})
        answer = Answer(503, "not ready, send it again")
    return answered(answer.status, answer.text)


@logger.inject_lambda_context
@metrics.log_metrics
@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context: LambdaContext) -> dict[str, Any]:
    """Answer one request, whatever happens: who gets no answer of ours may not send it again."""
    return faults.answered(lambda: answer_to(event), logger=logger, count=count)
