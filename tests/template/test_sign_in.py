"""Sign-in: who may be let in, and that no installation on AWS lets anybody in without a provider."""

import json
from typing import Any

import pytest

from tests.template.stack import Stack, expanded, installation, overrides, walk
from tollgate.domain.permissions import ROLES

POOL, CLIENT = "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient"


def environment(stack: Stack) -> dict[str, Any]:
    """The console's variables."""
    found: dict[str, Any] = stack.properties("ConsoleFunction")["Environment"]["Variables"]
    return found


def test_the_pool_invites_people_and_asks_for_a_second_factor() -> None:
    """Nobody signs up by themselves; a password alone opens nothing."""
    pool = installation("prod").properties("UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("ON", ["SOFTWARE_TOKEN_MFA"])
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert installation("prod").resources["UserPool"]["DeletionPolicy"] == "Retain"


def test_the_client_knows_only_the_code_flow_and_our_address() -> None:
    """No implicit flow, no password flow, and codes come back to the console alone."""
    client = installation("prod").properties("UserPoolClient")
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["GenerateSecret"] is True
    assert client["CallbackURLs"] == [{"Fn::Sub": "${ConsoleUrl}/console/signed-in"}]


def test_each_role_is_a_group_of_the_pool() -> None:
    """The groups' names are the roles that the console knows."""
    groups = installation("prod").of_type("AWS::Cognito::UserPoolGroup").values()
    assert {group["GroupName"] for group in groups} == ROLES


def test_the_console_trusts_the_pool_where_there_is_one() -> None:
    """Issuer and client are the pool's own; its secret is handed on, not written down."""
    stack = installation("prod")
    assert environment(stack)["OIDC_ISSUER"] == {
        "Fn::Sub": "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}"
    }
    assert environment(stack)["OIDC_CLIENT_ID"] == {"Ref": "UserPoolClient"}
    assert "UserPoolClient.ClientSecret" in json.dumps(stack.properties("OidcClientSecret")["SecretString"])


@pytest.mark.parametrize("name", ["local", "dev"])
def test_without_an_address_there_is_no_pool(name: str) -> None:
    """Sign-in stays off until the console's address is known; then the provider of the parameters is the one."""
    stack = installation(name)
    assert not stack.of_type(POOL) | stack.of_type(CLIENT)
    assert environment(stack)["OIDC_ISSUER"] == {"Ref": "OidcIssuer"}
    assert "SecretString" not in stack.properties("OidcClientSecret")


def test_the_local_provider_is_not_in_the_template() -> None:
    """What plays the provider on a developer's machine is no resource, and no code that is deployed."""
    texts = [part for part in walk(expanded("local")["Resources"]) if isinstance(part, str)]
    assert not [text for text in texts if "local.identity" in text or "local/" in text]


def test_a_provider_is_named_whole_or_not_at_all() -> None:
    """An issuer without a client or an address of the console is refused before anything is deployed."""
    rule = expanded("prod")["Rules"]["ProviderIsWhole"]
    refused = [entry["Assert"] for entry in rule["Assertions"]]
    assert rule["RuleCondition"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OidcIssuer"}, ""]}]}
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "OidcClientId"}, ""]}]} in refused
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "ConsoleUrl"}, ""]}]} in refused


def test_an_address_that_is_not_ours_is_refused() -> None:
    """What samconfig.toml comes with must be replaced before staging or prod is deployed."""
    rule = expanded("prod")["Rules"]["RealAddressesInTheCloud"]
    placeholder = overrides("prod")["ConsoleUrl"]
    assert {"Fn::Not": [{"Fn::Equals": [{"Ref": "ConsoleUrl"}, placeholder]}]} in [
        a["Assert"] for a in rule["Assertions"]
    ]
