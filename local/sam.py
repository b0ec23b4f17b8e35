"""Builds and deploys the real template with the SAM command line, against the local AWS only."""

import fcntl
import os
import platform
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from local.ministack import LocalAws
from local.steps import StepError, run_tool

STACK_NAME = "tollgate"


@dataclass(frozen=True, kw_only=True)
class Sam:
    """The SAM command line of one project folder; ``tool`` is the environment it is installed in."""

    project: Path
    tool: Path
    aws: LocalAws
    logs: Path

    def build(self, overrides: Mapping[str, str]) -> None:
        """``sam build``: cached, so a second run of unchanged code takes about a second."""
        self._run("build", "--parameter-overrides", *pairs(overrides))

    def deploy(self, overrides: Mapping[str, str]) -> None:
        """``sam deploy``: the real change-set flow; an unchanged stack is a success."""
        self._run("deploy", "--parameter-overrides", *pairs(overrides), "--no-progressbar")

    def _run(self, verb: str, *arguments: str) -> None:
        if urlsplit(self.aws.endpoint).hostname != "127.0.0.1":
            raise StepError(f"refusing to {verb} against {self.aws.endpoint}: not the local AWS")
        run_tool(
            f"sam {verb}",
            [str(self.tool / "bin" / "sam"), verb, "--config-env", "local", *arguments],
            environment=self._environment(),
            folder=self.project,
            log=self.logs / f"sam-{verb}.log",
        )

    def _environment(self) -> dict[str, str]:
        # SAM looks for a python3.13 that has pip on PATH: its own environment is one, a bare venv of uv is not.
        return self.aws.environment(os.environ) | {
            "PATH": f"{self.tool / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_POLL_DELAY": "0.2",  # seconds; its own 5 are meant for an AWS that is far away
        }


def architecture() -> str:
    """The machine's own, in Lambda's words: libraries built for another do not import here."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def pairs(overrides: Mapping[str, str]) -> list[str]:
    """``ParameterKey=…,ParameterValue=…`` words, one per parameter."""
    return [f"ParameterKey={name},ParameterValue={value}" for name, value in sorted(overrides.items())]


def configured(samconfig: Path, verb: str) -> dict[str, str]:
    """The parameter overrides that samconfig.toml gives the local environment for one verb."""
    document = tomllib.loads(samconfig.read_text(encoding="utf-8"))
    given = document["local"].get(verb, {}).get("parameters", {}).get("parameter_overrides", "")
    words = shlex.split(given) if isinstance(given, str) else given
    return dict(word.split("=", 1) for word in words)


@contextmanager
def exclusive(project: Path) -> Iterator[None]:
    """One build or deployment of a project folder at a time: two instances share ``.aws-sam``."""
    folder = project / ".aws-sam"
    folder.mkdir(exist_ok=True)
    with (folder / "local.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
