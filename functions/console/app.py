"""Console: the pages of finance, ops and customers, and the JSON API beneath them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.console.site import Site

logger = Logger()
metrics = Metrics()


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


site = Site(ports=lambda: runtime.from_environment(count), now=clock.now, logger=logger)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return site.answer(event, context)
