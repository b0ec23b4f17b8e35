"""What is kept: tables, the bucket of receipts, secrets, logs."""

from datetime import date
from typing import Any

from tests.domain.examples import NOON
from tests.template.stack import Stack, target
from tollgate.domain.exports import GIVE_UP_AFTER, LASTS, STAFF, Export, Selection

TABLE = "AWS::DynamoDB::Table"

# The user pool makes it; the stack only hands it on.
CLIENT_SECRET = {"Fn::Sub": '{"client_secret": "${UserPoolClient.ClientSecret}"}'}


def test_tables_survive_mistakes(stack: Stack) -> None:
    """Every table can be restored to any second, is encrypted, and outlives its stack."""
    tables = stack.of_type(TABLE)
    assert set(tables) == {"LedgerTable", "AccountsTable"}
    for name, table in tables.items():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert outlives_its_stack(stack, name)


def test_tables_are_protected_in_the_cloud_and_wipeable_locally(cloud: Stack, local: Stack) -> None:
    """Nobody deletes a real table by accident; `make reset` is not in the way of itself."""
    assert all(table["DeletionProtectionEnabled"] is True for table in cloud.of_type(TABLE).values())
    assert all(table["DeletionProtectionEnabled"] is False for table in local.of_type(TABLE).values())


def test_a_month_of_the_ledger_is_one_query(stack: Stack) -> None:
    """The index by month carries whole records, so that a recount reads nothing else."""
    assert stack.properties("LedgerTable")["GlobalSecondaryIndexes"][0] == {
        "IndexName": "by-month",
        "KeySchema": [
            {"AttributeName": "month_pk", "KeyType": "HASH"},
            {"AttributeName": "month_sk", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }


def test_large_receipts_are_private_and_outlive_the_dead_letter_queue(stack: Stack) -> None:
    """A pointer may wait 14 days; the body it points to is there for 30, and never public."""
    bucket = stack.properties("ReceiptsBucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30
    assert outlives_its_stack(stack, "ReceiptsBucket")


def test_files_of_records_are_private_and_stay_as_long_as_they_are_offered(stack: Stack) -> None:
    """What is half-made stays for as long as an export may take; nothing of it is ever public, nor for ever."""
    bucket = stack.properties("ExportsBucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    example = Export(
        tenant="acme", selection=Selection(first=date.min, last=date.max), side=STAFF, by="x", requested_at=NOON
    )
    for rule, key, lasts in (("files", example.key, LASTS), ("unfinished", example.tail_key(), GIVE_UP_AFTER)):
        assert key.startswith(rules[rule]["Prefix"])
        assert rules[rule]["ExpirationInDays"] > lasts.days
    assert rules["uploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > GIVE_UP_AFTER.days
    assert "Prefix" not in rules["uploads"]


def test_buckets_are_reached_by_tls_alone_in_the_cloud(cloud: Stack) -> None:
    """Every bucket has a policy that refuses anything else, to everybody."""
    policies = {target(policy["Bucket"]): policy for policy in cloud.of_type("AWS::S3::BucketPolicy").values()}
    assert policies.keys() == cloud.of_type("AWS::S3::Bucket").keys()
    for name, policy in policies.items():
        [statement] = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_the_archive_of_receipts_is_private_and_kept_as_long_as_records(stack: Stack) -> None:
    """Thirteen months, encrypted, never public, and over TLS alone where there is any."""
    bucket = stack.properties("ArchiveBucket")
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 396)
    assert outlives_its_stack(stack, "ArchiveBucket")


def test_the_recipient_key_outlives_its_stack(stack: Stack) -> None:
    """With another key the same recipient would get another name in the ledger."""
    assert outlives_its_stack(stack, "RecipientKeySecret")
    assert "GenerateSecretString" in stack.properties("RecipientKeySecret")


def test_no_secret_has_its_value_in_the_template(stack: Stack) -> None:
    """Values are generated, or put by ops."""
    secrets = stack.of_type("AWS::SecretsManager::Secret")
    assert {"MetaSecret", "PlivoSecret", "BirdSecret", "StripeSecret", "PlatformKeySecret"} <= secrets.keys()
    given = {name: secret["SecretString"] for name, secret in secrets.items() if "SecretString" in secret}
    assert all(value == CLIENT_SECRET for value in given.values()), given


def test_every_log_has_an_end(stack: Stack) -> None:
    """No log group is kept for ever."""
    for name, group in stack.of_type("AWS::Logs::LogGroup").items():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def outlives_its_stack(stack: Stack, name: str) -> bool:
    resource: dict[str, Any] = stack.resources[name]
    return bool(resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain")
