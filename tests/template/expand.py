"""Prints a SAM template as the CloudFormation it becomes. Run by the SAM CLI's interpreter: its packages are needed.

python expand.py TEMPLATE '{"Environment": "prod"}'
"""

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no managed policy, so there is none to look up."""

    def load(self) -> dict[str, str]:
        return {}


def expanded(path: str, parameters: dict[str, str]) -> dict[str, object]:
    """The template at ``path`` after the SAM transform, as AWS would see it once the code is uploaded."""
    template = yaml_parse(Path(path).read_text(encoding="utf-8"))
    for name, resource in template["Resources"].items():
        for key in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][key] = f"s3://artifacts/{name}"
    result: dict[str, object] = json.loads(json.dumps(transform(template, parameters, NoManagedPolicies())))
    return result


if __name__ == "__main__":
    print(json.dumps(expanded(sys.argv[1], json.loads(sys.argv[2]))))
