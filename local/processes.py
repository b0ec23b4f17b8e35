"""Background programs of a local instance: started with a log, recorded by pid, stopped by that pid only.

A pid file holds the pid and the start time the system reports for it, so a pid that was given to another program since
is never taken for ours and never signalled.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Programs started by this very process: they are reaped here, or they would stay as zombies that look alive.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Recorded:
    """A program as its pid file describes it; ``started`` is whatever stable text the system has for its start."""

    pid: int
    started: str


class NotReadyError(Exception):
    """A program did not answer in time, or ended while it was waited for."""


def start_time(pid: int) -> str | None:
    """When the process started, as the system writes it; None when there is no such process (or only a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # The second field is the command in brackets and may hold spaces: count from its closing bracket.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def start(
    name: str, command: Sequence[str], *, run: Path, environment: Mapping[str, str], folder: Path | None = None
) -> Recorded:
    """Start a program in its own session; its output goes to ``run/NAME.log``, its pid to ``run/NAME.pid``."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    recorded = Recorded(process.pid, start_time(process.pid) or "")
    (run / f"{name}.pid").write_text(json.dumps(asdict(recorded)))
    return recorded


def running(name: str, *, run: Path) -> Recorded | None:
    """The program recorded under that name, if it still runs."""
    try:
        recorded = Recorded(**json.loads((run / f"{name}.pid").read_text()))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None
    return recorded if _alive(recorded) else None


def _alive(recorded: Recorded) -> bool:
    child = _children.get(recorded.pid)
    if child is not None and child.poll() is not None:
        return False
    return start_time(recorded.pid) == recorded.started


def stop(name: str, *, run: Path, seconds: float = 20) -> bool:
    """SIGTERM the recorded program and wait for it; SIGKILL after ``seconds``. False when it did not run."""
    recorded = running(name, run=run)
    if recorded is not None:
        os.kill(recorded.pid, signal.SIGTERM)
        if not _gone(recorded, seconds):
            os.kill(recorded.pid, signal.SIGKILL)
            _gone(recorded, seconds)
        if (child := _children.pop(recorded.pid, None)) is not None:
            child.wait()  # it has ended; this collects it
    (run / f"{name}.pid").unlink(missing_ok=True)
    return recorded is not None


def _gone(recorded: Recorded, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(recorded):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_ready(name: str, ready: Callable[[], bool], *, run: Path, seconds: float) -> None:
    """Wait until ``ready()``; raises NotReadyError with the log's last lines when the program ends or time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if running(name, run=run) is None:
            raise NotReadyError(f"{name} ended while starting:\n{last_lines(run / f'{name}.log')}")
        if time.monotonic() > deadline:
            raise NotReadyError(f"{name} did not answer within {seconds:.0f} s:\n{last_lines(run / f'{name}.log')}")
        time.sleep(0.05)


def last_lines(log: Path, count: int = 25) -> str:
    """The end of a log, indented, for an error message; says where the whole of it is."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in [*lines[-count:], f"(all of it: {log})"])
