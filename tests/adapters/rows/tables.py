"""Both tables as the template describes them, on the local AWS.

Time to live is left off: the emulator deletes what has expired within a minute, by the machine's clock, and the rows
of a test keep the dates that its author gave them.
"""

from dataclasses import dataclass
from typing import Any

from local.ministack import LocalAws
from tests.template.stack import installation
from tollgate.adapters.dynamodb import Store


@dataclass(frozen=True, kw_only=True)
class Tables:
    """A client, and the tables' names."""

    client: Any
    ledger: str
    accounts: str

    def store(self) -> Store:
        """A store over the tables that never waits."""
        return Store(self.client, ledger=self.ledger, accounts=self.accounts, pause=lambda seconds: None)


def create(aws: LocalAws) -> Tables:
    """Create both tables on a local AWS."""
    client = aws.session().client("dynamodb", endpoint_url=aws.endpoint)
    for name in ("LedgerTable", "AccountsTable"):
        client.create_table(TableName=f"rows-{name}", **request(name))
        client.get_waiter("table_exists").wait(TableName=f"rows-{name}", WaiterConfig={"Delay": 1})
    return Tables(client=client, ledger="rows-LedgerTable", accounts="rows-AccountsTable")


def request(name: str) -> dict[str, Any]:
    """What CreateTable takes, of what the template says about a table."""
    properties = installation("local").properties(name)
    taken = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    stream = properties.get("StreamSpecification")
    return {key: properties[key] for key in taken if key in properties} | (
        {"StreamSpecification": {"StreamEnabled": True, **stream}} if stream else {}
    )
