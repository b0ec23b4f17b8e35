"""The local AWS: ministack, an isolated tool that emulates the services on one port and runs the functions itself.

It enforces IAM, keeps its state in the instance's own folder, and unpacks function workers into the instance's own
temporary folder, which is deleted when it stops.
"""

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from local import processes
from local.ports import LOOPBACK

NAME = "ministack"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
KEY = "test"  # the emulator's root key and secret


@dataclass(frozen=True, kw_only=True)
class LocalAws:
    """One running local AWS: where it answers and what region it plays."""

    endpoint: str
    region: str = REGION

    def session(self) -> boto3.Session:
        """A session with the root key; give each client ``endpoint_url=self.endpoint``."""
        return boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=self.region)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` without its own AWS settings, pointed here with the root key."""
        return without_aws(base) | {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without AWS settings, but for certificates: a real account or profile must not leak in."""
    return {
        name: value for name, value in environment.items() if not name.startswith("AWS_") or name == "AWS_CA_BUNDLE"
    }


def server_environment(base: Mapping[str, str], *, port: int, run: Path, persist: bool) -> dict[str, str]:
    """The environment of the server. AWS_ENDPOINT_URL must be absent: functions would inherit it."""
    kept = {"PERSIST_STATE": "1", "S3_PERSIST": "1"} if persist else {"PERSIST_STATE": "0", "S3_PERSIST": "0"}
    return (
        without_aws(base)
        | kept
        | {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "STATE_DIR": str(run / "state"),
            "S3_DATA_DIR": str(run / "s3"),
            "TMPDIR": str(run / "tmp"),
        }
    )


def start(tool: Path, *, port: int, run: Path, persist: bool, seconds: float = 30) -> LocalAws:
    """Start the local AWS unless this instance's own already runs, and wait until it answers.

    ``tool`` is the folder of its environment, ``run`` the instance's folder for state, log, pid and workers.
    Raises NotReadyError with the end of its log.
    """
    aws = LocalAws(endpoint=f"http://{LOOPBACK}:{port}")
    if processes.running(NAME, run=run) is None:
        clear_workers(run)
        (run / "tmp").mkdir(parents=True)
        environment = server_environment(os.environ, port=port, run=run, persist=persist)
        processes.start(NAME, [str(tool / "bin" / "ministack")], run=run, environment=environment, folder=run)
    processes.wait_ready(NAME, lambda: answers(f"{aws.endpoint}/_ministack/health"), run=run, seconds=seconds)
    return aws


def stop(*, run: Path) -> bool:
    """Stop it by its recorded pid (it saves its state) and delete what its workers unpacked."""
    stopped = processes.stop(NAME, run=run, seconds=60)
    clear_workers(run)
    return stopped


def clear_workers(run: Path) -> None:
    """Delete the instance's temporary folder: about 100 MB a worker stay behind in it otherwise."""
    shutil.rmtree(run / "tmp", ignore_errors=True)


def answers(url: str) -> bool:
    """Whether the address answers a GET with success within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status < 400)
    except (urllib.error.URLError, OSError):
        return False
