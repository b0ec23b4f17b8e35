"""What a local instance is reachable at, in one JSON file: ``.local/endpoints.json``.

The shape is an interface (DESIGN.md, section 9): programs and tests find everything through it. Queues, topics, tables
and functions are named by their real names without the stack's prefix: ``receipts``, ``receipts-dlq``, ``sms``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = {
    "AWS::SQS::Queue": "queues",
    "AWS::SNS::Topic": "topics",
    "AWS::DynamoDB::Table": "tables",
    "AWS::Lambda::Function": "functions",
}


@dataclass(frozen=True)
class Resource:
    """One resource of a deployed stack."""

    logical: str
    physical: str
    kind: str


def resources(formation: Any, stack: str) -> list[Resource]:
    """Every resource of the stack; ``formation`` is a CloudFormation client."""
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        Resource(row["LogicalResourceId"], row["PhysicalResourceId"], row["ResourceType"])
        for page in pages
        for row in page["StackResourceSummaries"]
    ]


def short_name(resource: Resource, stack: str) -> str:
    """The resource's real name without the stack's prefix and any generated suffix, in lower kebab case.

    ``http://…/tollgate-receipts-dlq`` → ``receipts-dlq``; ``tollgate-MeterFunction-1A2B3C4D5E6F`` → ``meter``.
    """
    real = re.split(r"[/:]", resource.physical)[-1].removesuffix(".fifo")
    without_suffix = re.sub(r"-[A-Z0-9]{8,}$|-[0-9a-f]{12,}$", "", real)
    bare = without_suffix.removeprefix(f"{stack}-")
    kebab = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", bare).lower()
    return re.sub(r"-(function|queue|topic|table)$", "", kebab)


def by_kind(found: Sequence[Resource], stack: str) -> dict[str, dict[str, str]]:
    """``{queues: {name: url}, topics: {name: arn}, tables: {name: name}, …}``."""
    named: dict[str, dict[str, str]] = {group: {} for group in KINDS.values()}
    for resource in sorted(found, key=lambda each: each.logical):
        if resource.kind in KINDS:
            named[KINDS[resource.kind]][short_name(resource, stack)] = resource.physical
    return named


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write the file so that a reader sees the old one or the new one, never half of one; only its owner reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The file's document; FileNotFoundError when the instance was never up."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
