"""Parameters, samconfig.toml, the routes, and what the linter says of the expanded template."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template.stack import ENVIRONMENTS, Stack, expanded, installation, overrides, samconfig

ROUTES = {
    ("/webhooks/{provider}", "get"): "ReceiveFunction",
    ("/webhooks/{provider}", "post"): "ReceiveFunction",
    ("/events", "post"): "ReceiveFunction",
    ("/events/schemas", "get"): "ReceiveFunction",
    ("/events/schemas/{proxy+}", "get"): "ReceiveFunction",
    ("/webhooks/stripe", "post"): "SettleFunction",
    ("/tenants/{tenant}/standing", "get"): "ConsoleFunction",
    ("/api/{proxy+}", "x-amazon-apigateway-any-method"): "ConsoleFunction",
    ("/console", "x-amazon-apigateway-any-method"): "ConsoleFunction",
    ("/console/{proxy+}", "x-amazon-apigateway-any-method"): "ConsoleFunction",
    ("/usage/{proxy+}", "x-amazon-apigateway-any-method"): "ConsoleFunction",
}


def test_defaults_are_the_ones_a_developers_machine_can_take() -> None:
    """The local AWS decides by defaults while SAM expands, so they must be the local ones."""
    defaults = {name: p["Default"] for name, p in expanded("local")["Parameters"].items()}
    assert defaults["Environment"] == "local"
    assert defaults["GradualDeployment"] == "false"
    empty = ("StripeApiBase", "PriceApiBase", "StripeEventBusName", "AlarmEmail")
    assert {defaults[name] for name in empty} == {""}


def test_each_installation_is_described_whole() -> None:
    """No installation leans on another's settings, none shares a stack, and each names only parameters there are."""
    assert set(samconfig()) - {"version"} == set(ENVIRONMENTS)
    stacks = [samconfig()[name]["global"]["parameters"]["stack_name"] for name in ENVIRONMENTS]
    assert len(set(stacks)) == len(stacks)
    for name in ENVIRONMENTS:
        assert overrides(name)["Environment"] == overrides(name, "build")["Environment"] == name
        assert overrides(name).keys() <= expanded(name)["Parameters"].keys()
        assert samconfig()[name]["global"]["parameters"]["region"]


def test_what_customers_feel_is_confirmed_by_a_person() -> None:
    """staging and prod show the change set first; local and dev just deploy."""
    confirmed = {name for name in ENVIRONMENTS if samconfig()[name]["deploy"]["parameters"]["confirm_changeset"]}
    assert confirmed == {"staging", "prod"}


def test_nothing_is_sent_from_an_address_that_is_not_ours() -> None:
    """Outside of local the template refuses the addresses it came with, and stand-ins for Stripe and for prices."""
    rule = expanded("prod")["Rules"]["RealAddressesInTheCloud"]
    parameters = expanded("prod")["Parameters"]
    refused = {json.dumps(entry["Assert"], sort_keys=True) for entry in rule["Assertions"]}
    for name in ("MailFrom", "OpsEmail", "FinanceEmail"):
        same = {"Fn::Equals": [{"Ref": name}, parameters[name]["Default"]]}
        assert json.dumps({"Fn::Not": [same]}, sort_keys=True) in refused
    for name in ("StripeApiBase", "PriceApiBase"):
        assert json.dumps({"Fn::Equals": [{"Ref": name}, ""]}, sort_keys=True) in refused


def test_the_routes_are_the_ones_agreed(stack: Stack) -> None:
    """Each route of the HTTP API leads to its stage's alias, and there is no other route."""
    paths = stack.properties("HttpApi")["Body"]["paths"]
    found = {
        (path, method): operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert found.keys() == ROUTES.keys()
    for route, function in ROUTES.items():
        assert f"${{{function}Aliaslive}}" in found[route]


def test_the_access_log_keeps_no_query_string(stack: Stack) -> None:
    """Meta's handshake carries the verify token in its query."""
    [stage] = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert "$context.routeKey" in line.values()
    assert not [value for value in line.values() if "query" in value.lower()]


def test_a_stripe_partner_bus_is_listened_to_when_there_is_one() -> None:
    """Without a partner bus Stripe's events are looked for on our own."""
    rule = expanded("prod")["Resources"]["StripeRule"]["Properties"]
    assert rule["EventBusName"] == {"Fn::If": ["HasPartnerBus", {"Ref": "StripeEventBusName"}, {"Ref": "EventBus"}]}
    assert installation("prod").properties("StripeRule")["EventBusName"] == {"Ref": "EventBus"}


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_the_expanded_template_lints(environment: str, tmp_path: Path) -> None:
    """What SAM makes of the template has no error and no warning; the linter sees little of it before."""
    path = tmp_path / f"{environment}.json"
    path.write_text(json.dumps(expanded(environment)))
    linter = Path(sys.executable).with_name("cfn-lint")
    # W2001: SAM itself uses up GradualDeployment; the template before it is linted for parameters without a use.
    options = ["--regions", "eu-west-1", "--format", "parseable", "--ignore-checks", "W2001"]
    command = [str(linter), *options, "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
