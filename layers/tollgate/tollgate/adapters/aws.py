"""Clients of AWS, each built once per account that is reached."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tollgate.adapters.aws_errors import translated
from tollgate.domain.errors import NotFound, Refused

type ClientFactory = Callable[[str], Any]
"""A client of a service, by the service's name."""

# Within a function's time: four tries of at most 23 seconds end before its 300 s do, and callers repeat the rest.
# Checking the shape of a request here costs as much as building it; the service checks it anyway.
IN_A_FUNCTION: Final = Config(
    retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=20, parameter_validation=False
)
# Addresses that are signed for browsers must name the region, which the SDK leaves out unless the bucket is part of the
# host's name. S3 is told no checksum that an upload would have to be finished with: each part says its MD5.
S3: Final = Config(
    signature_version="s3v4", s3={"addressing_style": "virtual"}, request_checksum_calculation="when_required"
)
FROM_A_TERMINAL: Final = Config(retries={"mode": "standard", "max_attempts": 4}, read_timeout=900)


def client(service: str) -> Any:
    """A client with this process's own credentials and region."""
    config = IN_A_FUNCTION.merge(S3) if service == "s3" else IN_A_FUNCTION
    return boto3.client(service, config=config)  # type: ignore[call-overload]  # a service by its name


def local_clients(endpoint: str, region: str) -> ClientFactory:
    """Clients of the AWS that runs on this machine, whose key is the word ``test``."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=region)  # noqa: S106
    return lambda service: session.client(service, endpoint_url=endpoint, config=FROM_A_TERMINAL)  # type: ignore[call-overload]


def terminal_clients() -> ClientFactory:
    """Clients with the credentials and region of the terminal."""
    return lambda service: boto3.client(service, config=FROM_A_TERMINAL)  # type: ignore[call-overload]


def stack_outputs(clients: ClientFactory, stack: str) -> Mapping[str, str]:
    """A stack's outputs. Raises NotFound, RetryLater or Refused."""
    with translated(f"stack {stack}"):
        try:
            stacks = clients("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            said = error.response.get("Error", {})
            if said.get("Code") == "ValidationError" and "does not exist" in said.get("Message", ""):
                raise NotFound("stack", stack) from error
            raise
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def invoke(clients: ClientFactory, function: str, payload: Mapping[str, object]) -> Any:
    """Call a function and wait for its answer.

    Raises Refused with its error when it ends in one, or when it may not be called; NotFound and RetryLater too.
    """
    with translated(f"function {function}"):
        try:
            answer = clients("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                raise NotFound("function", function) from error
            raise
        said = json.loads(answer["Payload"].read() or "null")
    if answer.get("FunctionError"):
        raise Refused(str(said.get("errorMessage", said)) if isinstance(said, dict) else str(said))
    return said


def send(clients: ClientFactory, queue_url: str, payload: Mapping[str, object]) -> None:
    """Put a message on a queue. Raises Refused, RetryLater."""
    with translated("queue"):
        clients("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(payload))
