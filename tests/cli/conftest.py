"""AWS in process, and the command line over it."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from cli import options
from cli.main import tollgate
from cli.target import Target
from tests.cloud import Cloud, cloud, entry

__all__ = ["cloud", "entry"]

type Run = Callable[..., Result]


@pytest.fixture
def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("usage", "acme")``: a command on the stack in memory."""
    outputs = {
        "LedgerTableName": "ledger",
        "AccountsTableName": "accounts",
        "InvoicesQueueUrl": cloud.queues["invoices"],
        "InvoiceFunctionName": "tollgate-invoice",
    }
    clients: Any = boto3.client
    monkeypatch.setattr(options, "find", lambda _stack: Target(clients, outputs, is_local=True))
    return lambda *arguments: CliRunner().invoke(tollgate, [str(one) for one in arguments])
