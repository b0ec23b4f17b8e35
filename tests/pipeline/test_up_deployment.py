"""The template deploys on the local AWS and everything in it is where ``endpoints.json`` says."""

import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any


def status_of(url: str) -> int:
    """The status a GET is answered with."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_the_named_queues_topics_and_tables_exist(stack: dict[str, Any], aws: Callable[[str], Any]) -> None:
    """Whatever the endpoints name can be described at the address they give."""
    for url in stack["queues"].values():
        assert aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    for arn in stack["topics"].values():
        assert aws("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    for table in stack["tables"].values():
        assert aws("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    assert {"receipts", "receipts-dlq"} <= stack["queues"].keys()
    assert "sms" in stack["topics"]
    assert {"ledger", "accounts"} <= stack["tables"].keys()


def test_the_api_routes_what_the_template_routes_and_nothing_else(stack: dict[str, Any]) -> None:
    """A route of the template reaches its function; any other path is unknown to the API."""
    assert status_of(f"{stack['api']}/no/such/path") == HTTPStatus.NOT_FOUND
    assert status_of(f"{stack['api']}/api/openapi.json") == HTTPStatus.OK


def test_secrets_hold_what_the_endpoints_publish(stack: dict[str, Any], aws: Callable[[str], Any]) -> None:
    """A sender that reads the endpoints signs with the very secret the functions verify with."""
    manager = aws("secretsmanager")
    platform_key = manager.get_secret_value(SecretId=f"{stack['stack']}/platform-key")["SecretString"]

    assert platform_key == stack["secrets"]["events_key"]
    assert (
        stack["secrets"]["meta"]["app_secret"]
        in (manager.get_secret_value(SecretId=f"{stack['stack']}/meta")["SecretString"])
    )


def test_every_event_source_is_worked(stack: dict[str, Any], aws: Callable[[str], Any]) -> None:
    """No poller was left behind by the deployment; queues with large batches are the pump's."""
    mappings = aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    idle = [mapping["EventSourceArn"].rpartition("-")[2] for mapping in mappings if mapping["State"] != "Enabled"]

    assert len(mappings) > len(idle)
    assert idle == ["receipts"]
