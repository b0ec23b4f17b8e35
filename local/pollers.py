"""Gives the queue pollers of a deployed stack their concurrency as a number.

A template's parameter of type Number reaches the local AWS as text, and its poller stops at the comparison "2" >= 2.
The value is right, only its type is not, and it reads back as a number either way: so each is written again, always.
Against a real account this never runs.
"""

from typing import Any


def repair(functions: Any) -> list[str]:
    """Write each MaximumConcurrency again; returns the ARNs of the functions. ``functions``: a Lambda client."""
    pages = functions.get_paginator("list_event_source_mappings").paginate()
    limited = [row for page in pages for row in page["EventSourceMappings"] if row.get("ScalingConfig")]
    for mapping in limited:
        limit = int(mapping["ScalingConfig"]["MaximumConcurrency"])
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": limit})
    return [mapping["FunctionArn"] for mapping in limited]
