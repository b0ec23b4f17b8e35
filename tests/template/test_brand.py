"""The brand: its parameters reach every function that shows it, and the template lets through what the code takes."""

import re
from typing import Any

import pytest

from tests.template.stack import Stack, expanded, target
from tollgate.mails.brand import Brand
from tollgate.runtime import Runtime
from tollgate.settings import read

GIVEN = {
    "BrandName": "Søndly & <Co>",
    "BrandAccent": "#FFcc00",
    "BrandUrl": "https://sondly.example/?a=1&b=2",
    "BrandLegal": 'Søndly & <Co> A/S "Post" | 1051 København',
    "SupportEmail": "help@sondly.example",
    "BillingEmail": "pay@sondly.example",
}
SHOWS_IT = ("NotifyFunction", "ConsoleFunction")


def brand_of(stack: Stack, function: str, parameters: dict[str, str]) -> Brand:
    """The brand that a function makes of its environment."""
    variables: dict[str, Any] = stack.properties(function)["Environment"]["Variables"]
    names = {name: target(value) for name, value in variables.items()}
    environment = {name: parameters[one] for name, one in names.items() if one in parameters}
    return Runtime(read(environment), count=lambda _name, _value: None).brand


@pytest.mark.parametrize("function", SHOWS_IT)
def test_the_parameters_reach_the_function(stack: Stack, function: str) -> None:
    """Each as its own field, letter by letter."""
    assert brand_of(stack, function, {**stack.parameters, **GIVEN}) == Brand(
        name="Søndly & <Co>",
        accent="#FFcc00",
        url="https://sondly.example/?a=1&b=2",
        legal='Søndly & <Co> A/S "Post" | 1051 København',
        support="help@sondly.example",
        billing="pay@sondly.example",
    )


@pytest.mark.parametrize("function", SHOWS_IT)
def test_without_them_it_has_a_brand_all_the_same(stack: Stack, function: str) -> None:
    """Customers ask ops about their usage then, and finance about an invoice."""
    own = stack.parameters
    made = brand_of(stack, function, own)
    assert made == Brand(support=own["OpsEmail"], billing=own["FinanceEmail"])


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("BrandName", ["T", "Søndly & <Co>", "a" * 60], ["", " ", " a", "a" * 61, "a\nb"]),
        ("BrandAccent", ["#1f5fbf"], ["", "red", "#fff", '#123456"']),
        ("BrandUrl", ["", "https://a.example"], ["http://a.example", "javascript:alert(1)", 'https://a"b']),
        ("BrandLegal", ["", "A | B", "a" * 400], ["a" * 401, "a\nb"]),
        ("SupportEmail", ["", "a@b.example"], ["nobody", "A <a@b.example>"]),
        ("BillingEmail", ["", "a@b.example"], ["nobody", "A <a@b.example>"]),
    ],
)
def test_a_deployment_is_refused_for_what_the_code_would_refuse(
    name: str, allowed: list[str], refused: list[str]
) -> None:
    """Before anything is changed."""
    pattern = re.compile(expanded("prod")["Parameters"][name]["AllowedPattern"])
    assert [text for text in allowed if not pattern.fullmatch(text)] == []
    assert [text for text in refused if pattern.fullmatch(text)] == []


def test_production_says_who_issues_its_statements() -> None:
    """The brand's name alone is for trying it out."""
    rule = expanded("prod")["Rules"]["ProductionNamesItsIssuer"]
    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}
    assert [entry["Assert"] for entry in rule["Assertions"]] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": "BrandLegal"}, ""]}]}
    ]
