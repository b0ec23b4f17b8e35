"""Which stack a command works on: a deployed one by name, or the one on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tollgate.adapters import aws
from tollgate.domain.errors import NotFound
from tollgate.runtime import Runtime
from tollgate.settings import Settings

LOCAL: Final = Path(__file__).resolve().parents[1] / ".local" / "endpoints.json"


@dataclass(frozen=True)
class Target:
    """A stack: the clients that reach it, and its outputs."""

    clients: aws.ClientFactory
    outputs: Mapping[str, str]
    is_local: bool

    def runtime(self) -> Runtime:
        """The runtime of the functions, built on the stack's tables; metrics go nowhere from a terminal."""
        settings = Settings(
            ledger_table=self._output("LedgerTableName"), accounts_table=self._output("AccountsTableName")
        )
        return Runtime(settings, count=lambda _name, _value: None, client=self.clients)

    def run(self, schedule: str, at: str) -> Any:
        """Fire a schedule at a time and wait for what it did. Raises NotFound, Refused, RetryLater."""
        function = self.outputs.get(f"{schedule.capitalize()}FunctionName")
        if function is None:
            raise NotFound("schedule", schedule)
        return aws.invoke(self.clients, f"{function}:live", {"schedule": schedule, "time": at})

    def issue(self, tenant: str, period: str) -> None:
        """Queue an approved invoice to be issued, as its approval did. Raises Refused, RetryLater."""
        aws.send(self.clients, self._output("InvoicesQueueUrl"), {"detail": {"tenant": tenant, "period": period}})

    def _output(self, name: str) -> str:
        if name not in self.outputs:
            raise NotFound("output of the stack", name)
        return self.outputs[name]


def find(stack: str | None) -> Target:
    """The named stack, else the one on this machine when it is up. Raises NotFound."""
    if stack is not None:
        clients = aws.terminal_clients()
        return Target(clients, aws.stack_outputs(clients, stack), is_local="AWS_ENDPOINT_URL" in os.environ)
    file = Path(os.environ.get("TOLLGATE_ENDPOINTS", LOCAL))
    if not file.exists():
        raise NotFound("stack", "local (run `make up`, or name a deployed one with --stack)")
    try:
        local = json.loads(file.read_text(encoding="utf-8"))
        endpoint, region, name = local["aws"], local["region"], local["stack"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotFound("stack", f"local ({file} cannot be read; run `make up` again)") from error
    clients = aws.local_clients(endpoint, region)
    return Target(clients, aws.stack_outputs(clients, name), is_local=True)
