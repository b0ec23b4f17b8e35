"""Reconcile: the nightly schedule."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.stages.reconcile import run

logger = Logger()
metrics = Metrics()

LAST_TENANT_MILLIS: Final = 120_000  # what a large tenant may take, and what is written after it


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One run of the schedule: what differs, in words, by cause."""
    built = runtime.from_environment(count)
    report = run(
        ports=built.reconcile_ports(),
        now=clock.scheduled(event.get("time")),
        settled_after_days=built.close_after_days,
        has_time=lambda: context.get_remaining_time_in_millis() > LAST_TENANT_MILLIS,
    )
    logger.info("ran", extra={"counts": report.counts})
    return asdict(report)
