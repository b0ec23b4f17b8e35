"""Ports and background programs of a local instance."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ports, processes
from local.ports import Ports
from local.steps import StepError, Steps, run_tool

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """An instance's folder; what a test left running in it is stopped."""
    yield tmp_path
    processes.stop("sleeper", run=tmp_path)


def test_a_taken_port_is_replaced_and_the_choice_kept(tmp_path: Path) -> None:
    """Something else on the usual port does not stop an instance, which then stays where it went."""
    record = tmp_path / "ports.json"
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        busy = taken.getsockname()[1]
        first = ports.choose(record, wanted=Ports(api=busy, aws=0, stripe=0, identity=0))
    again = ports.choose(record, wanted=Ports(api=busy, aws=0, stripe=0, identity=0))

    assert first.api != busy
    assert again == first


def test_a_port_held_by_the_instance_itself_is_not_given_up(tmp_path: Path) -> None:
    """A second `make up` finds its own local AWS on the port and keeps it."""
    record = tmp_path / "ports.json"
    with socket.socket() as own:
        own.bind((ports.LOOPBACK, 0))
        own.listen()
        busy = own.getsockname()[1]
        record.write_text(json.dumps({"api": 0, "aws": busy, "stripe": 0}))
        chosen = ports.choose(record, wanted=ports.ANY, held=frozenset({"aws"}))

    assert chosen.aws == busy


def test_the_environment_overrides_the_usual_ports() -> None:
    """TOLLGATE_API_PORT and its like are wishes that win."""
    assert ports.wanted(ports.USUAL, {"TOLLGATE_API_PORT": "9000"}) == Ports(
        api=9000, aws=4566, stripe=12111, identity=8081
    )


def test_a_program_is_found_by_its_pid_file_and_stopped(run: Path) -> None:
    """Started, seen, stopped, gone; its output is in its log."""
    environment = dict(os.environ)
    processes.start("sleeper", SLEEPER, run=run, environment=environment)
    processes.wait_ready("sleeper", lambda: "awake" in (run / "sleeper.log").read_text(), run=run, seconds=20)

    assert processes.running("sleeper", run=run) is not None
    assert processes.stop("sleeper", run=run)
    assert processes.running("sleeper", run=run) is None
    assert not processes.stop("sleeper", run=run)


def test_a_pid_that_another_program_has_now_is_never_signalled(run: Path) -> None:
    """The recorded start time differs, so the pid is not ours: it counts as stopped and lives on."""
    other = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        (run / "sleeper.pid").write_text(json.dumps({"pid": other.pid, "started": "an earlier time"}))

        assert processes.running("sleeper", run=run) is None
        assert not processes.stop("sleeper", run=run)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_program_that_ends_while_starting_shows_its_last_words(run: Path) -> None:
    """Waiting stops at once and the error carries the end of the log."""
    command = [sys.executable, "-c", "print('no such table'); raise SystemExit(3)"]
    processes.start("sleeper", command, run=run, environment=dict(os.environ))

    with pytest.raises(processes.NotReadyError, match=r"ended while starting:\n.*no such table"):
        processes.wait_ready("sleeper", lambda: False, run=run, seconds=20)


def test_a_failing_tool_shows_its_last_lines_and_its_exit(tmp_path: Path) -> None:
    """The person at the terminal sees what the tool said last and where the rest is."""
    command = [sys.executable, "-c", "print('resource X is wrong'); raise SystemExit(7)"]
    log = tmp_path / "tool.log"

    with pytest.raises(StepError, match=r"sam deploy failed \(exit 7\):\n.*resource X is wrong"):
        run_tool("sam deploy", command, environment=dict(os.environ), folder=tmp_path, log=log)


def test_the_summary_names_the_slowest_step_first() -> None:
    """Where the time went, in order."""
    steps = Steps(quiet=True, taken=[("build", 1.25), ("deploy", 9.5), ("check", 0.01)])

    assert steps.summary() == "10.8 s in all: deploy 9.5 s, build 1.2 s"
