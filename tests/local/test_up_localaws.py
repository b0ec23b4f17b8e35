"""The local AWS as the tests start it."""

import uuid
from pathlib import Path

from local.ministack import LocalAws, server_environment


def test_it_answers_in_its_region_with_its_own_account(local_aws: LocalAws) -> None:
    """A client made from the fixture reaches an AWS that plays eu-west-1 under the local account."""
    session = local_aws.session()
    identity = session.client("sts", endpoint_url=local_aws.endpoint).get_caller_identity()
    queue = session.client("sqs", endpoint_url=local_aws.endpoint).create_queue(QueueName=f"q-{uuid.uuid4().hex}")

    assert identity["Account"] == "000000000000"
    assert local_aws.region == "eu-west-1"
    assert queue["QueueUrl"].startswith("http://")


def test_its_server_never_sees_an_aws_setting_of_the_machine() -> None:
    """Functions inherit the server's environment, so an endpoint or profile of the machine must not be in it."""
    base = {"AWS_ENDPOINT_URL": "http://elsewhere", "AWS_PROFILE": "prod", "AWS_CA_BUNDLE": "/ca.pem", "PATH": "/bin"}

    environment = server_environment(base, port=1234, run=Path("/run"), persist=True)

    assert {name for name in environment if name.startswith("AWS_")} == {"AWS_CA_BUNDLE"}
    assert environment["PATH"] == "/bin"
    assert environment["GATEWAY_PORT"] == "1234"
    assert environment["AUTH"] == "true"
