"""Who may do what: a role per function, each statement on named resources."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.stack import Stack, expanded, installation, target, walk

ROLE, FUNCTION = "AWS::IAM::Role", "AWS::Lambda::Function"
WITHOUT_RESOURCES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}  # AWS knows no resource for these
LEDGER_WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(role: dict[str, Any]) -> Iterator[tuple[set[str], list[Any], dict[str, Any]]]:
    """Actions, resources and conditions of each statement of a role."""
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield set(as_list(statement["Action"])), as_list(statement["Resource"]), statement.get("Condition", {})


def role_of(stack: Stack, function: str) -> dict[str, Any]:
    return stack.properties(target(stack.properties(function)["Role"]))


def allowed(stack: Stack, function: str, resource: str) -> set[str]:
    """Actions that a function's role has on a resource, its index or its contents, named by logical id."""
    prefix = f"${{{resource}."
    return {
        action
        for actions, resources, _ in statements(role_of(stack, function))
        for action in actions
        if any(target(r) == resource or prefix in str(r) for r in resources)
    }


def test_every_function_has_a_role_of_its_own(stack: Stack) -> None:
    """No two stages share permissions, and none has a managed policy."""
    roles = [target(function["Role"]) for function in stack.of_type(FUNCTION).values()]
    assert len(roles) == len(set(roles)) == 11
    assert not [role for role in roles if "ManagedPolicyArns" in stack.properties(role)]


def test_nothing_is_allowed_everywhere_in_the_cloud(cloud: Stack) -> None:
    """Resource "*" stands only where AWS knows no resource, and no action is a wildcard."""
    for name, role in cloud.of_type(ROLE).items():
        for actions, resources, _ in statements(role):
            assert "*" not in resources or actions <= WITHOUT_RESOURCES, name
            assert not [action for action in actions if "*" in action], name


def test_mail_is_sent_only_from_our_address_in_the_cloud(cloud: Stack) -> None:
    """Any verified identity, our configuration set, and the sender of the parameters: nothing else."""
    [(resources, condition)] = [
        (resources, condition)
        for actions, resources, condition in statements(role_of(cloud, "NotifyFunction"))
        if actions == {"ses:SendEmail"}
    ]
    assert condition == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}
    texts = [part for part in walk(resources) if isinstance(part, str) and part.startswith("arn:")]
    assert [text.rpartition(":")[2] for text in texts] == ["identity/*", "configuration-set/${Set}"]


def test_the_local_difference_is_mail_alone(local: Stack) -> None:
    """What the local run proves about permissions holds for AWS, but for mail."""
    wide = {
        frozenset(actions)
        for role in local.of_type(ROLE).values()
        for actions, resources, _ in statements(role)
        if "*" in resources
    }
    assert wide == {frozenset(WITHOUT_RESOURCES), frozenset({"ses:SendEmail"})}


@pytest.mark.parametrize("name", ["local", "prod"])
def test_only_the_meter_writes_the_ledger(name: str) -> None:
    """Records are written in one place. When a message's price is asked for again is no part of its record."""
    stack = installation(name)
    writers = {f for f in stack.of_type(FUNCTION) if allowed(stack, f, "LedgerTable") & LEDGER_WRITES}
    assert writers == {"MeterFunction", "PollFunction"}
    [condition] = [
        c for a, _, c in statements(role_of(stack, "PollFunction")) if a & LEDGER_WRITES == {"dynamodb:UpdateItem"}
    ]
    assert condition["ForAllValues:StringEquals"] == {"dynamodb:Attributes": ["pk", "sk", "waiting_sk"]}


@pytest.mark.parametrize("name", ["local", "prod"])
def test_the_nightly_comparison_changes_nothing_that_it_compares(name: str) -> None:
    """It reads the ledger by month alone, and writes what it found and its own run."""
    stack = installation(name)
    assert allowed(stack, "ReconcileFunction", "LedgerTable") == {"dynamodb:Query"}
    writes = [
        (actions, condition)
        for actions, resources, condition in statements(role_of(stack, "ReconcileFunction"))
        if [target(resource) for resource in resources] == ["AccountsTable"] and condition
    ]
    assert writes == [
        (
            {"dynamodb:PutItem"},
            {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["RECONCILED", "RUNS#reconcile"]}},
        )
    ]
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    assert allowed(stack, "ReconcileFunction", "AccountsTable") == reads | {"dynamodb:PutItem"}


def test_the_archive_is_written_by_the_meter_and_read_by_the_console(stack: Stack) -> None:
    """The meter cannot read what it kept, the console cannot change it, nobody can delete it, and the console lists a
    message's receipts alone."""
    may = {name: allowed(stack, name, "ArchiveBucket") for name in stack.of_type(FUNCTION)}
    assert {name: actions for name, actions in may.items() if actions} == {
        "MeterFunction": {"s3:PutObject"},
        "ConsoleFunction": {"s3:ListBucket", "s3:GetObject"},
    }
    [condition] = [c for a, _, c in statements(role_of(stack, "ConsoleFunction")) if a == {"s3:ListBucket"}]
    assert condition == {"StringLike": {"s3:prefix": "messages/*"}}


