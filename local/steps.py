"""The steps of bringing a local instance up: each is named, timed, and shown; a tool's failure shows its last lines."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.processes import last_lines


class StepError(Exception):
    """A step failed; the message is what the person at the terminal needs to see."""


@dataclass
class Steps:
    """What was done and how long each step took, in seconds, in order."""

    quiet: bool = False
    taken: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show and time one step."""
        self._say(f"  {name} …", end="")
        started = time.monotonic()
        try:
            yield
        except BaseException:
            self._say(" failed")
            raise
        seconds = time.monotonic() - started
        self.taken.append((name, seconds))
        self._say(f" {seconds:.1f} s")

    def summary(self) -> str:
        """Where the time went, slowest first."""
        slowest = sorted(self.taken, key=lambda taken: -taken[1])
        total = sum(seconds for _, seconds in self.taken)
        shown = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest if seconds >= 0.1)
        return f"{total:.1f} s in all: {shown}"

    def _say(self, text: str, end: str = "\n") -> None:
        if not self.quiet:
            print(text, end=end, flush=True, file=sys.stdout)


def run_tool(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path, hint: str = ""
) -> None:
    """Run a tool to its end with its output in ``log``; StepError with the last lines when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        advice = f"\n{hint}" if hint else ""
        raise StepError(f"{name} failed (exit {done.returncode}):\n{last_lines(log)}{advice}")
