"""The template as one installation sees it: expanded by SAM, its conditions decided, what they leave out gone.

``installation("prod")`` takes its parameters from samconfig.toml. References stay as they are (``{"Ref": …}``,
``{"Fn::GetAtt": […]}``): a rule compares them, or asks ``target`` for the logical id behind one.
"""

import json
import os
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
SAM_PYTHON = ROOT / ".tools" / "sam" / "bin" / "python"
ENVIRONMENTS = ("local", "dev", "staging", "prod")
NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Stack:
    """One installation's resources, by logical id, with every ``Fn::If`` replaced by the branch it takes."""

    environment: str
    parameters: dict[str, str]
    resources: dict[str, dict[str, Any]]
    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical id of the resources of one type, such as ``AWS::SQS::Queue``."""
        return {n: r.get("Properties", {}) for n, r in self.resources.items() if r["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.resources[name]["Properties"]
        return found


@cache
def samconfig() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


def overrides(environment: str, command: str = "deploy") -> dict[str, str]:
    """The ``parameter_overrides`` that samconfig.toml gives one installation."""
    value = samconfig()[environment][command]["parameters"]["parameter_overrides"]
    pairs = shlex.split(value) if isinstance(value, str) else value
    return dict(pair.split("=", 1) for pair in pairs)


@cache
def expanded(environment: str) -> dict[str, Any]:
    """The plain CloudFormation template of one installation, conditions still in it."""
    if not SAM_PYTHON.exists():
        raise FileNotFoundError(f"{SAM_PYTHON} is missing: run `make .tools/sam/.ready`")
    script = Path(__file__).with_name("expand.py")
    command = [str(SAM_PYTHON), str(script), str(TEMPLATE), json.dumps(overrides(environment))]
    # No credentials and no endpoint of the developer's: the translator only needs to know a region.
    env = {"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@cache
def installation(environment: str) -> Stack:
    template = expanded(environment)
    defaults = {name: str(p["Default"]) for name, p in template["Parameters"].items() if "Default" in p}
    parameters = defaults | overrides(environment)
    truths = {name: _truth(rule, parameters) for name, rule in template["Conditions"].items()}
    resources = {
        name: _decided(resource, truths)
        for name, resource in template["Resources"].items()
        if truths.get(resource.get("Condition", ""), True)
    }
    return Stack(environment, parameters, resources, template)


def target(reference: Any) -> str:
    """The logical id that a ``Ref`` or ``Fn::GetAtt`` names, or "" for anything else."""
    if not isinstance(reference, dict):
        return ""
    attribute = reference.get("Fn::GetAtt", [""])
    return str(reference.get("Ref") or (attribute.split(".") if isinstance(attribute, str) else attribute)[0])


def walk(value: Any) -> Iterator[Any]:
    """The value and everything inside it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from walk(item)


def _truth(rule: dict[str, Any], parameters: dict[str, str]) -> bool:
    match rule:
        case {"Fn::Not": [inner]}:
            return not _truth(inner, parameters)
        case {"Fn::And": parts}:
            return all(_truth(part, parameters) for part in parts)
        case {"Fn::Equals": [{"Ref": name}, value]}:
            return bool(parameters[name] == value)
    raise ValueError(f"a condition of a kind this reader does not know: {rule}")


def _decided(value: Any, truths: dict[str, bool]) -> Any:
    if isinstance(value, list):
        return [d for d in (_decided(item, truths) for item in value) if d != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        name, yes, no = value["Fn::If"]
        return _decided(yes if truths[name] else no, truths)
    pairs = ((key, _decided(item, truths)) for key, item in value.items())
    return {key: item for key, item in pairs if item != NO_VALUE}
