"""Which stack: found, or one clear message why not."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import tollgate
from local.ports import free_port
from tests.cloud import Cloud, failing


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tollgate, list(arguments))


def refusal(result: Result) -> str:
    """The message of a command that failed without a stack trace."""
    assert (result.exit_code, type(result.exception)) == (1, SystemExit), result.output
    assert result.output.startswith("Error: ")
    return result.output


@pytest.fixture
def endpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the local stack's endpoints would be."""
    file = tmp_path / "endpoints.json"
    monkeypatch.setenv("TOLLGATE_ENDPOINTS", str(file))
    return file


def test_without_a_stack_it_says_how_to_get_one(endpoints: Path) -> None:
    """Nothing is up and none is named: `make up`, or --stack."""
    message = refusal(run("invoices"))
    assert "make up" in message
    assert "--stack" in message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"aws": "http://127.0.0.1:1"}'])
def test_broken_endpoints_say_which_file(endpoints: Path, content: str) -> None:
    """A file that was cut off is named, with what to do."""
    endpoints.write_text(content)
    message = refusal(run("invoices"))
    assert str(endpoints) in message
    assert "make up" in message


def test_a_local_aws_that_is_down_is_said(endpoints: Path) -> None:
    """The endpoints are there and nobody answers."""
    address = f"http://127.0.0.1:{free_port()}"
    endpoints.write_text(json.dumps({"aws": address, "region": "eu-west-1", "stack": "tollgate-local"}))
    message = refusal(run("usage", "acme"))
    assert "tollgate-local" in message
    assert address in message


def test_a_stack_that_does_not_exist_is_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS answers that there is none of that name."""
    failing(monkeypatch, "DescribeStacks", "ValidationError", "Stack with id nowhere does not exist")
    assert "stack 'nowhere' does not exist" in refusal(run("--stack", "nowhere", "invoices"))


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_credentials_that_do_not_do_are_not_a_missing_stack(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """An expired login is called that."""
    failing(monkeypatch, "DescribeStacks", code)
    message = refusal(run("--stack", "tollgate-prod", "invoices"))
    assert code in message
    assert "does not exist" not in message


def test_a_terminal_without_region_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The SDK's own advice comes through, without its stack trace."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert "region" in refusal(run("--stack", "tollgate-prod", "invoices"))


def test_a_stack_of_something_else_is_told(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack without our tables lacks a named output."""
    outputs: dict[str, Any] = {}
    monkeypatch.setattr("tollgate.adapters.aws.stack_outputs", lambda _clients, _stack: outputs)
    assert "LedgerTableName" in refusal(run("--stack", "another", "invoices"))


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ResourceNotFoundException"])
def test_an_error_of_aws_in_the_middle_is_one_message(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Whatever a table answers ends in exit code 1 with its code."""
    outputs = {"LedgerTableName": "ledger", "AccountsTableName": "accounts"}
    monkeypatch.setattr("tollgate.adapters.aws.stack_outputs", lambda _clients, _stack: outputs)
    failing(monkeypatch, "Query", code)
    assert code.removesuffix("Exception") in refusal(run("--stack", "tollgate-prod", "usage", "acme"))


@pytest.mark.parametrize("words", [(), ("invoice",), ("quarantine",), ("contract",)])
def test_a_group_alone_shows_what_it_can_do(words: tuple[str, ...]) -> None:
    """Help, and no stack is looked for."""
    assert "Commands:" in run(*words).output
