"""Queues, dead letters and the events that lead to them."""

from typing import Any

from tests.template.stack import Stack, target, walk

QUEUE, MAPPING, FUNCTION = "AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Function"
FORTNIGHT_SECONDS = 14 * 24 * 3600


def name_of(queue: dict[str, Any]) -> str:
    return str(queue["QueueName"]["Fn::Sub"])


def function_behind(stack: Stack, mapping: dict[str, Any]) -> dict[str, Any]:
    """The function of a mapping; SAM points it at the alias ``…Aliaslive``."""
    return stack.properties(target(mapping["FunctionName"]).removesuffix("Aliaslive"))


def test_every_queue_that_is_consumed_has_a_dead_letter_queue(stack: Stack) -> None:
    """A message that keeps failing ends in a queue of its own, named after the first with -dlq behind it."""
    consumed = {target(m["EventSourceArn"]) for m in stack.of_type(MAPPING).values()}
    for name in consumed & stack.of_type(QUEUE).keys():
        queue = stack.properties(name)
        dlq = stack.properties(target(queue["RedrivePolicy"]["deadLetterTargetArn"]))
        assert name_of(dlq) == f"{name_of(queue)}-dlq"
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5, name


def test_only_dead_letter_queues_are_not_consumed(stack: Stack) -> None:
    """No queue fills up unread but those whose name ends in -dlq."""
    consumed = {target(m["EventSourceArn"]) for m in stack.of_type(MAPPING).values()}
    unread = {name_of(queue) for name, queue in stack.of_type(QUEUE).items() if name not in consumed}
    assert unread
    assert all(name.endswith("-dlq") for name in unread), unread


def test_every_queue_is_encrypted_and_keeps_messages_for_a_fortnight(stack: Stack) -> None:
    """A weekend and a holiday lose nothing, and nothing lies in the clear."""
    for name, queue in stack.of_type(QUEUE).items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert queue["MessageRetentionPeriod"] == FORTNIGHT_SECONDS, name


def test_visibility_is_at_least_six_times_the_functions_timeout(stack: Stack) -> None:
    """A message is not handed out again while a slow function still works on it."""
    for name, mapping in stack.of_type(MAPPING).items():
        queue = stack.of_type(QUEUE).get(target(mapping["EventSourceArn"]))
        if queue is not None:
            assert queue["VisibilityTimeout"] >= 6 * function_behind(stack, mapping)["Timeout"], name


def test_every_source_reports_partial_failures(stack: Stack) -> None:
    """One bad message does not send its batch back."""
    mappings = stack.of_type(MAPPING)
    assert len(mappings) == 7
    for name, mapping in mappings.items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_batches_over_ten_wait_for_their_messages(stack: Stack) -> None:
    """AWS refuses an SQS batch size over 10 without a window of at least a second."""
    for name, mapping in stack.of_type(MAPPING).items():
        if target(mapping["EventSourceArn"]) in stack.of_type(QUEUE) and mapping["BatchSize"] > 10:
            assert mapping["MaximumBatchingWindowInSeconds"] >= 1, name


def test_local_concurrency_is_a_number(local: Stack) -> None:
    """The local AWS stops reading every queue when one mapping's limit is text."""
    limits = [m["ScalingConfig"]["MaximumConcurrency"] for m in local.of_type(MAPPING).values() if "ScalingConfig" in m]
    assert limits == [2] * 6


def test_a_stream_gives_up_in_time_and_says_so(stack: Stack) -> None:
    """A poison row blocks its shard neither for ever nor silently, and is given up while the stream still holds it."""
    streams = [m for m in stack.of_type(MAPPING).values() if target(m["EventSourceArn"]) not in stack.of_type(QUEUE)]
    for mapping in streams:
        assert mapping["MaximumRetryAttempts"] > 0
        assert 0 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600
        assert mapping["BisectBatchOnFunctionError"] is True
        assert target(mapping["DestinationConfig"]["OnFailure"]["Destination"]) == "AnnounceFailuresQueue"
        table = stack.properties(target(mapping["EventSourceArn"]))
        assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert len(streams) == 1


def test_every_rule_keeps_what_it_cannot_deliver(stack: Stack) -> None:
    """A rule's target has retries and its consumer's dead-letter queue, which the rule may write to."""
    for name, rule in stack.of_type("AWS::Events::Rule").items():
        [to] = rule["Targets"]
        queue = stack.properties(target(to["Arn"]))
        dlq = target(to["DeadLetterConfig"]["Arn"])
        assert target(queue["RedrivePolicy"]["deadLetterTargetArn"]) == dlq, name
        assert to["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert {target(to["Arn"]), dlq} <= writable_by(stack, name), name


def test_every_queue_subscription_keeps_what_it_cannot_deliver(stack: Stack) -> None:
    """A topic may write to its queue and to the dead-letter queue behind it."""
    for name, subscription in stack.of_type("AWS::SNS::Subscription").items():
        if subscription["Protocol"] == "sqs":
            dlq = target(subscription["RedrivePolicy"]["deadLetterTargetArn"])
            topic = target(subscription["TopicArn"])
            assert {target(subscription["Endpoint"]), dlq} <= writable_by(stack, topic), name


def test_queues_take_messages_only_from_a_named_source(stack: Stack) -> None:
    """No queue policy lets a whole service in: each statement names the rule or topic."""
    for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Action"] == "sqs:SendMessage"
            assert target(statement["Condition"]["ArnEquals"]["aws:SourceArn"])


def test_topics_take_messages_only_from_this_account(stack: Stack) -> None:
    """Another account's service cannot publish here."""
    for policy in stack.of_type("AWS::SNS::TopicPolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def writable_by(stack: Stack, source: str) -> set[str]:
    """Logical ids of the queues whose policy lets a rule or topic in."""
    return {
        target(arn)
        for policy in stack.of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if source in {target(part) for part in walk(statement["Condition"])}
        for arn in statement["Resource"]
    }
