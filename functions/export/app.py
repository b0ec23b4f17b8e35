"""Export: files of records that were asked for, made a turn at a time."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.stages.export import export

logger = Logger()
metrics = Metrics()
processor = BatchProcessor(
    event_type=EventType.SQS, raise_on_entire_batch_failure=False, logger=logging.getLogger(logger.name)
)

LAST_PAGE_MILLIS: Final = 40_000  # a page takes a second or two; handing over, a few more; trouble on the way, the rest


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


def exported(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """One turn of one export. The name of the second parameter is how Powertools knows it."""
    asked = json.loads(record.body)["detail"]
    done = export(
        asked["tenant"],
        asked["number"],
        turn=asked["turn"],
        ports=runtime.from_environment(count).export_ports(),
        now=clock.now(),
        has_time=lambda: lambda_context.get_remaining_time_in_millis() > LAST_PAGE_MILLIS,
    )
    stands = {"status": done.status, "turn": done.turn, "rows": done.rows or done.place.rows}
    logger.info("exported", extra={"tenant": done.tenant, "export": done.number, **stands})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """A batch of the queue, which is one message: a turn has the function's time to itself."""
    return process_partial_response(event, exported, processor, context)
