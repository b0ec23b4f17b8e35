"""The two tables as the template describes them, on a local AWS of the benchmark's own.

What the benchmark needs of a table is written out in the template: no function of CloudFormation stands in it. Time to
live is left off, so that nothing goes while it is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import yaml

from local import ministack
from local.bench.capacity import Index
from local.bench.counting import CountingClient
from local.ports import free_port
from tollgate.adapters.aws import IN_A_FUNCTION
from tollgate.adapters.dynamodb import Store

ROOT: Final = Path(__file__).parents[2]
TOOL: Final = ROOT / ".tools" / "ministack"
TAKEN: Final = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
LEDGER, ACCOUNTS = "LedgerTable", "AccountsTable"


class _Template(yaml.SafeLoader):
    """Reads ``!Ref`` and its like as the names of functions, which a table's shape must not hold."""


def _function(_loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> str:
    return f"!{tag} at {node.start_mark.line + 1}"


_Template.add_multi_constructor("!", _function)


def described(template: Path) -> dict[str, dict[str, Any]]:
    """What CreateTable takes of each of the two tables."""
    resources = yaml.load(template.read_text(encoding="utf-8"), Loader=_Template)["Resources"]  # noqa: S506 - a SafeLoader
    properties = {name: resources[name]["Properties"] for name in (LEDGER, ACCOUNTS)}
    return {name: {key: own[key] for key in TAKEN if key in own} for name, own in properties.items()}


def indexes(table: dict[str, Any]) -> tuple[Index, ...]:
    """The indexes of a table."""
    return tuple(
        Index(
            name=index["IndexName"],
            keys=tuple(key["AttributeName"] for key in index["KeySchema"]),
            included=_included(index["Projection"]),
        )
        for index in table.get("GlobalSecondaryIndexes", ())
    )


def _included(projection: dict[str, Any]) -> frozenset[str] | None:
    everything = projection["ProjectionType"] == "ALL"
    return None if everything else frozenset(projection.get("NonKeyAttributes", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Both tables, through a client that counts and through one that does not."""

    counting: CountingClient
    client: Any

    def counted(self) -> Store:
        """The store whose calls are counted."""
        return Store(cast("Any", self.counting), ledger=LEDGER, accounts=ACCOUNTS)

    def uncounted(self) -> Store:
        """The store that prepares what is measured."""
        return Store(self.client, ledger=LEDGER, accounts=ACCOUNTS)


@contextmanager
def tables() -> Iterator[Tables]:
    """Both tables, empty, on a local AWS that is gone afterwards."""
    shapes = described(ROOT / "template.yaml")
    with TemporaryDirectory(prefix="tollgate-bench-") as folder:
        run = Path(folder)
        try:
            aws = ministack.start(TOOL, port=free_port(), run=run, persist=False)
            client = aws.session().client("dynamodb", endpoint_url=aws.endpoint, config=IN_A_FUNCTION)
            for name, shape in shapes.items():
                client.create_table(TableName=name, **shape)
                client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
            counting = CountingClient(client, indexes={name: indexes(shape) for name, shape in shapes.items()})
            yield Tables(counting=counting, client=client)
        finally:
            ministack.stop(run=run)
