"""Gives a deployed HTTP API its routes on the local AWS.

SAM writes the routes of an HTTP API into the OpenAPI body of the API's resource; the local AWS's CloudFormation does
not read that body, so the API would answer 404 to everything. The routes are read from the processed template instead
and made through the API's own calls. Against a real account this is never needed and never runs.

What is always true: afterwards the API has exactly the routes of the template, each on the function (or alias) the
template names, and the API keeps its id.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

HTTP_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"


class GatewayClient(Protocol):
    """The calls of an API Gateway v2 client that routes need; answers are boto3's dicts."""

    def get_routes(self, *, ApiId: str) -> Any: ...
    def get_integrations(self, *, ApiId: str) -> Any: ...
    def create_route(self, *, ApiId: str, RouteKey: str, Target: str) -> Any: ...
    def create_integration(
        self, *, ApiId: str, IntegrationType: str, IntegrationUri: str, PayloadFormatVersion: str
    ) -> Any: ...
    def delete_route(self, *, ApiId: str, RouteId: str) -> Any: ...


@dataclass(frozen=True)
class Target:
    """What a route calls: the integration's address and the version of its payload."""

    uri: str
    payload_format: str


@dataclass(frozen=True)
class StackNames:
    """What resolves a reference inside an integration's address."""

    physical: Mapping[str, str]
    region: str
    account: str


def route_key(path: str, method: str) -> str:
    """``POST /events``, ``ANY /x`` or ``$default`` for an OpenAPI path and method."""
    if path.lstrip("/") == "$default":
        return "$default"
    return f"{'ANY' if method == ANY else method.upper()} {path}"


def resolve(uri: str | Mapping[str, str], names: StackNames) -> str:
    """The address with its ``${…}`` references filled in; KeyError when it names an unknown resource."""
    known = {"AWS::Partition": "aws", "AWS::Region": names.region, "AWS::AccountId": names.account}

    def value(match: re.Match[str]) -> str:
        name = match["name"]
        if name in known:
            return known[name]
        physical = names.physical[name]
        if physical.startswith("arn:"):  # an alias or a version is referred to by its ARN
            return physical
        return f"arn:aws:lambda:{names.region}:{names.account}:function:{physical}"

    text = uri if isinstance(uri, str) else uri["Fn::Sub"]
    return re.sub(r"\$\{(?P<name>[\w:]+)(?:\.Arn)?\}", value, text)


def wanted_routes(body: Mapping[str, Any], names: StackNames) -> dict[str, Target]:
    """The routes of an OpenAPI body, by route key."""
    return {
        route_key(path, method): Target(
            uri=resolve(operation[INTEGRATION]["uri"], names),
            payload_format=operation[INTEGRATION]["payloadFormatVersion"],
        )
        for path, methods in body.get("paths", {}).items()
        for method, operation in methods.items()
        if method == ANY or method in HTTP_METHODS
    }


def synchronise(gateway: GatewayClient, *, api_id: str, wanted: Mapping[str, Target]) -> list[str]:
    """Make the API's routes be ``wanted``; returns each change as ``+ KEY`` or ``- KEY``."""
    uris = {item["IntegrationId"]: item.get("IntegrationUri") for item in _integrations(gateway, api_id)}
    present = {
        route["RouteKey"]: (route["RouteId"], uris.get(route.get("Target", "").removeprefix("integrations/")))
        for route in gateway.get_routes(ApiId=api_id)["Items"]
    }
    right = {key for key, (_, uri) in present.items() if key in wanted and uri == wanted[key].uri}
    stale, missing = sorted(present.keys() - right), sorted(wanted.keys() - right)
    for key in stale:
        gateway.delete_route(ApiId=api_id, RouteId=present[key][0])
    for key in missing:
        _create(gateway, api_id=api_id, key=key, target=wanted[key])
    return [f"- {key}" for key in stale] + [f"+ {key}" for key in missing]


def _integrations(gateway: GatewayClient, api_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = gateway.get_integrations(ApiId=api_id)["Items"]
    return items


def _create(gateway: GatewayClient, *, api_id: str, key: str, target: Target) -> None:
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=target.uri,
        PayloadFormatVersion=target.payload_format,
    )
    gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")


def api_bodies(template: str | Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The OpenAPI body of each HTTP API in a processed template, by logical id."""
    document: Mapping[str, Any] = json.loads(template) if isinstance(template, str) else template
    return {
        logical: resource.get("Properties", {}).get("Body", {})
        for logical, resource in document["Resources"].items()
        if resource["Type"] == "AWS::ApiGatewayV2::Api"
    }
