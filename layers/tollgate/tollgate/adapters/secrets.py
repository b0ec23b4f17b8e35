"""Secrets, from Secrets Manager, kept for some minutes so that a rotated one is picked up without a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from tollgate.domain.errors import RetryLater

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS: Final = 300


class Secrets:
    """Reads secrets by name or ARN. Raises RetryLater when one cannot be read."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._provider = SecretsProvider(boto3_client=client)

    def text(self, name: str) -> str:
        """A secret that is one string."""
        try:
            value = self._provider.get(name, max_age=KEPT_SECONDS)
        except GetParameterError as error:
            raise RetryLater(f"secret {name.rpartition(':')[2]} cannot be read") from error
        return value.decode() if isinstance(value, bytes) else str(value)

    def fields(self, name: str) -> Mapping[str, str]:
        """A secret that is a JSON object of strings. Raises RetryLater too while it is anything else."""
        try:
            content = json.loads(self.text(name))
        except ValueError:
            content = None
        if not isinstance(content, dict):  # whatever it is, it must not stand in an error
            raise RetryLater(f"secret {name.rpartition(':')[2]} is not a JSON object")
        return {key: str(value) for key, value in content.items()}