def test_receipts_are_kept_unless_the_parameter_says_otherwise(stack: Stack) -> None:
    """Then the meter does not know where; the console still opens what was kept before."""
    variables = {name: function["Environment"]["Variables"] for name, function in stack.of_type(FUNCTION).items()}
    assert variables["MeterFunction"]["ARCHIVE_BUCKET"] == {"Ref": "ArchiveBucket"}
    assert variables["ConsoleFunction"]["ARCHIVE_BUCKET"] == {"Ref": "ArchiveBucket"}
    template = expanded(stack.environment)
    written = template["Resources"]["MeterFunction"]["Properties"]["Environment"]["Variables"]["ARCHIVE_BUCKET"]
    assert written == {"Fn::If": ["KeepsReceipts", {"Ref": "ArchiveBucket"}, ""]}
    assert template["Conditions"]["KeepsReceipts"] == {"Fn::Equals": [{"Ref": "KeepReceipts"}, "true"]}


def test_a_secret_is_read_only_where_it_is_needed(stack: Stack) -> None:
    """Each function may read exactly the secrets that its environment names."""
    for name, function in stack.of_type(FUNCTION).items():
        variables = function["Environment"]["Variables"]
        named = {target(value) for key, value in variables.items() if key.endswith("_SECRET")}
        readable = {
            target(resource)
            for actions, resources, _ in statements(role_of(stack, name))
            if "secretsmanager:GetSecretValue" in actions
            for resource in resources
        }
        assert readable == named, name


def test_a_function_can_use_what_its_environment_names(stack: Stack) -> None:
    """Every table, queue, bucket and bus in a function's environment is one that its role may use."""
    kinds = {"AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Events::EventBus"}
    for name, function in stack.of_type(FUNCTION).items():
        for variable, value in function["Environment"]["Variables"].items():
            if stack.resources.get(target(value), {}).get("Type") in kinds:
                assert allowed(stack, name, target(value)), f"{name}: {variable}"


def test_a_function_can_read_its_sources(stack: Stack) -> None:
    """Lambda polls with the function's role, so the role must let it receive and delete."""
    queues = stack.of_type("AWS::SQS::Queue")
    for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        source, function = target(mapping["EventSourceArn"]), target(mapping["FunctionName"]).removesuffix("Aliaslive")
        needed = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        if source not in queues:
            needed = {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"}
        assert needed <= allowed(stack, function, source), function


def test_the_console_moves_dead_letters_and_nothing_else(stack: Stack) -> None:
    """It sees every queue, takes from the dead-letter queues alone, and sends to those whose dead letters they are."""
    queues = stack.of_type("AWS::SQS::Queue")
    dead = {
        target(queue["RedrivePolicy"]["deadLetterTargetArn"]) for queue in queues.values() if "RedrivePolicy" in queue
    }
    may = {name: allowed(stack, "ConsoleFunction", name) for name in queues}
    assert all("sqs:GetQueueAttributes" in actions for actions in may.values())
    assert {name for name, actions in may.items() if "sqs:ReceiveMessage" in actions} == dead
    assert {name for name, actions in may.items() if "sqs:DeleteMessage" in actions} == dead
    sources = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert {name for name, actions in may.items() if "sqs:SendMessage" in actions} == sources
    joined = stack.properties("ConsoleFunction")["Environment"]["Variables"]["QUEUE_URLS"]["Fn::Join"][1]
    assert {target(url) for url in joined} == set(queues)


def test_files_of_records_are_written_in_one_place_and_read_by_who_shows_them(stack: Stack) -> None:
    """The console may read, and so sign, what is ready; nobody deletes, and nobody else sees the bucket."""
    seen = {name: allowed(stack, name, "ExportsBucket") for name in stack.of_type(FUNCTION)}
    assert {name: actions for name, actions in seen.items() if actions} == {
        "ExportFunction": {"s3:PutObject", "s3:GetObject", "s3:ListBucket"},
        "ConsoleFunction": {"s3:GetObject"},
    }
    readable = [r for actions, r, _ in statements(role_of(stack, "ConsoleFunction")) if "s3:GetObject" in actions]
    assert [r for r in readable if "ExportsBucket" in str(r)] == [[{"Fn::Sub": "${ExportsBucket.Arn}/exports/*"}]]


def test_who_makes_files_sees_exports_and_the_month_index_alone(stack: Stack) -> None:
    """Neither contracts nor invoices, and of a record only what the index says."""
    role = role_of(stack, "ExportFunction")
    tables = [(a, r, c) for a, r, c in statements(role) if any("dynamodb:" in action for action in a)]
    assert tables == [
        ({"dynamodb:Query"}, [{"Fn::Sub": "${LedgerTable.Arn}/index/by-month"}], {}),
        (
            {"dynamodb:GetItem", "dynamodb:PutItem"},
            [{"Fn::GetAtt": ["AccountsTable", "Arn"]}],
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["EXPORTS#*"]}},
        ),
    ]
