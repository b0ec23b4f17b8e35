"""Invoice: the daily run, and issuing what finance has just approved."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import date
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.stages.invoice import run
from tollgate.stages.issue import push

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(logger.name)
)


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def issued(record: SQSRecord) -> None:
    """One approved invoice."""
    approved = json.loads(record.body)["detail"]
    ports = runtime.from_environment(count).issue_ports()
    invoice = push(approved["tenant"], date.fromisoformat(approved["period"]), ports=ports, now=clock.now())
    logger.info("pushed", extra={"tenant": invoice.tenant, "period": invoice.name, "status": invoice.status})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A batch of the queue, or the schedule."""
    if "schedule" not in event:
        return process_partial_response(event, issued, processor, context)
    built = runtime.from_environment(count)
    report = run(
        ports=built.invoice_ports(),
        now=clock.scheduled(event.get("time")),
        close_after_days=int(built.settings.close_after_days),
    )
    logger.info("ran", extra={"report": asdict(report)})
    return asdict(report)
