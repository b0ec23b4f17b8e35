"""Receive: providers' webhooks to the receipts queue."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import runtime
from tollgate.domain.errors import NotFound, TollgateError
from tollgate.providers import registry
from tollgate.providers.provider import Request
from tollgate.stages.receive import Answer, receive

logger = Logger()
metrics = Metrics()


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def request_of(event: APIGatewayProxyEventV2) -> Request:
    """The request with its body as the bytes that were sent."""
    body = event.body or ""
    return Request(
        method=event.request_context.http.method,
        path=event.raw_path,
        query=event.raw_query_string,
        headers=dict(event.headers),
        body=base64.b64decode(body) if event.is_base64_encoded else body.encode(),
        received_at=datetime.fromtimestamp(event.request_context.time_epoch / 1000, UTC),
    )


@logger.inject_lambda_context
@metrics.log_metrics
@event_source(data_class=APIGatewayProxyEventV2)
def handler(event: APIGatewayProxyEventV2, context: LambdaContext) -> dict[str, Any]:
    """Answer one webhook."""
    built = runtime.from_environment(count)
    try:
        provider = registry.webhook(event.path_parameters.get("provider", ""))
        secrets = built.secrets.fields(built.settings.need(f"{provider.name}_secret"))
        answer = receive(
            request_of(event),
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
    logger.info("answered", extra={"status": answer.status})
    return {"statusCode": answer.status, "headers": {"content-type": "text/plain"}, "body": answer.text}
