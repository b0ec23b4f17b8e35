"""Functions: their folders, environments, versions and log lines; the layers they share."""

import re
from pathlib import Path

import yaml

from tests.template.stack import ENVIRONMENTS, ROOT, TEMPLATE, Stack, overrides, target
from tollgate.providers.provider import Webhook
from tollgate.providers.registry import PROVIDERS

FUNCTION = "AWS::Lambda::Function"
STAGES = {
    "receive",
    "meter",
    "announce",
    "notify",
    "suspend",
    "invoice",
    "settle",
    "console",
    "poll",
    "export",
    "reconcile",
}
READ_BY_POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
LAYER = ROOT / "layers" / "tollgate" / "tollgate"


class CloudFormation(yaml.SafeLoader):
    """Reads the template as it is written; ``!Ref`` and its like become their plain values."""


CloudFormation.add_multi_constructor("!", lambda loader, _tag, node: plain(loader, node))


def plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


def source_resources(kind: str) -> dict[str, dict[str, object]]:
    """Properties by logical id, from the template before SAM expands it."""
    template = yaml.load(TEMPLATE.read_text(), Loader=CloudFormation)
    return {name: r["Properties"] for name, r in template["Resources"].items() if r["Type"] == kind}


def test_a_stage_has_one_word_everywhere() -> None:
    """functions/meter is the code of MeterFunction, named …-meter, logged in …-meter."""
    functions = source_resources("AWS::Serverless::Function")
    assert set(functions) == {f"{stage.capitalize()}Function" for stage in STAGES}
    for stage in STAGES:
        function = functions[f"{stage.capitalize()}Function"]
        assert function["CodeUri"] == f"functions/{stage}"
        assert function["FunctionName"] == f"${{AWS::StackName}}-{stage}"
        assert function["LoggingConfig"] == {"LogGroup": f"{stage.capitalize()}Logs"}


def test_every_folder_of_functions_is_deployed() -> None:
    """No code lies about that no function runs, and no function lacks its code."""
    assert {path.parent.name for path in (ROOT / "functions").glob("*/app.py")} == STAGES


def test_every_variable_is_read_by_the_code(stack: Stack) -> None:
    """A function's environment holds nothing that our settings or Powertools do not read."""
    words = {word for path in LAYER.rglob("*.py") for word in re.findall(r"\w+", path.read_text().upper())}
    named = {key for f in stack.of_type(FUNCTION).values() for key in f["Environment"]["Variables"]}
    assert named - READ_BY_POWERTOOLS <= words


def test_every_provider_that_calls_finds_its_secret_at_the_door(stack: Stack) -> None:
    """A provider that is registered and has no secret could never be believed."""
    variables = stack.properties("ReceiveFunction")["Environment"]["Variables"]
    for name in (name for name, provider in PROVIDERS.items() if isinstance(provider, Webhook)):
        secret = stack.properties(target(variables[f"{name.upper()}_SECRET"]))
        assert secret["Name"] == {"Fn::Sub": f"${{AWS::StackName}}/{name}"}


def test_a_layers_change_publishes_new_versions(stack: Stack) -> None:
    """Both switches are on: otherwise the alias would stay on the old code after a change of the layer alone."""
    for name, function in source_resources("AWS::Serverless::Function").items():
        assert function["AutoPublishAliasAllProperties"] is True, name
        assert f"{name}Aliaslive" in stack.resources
    for layer in source_resources("AWS::Serverless::LayerVersion").values():
        assert layer["PublishLambdaVersion"] is True


def test_every_function_runs_the_same_runtime_and_layers(stack: Stack) -> None:
    """Python 3.13 on the architecture of the parameters, both layers, traces and JSON log lines."""
    for name, function in stack.of_type(FUNCTION).items():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Arch"}]
        assert [re.sub(r"[0-9a-f]{10}$", "", target(layer)) for layer in function["Layers"]] == [
            "DependenciesLayer",
            "TollgateLayer",
        ], name
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert target(function["LoggingConfig"]["LogGroup"]) in stack.resources


def test_what_answers_http_is_faster_than_the_api_gives_up(stack: Stack) -> None:
    """The HTTP API waits 30 seconds; receive and console answer before that."""
    assert all(stack.properties(f"{stage}Function")["Timeout"] < 30 for stage in ("Receive", "Console"))


def test_traffic_shifts_step_by_step_where_it_is_asked_for(stack: Stack) -> None:
    """staging and prod move to a new version gradually, watched by the function's error alarm, and where a fault is
    answered by the alarm on those answers; others at once."""
    groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
    assert bool(groups) == (stack.environment in {"staging", "prod"})
    for name, group in groups.items():
        function = name.removesuffix("FunctionDeploymentGroup")
        answering = ["UnforeseenFaultsAlarm"] if function in ("Receive", "Settle") else []
        alarms = [target(a["Name"]) for a in group["AlarmConfiguration"]["Alarms"]]
        assert alarms == [f"{function}ErrorsAlarm", *answering]


def test_both_architectures_build_the_same_layer() -> None:
    """Each architecture's folder holds links to the one Makefile and the one list of requirements."""
    folder = ROOT / "layers" / "dependencies"
    for architecture in ("arm64", "x86_64"):
        for name in ("Makefile", "requirements.txt"):
            assert (folder / architecture / name).readlink() == Path("..") / name


def test_the_layer_keeps_every_aws_interface_the_code_calls() -> None:
    """The layer drops botocore's data of other services, so each client named in the code must be on its list."""
    makefile = (ROOT / "layers" / "dependencies" / "Makefile").read_text()
    found = re.search(r"^CLIENTS := (.+)$", makefile, re.MULTILINE)
    assert found is not None
    called = {
        name
        for path in LAYER.rglob("*.py")
        for name in re.findall(r"""\b_?client\(\s*["']([a-z0-9-]+)["']""", path.read_text())
    }
    assert "dynamodb" in called
    assert called <= set(found[1].split())


def test_the_layer_is_built_for_the_architecture_it_is_deployed_to() -> None:
    """`sam build` and `sam deploy` of one installation name the same architecture."""
    for environment in ENVIRONMENTS:
        assert overrides(environment, "build")["Arch"] == overrides(environment)["Arch"]
