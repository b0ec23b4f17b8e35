"""Secrets, on Secrets Manager in process."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tollgate.adapters import secrets as adapter
from tollgate.adapters.secrets import Secrets
from tollgate.domain.errors import RetryLater


@pytest.fixture
def client() -> Iterator[Any]:
    """Secrets Manager with one secret, ``meta``."""
    with mock_aws():
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")
        client = session.client("secretsmanager")
        client.create_secret(Name="meta", SecretString='{"app_secret": "first", "port": 1}')
        yield client


def test_a_secret_is_read_as_text_and_as_fields(client: Any) -> None:
    """A JSON object gives its fields as strings."""
    secrets = Secrets(client)
    assert secrets.text("meta") == '{"app_secret": "first", "port": 1}'
    assert secrets.fields("meta") == {"app_secret": "first", "port": "1"}


def test_a_binary_secret_is_text_too(client: Any) -> None:
    """However it was stored."""
    client.create_secret(Name="binary", SecretBinary="key-ü".encode())
    assert Secrets(client).text("binary") == "key-ü"


def test_a_secret_is_found_by_its_arn(client: Any) -> None:
    """The template hands out ARNs."""
    assert Secrets(client).fields(client.describe_secret(SecretId="meta")["ARN"])["app_secret"] == "first"


def test_a_secret_is_read_once_while_it_is_kept(client: Any) -> None:
    """Not each request costs a call."""
    secrets = Secrets(client)
    secrets.text("meta")
    client.put_secret_value(SecretId="meta", SecretString='{"app_secret": "second"}')
    assert secrets.fields("meta")["app_secret"] == "first"


def test_a_rotated_secret_is_picked_up_without_a_deployment(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time it is kept, the new value holds."""
    monkeypatch.setattr(adapter, "KEPT_SECONDS", -1)
    secrets = Secrets(client)
    assert secrets.fields("meta")["app_secret"] == "first"
    client.put_secret_value(SecretId="meta", SecretString='{"app_secret": "second"}')
    assert secrets.fields("meta")["app_secret"] == "second"


@pytest.mark.parametrize("read", [Secrets.text, Secrets.fields])
def test_a_secret_that_is_not_there_is_waited_for(client: Any, read: Any) -> None:
    """The request is sent again by its sender; the error names the secret and nothing of the account."""
    with pytest.raises(RetryLater) as raised:
        read(Secrets(client), "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone")
    assert "123456789012" not in str(raised.value)
    assert "gone" in str(raised.value)


@pytest.mark.parametrize("content", ["hunter2", '["hunter2"]', '"hunter2"', "null"])
def test_a_secret_of_the_wrong_shape_is_not_in_the_error(client: Any, content: str) -> None:
    """Somebody still has to fill it in; what stands there now is nobody's to read."""
    client.put_secret_value(SecretId="meta", SecretString=content)
    with pytest.raises(RetryLater) as raised:
        Secrets(client).fields("meta")
    assert "hunter2" not in f"{raised.value!r} {raised.value.__cause__!r}"
