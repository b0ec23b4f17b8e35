"""Notify: notices become mails, and what became of a mail comes back over the same queue."""

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
from tollgate.adapters.ses_events import feedback, is_greeting
from tollgate.stages.notify import hear, notify
from tollgate.stages.notify_finance import hear_of_finance, notify_finance

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(logger.name)
)


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def told(record: SQSRecord) -> None:
    """One notice, or one report of the mail service. Anything else raises, and ends in the dead-letter queue."""
    if is_greeting(record.body):
        return
    document = json.loads(record.body)
    built, detail = runtime.from_environment(count), document.get("detail", {})
    if document.get("detail-type") == "tollgate.notice.created":
        status = notify(detail["tenant"], detail["identity"], ports=built.notify_ports(), now=clock.now())
        logger.info("notified", extra={"tenant": detail["tenant"], "notice": detail["identity"], "status": status})
    elif document.get("detail-type") == "tollgate.review.waiting":
        status = notify_finance(detail["identity"], ports=built.finance_ports(), now=clock.now())
        logger.info("notified finance", extra={"drafts": detail["identity"], "status": status})
    else:
        report = feedback(document)
        if report.to_finance:
            status = hear_of_finance(report, ports=built.finance_ports())
        else:
            status = hear(report, ports=built.notify_ports(), now=clock.now())
        logger.info("heard", extra={"tenant": report.tenant, "notice": report.notice, "status": status})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A batch of the queue."""
    return process_partial_response(event, told, processor, context)
