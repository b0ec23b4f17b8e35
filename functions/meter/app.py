"""Meter: receipts from the queue to the ledger, and what is in quarantine when it is asked to count that again.

A receipt that cannot be counted now goes back, then to the DLQ.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollgate import clock, runtime
from tollgate.adapters.receipts import receipt_of
from tollgate.domain.errors import TollgateError
from tollgate.providers import registry
from tollgate.providers.provider import Parsed
from tollgate.stages.meter import meter
from tollgate.stages.ports.receipts import Receipt
from tollgate.stages.redrive import redrive

logger = Logger()
metrics = Metrics()


def count(name: str, value: int) -> None:
    metrics.add_metric(name, MetricUnit.Count, value)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count a batch of receipts, naming those that must come back; or the quarantined facts of a reason."""
    built, now = runtime.from_environment(count), clock.now()
    if "redrive" in event:
        redriven = asdict(redrive(reason=event["redrive"], ports=built.meter_ports(), now=now))
        logger.info("redriven", extra={"reason": event["redrive"], **redriven})
        return redriven
    bucket = built.settings.need("receipts_bucket")
    receipts: list[Receipt] = []
    failed: set[str] = set()
    for record in event["Records"]:
        try:
            receipt = receipt_of(record, s3=built.s3, bucket=bucket)
            registry.provider(receipt.provider)
            receipts.append(receipt)
        except (ValueError, TollgateError) as error:
            logger.warning("receipt not readable", extra={"id": record["messageId"], "cause": type(error).__name__})
            failed.add(record["messageId"])

    def parse(receipt: Receipt) -> Parsed:
        return registry.provider(receipt.provider).parse(receipt, built.parsing)

    failed |= meter(receipts, parse=parse, ports=built.meter_ports(), now=now)
    logger.info("metered", extra={"receipts": len(event["Records"]), "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": identity} for identity in sorted(failed)]}
