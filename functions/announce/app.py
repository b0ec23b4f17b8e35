"""Announce: rows that changed, from the accounts table's stream, to events on the bus."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import runtime
from tollgate.adapters.dynamodb.stream import changed
from tollgate.domain.errors import RetryLater
from tollgate.stages.announce import events

logger = Logger()
metrics = Metrics()


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell a batch of changes. When one is not accepted the whole batch comes back: telling twice is harmless."""
    changes = [change for record in event["Records"] if (change := changed(record))]
    told = [one for change in changes for one in events(change)]
    failed = runtime.from_environment(count).bus.publish(told)
    logger.info("announced", extra={"events": len(told), "failed": len(failed)})
    if failed:
        raise RetryLater(f"{len(failed)} of {len(told)} events were not accepted")
    return {"batchItemFailures": []}
