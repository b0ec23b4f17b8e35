"""Settle: Stripe's events. The webhook is verified and queued; the queue, which the event bus feeds too, is worked."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, faults, runtime
from tollgate.adapters.aws_errors import translated
from tollgate.adapters.stripe_gateway.webhooks import RejectedEvent, unwrap, verify
from tollgate.domain.errors import TollgateError
from tollgate.stages.settle import settle

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(logger.name)
)


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def settled(record: SQSRecord) -> None:
    """One event: a bare one from the webhook, or an EventBridge envelope."""
    event = unwrap(json.loads(record.body))
    invoice = settle(
        event.id,
        stripe_invoice=event.invoice_id,
        metadata=event.metadata,
        ports=runtime.from_environment(count).settle_ports(),
        now=event.created,
    )
    logger.info("settled", extra={"type": event.type, "status": invoice.status if invoice else "not ours"})


def webhook(event: APIGatewayProxyEventV2) -> int:
    """Verify a webhook and queue its body; the status to answer."""
    built = runtime.from_environment(count)
    body = event.body or ""
    raw = base64.b64decode(body) if event.is_base64_encoded else body.encode()
    try:
        verify(
            raw,
            event.headers.get("stripe-signature", ""),
            secrets=built.stripe_webhook_secrets,
            now=clock.now(),
        )
        with translated("stripe events queue"):
            built.sqs.send_message(QueueUrl=built.settings.need("stripe_events_queue_url"), MessageBody=raw.decode())
    except RejectedEvent as error:
        count("RejectedStripeEvents", 1)
        logger.warning("rejected", extra={"reason": error.reason})
        return 400
    except TollgateError as error:  # ours to mend: Stripe keeps the event and sends it again
        logger.error("not ready", extra={"cause": str(error)})
        return 503
    return 200


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A webhook, or a batch of the queue."""
    if "Records" in event:
        return process_partial_response(event, settled, processor, context)
    hook = APIGatewayProxyEventV2(event)
    return faults.answered(lambda: {"statusCode": webhook(hook), "body": ""}, logger=logger, count=count)
