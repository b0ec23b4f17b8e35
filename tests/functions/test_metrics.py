"""Metrics: what the template's alarms and dashboards look at is what the code counts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud

type Entry = Callable[[str], Any]
ROOT = Path(__file__).parents[2]
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
ALARMED = set(re.findall(r"Namespace: Tollgate\n +MetricName: (\w+)", TEMPLATE))
SHOWN = set(re.findall(r'\["Tollgate", "(\w+)"', TEMPLATE))
CODE = [*(ROOT / "layers" / "tollgate" / "tollgate").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
COUNTED = {name for file in CODE for name in re.findall(r'\bcount\(\s*"(\w+)"', file.read_text(encoding="utf-8"))}
STAGES = sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "app.py").exists())


def test_everything_alarmed_or_shown_is_counted() -> None:
    """An alarm on a metric that nobody counts never rings."""
    assert len(ALARMED) >= 5
    assert not (ALARMED | SHOWN) - COUNTED


@pytest.mark.parametrize("stage", STAGES)
def test_each_function_emits_what_it_counts_where_the_alarms_look(
    cloud: Cloud, entry: Entry, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    """A count of a stage leaves its function as an EMF line under the namespace and the one dimension of the alarms."""
    app = entry(stage)
    counted = app.metrics.log_metrics(lambda _event, _context: app.count("CounterMismatch", 2))
    counted({}, None)

    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    [metrics] = line["_aws"]["CloudWatchMetrics"]
    assert line["CounterMismatch"] == [2.0]
    assert (metrics["Namespace"], metrics["Dimensions"]) == ("Tollgate", [["service"]])
    assert line["service"] == "tollgate"
    assert hasattr(app.handler, "__wrapped__")
