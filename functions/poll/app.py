"""Poll: asks the providers that tell prices only when they are asked."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.stages.poll import run

logger = Logger()
metrics = Metrics()

MOST_MESSAGES: Final = 1000
LAST_QUESTION_MILLIS: Final = 30_000  # a question takes at most 13 s, and what follows from its answer less than that


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One run of the schedule: what it came to, by provider."""
    built = runtime.from_environment(count)
    polled = run(
        built.poll_ports(),
        runs=built.runs,
        now=clock.scheduled(event.get("time")),
        most=MOST_MESSAGES,
        give_up_after=timedelta(days=int(built.settings.price_give_up_days)),
        has_time=lambda: context.get_remaining_time_in_millis() > LAST_QUESTION_MILLIS,
    )
    reports = {provider: asdict(one) for provider, one in polled.items()}
    logger.info("polled", extra={"report": reports})
    return reports
