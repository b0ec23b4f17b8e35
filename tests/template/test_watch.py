"""Alarms, dashboards and schedules: who is told what, and when things happen."""

import json
import re
from typing import Any

import pytest

from tests.template.stack import ROOT, Stack, installation, target

ALARM, FUNCTION = "AWS::CloudWatch::Alarm", "AWS::Lambda::Function"
PACKAGE = ROOT / "layers" / "tollgate" / "tollgate"
REPORTED = [
    "QuarantinedFacts",
    "ReceiptsNotArchived",
    "RejectedReceipts",
    "CounterMismatch",
    "InvoicePushFlagged",
    "TenantRunFailed",
    "ReconcileDifferences",
    "ReconcileUnfinished",
    "PollStopped",
    "UnforeseenFaults",
]
CRON_RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199)]  # minute, hour, day, month, weekday, year


def watched(stack: Stack, metric: str) -> set[str]:
    """Logical ids of what the alarms on one metric watch."""
    alarms = (alarm for alarm in stack.of_type(ALARM).values() if alarm["MetricName"] == metric)
    return {target(dimension["Value"]) for alarm in alarms for dimension in alarm["Dimensions"]}


def cron_problems(expression: str) -> list[str]:
    """What is wrong with a ``cron(…)`` of numbers (``0/5`` repeats), ``*`` and ``?``, by the rules of EventBridge
    Scheduler."""
    found = re.fullmatch(r"cron\((.+)\)", expression)
    fields = found[1].split() if found else []
    if len(fields) != len(CRON_RANGES):
        return [f"{len(fields)} fields instead of {len(CRON_RANGES)}"]
    ranges = [(f, low, high) for f, (low, high) in zip(fields, CRON_RANGES, strict=True) if f not in "*?"]
    numbers = [(number, low, high) for f, low, high in ranges for number in f.split("/", 1)]
    problems = [
        f"{f} is not within {low}-{high}" for f, low, high in numbers if not f.isdigit() or not low <= int(f) <= high
    ]
    return problems if (fields[2] == "?") != (fields[4] == "?") else [*problems, "exactly one of the two days is ?"]


def test_every_dead_letter_rings(stack: Stack) -> None:
    """One message in any queue that nothing reads is one alarm."""
    consumed = {target(m["EventSourceArn"]) for m in stack.of_type("AWS::Lambda::EventSourceMapping").values()}
    unread = stack.of_type("AWS::SQS::Queue").keys() - consumed
    assert len(unread) == 7
    assert unread <= watched(stack, "ApproximateNumberOfMessagesVisible")


def test_every_functions_errors_and_throttles_ring(stack: Stack) -> None:
    """No function fails unheard."""
    functions = set(stack.of_type(FUNCTION))
    assert watched(stack, "Errors") == watched(stack, "Throttles") == functions


def test_falling_behind_rings(stack: Stack) -> None:
    """Old receipts, unannounced rows and a failing API each have an alarm."""
    assert watched(stack, "ApproximateAgeOfOldestMessage") == {"ReceiptsQueue"}
    assert watched(stack, "IteratorAge") == {"AnnounceFunction"}
    assert watched(stack, "5xx") == {"HttpApi"}


@pytest.mark.parametrize("metric", REPORTED)
def test_what_functions_report_rings(metric: str) -> None:
    """The code counts it, and its alarm looks where the functions are told to report."""
    counting = [*(PACKAGE / "stages").rglob("*.py"), PACKAGE / "faults.py"]
    assert any(f'count("{metric}"' in path.read_text() for path in counting)
    stack = installation("prod")
    variables = stack.properties("MeterFunction")["Environment"]["Variables"]
    [alarm] = [a for a in stack.of_type(ALARM).values() if a["MetricName"] == metric]
    assert alarm["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]


def test_every_alarm_reaches_the_topic(stack: Stack) -> None:
    """An alarm nobody is told of does not exist."""
    assert all(alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in stack.of_type(ALARM).values())


def test_topics_are_encrypted_in_the_cloud_with_a_key_their_publishers_may_use(cloud: Stack) -> None:
    """CloudWatch, SES and SMS publish to topics under one key, which lets exactly those services in."""
    assert all(t["KmsMasterKeyId"] == {"Ref": "TopicKey"} for t in cloud.of_type("AWS::SNS::Topic").values())
    [services] = [
        statement["Principal"]["Service"]
        for statement in cloud.properties("TopicKey")["KeyPolicy"]["Statement"]
        if "Service" in statement["Principal"]
    ]
    publishers = {
        statement["Principal"]["Service"]
        for policy in cloud.of_type("AWS::SNS::TopicPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    }
    assert publishers == set(services)


def test_each_reader_has_a_dashboard_in_the_cloud(cloud: Stack) -> None:
    """Finance and ops each have one, and its body is valid JSON."""
    dashboards = cloud.of_type("AWS::CloudWatch::Dashboard")
    assert set(dashboards) == {"FinanceDashboard", "OpsDashboard"}
    for dashboard in dashboards.values():
        assert len(json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]) >= 6


def test_schedules_parse_and_hand_over_their_time(stack: Stack) -> None:
    """Each schedule runs in UTC, names itself, and passes the time it stands for instead of the clock's."""
    schedules = stack.of_type("AWS::Scheduler::Schedule").values()
    assert [given(schedule)["schedule"] for schedule in schedules] == ["poll", "suspend", "invoice", "reconcile"]
    for schedule in schedules:
        assert cron_problems(schedule["ScheduleExpression"]) == []
        assert schedule["ScheduleExpressionTimezone"] == "UTC"
        assert given(schedule)["time"] == "<aws.scheduler.scheduled-time>"


def test_schedules_run_in_the_cloud_alone(stack: Stack) -> None:
    """The local AWS does not fill in the time, so there `tollgate run` is the only clock."""
    states = {schedule["State"] for schedule in stack.of_type("AWS::Scheduler::Schedule").values()}
    assert states == {"DISABLED" if stack.environment == "local" else "ENABLED"}


@pytest.mark.parametrize(
    "bad", ["rate(1 day)", "cron(0 6 * * *)", "cron(0 24 * * ? *)", "cron(0 6 * * * *)", "cron(0/x * * * ? *)"]
)
def test_a_schedule_that_would_not_run_is_noticed(bad: str) -> None:
    """The check of schedules can fail: the linter and the local AWS accept all of these."""
    assert cron_problems(bad)


def given(schedule: dict[str, Any]) -> dict[str, str]:
    result: dict[str, str] = json.loads(schedule["Target"]["Input"])
    return result
