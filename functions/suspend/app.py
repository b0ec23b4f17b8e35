"""Suspend: holds into Stripe's customer, on each change and, hourly, for limits whose term has ended."""

from __future__ import annotations

import json
import logging
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.stages.suspend import mirror, sweep

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(logger.name)
)


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def mirrored(record: SQSRecord) -> None:
    """One event of a hold: the tenant's holds are read anew."""
    tenant = json.loads(record.body)["detail"]["tenant"]
    held = mirror(tenant, ports=runtime.from_environment(count).suspend_ports(), now=clock.now())
    logger.info("mirrored", extra={"tenant": tenant, "suspended": held})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A batch of the queue, or the schedule."""
    if "schedule" not in event:
        return process_partial_response(event, mirrored, processor, context)
    lifted = sweep(ports=runtime.from_environment(count).suspend_ports(), now=clock.scheduled(event.get("time")))
    logger.info("swept", extra={"tenants": lifted})
    return {"lifted": lifted}
